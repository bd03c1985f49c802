"""What a web program does, as metrics and spans: each request by its route, and what its webhooks led to."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Final

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from channels.webhook import Counts
from rejoinder.observing import metrics
from rejoinder.observing.health import Health

if TYPE_CHECKING:  # it takes long to load, and is off by default
    from rejoinder.observing.spans import Spans

OTHER: Final = "other"
"""The route of whatever has none: anybody may ask for any path."""
METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
BEAT: Final = 1.0
BROKEN_OFF: Final = "none"
"""The status of a request that got no answer."""


class Observed:
    """An ASGI application whose requests are counted, timed and followed.

    plain: the paths of routes that have no template, as the webhooks'.
    """

    def __init__(self, app: ASGIApp, plain: Collection[str], spans: "Spans | None" = None) -> None:
        self._app = app
        self._plain = plain
        self._spans = spans

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        path, begun, status = scope["path"], time.perf_counter(), BROKEN_OFF

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        method = scope["method"] if scope["method"] in METHODS else OTHER
        with nullcontext() if self._spans is None else self._spans.request(method) as span:
            try:
                await self._app(scope, receive, noting)
            finally:
                route = self._route(scope, path)
                metrics.REQUESTS.labels(method, route, status).observe(time.perf_counter() - begun)
                if span is not None:
                    span.answered(route, status)

    def _route(self, scope: Scope, path: str) -> str:
        """The template of the route that answered: the application leaves it in the scope."""
        route = scope.get("route")
        template = getattr(route, "path", None)
        if isinstance(template, str) and not isinstance(route, Mount):  # then nothing below it answered
            return str(scope.get("root_path", "")) + template
        return path if path in self._plain else OTHER


@asynccontextmanager
async def beating(health: Health | None) -> AsyncIterator[None]:
    """The event loop of the server turns: told every BEAT seconds, as long as the context lasts."""
    if health is None:
        yield
        return

    async def beat() -> None:
        while True:
            health.turned(metrics.WEB)
            metrics.TURNS.labels(metrics.WEB).inc()
            await asyncio.sleep(BEAT)

    health.started()
    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()


class WebhookCounts(Collector):
    """What webhook endpoints count themselves, by platform."""

    OUTCOMES: Final = ("unsigned", "too_large", "broken_off", "unavailable")

    def __init__(self, counts: Mapping[str, Counts]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        """As they are now."""
        outcomes: dict[tuple[str, ...], int] = {
            (platform, outcome): getattr(counts, outcome)
            for platform, counts in self._counts.items()
            for outcome in self.OUTCOMES
        }
        accepted = {
            (platform, "accepted"): counts.received - counts.unavailable for platform, counts in self._counts.items()
        }
        yield metrics.WEBHOOKS.told(outcomes | accepted)
        yield metrics.WEBHOOK_COMMANDS.told({(platform,): counts.commands for platform, counts in self._counts.items()})
