"""The audit trail: every event of both deciders, whole."""

import typing
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import msgspec

from engine.envelope import digest
from engine.record import Event
from projections.audit import rows as r
from projections.projection import views_of
from projections.records import INTERACTION_EVENTS, ROUTING_EVENTS, Logged
from projections.tables import Json, Store, Table, json_of
from projections.values import moment

_ENVELOPE: Final = Event.__struct_fields__
"""The first fields of every event."""


class Audit:
    """Copies each event with its position and its digest; nothing is ever changed."""

    name = "audit"
    topics: tuple[str, ...] = (INTERACTION_EVENTS, ROUTING_EVENTS)
    tables: tuple[Table[Any], ...] = (r.EVENTS,)
    views = views_of("audit")

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
    names, raw = _facts_of(type(event))
    said = dict(zip(names, msgspec.structs.astuple(event)[len(_ENVELOPE) :], strict=True))
    for name in raw:
        if said[name] is not None:
            said[name] = said[name].hex()
    return json_of(said)


@cache
def _facts_of(kind: type[Event]) -> tuple[Sequence[str], Sequence[str]]:
    """The fields of a type that follow those of the envelope, and which of them are bytes."""
    names = kind.__struct_fields__[len(_ENVELOPE) :]
    hints = typing.get_type_hints(kind)
    return names, [name for name in names if hints[name] in (bytes, bytes | None)]
