"""Looking for what may have been posted on Facebook or in Messenger."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.meta.client import MESSAGES, PAGES, SLACK
from channels.meta.lookup import Postings, find_own, folded
from channels.meta.signature import proof
from channels.outcomes import LookUpFailed, Posted
from tests.meta_calling import TEXT, TOKEN, Handler, find, never
from tests.meta_samples import COMMENT, PAGE, POST, POSTED_AT, PSID, SECRET, deliver
from tests.x_samples import fuzzed


def posting(item_id: str, text: str, by: str = PAGE, at: str | None = "2017-10-31T22:03:34+0000") -> dict[str, Any]:
    """A comment or message."""
    return {"id": item_id, "message": text, "from": {"id": by}, "created_time": at}


def page(*postings: object, after: str | None = None) -> dict[str, Any]:
    """A page of a list; `after` leads on."""
    more = {"paging": {"cursors": {"before": "b", "after": after}, "next": "https://graph…"}} if after else {}
    return {"data": list(postings), **more}


def comments(*postings: object) -> Handler:
    """What stands under a comment."""
    return lambda request: httpx.Response(200, json=page(*postings))


def conversation(*messages: object, people: tuple[str, ...] = (PAGE, PSID)) -> dict[str, Any]:
    """The page's conversation with a person."""
    return {"id": "t_1", "participants": page(*[{"id": person} for person in people]), "messages": page(*messages)}


def conversations(*messages: object) -> Handler:
    """All conversations with a person."""
    return lambda request: httpx.Response(200, json={"data": [conversation(*messages)]})


def test_a_comment_is_found_by_who_wrote_it_and_its_text() -> None:
    listed = comments(posting("1", TEXT, by="99"), posting("2", "Another"), posting("3", TEXT), {"id": "4"}, 7)
    assert find(listed, deliver("reply")) == Posted("3")
    assert find(listed, deliver("reply", text="Bye")) is None
    assert find(comments(), deliver("reply")) is None


def test_the_question_for_a_comment() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=page())

    assert find(handler, deliver("reply")) is None
    (request,) = seen
    assert (request.method, request.url.path) == ("GET", f"/v23.0/{COMMENT}/comments")
    query = dict(request.url.params)
    assert query["filter"] == "stream"
    assert query["order"] == "reverse_chronological"
    assert query["fields"] == "id,message,from,created_time"
    assert query["appsecret_proof"] == proof(SECRET, TOKEN)
    assert request.headers["authorization"] == f"Bearer {TOKEN}"


def test_a_message_is_found_in_the_conversation_with_its_recipient() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"data": [conversation(posting("m_1", TEXT, by=PSID), posting("m_2", TEXT))]})

    assert find(handler, deliver("message")) == Posted("m_2")
    assert seen[0].url.path == f"/v23.0/{PAGE}/conversations"
    query = dict(seen[0].url.params)
    assert (query["platform"], query["user_id"]) == ("messenger", PSID)
    assert query["fields"] == f"messages.limit({MESSAGES}){{id,message,from,created_time}}"
    assert find(lambda request: httpx.Response(200, json={"data": []}), deliver("message")) is None


def test_a_private_answer_is_found_with_whom_it_reached() -> None:
    answered = {"id": COMMENT, "private_reply_conversation": conversation(posting("m_2", TEXT))}
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=answered)

    assert find(handler, deliver("private_answer")) == Posted("m_2", PSID)
    assert seen[0].url.path == f"/v23.0/{COMMENT}"
    assert seen[0].url.params["fields"].startswith("private_reply_conversation{")


@pytest.mark.parametrize("people", [(PAGE,), (PAGE, PSID, "77"), (PAGE, "kim")])
def test_nobody_is_taken_for_the_recipient_by_guess(people: tuple[str, ...]) -> None:
    answered = {"private_reply_conversation": conversation(posting("m_2", TEXT), people=people)}
    assert find(lambda request: httpx.Response(200, json=answered), deliver("private_answer")) == Posted("m_2", None)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, json={"id": COMMENT}),
        httpx.Response(200, json={"private_reply_conversation": conversation(posting("m_2", "Another"))}),
        httpx.Response(400, json={"error": {"code": 100, "message": "Tried accessing nonexistent field"}}),
    ],
)
def test_a_private_answer_that_is_not_told_of_is_not_found(answer: httpx.Response) -> None:
    assert find(lambda request: answer, deliver("private_answer")) is None


def test_a_private_answer_to_a_post_is_never_looked_for() -> None:
    assert find(never, deliver("private_answer", in_reply_to=POST)) is None


@pytest.mark.parametrize("action", ["like", "hide", "unhide", "delete"])
def test_what_a_repeat_does_not_harm_is_never_looked_for(action: str) -> None:
    assert find(never, deliver(action)) is None


@pytest.mark.parametrize(
    ("at", "found"),
    [
        (POSTED_AT - SLACK - 1_000, False),
        (POSTED_AT - SLACK, True),
        (POSTED_AT + 10**9, True),
    ],
)
def test_what_is_older_than_the_wish_for_it_is_another_answer(at: int, found: bool) -> None:
    listed = {"data": [posting("m_2", TEXT, at=_time(at))]}
    assert (find(lambda request: httpx.Response(200, json=listed), deliver("reply")) is not None) == found
    assert (find(conversations(listed["data"][0]), deliver("message")) is not None) == found


@pytest.mark.parametrize("at", [None, "yesterday", "2001-01-01T00:00:00"])
def test_what_has_no_time_may_be_ours(at: str | None) -> None:
    assert find(comments(posting("1", TEXT, at=at)), deliver("reply")) == Posted("1")


def _time(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def test_white_space_and_composition_do_not_hide_it() -> None:
    assert find(comments(posting("1", "Scho\u0308n  da\n")), deliver("reply", text="Schön da")) == Posted("1")


def test_the_same_text_comes_before_a_similar_one() -> None:
    assert find(comments(posting("1", "a  b"), posting("2", "a b")), deliver("reply", text="a b")) == Posted("2")


def test_a_list_is_read_on_but_not_for_ever() -> None:
    asked: list[str | None] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params.get("after"))
        return httpx.Response(200, json=page(posting("1", "Another"), after=f"c{len(asked)}"))

    assert find(handler, deliver("reply")) is None
    assert asked == [None, *[f"c{n}" for n in range(1, PAGES)]]


def test_a_later_page_is_searched_too() -> None:
    pages = {None: page(posting("1", "Another"), after="c1"), "c1": page(posting("2", TEXT))}
    assert find(lambda request: httpx.Response(200, json=pages[request.url.params.get("after")]), deliver("reply")) == (
        Posted("2")
    )


@pytest.mark.parametrize("action", ["reply", "message", "private_answer"])
@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(503),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"data": 7, "private_reply_conversation": 7}),
        httpx.Response(400, json={"error": {"code": 32, "message": "x"}}),
        httpx.Response(200, json={"error": {"code": 2, "message": "x"}}),
        httpx.Response(400, json={"error": {"code": 190, "message": "x"}}),
    ],
)
def test_a_look_up_that_is_not_answered_is_no_absence(action: str, answer: httpx.Response) -> None:
    with pytest.raises(LookUpFailed):
        find(lambda request: answer, deliver(action))


@pytest.mark.parametrize("action", ["reply", "message"])
def test_an_unknown_comment_or_person_is_no_absence(action: str) -> None:
    with pytest.raises(LookUpFailed, match="error 100"):
        find(lambda request: httpx.Response(400, json={"error": {"code": 100, "message": "x"}}), deliver(action))


def test_a_look_up_without_a_network_or_token_fails() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("x")

    with pytest.raises(LookUpFailed, match="could not be asked"):
        find(handler, deliver("reply"))
    with pytest.raises(LookUpFailed, match="access token"):
        find(handler, deliver("reply", account="999"))
    with pytest.raises(LookUpFailed, match="no id"):
        find(never, deliver("reply", in_reply_to="a/b"))


def test_a_failure_never_quotes_what_was_told() -> None:
    for body in ({"data": "secret words"}, {"error": {"code": 5, "message": "secret words"}}):
        with pytest.raises(LookUpFailed) as failure:
            find(lambda request, body=body: httpx.Response(200, json=body), deliver("reply"))  # type: ignore[misc]
        assert "secret" not in str(failure.value)


@fuzzed
@given(st.text(max_size=20), st.text(max_size=20))
def test_another_text_is_never_taken_for_it(wanted: str, there: str) -> None:
    found = find_own(Postings(data=[posting("1", there)]), PAGE, wanted, 0)
    assert (found is not None) == (folded(wanted) == folded(there))


PARTS = st.dictionaries(
    st.sampled_from(["id", "message", "from", "created_time"]),
    st.none() | st.integers() | st.text(max_size=5) | st.dictionaries(st.just("id"), st.text(max_size=3)),
)


@fuzzed
@given(st.lists(PARTS | st.integers()))
def test_no_list_is_an_error(listed: list[Mapping[str, object] | int]) -> None:
    assert find_own(Postings(data=list(listed)), PAGE, TEXT, POSTED_AT) is None
