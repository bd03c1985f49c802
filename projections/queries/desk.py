"""What the desk shows: interactions with their messages, contacts with their history, and what is new of one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import psycopg

from projections.queries.files import fetch
from projections.queries.lists import After

MESSAGES: Final = 1_000
"""The most messages of an interaction or a contact that are given at once: the latest."""
INTERACTIONS: Final = 200
WITH_AGENT: Final = 1_000


@dataclass(frozen=True)
class Wanted:
    """Which interactions; what is None counts not."""

    state: str | None = None
    queue: str | None = None
    agent: str | None = None
    account: str | None = None
    channel: str | None = None
    contact: str | None = None


@dataclass(frozen=True)
class InteractionLine:
    """One interaction in a list."""

    interaction_id: str
    contact_id: str | None
    customer: str
    channel: str
    account: str
    visibility: str
    state: str
    state_since: datetime
    queue: str | None
    agent_group: str | None
    priority: int | None
    agent_id: str | None
    accepted: bool
    accept_by: datetime | None
    answer_by: datetime | None
    in_session: bool
    suggested: str | None
    opened_at: datetime
    last_activity_at: datetime
    messages_in: int
    messages_out: int
    disposition: str | None
    sequence: int


@dataclass(frozen=True)
class MessageLine:
    """One message of either direction."""

    message_id: str
    interaction_id: str
    direction: str
    kind: str
    status: str
    author: str | None
    channel: str | None
    visibility: str | None
    event: str | None
    item_id: str | None
    in_reply_to: str | None
    sent_at: datetime
    edited_at: datetime | None
    text: str
    language: str | None
    attachments: list[dict[str, str | None]] | None
    reason: str | None
    detail: str | None


@dataclass(frozen=True)
class ActionLine:
    """One retweet, like or favourite, or a comment hidden or shown or an answer deleted."""

    action_id: str
    kind: str
    action: str
    item_id: str
    agent_id: str | None
    status: str
    requested_at: datetime
    done_at: datetime | None
    reason: str | None
    detail: str | None


@dataclass(frozen=True)
class InteractionDetail(InteractionLine):
    """One interaction with all that is known of it."""

    handle_id: str
    event: str
    thread: str | None
    skills: list[str]
    kept_for: str | None
    reservation_id: str | None
    expires_at: datetime | None
    closure: str | None
    held_until: datetime | None
    private_channel: str | None
    invited: bool
    sessions: int
    suggested_item: str | None
    engagements: int
    automatic_answers: int
    dispositioned_at: datetime | None
    follows: str | None
    filter: str | None
    messages: list[MessageLine] = field(default_factory=list)
    actions: list[ActionLine] = field(default_factory=list)


@dataclass(frozen=True)
class ContactLine:
    """One contact in a list."""

    contact_id: str
    known_as: str
    channels: list[str]
    language: str | None
    blocked: bool
    opted_out: bool
    erased_at: datetime | None
    created_at: datetime
    last_activity_at: datetime
    interactions: int
    open_interactions: int


@dataclass(frozen=True)
class HandleLine:
    """One of a contact's handles."""

    handle_id: str
    channel: str | None
    platform_id: str | None
    screen_name: str | None
    name: str | None
    linked_at: datetime
    how: str | None


@dataclass(frozen=True)
class ContactDetail(ContactLine):
    """One contact with its handles, its interactions and its messages over all of them."""

    handles: list[HandleLine] = field(default_factory=list)
    history: list[InteractionLine] = field(default_factory=list)
    messages: list[MessageLine] = field(default_factory=list)


@dataclass(frozen=True)
class Change:
    """Something that happened to an interaction, in the order of the log."""

    sequence: int
    at: datetime
    event: str
    state_before: str | None
    state: str | None
    actor_kind: str
    actor_id: str | None
    facts: dict[str, Any]
    message: MessageLine | None


@dataclass(frozen=True)
class Emergency:
    """The last that was said of an account's emergency."""

    begins: bool
    at: datetime
    by: str | None


@dataclass(frozen=True)
class _Message(MessageLine):
    exact: bytes | None


@dataclass(frozen=True)
class _Change:
    sequence: int
    at: datetime
    event: str
    state_before: str | None
    state: str | None
    actor_kind: str
    actor_id: str | None
    facts: dict[str, Any]
    message_id: str | None
    complete: bool


def interactions(
    connection: psycopg.Connection[Any], wanted: Wanted, after: After | None, limit: int
) -> list[InteractionLine]:
    """Interactions, the last opened first."""
    parameters = {
        "state": wanted.state,
        "queue": wanted.queue,
        "agent": wanted.agent,
        "account": wanted.account,
        "channel": wanted.channel,
        "contact": wanted.contact,
        **_from(after),
        "limit": limit,
    }
    name = "desk_interactions" if wanted.contact is None else "desk_interactions_of"
    return fetch(connection, name, InteractionLine, parameters)


def with_agent(connection: psycopg.Connection[Any], agent: str, accepted: bool | None = None) -> list[InteractionLine]:
    """What is with an agent, the first opened first: offered, accepted, or (None) both."""
    parameters = {"agent": agent, "accepted": accepted, "limit": WITH_AGENT}
    return fetch(connection, "desk_with_agent", InteractionLine, parameters)


def interaction(connection: psycopg.Connection[Any], interaction_id: str) -> InteractionDetail | None:
    """One interaction with its latest messages, in the order sent."""
    found = fetch(connection, "desk_interaction", InteractionDetail, {"interaction": interaction_id})
    for detail in found:
        detail.messages.extend(_messages(connection, "desk_messages", {"interaction": interaction_id}))
        detail.actions.extend(
            fetch(connection, "desk_actions", ActionLine, {"interaction": interaction_id, "limit": MESSAGES})
        )
    return found[0] if found else None


def interaction_line(connection: psycopg.Connection[Any], interaction_id: str) -> InteractionLine | None:
    """One interaction without its messages."""
    found = fetch(connection, "desk_interaction_line", InteractionLine, {"interaction": interaction_id})
    return found[0] if found else None


def contacts(connection: psycopg.Connection[Any], search: str, after: After | None, limit: int) -> list[ContactLine]:
    """Contacts, the last made first: a part of a name or screen name, or how a platform id begins."""
    text = search.removeprefix("@")
    escaped = text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    parameters = {"text": text, "prefix": f"{escaped}%", **_from(after), "limit": limit}
    return fetch(connection, "desk_contacts", ContactLine, parameters)


def contact(connection: psycopg.Connection[Any], contact_id: str) -> ContactDetail | None:
    """One contact with its handles, its latest interactions, and its latest messages in the order sent."""
    found = fetch(connection, "desk_contact", ContactDetail, {"contact": contact_id})
    for detail in found:
        whose = {"contact": detail.contact_id}
        detail.handles.extend(fetch(connection, "desk_handles", HandleLine, whose))
        detail.history.extend(interactions(connection, Wanted(contact=detail.contact_id), None, INTERACTIONS))
        detail.messages.extend(_messages(connection, "desk_messages_of", whose))
    return found[0] if found else None


def changes(connection: psycopg.Connection[Any], interaction_id: str, since: int, limit: int) -> list[Change]:
    """What happened to an interaction after a sequence, in order.

    Ends before words that have not arrived yet: they come by another topic, a moment later.
    """
    parameters = {"interaction": interaction_id, "since": since, "limit": limit}
    rows: list[_Change] = []
    for row in fetch(connection, "desk_changes", _Change, parameters):
        if not row.complete:
            break
        rows.append(row)
    ids = [row.message_id for row in rows if row.message_id is not None]
    messages = messages_by_id(connection, ids)
    return [
        Change(
            sequence=row.sequence,
            at=row.at,
            event=row.event,
            state_before=row.state_before,
            state=row.state,
            actor_kind=row.actor_kind,
            actor_id=row.actor_id,
            facts=row.facts,
            message=messages.get(row.message_id or ""),
        )
        for row in rows
    ]


def messages_by_id(connection: psycopg.Connection[Any], ids: list[str]) -> dict[str, MessageLine]:
    """Messages by their ids."""
    if not ids:
        return {}
    return {each.message_id: each for each in _messages(connection, "desk_messages_by_id", {"ids": ids})}


def emergency(connection: psycopg.Connection[Any], account: str) -> Emergency | None:
    """The last that was said of an account's emergency; None where there never was one.

    Every partition is told, and the log of the first is asked: the others follow it in a moment.
    """
    found = fetch(connection, "desk_emergency", Emergency, {"account": account})
    return found[0] if found else None


def _messages(connection: psycopg.Connection[Any], name: str, where: Mapping[str, object]) -> list[MessageLine]:
    return [_told(row) for row in fetch(connection, name, _Message, {**where, "limit": MESSAGES})]


def _told(row: _Message) -> MessageLine:
    """The message with its words as they were written, where PostgreSQL's text can't hold them."""
    fields = {name: getattr(row, name) for name in MessageLine.__dataclass_fields__}
    if row.exact is not None:
        fields["text"] = row.exact.decode("utf-8", "replace")
    return MessageLine(**fields)


def _from(after: After | None) -> dict[str, object]:
    return {"after_at": after.at if after else None, "after_id": after.id if after else None}


@dataclass(frozen=True)
class _Content:
    content_id: str


def content_of(connection: psycopg.Connection[Any], message_id: str) -> str | None:
    """Where the words of a message lie; None: no such message has any."""
    found = fetch(connection, "content_of", _Content, {"message_id": message_id})
    return found[0].content_id if found else None
