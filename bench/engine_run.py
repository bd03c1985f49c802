"""The engine's side: the real processor, in this process, on the topic of commands."""

import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from bench.measure import BenchFailed, Timing
from bench.stage import Expected, still_clock, undisturbed
from bench.workload import AUDIT_SECRET
from engine.interaction.decider import InteractionDecider
from rejoinder.cluster import Cluster
from rejoinder.programs.engine import state_folder
from rejoinder.signing import WriterKey
from topics import policies
from topics.processor import Processor, Setup
from topics.sealing import writer_name

PATIENCE: Final = 600.0
"""Seconds until a run is given up."""


def run_engine(cluster: Cluster, expected: Expected) -> Timing:
    """Decides all commands on the topic, with a new state in RocksDB: from the assignment of the partitions to the last
    commit.

    Raises:
        BenchFailed: it took too long, or a batch had to be done again.
    """
    with tempfile.TemporaryDirectory(prefix="rejoinder-bench-") as above:
        timing = run_processor(cluster, expected.commands, Path(above), "bench", still_clock)
    if timing.events != expected.events:
        raise BenchFailed(f"the engine made {timing.events} events, not {expected.events}: a batch was done again")
    return timing


def run_processor(cluster: Cluster, commands: int, above: Path, instance: str, clock: Callable[[], int]) -> Timing:
    """One interaction processor until it has decided so many commands, on the state in a folder.

    Raises:
        BenchFailed: it took too long.
    """
    stop = threading.Event()
    done: list[tuple[float, float, int]] = []
    failures: list[BaseException] = []

    def point(name: str) -> None:
        if name != "committed":
            return
        counts = processor.counts()
        if sum(each.commands for each in counts) >= commands and not done:
            done.append((time.perf_counter(), time.process_time(), sum(each.events for each in counts)))
            stop.set()

    def work() -> None:
        try:
            processor.run(stop)
        except BaseException as error:
            failures.append(error)
            processor.assigned.set()
            stop.set()

    decider = InteractionDecider()
    thread = threading.Thread(target=work, name="bench-engine")
    with closing(state_folder(above, decider, instance)) as folder, undisturbed():
        processor = Processor(
            Setup(
                broker=cluster.broker,
                catalogue=cluster.catalogue,
                codec=cluster.codec,
                decider=decider,
                instance=instance,
                signer=WriterKey(AUDIT_SECRET.encode(), writer_name(decider.name, instance)),
                policies=policies.rules(cluster.broker, cluster.catalogue, cluster.codec),
                clock=clock,
                shelves=folder.shelf,
                point=point,
            )
        )
        thread.start()
        processor.assigned.wait(PATIENCE)
        began, cpu_began = time.perf_counter(), time.process_time()
        stop.wait(PATIENCE)
        stop.set()
        thread.join()
    if failures:
        raise failures[0]
    if not done:
        raise BenchFailed(f"the engine did not end within {PATIENCE:.0f} s")
    ended, cpu_ended, events = done[0]
    return Timing(ended - began, cpu_ended - cpu_began, commands, events)
