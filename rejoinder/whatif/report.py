"""Both worlds side by side: each measure with its spread over the runs, and the interactions that differ most."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from projections.reporting.measures import Kind
from rejoinder.whatif.lives import Life, Step
from rejoinder.whatif.measuring import Measured, Number

MOST: Final = 5
"""So many interactions and changes of way are told."""
ROUND: Final = 6
"""Digits after the point: sums in another order differ behind them."""


@dataclass(frozen=True)
class Spread:
    """What a number was over the runs; None where no run had it."""

    low: Number
    median: Number
    high: Number


@dataclass(frozen=True)
class Line:
    """One measure: as recorded, in the same world under the policy of then, under the candidate, and the difference.

    The difference is taken run by run.
    """

    report: str
    measure: str
    recorded: Number
    baseline: Spread
    candidate: Spread
    difference: Spread


@dataclass(frozen=True)
class Compared:
    """One interaction in both worlds of the first run. Of one that a world doesn't have, the steps are empty.

    `added_wait_seconds`: how much longer the customer waits for the first answer; 0 where there is one in none, or one.
    """

    interaction_id: str
    added_wait_seconds: float
    baseline: tuple[Step, ...]
    candidate: tuple[Step, ...]


@dataclass(frozen=True)
class Ways:
    """A change of the states that interactions came through, how many changed so, and one of them."""

    baseline: tuple[str, ...]
    candidate: tuple[str, ...]
    interactions: int
    example: Compared


@dataclass(frozen=True)
class Differing:
    """Where the first run's worlds part."""

    waited_longer: int
    waited_shorter: int
    other_ways: int
    by_wait: tuple[Compared, ...]
    by_way: tuple[Ways, ...]


def lines_of(
    recorded: Measured, baselines: Sequence[Measured], candidates: Sequence[Measured], kinds: Iterable[Kind]
) -> list[Line]:
    """Each measure of the reports, and the dispositions."""
    wanted = set(kinds)
    found = [
        _line(kind, name, value, [each.numbers[kind, name] for each in baselines],
              [each.numbers[kind, name] for each in candidates])
        for (kind, name), value in recorded.numbers.items() if kind in wanted
    ]  # fmt: skip
    codes = sorted({code for each in (recorded, *baselines, *candidates) for code in each.dispositions})
    found += [
        _line(
            "dispositions",
            code,
            recorded.dispositions.get(code, 0),
            _of_code(baselines, code),
            _of_code(candidates, code),
        )
        for code in codes
    ]
    return found


def differing(
    baseline: Mapping[str, Life], candidate: Mapping[str, Life], waits: tuple[Mapping[str, float], Mapping[str, float]]
) -> Differing:
    """The interactions that differ most.

    Args:
        waits: how long each customer waited for the first answer, in both worlds.
    """
    names = sorted({*baseline, *candidate})
    nothing = Life()
    lives = {name: (baseline.get(name, nothing), candidate.get(name, nothing)) for name in names}
    added = {name: round(waits[1][name] - waited, 3) for name, waited in waits[0].items() if name in waits[1]}

    def compared(name: str) -> Compared:
        one, other = lives.get(name, (nothing, nothing))
        return Compared(name, added.get(name, 0.0), tuple(one.steps()), tuple(other.steps()))

    ways: defaultdict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = defaultdict(list)
    for name, (one, other) in lives.items():
        if one.way != other.way:
            ways[one.way, other.way].append(name)
    often = sorted(ways.items(), key=lambda each: (-len(each[1]), each[0]))
    most = sorted((name for name, seconds in added.items() if seconds), key=lambda name: (-abs(added[name]), name))
    return Differing(
        waited_longer=sum(seconds > 0 for seconds in added.values()),
        waited_shorter=sum(seconds < 0 for seconds in added.values()),
        other_ways=sum(map(len, ways.values())),
        by_wait=tuple(compared(name) for name in most[:MOST]),
        by_way=tuple(Ways(*way, len(those), compared(those[0])) for way, those in often[:MOST]),
    )


def _line(report: str, measure: str, recorded: Number, baseline: Sequence[Number], candidate: Sequence[Number]) -> Line:
    differences = [
        None if one is None or other is None else other - one for one, other in zip(baseline, candidate, strict=True)
    ]
    return Line(report, measure, _rounded(recorded), _spread(baseline), _spread(candidate), _spread(differences))


def _of_code(measured: Sequence[Measured], code: str) -> list[Number]:
    return [each.dispositions.get(code, 0) for each in measured]


def _spread(values: Sequence[Number]) -> Spread:
    there = [value for value in values if value is not None]
    if not there:
        return Spread(None, None, None)
    return Spread(_rounded(min(there)), _rounded(statistics.median(there)), _rounded(max(there)))


def _rounded(value: Number) -> Number:
    return round(value, ROUND) if isinstance(value, float) else value


def summed(counters: Iterable[Counter[str]]) -> dict[str, int]:
    """Counts of several runs together, in the order of their names."""
    together: Counter[str] = Counter()
    for each in counters:
        together.update(each)
    return dict(sorted(together.items()))
