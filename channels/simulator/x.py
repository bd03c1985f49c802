"""The simulated X as one ASGI application."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from starlette.applications import Starlette

from channels.simulator.x_api import Api
from channels.simulator.x_control import Control
from channels.simulator.x_hooks import Hooks
from channels.simulator.x_platform import Limits, Platform
from channels.x.webhook import wall_clock


def create_app(
    consumer_secret: str,
    webhook: str | None = None,
    journal: Path | None = None,
    rate_limit: int | None = None,
    echoes: bool = True,
    clock: Callable[[], int] = wall_clock,
    webhook_pause: float = 0.25,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Starlette:
    """The application. `transport` replaces the network to the webhook, for tests without a socket.

    `webhook_pause` is the time in seconds before a delivery is tried a second time; it doubles with each try.

    Raises BrokenJournal if `journal` holds anything else.
    """
    platform = Platform.opened(journal, clock)
    http = httpx.AsyncClient(timeout=10.0, transport=transport, trust_env=False)
    hooks = Hooks(http, consumer_secret, webhook, pause=webhook_pause)
    api = Api(platform, hooks, Limits(clock, rate_limit), consumer_secret, echoes)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await hooks.finish()
        await http.aclose()
        platform.close()

    return Starlette(routes=[*api.routes(), *Control(api).routes()], lifespan=lifespan)
