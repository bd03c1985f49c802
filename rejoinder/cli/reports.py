"""`report`."""

from dataclasses import asdict, fields
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from projections.queries import measures
from rejoinder.cli.instances import reading, running_instance
from rejoinder.cli.options import Config, Data, Json, Since, Until, instant
from rejoinder.cli.terminal import print_json, print_table, tell


class Kind(StrEnum):
    """What can be counted."""

    interactions = "interactions"
    transitions = "transitions"
    agents = "agents"
    dispositions = "dispositions"
    deliveries = "deliveries"


class Interval(StrEnum):
    """How wide an interval is."""

    quarter_hour = "quarter_hour"
    day = "day"


HEADINGS: Final = {
    "interval_start": "from (UTC)",
    "account_key": "account",
    "engaged_only": "engaged only",
    "closed_automatically": "closed autom.",
    "closed_unanswered": "closed unansw.",
    "unanswered_open": "still open",
    "messages_in": "in",
    "messages_out": "out",
    "answers_posted": "autom. answers",
    "moved_to_private": "to private",
    "deliveries_failed": "not posted",
    "target_met": "in target",
    "target_missed": "beyond",
    "service_level": "service level",
    "first_responses": "first resp.",
    "first_response_seconds_sum": "sum s",
    "first_response_seconds_p50": "p50 s",
    "first_response_seconds_p90": "p90 s",
    "seconds_p50": "p50 s",
    "seconds_p90": "p90 s",
    "from_state": "from state",
    "to_state": "to state",
    "event_type": "event",
    "agent_id": "agent",
    "not_accepted": "not accepted",
    "dispositioned_by": "agent",
    "ended_by": "ended by",
    "handling_seconds_p50": "p50 s",
    "failed_attempts": "failed attempts",
}
SPARE: Final = (
    "first_response_seconds_sum",
    "answers_posted",
    "moved_to_private",
    "engaged_only",
    "target_missed",
    "target_met",
    "deliveries_failed",
    "filtered",
    "expired",
    "withdrawn",
    "ended_by",
    "failed_attempts",
)
"""What a narrow terminal leaves out first; --json has all."""
NOT_SUMMED: Final = ("p50", "p90", "service_level")


def report(
    kind: Annotated[Kind, typer.Argument(help="What is counted.")],
    interval: Annotated[Interval, typer.Option(help="How wide an interval is.")] = Interval.day,
    since: Since = None,
    until: Until = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Count interactions, transitions, agents' work, dispositions or deliveries by interval.

    The last line of the table is the total.

    Example: rejoinder report interactions --interval quarter_hour --since 2026-01-31
    Example: rejoinder report dispositions
    """
    begin, end = instant("--since", since), instant("--until", until)
    _, instance = running_instance(data, config)
    with reading(instance) as connection:
        lines = measures.report(connection, kind.value, interval.value, since=begin, until=end)
    if json:
        return print_json(lines)
    if not lines:
        return tell("Nothing happened in this time.")
    names = [field.name for field in fields(measures.LINES[kind.value])]
    rows = [list(asdict(line).values()) for line in lines]
    spare = [HEADINGS.get(name, name) for name in SPARE]
    print_table([HEADINGS.get(name, name) for name in names], rows, total(names, rows), spare)


def total(names: list[str], rows: list[list[Any]]) -> list[Any]:
    """The sums of the columns that can be summed; percentiles and shares can't."""
    sums: list[Any] = []
    for index, name in enumerate(names):
        values = [row[index] for row in rows if isinstance(row[index], int | float)]
        sums.append(sum(values) if values and not name.endswith(NOT_SUMMED) else None)
    return ["total", *sums[1:]]
