"""`run delivery`: the worker that posts answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from channels import delivery
from channels.lanes import Lanes
from channels.meta.client import MetaClient
from channels.x.client import XClient
from engine.delivery import AttemptBegun, Deliver
from engine.envelope import home
from engine.interaction.commands import RecordDelivery
from rejoinder.accounts import accounts_of
from rejoinder.cluster import Cluster, connect, wall_clock
from rejoinder.connecting.credentials import PageCredentials, XCredentials
from rejoinder.instance import report_ready
from rejoinder.observing.platforms import ObservedPlatform
from rejoinder.observing.program import observed
from rejoinder.observing.workers import WorkerObserver, has_partitions
from rejoinder.programs import bootstrap_of, until_told
from rejoinder.secrets import home_secret
from rejoinder.settings import Settings
from topics.delivering import Attempt, DeliverySetup, DeliveryWorker

if TYPE_CHECKING:  # it takes long to load, and is off by default
    from rejoinder.observing.spans import Spans


class WallClock:
    """The real one."""

    def now(self) -> int:
        """Milliseconds since 1970."""
        return wall_clock()

    async def sleep(self, millis: int) -> None:
        """Waits."""
        await asyncio.sleep(millis / 1000)


class Begins:
    """Writes down that an attempt begins."""

    def __init__(self, write: Callable[[AttemptBegun], Awaitable[None]]) -> None:
        self._write = write

    async def begin(self, begun: AttemptBegun) -> None:
        """Returns once it is durable."""
        await self._write(begun)


def run(settings: Settings, worker: str = "1") -> None:
    """Works until told to stop."""
    stop = until_told()
    with observed(settings, "delivery", worker) as seen:
        setup = setup_of(settings, connect(settings, bootstrap_of(settings)), worker, spans=seen.spans)
        delivering = DeliveryWorker(replace(setup, observer=WorkerObserver("delivery", seen.health)))
        seen.health.needs("delivery", has_partitions(delivering.assigned))
        seen.health.started()
        report_ready()
        delivering.run(stop)


def setup_of(
    settings: Settings,
    cluster: Cluster,
    worker: str,
    point: Callable[[str], None] = lambda name: None,
    spans: "Spans | None" = None,
) -> DeliverySetup:
    """A worker's setup; `point` is called at the named points of a batch."""
    platforms = Platforms(settings)
    times = delivery.Settings(recorded_time=settings.time.mode == "recorded")
    secret = home_secret(settings)

    def key(channel: str, platform_id: str) -> str:
        return home(secret, channel, platform_id)

    async def prepare(deliver: Deliver) -> None:
        if deliver.channel == "x":
            await platforms.x_credentials.refresh_due([deliver.account])

    @asynccontextmanager
    async def makes(begin: Callable[[AttemptBegun], Awaitable[None]]) -> AsyncIterator[Attempt]:
        async with AsyncExitStack() as stack:
            opened = await platforms.opened(stack)
            seen = {channel: ObservedPlatform(platform, spans) for channel, platform in opened.items()}
            worker = delivery.Worker(seen, key, Begins(begin), WallClock(), times)
            yield logged(Lanes(worker, prepare).attempt)

    return DeliverySetup(
        broker=cluster.broker,
        catalogue=cluster.catalogue,
        codec=cluster.codec,
        instance=worker,
        makes=makes,
        clock=wall_clock,
        point=point,
        tracer=spans,
    )


def logged(attempt: Attempt) -> Attempt:
    """Whatever an attempt logs names its interaction and its delivery."""

    async def made(deliver: Deliver, begun: AttemptBegun | None) -> RecordDelivery:
        ids = {
            "interaction_id": deliver.interaction_id,
            "delivery_id": deliver.delivery_id,
            "attempt": deliver.attempt,
        }
        with structlog.contextvars.bound_contextvars(**ids):
            return await attempt(deliver, begun)

    return made


class Platforms:
    """The platforms' APIs, with the credentials that accounts have when they are asked for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._addresses = settings.x.address, settings.meta.address  # a simulator without address shows here
        accounts = accounts_of(settings)
        self.x_credentials = XCredentials(accounts, settings.x)
        self.page_credentials = PageCredentials(accounts, settings.meta)

    async def opened(self, stack: AsyncExitStack) -> dict[str, delivery.Platform]:
        """The clients by channel, until the stack is left. Without Meta's app secret there is none for its channels."""
        x, meta = self._settings.x, self._settings.meta
        x_address, meta_address = self._addresses
        found: dict[str, delivery.Platform] = {
            "x": await stack.enter_async_context(
                XClient(x_address, self.x_credentials, call_timeout=x.call_timeout, refresh=self.x_credentials.refresh)
            )
        }
        if meta.app_secret is not None:
            client = await stack.enter_async_context(
                MetaClient(meta_address, self.page_credentials, meta.app_secret.get_secret_value(), meta.call_timeout)
            )
            found |= {"facebook": client, "messenger": client}
        return found
