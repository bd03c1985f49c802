"""The life of an interaction, or of all of a person's, step by step, as a person reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, get_type_hints

import msgspec
import psycopg

from engine.interaction.events import EVENTS
from engine.record import Event
from projections.queries.explain import Circumstances, explain
from projections.queries.files import fetch

_TYPES: Final = {kind.__name__: kind for kind in EVENTS}


@dataclass(frozen=True)
class Step:
    """One event. `state_before` and `state` differ where it moved the interaction on; a contact's have neither."""

    at: datetime
    event: str
    state_before: str | None
    state: str | None
    actor: str
    why: str
    text: str | None
    """The words that belong to it; '[erased]' where they were removed."""
    sequence: int
    policy_version: int
    """The version of the policy that decided; 0 before the first."""
    position: str
    """Where the event stands in the log: interaction.events[3]@17."""
    facts: dict[str, Any]
    """What the event says besides: ids, numbers and reasons, and digests as hex digits; never words."""


@dataclass(frozen=True)
class InteractionTrace:
    """One interaction from its first message on."""

    interaction_id: str
    contact_id: str | None
    customer: str
    channel: str
    account: str
    account_name: str
    """What people call it: @AcmeCare; x:42 where that is not known."""
    private_channel: str | None
    """Where its private conversation is; None where it has none."""
    in_session: bool
    state: str
    queue: str | None
    agent_id: str | None
    opened_at: datetime
    disposition: str | None
    first_response_seconds: float | None
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class _Heading:
    interaction_id: str
    contact_id: str | None
    customer: str
    channel: str
    account: str
    private_channel: str | None
    in_session: bool
    state: str
    queue: str | None
    agent_id: str | None
    opened_at: datetime
    disposition: str | None
    first_response_seconds: float | None
    first_message_at: datetime


@dataclass(frozen=True)
class _EventRow:
    interaction_id: str
    occurred_at: datetime
    sequence: int
    event_type: str
    state_before: str | None
    state: str | None
    actor_kind: str
    actor_id: str | None
    policy_version: int
    facts: dict[str, Any]
    position: str
    text: str | None
    waited: int | None


def trace(
    connection: psycopg.Connection[Any], who: str, accounts: Mapping[str, str] | None = None
) -> list[InteractionTrace]:
    """The interactions that `who` names, the first opened first; none where nobody is known by it.

    Args:
        who: an interaction's id, a contact's or handle's id, `x:screen_name`, `@screen_name` or a screen name.
        accounts: what people call the company's accounts, by `x:id`: events know only the id.
    """
    channel, _, name = who.rpartition(":")
    headings = fetch(
        connection, "trace_interactions", _Heading, {"id": who, "channel": channel or None, "name": name.lstrip("@")}
    )
    ids = [heading.interaction_id for heading in headings]
    rows = fetch(connection, "trace_events", _EventRow, {"ids": ids})
    events: dict[str, list[_EventRow]] = {heading.interaction_id: [] for heading in headings}
    for row in rows:
        events[row.interaction_id].append(row)
    return [_told(heading, events[heading.interaction_id], accounts or {}) for heading in headings]


def _told(heading: _Heading, rows: Sequence[_EventRow], accounts: Mapping[str, str]) -> InteractionTrace:
    key = f"{heading.channel}:{heading.account}"
    account = accounts.get(key, key)
    steps = tuple(_step(heading, account, row) for row in rows)
    return InteractionTrace(
        interaction_id=heading.interaction_id,
        contact_id=heading.contact_id,
        customer=heading.customer,
        channel=heading.channel,
        account=heading.account,
        account_name=account,
        private_channel=heading.private_channel,
        in_session=heading.in_session,
        state=heading.state,
        queue=heading.queue,
        agent_id=heading.agent_id,
        opened_at=heading.opened_at,
        disposition=heading.disposition,
        first_response_seconds=heading.first_response_seconds,
        steps=steps,
    )


def _step(heading: _Heading, account: str, row: _EventRow) -> Step:
    posted_at = row.facts.get("posted_at")
    answered_after = None
    if row.facts.get("first_response") and isinstance(posted_at, int):
        answered_after = posted_at / 1000 - heading.first_message_at.timestamp()
    circumstances = Circumstances(
        customer=heading.customer,
        account=account,
        waited_seconds=None if row.waited is None else row.waited / 1000,
        answered_after_seconds=answered_after,
        policy_version=row.policy_version,
    )
    return Step(
        at=row.occurred_at,
        event=row.event_type,
        state_before=row.state_before,
        state=row.state,
        actor=_actor(row, heading.customer),
        why=explain(_event(row), circumstances),
        text=row.text,
        sequence=row.sequence,
        policy_version=row.policy_version,
        position=row.position,
        facts=row.facts,
    )


def _actor(row: _EventRow, customer: str) -> str:
    """Who it was, in a word or two."""
    if row.actor_kind == "customer":
        return customer
    if row.actor_id is None or row.actor_kind in ("policy", "timer", "system"):
        return row.actor_kind
    return row.actor_id


def _event(row: _EventRow) -> Event:
    """The event as it was decided, from its facts; of a type that is no more, one that says only what it was."""
    kind = _TYPES.get(row.event_type)
    if kind is None:
        return Event(interaction_id=row.interaction_id)
    digests = _bytes_of(kind)
    facts = {
        name: bytes.fromhex(value) if name in digests and value is not None else value
        for name, value in row.facts.items()
    }
    return msgspec.convert({**facts, "state": row.state, "interaction_id": row.interaction_id}, kind)


@cache
def _bytes_of(kind: type[Event]) -> frozenset[str]:
    """The fields that facts hold as hex digits."""
    return frozenset(name for name, hint in get_type_hints(kind).items() if hint in (bytes, bytes | None))
