"""From whole webhook bodies to commands: batches, order, what can't be read, the recorded payloads."""

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.mapping import Mapped
from channels.meta.mapping import EVENT_LIMIT
from engine.envelope import derive
from engine.interaction.commands import DeleteMessage, ReceiveMessage, RecordOwnPost
from tests.meta_samples import (
    ENTRY_TIME,
    JSON,
    PAGE,
    RECEIVED_AT,
    comment,
    echo,
    event,
    feed,
    mapped,
    message,
    only,
    post,
    reason,
    talk,
)
from tests.x_samples import fuzzed

FIXTURE_PAGE = "1234567890321"
FIXTURE_PSID = "home-messenger-987654321432"


def fixture(shared: Path, name: str) -> Any:
    """A payload as somebody recorded it."""
    return json.loads((shared / "fixtures/restfb" / f"{name}.json").read_text())


# --- the recorded payloads ---


@pytest.mark.parametrize("name", ["feed-comment-add-211", "feed-comment-add-25"])
def test_the_recorded_own_comment_of_each_generation(shared: Path, name: str) -> None:
    key, command = only(fixture(shared, name), frozenset())
    parent, item = "1234567890321_901097836652708", "901097836652708_903438993085259"
    assert isinstance(command, RecordOwnPost)
    assert (key, command.account) == (f"home-facebook-item:{parent}", FIXTURE_PAGE)
    assert (command.item_id, command.in_reply_to, command.text) == (item, parent, "and the next one")
    assert (command.at, command.posted_at) == (1449135003000, 1449135003000)
    assert command.command_id == derive("facebook", FIXTURE_PAGE, item, "own_post")


@pytest.mark.parametrize(
    ("name", "counted"), [("feed-comment-edited-25", "own_post_edited"), ("feed-reaction-add-comment", "reaction")]
)
def test_the_recorded_events_that_are_counted(shared: Path, name: str, counted: str) -> None:
    result = mapped(fixture(shared, name), frozenset())
    assert (result.commands, result.unmapped, dict(result.ignored)) == ([], [], {counted: 1})


def test_the_recorded_removal_by_the_page(shared: Path) -> None:
    key, command = only(fixture(shared, "feed-comment-remove-25"), frozenset())
    item = "905578656204626_905579239537901"
    assert isinstance(command, DeleteMessage)
    assert (key, command.item_id, command.at) == (f"home-facebook-item:{item}", item, 1452107182000)


def test_the_recorded_visitors_post(shared: Path) -> None:
    key, command = only(fixture(shared, "feed-post-add-25"), frozenset())
    item = "1234567890321_7293787835232"
    assert isinstance(command, ReceiveMessage)
    assert (key, command.platform_id, command.name) == ("home-facebook-8423678347823", "8423678347823", "John Doe")
    assert (command.event, command.item_id, command.thread, command.in_reply_to) == ("post", item, item, None)
    assert (command.text, command.posted_at) == ("Let's check this", 1454707020000)
    assert (command.accounts, command.index) == ([FIXTURE_PAGE], [f"home-facebook-item:{item}"])


def test_the_recorded_message(shared: Path) -> None:
    key, command = only(fixture(shared, "messaging-message-basic"), frozenset())
    assert isinstance(command, ReceiveMessage)
    assert (key, command.platform_id, command.accounts) == (FIXTURE_PSID, "987654321432", ["12345654332"])
    assert (command.item_id, command.text) == ("mid.1457764197618:41d102a3e1ae206a38", "hello, world!")
    assert (command.event, command.posted_at, command.attachments) == ("message", 1457764197627, [])


def test_the_recorded_deleted_message(shared: Path) -> None:
    key, command = only(fixture(shared, "messaging-message-isdeleted"), frozenset())
    assert isinstance(command, DeleteMessage)
    assert (key, command.item_id, command.at) == (FIXTURE_PSID, "message_id", 1457764197627)


def test_the_recorded_button_with_an_invitation(shared: Path) -> None:
    key, command = only(fixture(shared, "messaging-postback-referral"), frozenset())
    assert isinstance(command, ReceiveMessage)
    assert (key, command.event, command.text) == (FIXTURE_PSID, "postback", "")
    assert (command.ref, command.posted_at) == ("ref_data_in_m_dot_me_param", 1458692752478)
    assert command.item_id.startswith("postback_")


def test_no_recorded_payload_is_left_out(shared: Path) -> None:
    names = sorted(file.stem for file in (shared / "fixtures/restfb").glob("*.json"))
    assert len(names) == 9
    for name in names:
        assert not mapped(fixture(shared, name), frozenset()).unmapped


# --- ids ---


def test_a_repeat_has_the_same_command_id_and_another_item_page_or_kind_has_not() -> None:
    contents = [
        feed(comment()),
        feed(comment(message="edited")),
        feed(comment(comment_id="900_999")),
        feed(comment(), id="5"),
        feed(comment(verb="edited")),
        feed(comment(verb="remove")),
        talk(message()),
        talk(message(), id="5"),
        talk(event(message_edit={"mid": "m_1"})),
    ]
    ids = [only(content)[1].command_id for content in contents]
    assert ids[0] == ids[1]
    assert len(set(ids)) == len(contents) - 1


# --- batches ---


def test_a_batch_of_a_thousand_changes_is_mapped_whole() -> None:
    result = mapped(feed(*[comment(comment_id=f"900_{n}") for n in range(1_000)]))
    assert len({command.command_id for _, command in result.commands}) == 1_000


def test_several_pages_in_one_body_are_told_apart() -> None:
    content = feed(comment())
    content["entry"].append(feed(comment(), id="77")["entry"][0])
    assert [command.accounts for _, command in mapped(content).commands] == [[PAGE], ["77"]]  # type: ignore[attr-defined]


def test_the_broken_event_is_kept_with_its_frame_and_the_others_are_mapped() -> None:
    content = feed(comment(), {"item": "comment"}, comment(item="reaction"))
    content["entry"].append({"id": PAGE, "time": ENTRY_TIME * 1000, "messaging": [message(), 7]})
    content["entry"].append({"id": PAGE, "time": "soon", "messaging": [message()]})
    result = mapped(content)
    assert (len(result.commands), dict(result.ignored)) == (2, {"reaction": 1})
    assert [unmapped.code for unmapped in result.unmapped] == ["unknown_event", "unknown_shape", "bad_time"]
    assert [json.loads(unmapped.raw) for unmapped in result.unmapped] == [
        feed({"item": "comment"}),
        {"object": "page", "entry": [{"id": PAGE, "time": ENTRY_TIME * 1000, "messaging": [7]}]},
        {"object": "page", "entry": [content["entry"][2]]},
    ]


def test_what_was_kept_is_a_body_that_can_be_mapped_again() -> None:
    for unmapped in mapped(feed({"item": "comment"}, 7)).unmapped:
        assert reason(json.loads(unmapped.raw)) == unmapped.code


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ([], "not_an_object"),
        (None, "not_an_object"),
        ({}, "unknown_object"),
        ({"object": "instagram", "entry": [{}]}, "unknown_object"),
        ({"object": "page"}, "no_events"),
        ({"object": "page", "entry": {}}, "no_events"),
        ({"object": "page", "entry": []}, "no_events"),
        ({"object": "page", "entry": [{"id": "1", "time": ENTRY_TIME}]}, "no_events"),
        ({"object": "page", "entry": [{"id": "1", "time": ENTRY_TIME, "changes": []}]}, "no_events"),
        ({"object": "page", "entry": [{"time": ENTRY_TIME, "changes": [1]}]}, "no_id"),
        ({"object": "page", "entry": [{"id": "a", "time": ENTRY_TIME, "changes": [1]}]}, "bad_id"),
        ({"object": "page", "entry": [{"id": "1", "changes": [1]}]}, "bad_time"),
        ({"object": "page", "entry": [{"id": "1", "time": ENTRY_TIME, "changes": {}}]}, "unknown_shape"),
        (feed(*[1] * (EVENT_LIMIT + 1)), "too_many_events"),
        ({"object": "page", "entry": [{}] * (EVENT_LIMIT + 1)}, "too_many_events"),
    ],
)
def test_what_is_unknown_is_kept_whole_with_a_reason(content: object, code: str) -> None:
    result = mapped(content)
    assert (result.commands, dict(result.ignored)) == ([], {})
    assert [unmapped.code for unmapped in result.unmapped] == [code]
    assert json.loads(result.unmapped[0].raw) == content


# --- whatever comes ---


def total(result: Mapped) -> int:
    """How many events came out."""
    return len(result.commands) + len(result.unmapped) + result.ignored.total()


@fuzzed
@given(JSON)
def test_no_json_is_an_error(content: object) -> None:
    assert total(mapped(content)) >= 1


@fuzzed
@given(st.lists(JSON | st.dictionaries(st.sampled_from(["id", "time", "changes", "messaging", "standby"]), JSON)))
def test_no_entry_is_an_error(entries: list[object]) -> None:
    assert total(mapped({"object": "page", "entry": entries})) >= 1


VALUES = st.sampled_from([*sorted(comment()), "sender_id", "photo", "photos", "link"])


@fuzzed
@given(st.dictionaries(VALUES, JSON))
def test_whatever_a_change_holds_it_is_accounted_for_once(changes: dict[str, Any]) -> None:
    result = mapped(feed(comment() | changes, comment()))
    assert total(result) == 2
    for _, command in result.commands:
        if isinstance(command, ReceiveMessage):
            command.text.encode()


EVENTS = ["sender", "recipient", "timestamp", "message", "message_edit", "postback", "referral", "read", "delivery"]
CONTENT = st.dictionaries(
    st.sampled_from(["mid", "text", "attachments", "reply_to", "is_echo", "is_deleted", "referral", "metadata"]), JSON
)


@fuzzed
@given(st.dictionaries(st.sampled_from(EVENTS), JSON | CONTENT), CONTENT)
def test_whatever_an_event_holds_it_is_accounted_for_once(changes: dict[str, Any], content: dict[str, Any]) -> None:
    assert total(mapped(talk(message() | changes, message(**content), event(**changes)))) == 3


SAMPLES = [
    comment(),
    comment(comment_id="900_903", verb="edited"),
    comment(comment_id="900_904", verb="remove", **{"from": None}),
    comment(**{"from": {"id": PAGE}}, comment_id="900_905", parent_id="900_901"),
    post(),
    post(post_id=f"{PAGE}_7", item="share"),
    {"item": "comment"},
]
TALKS = [message(), message(mid="m_2", is_deleted=True), echo(mid="m_3"), event(read={}), event(referral={"ref": "x"})]


def outcome(content: object) -> list[str]:
    """What came out, without the salts, in no order."""
    result = mapped(content)
    commands = []
    for key, command in copy.deepcopy(result.commands):
        if hasattr(command, "salt"):
            command.salt = b""
        commands.append(f"{key} {command!r}")
    return sorted([*commands, *map(repr, result.unmapped), *result.ignored.elements()])


@fuzzed
@given(st.lists(st.sampled_from(SAMPLES)), st.lists(st.sampled_from(TALKS)), st.randoms(use_true_random=False))
def test_the_order_of_what_came_does_not_matter(
    values: list[dict[str, Any]], events: list[dict[str, Any]], chance: random.Random
) -> None:
    entries = [*feed(*values)["entry"], *talk(*events)["entry"], feed(comment(), id="77")["entry"][0]]
    before = outcome({"object": "page", "entry": entries})
    shuffled = [entry | {name: _shuffled(entry[name], chance) for name in ("changes", "messaging") if name in entry}
                for entry in _shuffled(entries, chance)]  # fmt: skip
    assert outcome({"object": "page", "entry": shuffled}) == before


def _shuffled(listed: list[Any], chance: random.Random) -> list[Any]:
    copied = list(listed)
    chance.shuffle(copied)
    return copied


@fuzzed
@given(st.integers(1, 10**20 - 1), st.integers(1, 10**20 - 1))
def test_a_number_as_an_id_survives(person: int, page: int) -> None:
    if person == page:
        return
    whole = talk(message() | {"sender": {"id": person}}, id=page)
    whole["entry"].append(feed(comment(**{"from": {"id": person}}), id=page)["entry"][0])
    for _, command in mapped(json.loads(json.dumps(whole)), frozenset()).commands:
        assert isinstance(command, ReceiveMessage)
        assert (command.platform_id, command.accounts) == (str(person), [str(page)])


@fuzzed
@given(st.text(max_size=40))
def test_every_text_survives(text: str) -> None:
    for content in (feed(comment(message=text)), talk(message(text=text))):
        assert only(json.loads(json.dumps(content)))[1].text == text


def test_a_commands_time_is_the_receipts_unless_old_traffic_is_played() -> None:
    contents = [feed(value) for value in (comment(), comment(verb="edited"), comment(verb="remove"))]
    contents += [talk(raw) for raw in (message(), echo(), event(message={"mid": "m_1", "is_deleted": True}))]
    assert {only(content, recorded=False)[1].at for content in contents} == {RECEIVED_AT}
