"""`run engine`: the interaction and the routing processor, a thread each."""

import gc
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

from engine import bookkeeping
from engine.decider import Decider
from engine.interaction import state as interaction_state
from engine.interaction.decider import InteractionDecider
from engine.record import COLLECT_AFTER
from engine.routing import state as routing_state
from engine.routing.decider import RoutingDecider
from rejoinder.cluster import connect, wall_clock
from rejoinder.instance import report_ready
from rejoinder.observing.program import Seen, observed
from rejoinder.observing.workers import WorkerObserver, has_partitions
from rejoinder.programs import bootstrap_of, until_told
from rejoinder.secrets import audit_secret
from rejoinder.settings import Settings
from rejoinder.signing import WriterKey
from topics import policies
from topics.catalogue import HOUR
from topics.processor import Processor, Setup
from topics.rocks import SWEPT_EVERY, RocksFolder
from topics.sealing import writer_name

ROWS: Final = (*bookkeeping.ROWS, *interaction_state.ROWS, *routing_state.ROWS)
READY_WAIT: Final = 0.1
TURN: Final = 0.0005
"""How long a decider that computes may keep Python from the other one, seconds. A transaction has dozens of answers of
Kafka's client, one for each partition, and each waits for its turn: at Python's own 5 ms a worker was seen to fall
behind while it took half a core."""


def run(settings: Settings, worker: str = "1") -> None:
    """Works until told to stop. `worker` is its name among its like."""
    stop = until_told()
    sys.setswitchinterval(TURN)
    gc.set_threshold(COLLECT_AFTER)
    with observed(settings, "engine", worker) as seen, ExitStack() as folders:
        _work(_processors(settings, worker, seen, folders), seen, stop)


def _processors(settings: Settings, worker: str, seen: Seen, folders: ExitStack) -> list[Processor]:
    cluster = connect(settings, bootstrap_of(settings))
    known = policies.rules(cluster.broker, cluster.catalogue, cluster.codec)
    above, secret = settings.data / "state", audit_secret(settings)
    swept_every = int(settings.erasure.hours * HOUR)

    def processor(decider: Decider) -> Processor:
        folder = folders.enter_context(closing(state_folder(above, decider, worker, swept_every)))
        made = Processor(
            Setup(
                broker=cluster.broker,
                catalogue=cluster.catalogue,
                codec=cluster.codec,
                decider=decider,
                instance=worker,
                signer=WriterKey(secret, writer_name(decider.name, worker)),
                policies=known,
                clock=wall_clock,
                recorded=settings.time.mode == "recorded",
                shelves=folder.shelf,
                sweep=folder.sweep,
                observer=WorkerObserver(decider.name, seen.health, state_place(above, decider, worker)),
                tracer=seen.spans,
            )
        )
        seen.health.needs(decider.name, has_partitions(made.assigned))
        return made

    return [processor(InteractionDecider()), processor(RoutingDecider())]


def state_folder(above: Path, decider: Decider, worker: str, swept_every: int = SWEPT_EVERY) -> RocksFolder:
    """The state of a worker's decider, in a folder of its own; `swept_every` as there."""
    above.mkdir(mode=0o700, parents=True, exist_ok=True)
    return RocksFolder(str(state_place(above, decider, worker)), ROWS, swept_every)


def state_place(above: Path, decider: Decider, worker: str) -> Path:
    """Where that folder is."""
    return above / f"{decider.name}-{worker}"


def _work(processors: list[Processor], seen: Seen, stop: threading.Event) -> None:
    """Runs them until told to stop. One that fails ends all."""
    failures: list[BaseException] = []
    threads = [threading.Thread(target=_guard(each.run, stop, failures), daemon=True) for each in processors]
    for thread in threads:
        thread.start()
    seen.health.started()
    while not stop.is_set() and not all(each.assigned.is_set() for each in processors):
        stop.wait(READY_WAIT)
    if not stop.is_set():
        report_ready()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _guard(
    work: Callable[[threading.Event], None], stop: threading.Event, failures: list[BaseException]
) -> Callable[[], None]:
    """One that fails ends the other too, and the process tells why."""

    def guarded() -> None:
        try:
            work(stop)
        except BaseException as error:
            failures.append(error)
            stop.set()

    return guarded
