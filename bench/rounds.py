"""Several sides, measured in turns: a machine that gets slower meanwhile does so for all of them."""

from collections.abc import Callable
from dataclasses import dataclass, field

from bench.measure import BenchFailed, Timing
from bench.progress import say

Side = Callable[[], Timing]


@dataclass
class Rounds:
    """What each side did in each round, and why one was given up."""

    found: dict[str, list[Timing]]
    failures: list[str] = field(default_factory=list)

    def complete(self, *names: str) -> bool:
        """Whether these were measured in every round."""
        return all(name in self.found for name in names)

    def raise_failures(self) -> None:
        """To be called after the others were told. Raises BenchFailed if a side failed."""
        if self.failures:
            raise BenchFailed("; ".join(self.failures))


def in_rounds(sides: dict[str, Side], rounds: int) -> Rounds:
    """Each side once a round; who is first alternates. One that fails is given up, and the others go on."""
    result = Rounds({name: [] for name in sides})
    for number in range(rounds):
        order = list(result.found)
        for name in reversed(order) if number % 2 else order:
            try:
                timing = sides[name]()
            except BenchFailed as error:
                say(f"{name} failed: {error}")
                result.failures.append(f"{name}: {error}")
                del result.found[name]
                continue
            result.found[name].append(timing)
            say(f"round {number + 1}: {name} {timing.events_per_second:.0f} events/s")
    return result
