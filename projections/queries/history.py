"""One person over all channels and handles: who that is, what was linked when and by whom, and all that was written.

As it stands it is read from the tables, page by page. As it stood at a time it is folded anew from the events up to
then, those of all keys that are or were linked with the person's, by the projection's own code and in memory: what
belonged together then, and how each message stood. Words and names are those of today.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any, Final

import psycopg

from engine.errors import RejoinderError
from projections.contact_history import ContactHistory
from projections.contact_history import rows as r
from projections.queries.desk import MessageLine, messages_by_id
from projections.queries.files import fetch
from projections.queries.keys import kin
from projections.queries.memory import Memory
from projections.queries.recorded import Placed, logged

ERASED: Final = "[erased]"
_BEGINNING: Final = {"after_at": "-infinity", "after_sequence": 0, "after_id": ""}


class NoSuchMessage(RejoinderError):
    """A page was to begin after a message that is not this person's."""


@dataclass(frozen=True)
class HandleLine:
    """One of a person's handles, and since when it is."""

    handle_id: str
    channel: str | None
    called: str | None
    screen_name: str | None
    name: str | None
    platform_id: str | None
    linked_at: datetime
    how: str | None
    """How it was linked: private_reply, ref or agent; None for the handle for which the contact was made."""


@dataclass(frozen=True)
class LinkLine:
    """A handle, or the contact that was made for it, became part of a contact, or was parted from it."""

    at: datetime
    linked: bool
    handle_id: str
    contact_id: str
    why: str
    """private_reply, ref or agent; of one that ended asked or circle."""
    actor_kind: str
    actor_id: str | None


@dataclass(frozen=True)
class InteractionLine:
    """One interaction, of which messages are on the page."""

    interaction_id: str
    handle_id: str
    channel: str
    account: str
    opened_at: datetime
    state: str
    queue: str | None
    agent_id: str | None
    disposition: str | None
    messages_in: int
    messages_out: int


@dataclass(frozen=True)
class History:
    """A person, and one page of messages in the order sent."""

    contact_id: str
    as_of: datetime | None
    known_as: str
    created_at: datetime
    language: str | None
    blocked: bool
    opted_out: bool
    erased_at: datetime | None
    handles: list[HandleLine]
    links: list[LinkLine]
    """Of all handles that are or were linked with these, up to the time."""
    interactions: list[InteractionLine]
    """Those of which messages are on the page."""
    messages: list[MessageLine]
    next: str | None
    """The message after which the next page begins; None on the last."""


@dataclass(frozen=True)
class _Person:
    contact_id: str
    homes: list[str]
    created_at: datetime
    language: str | None
    blocked: bool
    opted_out: bool
    erased_at: datetime | None


@dataclass(frozen=True)
class _Sent:
    message_id: str
    interaction_id: str
    sent_at: datetime
    sequence: int


@dataclass(frozen=True)
class _Link:
    key: str
    sequence: int
    event_type: str
    at: datetime
    actor_kind: str
    actor_id: str | None
    facts: dict[str, Any]


def history(
    connection: psycopg.Connection[Any],
    key: str,
    as_of: datetime | None = None,
    after: str | None = None,
    limit: int = 50,
) -> History | None:
    """The person to whom a key belongs; None where none is known by it, or none was by then.

    Args:
        key: the id of a contact, of one that was merged into it, or of a handle.
        as_of: as it stood at that time, by the events up to then.
        after: the last message of the page before.

    Raises:
        NoSuchMessage: `after` is none of the person's messages.
    """
    keys = kin(connection, [key])
    if as_of is not None:
        return _stood(connection, key, keys, as_of, after, limit)
    found = fetch(connection, "history_person", _Person, {"key": key})
    if not found:
        return None
    page = _page(connection, found[0].homes, after, limit + 1)
    shown = page[:limit]
    lines = messages_by_id(connection, [row.message_id for row in shown])
    ids = {row.interaction_id for row in shown}
    return _told(
        found[0],
        None,
        fetch(connection, "history_handles", HandleLine, {"keys": found[0].homes}),
        _links(connection, keys, None),
        fetch(connection, "history_interactions", InteractionLine, {"ids": list(ids)}),
        [lines[row.message_id] for row in shown],
        len(page) > limit,
    )


def _page(connection: psycopg.Connection[Any], homes: Sequence[str], after: str | None, limit: int) -> list[_Sent]:
    begin: Mapping[str, object] = _BEGINNING
    if after is not None:
        found = fetch(connection, "history_place", _Sent, {"message": after})
        if not found or found[0].interaction_id.partition(".")[0] not in homes:
            raise NoSuchMessage(f"a page can't begin after {after!r}: that is no message of this person")
        last = found[0]
        begin = {"after_at": last.sent_at, "after_sequence": last.sequence, "after_id": last.message_id}
    return fetch(connection, "history_page", _Sent, {"keys": list(homes), "limit": limit, **begin})


def _stood(
    connection: psycopg.Connection[Any],
    key: str,
    keys: Sequence[str],
    moment: datetime,
    after: str | None,
    limit: int,
) -> History | None:
    memory = Memory()
    rows = fetch(connection, "history_events", Placed, {"keys": list(keys)})
    ContactHistory().fold(memory, logged(_by(moment, rows)))
    handles = memory.of(r.HANDLES)
    contact = memory.of(r.CONTACTS).get(_end_of(key, handles) or "")
    if contact is None:
        return None
    homes = _homes(contact.contact_id, handles)
    sent = sorted(_sent(memory, homes), key=lambda row: (row.sent_at, row.sequence, row.message_id))
    begin = 0
    if after is not None:
        place = next((at for at, row in enumerate(sent, 1) if row.message_id == after), None)
        if place is None:
            raise NoSuchMessage(f"a page can't begin after {after!r}: that was no message of this person at that time")
        begin = place
    shown = sent[begin : begin + limit]
    lines = messages_by_id(connection, [row.message_id for row in shown])
    ids = {row.interaction_id for row in shown}
    matters = [row for name, row in memory.of(r.INTERACTIONS).items() if name in ids]
    return _told(
        _Person(
            contact.contact_id,
            homes,
            contact.created_at,
            contact.language,
            contact.blocked,
            contact.opted_out,
            contact.erased_at,
        ),
        moment,
        _handles(connection, [handles[home] for home in homes if home in handles]),
        _links(connection, keys, moment),
        sorted(map(_line, matters), key=lambda line: (line.opened_at, line.interaction_id)),
        [_then(lines[row.message_id], row) for row in shown],
        len(sent) > begin + limit,
    )


def _told(
    person: _Person,
    as_of: datetime | None,
    handles: list[HandleLine],
    links: list[LinkLine],
    interactions: list[InteractionLine],
    messages: list[MessageLine],
    more: bool,
) -> History:
    return History(
        contact_id=person.contact_id,
        as_of=as_of,
        known_as=", ".join(handle.called for handle in handles if handle.called is not None) or ERASED,
        created_at=person.created_at,
        language=person.language,
        blocked=person.blocked,
        opted_out=person.opted_out,
        erased_at=person.erased_at,
        handles=handles,
        links=links,
        interactions=interactions,
        messages=messages,
        next=messages[-1].message_id if more else None,
    )


def _by(moment: datetime, rows: Iterable[Placed]) -> Iterable[Placed]:
    """Of each key the events up to a time: one belongs to it if it and all before it on its key happened by then."""
    for _, told in groupby(rows, key=lambda row: row.key):
        for row in told:
            if row.occurred_at > moment:
                break
            yield row


def _end_of(key: str, handles: Mapping[str, r.Handle]) -> str | None:
    """The contact of a key: links are followed to their end. None where the key has none."""
    handle = handles.get(key)
    passed = {key}
    while handle is not None and handle.link_id is not None and handle.contact_id not in passed:
        passed.add(handle.contact_id or "")
        following = handles.get(handle.contact_id or "")
        if following is None or following.link_id is None:
            return handle.contact_id
        handle = following
    return None if handle is None else handle.contact_id


def _homes(contact_id: str, handles: Mapping[str, r.Handle]) -> list[str]:
    """The keys of a contact: its own and those that are linked to one of them."""
    found, new = {contact_id}, {contact_id}
    while new:
        new = {name for name, each in handles.items() if each.link_id and each.contact_id in new} - found
        found |= new
    return sorted(found)


def _sent(memory: Memory, homes: Collection[str]) -> Iterable[r.Message]:
    interactions = memory.of(r.INTERACTIONS)
    for message in memory.of(r.MESSAGES).values():
        of = interactions[message.interaction_id]
        if message.direction != "internal" and of.contact_id is not None and of.home in homes:
            yield message


def _handles(connection: psycopg.Connection[Any], stood: Sequence[r.Handle]) -> list[HandleLine]:
    """Handles as they were linked then, with the names of today."""
    keys = [handle.handle_id for handle in stood]
    named = {line.handle_id: line for line in fetch(connection, "history_handles", HandleLine, {"keys": keys})}
    lines = [replace(named[each.handle_id], linked_at=each.linked_at, how=each.how) for each in stood]
    return sorted(lines, key=lambda line: (line.linked_at, line.handle_id))


def _line(row: r.Interaction) -> InteractionLine:
    return InteractionLine(**{name: getattr(row, name) for name in InteractionLine.__dataclass_fields__})


def _then(line: MessageLine, row: r.Message) -> MessageLine:
    """A message as it stood, with the words of today."""
    return replace(
        line,
        status=row.status,
        item_id=row.item_id,
        sent_at=row.sent_at,
        edited_at=row.edited_at,
        reason=row.reason,
        detail=row.detail,
    )


def _links(connection: psycopg.Connection[Any], keys: Sequence[str], moment: datetime | None) -> list[LinkLine]:
    """Links and their ends, in the order of time."""
    rows = fetch(connection, "history_links", _Link, {"keys": list(keys)})
    asked = {
        (row.key, row.facts["handle_id"], row.facts["version"], row.event_type == "HandleLinked"): row
        for row in rows
        if row.event_type in ("HandleLinked", "HandleUnlinked")
    }
    lines = []
    for row in rows:
        if row.event_type not in ("HomeLinked", "HomeUnlinked") or (moment is not None and row.at > moment):
            continue
        linked = row.event_type == "HomeLinked"
        by = asked.get((row.facts["to"], row.key, row.facts["version"], linked), row)
        why = row.facts["how" if linked else "why"]
        lines.append(LinkLine(row.at, linked, row.key, row.facts["to"], why, by.actor_kind, by.actor_id))
    return lines
