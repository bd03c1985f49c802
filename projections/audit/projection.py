"""The audit trail: every event of both deciders, whole."""

from collections.abc import Sequence
from typing import Any, Final

from engine.envelope import digest
from engine.record import Event
from projections.audit import rows as r
from projections.records import INTERACTION_EVENTS, ROUTING_EVENTS, Logged
from projections.tables import Json, Store, Table, json_of, plain
from projections.values import moment

_ENVELOPE: Final = frozenset(Event.__struct_fields__)
_facts_of: dict[type[Event], tuple[str, ...]] = {}


class Audit:
    """Copies each event with its position and its digest; nothing is ever changed."""

    name = "audit"
    topics: tuple[str, ...] = (INTERACTION_EVENTS, ROUTING_EVENTS)
    tables: tuple[Table[Any], ...] = (r.EVENTS,)

    def fold(self, store: Store, batch: Sequence[Logged]) -> None:
        store.append(r.EVENTS, [_row(logged, logged.record) for logged in batch if isinstance(logged.record, Event)])


def _row(logged: Logged, event: Event) -> r.Event:
    return r.Event(
        topic=logged.topic,
        partition=logged.partition,
        record_offset=logged.offset,
        key=logged.key,
        event_type=type(event).__name__,
        schema_id=logged.schema_id,
        digest=digest(logged.fingerprint, logged.body),
        previous=event.previous,
        interaction_id=event.interaction_id,
        contact_id=event.contact_id,
        state=event.state,
        occurred_at=moment(event.occurred_at),
        event_id=event.event_id,
        sequence=event.sequence,
        decided_at=moment(event.decided_at),
        input_topic=event.input_topic,
        input_partition=event.input_partition,
        input_offset=event.input_offset,
        causation_id=event.causation_id,
        correlation_id=event.correlation_id,
        actor_kind=event.actor_kind,
        actor_id=event.actor_id,
        policy_version=event.policy_version,
        facts=facts(event),
    )


def facts(event: Event) -> Json:
    """What an event says beyond its envelope; bytes as hex digits."""
    names = _facts_of.get(type(event))
    if names is None:
        names = _facts_of[type(event)] = tuple(n for n in event.__struct_fields__ if n not in _ENVELOPE)
    return json_of({name: plain(getattr(event, name)) for name in names})
