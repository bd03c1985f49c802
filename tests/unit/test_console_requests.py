"""What a request becomes: one command whose id is its author's and key's, one answer, and one clear error."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from console.gate import BODY_LIMIT, HEADER_LIMIT, QUERY_LIMIT
from console.importing import MOST_ROWS
from console.paging import page_of, place_of
from console.problems import Problem
from engine.envelope import claim_of, control_key, home
from engine.interaction import commands as c
from engine.interaction import contact_commands as cc
from tests.console_ports import Desk

INTERACTION = f"{'0' * 32}.1"
REPLIES = f"/interactions/{INTERACTION}/replies"
keys = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30)


def reply(desk: Desk, text: str = "hello", key: str | None = None, role: str = "agent", **headers: str) -> Any:
    given_ = headers | ({} if key is None else {"Idempotency-Key": key})
    return desk.call("POST", REPLIES, desk.texts[role], given_, json={"text": text})


@given(keys, st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40))
def test_a_repeat_has_the_same_id_and_another_request_the_same_claim_only(key: str, one: str, other: str) -> None:
    desk = Desk()
    for text in (one, one, other):
        assert reply(desk, text, key).status_code == 200
    first, again, changed = (each.command.command_id for each in desk.engine.asked)
    assert first == again
    assert claim_of(first) == claim_of(changed)
    assert (first == changed) == (one == other)


def test_a_key_is_its_authors_and_counts_for_one_person() -> None:
    desk = Desk()
    reply(desk, key="k")
    reply(desk, key="k", role="supervisor")
    desk.call("POST", REPLIES.replace("0", "1"), desk.texts["agent"], {"Idempotency-Key": "k"}, json={"text": "hello"})
    reply(desk)
    reply(desk)
    assert len({claim_of(each.command.command_id) for each in desk.engine.asked}) == 5


@given(st.text(min_size=1, max_size=200))
def test_a_text_arrives_as_it_was_sent(text: str) -> None:
    desk = Desk()
    assert reply(desk, text).status_code == 200
    ((asked),) = desk.engine.asked
    assert isinstance(asked.command, c.Reply)
    assert (asked.command.text, asked.key, asked.topic) == (text, "0" * 32, "interaction.commands")
    assert len(asked.command.salt) == 16


def test_the_sequence_that_was_looked_at_is_expected() -> None:
    desk = Desk()
    found = reply(desk, **{"If-Match": '"17"'})
    assert desk.engine.asked[0].command.expected_sequence == 17
    assert found.headers["etag"] == '"7"'
    assert reply(desk, **{"If-Match": "17"}).json()["field"] == "if-match"


@pytest.mark.parametrize(
    ("code", "status"),
    [("taken", 409), ("too_long", 409), ("moved_on", 412), ("key_reused", 422), ("unknown_interaction", 404),
     ("unknown_code", 404), ("not_supervisor", 403)],
)  # fmt: skip
def test_a_refusal_says_why(code: str, status: int) -> None:
    desk = Desk()
    desk.engine.outcome, desk.engine.code = "refused", code
    found = reply(desk)
    assert (found.status_code, found.json()) == (status, {"code": code, "reason": "because"})


def test_what_is_not_decided_in_time_can_be_asked_again_under_the_key_that_is_told() -> None:
    desk = Desk()
    desk.engine.silent = True
    found = reply(desk)
    assert (found.status_code, found.json()["code"]) == (504, "undecided")
    desk.engine.silent = False
    again = reply(desk, key=found.headers["Idempotency-Key"])
    assert again.json()["command_id"] == found.json()["command_id"]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (REPLIES, {"text": ""}, "text"),
        (REPLIES, {"text": "x" * 25_001}, "text"),
        (REPLIES, {"text": 5}, "text"),
        (REPLIES, {"txt": "x"}, "text"),
        (REPLIES, {"text": "x", "more": 1}, "more"),
        (REPLIES, {"text": "x", "agent": "a\nb"}, "agent"),
        (REPLIES, [], "body"),
        (f"/interactions/{INTERACTION}/engagements", {"engagement": "hug"}, "engagement"),
        (f"/interactions/{INTERACTION}/transfer", {"to_queue": "a", "to_agent": "b"}, "body"),
        (f"/interactions/{INTERACTION}/transfer", {}, "body"),
        (f"/interactions/{INTERACTION}/move-to-private", {}, "body"),
        ("/interactions/nonsense/accept", {}, "interaction"),
        (f"/contacts/{'0' * 32}/handles", {"channel": "x"}, "body"),
        (f"/contacts/{'0' * 32}/merge/{'0' * 32}", {}, "handle_id"),
    ],
)
def test_bad_input_is_one_error_that_names_the_field(path: str, body: Any, field: str) -> None:
    desk = Desk()
    found = desk.call("POST", path, desk.texts["supervisor"], json=body)
    assert (found.status_code, found.json()["code"], found.json()["field"]) == (422, "bad_input", field), found.text
    assert desk.engine.asked == []


@pytest.mark.parametrize(
    "content",
    [b"{", b"\xff\xfe", b'{"text": "\\ud800"}', b'{"text": "x", "\\ud800": 1}', b'{"text": NaN}', b"[" * 100_000],
)
def test_a_body_that_cannot_be_read_is_no_fault(content: bytes) -> None:
    desk = Desk()
    found = desk.call("POST", REPLIES, desk.texts["agent"], {"Content-Type": "application/json"}, content=content)
    assert found.status_code in (400, 422)
    assert {"code", "reason"} <= found.json().keys()


@given(st.text(min_size=8, max_size=40))
def test_errors_never_repeat_what_was_sent(words: str) -> None:
    told = Desk()
    found = told.call("POST", REPLIES, told.texts["agent"], json={"text": {"nested": words}})
    assert json.dumps(words)[1:-1] not in found.text


def test_sizes_are_limited() -> None:
    desk = Desk()
    token = desk.texts["agent"]
    assert reply(desk, "x" * BODY_LIMIT).status_code == 413
    assert desk.call("GET", "/me", token, {"X-Large": "x" * HEADER_LIMIT}).status_code == 431
    assert desk.call("GET", f"/me?x={'x' * QUERY_LIMIT}", token).status_code == 414
    assert desk.call("GET", "/interactions?limit=201", token).json()["field"] == "limit"
    assert desk.engine.asked == []


def _served(desk: Desk, chunks: list[Message], headers: list[tuple[bytes, bytes]] | None = None) -> list[Message]:
    """What the application answers to a body that comes in pieces; after the last piece nothing comes."""
    sent: list[Message] = []

    async def run() -> None:
        left = iter(chunks)

        async def receive() -> Message:
            piece = next(left, None)
            if piece is None:
                await asyncio.Event().wait()
            return piece or {}

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": "POST", "path": f"/v1{REPLIES}", "raw_path": b"", "query_string": b"",
            "headers": [(b"authorization", f"Bearer {desk.texts['agent']}".encode()), *(headers or [])],
            "http_version": "1.1", "scheme": "http", "server": ("api", 80), "client": None, "root_path": "",
        }  # fmt: skip
        await desk.app()(scope, receive, send)

    asyncio.run(run())
    return sent


def test_a_body_without_end_is_not_held() -> None:
    piece = {"type": "http.request", "body": b"x" * 100_000, "more_body": True}
    assert _served(Desk(), [piece] * 100)[0]["status"] == 413
    announced = [(b"content-length", b"9" * 5_000)]
    assert _served(Desk(), [], announced)[0]["status"] == 413


def test_a_body_that_does_not_come_is_not_awaited_for_ever() -> None:
    assert _served(Desk(body_time=0.01), [])[0]["status"] == 408
    assert _served(Desk(), [{"type": "http.disconnect"}]) == []


def test_a_fault_of_the_code_is_json_and_tells_no_words(capsys: pytest.CaptureFixture[str]) -> None:
    desk = Desk()

    async def fails(*_: Any) -> Any:
        raise RuntimeError("somebody's words")

    desk.engine.ask = fails  # type: ignore[method-assign, assignment]
    found = reply(desk)
    assert (found.status_code, found.json()["code"]) == (500, "fault")
    assert "somebody's words" not in found.text + capsys.readouterr().out


def test_the_projections_may_be_away() -> None:
    desk = Desk()
    found = desk.call("GET", "/interactions", desk.texts["agent"])
    assert (found.status_code, found.json()["code"]) == (503, "unavailable")


def test_an_emergency_is_told_to_every_partition_once() -> None:
    desk = Desk()
    for _ in range(2):
        headers = {"Idempotency-Key": "k"}
        found = desk.call("PUT", "/accounts/x:9/emergency", desk.texts["supervisor"], headers)
        assert found.json() == {"account": "x:9", "emergency": True, "outcome": "accepted"}
    assert [each.key for each in desk.engine.asked] == [control_key(number) for number in (0, 1, 2)] * 2
    assert len({each.command.command_id for each in desk.engine.asked}) == 3
    (together,) = {each.command.correlation_id for each in desk.engine.asked}
    assert together is not None


def test_a_handle_is_linked_by_what_people_know_of_it() -> None:
    desk = Desk()
    path = f"/contacts/{'0' * 32}/handles"
    desk.call("POST", path, desk.texts["agent"], json={"channel": "messenger", "platform_id": "77"})
    desk.call("POST", f"/contacts/{'0' * 32}/merge/{'1' * 32}", desk.texts["agent"])
    handles = [each.command.handle_id for each in desk.engine.asked if isinstance(each.command, cc.LinkHandle)]
    assert handles == [home(b"test", "messenger", "77"), "1" * 32]


IMPORT = "channel,platform_id,screen_name,name,language\n"


def imported(desk: Desk, content: str | bytes, key: str = "k") -> Any:
    return desk.call("POST", "/contacts/import", desk.texts["supervisor"], {"Idempotency-Key": key}, content=content)


def test_people_are_imported_line_by_line() -> None:
    desk = Desk()
    people = [
        'x,1,@ann,"Anné, ""A"" Smith",en',
        "",
        "messenger,2,,,",
        "x,1,bob,,",
        "fax,3,,,",
        "x,4,,,not a tag",
        "x,5",
    ]
    text = "\ufeff" + IMPORT + "\n".join(people)
    found = imported(desk, text.encode()).json()
    assert (found["imported"], found["known"]) == (2, 0)
    assert [(each["line"], each["code"]) for each in found["failed"]] == [
        (5, "bad_input"), (6, "bad_input"), (7, "bad_input"), (8, "bad_input")
    ]  # fmt: skip
    first, second = (each.command for each in desk.engine.asked)
    assert isinstance(first, cc.ImportContact)
    assert (first.screen_name, first.name, first.language) == ("ann", 'Anné, "A" Smith', "en")
    assert isinstance(second, cc.ImportContact)
    assert (second.channel, second.name) == ("messenger", None)


def test_a_file_that_is_sent_again_is_another_request_only_in_the_lines_that_differ() -> None:
    desk = Desk()
    imported(desk, f"{IMPORT}x,1,ann,,\nx,2,bob,,\n")
    imported(desk, f"{IMPORT}x,1,ann,,\nx,2,bobby,,\n")
    ids = [each.command.command_id for each in desk.engine.asked]
    assert ids[0] == ids[2]
    assert ids[1] != ids[3]
    assert claim_of(ids[1]) == claim_of(ids[3])


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"channel\nx\n", b"channel,platform_id,shoe\n", b"channel,platform_id,channel\n",
     IMPORT.encode() + b'x,1,"open', IMPORT.encode() + b"x,%d,,,\n" * (MOST_ROWS + 1) % tuple(range(MOST_ROWS + 1))],
)  # fmt: skip
def test_a_file_that_is_wrong_as_a_whole_tells_nobody_anything(content: bytes) -> None:
    desk = Desk()
    found = imported(desk, content)
    assert (found.status_code, found.json()["field"], desk.engine.asked) == (422, "body", [])


@given(st.binary(max_size=300))
def test_no_file_is_a_fault(content: bytes) -> None:
    assert imported(Desk(), content).status_code in (200, 422)
    assert imported(Desk(), IMPORT.encode() + content).status_code in (200, 422)


@given(st.datetimes(timezones=st.just(UTC)), st.from_regex(r"[0-9a-f]{32}\.[1-9]", fullmatch=True))
def test_a_cursor_leads_back_to_where_the_page_ended(at: datetime, last: str) -> None:
    lines, cursor = page_of([(at, last), (at, "more")], 1, lambda line: line)
    assert lines == [(at, last)]
    begin = place_of(cursor)
    assert begin is not None
    assert (begin.at, begin.id) == (at, last)
    assert page_of([(at, last)], 1, lambda line: line) == ([(at, last)], None)


@given(st.from_regex(r"[A-Za-z0-9_-]{1,60}", fullmatch=True))
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    try:
        place_of(cursor)
    except Problem as problem:
        assert problem.status_code == 422
