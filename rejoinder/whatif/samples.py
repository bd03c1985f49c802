"""What was seen so often: drawing from it, also where it was not seen to its end.

An offer that expired after a minute does not say how long the agent would have taken, only that it was longer. Such a
sample hands its weight on to those that took longer (Efron's redistribution, which is the Kaplan-Meier estimate).
"""

from bisect import bisect_right
from collections.abc import Iterable
from random import Random
from typing import Final, NamedTuple

FEW: Final = 20
"""So many samples are taken for themselves; with fewer, those of more people."""


class Action(NamedTuple):
    """What somebody did."""

    kind: str
    """accept, decline, reply, engage, transfer, private, end, ready or post."""
    what: str = ""
    """engage: which; transfer: `queue:care`; private: message or link; end: the code."""


class Sample(NamedTuple):
    """How long it took until something was done; None: it was not seen to be done in that time."""

    elapsed: int
    action: Action | None


class Samples:
    """Those of one kind, ready to be drawn from."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples = sorted(samples, key=lambda each: (each.elapsed, each.action is None, each.action or ()))
        self._times = [each.elapsed for each in self._samples]

    def __len__(self) -> int:
        return len(self._samples)

    def draw(self, chance: Random) -> Sample | None:
        """One of them; None: nothing is done, however long one waits.

        The same chance draws from two of these what stands at the same place in the order of time.
        """
        first = 0
        while first < len(self._samples):
            found = self._samples[first + int(chance.random() * (len(self._samples) - first))]
            if found.action is not None:
                return found
            first = bisect_right(self._times, found.elapsed)
        return None


class Model:
    """How people and platforms behave: samples by what they respond to, of each scope and of all."""

    def __init__(self, few: int = FEW) -> None:
        self._few = few
        self._seen: dict[tuple[str, str], list[Sample]] = {}
        self._ready: dict[tuple[str, str], Samples] = {}

    def note(self, prompt: str, scopes: Iterable[str], sample: Sample) -> None:
        """Something was seen. It counts in each of the scopes, and among all."""
        for scope in (*scopes, ""):
            self._seen.setdefault((prompt, scope), []).append(sample)
        self._ready.clear()

    def count(self, prompt: str) -> int:
        """How often it was seen what somebody did."""
        return sum(each.action is not None for each in self._seen.get((prompt, ""), ()))

    def draw(self, prompt: str, scopes: Iterable[str], chance: Random) -> Sample | None:
        """What is done: as in the first of the scopes of which there are not too few samples, else as among all."""
        for scope in scopes:
            if len(self._seen.get((prompt, scope), ())) >= self._few:
                return self._of(prompt, scope).draw(chance)
        return self._of(prompt, "").draw(chance)

    def _of(self, prompt: str, scope: str) -> Samples:
        place = (prompt, scope)
        if place not in self._ready:
            self._ready[place] = Samples(self._seen.get(place, ()))
        return self._ready[place]


def scopes_of(agent: str, queue: str | None) -> list[str]:
    """Whose samples are taken, the nearest first: the agent's in that queue, the queue's, the agent's.

    What is asked in a queue tells more than who is asked: chats are quick, and comments take their time.
    """
    if queue is None:
        return [f"agent:{agent}"]
    return [f"agent:{agent} queue:{queue}", f"queue:{queue}", f"agent:{agent}"]


def chance_of(seed: int, *of: object) -> Random:
    """The chance of one thing. It depends on nothing but the seed and what it is of, so that in two worlds the same
    thing has the same chance: a difference between them comes of what they differ in."""
    return Random("\x1f".join(map(str, (seed, *of))))
