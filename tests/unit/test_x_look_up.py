"""Looking on X for what may have been posted: an answer in the account's timeline, a message in the conversation."""

import asyncio
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.outcomes import LookUpFailed
from channels.simulator.x_credentials import account_of, user_context
from channels.x.client import FIRST_TIME, PAGES, SLACK, XClient
from channels.x.timeline import find_answer, find_message
from engine.delivery import Deliver
from engine.text import comparable
from tests.unit.x_calling import Handler, answering, client, messaging
from tests.x_samples import ACCOUNT, CUSTOMER, SECRET, fuzzed


def look_up(handler: Handler, text: str = "We are sorry. ^MG", asked: Deliver | None = None) -> str | None:
    """Looks for what was posted."""

    async def run() -> str | None:
        async with client(handler) as x:
            posted = await x.find(asked or answering(text))
            return None if posted is None else posted.item_id

    return asyncio.run(run())


# --- looking for an answer ---


def answer(item_id: str, text: str, to: str = "17") -> dict[str, Any]:
    """A post in the account's timeline."""
    return {"id": item_id, "text": text, "referenced_tweets": [{"type": "replied_to", "id": to}]}


def page(*posts: object) -> Handler:
    """A timeline."""
    return lambda request: httpx.Response(200, json={"data": list(posts), "meta": {"result_count": len(posts)}})


def test_the_answer_is_found_by_what_it_answers_and_its_text() -> None:
    timeline = page(answer("1", "Hello"), answer("2", "Sorry"), answer("3", "Sorry", to="18"), {"id": "4"}, 7)
    assert look_up(timeline, "Sorry") == "2"
    assert look_up(timeline, "Bye") is None
    assert look_up(page(), "Sorry") is None


@pytest.mark.parametrize(
    "shown",
    [
        "@kim @max see https://t.co/abc &amp; write to us",
        "see https://t.co/abc &amp; write\nto us",
        "@kim see https://example.com/a/long/path & write to us",
    ],
)
def test_what_x_changes_in_a_text_does_not_hide_it(shown: str) -> None:
    assert look_up(page(answer("1", shown)), "@kim see https://example.com/a/long/path & write to us") == "1"


def test_the_same_text_to_another_post_is_not_taken_for_it() -> None:
    quoting = {"id": "4", "text": "Sorry", "referenced_tweets": [{"type": "quoted", "id": "17"}]}
    elsewhere = answer("3", "Sorry", to="18")
    assert look_up(page(elsewhere, quoting, {"id": "5", "text": "Sorry"}), "Sorry") is None
    assert look_up(page(elsewhere, quoting, answer("2", "Sorry")), "Sorry") == "2"


def test_another_text_to_the_same_post_is_not_taken_for_it() -> None:
    assert look_up(page(answer("1", "@kim see https://t.co/abc or write")), "@kim see https://t.co/abc") is None


def test_the_same_text_comes_before_a_similar_one() -> None:
    assert look_up(page(answer("1", "@kim Sorry"), answer("2", "Sorry")), "Sorry") == "2"


def test_a_long_answer_is_compared_whole() -> None:
    long = {**answer("1", "Sorry …"), "note_tweet": {"text": "Sorry " + "x" * 300}}
    assert look_up(page(long), "Sorry " + "x" * 300) == "1"


@pytest.mark.parametrize(
    "given_answer",
    [
        httpx.Response(503),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"errors": [{"title": "Not Found Error"}]}),
        httpx.Response(429, json={}),
    ],
)
def test_a_look_up_that_is_not_answered_is_no_absence(given_answer: httpx.Response) -> None:
    with pytest.raises(LookUpFailed):
        look_up(lambda request: given_answer, "Sorry")


def test_a_look_up_without_a_network_or_credentials_fails() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("x")

    with pytest.raises(LookUpFailed, match="could not be asked"):
        look_up(handler, "Sorry")
    with pytest.raises(LookUpFailed, match="credentials"):
        look_up(handler, asked=answering(account="999"))


def pages(*listed: list[Any], seen: list[httpx.Request] | None = None) -> Handler:
    """Pages after each other."""

    def handler(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        number = int(request.url.params.get("pagination_token", "0"))
        meta = {"next_token": str(number + 1)} if number + 1 < len(listed) else {}
        return httpx.Response(200, json={"data": listed[number], "meta": meta})

    return handler


def test_an_answer_is_looked_for_among_what_was_posted_since_it_was_asked_for() -> None:
    seen: list[httpx.Request] = []
    assert look_up(pages([answer("1", "Hello")], [answer("2", "Sorry")], seen=seen), "Sorry") == "2"
    assert [request.url.params["start_time"] for request in seen] == ["2020-09-13T12:25:40Z"] * 2
    assert account_of(SECRET, "GET", str(seen[1].url), seen[1].headers) == ACCOUNT


def test_before_x_knew_times_it_is_not_asked_about_them() -> None:
    seen: list[httpx.Request] = []
    look_up(pages([], seen=seen), asked=answering(at=FIRST_TIME))
    look_up(pages([], seen=seen), asked=answering(at=FIRST_TIME + SLACK))
    assert ["start_time" in request.url.params for request in seen] == [False, True]


def test_the_number_of_pages_is_bounded() -> None:
    seen: list[httpx.Request] = []
    assert look_up(pages(*([[answer("1", "Hello")]] * 99), seen=seen), "Sorry") is None
    assert len(seen) == PAGES


@pytest.mark.parametrize("token", [7, None, {}])
def test_an_odd_token_ends_the_pages(token: object) -> None:
    assert look_up(lambda request: httpx.Response(200, json={"data": [], "meta": {"next_token": token}})) is None


# --- looking for a direct message ---


def sent(item_id: str, text: str, sender: str = ACCOUNT, at: str | None = "2020-09-13T12:26:40.000Z") -> dict[str, Any]:
    """A message in the conversation; one from the moment at which it is asked for."""
    event = {"id": item_id, "event_type": "MessageCreate", "text": text, "sender_id": sender}
    return event if at is None else event | {"created_at": at}


def test_a_message_is_found_by_who_sent_it_and_its_text() -> None:
    seen: list[httpx.Request] = []
    conversation = [sent("1", "Hello"), sent("2", "Sorry", sender=CUSTOMER), sent("3", "Sorry"), {"id": "4"}, 7]
    assert look_up(pages(conversation, seen=seen), asked=messaging("Sorry")) == "3"
    assert seen[0].url.path == f"/2/dm_conversations/with/{CUSTOMER}/dm_events"
    assert "sender_id" in seen[0].url.params["dm_event.fields"]
    assert look_up(pages(conversation), asked=messaging("Bye")) is None
    assert look_up(pages([]), asked=messaging("Sorry")) is None


def test_what_x_changes_in_a_message_does_not_hide_it() -> None:
    conversation = [sent("1", "a &lt; b &amp; see https://t.co/x")]
    assert look_up(pages(conversation), asked=messaging("a < b & see example.com/long")) == "1"


def test_an_earlier_message_of_the_same_text_is_not_taken_for_it() -> None:
    earlier = sent("1", "ok", at="2020-09-13T12:25:39.000Z")
    assert look_up(pages([earlier]), asked=messaging("ok")) is None
    assert look_up(pages([sent("2", "ok", at="2020-09-13T12:25:40.000Z"), earlier]), asked=messaging("ok")) == "2"
    assert look_up(pages([sent("3", "ok", at=None), earlier]), asked=messaging("ok")) == "3"
    assert look_up(pages([sent("4", "ok", at="soon"), earlier]), asked=messaging("ok")) == "4"


def test_the_latest_of_the_same_text_counts() -> None:
    assert look_up(pages([sent("2", "ok"), sent("1", "ok")]), asked=messaging("ok")) == "2"


def test_no_further_back_than_it_was_asked_for() -> None:
    seen: list[httpx.Request] = []
    old = sent("1", "Hello", at="2020-09-13T12:25:39.000Z")
    assert look_up(pages([sent("2", "Hello")], [old], [sent("3", "ok")], seen=seen), asked=messaging("ok")) is None
    assert len(seen) == 2


@pytest.mark.parametrize("recipient", [None, "", "../1"])
def test_a_look_up_in_a_conversation_with_nobody_fails(recipient: str | None) -> None:
    with pytest.raises(LookUpFailed):
        look_up(pages([]), asked=messaging(recipient=recipient))


def test_a_look_up_ends_in_its_time() -> None:
    async def slow(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def run() -> None:
        known = {ACCOUNT: user_context(SECRET, ACCOUNT)}
        async with XClient("https://api.x.com", known.get, call_timeout=0.05, transport=httpx.MockTransport(slow)) as x:
            await x.find(messaging())

    with pytest.raises(LookUpFailed):
        asyncio.run(run())


# --- always ---


@fuzzed
@given(st.text() | st.sampled_from(["@kim hi", "a &amp;amp; b", "see example.com.", "\ud83d"]))
def test_any_text_can_be_compared(text: str) -> None:
    assert comparable(f" {text}\n") == comparable(text)


@fuzzed
@given(
    st.dictionaries(
        st.sampled_from(["data", "id"]), st.lists(st.none() | st.text() | st.dictionaries(st.text(), st.text()))
    )
)
def test_no_timeline_is_an_error(content: dict[str, object]) -> None:
    assert find_answer(content, "17", "text") is None
    assert find_message(content, "42", "text", 0) is None
