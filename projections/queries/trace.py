"""The life of an interaction, or of all of a person's, step by step, as a person reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile
from typing import Any, Final

import msgspec
import psycopg

from engine.interaction.events import EVENTS, MessageReceived, Replied, RepliedElsewhere
from engine.record import Event
from projections.contact_history.fold import opened, update
from projections.queries.explain import Circumstances, explain
from projections.queries.files import fetch
from projections.queries.keys import kin, named
from projections.queries.recorded import facts_of

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
    connection: psycopg.Connection[Any],
    who: str,
    accounts: Mapping[str, str] | None = None,
    as_of: datetime | None = None,
) -> list[InteractionTrace]:
    """The interactions that `who` names, the first opened first; none where nobody is known by it.

    Args:
        who: an interaction's id, a contact's or handle's id, `x:screen_name`, `@screen_name` or a screen name.
        accounts: what people call the company's accounts, by `x:id`: events know only the id.
        as_of: as it stood at that time, by the events up to then; words and names are those of today.
    """
    keys = named(connection, who)
    asked = {"id": who, "keys": keys, "kin": kin(connection, keys)}
    headings = fetch(connection, "trace_interactions", _Heading, asked)
    ids = [heading.interaction_id for heading in headings]
    rows = fetch(connection, "trace_events", _EventRow, {"ids": ids})
    events: dict[str, list[_EventRow]] = {heading.interaction_id: [] for heading in headings}
    for row in rows:
        events[row.interaction_id].append(row)
    if as_of is not None:
        headings, events = _stood(headings, events, as_of)
    return [_told(heading, events[heading.interaction_id], accounts or {}) for heading in headings]


def _stood(
    headings: Sequence[_Heading], events: Mapping[str, Sequence[_EventRow]], moment: datetime
) -> tuple[list[_Heading], dict[str, list[_EventRow]]]:
    """What had begun by a time, as it stood then."""
    kept = {name: list(takewhile(lambda row: row.occurred_at <= moment, rows)) for name, rows in events.items()}
    return [_then(heading, kept[heading.interaction_id]) for heading in headings if kept[heading.interaction_id]], kept


def _then(heading: _Heading, rows: Sequence[_EventRow]) -> _Heading:
    """The heading as the events up to a time make it."""
    told = [event for event in map(_event, rows) if event.state is not None]
    first, *_ = told
    if not isinstance(first, MessageReceived):
        return heading
    stood = opened(first)
    for event in told:
        update(stood, event)
    asked = min(event.posted_at for event in told if isinstance(event, MessageReceived))
    answers = [event.posted_at for event in told if isinstance(event, Replied | RepliedElsewhere)]
    return replace(
        heading,
        state=stood.state,
        queue=stood.queue,
        agent_id=stood.agent_id,
        private_channel=stood.private_channel,
        in_session=stood.in_session,
        disposition=stood.disposition,
        first_response_seconds=(min(answers) - asked) / 1000 if answers else None,
    )


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
    return msgspec.convert(
        {
            **facts_of(kind, row.facts),
            "state": row.state,
            "interaction_id": row.interaction_id,
            "occurred_at": round(row.occurred_at.timestamp() * 1000),
            "sequence": row.sequence,
        },
        kind,
    )
