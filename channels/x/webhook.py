"""The HTTP endpoint that X posts to: proves itself, checks the signature, maps, and answers once Kafka has it.

Every answer is plain JSON and none is a 500: unsigned 403, too large 413, what can't be mapped 200 and kept as a dead
letter (X did send it, and would only send it again), what Kafka did not take 503, so that X repeats it.
"""

import json
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Final, Protocol

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from channels.x import signature
from channels.x.mapping import Mapped, Receiver, Unmapped, map_body
from engine.delivery import DeadLetter
from engine.record import Command

BODY_LIMIT: Final = 448 * 1024
"""The largest body, in bytes; X's are of a few KiB. A dead letter with a whole body, or a command with a whole item
and its text beside it, so stays below Kafka's default of 1 MiB a record."""

_log = logging.getLogger(__name__)


class Inbox(Protocol):
    """Where what arrived is kept: Kafka. Both methods return after it is durable there, and raise if it is not."""

    async def publish(self, commands: Sequence[tuple[str, Command]]) -> None:
        """Writes commands under their keys."""

    async def keep(self, dead_letter: DeadLetter) -> None:
        """Writes a dead letter."""


@dataclass(slots=True)
class Counts:
    """What the endpoint did since it started."""

    received: int = 0
    """Signed bodies."""
    commands: int = 0
    dead_letters: int = 0
    unsigned: int = 0
    too_large: int = 0
    unavailable: int = 0
    """Answered with 503, because Kafka did not take it."""
    broken_off: int = 0
    """The caller left before the body was complete."""
    challenges: int = 0
    ignored: Counter[str] = field(default_factory=Counter)
    """Events passed over, by reason."""


def wall_clock() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def salt() -> bytes:
    """16 random bytes."""
    return os.urandom(16)


@dataclass(frozen=True, slots=True)
class Webhook:
    """The endpoint for one X app."""

    consumer_secret: str
    own_accounts: Callable[[], frozenset[str]]
    """Asked for each body: the policy may change."""
    home: Callable[[str], str]
    """The key of the person with this platform id on X."""
    inbox: Inbox
    recorded_time: bool = False
    """Whether a command's time is the post's own, because recorded traffic is played."""
    body_limit: int = BODY_LIMIT
    clock: Callable[[], int] = wall_clock
    salt: Callable[[], bytes] = salt
    counts: Counts = field(default_factory=Counts)

    def app(self, path: str = "/webhooks/x") -> Starlette:
        """The ASGI application: GET and POST on `path`, GET on /health."""
        return Starlette(
            routes=[
                Route(path, self.challenge, methods=["GET"]),
                Route(path, self.receive, methods=["POST"]),
                Route("/health", self.health, methods=["GET"]),
            ]
        )

    async def health(self, request: Request) -> Response:
        """That it runs, and what it did."""
        counts = {count.name: getattr(self.counts, count.name) for count in fields(self.counts)}
        return JSONResponse({"status": "ok", **counts})

    async def challenge(self, request: Request) -> Response:
        """X's challenge-response check, about hourly: answers with the token's signature."""
        token = request.query_params.get("crc_token")
        if token is None:
            return _refusal(400, "no_crc_token", "A GET here is X's challenge and carries crc_token.")
        self.counts.challenges += 1
        return JSONResponse(signature.crc_answer(self.consumer_secret, token))

    async def receive(self, request: Request) -> Response:
        """One delivery."""
        try:
            body = await read_body(request, self.body_limit)
        except ClientDisconnect:
            self.counts.broken_off += 1
            return _refusal(400, "broken_off", "The body ended before it was complete.")
        if body is None:
            self.counts.too_large += 1
            return _refusal(413, "too_large", f"The body is larger than {self.body_limit} bytes.")
        if not signature.is_signed(self.consumer_secret, body, request.headers.get(signature.HEADER)):
            self.counts.unsigned += 1
            return _refusal(403, "not_signed", f"{signature.HEADER} is absent or is not this body's signature.")
        self.counts.received += 1
        return await self._keep(self._map(body))

    def _map(self, body: bytes) -> Mapped:
        received_at = self.clock()
        receiver = Receiver(
            own_accounts=self.own_accounts(),
            home=self.home,
            salt=self.salt,
            at=(lambda posted_at: posted_at) if self.recorded_time else (lambda posted_at: received_at),
            received_at=received_at,
        )
        try:
            # Not msgspec: only the standard library reads integers and lone surrogates of any kind without loss.
            decoded = json.loads(body.decode())
        except ValueError:
            return Mapped(unmapped=[Unmapped("not_json", "the body is not JSON in UTF-8", body)])
        except RecursionError:
            return Mapped(unmapped=[_too_deep(body)])
        try:
            return map_body(decoded, receiver)
        except RecursionError:
            return Mapped(unmapped=[_too_deep(body)])

    async def _keep(self, mapped: Mapped) -> Response:
        letters = [_dead_letter(unmapped, self.clock()) for unmapped in mapped.unmapped]
        try:
            if mapped.commands:
                await self.inbox.publish(mapped.commands)
            for letter in letters:
                await self.inbox.keep(letter)
        except Exception as error:  # whatever it is, Kafka does not have it, and only X can send it again
            self.counts.unavailable += 1
            _log.error("webhook not kept, X will repeat it: %s", type(error).__name__)
            return _refusal(503, "unavailable", "It could not be kept; send it again.")
        self.counts.commands += len(mapped.commands)
        self.counts.dead_letters += len(letters)
        self.counts.ignored += mapped.ignored
        return JSONResponse(
            {"commands": len(mapped.commands), "dead_letters": len(letters), "ignored": mapped.ignored.total()}
        )


async def read_body(request: Request, limit: int) -> bytes | None:
    """The raw body, or None if it is larger than `limit` bytes, of which never more are held.

    Raises ClientDisconnect when the caller leaves before the end.
    """
    body = bytearray()
    async for chunk in request.stream():
        if len(body) + len(chunk) > limit:
            return None
        body += chunk
    return bytes(body)


def _too_deep(body: bytes) -> Unmapped:
    return Unmapped("too_deep", "the body's JSON is nested too deeply", body)


def _dead_letter(unmapped: Unmapped, at: int) -> DeadLetter:
    return DeadLetter(
        source_topic="webhook",
        source_partition=-1,
        source_offset=-1,
        value=unmapped.raw,
        code=unmapped.code,
        reason=unmapped.reason,
        at=at,
    )


def _refusal(status: int, code: str, reason: str) -> Response:
    return JSONResponse({"code": code, "reason": reason}, status_code=status)
