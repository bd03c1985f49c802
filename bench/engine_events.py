"""Customers' messages to committed events: the engine against bare loops that write the same, and against a peer."""

from collections.abc import Iterator
from itertools import count
from typing import Any

from bench.engine_run import run_engine
from bench.floor_run import copying, run_floor
from bench.measure import Measure, Timing, beside, of_runs
from bench.peer_run import QUIX, run_peer, versions
from bench.rounds import in_rounds
from bench.run import Run
from topics.processor import GATHER, MAX_BATCH


def measure(run: Run) -> Iterator[Measure]:
    """All sides on the same commands, `rounds` times; who is first alternates."""
    staged = run.staged
    numbers = count()

    def engine() -> Timing:
        with staged.again(f"e{next(numbers)}.") as cluster:
            return run_engine(cluster, staged.expected)

    def floor() -> Timing:
        with staged.target(f"f{next(numbers)}.") as target:
            return run_floor(staged.cluster, target, staged.expected)

    def copy_floor() -> Timing:
        with staged.target(f"c{next(numbers)}.") as target:
            return run_floor(staged.cluster, target, staged.expected, copying)

    def quixstreams() -> Timing:
        return run_peer(QUIX, staged, next(numbers), run.environments, run.services.folder.logs)

    sides = {"engine_events": engine, "floor": floor, "copy_floor": copy_floor, "quixstreams": quixstreams}
    result = in_rounds(sides, run.sizes.rounds)
    found, expected = result.found, staged.expected
    shared = {"commands": expected.commands, "events": expected.events, "records_written": expected.written}
    batch = {"batch": {"records": MAX_BATCH, "gather_seconds": GATHER}}
    quix = {"versions": versions(QUIX)}
    others: dict[str, dict[str, Any]] = {"floor": batch, "copy_floor": batch, "quixstreams": quix}
    for other, more in others.items():
        if result.complete("engine_events", other):
            name = "engine_events" if other == "floor" else f"engine_over_{other}"
            yield beside(name, found["engine_events"], other, found[other], shared)
            yield of_runs(other, found[other], {**shared, **more})
    result.raise_failures()
