"""What a worker takes of a machine's memory, with many contacts."""

from collections.abc import Iterator
from typing import Final

from bench.measure import Measure
from bench.population import PATIENCE
from bench.processes import program, resident_megabytes, wait_for
from bench.run import Run

MESSAGES: Final = 50_000
"""Of contacts drawn at random: what is kept in memory of them is full by then."""
SEED: Final = 7_000


def measure(run: Run) -> Iterator[Measure]:
    """After the start, and after it has decided many messages."""
    population = run.population(run.sizes.contacts)
    count = min(MESSAGES, population.contacts)
    with program("engine", population.settings, population.logs, PATIENCE) as child:
        started = resident_megabytes(child.pid)
        population.ask(population.messages(count, SEED))
        wait_for("the worker has decided what was asked", population.group().is_at_end, PATIENCE, child, every=0.2)
        value = resident_megabytes(child.pid)
    detail = {"contacts": population.contacts, "after_the_start": round(started), "messages_since": count}
    yield Measure("memory", round(value), "MB", detail=detail)
