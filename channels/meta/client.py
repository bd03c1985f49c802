"""The calls to Meta's Graph API: do what is asked, and look for what may have been posted."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeVar

import httpx
import msgspec

from channels.calls import CALL_TIMEOUT, Answer, Bearer, Call, Caller
from channels.delivery import Repeat
from channels.meta.errors import TOKEN, decode, error_of, outcome_of
from channels.meta.lookup import Answered, Conversations, Postings, find_own, next_page, other_person
from channels.meta.requests import call_of, is_post
from channels.meta.signature import proof
from channels.outcomes import TIME_OUT, LookUpFailed, Outcome, Posted, Refused, Retry, Unknown
from engine.delivery import Deliver

PAGE: Final = 100
"""How many comments a look-up sees at once: the Graph API's largest page."""
PAGES: Final = 5
"""How many pages it looks at, the latest first."""
MESSAGES: Final = 20
"""How many messages of a conversation it sees: Meta tells no more of their words."""
SLACK: Final = 60_000
"""How far Meta's clock and ours may be apart, in milliseconds: a post may seem as much older than the wish for it."""

_REPEATS: Final[Mapping[str, Repeat]] = {"reply": "doubled", "message": "doubled", "private_answer": "refused"}
"""Meta takes the same comment and the same message twice, but one private answer to a comment only."""
_FIELDS: Final = "id,message,from,created_time"
_TOO_LATE: Final = Unknown(TIME_OUT, "Meta did not answer in time; it may have done it.")
_NO_SUCH_FIELD: Final = 100

_T = TypeVar("_T")


class _NotTold(LookUpFailed):
    """Meta tells nothing of this comment, or not this of it."""


class MetaClient:
    """The Graph API for the pages whose tokens are given. Use as an async context manager.

    Args:
        base_url: with the version: https://graph.facebook.com/v23.0.
        credentials: a page's access token, asked for each call: it may be renewed while the process runs.
        app_secret: proves that a token is used by its app.
        transport: replaces the network, for tests of the application without a socket.
    """

    def __init__(
        self,
        base_url: str,
        credentials: Callable[[str], str | None],
        app_secret: str,
        call_timeout: float = CALL_TIMEOUT,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._caller = Caller("Meta", base_url, call_timeout, transport)
        self._credentials = credentials
        self._app_secret = app_secret
        self._seconds = call_timeout

    async def __aenter__(self) -> "MetaClient":
        await self._caller.__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._caller.__aexit__(*exception)

    @property
    def call_timeout(self) -> int:
        """Milliseconds after which a call has surely ended, a second try with a newer token included."""
        return self._caller.call_timeout

    def repeat(self, deliver: Deliver) -> Repeat:
        """What a second identical call would do."""
        return _REPEATS.get(deliver.action, "harmless")

    async def perform(self, deliver: Deliver) -> Outcome:
        """Does what is asked. Never raises for anything that Meta or the network does."""
        call = call_of(deliver)
        if isinstance(call, Refused):
            return call
        try:
            async with asyncio.timeout(self._seconds):
                made = await self._authorised(deliver.account, call, self._caller.make)
        except TimeoutError:
            return _TOO_LATE
        return outcome_of(deliver, made.status, made.headers, made.body) if isinstance(made, Answer) else made

    async def find(self, deliver: Deliver) -> Posted | None:
        """The page's comment or message, among those posted since it was asked for, or None.

        Which text counts as the same: see channels.meta.lookup. Raises LookUpFailed if Meta does not tell.
        """
        named = call_of(deliver)
        if isinstance(named, Refused):
            raise LookUpFailed(named.detail)
        try:
            async with asyncio.timeout(self._seconds):
                match deliver.action:
                    case "reply":
                        return await self._comment(deliver)
                    case "message":
                        return await self._message(deliver)
                    case "private_answer":
                        return await self._private_answer(deliver)
                    case _:
                        return None
        except TimeoutError as error:
            raise LookUpFailed("Meta did not tell in time what the page posted.") from error

    async def _comment(self, deliver: Deliver) -> Posted | None:
        query = {"fields": _FIELDS, "filter": "stream", "order": "reverse_chronological", "limit": str(PAGE)}
        for _ in range(PAGES):
            call = Call("GET", f"/{deliver.in_reply_to}/comments", query=query)
            page = await self._ask(deliver.account, call, Postings)
            found = find_own(page, deliver.account, deliver.text, deliver.at - SLACK)
            following = next_page(page)
            if found is not None:
                return Posted(found)
            if following is None:
                return None
            query["after"] = following
        return None

    async def _message(self, deliver: Deliver) -> Posted | None:
        query = {
            "platform": "messenger",
            "user_id": deliver.recipient or "",
            "fields": f"messages.limit({MESSAGES}){{{_FIELDS}}}",
        }
        call = Call("GET", f"/{deliver.account}/conversations", query=query)
        told = await self._ask(deliver.account, call, Conversations)
        for conversation in told.data:
            listed = conversation.messages or Postings()
            found = find_own(listed, deliver.account, deliver.text, deliver.at - SLACK)
            if found is not None:
                return Posted(found)
        return None

    async def _private_answer(self, deliver: Deliver) -> Posted | None:
        """A comment names the conversation in which it was answered, and so whom the answer reached. A post does not:
        there only the repeat shows that the answer is there."""
        if is_post(deliver.in_reply_to, deliver.account):
            return None
        fields = f"private_reply_conversation{{participants,messages.limit({MESSAGES}){{{_FIELDS}}}}}"
        call = Call("GET", f"/{deliver.in_reply_to}", query={"fields": fields})
        try:
            conversation = (await self._ask(deliver.account, call, Answered)).private_reply_conversation
        except _NotTold:
            return None
        if conversation is None:
            return None
        listed = conversation.messages or Postings()
        found = find_own(listed, deliver.account, deliver.text, deliver.at - SLACK)
        return None if found is None else Posted(found, other_person(conversation, deliver.account))

    async def _ask(self, account: str, call: Call, shape: type[_T]) -> _T:
        answer = await self._authorised(account, call, self._caller.ask)
        if not isinstance(answer, Answer):
            raise LookUpFailed(answer.detail)
        decoded = decode(answer.body)
        error = error_of(decoded)
        if answer.status != 200 or error is not None or not isinstance(decoded, dict):
            code = "" if error is None else f", error {error.code}"
            kind = _NotTold if error is not None and error.code == _NO_SUCH_FIELD else LookUpFailed
            raise kind(f"Meta did not tell what the page posted (HTTP {answer.status}{code}).")
        try:
            return msgspec.convert(decoded, shape)
        except msgspec.ValidationError as invalid:
            raise LookUpFailed(f"Meta told what the page posted in an unknown shape: {invalid}") from invalid

    async def _authorised(
        self, account: str, call: Call, send: Callable[[Call, httpx.Auth], Awaitable[_T]]
    ) -> _T | Answer | Retry | Refused:
        """Sends with the page's token; a second time if Meta does not accept it and there is a newer one: then
        nothing was done."""
        token = self._credentials(account)
        if token is None:
            return Refused("no_credentials", f"There is no access token for the page {account}: add it.")
        answer = await send(self._proven(call, token), Bearer(token))
        if not isinstance(answer, Answer) or not _is_refused_token(answer):
            return answer
        renewed = self._credentials(account)
        if renewed is None or renewed == token:
            return answer
        return await send(self._proven(call, renewed), Bearer(renewed))

    def _proven(self, call: Call, token: str) -> Call:
        """The call with its proof. It stands in the address, where Meta reads it of every kind of call: by itself it
        opens nothing."""
        query = {**(call.query or {}), "appsecret_proof": proof(self._app_secret, token)}
        return Call(call.method, call.path, call.body, query)


def _is_refused_token(answer: Answer) -> bool:
    error = error_of(decode(answer.body))
    return answer.status == 401 if error is None else error.code in TOKEN
