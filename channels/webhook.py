"""What every platform's webhook endpoint does alike: reads a body, has it mapped, and answers once Kafka has it.

Every answer is plain JSON and none is a 500: unsigned 403, too large 413, what can't be mapped 200 and kept as a dead
letter (the platform did send it, and would only send it again), what Kafka did not take 503, so that it is repeated.
"""

import hmac
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
from starlette.routing import BaseRoute, Route

from channels.mapping import Mapped, Unmapped
from engine.delivery import DeadLetter
from engine.record import Command

_log = logging.getLogger(__name__)

WEBHOOK: Final = "webhook"
"""Where a dead letter of an endpoint says that it came from."""


class Inbox(Protocol):
    """Where what arrived is kept: Kafka. Both methods return after it is durable there, and raise if it is not."""

    async def publish(self, commands: Sequence[tuple[str, Command]]) -> None:
        """Writes commands under their keys."""

    async def keep(self, dead_letter: DeadLetter) -> None:
        """Writes a dead letter."""


@dataclass(slots=True)
class Counts:
    """What an endpoint did since it started."""

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


class Endpoint(Protocol):
    """What differs between the platforms, and where what arrives is kept."""

    @property
    def inbox(self) -> Inbox:
        """Takes what arrives."""

    @property
    def counts(self) -> Counts:
        """Counts it."""

    @property
    def body_limit(self) -> int:
        """The largest body, in bytes."""

    @property
    def clock(self) -> Callable[[], int]:
        """The wall clock."""

    @property
    def signature_header(self) -> str:
        """The header that carries a body's signature."""

    def is_signed(self, body: bytes, header: str | None) -> bool:
        """Whether the header is the signature of the raw body; compared in constant time."""

    def map(self, decoded: object, received_at: int) -> Mapped:
        """All that a body's JSON asks for."""


def wall_clock() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def salt() -> bytes:
    """16 random bytes."""
    return os.urandom(16)


def application(routes: Sequence[BaseRoute], counts: Sequence[Counts], key: str | None = None) -> Starlette:
    """The ASGI application of some endpoints, with /health, which tells what they did together.

    Args:
        key: who sends it as a bearer token is told; others only that it runs. None: nobody else can reach it.
    """
    wanted = None if key is None else f"Bearer {key}".encode()

    async def health(request: Request) -> Response:
        sent = request.headers.get("authorization", "").encode("latin-1")
        if wanted is not None and not hmac.compare_digest(sent, wanted):
            return JSONResponse({"status": "ok"})
        return JSONResponse({"status": "ok", **told(counts)})

    return Starlette(routes=[*routes, Route("/health", health, methods=["GET"])])


def told(counts: Sequence[Counts]) -> dict[str, object]:
    """What some endpoints did together, as JSON."""
    whole = Counts()
    for each in counts:
        for name in (count.name for count in fields(Counts)):
            setattr(whole, name, getattr(whole, name) + getattr(each, name))
    return {count.name: getattr(whole, count.name) for count in fields(Counts)}


async def receive(request: Request, endpoint: Endpoint) -> Response:
    """One delivery, from its raw body to the answer."""
    counts = endpoint.counts
    try:
        body = await read_body(request, endpoint.body_limit)
    except ClientDisconnect:
        counts.broken_off += 1
        return refusal(400, "broken_off", "The body ended before it was complete.")
    if body is None:
        counts.too_large += 1
        return refusal(413, "too_large", f"The body is larger than {endpoint.body_limit} bytes.")
    if not endpoint.is_signed(body, request.headers.get(endpoint.signature_header)):
        counts.unsigned += 1
        return refusal(403, "not_signed", f"{endpoint.signature_header} is absent or is not this body's signature.")
    counts.received += 1
    return await _keep(map_body(body, lambda decoded: endpoint.map(decoded, endpoint.clock())), endpoint)


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


def refusal(status: int, code: str, reason: str) -> Response:
    """An answer that says why not."""
    return JSONResponse({"code": code, "reason": reason}, status_code=status)


def map_body(body: bytes, map_decoded: Callable[[object], Mapped]) -> Mapped:
    """All that a raw body asks for, given how its JSON is mapped."""
    try:
        # Not msgspec: only the standard library reads integers and lone surrogates of any kind without loss.
        decoded = json.loads(body.decode())
    except ValueError:
        return Mapped(unmapped=[Unmapped("not_json", "the body is not JSON in UTF-8", body)])
    except RecursionError:
        return Mapped(unmapped=[_too_deep(body)])
    try:
        return map_decoded(decoded)
    except RecursionError:
        return Mapped(unmapped=[_too_deep(body)])


async def _keep(mapped: Mapped, endpoint: Endpoint) -> Response:
    counts = endpoint.counts
    letters = [dead_letter(unmapped, endpoint.clock()) for unmapped in mapped.unmapped]
    try:
        if mapped.commands:
            await endpoint.inbox.publish(mapped.commands)
        for letter in letters:
            await endpoint.inbox.keep(letter)
    except Exception as error:  # whatever it is, Kafka does not have it, and only the platform can send it again
        counts.unavailable += 1
        _log.error("webhook not kept, the platform will repeat it: %s", type(error).__name__)
        return refusal(503, "unavailable", "It could not be kept; send it again.")
    counts.commands += len(mapped.commands)
    counts.dead_letters += len(letters)
    counts.ignored += mapped.ignored
    return JSONResponse(
        {"commands": len(mapped.commands), "dead_letters": len(letters), "ignored": mapped.ignored.total()}
    )


def _too_deep(body: bytes) -> Unmapped:
    return Unmapped("too_deep", "the body's JSON is nested too deeply", body)


def dead_letter(unmapped: Unmapped, at: int) -> DeadLetter:
    """What is kept of a part of a body that can't be mapped."""
    return DeadLetter(
        source_topic=WEBHOOK,
        source_partition=-1,
        source_offset=-1,
        value=unmapped.raw,
        code=unmapped.code,
        reason=unmapped.reason,
        at=at,
    )
