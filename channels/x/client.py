"""The calls to X's API: do what is asked, and look for what may have been posted."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

import httpx
from authlib.oauth1 import ClientAuth

from channels.calls import CALL_TIMEOUT, Answer, Bearer, Call, Caller, wall_clock
from channels.delivery import Repeat
from channels.outcomes import TIME_OUT, UNREACHABLE, LookUpFailed, Outcome, Posted, Refused, Retry, Unknown
from channels.x.errors import decode, outcome_of
from channels.x.requests import call_of
from channels.x.timeline import find_answer, find_message, goes_back_to
from engine.delivery import Deliver
from engine.errors import RejoinderError

PAGE: Final = 100
"""How many posts or messages a look-up sees at once: X's largest page."""
PAGES: Final = 5
"""How many pages it looks at."""
SLACK: Final = 60_000
"""How far X's clock and ours may be apart, in milliseconds: a post may seem as much older than the wish for it."""
FIRST_TIME: Final = 1_289_001_600_000
"""2010-11-06, in milliseconds: X refuses an earlier start_time."""

_REPEATS: Final[Mapping[str, Repeat]] = {"reply": "refused", "message": "doubled"}
"""X refuses the same text of the same account a second time, and sends the same message twice."""

_NOT_RENEWED: Final = Retry(UNREACHABLE, "The account's token could not be renewed; nothing was sent.")
_TOO_LATE: Final = Unknown(TIME_OUT, "X did not answer in time; it may have done it.")

_T = TypeVar("_T")
Page = dict[str, object]


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


class XClient:
    """X's API for the accounts whose credentials are given. Use as an async context manager.

    Args:
        credentials: asked for each call: they may be renewed while the process runs.
        refresh: renews the OAuth 2.0 token of an account, so that `credentials` gives the new one. Raises a
            RejoinderError if it never will again, an httpx.HTTPError if only not now.
        transport: replaces the network, for tests of the application without a socket.
    """

    def __init__(
        self,
        base_url: str,
        credentials: Callable[[str], Credentials | None],
        call_timeout: float = CALL_TIMEOUT,
        clock: Callable[[], int] = wall_clock,
        transport: httpx.AsyncBaseTransport | None = None,
        refresh: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self._caller = Caller("X", base_url, call_timeout, transport)
        self._credentials = credentials
        self._refresh = refresh
        self._clock = clock
        self._seconds = call_timeout

    async def __aenter__(self) -> "XClient":
        await self._caller.__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._caller.__aexit__(*exception)

    @property
    def call_timeout(self) -> int:
        """Milliseconds after which a call has surely ended, a renewed token and a second try included."""
        return self._caller.call_timeout

    def repeat(self, deliver: Deliver) -> Repeat:
        """What a second identical call would do."""
        return _REPEATS.get(deliver.action, "harmless")

    async def perform(self, deliver: Deliver) -> Outcome:
        """Does what is asked. Never raises for anything that X or the network does."""
        call = call_of(deliver)
        if isinstance(call, Refused):
            return call
        try:
            async with asyncio.timeout(self._seconds):
                made = await self._authorised(deliver.account, lambda auth: self._caller.make(call, auth))
        except TimeoutError:
            return _TOO_LATE
        if isinstance(made, Answer):
            return outcome_of(deliver.action, made.status, made.headers, made.body, self._clock())
        return made

    async def find(self, deliver: Deliver) -> Posted | None:
        """The account's answer or message, among those posted since it was asked for, or None.

        Which text counts as the same: see channels.x.timeline. Raises LookUpFailed if X does not tell.
        """
        named = call_of(deliver)
        if isinstance(named, Refused):
            raise LookUpFailed(named.detail)
        try:
            async with asyncio.timeout(self._seconds):
                found = await (self._message(deliver) if deliver.action == "message" else self._answer(deliver))
        except TimeoutError as error:
            raise LookUpFailed("X did not tell in time what the account posted.") from error
        return None if found is None else Posted(found)

    async def _answer(self, deliver: Deliver) -> str | None:
        query = {"max_results": str(PAGE), "tweet.fields": "referenced_tweets,created_at,note_tweet"}
        since = deliver.at - SLACK
        if since >= FIRST_TIME:
            query["start_time"] = datetime.fromtimestamp(since / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

        def pick(page: Page) -> str | None:
            return find_answer(page, deliver.in_reply_to, deliver.text)

        call = Call("GET", f"/2/users/{deliver.account}/tweets", query=query)
        return await self._search(deliver.account, call, pick)

    async def _message(self, deliver: Deliver) -> str | None:
        since = deliver.at - SLACK

        def pick(page: Page) -> str | None:
            return find_message(page, deliver.account, deliver.text, since)

        def goes_on(page: Page) -> bool:
            oldest = goes_back_to(page)
            return oldest is None or oldest >= since

        fields = {"event_types": "MessageCreate", "dm_event.fields": "id,event_type,text,sender_id,created_at"}
        path = f"/2/dm_conversations/with/{deliver.recipient}/dm_events"
        call = Call("GET", path, query={"max_results": str(PAGE), **fields})
        return await self._search(deliver.account, call, pick, goes_on)

    async def _search(
        self,
        account: str,
        call: Call,
        pick: Callable[[Page], str | None],
        goes_on: Callable[[Page], bool] = lambda page: True,
    ) -> str | None:
        """The first that `pick` finds on the pages that `call` lists, the latest first."""
        query = dict(call.query or {})
        for _ in range(PAGES):
            page = await self._page(account, Call(call.method, call.path, query=query))
            found, following = pick(page), _next_token(page)
            if found is not None or following is None or not goes_on(page):
                return found
            query["pagination_token"] = following
        return None

    async def _page(self, account: str, call: Call) -> Page:
        answer = await self._authorised(account, lambda auth: self._caller.ask(call, auth))
        if not isinstance(answer, Answer):
            raise LookUpFailed(answer.detail)
        decoded = decode(answer.body)
        if answer.status != 200 or not isinstance(decoded, dict):
            raise LookUpFailed(f"X did not tell what the account posted (HTTP {answer.status}).")
        if "errors" in decoded and "data" not in decoded:
            raise LookUpFailed("X did not tell what the account posted, and gave errors instead.")
        return decoded

    async def _authorised(
        self, account: str, send: Callable[[httpx.Auth], Awaitable[_T]]
    ) -> _T | Answer | Retry | Refused:
        """Sends with the account's credentials; a second time if X does not know them and there are newer ones: then
        nothing was done."""
        credentials = self._credentials(account)
        if credentials is None:
            return Refused("no_credentials", f"There are no credentials for the account {account}: add them.")
        answer = await send(auth_of(credentials))
        if not isinstance(answer, Answer) or answer.status != 401 or not isinstance(credentials, BearerToken):
            return answer
        try:
            if self._refresh is not None:
                await self._refresh(account)
        except httpx.HTTPError:
            return _NOT_RENEWED
        except RejoinderError:
            return answer
        renewed = self._credentials(account)
        if renewed is None or renewed == credentials:
            return answer
        return await send(auth_of(renewed))


def auth_of(credentials: Credentials) -> httpx.Auth:
    """How a request shows these credentials."""
    return _Signed(credentials) if isinstance(credentials, UserContext) else Bearer(credentials.token)


def _next_token(page: Page) -> str | None:
    meta = page.get("meta")
    token = meta.get("next_token") if isinstance(meta, dict) else None
    return token if isinstance(token, str) else None
