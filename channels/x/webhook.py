"""The HTTP endpoint that X posts to: answers X's challenge, and takes what X signed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from channels.mapping import ITEM_LIMIT, Mapped
from channels.webhook import Counts, Inbox, application, receive, refusal, salt, wall_clock
from channels.x import signature
from channels.x.mapping import Receiver, map_body

BODY_LIMIT: Final = ITEM_LIMIT
"""The largest body, in bytes; X's are of a few KiB, and hold one item."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """The endpoint for one X app."""

    signature_header: ClassVar[str] = signature.HEADER

    consumer_secret: str = field(repr=False)
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

    def routes(self, path: str = "/webhooks/x") -> list[Route]:
        """GET and POST on `path`."""
        return [Route(path, self.challenge, methods=["GET"]), Route(path, self.receive, methods=["POST"])]

    def app(self, path: str = "/webhooks/x") -> Starlette:
        """The ASGI application of this endpoint alone."""
        return application(self.routes(path), [self.counts])

    async def challenge(self, request: Request) -> Response:
        """X's challenge-response check, about hourly: answers with the token's signature."""
        token = request.query_params.get("crc_token")
        if token is None:
            return refusal(400, "no_crc_token", "A GET here is X's challenge and carries crc_token.")
        self.counts.challenges += 1
        return JSONResponse(signature.crc_answer(self.consumer_secret, token))

    async def receive(self, request: Request) -> Response:
        """One delivery."""
        return await receive(request, self)

    def is_signed(self, body: bytes, header: str | None) -> bool:
        """Whether X signed it."""
        return signature.is_signed(self.consumer_secret, body, header)

    def map(self, decoded: object, received_at: int) -> Mapped:
        """All that a body's JSON asks for."""
        receiver = Receiver(
            own_accounts=self.own_accounts(),
            home=self.home,
            salt=self.salt,
            at=(lambda posted_at: posted_at) if self.recorded_time else (lambda posted_at: received_at),
            received_at=received_at,
        )
        return map_body(decoded, receiver)
