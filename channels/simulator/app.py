"""The simulated X and Meta as one ASGI application: X under /2/…, Meta's Graph API under /graph/vNN.N/…."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount

from channels.calls import tls
from channels.simulator import meta_calls, meta_errors, x_calls, x_records
from channels.simulator.control import Control
from channels.simulator.customers import CustomersApi
from channels.simulator.deriving import derived
from channels.simulator.faults import Faults
from channels.simulator.hooks import Hooks
from channels.simulator.limits import QUARTER, Limits
from channels.simulator.meta_api import MetaApi
from channels.simulator.meta_calls import MetaCalls
from channels.simulator.meta_customers import MetaCustomers
from channels.simulator.meta_pages import MetaPages, MetaWebhooks
from channels.simulator.meta_platform import MetaPlatform
from channels.simulator.silence import expect_broken_answers
from channels.simulator.switches import Switches
from channels.simulator.x_api import Api
from channels.simulator.x_calls import Calls
from channels.simulator.x_customers import XCustomers
from channels.simulator.x_messages import Messages
from channels.simulator.x_platform import Platform
from channels.simulator.x_recorded import RecordedApi
from channels.simulator.x_webhooks import Webhooks
from channels.webhook import wall_clock

GRAPH: Final = "/graph/{version}"
"""Where the Graph API is. Any version is served."""


def create_app(
    consumer_secret: str,
    webhook: str | None = None,
    journal: Path | None = None,
    rate_limit: int | None = None,
    echoes: bool = True,
    clock: Callable[[], int] = wall_clock,
    webhook_pause: float = 0.25,
    app_secret: str | None = None,
    verify_token: str | None = None,
    meta_webhook: str | None = None,
) -> Starlette:
    """The application.

    `webhook_pause` is the time in seconds before a delivery is tried a second time; it doubles with each try.
    `app_secret` and `verify_token` are Meta's; where they are not given, nobody knows them.

    Raises BrokenJournal if `journal` holds anything else.
    """
    expect_broken_answers()
    app_secret = app_secret or derived(consumer_secret, "app secret")
    verify_token = verify_token or derived(consumer_secret, "verify token")
    switches = Switches(clock, echoes=echoes)
    x = Platform.opened(journal, switches)
    meta = MetaPlatform(app_secret, switches, x.journal)
    http = httpx.AsyncClient(timeout=10.0, trust_env=False, verify=tls(False))
    x_webhooks = Webhooks(http, consumer_secret, switches.now, webhook)
    meta_webhooks = MetaWebhooks(http, app_secret, verify_token, meta_webhook)
    x_faults = Faults(frozenset(x_records.ERRORS), x_calls.PASSING, x_calls.CALLS)
    meta_faults = Faults(frozenset(meta_errors.ERRORS), meta_calls.PASSING, meta_calls.CALLS)
    x_hooks = Hooks(http, x_webhooks.seal, x_webhooks.urls, x_faults, pause=webhook_pause)
    meta_hooks = Hooks(http, meta_webhooks.seal, meta_webhooks.urls, meta_faults, pause=webhook_pause)
    x_limits = Limits(switches.now, {} if rate_limit is None else {"post": ((rate_limit, QUARTER),)})
    meta_limits = Limits(switches.now)
    calls = Calls(x, x_hooks, x_limits, x_faults, consumer_secret)
    graph = MetaCalls(meta, meta_hooks, meta_limits, meta_faults, app_secret)
    customers = CustomersApi(XCustomers(x), MetaCustomers(meta), x_hooks, meta_hooks)
    control = Control(x, meta, x_hooks, meta_hooks, x_webhooks, meta_webhooks, x_limits, meta_limits)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await x_hooks.finish()
        await meta_hooks.finish()
        await http.aclose()
        x.close()

    routes: list[BaseRoute] = [
        *control.routes(),
        *customers.routes(),
        *RecordedApi(x, x_hooks).routes(),
        *Api(calls).routes(),
        *Messages(calls).routes(),
        *x_webhooks.routes(),
        Mount(GRAPH, routes=[*MetaPages(graph, meta_webhooks).routes(), *MetaApi(graph).routes()]),
    ]
    return Starlette(routes=routes, lifespan=lifespan)
