"""What may go wrong, how often in one run, and how often it did.

Each seed has only some kinds of faults, at rates of its own (swarm testing): all of them all the time would keep a run
from ever coming far enough for the rarer ones to matter.
"""

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

POINTS: Final = ("consumed", "decided", "produced", "offsets", "committed", "stored")
CHECKPOINT_POINTS: Final = ("produced", "offsets", "committed", "stored")
DELIVERY_POINTS: Final = ("read", "attempted", "offsets", "committed")

RATES: Final[dict[str, float]] = {
    "crash": 0.004,  # wherever a worker waits
    **{f"crash at {point}": 0.03 for point in POINTS},
    **{f"crash at checkpoint {point}": 0.1 for point in CHECKPOINT_POINTS},
    **{f"crash at delivery's {point}": 0.1 for point in DELIVERY_POINTS},
    "pause": 0.004,  # past the session's time-out: it wakes up as a zombie
    "pause at a point": 0.02,
    "pause while restoring": 0.1,  # between a snapshot's marker and its rows
    "a worker leaves": 0.002,
    "commit lost": 0.03,
    "commit late": 0.03,
    "commit unknown": 0.03,
    "markers late": 0.15,
    "aborted": 0.03,
    "retriable": 0.03,
    "fatal": 0.01,
    "records late": 0.02,
    "shelf lost": 0.2,
    "shelf behind": 0.3,
    "shelf ahead": 0.2,
    "snapshots compacted": 0.3,
    "command doubled": 0.2,
    "command late": 0.2,
    "begin lost": 0.05,
    "begin late": 0.05,
    "call done without an answer": 0.2,
    "call not done without an answer": 0.1,
    "call refused for now": 0.1,
    "look-up failed": 0.15,
    "timeline late": 0.3,
    "database failed": 0.05,
    "database failed in the commit": 0.05,
}
"""How often each may happen, of the times that it could."""

MOST: Final = len(RATES) // 2
"""Of so many kinds at most each seed has some."""
WITH: Final = {
    "call done without an answer": ("timeline late",),
    "begin late": ("crash at delivery's read",),
    "pause while restoring": ("shelf lost", "crash"),
}
"""What shows something new only together, and best with nothing else."""

EFFECTS: Final = (
    "zombie's offsets refused",
    "zombie's epoch refused",
    "transaction timed out",
    "session timed out",
    "stale generation refused",
    "partition moved",
    "shelf thrown away",
    "shelf caught up",
    "checkpoint written",
    "checkpoint refused",
    "restored from a snapshot",
    "message repeated",
    "offer expired",
    "repeat refused by the platform",
    "settled by a look",
    "projector's offsets conflict",
)
"""What they lead to, that has to be seen too."""


@dataclass
class Faults:
    """Those of one run."""

    chance: random.Random
    rates: dict[str, float] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)
    active: bool = True

    def happens(self, kind: str) -> bool:
        """Whether it happens now."""
        rate = self.rates.get(kind, 0.0)
        if not self.active or not rate or self.chance.random() >= rate:
            return False
        self.seen[kind] += 1
        return True

    def saw(self, effect: str) -> None:
        """Something came of a fault."""
        self.seen[effect] += 1


def drawn(seed: int, chance: random.Random) -> Faults:
    """A few kinds of faults, at rates between half and twice the usual; and one more in turn, so that none is rare."""
    kinds = sorted(RATES)
    some = {kind: RATES[kind] * chance.uniform(0.5, 2) for kind in chance.sample(kinds, chance.randint(0, MOST))}
    turn = kinds[seed % len(kinds)]
    if turn in WITH:
        some.clear()
    some |= {kind: RATES[kind] * 3 for kind in (turn, *WITH.get(turn, ()))}
    return Faults(chance, {kind: min(0.9, rate) for kind, rate in some.items()})
