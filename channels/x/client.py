"""The calls to X's API: post an answer, and look for one that may have been posted."""

import asyncio
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import httpx
from authlib.oauth1 import ClientAuth

from channels.outcomes import LookUpFailed, Outcome, Refused, Retry, Unknown
from channels.x.errors import decode, outcome_of
from channels.x.timeline import find_answer
from engine.errors import RejoinderError

CALL_TIMEOUT: Final = 20.0
"""Seconds from the start of a call until it is given up, its answer read included."""
TIMELINE_LENGTH: Final = 100
"""How many of the account's latest posts a look-up sees: X's largest page."""


class InvalidApiAddress(RejoinderError):
    """The base URL of X's API must begin with https://, or with http:// on this machine (127.0.0.1)."""


@dataclass(frozen=True, slots=True)
class UserContext:
    """OAuth 1.0a credentials with which the app acts for one account."""

    consumer_key: str
    consumer_secret: str
    access_token: str
    token_secret: str

    def __repr__(self) -> str:
        return "UserContext(...)"


@dataclass(frozen=True, slots=True)
class BearerToken:
    """An OAuth 2.0 user access token of one account."""

    token: str

    def __repr__(self) -> str:
        return "BearerToken(...)"


Credentials = UserContext | BearerToken


class _Signed(httpx.Auth):
    """Signs a request as RFC 5849 says. A JSON body is no part of the signature."""

    def __init__(self, context: UserContext) -> None:
        self._signer = ClientAuth(
            context.consumer_key, context.consumer_secret, token=context.access_token, token_secret=context.token_secret
        )

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        headers = {"Content-Type": "application/json"}
        _, signed, _ = self._signer.prepare(request.method, str(request.url), headers, b"")
        request.headers["Authorization"] = signed["Authorization"]
        yield request


class _Bearer(httpx.Auth):
    def __init__(self, token: BearerToken) -> None:
        self._value = f"Bearer {token.token}"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = self._value
        yield request


class XClient:
    """X's API for the accounts whose credentials are given. Use as an async context manager.

    `transport` replaces the network, for tests of the application without a socket.
    """

    refuses_repeats: Final = True
    """X refuses the same text of the same account: a call whose outcome is unknown can be made again."""

    def __init__(
        self,
        base_url: str,
        credentials: Callable[[str], Credentials | None],
        call_timeout: float = CALL_TIMEOUT,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        _check_address(base_url)
        self._credentials = credentials
        self._clock = clock
        self._seconds = call_timeout
        self._http = httpx.AsyncClient(
            base_url=base_url,
            timeout=httpx.Timeout(call_timeout, connect=min(5.0, call_timeout)),
            limits=httpx.Limits(max_connections=50),
            transport=transport,
            trust_env=transport is None and not _is_loopback(base_url),
        )

    async def __aenter__(self) -> "XClient":
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._http.aclose()

    @property
    def call_timeout(self) -> int:
        """Milliseconds after which a call has surely ended."""
        return round(self._seconds * 1000)

    async def post(self, account: str, in_reply_to: str, text: str) -> Outcome:
        """Posts an answer; POST /2/tweets. Never raises for anything that X or the network does."""
        credentials = self._credentials(account)
        if credentials is None:
            return Refused("no_credentials", f"There are no credentials for the account {account}: add them.")
        body = {"text": text, "reply": {"in_reply_to_tweet_id": in_reply_to}}
        try:
            async with asyncio.timeout(self._seconds):
                response = await self._http.post("/2/tweets", json=body, auth=_auth(credentials))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            return Retry("unreachable", "X could not be reached; nothing was sent.")
        except (TimeoutError, httpx.TimeoutException):
            return Unknown("time_out", "X did not answer in time; it may have posted it.")
        except httpx.HTTPError:
            return Unknown("broken_connection", "The connection to X broke; it may have posted it.")
        return outcome_of(response.status_code, response.headers, response.content, self._clock())

    async def find_own_post(self, account: str, in_reply_to: str, text: str, since: int | None = None) -> str | None:
        """The id of the account's post that answers `in_reply_to` with `text`, among its latest 100, or None.

        `since` (milliseconds, by X's clock) leaves out what is older. Which text counts as the same: see
        channels.x.timeline. Raises LookUpFailed if X does not tell.
        """
        credentials = self._credentials(account)
        if credentials is None:
            raise LookUpFailed(f"There are no credentials for the account {account}: add them.")
        query = {"max_results": str(TIMELINE_LENGTH), "tweet.fields": "referenced_tweets,created_at,note_tweet"}
        if since is not None:
            query["start_time"] = datetime.fromtimestamp(since / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        try:
            async with asyncio.timeout(self._seconds):
                response = await self._http.get(f"/2/users/{account}/tweets", params=query, auth=_auth(credentials))
        except (TimeoutError, httpx.HTTPError) as error:
            raise LookUpFailed(f"X could not be asked for the account's posts ({type(error).__name__}).") from error
        decoded = decode(response.content)
        if response.status_code != 200 or not isinstance(decoded, dict):
            raise LookUpFailed(f"X did not tell the account's posts (HTTP {response.status_code}).")
        if "errors" in decoded and "data" not in decoded:
            raise LookUpFailed("X did not tell the account's posts, and gave errors instead.")
        return find_answer(decoded, in_reply_to, text)


def fixed(credentials: Mapping[str, Credentials]) -> Callable[[str], Credentials | None]:
    """Credentials that do not change while the process runs, by account id."""
    return credentials.get


def _auth(credentials: Credentials) -> httpx.Auth:
    return _Signed(credentials) if isinstance(credentials, UserContext) else _Bearer(credentials)


def _check_address(base_url: str) -> None:
    """Credentials never go in the clear over a network."""
    if urlsplit(base_url).scheme != "https" and not _is_loopback(base_url):
        raise InvalidApiAddress


def _is_loopback(base_url: str) -> bool:
    parts = urlsplit(base_url)
    return parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
