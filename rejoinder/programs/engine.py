"""`run engine`: the interaction and the routing processor, a thread each."""

import threading
from collections.abc import Callable

from engine.decider import Decider
from engine.interaction.decider import InteractionDecider
from engine.routing.decider import RoutingDecider
from rejoinder.cluster import connect, wall_clock
from rejoinder.instance import report_ready
from rejoinder.programs import bootstrap_of, until_told
from rejoinder.settings import Settings
from topics import policies
from topics.processor import Processor, Setup

READY_WAIT = 0.1


def run(settings: Settings, worker: str = "1") -> None:
    """Works until told to stop. `worker` is its name among its like."""
    stop = until_told()
    cluster = connect(settings, bootstrap_of(settings))
    known = policies.rules(cluster.bootstrap, cluster.catalogue, cluster.codec)

    def processor(decider: Decider) -> Processor:
        return Processor(
            Setup(
                bootstrap=cluster.bootstrap,
                catalogue=cluster.catalogue,
                codec=cluster.codec,
                decider=decider,
                instance=worker,
                policies=known,
                clock=wall_clock,
                recorded=settings.time.mode == "recorded",
            )
        )

    processors = [processor(InteractionDecider()), processor(RoutingDecider())]
    failures: list[BaseException] = []
    threads = [threading.Thread(target=_guard(each.run, stop, failures), daemon=True) for each in processors]
    for thread in threads:
        thread.start()
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
