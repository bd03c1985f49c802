"""What is measured of a world: by the reporting projection's own fold and the reports' own declarations.

The facts lie in temporary tables of one connection, as those of a time do (projections.queries.as_of), in a transaction
that is taken back in the end.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from projections.queries import as_of
from projections.queries.reports import Asked, lines, opened, total
from projections.records import Logged
from projections.reporting.measures import Kind
from rejoinder.whatif.moments import moment_of

MEASURED: Final[tuple[Kind, ...]] = ("interactions", "waits", "handling", "occupancy", "deliveries")
"""The reports of which all measures are taken, as one line each."""
Number = float | int | None


@dataclass(frozen=True)
class Measured:
    """One world in numbers."""

    numbers: dict[tuple[Kind, str], Number]
    """By report and measure."""
    dispositions: dict[str, int]
    """How many interactions ended so."""
    waits: dict[str, float]
    """How long each customer waited for the first answer of a person, seconds; those without one are left out."""


class Measuring:
    """The past, and on it one world after another."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def fold(self, batch: Sequence[Logged]) -> None:
        """Some more events of the past."""
        as_of.fold(self._connection, batch)

    def measure(self, events: Sequence[Logged], since: int, until: int) -> Measured:
        """What comes of events after the past, in numbers: of what was opened, asked for, done … in a time."""
        with self._connection.transaction(force_rollback=True):
            for first in range(0, len(events), as_of.BATCH):
                as_of.fold(self._connection, events[first : first + as_of.BATCH])
            as_of.look(self._connection)
            as_of.show(self._connection, moment_of(until))
            return self._measured(since, until)

    def _measured(self, since: int, until: int) -> Measured:
        begin, end = moment_of(since), moment_of(until)

        def asked(kind: Kind, by: tuple[str, ...] = ()) -> Asked:
            return Asked(kind, "all", by, since=begin, until=end, as_of=end)

        numbers: dict[tuple[Kind, str], Number] = {}
        for kind in MEASURED:
            report = asked(kind)
            line = total(self._connection, report) or {}
            for measure in report.report.measures:
                value = line.get(measure.name, 0 if measure.is_summed else None)
                numbers[kind, measure.name] = value if isinstance(value, int | float) else None
        by_code = lines(self._connection, asked("dispositions", ("disposition",)))
        waits: dict[str, float] = {}
        for row in opened(self._connection, asked("interactions"), "first_response_seconds_sum"):
            if isinstance(row["value"], int | float):
                waits[str(row["interaction_id"])] = row["value"]
        return Measured(numbers, {str(line["disposition"]): _whole(line["interactions"]) for line in by_code}, waits)


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


@contextmanager
def measuring(connection: psycopg.Connection[Any]) -> Iterator[Measuring]:
    """To be called before the connection's first transaction. Of all that is made nothing stays."""
    connection.read_only = False  # temporary tables are written, nothing else
    with connection.transaction(force_rollback=True):
        as_of.make(connection)
        yield Measuring(connection)
