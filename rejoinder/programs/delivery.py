"""`run delivery`: the worker that posts answers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from channels import delivery
from channels.simulator.x_credentials import user_context
from channels.x.client import Credentials, UserContext, XClient
from engine.delivery import AttemptBegun, Deliver
from engine.interaction.commands import RecordDelivery
from rejoinder.cluster import Cluster, connect, wall_clock
from rejoinder.instance import report_ready
from rejoinder.programs import bootstrap_of, until_told
from rejoinder.settings import Settings, SettingsError, X
from topics.delivering import Attempts, DeliverySetup, DeliveryWorker, Unfinished

X_API = "https://api.x.com"


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
    setup = setup_of(settings, connect(settings, bootstrap_of(settings)), worker)
    report_ready()
    DeliveryWorker(setup).run(stop)


def setup_of(
    settings: Settings, cluster: Cluster, worker: str, point: Callable[[str], None] = lambda name: None
) -> DeliverySetup:
    """A worker's setup; `point` is called at the named points of a batch."""
    credentials = credentials_of(settings.x)
    times = delivery.Settings(recorded_time=settings.time.mode == "recorded")

    def makes(begin: Callable[[AttemptBegun], Awaitable[None]]) -> Attempts:
        async def attempts(delivers: Sequence[Deliver], unfinished: Unfinished) -> list[RecordDelivery]:
            async with XClient(settings.x.api or X_API, credentials, call_timeout=settings.x.call_timeout) as x:
                return await delivery.Worker(x, Begins(begin), WallClock(), times).run_batch(delivers, unfinished)

        return attempts

    return DeliverySetup(
        bootstrap=cluster.bootstrap,
        catalogue=cluster.catalogue,
        codec=cluster.codec,
        instance=worker,
        makes=makes,
        clock=wall_clock,
        point=point,
    )


def credentials_of(x: X) -> Callable[[str], Credentials | None]:
    """The credentials of an account on X: the simulator's follow from the app's secret."""
    if x.simulated:
        secret = "" if x.consumer_secret is None else x.consumer_secret.get_secret_value()
        return lambda account: user_context(secret, account)
    given = (x.consumer_key, x.consumer_secret, x.access_token, x.access_token_secret)
    if any(part is None for part in given):
        raise SettingsError(
            "posting on X needs x.consumer_key, x.consumer_secret, x.access_token and x.access_token_secret"
        )
    assert x.consumer_key and x.consumer_secret and x.access_token and x.access_token_secret
    context = UserContext(
        x.consumer_key,
        x.consumer_secret.get_secret_value(),
        x.access_token.get_secret_value(),
        x.access_token_secret.get_secret_value(),
    )
    return lambda account: context
