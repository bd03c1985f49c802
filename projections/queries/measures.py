"""Counts: the summary, the reports by interval, and how far the projections are behind."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import psycopg

from projections.queries.files import fetch
from projections.records import Place

Kind = Literal["interactions", "transitions", "agents", "dispositions", "deliveries"]
Interval = Literal["quarter_hour", "day"]
_SPANS: Final[dict[Interval, str]] = {"quarter_hour": "15 minutes", "day": "1 day"}


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
    answers_automatic: int
    """Posted answers of filters."""
    engagements: int
    """Retweets, likes and favourites that the platform took."""
    first_response_seconds: FirstResponse
    events: int
    chain_faults: int


@dataclass(frozen=True)
class ChannelSummary:
    """One channel, in numbers. Interactions count where they began, messages where they travelled."""

    channel: str
    interactions: int
    messages_in: int
    answers_posted: int
    """Of people."""
    answers_automatic: int
    """Notices and filters' answers that were posted."""
    moved_to_private: int
    """Interactions that began in public and were answered in private, or invited there."""
    handles_linked: int
    """Handles of the channel that are linked to a contact of another."""
    suggestions: int
    """Engagements that filters proposed to agents."""


@dataclass(frozen=True)
class IntervalLine:
    """The interactions that were opened in one interval, by account and queue.

    See the comments of reporting.by_interval.
    """

    interval_start: datetime
    account_key: str
    queue: str | None
    offered: int
    answered: int
    engaged_only: int
    closed_automatically: int
    withdrawn: int
    expired: int
    closed_unanswered: int
    unanswered_open: int
    filtered: int
    messages_in: int
    messages_out: int
    answers_posted: int
    moved_to_private: int
    deliveries_failed: int
    target_met: int
    target_missed: int
    service_level: float | None
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
class DispositionLine:
    """How many interactions ended with a code in an interval, and who ended them: an agent, or a rule."""

    interval_start: datetime
    account_key: str
    queue: str | None
    disposition: str
    dispositioned_by: str | None
    ended_by: str
    interactions: int
    handling_seconds_p50: float


@dataclass(frozen=True)
class DeliveryLine:
    """What became of the answers, notices, engagements and moderations that were asked for in an interval."""

    interval_start: datetime
    account_key: str
    kind: str
    action: str
    outcome: str
    reason: str | None
    deliveries: int
    failed_attempts: int


Line = IntervalLine | TransitionLine | AgentLine | DispositionLine | DeliveryLine
LINES: Final[dict[Kind, type[Line]]] = {
    "interactions": IntervalLine,
    "transitions": TransitionLine,
    "agents": AgentLine,
    "dispositions": DispositionLine,
    "deliveries": DeliveryLine,
}
"""The line of each report; its query is `report_KIND`."""


@dataclass(frozen=True)
class Lag:
    """How far one projection is behind the log."""

    projection: str
    version: int
    behind: int
    """Records (and markers of transactions) that it has not read."""
    partitions: int


@dataclass(frozen=True)
class _Position:
    projection: str
    version: int
    topic: str
    partition: int
    next_offset: int


def summary(connection: psycopg.Connection[Any]) -> Summary:
    """The whole, in numbers. Checks the chain of every key, so it reads the whole audit trail."""
    (counted,) = fetch(connection, "summary", _summary)
    return counted


def by_channel(connection: psycopg.Connection[Any]) -> list[ChannelSummary]:
    """Each channel on which anything happened, in numbers."""
    return fetch(connection, "summary_channels", ChannelSummary)


@dataclass(frozen=True)
class Unsettled:
    """Deliveries that stand with a person, because nobody knows whether they were made, or it was given up."""

    reason: str
    deliveries: int


def unsettled(connection: psycopg.Connection[Any]) -> list[Unsettled]:
    """What open interactions have of them, by reason."""
    return fetch(connection, "unsettled", Unsettled)


def _summary(*, count: int, p50: float | None, p90: float | None, sum: float, **counted: Any) -> Summary:
    return Summary(**counted, first_response_seconds=FirstResponse(count, p50, p90, sum))


def report(
    connection: psycopg.Connection[Any],
    kind: Kind = "interactions",
    interval: Interval = "day",
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Line]:
    """One report, the earliest interval first; `until` is not included."""
    span = {"width": interval, "span": _SPANS[interval], "since": since, "until": until}
    return fetch(connection, f"report_{kind}", LINES[kind], span)


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
