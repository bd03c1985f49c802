"""From changes of a page's feed to commands."""

import json
from typing import Any

import pytest

from channels.meta.feed import IGNORED_ITEMS, IGNORED_VERBS
from channels.meta.items import ATTACHMENT_LIMIT, URL_LIMIT
from engine.interaction.commands import DeleteMessage, EditMessage, ReceiveMessage, RecordOwnPost
from tests.meta_samples import (
    COMMENT,
    ENTRY_TIME,
    OTHER_PAGE,
    PAGE,
    PERSON,
    POST,
    POSTED_AT,
    RECEIVED_AT,
    REPLY,
    comment,
    feed,
    ignored,
    mapped,
    only,
    post,
    reason,
)

HOME = f"home-facebook-{PERSON}"
OWN_COMMENT = {"from": {"id": PAGE, "name": "Acme"}, "comment_id": REPLY, "parent_id": COMMENT}


def item_key(item_id: str) -> str:
    """The key of those who only know the item."""
    return f"home-facebook-item:{item_id}"


# --- what customers write ---


def test_a_comment_becomes_one_command() -> None:
    value = comment()
    key, command = only(feed(value))
    assert isinstance(command, ReceiveMessage)
    assert (key, command.handle_id, command.platform_id) == (HOME, HOME, PERSON)
    assert (command.channel, command.event, command.visibility) == ("facebook", "comment", "public")
    assert (command.accounts, command.item_id, command.in_reply_to) == ([PAGE], COMMENT, POST)
    assert (command.name, command.screen_name, command.language) == ("Kim", None, None)
    assert (command.actor_kind, command.actor_id) == ("customer", HOME)
    assert (command.text, command.posted_at, len(command.salt)) == ("my phone is broken", POSTED_AT, 16)
    assert (command.attachments, command.index, command.ref) == ([], [item_key(COMMENT)], None)
    assert json.loads(command.raw) == value


@pytest.mark.parametrize("item", ["post", "status", "photo", "video", "link", "note"])
def test_a_visitors_post_is_its_own_thread_and_answers_nothing(item: str) -> None:
    _, command = only(feed(post(item=item)))
    assert (command.event, command.item_id, command.thread, command.in_reply_to) == ("post", POST, POST, None)
    assert command.index == [item_key(POST)]


@pytest.mark.parametrize(
    ("parent", "thread", "answers"),
    [(POST, COMMENT, POST), (None, COMMENT, POST), ("900_800", "900_800", "900_800")],
)
def test_a_comments_thread_is_the_comment_at_its_top(parent: str | None, thread: str, answers: str) -> None:
    _, command = only(feed(comment(parent_id=parent)))
    assert (command.thread, command.in_reply_to) == (thread, answers)


def test_what_no_longer_names_a_post_is_taken_too() -> None:
    _, command = only(feed(comment(parent_id=None, post_id=None)))
    assert (command.thread, command.in_reply_to) == (COMMENT, None)


def test_old_bodies_name_the_author_otherwise() -> None:
    old = comment(**{"from": None}, sender_id=int(PERSON), sender_name="Kim")
    key, command = only(feed(old))
    assert (key, command.platform_id, command.name) == (HOME, PERSON, "Kim")


def test_the_author_who_is_named_wins_over_the_old_field() -> None:
    command = only(feed(comment(sender_id=99, sender_name="Max")))[1]
    assert (command.platform_id, command.name) == (PERSON, "Kim")


@pytest.mark.parametrize(("value", "thread"), [(comment(), COMMENT), (comment(parent_id="900_800"), "900_800")])
def test_a_comment_without_its_author_belongs_to_a_nameless_one_of_the_thread(value: Any, thread: str) -> None:
    key, command = only(feed({name: each for name, each in value.items() if name != "from"}))
    assert key == command.handle_id == f"home-facebook-thread:{thread}"
    assert (command.platform_id, command.name) == (f"thread:{thread}", None)


def test_a_name_alone_is_nobodys() -> None:
    assert only(feed(comment(**{"from": None}, sender_name="Kim")))[1].name is None
    assert only(feed(comment(**{"from": {"name": "Kim"}})))[1].name is None


def test_a_nameless_visitors_post() -> None:
    assert only(feed(post(**{"from": None})))[1].platform_id == f"thread:{POST}"


def test_the_time_is_the_items_or_else_the_entrys() -> None:
    assert only(feed(comment(created_time=None)))[1].posted_at == ENTRY_TIME * 1000
    assert only(feed(comment(created_time=str(POSTED_AT))))[1].posted_at == POSTED_AT
    assert only(feed(comment()), recorded=False)[1].at == RECEIVED_AT
    assert only(feed(comment()), recorded=True)[1].at == POSTED_AT


@pytest.mark.parametrize(
    "text", ["a &amp; b", "nul\x00byte", "😀👨\u200d👩\u200d👧", "\u202eשלום\u202c", " a  b\n", ""]
)
def test_the_text_is_unchanged(text: str) -> None:
    assert only(feed(comment(message=text)))[1].text == text


def test_half_a_character_is_replaced_in_text_and_name() -> None:
    command = only(feed(comment(message="broken \ud83d", **{"from": {"id": PERSON, "name": "\udc00"}})))[1]
    assert (command.text, command.name) == ("broken �", "�")


def test_names_are_cut() -> None:
    assert len(only(feed(comment(**{"from": {"id": PERSON, "name": "n" * 5000}})))[1].name) == 200


# --- pictures and links ---


def attachments(**changes: Any) -> list[tuple[str, str | None]]:
    """Kind and address of what a comment has."""
    return [(each.kind, each.url) for each in only(feed(comment(**changes)))[1].attachments]


def test_a_comment_of_a_picture_alone_is_taken_with_it() -> None:
    command = only(feed(comment(message=None, photo="https://cdn.example/a.jpg")))[1]
    assert (command.text, [each.url for each in command.attachments]) == ("", ["https://cdn.example/a.jpg"])


def test_pictures_videos_and_links_are_told_apart() -> None:
    assert attachments(photos=["https://e.x/1", "https://e.x/2"], video="https://e.x/3", link="https://e.x/4") == [
        ("image", "https://e.x/1"),
        ("image", "https://e.x/2"),
        ("video", "https://e.x/3"),
        ("other", "https://e.x/4"),
    ]


def test_the_link_of_a_photo_is_the_picture_and_stands_there_once() -> None:
    found = only(feed(post(item="photo", photo="https://e.x/1", link="https://e.x/1")))[1].attachments
    assert [(each.kind, each.url) for each in found] == [("image", "https://e.x/1")]


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "//e.x/1", "https://e.x/ 1", "https://é.x", "https://" + "x" * URL_LIMIT]
)
def test_an_address_that_should_not_be_followed_is_left_out(url: str) -> None:
    assert attachments(photo=url) == [("image", None)]


def test_the_number_of_attachments_is_bounded() -> None:
    assert len(attachments(photos=[f"https://e.x/{n}" for n in range(500)])) == ATTACHMENT_LIMIT


# --- the page's own ---


def test_the_pages_own_comment_goes_to_the_key_of_what_it_answers() -> None:
    value = comment(**OWN_COMMENT)
    key, command = only(feed(value))
    assert isinstance(command, RecordOwnPost)
    assert (key, command.account, command.item_id) == (item_key(COMMENT), PAGE, REPLY)
    assert (command.in_reply_to, command.visibility, command.delivery_id) == (COMMENT, "public", None)
    assert json.loads(command.raw) == value


def test_another_page_of_ours_answers_as_itself() -> None:
    assert only(feed(comment(**OWN_COMMENT | {"from": {"id": OTHER_PAGE}})))[1].account == OTHER_PAGE


def test_the_receiving_page_is_own_even_if_nobody_told() -> None:
    assert isinstance(only(feed(comment(**OWN_COMMENT)), frozenset())[1], RecordOwnPost)


@pytest.mark.parametrize(
    ("value", "counted"),
    [
        (post(**{"from": {"id": PAGE}}), "own_post"),
        (comment(**OWN_COMMENT, post_id=None) | {"parent_id": None}, "own_post"),
        (comment(**OWN_COMMENT, verb="edited"), "own_post_edited"),
    ],
)
def test_what_the_page_does_by_itself_is_counted(value: dict[str, Any], counted: str) -> None:
    assert ignored(feed(value)) == {counted: 1}


# --- changes ---


@pytest.mark.parametrize("verb", ["edited", "edit", "update"])
@pytest.mark.parametrize("item", ["comment", "post"])
def test_an_edit_goes_to_its_author(verb: str, item: str) -> None:
    value = comment(verb=verb, message="new words") if item == "comment" else post(verb=verb, message="new words")
    key, command = only(feed(value | {"photo": "https://e.x/1"}))
    assert isinstance(command, EditMessage)
    assert (key, command.actor_id, command.text) == (HOME, HOME, "new words")
    assert (command.item_id, [each.kind for each in command.attachments]) == (
        COMMENT if item == "comment" else POST,
        ["image"],
    )


def test_an_edit_is_as_late_as_its_entry_and_a_repeat_has_the_same_id() -> None:
    first, again, later = (
        only(feed(comment(verb="edited"), time=time))[1] for time in (ENTRY_TIME, ENTRY_TIME, ENTRY_TIME + 5)
    )
    assert first.edited_at == ENTRY_TIME * 1000
    assert first.command_id == again.command_id != later.command_id


@pytest.mark.parametrize("verb", ["remove", "delete"])
def test_a_removal_goes_to_its_author(verb: str) -> None:
    key, command = only(feed(comment(verb=verb, message=None)))
    assert isinstance(command, DeleteMessage)
    assert (key, command.item_id, command.actor_kind, command.actor_id) == (HOME, COMMENT, "customer", HOME)
    assert command.at == ENTRY_TIME * 1000


@pytest.mark.parametrize("verb", ["edited", "remove"])
def test_what_names_no_author_goes_to_the_items_key(verb: str) -> None:
    key, command = only(feed(comment(verb=verb, **{"from": None})))
    assert (key, command.item_id, command.actor_id) == (item_key(COMMENT), COMMENT, None)


def test_a_removal_by_the_page_may_be_of_a_customers_comment() -> None:
    key, command = only(feed(comment(verb="remove", **{"from": {"id": PAGE}})))
    assert isinstance(command, DeleteMessage)
    assert (key, command.actor_kind) == (item_key(COMMENT), "system")


def test_every_item_can_be_found_under_the_key_to_which_its_removal_goes() -> None:
    for value in (comment(), post(), comment(**{"from": None}), comment(parent_id="900_800")):
        _, received = only(feed(value))
        key, _ = only(feed(value | {"verb": "remove", "from": {"id": PAGE}}))
        above = [item_key("900_800")] if value.get("parent_id") == "900_800" else []
        assert received.index == [key, *above], "and under that of its thread"


# --- what is passed over, and what is not known ---


@pytest.mark.parametrize("item", sorted(IGNORED_ITEMS))
def test_other_items_are_counted(item: str) -> None:
    assert ignored(feed(comment(item=item))) == {IGNORED_ITEMS[item]: 1}


@pytest.mark.parametrize("verb", sorted(IGNORED_VERBS))
def test_other_verbs_are_counted(verb: str) -> None:
    assert ignored(feed(comment(verb=verb))) == {IGNORED_VERBS[verb]: 1}


def test_other_fields_are_counted_under_one_name() -> None:
    content = {"object": "page", "entry": [{"id": PAGE, "time": ENTRY_TIME, "changes": [{"field": "ratings"}]}]}
    assert ignored(content) == {"other_field": 1}


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (comment(item="invented"), "unknown_event"),
        (comment(item=None), "unknown_event"),
        (comment(verb="invented"), "unknown_event"),
        (comment(verb=None), "unknown_event"),
        (comment(comment_id=None), "no_id"),
        (post(post_id=None), "no_id"),
        (comment(comment_id="a:b"), "bad_id"),
        (comment(parent_id="../me"), "bad_id"),
        (comment(comment_id=10**30), "bad_id"),
        (comment(**{"from": {"id": "kim"}}), "bad_id"),
        (comment(**{"from": {"id": -5}}), "bad_id"),
        (comment(**{"from": {"id": True}}), "unknown_shape"),
        (comment(created_time="yesterday"), "bad_time"),
        (comment(created_time=-1), "bad_time"),
        (comment(created_time=10**15), "bad_time"),
        (comment(message={"text": "x"}), "unknown_shape"),
        (comment(message="x" * 460_000), "too_large"),
        (comment(verb="edited", message="x" * 460_000), "too_large"),
        ("words", "unknown_shape"),
        (None, "unknown_shape"),
    ],
)
def test_what_is_unknown_is_kept_with_a_reason(value: object, code: str) -> None:
    assert reason(feed(value)) == code


def test_a_reason_never_holds_a_word_of_the_comment() -> None:
    secret = "mypasswordis"
    values = [comment(message=[secret]), comment(**{"from": secret}), comment(item=secret), comment(photo={secret: 1})]
    reasons = [each.reason for value in values for each in mapped(feed(value, secret)).unmapped]
    assert len(reasons) == 8
    assert secret not in "".join(reasons)
