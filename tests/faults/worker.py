"""A worker as a process of its own that can be told to fail: `python -m tests.faults.worker ORDERS`, which are JSON.

An engine runs both deciders, each in a thread, as `rejoinder run engine` does; a projector all projections. Both are
the product's own; only the clock and what happens at the named points are the test's.
"""

import os
import resource
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import msgspec

from engine.interaction.decider import InteractionDecider
from engine.routing.decider import RoutingDecider
from projections import projector as projecting
from projections.catalogue import PROJECTIONS
from projections.observing import Written
from projections.projector import Settings as ProjectorSettings
from projections.records import Logged, Place
from projections.writer import Writer
from rejoinder.cluster import Cluster, connect, wall_clock
from rejoinder.programs.engine import state_folder
from rejoinder.settings import load
from tests.processing import setup
from topics.clients import SESSION_TIMEOUT
from topics.processor import Processor
from topics.rocks import RocksFolder
from topics.shelves import Change, Position, Shelf


class Orders(msgspec.Struct, kw_only=True):
    """What a worker is to do."""

    role: str = "engine"
    instance: str = "1"
    bootstrap: str
    prefix: str
    partitions: int
    replication: int = 1
    state: str = ""
    """The folder above the state's."""
    dsn: str = ""
    crash: tuple[str, str, int] | None = None
    """kill -9 of itself: decider, point, and the how-manieth time it comes there."""
    freeze: tuple[str, str] | None = None
    """SIGSTOP of itself: decider (or projector) and point, once there is the file `armed`."""
    armed: str = ""
    """Is taken away when it froze."""
    clock: str = ""
    """A file with the milliseconds by which the clock is wrong."""
    file_bytes: int | None = None
    """The most that it may write into one file (RLIMIT_FSIZE)."""


def cluster_of(orders: Orders) -> Cluster:
    """The topics that the orders name."""
    settings = load(
        {
            "kafka.bootstrap": orders.bootstrap,
            "topics.prefix": orders.prefix,
            "topics.partitions": orders.partitions,
            "topics.replication": orders.replication,
        }
    )
    return connect(settings, orders.bootstrap)


def point_of(orders: Orders, decider: str) -> Callable[[str], None]:
    """What happens at the points of a decider's batch."""
    seen: Counter[str] = Counter()

    def point(name: str) -> None:
        seen[name] += 1
        if orders.crash == (decider, name, seen[name]):
            os.kill(os.getpid(), signal.SIGKILL)
        if orders.freeze == (decider, name):
            freeze(Path(orders.armed))

    return point


def freeze(armed: Path) -> None:
    """Stops the process, once, where that was asked for."""
    try:
        armed.unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGSTOP)


def engine(orders: Orders, stop: threading.Event) -> None:
    """Both deciders; one that fails ends both."""
    cluster = cluster_of(orders)
    failures: list[BaseException] = []
    with ExitStack() as folders:
        processors = []
        for decider in (InteractionDecider(), RoutingDecider()):
            folder = folders.enter_context(closing(state_folder(Path(orders.state), decider, orders.instance)))
            point = point_of(orders, decider.name)
            given = setup(cluster, decider, orders.instance, point, pointed(folder, point))
            processors.append(Processor(replace(given, clock=clock_of(orders))))
        threads = [threading.Thread(target=_guarded, args=(each, stop, failures)) for each in processors]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]


def pointed(folder: RocksFolder, point: Callable[[str], None]) -> Callable[[int], Shelf]:
    """Shelves with a point after each write: between two of them a batch of several partitions is half on the shelf."""

    def shelf(partition: int) -> Shelf:
        made = folder.shelf(partition)
        write = made.write

        def written(changes: Iterable[Change], position: Position | None) -> None:
            write(changes, position)
            point("shelved")

        setattr(made, "write", written)  # noqa: B010  # mypy would not have it the plain way
        return made

    return shelf


def clock_of(orders: Orders) -> Callable[[], int]:
    """The wall clock, wrong by what a file says."""

    def clock() -> int:
        return wall_clock() + int(Path(orders.clock).read_text() or 0)

    return clock if orders.clock else wall_clock


def _guarded(processor: Processor, stop: threading.Event, failures: list[BaseException]) -> None:
    try:
        processor.run(stop)
    except BaseException as error:
        failures.append(error)
        stop.set()


def projector(orders: Orders, stop: threading.Event) -> None:
    """All projections; it may be frozen between reading a batch and writing it."""

    class Freezing(Writer):
        def write(self, batch: Sequence[Logged], upto: Mapping[Place, int]) -> Written:
            if batch and orders.freeze == ("projector", "read"):
                freeze(Path(orders.armed))
            return super().write(batch, upto)

    setattr(projecting, "Writer", Freezing)  # noqa: B010  # mypy would not have it the plain way
    places = ProjectorSettings(
        orders.bootstrap,
        orders.dsn,
        prefix=orders.prefix,
        instance=f"projector-{orders.instance}",
        kafka={"session.timeout.ms": SESSION_TIMEOUT},
    )
    projecting.Projector(PROJECTIONS, cluster_of(orders).codec, places).run(stop)


def main() -> None:
    """Works until SIGTERM."""
    orders = msgspec.json.decode(sys.argv[1], type=Orders)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    if orders.file_bytes is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that writing fails, as on a full disk, and does not kill
        resource.setrlimit(resource.RLIMIT_FSIZE, (orders.file_bytes, orders.file_bytes))
    {"engine": engine, "projector": projector}[orders.role](orders, stop)


if __name__ == "__main__":
    main()
