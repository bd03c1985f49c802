"""What an event costs with ten thousand contacts, with a hundred thousand and with a million."""

from collections.abc import Iterator
from statistics import median
from typing import Final

from bench.engine_run import run_processor
from bench.measure import Measure, Timing, rounded
from bench.progress import say
from bench.run import Run
from rejoinder.cluster import wall_clock

MESSAGES: Final = 20_000
WORKER: Final = "1"
"""As the population's worker is called: its state goes on."""
SEED: Final = 5_000


def measure(run: Run) -> Iterator[Measure]:
    """Messages of contacts drawn at random, in this process, on the state that a worker made; sizes take turns."""
    most = run.sizes.contacts
    sizes = sorted({max(1, most // 100), max(1, most // 10), most})
    found: dict[int, list[Timing]] = {size: [] for size in sizes}
    for number in range(run.sizes.rounds):
        for size in sizes if number % 2 == 0 else reversed(sizes):
            population = run.population(size)
            population.ask(population.messages(min(MESSAGES, run.sizes.messages), SEED + number))
            count = min(MESSAGES, run.sizes.messages)
            state = population.settings.data / "state"
            timing = run_processor(population.cluster, count, state, WORKER, wall_clock)
            found[size].append(timing)
            say(f"round {number + 1}: {size} contacts, {_cost(timing):.1f} µs of processor time an event")
    costs = {size: median(map(_cost, timings)) for size, timings in found.items()}
    least = min(costs.values())
    for size, timings in found.items():
        first = size == sizes[0]
        detail = {
            "contacts": size,
            "events": run.population(size).events,
            "messages": timings[0].commands,
            "over_the_least": round(costs[size] / least, 3),
            "clock": round(median(each.seconds / each.events * 1e6 for each in timings), 1),
            "rounds": [round(_cost(each), 1) for each in timings],
            "events_per_second": rounded([each.events_per_second for each in timings]),
        }
        ratio = None if first else round(costs[size] / costs[sizes[0]], 3)
        against = None if first else f"growth_{sizes[0]}"
        yield Measure(f"growth_{size}", round(costs[size], 1), "µs of processor time/event", ratio, against, detail)


def _cost(timing: Timing) -> float:
    return timing.cpu / timing.events * 1e6
