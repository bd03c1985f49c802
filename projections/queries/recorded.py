"""Events as the audit trail holds them, back as they were decided."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, get_type_hints

import msgspec

from engine.interaction.events import EVENTS as INTERACTION
from engine.record import Event
from engine.routing.events import EVENTS as ROUTING
from projections.records import INTERACTION_EVENTS, ROUTING_EVENTS, Logged

TYPES: Final = {
    (topic, kind.__name__): kind
    for topic, kinds in ((INTERACTION_EVENTS, INTERACTION), (ROUTING_EVENTS, ROUTING))
    for kind in kinds
}


@dataclass(frozen=True)
class Recorded:
    """A row of audit.event, as far as it says what happened."""

    topic: str
    event_type: str
    interaction_id: str | None
    contact_id: str | None
    state: str | None
    occurred_at: datetime
    event_id: str
    sequence: int
    actor_kind: str
    actor_id: str | None
    policy_version: int
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Placed(Recorded):
    """The same with its place in the log, and the key on which it stands."""

    partition: int
    record_offset: int
    key: str


def logged(rows: Iterable[Placed]) -> list[Logged]:
    """Events for a projection to fold, without those whose type is no more."""
    return [
        Logged(row.topic, row.partition, row.record_offset, row.key, 0, b"", b"", event)
        for row in rows
        if (event := recorded(row)) is not None
    ]


def recorded(row: Recorded) -> Event | None:
    """The event of a row, without its place in the chain; None where its type is no more."""
    kind = TYPES.get((row.topic, row.event_type))
    if kind is None:
        return None
    envelope = {
        "interaction_id": row.interaction_id,
        "contact_id": row.contact_id,
        "state": row.state,
        "occurred_at": round(row.occurred_at.timestamp() * 1000),
        "event_id": row.event_id,
        "sequence": row.sequence,
        "actor_kind": row.actor_kind,
        "actor_id": row.actor_id,
        "policy_version": row.policy_version,
    }
    return msgspec.convert({**facts_of(kind, row.facts), **envelope}, kind)


def facts_of(kind: type[Event], facts: Mapping[str, Any]) -> dict[str, Any]:
    """An event's own fields, of which the audit trail holds bytes as hex digits."""
    digests = _bytes_of(kind)
    return {
        name: bytes.fromhex(value) if name in digests and value is not None else value for name, value in facts.items()
    }


@cache
def _bytes_of(kind: type[Event]) -> frozenset[str]:
    """The fields that facts hold as hex digits."""
    return frozenset(name for name, hint in get_type_hints(kind).items() if hint in (bytes, bytes | None))
