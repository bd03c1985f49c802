"""From events of Messenger conversations to commands."""

import json
from typing import Any

import pytest

from channels.meta.messaging import IGNORED_EVENTS
from engine.interaction.commands import DeleteMessage, EditMessage, ReceiveMessage, RecordOwnPost, RecordReferral
from tests.meta_samples import (
    ENTRY_TIME,
    MID,
    OTHER_PAGE,
    PAGE,
    PSID,
    RECEIVED_AT,
    SENT_AT,
    echo,
    event,
    ignored,
    mapped,
    message,
    only,
    reason,
    talk,
)

HOME = f"home-messenger-{PSID}"
REF = {"ref": "home.1-a0b1c2", "source": "SHORTLINK", "type": "OPEN_THREAD"}


# --- messages ---


def test_a_message_becomes_one_command() -> None:
    raw = message()
    key, command = only(talk(raw))
    assert isinstance(command, ReceiveMessage)
    assert (key, command.handle_id, command.platform_id) == (HOME, HOME, PSID)
    assert (command.channel, command.event, command.visibility) == ("messenger", "message", "private")
    assert (command.accounts, command.item_id, command.in_reply_to) == ([PAGE], MID, None)
    assert (command.name, command.screen_name, command.language, command.thread) == (None, None, None, None)
    assert (command.text, command.posted_at, len(command.salt)) == ("my phone is broken", SENT_AT, 16)
    assert (command.actor_kind, command.actor_id, command.index) == ("customer", HOME, [])
    assert json.loads(command.raw) == raw


def test_ids_may_be_numbers_beyond_2_to_the_53() -> None:
    big = 2**63 - 1
    body = json.loads(
        json.dumps(talk(message() | {"sender": {"id": big}, "recipient": {"id": 2**53 + 1}}, id=2**53 + 1))
    )
    key, command = only(body)
    assert (key, command.platform_id, command.accounts) == (f"home-messenger-{big}", str(big), [str(2**53 + 1)])


def test_the_time_is_the_events_or_else_the_entrys() -> None:
    assert only(talk(message() | {"timestamp": str(SENT_AT)}))[1].posted_at == SENT_AT
    assert only(talk(message() | {"timestamp": None}))[1].posted_at == ENTRY_TIME * 1000
    assert only(talk(message()), recorded=False)[1].at == RECEIVED_AT


def test_an_answer_names_what_it_answers() -> None:
    assert only(talk(message(reply_to={"mid": "m_before"})))[1].in_reply_to == "m_before"


def test_a_message_that_came_by_an_invitation_brings_it() -> None:
    assert only(talk(message(referral=REF)))[1].ref == REF["ref"]
    assert only(talk(message(referral={"source": "ADS", "ad_id": 5})))[1].ref is None
    assert only(talk(message(referral={"ref": "what somebody typed"})))[1].ref is None


def attachments(*listed: object, **changes: Any) -> list[tuple[str, str | None]]:
    """Kind and address of what a message has."""
    found = only(talk(message(attachments=list(listed), **changes)))[1].attachments
    return [(each.kind, each.url) for each in found]


@pytest.mark.parametrize("kind", ["image", "video", "audio", "file"])
def test_a_message_of_a_file_alone_is_taken_with_it(kind: str) -> None:
    attachment = {"type": kind, "payload": {"url": "https://cdn.example/1"}}
    command = only(talk(event(message={"mid": MID, "attachments": [attachment]})))[1]
    assert command.text == ""
    assert [(each.kind, each.url) for each in command.attachments] == [(kind, "https://cdn.example/1")]


def test_other_attachments_are_shown_as_far_as_they_are_known() -> None:
    assert attachments(
        {"type": "location", "payload": {"coordinates": {"lat": 1, "long": 2}}, "url": "https://e.x/map"},
        {"type": "fallback", "url": "https://e.x/shared", "payload": "BLOB"},
        {"type": "reel", "payload": {"url": "https://e.x/reel"}},
        {"type": "template", "payload": None},
    ) == [
        ("location", "https://e.x/map"),
        ("other", "https://e.x/shared"),
        ("other", "https://e.x/reel"),
        ("other", None),
    ]


def test_a_sticker_is_one_even_where_it_is_named_as_an_image_too() -> None:
    image = {"type": "image", "payload": {"url": "https://e.x/s", "sticker_id": 369239263222822}}
    assert attachments(image) == [("sticker", "https://e.x/s")]
    assert attachments(image, {"type": "sticker", "payload": {"url": "https://e.x/s"}}) == [
        ("sticker", "https://e.x/s")
    ]
    plain = {"type": "image", "payload": {"url": "https://e.x/s"}}
    assert attachments(plain, {"type": "sticker", "payload": {"url": "https://e.x/s"}}) == [
        ("sticker", "https://e.x/s")
    ]


@pytest.mark.parametrize("content", [{"mid": MID, "is_unsupported": True}, {"mid": MID}, {"mid": MID, "text": ""}])
def test_a_message_in_an_unknown_form_is_shown_as_one(content: dict[str, Any]) -> None:
    command = only(talk(event(message=content)))[1]
    assert (command.text, [(each.kind, each.url) for each in command.attachments]) == ("", [("other", None)])


def test_the_same_message_twice_in_a_body_has_the_same_id() -> None:
    first, second = (command for _, command in mapped(talk(message(), message())).commands)
    assert first.command_id == second.command_id


def test_a_deleted_message_goes_to_who_sent_it() -> None:
    key, command = only(talk(event(message={"mid": MID, "is_deleted": True})))
    assert isinstance(command, DeleteMessage)
    assert (key, command.item_id, command.actor_id, command.at) == (HOME, MID, HOME, SENT_AT)


def test_an_edited_message_and_its_repeat() -> None:
    edit = {"mid": MID, "text": "new words", "num_edit": "1"}
    key, command = only(talk(event(message_edit=edit)))
    assert isinstance(command, EditMessage)
    assert (key, command.item_id, command.text, command.edited_at) == (HOME, MID, "new words", SENT_AT)
    again, later = (only(talk(event(message_edit=edit) | {"timestamp": SENT_AT + n}))[1] for n in (0, 1))
    assert command.command_id == again.command_id != later.command_id


# --- buttons and invitations ---


def test_a_button_says_its_title() -> None:
    _, command = only(talk(event(postback={"mid": MID, "title": "Get started", "payload": "X", "referral": REF})))
    assert isinstance(command, ReceiveMessage)
    assert (command.event, command.item_id, command.text, command.ref) == ("postback", MID, "Get started", REF["ref"])
    assert command.attachments == []


def test_a_button_without_an_id_is_known_again_and_does_not_tell_who_pressed_it() -> None:
    pressed = event(postback={"payload": "X"})
    first, again, later = (only(talk(pressed | {"timestamp": SENT_AT + n}))[1] for n in (0, 0, 1))
    assert first.item_id == again.item_id != later.item_id
    assert first.command_id == again.command_id != later.command_id
    assert PSID not in first.item_id


def test_an_invitation_that_is_followed_without_a_word() -> None:
    key, command = only(talk(event(referral=REF)))
    assert isinstance(command, RecordReferral)
    assert (key, command.handle_id, command.platform_id) == (HOME, HOME, PSID)
    assert (command.channel, command.account, command.ref) == ("messenger", PAGE, REF["ref"])


def test_one_that_came_by_an_advertisement_is_counted() -> None:
    assert ignored(talk(event(referral={"source": "ADS", "type": "OPEN_THREAD"}))) == {"referral": 1}


# --- what the page sends ---


def test_an_echo_goes_to_whom_it_was_sent() -> None:
    raw = echo(metadata="d" * 32)
    key, command = only(talk(raw))
    assert isinstance(command, RecordOwnPost)
    assert (key, command.account, command.item_id, command.text) == (HOME, PAGE, MID, "We are sorry")
    assert (command.visibility, command.in_reply_to, command.delivery_id) == ("private", None, "d" * 32)
    assert json.loads(command.raw) == raw


def test_an_echo_is_the_pages_whoever_is_named_as_its_sender() -> None:
    key, command = only(talk(echo() | {"sender": {"id": "999"}}))
    assert isinstance(command, RecordOwnPost)
    assert (key, command.account) == (HOME, PAGE)


@pytest.mark.parametrize("metadata", [None, "", "campaign 7", "D" * 32, "d" * 33])
def test_an_echo_of_another_app_names_no_delivery(metadata: str | None) -> None:
    assert only(talk(echo(metadata=metadata)))[1].delivery_id is None


def test_what_the_page_sent_is_no_customers_message_even_without_the_mark() -> None:
    assert isinstance(only(talk(echo(is_echo=None)), frozenset())[1], RecordOwnPost)


@pytest.mark.parametrize(
    ("raw", "counted"),
    [
        (echo() | {"recipient": {"id": OTHER_PAGE}}, "own_thread"),
        (message() | {"sender": {"id": OTHER_PAGE}}, "own_thread"),
        (echo(is_deleted=True), "own_post_deleted"),
        (event(postback={"title": "x"}) | {"sender": {"id": PAGE}}, "own_event"),
    ],
)
def test_what_concerns_no_customer_is_counted(raw: dict[str, Any], counted: str) -> None:
    assert ignored(talk(raw)) == {counted: 1}


# --- what is passed over, and what is not known ---


@pytest.mark.parametrize("name", sorted(IGNORED_EVENTS))
def test_other_events_are_counted(name: str) -> None:
    assert ignored(talk(event(**{name: {}}))) == {IGNORED_EVENTS[name]: 1}


def test_what_another_app_talks_about_is_counted() -> None:
    content = {"object": "page", "entry": [{"id": PAGE, "time": ENTRY_TIME, "standby": [message(), echo()]}]}
    assert ignored(content) == {"standby": 2}


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (event(), "unknown_event"),
        (event(invented={}), "unknown_event"),
        (7, "unknown_shape"),
        (event(message=None), "unknown_shape"),
        (event(message={"text": "x"}), "no_id"),
        (event(message={"mid": "two words"}), "bad_id"),
        (event(message={"mid": ""}), "bad_id"),
        (message() | {"sender": {"user_ref": "x"}}, "no_id"),
        (message() | {"sender": None}, "no_id"),
        (message() | {"sender": {"id": "kim"}}, "bad_id"),
        (echo() | {"recipient": None}, "no_id"),
        (message() | {"timestamp": "now"}, "bad_time"),
        (message(text=5), "unknown_shape"),
        (message(text="x" * 460_000), "too_large"),
        (event(message_edit={"mid": MID, "text": "x" * 460_000}), "too_large"),
    ],
)
def test_what_is_unknown_is_kept_with_a_reason(raw: object, code: str) -> None:
    assert reason(talk(raw)) == code


def test_a_reason_never_holds_a_word_of_the_message() -> None:
    secret = "mypasswordis"
    raws = [message(text=[secret]), message(mid=f"{secret} "), message(attachments=secret), event(**{secret: 1})]
    reasons = [each.reason for raw in raws for each in mapped(talk(raw)).unmapped]
    assert len(reasons) == 4
    assert secret not in "".join(reasons)
