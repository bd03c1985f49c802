"""Plays many seeds, and keeps what was seen of them."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.simulation.checker import Violation
from tests.simulation.world import World


@dataclass
class Played:
    """What came of some seeds."""

    seeds: int = 0
    failures: dict[int, Violation] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)


def play(
    seeds: Iterable[int], steps: int = 1_000_000, failed: Callable[[int, Violation], None] = lambda seed, why: None
) -> Played:
    """Runs them one after the other. `failed` is told of each that fails, at once."""
    played = Played()
    for seed in seeds:
        world = World(seed)
        try:
            world.run(steps)
        except Violation as violation:
            played.failures[seed] = violation
            failed(seed, violation)
        played.seeds += 1
        played.seen += world.faults.seen
    return played
