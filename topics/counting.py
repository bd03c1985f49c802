"""What deciders did, counted."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final


@dataclass(slots=True)
class Counts:
    """What was done since the start, for status and metrics; by an aborted transaction too."""

    commands: int = 0
    events: int = 0
    duplicates: int = 0
    timers: int = 0
    replayed: int = 0
    """Events with which the state was brought up to date when its partition was taken."""
    rebuilt: int = 0
    """How often there was no state, or one of another log, and it was built from the beginning."""
    refusals: dict[str, int] = field(default_factory=dict)
    """By code."""
    dead_letters: dict[str, int] = field(default_factory=dict)
    """By code."""

    def refused(self, code: str) -> None:
        """One more refusal."""
        self.refusals[code] = self.refusals.get(code, 0) + 1

    def kept(self, code: str) -> None:
        """One more dead letter."""
        self.dead_letters[code] = self.dead_letters.get(code, 0) + 1

    def copy(self) -> "Counts":
        """As they are now."""
        return Counts(
            self.commands, self.events, self.duplicates, self.timers, self.replayed, self.rebuilt,
            self.refusals.copy(), self.dead_letters.copy(),
        )  # fmt: skip

    def add(self, now: "Counts", before: "Counts") -> None:
        """Adds what came between two counts. By hand, because it is done for each partition of each batch."""
        self.commands += now.commands - before.commands
        self.events += now.events - before.events
        self.duplicates += now.duplicates - before.duplicates
        self.timers += now.timers - before.timers
        self.replayed += now.replayed - before.replayed
        self.rebuilt += now.rebuilt - before.rebuilt
        if now.refusals != before.refusals:
            _add(self.refusals, now.refusals, before.refusals)
        if now.dead_letters != before.dead_letters:
            _add(self.dead_letters, now.dead_letters, before.dead_letters)


_NOTHING: Final = Counts()


def together(counts: Iterable[tuple[Counts, Counts]]) -> Counts:
    """What came in all partitions between two counts of each, the later one first."""
    whole = Counts()
    for now, before in counts:
        whole.add(now, before)
    return whole


def total(counts: Iterable[Counts]) -> Counts:
    """All together."""
    return together((each, _NOTHING) for each in counts)


def _add(whole: dict[str, int], now: dict[str, int], before: dict[str, int]) -> None:
    for code, count in now.items():
        if more := count - before.get(code, 0):
            whole[code] = whole.get(code, 0) + more
