"""Counts: the summary, and how far the projections are behind."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from projections.queries.files import fetch
from projections.records import Place


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
