"""Counts: the summary, the reports by interval, and how far the projections are behind."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import psycopg

from projections.queries.files import fetch
from projections.records import Place

Kind = Literal["interactions", "transitions", "agents"]
Interval = Literal["quarter_hour", "day"]
_WIDTHS: Final[dict[Interval, str]] = {"quarter_hour": "15 minutes", "day": "1 day"}


@dataclass(frozen=True)
class FirstResponse:
    """First response times in seconds; the percentiles are interpolated, and None where there are none."""

    count: int
    p50: float | None
    p90: float | None
    sum: float


@dataclass(frozen=True)
class Summary:
    """The whole, in numbers."""

    contacts: int
    interactions: int
    interactions_by_state: dict[str, int]
    inbound_messages: int
    replies_posted: int
    replies_elsewhere: int
    replies_refused: int
    replies_abandoned: int
    replies_pending: int
    notices_posted: int
    first_response_seconds: FirstResponse
    events: int
    chain_faults: int


@dataclass(frozen=True)
class IntervalLine:
    """The interactions that were opened in one interval, by account and queue. See the comments of reporting.by_day."""

    interval_start: datetime
    account_key: str
    queue: str | None
    offered: int
    answered: int
    closed_automatically: int
    withdrawn: int
    expired: int
    closed_unanswered: int
    unanswered_open: int
    filtered: int
    messages_in: int
    messages_out: int
    first_responses: int
    first_response_seconds_sum: float | None
    first_response_seconds_p50: float | None
    first_response_seconds_p90: float | None


@dataclass(frozen=True)
class TransitionLine:
    """How often one transition was made in an interval, and how long the state before it lasted."""

    interval_start: datetime
    from_state: str | None
    to_state: str
    event_type: str
    transitions: int
    seconds_p50: float | None
    seconds_p90: float | None


@dataclass(frozen=True)
class AgentLine:
    """What was offered to an agent and came of it, in the interval in which it was offered."""

    interval_start: datetime
    agent_id: str
    assigned: int
    not_accepted: int
    answers: int


@dataclass(frozen=True)
class Lag:
    """How far one projection is behind the log."""

    projection: str
    version: int
    behind: int
    """Records (and markers of transactions) that it has not read."""
    partitions: int


@dataclass(frozen=True)
class _SummaryRow:
    contacts: int
    interactions: int
    interactions_by_state: dict[str, int]
    inbound_messages: int
    replies_posted: int
    replies_elsewhere: int
    replies_refused: int
    replies_abandoned: int
    replies_pending: int
    notices_posted: int
    count: int
    p50: float | None
    p90: float | None
    sum: float
    events: int
    chain_faults: int


@dataclass(frozen=True)
class _Position:
    projection: str
    version: int
    topic: str
    partition: int
    next_offset: int


def summary(connection: psycopg.Connection[Any]) -> Summary:
    """The whole, in numbers. Checks the chain of every key, so it reads the whole audit trail."""
    (row,) = fetch(connection, "summary", _SummaryRow)
    return Summary(
        contacts=row.contacts,
        interactions=row.interactions,
        interactions_by_state=row.interactions_by_state,
        inbound_messages=row.inbound_messages,
        replies_posted=row.replies_posted,
        replies_elsewhere=row.replies_elsewhere,
        replies_refused=row.replies_refused,
        replies_abandoned=row.replies_abandoned,
        replies_pending=row.replies_pending,
        notices_posted=row.notices_posted,
        first_response_seconds=FirstResponse(row.count, row.p50, row.p90, row.sum),
        events=row.events,
        chain_faults=row.chain_faults,
    )


def report(
    connection: psycopg.Connection[Any],
    kind: Kind = "interactions",
    interval: Interval = "day",
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[IntervalLine] | list[TransitionLine] | list[AgentLine]:
    """One report, the earliest interval first; `until` is not included."""
    span: dict[str, object] = {"width": _WIDTHS[interval], "since": since, "until": until}
    if kind == "interactions":
        return fetch(connection, f"report_interactions_{interval}", IntervalLine, span)
    if kind == "transitions":
        return fetch(connection, "report_transitions", TransitionLine, span)
    return fetch(connection, "report_agents", AgentLine, span)


def lag(connection: psycopg.Connection[Any], ends: Mapping[Place, int]) -> list[Lag]:
    """How far each projection is behind.

    Args:
        ends: the offset after the last record of each partition (the high watermark, or the last stable offset).
    """
    behind: dict[tuple[str, int], list[int]] = {}
    for row in fetch(connection, "positions", _Position):
        end = ends.get((row.topic, row.partition), row.next_offset)
        behind.setdefault((row.projection, row.version), []).append(max(0, end - row.next_offset))
    return [Lag(name, version, sum(parts), len(parts)) for (name, version), parts in sorted(behind.items())]
