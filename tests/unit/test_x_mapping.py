"""From webhook bodies of both generations to commands."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.x.items import ATTACHMENT_LIMIT, URL_LIMIT
from channels.x.mapping import ACCOUNT_LIMIT, EVENT_LIMIT, IGNORED_ARRAYS
from engine.interaction.commands import DeleteMessage, ReceiveMessage, RecordOwnPost
from tests.conversations import typed
from tests.x_samples import (
    ACCOUNT,
    CUSTOMER,
    OTHER_ACCOUNT,
    POSTED_AT,
    RECEIVED_AT,
    activity,
    body,
    fuzzed,
    mapped,
    mention,
    only,
    post,
    traffic,
    tweet,
)

OWN_ANSWER = {
    "user": {"id_str": ACCOUNT, "screen_name": "care"},
    "in_reply_to_status_id_str": "17",
    "in_reply_to_user_id_str": CUSTOMER,
}


def test_a_customers_post_becomes_one_command() -> None:
    item = tweet()
    key, command = only(body(item))
    assert key == f"home-{CUSTOMER}"
    assert isinstance(command, ReceiveMessage)
    assert (command.channel, command.visibility, command.item_id) == ("x", "public", item["id_str"])
    assert (command.platform_id, command.handle_id) == (CUSTOMER, f"home-{CUSTOMER}")
    assert (command.name, command.screen_name, command.language) == ("Kim", "kim", "en")
    assert (command.actor_kind, command.actor_id) == ("customer", f"home-{CUSTOMER}")
    assert (command.text, command.posted_at, command.in_reply_to) == (item["text"], POSTED_AT, None)
    assert len(command.salt) == 16
    assert json.loads(command.raw) == item


def test_every_recorded_webhook_becomes_one_message_of_its_account(shared: Path) -> None:
    lines = [line for line in traffic(shared) if line["kind"] == "webhook"]
    own = frozenset(line["body"]["for_user_id"] for line in lines)
    assert (len(lines), len(own)) == (1308, 69)
    for line in lines:
        key, command = only(line["body"], own)
        item = line["body"]["tweet_create_events"][0]
        assert key == f"home-{item['user']['id_str']}"
        assert isinstance(command, ReceiveMessage)
        assert next(account for account in command.accounts if account in own) == line["body"]["for_user_id"]
        assert command.text == typed(item.get("extended_tweet", {}).get("full_text", item["text"]))
        assert command.at == command.posted_at == int(item["timestamp_ms"])


# --- ids and times ---


def test_a_repeat_has_the_same_command_id_and_another_item_or_account_has_not() -> None:
    ids = [
        only(content)[1].command_id
        for content in (
            body(tweet()),
            body(tweet(text="edited")),
            body(tweet(id_str="2", id=2)),
            body(tweet(), for_user_id=OTHER_ACCOUNT),
        )
    ]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


def test_an_id_beyond_2_to_the_53_is_exact_as_a_number_too() -> None:
    content = json.loads(json.dumps(body(tweet(id=2**63 - 1, id_str=None, user={"id": 2**53 + 1}))))
    command = only(content)[1]
    assert (command.item_id, command.platform_id) == (str(2**63 - 1), str(2**53 + 1))


@pytest.mark.parametrize("bad", ["", "12a", "home:m:1", "1.2", "-1", "٣", "1" * 21, -1, 10**20, 10**4000])
def test_what_is_no_id_never_becomes_part_of_a_key(bad: object) -> None:
    result = mapped(body(tweet(id_str=None, id=bad), tweet(user={"id": bad})))
    assert not result.commands
    assert {unmapped.code for unmapped in result.unmapped} == {"bad_id"}


def test_the_time_is_the_milliseconds_or_else_the_written_one() -> None:
    assert only(body(tweet(timestamp_ms="1509487414657")))[1].posted_at == 1509487414657
    assert only(body(tweet(timestamp_ms=None)))[1].posted_at == POSTED_AT
    assert only(activity("post.create", post(created_at="2026-07-24T23:05:48.123+02:00")))[1].posted_at == 1784927148123


@pytest.mark.parametrize("at", [{"created_at": "yesterday"}, {"created_at": None}, {"timestamp_ms": "-5"}])
def test_a_post_without_a_time_is_kept_as_unmapped(at: dict[str, Any]) -> None:
    result = mapped(body(tweet(**({"timestamp_ms": None} | at))))
    assert [unmapped.code for unmapped in result.unmapped] == ["bad_time"]


def test_a_commands_time_is_the_receipts_or_in_recorded_time_the_posts() -> None:
    assert only(body(tweet()), recorded=False)[1].at == RECEIVED_AT
    assert only(body(tweet()), recorded=True)[1].at == POSTED_AT


# --- the text ---


@pytest.mark.parametrize(
    "text",
    [
        "a & b < c",
        "&copy; &#38; &amp",
        "nul\x00byte",
        "😀👨\u200d👩\u200d👧",
        "\u202eשלום\u202c",
        " two  spaces\n",
        "\ufeff",
        "",
    ],
)
def test_the_text_is_unchanged(text: str) -> None:
    assert only(body(tweet(text=text)))[1].text == text
    assert only(activity("post.mention.create", post(text=text)))[1].text == text


@pytest.mark.parametrize(
    ("sent", "typed"),
    [("a &amp; b &lt;3 &gt;", "a & b <3 >"), ("&amp;amp; &amp;lt;", "&amp; &lt;"), ("&quot; &copy;", "&quot; &copy;")],
)
def test_what_x_escapes_is_undone_once_whichever_form_brings_it(sent: str, typed: str) -> None:
    forms = [
        body(tweet(text=sent)),
        body(tweet(full_text=sent)),
        body(tweet(text="cut…", truncated=True, extended_tweet={"full_text": sent})),
        activity("post.mention.create", post(text=sent)),
        activity("post.mention.create", post(text="cut…", note_tweet={"text": sent})),
    ]
    assert [only(form)[1].text for form in forms] == [typed] * len(forms)


def test_mentions_keep_their_order_whether_x_counts_the_text_before_or_after_escaping() -> None:
    for second in (14, 26):
        named = [
            {"id_str": OTHER_ACCOUNT, "indices": [second, second + 6]},
            {"id_str": ACCOUNT, "indices": [0, 5]},
        ]
        content = body(tweet(text="@acme &lt;&gt;&amp; &lt; @other", entities={"user_mentions": named}))
        assert only(content)[1].accounts[:2] == [ACCOUNT, OTHER_ACCOUNT]


def test_half_a_character_is_replaced_in_text_and_names_and_stands_in_the_raw_item() -> None:
    content = json.loads(
        r'{"for_user_id": "1", "tweet_create_events": [{"id_str": "5", "timestamp_ms": "1509487414000",'
        r' "text": "broken \ud83d emoji", "user": {"id_str": "9", "name": "\udc00"}}]}'
    )
    command = only(content)[1]
    assert (command.text, command.name) == ("broken � emoji", "�")
    assert rb"broken \ud83d emoji" in command.raw
    assert json.loads(command.raw) == content["tweet_create_events"][0]


def test_a_long_post_is_taken_whole() -> None:
    long = "x" * 200
    extended = {"full_text": long, "entities": {"user_mentions": [mention(OTHER_ACCOUNT)]}}
    command = only(body(tweet(text="x" * 139 + "…", truncated=True, extended_tweet=extended)))[1]
    assert command.text == long
    assert command.accounts == [OTHER_ACCOUNT, ACCOUNT]
    note = {"text": long, "entities": {"mentions": [{"id": OTHER_ACCOUNT, "start": 0}]}}
    command = only(activity("post.mention.create", post(note_tweet=note)))[1]
    assert command.text == long
    assert command.accounts == [OTHER_ACCOUNT, ACCOUNT]


def test_names_are_cut() -> None:
    command = only(body(tweet(user={"id_str": "9", "name": "n" * 5000, "screen_name": None}, lang="l" * 500)))[1]
    assert (len(command.name), command.screen_name, len(command.language)) == (200, None, 20)


# --- to whom it belongs ---


def test_the_account_answered_comes_first_then_own_ones_named_then_others_then_the_receiver() -> None:
    mentions = [mention("77", 30), mention(OTHER_ACCOUNT, 40), mention("55", 0)]
    item = tweet(in_reply_to_user_id_str=ACCOUNT, in_reply_to_status_id_str="17", entities={"user_mentions": mentions})
    command = only(body(item, for_user_id="1000000000003"))[1]
    assert command.accounts == [ACCOUNT, OTHER_ACCOUNT, "55", "77", "1000000000003"]
    assert command.in_reply_to == "17"


def test_a_person_who_is_answered_is_no_account() -> None:
    item = tweet(in_reply_to_user_id_str="4711", in_reply_to_status_id_str="17")
    assert only(body(item))[1].accounts == [ACCOUNT]


def test_a_mention_without_a_usable_id_does_not_lose_the_post() -> None:
    broken = [{"id": None, "id_str": None}, {"id": -1, "id_str": "-1"}, {"indices": []}]
    item = tweet(entities={"user_mentions": [*broken, mention(OTHER_ACCOUNT)]})
    assert only(body(item))[1].accounts == [OTHER_ACCOUNT, ACCOUNT]


def test_the_number_of_accounts_is_bounded_and_the_receiver_stays() -> None:
    item = tweet(entities={"user_mentions": [mention(str(n), n) for n in range(500)]})
    accounts = only(body(item))[1].accounts
    assert len(accounts) == ACCOUNT_LIMIT
    assert accounts[-1] == ACCOUNT


# --- own posts ---


def test_an_own_answer_goes_to_the_person_answered() -> None:
    key, command = only(body(tweet(**OWN_ANSWER)))
    assert key == f"home-{CUSTOMER}"
    assert isinstance(command, RecordOwnPost)
    assert (command.account, command.in_reply_to, command.item_id) == (ACCOUNT, "17", tweet()["id_str"])


def test_the_receiving_account_is_own_even_if_nobody_told() -> None:
    assert isinstance(only(body(tweet(**OWN_ANSWER)), frozenset())[1], RecordOwnPost)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (OWN_ANSWER | {"in_reply_to_status_id_str": None, "in_reply_to_user_id_str": None}, "own_post"),
        (OWN_ANSWER | {"in_reply_to_user_id_str": OTHER_ACCOUNT}, "own_thread"),
        ({"retweeted_status": {"id": 1}}, "repost"),
        (OWN_ANSWER | {"retweeted_status": {"id": 1}}, "repost"),
    ],
)
def test_what_concerns_no_customers_matter_is_counted(changes: dict[str, Any], reason: str) -> None:
    result = mapped(body(tweet(**changes)))
    assert (result.commands, result.unmapped, dict(result.ignored)) == ([], [], {reason: 1})


@pytest.mark.parametrize(
    ("told", "blocked"), [(True, True), ("true", True), (False, False), ("false", False), (None, False)]
)
def test_whether_the_account_blocked_the_author_is_passed_on(told: object, blocked: bool) -> None:
    assert only(body(tweet(), user_has_blocked=told))[1].blocked is blocked


# --- what happened ---


QUOTING = {"quoted_status": {"id_str": "3", "user": {"id_str": OTHER_ACCOUNT}}}


@pytest.mark.parametrize(
    ("changes", "event"),
    [
        ({}, "mention"),
        ({"in_reply_to_status_id_str": "17", "in_reply_to_user_id_str": ACCOUNT}, "reply"),
        ({"in_reply_to_status_id_str": "17", "in_reply_to_user_id_str": "4711"}, "reply"),
        (QUOTING, "quote"),
        (QUOTING | {"in_reply_to_status_id_str": "17"}, "reply"),
        ({"quoted_status": {"user": {"id_str": "4711"}}}, "mention"),
        ({"quoted_status": {"user": {"id_str": "broken"}}}, "mention"),
        ({"quoted_status": {}}, "mention"),
    ],
)
def test_a_post_mentions_answers_or_quotes(changes: dict[str, Any], event: str) -> None:
    assert only(body(tweet(**changes)))[1].event == event


def test_the_account_that_is_quoted_comes_after_those_named_and_before_the_receiver() -> None:
    item = tweet(entities={"user_mentions": [mention("77")]}, **QUOTING)
    assert only(body(item))[1].accounts == [OTHER_ACCOUNT, "77", ACCOUNT]
    named = tweet(entities={"user_mentions": [mention(ACCOUNT)]}, **QUOTING)
    assert only(body(named))[1].accounts == [ACCOUNT, OTHER_ACCOUNT]


def test_who_is_quoted_is_found_beside_a_post_of_the_newer_generation() -> None:
    payload = post(referenced_tweets=[{"type": "quoted", "id": "3"}])
    included = {"tweets": [{"id": "3", "author_id": OTHER_ACCOUNT}, {"author_id": ACCOUNT}]}
    command = only(activity("post.create", payload, included))[1]
    assert (command.event, command.accounts) == ("quote", [OTHER_ACCOUNT, ACCOUNT])
    assert only(activity("post.create", payload))[1].event == "mention"
    assert only(activity("post.create", post(), included))[1].event == "mention"
    assert only(activity("post.quote.create", payload))[1].event == "quote"


# --- pictures ---


def test_the_pictures_of_a_post_are_attached() -> None:
    photo = {"type": "photo", "url": "https://t.co/a", "media_url_https": "https://pbs.twimg.com/media/a.jpg"}
    film = {
        "type": "video",
        "media_url_https": "https://pbs.twimg.com/preview.jpg",
        "video_info": {
            "variants": [
                {"content_type": "application/x-mpegURL", "url": "https://video.twimg.com/a.m3u8"},
                {"content_type": "video/mp4", "url": "https://video.twimg.com/a.mp4"},
            ]
        },
    }
    odd = [{"type": "hologram"}, {"type": "photo", "media_url_https": "javascript:alert(1)"}, 7]
    command = only(body(tweet(extended_entities={"media": [photo, film, *odd]})))[1]
    assert [(each.kind, each.url) for each in command.attachments] == [
        ("image", "https://pbs.twimg.com/media/a.jpg"),
        ("video", "https://video.twimg.com/a.mp4"),
        ("other", None),
        ("image", None),
        ("other", None),
    ]
    many = only(body(tweet(extended_entities={"media": [photo] * 99})))[1]
    assert len(many.attachments) == ATTACHMENT_LIMIT
    endless = {"type": "photo", "media_url_https": "https://pbs.twimg.com/" + "x" * URL_LIMIT}
    assert only(body(tweet(extended_entities={"media": [endless]})))[1].attachments[0].url is None


def test_the_pictures_of_a_post_of_the_newer_generation_are_those_it_names() -> None:
    payload = post(attachments={"media_keys": ["3_1"]})
    media = [
        {"media_key": "3_1", "type": "photo", "url": "https://pbs.twimg.com/media/a.jpg"},
        {"media_key": "3_2", "type": "photo", "url": "https://pbs.twimg.com/media/of-another.jpg"},
    ]
    command = only(activity("post.create", payload, {"media": media}))[1]
    assert [(each.kind, each.url) for each in command.attachments] == [("image", "https://pbs.twimg.com/media/a.jpg")]
    assert only(activity("post.create", post(), {"media": media}))[1].attachments == []


# --- deletions ---


def test_a_deletion_goes_to_the_author() -> None:
    status = {"id": "17", "user_id": CUSTOMER}
    content = {
        "for_user_id": ACCOUNT,
        "tweet_delete_events": [{"status": status, "timestamp_ms": str(POSTED_AT)}, {"status": status}],
    }
    (key, first), (_, second) = mapped(content).commands
    assert key == f"home-{CUSTOMER}"
    assert isinstance(first, DeleteMessage)
    assert (first.item_id, first.at, second.at) == ("17", POSTED_AT, RECEIVED_AT)
    assert first.command_id == second.command_id


def test_an_own_deletion_is_counted() -> None:
    content = {"for_user_id": ACCOUNT, "tweet_delete_events": [{"status": {"id": "17", "user_id": OTHER_ACCOUNT}}]}
    assert dict(mapped(content).ignored) == {"own_post_deleted": 1}


# --- the X Activity API ---


@pytest.mark.parametrize("kind", ["post.create", "post.mention.create", "post.reply.create", "post.quote.create"])
def test_a_post_of_the_newer_generation(kind: str) -> None:
    payload = post(
        in_reply_to_user_id=ACCOUNT,
        referenced_tweets=[{"type": "quoted", "id": "3"}, {"type": "replied_to", "id": "17"}],
        entities={"mentions": [{"start": 9, "end": 14, "username": "Other"}, {"start": 0, "id": ACCOUNT}]},
    )
    users = [{"id": CUSTOMER, "username": "kim", "name": "Kim"}, {"id": OTHER_ACCOUNT, "username": "other"}]
    key, command = only(activity(kind, payload, {"users": users}))
    assert key == f"home-{CUSTOMER}"
    assert isinstance(command, ReceiveMessage)
    assert command.accounts == [ACCOUNT, OTHER_ACCOUNT]
    assert (command.in_reply_to, command.screen_name, command.name) == ("17", "kim", "Kim")
    assert (command.item_id, command.posted_at) == (payload["id"], 1784927148000)


def test_both_generations_of_one_post_have_the_same_command_id() -> None:
    item = tweet()
    newer = only(activity("post.mention.create", post(id=item["id_str"])))[1]
    assert newer.command_id == only(body(item))[1].command_id


def test_who_is_answered_is_found_among_the_included_posts() -> None:
    payload = post(author_id=ACCOUNT, referenced_tweets=[{"type": "replied_to", "id": "17"}])
    included = {"tweets": [{"id": "16", "author_id": "1"}, {"id": "17", "author_id": CUSTOMER}]}
    key, command = only(activity("post.create", payload, included))
    assert key == f"home-{CUSTOMER}"
    assert isinstance(command, RecordOwnPost)


def test_a_deletion_of_the_newer_generation() -> None:
    key, command = only(activity("post.delete", {"id": "17", "author_id": CUSTOMER}))
    assert (key, command.item_id, command.at) == (f"home-{CUSTOMER}", "17", RECEIVED_AT)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("like.create", "favourite"), ("follow.followed", "follow"), ("profile.update.bio", "profile")],
)
def test_other_activity_is_counted(kind: str, reason: str) -> None:
    assert dict(mapped(activity(kind, {"id": "1"})).ignored) == {reason: 1}


def test_a_repost_of_the_newer_generation_is_counted() -> None:
    payload = post(referenced_tweets=[{"type": "retweeted", "id": "3"}])
    assert dict(mapped(activity("post.create", payload)).ignored) == {"repost": 1}


# --- what can't be mapped ---


def test_the_broken_event_is_kept_and_the_others_are_mapped() -> None:
    result = mapped(body(tweet(), {"id_str": "3", "text": "secret words"}, 7, favorite_events=[{}, {}]))
    assert len(result.commands) == 1
    assert [unmapped.code for unmapped in result.unmapped] == ["no_author", "unknown_shape"]
    assert json.loads(result.unmapped[1].raw) == {"for_user_id": ACCOUNT, "tweet_create_events": [7]}
    assert dict(result.ignored) == {"favourite": 2}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ([], "not_an_object"),
        (None, "not_an_object"),
        ({}, "no_id"),
        ({"for_user_id": "x"}, "bad_id"),
        ({"for_user_id": ACCOUNT}, "no_events"),
        ({"for_user_id": ACCOUNT, "tweet_create_events": []}, "no_events"),
        ({"for_user_id": ACCOUNT, "tweet_create_events": {}}, "unknown_shape"),
        ({"for_user_id": ACCOUNT, "new_events": [1]}, "unknown_event"),
        ({"for_user_id": ACCOUNT, "direct_message_events": [{}]}, "unknown_event"),
        ({"for_user_id": ACCOUNT, "tweet_create_events": [1] * (EVENT_LIMIT + 1)}, "too_many_events"),
        ({"for_user_id": ACCOUNT, "tweet_delete_events": [{}]}, "unknown_shape"),
        ({"data": 1}, "unknown_shape"),
        ({"data": []}, "no_events"),
        ({"data": [{}] * (EVENT_LIMIT + 1)}, "too_many_events"),
        (activity("post.invented", {}), "unknown_event"),
        (activity("dm.received", {}), "no_id"),
        (activity("chat.received", {}), "encrypted"),
        (activity("dm.invented", {}), "unknown_event"),
        (activity("post.create", {}), "no_id"),
        (activity("post.create", post(text=None)), "no_text"),
    ],
)
def test_what_is_unknown_is_kept_with_a_reason(content: object, code: str) -> None:
    result = mapped(content)
    assert (result.commands, dict(result.ignored)) == ([], {})
    assert [unmapped.code for unmapped in result.unmapped] == [code]


def test_a_revocation_names_no_account_and_is_counted() -> None:
    assert dict(mapped({"user_event": {"revoke": {}}}).ignored) == {"revoked": 1}


@pytest.mark.parametrize("name", sorted(IGNORED_ARRAYS))
def test_every_known_array_is_counted(name: str) -> None:
    assert dict(mapped({"for_user_id": ACCOUNT, name: [{}]}).ignored) == {IGNORED_ARRAYS[name]: 1}


def test_a_reason_never_holds_a_word_of_the_post() -> None:
    secret = "mypasswordis"
    texts = [tweet(text=[secret]), tweet(user=secret), tweet(id_str=secret), tweet(lang={secret: 1})]
    reasons = [unmapped.reason for item in texts for unmapped in mapped(body(item)).unmapped]
    assert len(reasons) == 4
    assert secret not in "".join(reasons)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("17"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@fuzzed
@given(st.dictionaries(st.sampled_from([*sorted(tweet()), "retweeted_status", "extended_tweet"]), JSON))
def test_whatever_a_tweet_holds_it_is_accounted_for_once(changes: dict[str, Any]) -> None:
    result = mapped(body({**tweet(), **changes}, tweet()))
    assert len(result.commands) + len(result.unmapped) + result.ignored.total() == 2
    for _, command in result.commands:
        if isinstance(command, ReceiveMessage):
            command.text.encode()


@fuzzed
@given(st.sampled_from(["post.create", "post.delete"]), st.dictionaries(st.sampled_from(sorted(post())), JSON), JSON)
def test_whatever_an_activity_holds_it_is_accounted_for_once(kind: str, changes: dict[str, Any], includes: Any) -> None:
    result = mapped(activity(kind, {**post(), **changes}, includes))
    assert len(result.commands) + len(result.unmapped) + result.ignored.total() == 1
