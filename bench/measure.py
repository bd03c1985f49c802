"""A figure, and how it is told."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from engine.errors import RejoinderError


class BenchFailed(RejoinderError):
    """A run did not do what it was to measure."""


@dataclass(frozen=True)
class Measure:
    """One line of the result. `ratio` is `value` divided by the value of the measure `against`."""

    name: str
    value: float
    unit: str
    ratio: float | None = None
    against: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        """It as one line of JSON."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Timing:
    """What one run moved, and in which time. `cpu` is the process's processor time in seconds, all its threads'."""

    seconds: float
    cpu: float
    commands: int
    events: int

    @property
    def events_per_second(self) -> float:
        """Events in a second."""
        return self.events / self.seconds

    @property
    def events_per_cpu_second(self) -> float:
        """Events in a second of processor time: what a busy machine changes least."""
        return self.events / self.cpu

    @property
    def commands_per_second(self) -> float:
        """Commands in a second."""
        return self.commands / self.seconds


def typical(timings: Sequence[Timing]) -> float:
    """The median of the events in a second, over several runs."""
    return median(timing.events_per_second for timing in timings)


def rounded(values: Sequence[float]) -> list[int]:
    """Figures for a person's eye."""
    return [round(value) for value in values]


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """The median, the 99th percentile and the largest, of at least one value."""
    ordered = sorted(values)
    return {
        "p50": round(ordered[len(ordered) // 2], 1),
        "p99": round(ordered[len(ordered) * 99 // 100], 1),
        "max": round(ordered[-1], 1),
    }


def of_runs(name: str, timings: Sequence[Timing], detail: dict[str, Any] | None = None) -> Measure:
    """Events in a second, as several runs had them."""
    told = {
        "commands_per_second": round(median(each.commands_per_second for each in timings)),
        "rounds": rounded([each.events_per_second for each in timings]),
        "events_per_cpu_second": rounded([each.events_per_cpu_second for each in timings]),
    }
    return Measure(name, round(typical(timings)), "events/s", detail={**(detail or {}), **told})


def beside(
    name: str, one: Sequence[Timing], against: str, other: Sequence[Timing], detail: dict[str, Any] | None = None
) -> Measure:
    """One side's events in a second against the other's, round for round the two were measured after each other."""
    pairs = list(zip(one, other, strict=True))
    ratios = {
        "ratios": [round(mine.events_per_second / theirs.events_per_second, 3) for mine, theirs in pairs],
        "cpu_ratios": [round(mine.events_per_cpu_second / theirs.events_per_cpu_second, 3) for mine, theirs in pairs],
    }
    alone = of_runs(name, one, detail)
    ratio = round(typical(one) / typical(other), 3)
    return Measure(name, alone.value, alone.unit, ratio, against, alone.detail | ratios)
