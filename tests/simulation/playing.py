"""Plays many seeds, in one process or in several, and keeps what was seen of them."""

import multiprocessing
import signal
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice, takewhile
from typing import Final, NamedTuple

from tests.simulation.checker import Violation
from tests.simulation.world import World

FOR_EVER: Final = 1_000_000
"""More steps than any run has."""
AHEAD: Final = 4
"""How many seeds a process has before it at most."""
LOOK: Final = 0.2
"""How often it is asked whether to stop, seconds."""


class Outcome(NamedTuple):
    """What came of one seed. `violation`: None, where all was as it has to be."""

    seed: int
    violation: Violation | None
    seen: Counter[str]


@dataclass
class Played:
    """What came of some seeds."""

    seeds: int = 0
    failures: dict[int, Violation] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: Outcome) -> None:
        self.seeds += 1
        self.seen += outcome.seen
        if outcome.violation is not None:
            self.failures[outcome.seed] = outcome.violation


def play(
    seeds: Iterable[int],
    steps: int = FOR_EVER,
    jobs: int = 1,
    told: Callable[[Outcome, Played], None] = lambda outcome, played: None,
    stop: Callable[[], bool] = lambda: False,
) -> Played:
    """Runs them until `stop` says so. `told` hears of each as soon as it is over, and what came of those so far."""
    played = Played()
    with closing(outcomes(seeds, steps, jobs, stop=stop)) as found:
        for outcome in found:
            played.add(outcome)
            told(outcome, played)
    return played


def play_one(seed: int, steps: int = FOR_EVER) -> Outcome:
    """Runs one."""
    world, violation = World(seed), None
    try:
        world.run(steps)
    except Violation as found:
        violation = found
    except Exception as error:
        error.add_note(f"in seed {seed}")
        raise
    return Outcome(seed, violation, world.faults.seen)


def outcomes(
    seeds: Iterable[int],
    steps: int,
    jobs: int,
    plays: Callable[[int, int], Outcome] = play_one,
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Outcome, None, None]:
    """What comes of each seed, as soon as it is known; so many processes share them. Close it to end what still runs.

    `stop` is asked now and then. Ctrl-C must not raise in here: it would leave locks that the pool's thread waits for.
    """
    if jobs == 1:
        yield from (plays(seed, steps) for seed in takewhile(lambda seed: not stop(), seeds))
        return
    # Begun anew, not copied: a copy would have the locks of whatever thread this process has.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=_leave_interrupts_to_the_parent) as pool:
        left, running = iter(seeds), set[Future[Outcome]]()
        try:
            while not stop():
                running |= {pool.submit(plays, seed, steps) for seed in islice(left, AHEAD * jobs - len(running))}
                if not running:
                    return
                done, running = wait(running, LOOK, return_when=FIRST_COMPLETED)
                yield from (each.result() for each in done)
        finally:
            if running:  # a pool alone would wait for them
                pool.shutdown(wait=False, cancel_futures=True)
                for child in multiprocessing.active_children():
                    child.terminate()


def _leave_interrupts_to_the_parent() -> None:
    """Ctrl-C reaches every process of a terminal; one of them is enough to tell of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
