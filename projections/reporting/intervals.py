"""Intervals of time in SQL: in which one a moment lies, and which ones a stretch of time touches.

Days, weeks and months begin at midnight in a time zone, so that a day has 23 or 25 hours where clocks change. Hours and
quarters of an hour are as long as they are everywhere: in the hour that clocks repeat there are two of each.
"""

from typing import Final, Literal

from projections.reporting.measures import Report

Interval = Literal["quarter_hour", "hour", "day", "week", "month", "all"]
"""`all`: the whole time as one."""

_STEPS: Final[dict[Interval, str]] = {
    "quarter_hour": "15 minutes",
    "hour": "1 hour",
    "day": "1 day",
    "week": "1 week",
    "month": "1 month",
}
_OF_CALENDAR: Final = frozenset(("day", "week", "month"))
EPOCH: Final = "timestamptz '1970-01-01 00:00:00+00'"
ZONE: Final = "%(zone)s::text"
WIDTHS: Final = ("quarter_hour", "hour", "day")
"""The widths of the views, see reporting.dim_interval."""


def begin_of(interval: Interval, at: str) -> str:
    """When the interval begins in which a moment lies, by the parameter `zone`."""
    if interval == "all":
        return "NULL::timestamptz"
    if interval == "quarter_hour":  # every zone's offset is a whole number of them
        return f"date_bin('15 minutes', {at}, {EPOCH})"
    return f"date_trunc('{interval}', {at}, {ZONE})"


def source(report: Report, interval: Interval, schema: str = "reporting") -> str:
    """The rows of a report's fact, each with `interval_start`; by the parameters `zone`, `since` and `until`.

    A stretch of time is cut into its parts in each interval, the seconds of which are `spent`.
    """
    fact, at = f"{schema}.{report.fact}", f"t.{report.at}"
    if report.until is None:
        return f"""(
    SELECT t.*, {begin_of(interval, at)} AS interval_start
    FROM {fact} t
    WHERE {at} >= coalesce(%(since)s, '-infinity'::timestamptz) AND {at} < coalesce(%(until)s, 'infinity'::timestamptz)
) f"""
    until = f"t.{report.until}"
    return f"""(
    SELECT t.*, b.interval_start, extract(epoch FROM c.ends - c.begins)::double precision AS spent
    FROM {fact} t
    CROSS JOIN LATERAL {_touched(interval, at, until)} b
    CROSS JOIN LATERAL (
        SELECT greatest({at}, b.interval_start, %(since)s) AS begins, least({until}, b.interval_end, %(until)s) AS ends
    ) c
    WHERE c.begins < c.ends
) f"""


def source_of_view(report: Report) -> str:
    """The same for a view, in UTC, for each width `w` of reporting.dim_interval."""
    fact, at = f"reporting.{report.fact}", f"t.{report.at}"
    begin = f"date_bin(w.span, {at}, {EPOCH})"
    if report.until is None:
        return f"""(
    SELECT t.*, w.width, {begin} AS interval_start
    FROM reporting.dim_interval w CROSS JOIN {fact} t
) f"""
    until = f"t.{report.until}"
    return f"""(
    SELECT t.*, w.width, b AS interval_start,
           extract(epoch FROM least({until}, b + w.span) - greatest({at}, b))::double precision AS spent
    FROM reporting.dim_interval w
    CROSS JOIN {fact} t
    CROSS JOIN LATERAL generate_series({begin}, {until}, w.span) b
    WHERE b < {until}
) f"""


def _touched(interval: Interval, at: str, until: str) -> str:
    """The intervals that a stretch of time touches, with their begin and end."""
    if interval == "all":
        return "(SELECT NULL::timestamptz AS interval_start, NULL::timestamptz AS interval_end)"
    step, begin = f"interval '{_STEPS[interval]}'", begin_of(interval, at)
    if interval in _OF_CALENDAR:
        return f"""(
        SELECT s AT TIME ZONE {ZONE} AS interval_start, (s + {step}) AT TIME ZONE {ZONE} AS interval_end
        FROM generate_series({begin} AT TIME ZONE {ZONE}, {until} AT TIME ZONE {ZONE}, {step}) s
    )"""
    return f"""(
        SELECT s AS interval_start, s + {step} AS interval_end FROM generate_series({begin}, {until}, {step}) s
    )"""
