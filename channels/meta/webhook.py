"""The HTTP endpoint that Meta posts to: shows that it is ours when it is registered, and takes what Meta signed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from channels.mapping import Mapped
from channels.meta import signature
from channels.meta.arrival import Receiver
from channels.meta.mapping import map_body
from channels.webhook import Counts, Inbox, application, receive, refusal, salt, wall_clock

BODY_LIMIT: Final = 3 * 1024 * 1024
"""The largest body, in bytes: a thousand changes of 3 KiB each. A dead letter may hold it whole, and is then still
smaller than the largest record (topics.catalogue.MAX_RECORD)."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """The endpoint for one Meta app, for the feeds and the conversations of any number of pages."""

    signature_header: ClassVar[str] = signature.HEADER

    app_secret: str = field(repr=False)
    verify_token: str = field(repr=False)
    """What Meta has to show when the webhook is registered."""
    own_accounts: Callable[[], frozenset[str]]
    """The ids of the company's pages. Asked for each body: the policy may change."""
    home: Callable[[str, str], str]
    """The key of the person with this channel and platform id."""
    inbox: Inbox
    recorded_time: bool = False
    """Whether a command's time is the item's own, because recorded traffic is played."""
    body_limit: int = BODY_LIMIT
    clock: Callable[[], int] = wall_clock
    salt: Callable[[], bytes] = salt
    counts: Counts = field(default_factory=Counts)

    def routes(self, path: str = "/webhooks/meta") -> list[Route]:
        """GET and POST on `path`."""
        return [Route(path, self.verify, methods=["GET"]), Route(path, self.receive, methods=["POST"])]

    def app(self, path: str = "/webhooks/meta") -> Starlette:
        """The ASGI application of this endpoint alone."""
        return application(self.routes(path), [self.counts])

    async def verify(self, request: Request) -> Response:
        """Meta's verification, once for each registration: gives the challenge back."""
        query = request.query_params
        if "hub.challenge" not in query:
            return refusal(400, "no_challenge", "A GET here is Meta's verification and carries hub.challenge.")
        # An unset token would be proven by an empty one.
        proven = bool(self.verify_token) and signature.same(self.verify_token, query.get("hub.verify_token", ""))
        if query.get("hub.mode") != "subscribe" or not proven:
            return refusal(403, "not_verified", "hub.verify_token is not the one that was set for this webhook.")
        self.counts.challenges += 1
        return PlainTextResponse(query["hub.challenge"], headers={"X-Content-Type-Options": "nosniff"})

    async def receive(self, request: Request) -> Response:
        """One delivery."""
        return await receive(request, self)

    def is_signed(self, body: bytes, header: str | None) -> bool:
        """Whether Meta signed it."""
        return signature.is_signed(self.app_secret, body, header)

    def map(self, decoded: object, received_at: int) -> Mapped:
        """All that a body's JSON asks for."""
        receiver = Receiver(
            own_accounts=self.own_accounts(),
            home=self.home,
            salt=self.salt,
            at=(lambda own_time: own_time) if self.recorded_time else (lambda own_time: received_at),
        )
        return map_body(decoded, receiver)
