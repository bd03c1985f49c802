"""Reports: measures by interval and by what else is asked, and what is behind each of their numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import psycopg
from psycopg.rows import dict_row

from projections.errors import ProjectionError
from projections.queries import as_of
from projections.reporting.intervals import Interval, begin_of, source
from projections.reporting.measures import DIMENSIONS, Kind, Measure, Report
from projections.reporting.reports import REPORTS

Value = datetime | int | float | str | None
Line = dict[str, Value]
"""One line of a report: `interval_start`, what it is counted by, and each measure, by their names."""
INTERVALS: Final[tuple[Interval, ...]] = get_args(Interval)


class NoSuchReport(ProjectionError):
    """A report has no such measure or dimension, or there is no such time zone."""


@dataclass(frozen=True)
class Asked:
    """What is asked: a report, by what, of when, and of which part. `until` is not included.

    `by` None: by what the report is counted by anyway. `where`: a dimension's value as text, None where it has none.
    `as_of`: the time of which as_of.stand made the facts on the connection; None: the facts as they stand.

    Raises:
        NoSuchReport: it can't be counted by that, or there is no such zone.
    """

    kind: Kind = "interactions"
    interval: Interval = "day"
    by: tuple[str, ...] | None = None
    zone: str = "UTC"
    since: datetime | None = None
    until: datetime | None = None
    where: Mapping[str, str | None] = field(default_factory=dict)
    as_of: datetime | None = None

    def __post_init__(self) -> None:
        for name in (*self.dimensions, *self.where):
            if name not in self.report.dimensions:
                there = ", ".join(self.report.dimensions)
                raise NoSuchReport(f"The report {self.kind} can be counted by {there}, and by nothing else.")
        zone_of(self.zone)

    @property
    def report(self) -> Report:
        return REPORTS[self.kind]

    @property
    def schema(self) -> str:
        """Where the facts lie."""
        return "reporting" if self.as_of is None else as_of.SCHEMA

    @property
    def dimensions(self) -> tuple[str, ...]:
        return self.report.by if self.by is None else self.by


def lines(connection: psycopg.Connection[Any], asked: Asked) -> list[Line]:
    """A report, the earliest interval first; times are in the zone that was asked for."""
    by = [f'f.{DIMENSIONS[name][0]} AS "{name}"' for name in asked.dimensions]
    numbers = [f'{measure.sql} AS "{measure.name}"' for measure in asked.report.measures]
    keys = ", ".join(str(number) for number in range(1, len(by) + 2))
    query = f"""SELECT {", ".join(["f.interval_start", *by, *numbers])}
FROM {_rows(asked, asked.dimensions)}
WHERE {_condition(asked)}
GROUP BY {keys} ORDER BY {keys}"""
    return _fetch(connection, query, asked)


def total(connection: psycopg.Connection[Any], asked: Asked) -> Line | None:
    """All lines of a report as one. Asked for anew, so that medians, shares and what has two skills are right."""
    return next(iter(lines(connection, replace(asked, interval="all", by=()))), None)


def opened(connection: psycopg.Connection[Any], asked: Asked, measure: str, at: datetime | None = None) -> list[Line]:
    """The rows behind one number, each with the `value` that it adds, and for a share with `of`.

    Args:
        at: any moment of the number's interval; None: of the whole time.

    Raises:
        NoSuchReport: the report has no such measure.
    """
    wanted = measure_of(asked.report, measure)
    shown = [f"f.{column}" for column in asked.report.shows] + [f"{wanted.value} AS value"]
    if wanted.how == "share":
        shown.append(f"{wanted.of} AS of")
    query = f"""SELECT {", ".join(shown)}
FROM {_rows(asked, ())}
WHERE {_behind(asked, wanted, at)}
ORDER BY f.{asked.report.at}, {", ".join(str(place + 1) for place in range(len(asked.report.shows)))}"""
    return _fetch(connection, query, asked, at)


def events(connection: psycopg.Connection[Any], asked: Asked, measure: str, at: datetime | None = None) -> list[Line]:
    """The events behind one number, each with its position: see `opened`."""
    query = f"""SELECT e.interaction_id, e.sequence, e.event_type, e.occurred_at, e.topic, e.partition,
    e.record_offset, e.event_id
FROM audit.event e
WHERE EXISTS (
    SELECT FROM {_rows(asked, ())}
    WHERE {_behind(asked, measure_of(asked.report, measure), at)} AND {asked.report.events}
) AND e.occurred_at <= coalesce(%(as_of)s, 'infinity'::timestamptz)
ORDER BY e.topic, e.partition, e.record_offset"""
    return _fetch(connection, query, asked, at)


def measure_of(report: Report, name: str) -> Measure:
    """A report's measure. Raises NoSuchReport."""
    measure = report.measure(name)
    if measure is None:
        there = ", ".join(each.name for each in report.measures)
        raise NoSuchReport(f"The report {report.name} has the measures {there}, and no other.")
    return measure


_WHOLE: Final = frozenset(("policy", "interactions", "sequence", "partition", "record_offset"))
_TIMES: Final = frozenset(("at", "until", "occurred_at"))


def kind_of(name: str) -> type:
    """What a column of a report or of what is behind it holds, measures apart."""
    if name.endswith(("_at", "_start")) or name in _TIMES:
        return datetime
    if name in ("value", "of"):
        return float
    return int if name in _WHOLE else str


def zone_of(name: str) -> ZoneInfo:
    """A time zone by its name, one that PostgreSQL knows too. Raises NoSuchReport."""
    fault = "There is no such time zone: write its IANA name, as Europe/Berlin."
    if name != "UTC" and ("/" not in name or name.startswith(("posix/", "right/"))):
        raise NoSuchReport(fault)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: a folder of zones
        raise NoSuchReport(fault) from error


def _fetch(connection: psycopg.Connection[Any], query: str, asked: Asked, at: datetime | None = None) -> list[Line]:
    where = {f"where_{name}": value for name, value in asked.where.items()}
    parameters = {
        "zone": asked.zone,
        "since": asked.since,
        "until": asked.until,
        "at": at,
        "as_of": asked.as_of,
        **where,
    }
    zone = zone_of(asked.zone)
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(query.encode(), parameters).fetchall()
    return [
        {name: value.astimezone(zone) if isinstance(value, datetime) else value for name, value in line.items()}
        for line in found
    ]


def _rows(asked: Asked, by: Sequence[str]) -> str:
    """The fact's rows; where skills are asked for, each once with each of its skills."""
    rows = source(asked.report, asked.interval, asked.schema)
    if "skill" not in by and "skill" not in asked.where:
        return rows
    skilled = rows.replace("SELECT t.*,", "SELECT t.*, s.skill,", 1)
    fact = f"FROM {asked.schema}.{asked.report.fact} t"
    return skilled.replace(fact, f"{fact} LEFT JOIN LATERAL unnest(t.skills) AS s (skill) ON true", 1)


def _condition(asked: Asked) -> str:
    """Which rows are asked for."""
    wanted = [f"f.{DIMENSIONS[name][0]}::text IS NOT DISTINCT FROM %(where_{name})s" for name in asked.where]
    return " AND ".join([f"({asked.report.only})", *wanted])


def _behind(asked: Asked, measure: Measure, at: datetime | None) -> str:
    """Which rows are behind one number."""
    parts = [_condition(asked), f"({measure.counted})"]
    if measure.how == "sum":
        parts.append(f"({measure.value}) <> 0")
    if at is not None:
        parts.append(f"f.interval_start IS NOT DISTINCT FROM {begin_of(asked.interval, '%(at)s::timestamptz')}")
    return " AND ".join(parts)
