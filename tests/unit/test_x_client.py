"""The calls to X's API: what is sent, and what the network and an old token do to it."""

import asyncio
import json

import httpx
import pytest

from channels.calls import InvalidApiAddress
from channels.outcomes import Outcome, Posted, Refused, Retry, Unknown
from channels.simulator.x_credentials import account_of, bearer_token, user_context
from channels.x.client import BearerToken, Credentials, XClient
from engine.delivery import Deliver
from engine.errors import RejoinderError
from tests.unit.x_calling import NOW, Handler, answering, client, messaging
from tests.x_samples import ACCOUNT, CUSTOMER, SECRET


def perform(handler: Handler, asked: Deliver | None = None, credentials: Credentials | None = None) -> Outcome:
    """Does what is asked."""

    async def run() -> Outcome:
        async with client(handler, credentials) as x:
            return await x.perform(asked or answering())

    return asyncio.run(run())


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

    for asked in (answering(), messaging()):
        result = perform(handler, asked)
        assert isinstance(result, kind)
        assert result.reason == expected


def test_credentials_never_go_in_the_clear() -> None:
    for address in ("http://api.x.com", "http://127.0.0.1.example.com", "ftp://127.0.0.1", "api.x.com"):
        with pytest.raises(InvalidApiAddress, match="https://"):
            XClient(address, lambda account: None)


def test_an_account_without_credentials_is_refused_without_a_call() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise AssertionError

    result = perform(handler, answering(account="999"))
    assert isinstance(result, Refused)
    assert (result.reason, "999" in result.detail) == ("no_credentials", True)
    result = perform(handler, answering(in_reply_to="17/retweets"))
    assert isinstance(result, Refused)
    assert result.reason == "bad_id"


@pytest.mark.parametrize("credentials", [user_context(SECRET, ACCOUNT), bearer_token(SECRET, ACCOUNT)])
def test_a_request_is_authorised_for_its_account(credentials: Credentials) -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(201, json={"data": {"id": "5", "text": ""}})

    assert perform(handler, credentials=credentials) == Posted("5")
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


@pytest.mark.parametrize(
    ("asked", "method", "path", "answer"),
    [
        (messaging(), "POST", f"/2/dm_conversations/with/{CUSTOMER}/messages", {"dm_event_id": "5"}),
        (answering(action="like"), "POST", f"/2/users/{ACCOUNT}/likes", {"liked": True}),
        (answering(action="hide"), "PUT", "/2/tweets/17/hidden", {"hidden": True}),
        (answering(action="delete"), "DELETE", "/2/tweets/17", {"deleted": True}),
    ],
)
def test_each_kind_of_request_is_signed(asked: Deliver, method: str, path: str, answer: object) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.path) == (method, path)
        assert account_of(SECRET, method, str(request.url), request.headers) == ACCOUNT
        return httpx.Response(200, json={"data": answer})

    assert isinstance(perform(handler, asked), Posted)


def test_a_second_identical_call() -> None:
    x = client(lambda request: httpx.Response(500))
    assert (x.repeat(answering()), x.repeat(messaging())) == ("refused", "doubled")
    for action in ("retweet", "like", "hide", "unhide", "delete"):
        assert x.repeat(answering(action=action)) == "harmless"


# --- a token that is no longer known ---


class Accounts:
    """Credentials that are renewed; `failure` instead."""

    def __init__(self, credentials: Credentials, renewed: Credentials | None, failure: Exception | None = None) -> None:
        self.credentials: Credentials | None = credentials
        self.renewed = renewed
        self.failure = failure
        self.refreshed: list[str] = []

    def get(self, account: str) -> Credentials | None:
        return self.credentials

    async def refresh(self, account: str) -> None:
        self.refreshed.append(account)
        if self.failure is not None:
            raise self.failure
        self.credentials = self.renewed


def perform_as(accounts: Accounts, asked: Deliver, *, refreshes: bool = True) -> tuple[Outcome, list[str]]:
    """Does what is asked where X knows the token `new` alone. Returns the tokens that it saw too."""
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"].removeprefix("Bearer "))
        if seen[-1] != "new":
            return httpx.Response(401, json={"title": "Unauthorized"})
        return httpx.Response(201, json={"data": {"id": "5", "dm_event_id": "5"}})

    async def run() -> Outcome:
        x = XClient(
            "https://api.x.com",
            accounts.get,
            clock=lambda: NOW,
            transport=httpx.MockTransport(handler),
            refresh=accounts.refresh if refreshes else None,
        )
        async with x:
            return await x.perform(asked)

    return asyncio.run(run()), seen


@pytest.mark.parametrize("asked", [answering(), messaging()])
def test_an_old_token_is_renewed_and_the_call_made_once_more(asked: Deliver) -> None:
    accounts = Accounts(BearerToken("old"), BearerToken("new"))
    assert perform_as(accounts, asked) == (Posted("5"), ["old", "new"])
    assert accounts.refreshed == [ACCOUNT]


def test_a_token_that_another_process_renewed_is_taken() -> None:
    given_once = [BearerToken("old"), BearerToken("new")]
    accounts = Accounts(BearerToken("old"), None)
    accounts.get = lambda account: given_once.pop(0)  # type: ignore[method-assign]
    assert perform_as(accounts, answering(), refreshes=False) == (Posted("5"), ["old", "new"])


@pytest.mark.parametrize(
    ("accounts", "calls"),
    [
        (Accounts(BearerToken("old"), BearerToken("old")), 1),
        (Accounts(BearerToken("old"), BearerToken("older")), 2),
        (Accounts(BearerToken("old"), None), 1),
        (Accounts(BearerToken("old"), BearerToken("new"), RejoinderError("revoked")), 1),
    ],
)
def test_a_token_that_is_not_renewed_is_refused(accounts: Accounts, calls: int) -> None:
    result, seen = perform_as(accounts, answering())
    assert isinstance(result, Refused)
    assert (result.reason, len(seen)) == ("not_authorised", calls)


def test_a_token_that_can_not_be_renewed_now_is_tried_again_later() -> None:
    accounts = Accounts(BearerToken("old"), BearerToken("new"), httpx.ConnectError("x"))
    result, seen = perform_as(accounts, messaging())
    assert isinstance(result, Retry)
    assert (result.reason, len(seen)) == ("unreachable", 1)


def test_credentials_that_never_end_are_not_renewed() -> None:
    accounts = Accounts(user_context(SECRET, ACCOUNT), BearerToken("new"))
    result, _ = perform_as(accounts, answering())
    assert isinstance(result, Refused)
    assert (result.reason, accounts.refreshed) == ("not_authorised", [])


def test_a_call_ends_in_its_time_even_if_renewing_the_token_does_not() -> None:
    async def never(account: str) -> None:
        await asyncio.Event().wait()

    async def run() -> Outcome:
        transport = httpx.MockTransport(lambda request: httpx.Response(401))
        known = {ACCOUNT: BearerToken("old")}
        async with XClient("https://api.x.com", known.get, call_timeout=0.05, transport=transport, refresh=never) as x:
            return await x.perform(messaging())

    result = asyncio.run(run())
    assert isinstance(result, Unknown)
    assert result.reason == "time_out"
