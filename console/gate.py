"""What stands before every request: its size, its token, and that nothing but JSON comes back when all else fails."""

import asyncio
import re
from typing import Final
from urllib.parse import parse_qsl

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console import tokens
from console.access import Caller
from console.ports import Api
from console.problems import FAULT, Problem, answer
from engine.errors import place_of

HEADER_LIMIT: Final = 16 * 1024
"""Bytes of all headers together."""
QUERY_LIMIT: Final = 8 * 1024
BODY_LIMIT: Final = 512 * 1024
"""Bytes: the longest text that may be sent takes 300 KiB when every character is escaped."""
LARGER_BODIES: Final = {
    "/policy": 4 * 1024 * 1024,
    "/policy/validate": 4 * 1024 * 1024,
    "/contacts/import": 1024 * 1024,
}
BODY_TIME: Final = 30.0
"""Seconds for a body to come."""
_TOKEN_NAMES: Final = frozenset({"token", "access_token", "authorization", "api_key", "apikey"})
_BEARER: Final = re.compile(r"[Bb]earer +(\S+) *")

log = structlog.get_logger()


class Gate:
    """Lets requests through to the application: authenticated, and with the body whole."""

    def __init__(self, app: ASGIApp, api: Api, body_time: float = BODY_TIME) -> None:
        self._app = app
        self._api = api
        self._body_time = body_time

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        began = False

        async def noting(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            scope.setdefault("state", {})["caller"] = self._check(scope)
            body = await self._body(scope, receive)
            if body is not None:
                await self._app(scope, _replaying(body, receive), noting)
        except Problem as problem:
            await answer(problem)(scope, receive, send)
        except Exception as error:  # a fault of the code
            log.error("api_failed", fault=place_of(error))
            if began:
                return  # what was begun can't be taken back: the connection ends
            await answer(FAULT)(scope, receive, send)

    def _check(self, scope: Scope) -> Caller:
        """Who calls. Raises Problem."""
        if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADER_LIMIT:
            raise Problem(431, "headers_too_large", f"The headers are larger than {HEADER_LIMIT} bytes.")
        query: bytes = scope["query_string"]
        if len(query) > QUERY_LIMIT:
            raise Problem(414, "query_too_long", f"The query is longer than {QUERY_LIMIT} bytes.")
        if _names_a_token(query):
            raise Problem(400, "token_in_url", "URLs end up in logs: send the token in the header Authorization.")
        return self._caller(Headers(scope=scope).getlist("authorization"))

    def _caller(self, given: list[str]) -> Caller:
        matched = _BEARER.fullmatch(given[0]) if len(given) == 1 else None
        token_id, secret = tokens.split(matched[1]) if matched else ("", "")
        token = self._api.token(token_id)
        if not tokens.proves(token, secret) or token is None or not tokens.holds(token, self._api.clock()):
            # The same answer whatever is wrong, so that nobody learns which ids there are.
            reason = "Send a token that holds in the header Authorization: Bearer rj_…"
            raise Problem(401, "no_token", reason, {"WWW-Authenticate": "Bearer"})
        return Caller(token.subject, token.role, lambda: tokens.holds(self._api.token(token_id), self._api.clock()))

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole body, of which never more is held than allowed; None if the caller left. Raises Problem."""
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        limit = LARGER_BODIES.get(path, BODY_LIMIT)
        too_large = Problem(413, "too_large", f"The body is larger than {limit} bytes.")
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and (len(announced) > len(str(limit)) or int(announced) > limit):
            raise too_large
        body = bytearray()
        try:
            async with asyncio.timeout(self._body_time):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    chunk: bytes = message.get("body", b"")
                    if len(body) + len(chunk) > limit:
                        raise too_large
                    body += chunk
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            raise Problem(408, "too_slow", f"The body did not come within {self._body_time:.0f} s.") from None


def _names_a_token(query: bytes) -> bool:
    if tokens.PREFIX.encode() not in query and not any(name.encode() in query.lower() for name in _TOKEN_NAMES):
        return False
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    return any(name.lower() in _TOKEN_NAMES or tokens.split(value)[1] for name, value in pairs)


def _replaying(body: bytes, receive: Receive) -> Receive:
    """Gives the body that was read, then what comes: that the caller left."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
