"""A figure, and how it is told."""

import json
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
    """What one run moved, and in which time. `cpu` is this process's processor time in seconds, all its threads'."""

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


def typical(timings: list[Timing]) -> float:
    """The median of the events in a second, over several runs."""
    return median(timing.events_per_second for timing in timings)


def rounded(values: list[float]) -> list[int]:
    """Figures for a person's eye."""
    return [round(value) for value in values]
