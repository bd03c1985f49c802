"""Direct messages on X, from webhook bodies of both generations to commands."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.x.items import unescaped
from channels.x.mapping import EVENT_LIMIT
from engine.interaction.commands import ReceiveMessage, RecordOwnPost
from tests.x_samples import (
    ACCOUNT,
    CUSTOMER,
    OTHER_ACCOUNT,
    OWN,
    POSTED_AT,
    RECEIVED_AT,
    activity,
    fuzzed,
    mapped,
    message,
    messages,
    only,
)

USERS = {CUSTOMER: {"data": {"id": CUSTOMER, "name": "Kim", "username": "kim"}}}


def newer(kind: str, *events: Any) -> dict[str, Any]:
    """The same as the X Activity API brings it."""
    return activity(kind, {"direct_message_events": list(events), "users": USERS})


def escaped(text: str) -> str:
    """A text as X writes it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@pytest.mark.parametrize("content", [messages(message()), newer("dm.received", message())])
def test_a_customers_message_becomes_one_command(content: dict[str, Any]) -> None:
    key, command = only(content)
    assert key == f"home-{CUSTOMER}"
    assert isinstance(command, ReceiveMessage)
    assert (command.channel, command.visibility, command.event) == ("x", "private", "direct_message")
    assert (command.accounts, command.item_id, command.in_reply_to) == ([ACCOUNT], message()["id"], None)
    assert (command.handle_id, command.platform_id) == (f"home-{CUSTOMER}", CUSTOMER)
    assert (command.screen_name, command.name, command.language) == ("kim", "Kim", None)
    assert (command.actor_kind, command.actor_id) == ("customer", f"home-{CUSTOMER}")
    assert (command.text, command.posted_at, command.at) == ("my phone is broken", POSTED_AT, POSTED_AT)
    assert (len(command.salt), command.attachments, command.blocked) == (16, [], False)
    assert json.loads(command.raw) == message()


@pytest.mark.parametrize("kind", ["dm.sent", "dm.received"])
def test_a_message_of_an_own_account_goes_to_the_person_who_got_it(kind: str) -> None:
    sent = message(sender_id=ACCOUNT, recipient_id=CUSTOMER, text="Here &amp; now")
    for content in (messages(sent), newer(kind, sent)):
        key, command = only(content)
        assert key == f"home-{CUSTOMER}"
        assert isinstance(command, RecordOwnPost)
        assert (command.channel, command.account, command.item_id) == ("x", ACCOUNT, sent["id"])
        assert (command.visibility, command.in_reply_to, command.delivery_id) == ("private", None, None)
        assert (command.text, command.posted_at) == ("Here & now", POSTED_AT)


@pytest.mark.parametrize("sender", [ACCOUNT, OTHER_ACCOUNT])
@pytest.mark.parametrize("recipient", [ACCOUNT, OTHER_ACCOUNT])
def test_own_accounts_among_themselves_are_counted(sender: str, recipient: str) -> None:
    result = mapped(messages(message(sender_id=sender, recipient_id=recipient)))
    assert (result.commands, result.unmapped, dict(result.ignored)) == ([], [], {"own_thread": 1})


def test_a_message_between_strangers_is_kept_as_unmapped() -> None:
    result = mapped(messages(message(recipient_id="4711")))
    assert [unmapped.code for unmapped in result.unmapped] == ["not_ours"]


def test_both_generations_of_one_message_have_the_same_command_id() -> None:
    assert only(messages(message()))[1].command_id == only(newer("dm.received", message()))[1].command_id


def test_two_subscribed_accounts_tell_of_one_message_under_two_command_ids_and_one_item() -> None:
    one, other = (only(messages(message(), for_user_id=each))[1] for each in (ACCOUNT, OTHER_ACCOUNT))
    assert one.command_id != other.command_id
    assert (one.item_id, one.accounts) == (other.item_id, other.accounts)


def test_a_commands_time_is_the_receipts_or_in_recorded_time_the_messages() -> None:
    assert only(messages(message()), recorded=False)[1].at == RECEIVED_AT
    assert only(messages(message(created_timestamp=POSTED_AT)))[1].posted_at == POSTED_AT


@pytest.mark.parametrize("told", [True, "true"])
def test_whether_the_account_blocked_the_author_is_passed_on(told: object) -> None:
    assert only(messages(message(), user_has_blocked=told))[1].blocked is True


# --- the text ---


@fuzzed
@given(st.text() | st.sampled_from(["&amp;amp;", "<3 & >", "&copy; &lt", "&#38;"]))
def test_the_text_is_as_it_was_typed(typed: str) -> None:
    assert unescaped(escaped(typed)) == typed
    if typed.isprintable():
        assert only(messages(message(text=escaped(typed))))[1].text == typed


def test_only_what_x_escapes_is_unescaped() -> None:
    assert only(messages(message(text="&copy; &#60; &quot; &lt;")))[1].text == "&copy; &#60; &quot; <"


def test_half_a_character_is_replaced() -> None:
    content = json.loads(json.dumps(messages(message(text="broken \ud83d"), users={CUSTOMER: {"name": "\udc00"}})))
    command = only(content)[1]
    assert (command.text, command.name) == ("broken �", "�")


def test_a_message_without_text_or_attachment_is_kept_as_unmapped() -> None:
    assert [unmapped.code for unmapped in mapped(messages(message(text=None))).unmapped] == ["no_text"]


@pytest.mark.parametrize(
    ("attachment", "kind", "url"),
    [
        (
            {"type": "media", "media": {"type": "photo", "media_url_https": "https://ton.twitter.com/1.1/ton/a.jpg"}},
            "image",
            "https://ton.twitter.com/1.1/ton/a.jpg",
        ),
        ({"type": "media", "media": {"type": "animated_gif"}}, "video", None),
        ({"type": "location", "location": {"type": "shared_coordinate"}}, "location", None),
        ({"type": "sculpture"}, "other", None),
        ({}, "other", None),
    ],
)
@pytest.mark.parametrize("text", ["see https://t.co/a", "", None])
def test_what_is_attached_is_passed_on(
    attachment: dict[str, Any], kind: str, url: str | None, text: str | None
) -> None:
    command = only(messages(message(text=text, attachment=attachment)))[1]
    assert [(each.kind, each.url) for each in command.attachments] == [(kind, url)]
    assert command.text == (text or "")


# --- who it is ---


@pytest.mark.parametrize(
    "users",
    [{}, {CUSTOMER: None}, {CUSTOMER: 7}, {CUSTOMER: {"name": 7}}, {CUSTOMER: {"data": 7}}, {"4711": {"name": "Jo"}}],
)
def test_a_message_of_somebody_who_is_not_described_is_taken(users: dict[str, Any]) -> None:
    command = only(messages(message(), users=users))[1]
    assert (command.screen_name, command.name, command.platform_id) == (None, None, CUSTOMER)


def test_the_form_of_the_look_up_is_understood_too() -> None:
    payload = {
        "id": "1585823814058971140",
        "event_type": "MessageCreate",
        "sender_id": CUSTOMER,
        "dm_conversation_id": f"{CUSTOMER}-{ACCOUNT}",
        "text": "&lt;3",
        "created_at": "2026-07-24T21:05:48.000Z",
    }
    users = {"users": [{"id": CUSTOMER, "username": "kim", "name": "Kim"}]}
    key, command = only(activity("dm.received", payload, users))
    assert (key, command.accounts, command.text) == (f"home-{CUSTOMER}", [ACCOUNT], "<3")
    assert (command.screen_name, command.posted_at) == ("kim", 1784927148000)
    key, command = only(activity("dm.sent", payload | {"sender_id": ACCOUNT}))
    assert isinstance(command, RecordOwnPost)
    assert (key, command.account) == (f"home-{CUSTOMER}", ACCOUNT)
    group = mapped(activity("dm.sent", payload | {"sender_id": ACCOUNT, "dm_conversation_id": "1578398451921985538"}))
    assert [unmapped.code for unmapped in group.unmapped] == ["no_id"]


# --- what can't be mapped ---


def test_the_broken_message_is_kept_whole_and_the_others_are_mapped() -> None:
    broken = message(id=None)
    result = mapped(messages(message(), broken, message(id="2"), user_has_blocked=True))
    assert len(result.commands) == 2
    (unmapped,) = result.unmapped
    assert unmapped.code == "no_id"
    assert json.loads(unmapped.raw) == messages(broken, user_has_blocked=True)
    result = mapped(newer("dm.received", message(), broken))
    assert len(result.commands) == 1
    kept = json.loads(result.unmapped[0].raw)
    assert kept["data"]["payload"] == {"direct_message_events": [broken], "users": USERS}
    assert [each.code for each in mapped(kept).unmapped] == ["no_id"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (messages(message(type="reaction_create")), "unknown_event"),
        (messages(message(message_create={})), "unknown_event"),
        (messages(message(created_timestamp=None)), "bad_time"),
        (messages(message(created_timestamp="soon")), "bad_time"),
        (messages(message(sender_id=None)), "no_id"),
        (messages(message(sender_id="a:b")), "bad_id"),
        (messages(message(recipient_id=None)), "no_id"),
        (messages({"type": "message_create", "message_create": 7}), "unknown_shape"),
        (messages(message(), users=7), "unknown_shape"),
        (newer("dm.received"), "bad_events"),
        (newer("dm.received", *[1] * (EVENT_LIMIT + 1)), "bad_events"),
        (activity("dm.sent", {"direct_message_events": 7}), "unknown_shape"),
    ],
)
def test_what_is_unknown_is_kept_with_a_reason(content: object, code: str) -> None:
    result = mapped(content)
    assert (result.commands, dict(result.ignored)) == ([], {})
    assert [unmapped.code for unmapped in result.unmapped] == [code]


@pytest.mark.parametrize(("kind", "reason"), [("dm.read", "read"), ("dm.indicate_typing", "typing")])
def test_reading_and_typing_are_counted(kind: str, reason: str) -> None:
    assert dict(mapped(activity(kind, {})).ignored) == {reason: 1}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["17", ACCOUNT]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
PART = st.dictionaries(st.sampled_from(["target", "sender_id", "message_data", "text", "attachment"]), JSON)


@fuzzed
@given(
    st.dictionaries(st.sampled_from([*sorted(message()), "attachment"]), JSON | PART),
    PART | st.none(),
    JSON | st.just(USERS),
    st.sampled_from(["dm.received", "dm.sent"]),
)
def test_whatever_a_message_holds_it_is_accounted_for_once_and_never_loops(
    changes: dict[str, Any], inner: dict[str, Any] | None, users: Any, kind: str
) -> None:
    whole = {**message(), **changes}
    if inner is not None and isinstance(whole["message_create"], dict):
        whole["message_create"] = {**whole["message_create"], **inner}
    content = messages(whole, message(id="3"))
    if isinstance(users, dict):
        content["users"] = users
    for result in (mapped(content), mapped(newer(kind, whole, message(id="3")))):
        assert len(result.commands) + len(result.unmapped) + result.ignored.total() == 2
        for key, command in result.commands:
            assert isinstance(command, ReceiveMessage | RecordOwnPost)
            command.text.encode()
            assert key.removeprefix("home-") not in OWN
            if isinstance(command, ReceiveMessage):
                assert command.platform_id not in OWN
