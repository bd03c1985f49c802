"""The calls to X's API: every answer is a value."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from channels.outcomes import Duplicate, LookUpFailed, Outcome, Posted, Refused, Retry, Unknown
from channels.simulator.x_credentials import account_of, bearer_token, user_context
from channels.x.client import Credentials, InvalidApiAddress, XClient
from channels.x.errors import LONGEST_WAIT, outcome_of
from channels.x.timeline import find_answer
from tests.x_samples import ACCOUNT, CUSTOMER, SECRET, fuzzed

NOW = 1_600_000_000_000
Handler = Callable[[httpx.Request], httpx.Response]


def outcome(status: int, body: object, headers: dict[str, str] | None = None) -> Outcome:
    """What an answer means."""
    return outcome_of(status, headers or {}, json.dumps(body).encode(), NOW)


def reason(status: int, body: object) -> str:
    """Why an answer means that the post is refused for good."""
    result = outcome(status, body)
    assert isinstance(result, Refused)
    assert result.detail.endswith(".")
    return result.reason


def client(handler: Handler, credentials: Credentials | None = None) -> XClient:
    """A client whose requests are answered by `handler`."""
    context = credentials or user_context(SECRET, ACCOUNT)
    known = {ACCOUNT: context}
    return XClient(
        "https://api.x.com", known.get, clock=lambda: NOW, call_timeout=0.5, transport=httpx.MockTransport(handler)
    )


def post(handler: Handler, account: str = ACCOUNT, credentials: Credentials | None = None) -> Outcome:
    """Posts an answer."""

    async def run() -> Outcome:
        async with client(handler, credentials) as x:
            return await x.post(account, "17", "We are sorry. ^MG")

    return asyncio.run(run())


def look_up(handler: Handler, text: str, account: str = ACCOUNT) -> str | None:
    """Looks for a posted answer."""

    async def run() -> str | None:
        async with client(handler) as x:
            return await x.find_own_post(account, "17", text)

    return asyncio.run(run())


# --- answers to a post ---


def test_the_recorded_exchange_is_understood(shared: Path) -> None:
    recorded = yaml.safe_load((shared / "fixtures/tweepy/test_asyncclient_create_and_delete_tweet.yaml").read_text())
    answer = recorded["interactions"][0]["response"]
    headers = {name: values[0] for name, values in answer["headers"].items()}
    result = outcome_of(answer["status"]["code"], headers, answer["body"]["string"].encode(), NOW)
    assert result == Posted("1522929456142245888")


DUPLICATE = "You are not allowed to create a Tweet with duplicate content."


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, {"title": "Forbidden", "detail": DUPLICATE, "type": "about:blank", "status": 403}),
        (403, {"code": 187, "message": "Status is a duplicate."}),
        (403, {"errors": [{"code": 187, "message": "Status is a duplicate."}]}),
        (400, {"errors": [{"message": DUPLICATE}], "title": "Invalid Request"}),
        (200, {"errors": [{"detail": DUPLICATE}]}),
    ],
)
def test_a_duplicate_is_known_in_every_form(status: int, body: object) -> None:
    assert outcome(status, body) == Duplicate()


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, {"title": "Invalid Request", "detail": "Your Tweet text is too long. Shorten it."}, "too_long"),
        (403, {"detail": "Your Tweet text is too long."}, "too_long"),
        (403, {"errors": [{"code": 186, "message": "Tweet needs to be a bit shorter."}]}, "too_long"),
        (
            403,
            {
                "detail": "Reply to this conversation is not allowed because you have not been mentioned or otherwise "
                "engaged by the author of the post you are replying to."
            },
            "reply_not_allowed",
        ),
        (403, {"detail": "You attempted to reply to a Tweet that is deleted or not visible to you."}, "message_gone"),
        (403, {"errors": [{"code": 385, "message": "x"}]}, "message_gone"),
        (403, {"code": 326, "message": "To protect our users"}, "account_locked"),
        (403, {"title": "Forbidden", "detail": "Forbidden"}, "not_permitted"),
        (401, {"title": "Unauthorized"}, "not_authorised"),
        (400, {"errors": "nonsense"}, "invalid_request"),
        (404, {}, "not_found"),
        (302, {}, "moved"),
        (418, [], "refused"),
    ],
)
def test_a_refusal_has_a_reason(status: int, body: object, expected: str) -> None:
    assert reason(status, body) == expected


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
def test_a_server_error_is_tried_again(status: int) -> None:
    result = outcome_of(status, {"retry-after": "7"}, b"<html>bad gateway</html>", NOW)
    assert isinstance(result, Retry)
    assert (result.reason, result.retry_after) == ("unavailable", 7000)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"x-rate-limit-reset": str(NOW // 1000 + 90)}, 90_000),
        ({"x-rate-limit-reset": str(NOW // 1000 - 90)}, 1_000),
        ({"x-rate-limit-reset": "999999999999"}, LONGEST_WAIT),
        ({"retry-after": "5", "x-rate-limit-reset": str(NOW // 1000 + 90)}, 5_000),
        ({"x-rate-limit-reset": "soon"}, None),
        ({}, None),
    ],
)
def test_a_limit_says_how_long_to_wait(headers: dict[str, str], wait: int | None) -> None:
    result = outcome(429, {"title": "Too Many Requests"}, headers)
    assert isinstance(result, Retry)
    assert (result.reason, result.retry_after) == ("rate_limited", wait)


def test_partial_errors_beside_an_id_are_a_posted_answer() -> None:
    assert outcome(200, {"data": {"id": "5"}, "errors": [{"detail": "some field is missing"}]}) == Posted("5")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"data": {"id": 5}}', b'{"data": {"id": "a:b"}}'])
def test_success_without_an_id_is_unknown(body: bytes) -> None:
    assert isinstance(outcome_of(201, {}, body, NOW), Unknown)


@fuzzed
@given(st.integers(200, 599), st.binary(max_size=60) | st.just(b'{"errors": [{"code": {}, "message": []}, 3]}'))
def test_no_answer_is_an_error_and_none_quotes_the_body(status: int, body: bytes) -> None:
    result = outcome_of(status, {"retry-after": "x" * 30}, body, NOW)
    assert isinstance(result, Posted | Retry | Refused | Unknown | Duplicate)


def test_details_never_quote_x() -> None:
    for status in (200, 400, 401, 403, 404, 429, 500):
        result = outcome(status, {"title": "quoted words", "detail": "quoted words", "code": 1, "message": "quoted"})
        assert "quoted" not in repr(result)


# --- the network ---


@pytest.mark.parametrize(
    ("error", "kind", "expected"),
    [
        (httpx.ConnectError("x"), Retry, "unreachable"),
        (httpx.ConnectTimeout("x"), Retry, "unreachable"),
        (httpx.PoolTimeout("x"), Retry, "unreachable"),
        (httpx.ReadTimeout("x"), Unknown, "time_out"),
        (httpx.WriteTimeout("x"), Unknown, "time_out"),
        (httpx.ReadError("x"), Unknown, "broken_connection"),
        (httpx.WriteError("x"), Unknown, "broken_connection"),
        (httpx.RemoteProtocolError("x"), Unknown, "broken_connection"),
    ],
)
def test_a_network_error_is_retried_only_if_nothing_was_sent(
    error: httpx.HTTPError, kind: type[Retry | Unknown], expected: str
) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise error

    result = post(handler)
    assert isinstance(result, kind)
    assert result.reason == expected


def test_credentials_never_go_in_the_clear() -> None:
    for address in ("http://api.x.com", "http://127.0.0.1.example.com", "ftp://127.0.0.1", "api.x.com"):
        with pytest.raises(InvalidApiAddress, match="https://"):
            XClient(address, lambda account: None)


def test_an_account_without_credentials_is_refused_without_a_call() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise AssertionError

    result = post(handler, account="999")
    assert isinstance(result, Refused)
    assert (result.reason, "999" in result.detail) == ("no_credentials", True)


@pytest.mark.parametrize("credentials", [user_context(SECRET, ACCOUNT), bearer_token(SECRET, ACCOUNT)])
def test_a_request_is_authorised_for_its_account(credentials: Credentials) -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(201, json={"data": {"id": "5", "text": ""}})

    assert post(handler, credentials=credentials) == Posted("5")
    (request,) = seen
    assert (request.method, str(request.url)) == ("POST", "https://api.x.com/2/tweets")
    assert json.loads(request.content) == {"text": "We are sorry. ^MG", "reply": {"in_reply_to_tweet_id": "17"}}
    assert account_of(SECRET, "POST", str(request.url), request.headers) == ACCOUNT
    assert account_of(SECRET, "POST", str(request.url) + "?a=b", request.headers) == (
        None if "OAuth" in request.headers["authorization"] else ACCOUNT
    )
    assert account_of("another secret", "POST", str(request.url), request.headers) is None


def test_the_simulators_tokens_can_not_be_exchanged() -> None:
    other = bearer_token(SECRET, CUSTOMER).token.replace(CUSTOMER, ACCOUNT)
    for header in (f"Bearer {other}", "Bearer ", "OAuth x", "OAuth oauth_token=1", "Basic x", "OAuth \udcff", ""):
        assert account_of(SECRET, "POST", "http://127.0.0.1/2/tweets", {"authorization": header}) is None


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
        look_up(handler, "Sorry", account="999")


@fuzzed
@given(
    st.dictionaries(
        st.sampled_from(["data", "id"]), st.lists(st.none() | st.text() | st.dictionaries(st.text(), st.text()))
    )
)
def test_no_timeline_is_an_error(content: dict[str, object]) -> None:
    assert find_answer(content, "17", "text") is None
