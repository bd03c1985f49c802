"""Forgetting: words and names go, facts stay."""

from collections.abc import Iterator
from typing import Final

from engine.decider import Context, Decision, Refusal, Send
from engine.interaction import contact_commands as cc
from engine.interaction import contact_events as ce
from engine.interaction import events as e
from engine.interaction import sessions
from engine.interaction.state import (
    Address,
    Contact,
    Delivery,
    EarlyEdit,
    Handle,
    Interaction,
    Item,
    Link,
    Note,
    PendingWords,
)
from engine.interaction.writing import CONTENT, INTERACTION, PROFILES, Case, meta
from engine.record import Millis
from engine.rows import Rows

ENDED: Final = "erased"
"""The code with which what was open ends: nobody could answer it any more."""
ON_ITS_WAY: Final = ("waiting", "pending")


def erase_contact(rows: Rows, command: cc.EraseContact, context: Context) -> Decision:
    """All words and names of a person are removed here, and on the keys of its handles."""
    if command.of is None:
        refusal = _may(rows, command)
        if refusal is not None:
            return refusal
    everything = list(rows.all())
    for row_id, row in everything:
        if isinstance(row, EarlyEdit):
            yield e.EditForgotten(item_id=row_id, channel=row.channel, content_id=row.content_id)
    for row_id, row in everything:
        if isinstance(row, Interaction) and row.state != "dispositioned":
            yield from sessions.close(rows, row_id, "dispositioned")
            yield e.Dispositioned(interaction_id=row_id, contact_id=row.contact_id, code=ENDED)
    for row_id, row in everything:
        if isinstance(row, Delivery) and row.state in ON_ITS_WAY:
            interaction = rows.get(Interaction, row.interaction_id)
            yield e.ReplyAbandoned(
                interaction_id=row.interaction_id,
                contact_id=None if interaction is None else interaction.contact_id,
                delivery_id=row_id,
                reason=ENDED,
            )
    contact = rows.get(Contact, "")
    yield ce.ContactErased(
        contact_id=command.of if contact is None else contact.contact_id,
        why=command.why,
        contents=sum(1 for _ in texts(rows)) + sum(1 for _ in names(rows)),
        handles=[row_id for row_id, row in everything if isinstance(row, Handle)],
        of=command.of,
    )
    return None


def erase_words(rows: Rows, command: cc.EraseWords, context: Context) -> Decision:
    """One text is removed."""
    if command.actor_kind != "supervisor":
        return Refusal("not_supervisor", "only a supervisor erases words")
    place = holder(rows, command.content_id)
    if place is None:
        return Refusal("unknown_words", f"there are no words {command.content_id} on this key", recorded=False)
    found = place[1]
    if isinstance(found, Delivery) and found.state in ON_ITS_WAY:
        return Refusal("on_its_way", "it is on its way to the platform: erase it when that has ended")
    interaction = rows.get(Interaction, found.interaction_id)
    yield ce.WordsErased(
        interaction_id=found.interaction_id,
        contact_id=None if interaction is None else interaction.contact_id,
        content_id=command.content_id,
    )
    return None


def texts(rows: Rows) -> Iterator[str]:
    """Where the words of a key lie, whether they were removed already or not. In no order that means anything."""
    seen = set()
    for row_id, row in rows.all():
        match row:
            case Item():
                seen.add(row.content_id)
            case Delivery() if row.content_id is not None:
                seen.add(row.content_id)
            case Note():
                seen.add(row_id)
    yield from sorted(seen)


def names(rows: Rows) -> Iterator[str]:
    """Where the names of a key lie."""
    for row_id, row in rows.all():
        if isinstance(row, Address):
            yield f"{rows.key}:p" if row_id == rows.key else f"{rows.key}:h:{row_id}"


def remove_all(case: Case, event: ce.ContactErased) -> Iterator[Send]:
    """Beside the event: the words and names are removed from their topics and from the rows; the handles are told."""
    rows = case.rows
    for content_id in texts(rows):
        yield Send(CONTENT, content_id, None)
    for profile_id in names(rows):
        yield Send(PROFILES, profile_id, None)
    for row_id, row in list(rows.all()):
        if row.has_words:
            rows.delete(type(row), row_id)
    for handle_id in event.handles:
        told = cc.EraseContact(**meta(event, "erase", handle_id), why=event.why, of=rows.key)
        yield Send(INTERACTION, handle_id, told)


def remove_one(case: Case, event: ce.WordsErased) -> Iterator[Send]:
    """Beside the event: the words are removed."""
    found = holder(case.rows, event.content_id)
    if found is not None:
        case.rows.delete(PendingWords, found[0])
    yield Send(CONTENT, event.content_id, None)


def is_forgotten(rows: Rows, written_at: Millis) -> bool:
    """Whether a person was forgotten after they wrote something: a late or repeated message, or one that was a dead
    letter, must not bring it back."""
    contact = rows.get(Contact, "")
    return contact is not None and contact.erased_at is not None and written_at <= contact.erased_at


def holder(rows: Rows, content_id: str) -> tuple[str, Item | Delivery | Note] | None:
    """The row, with its id, whose words lie under a content id; None: there is none on this key."""
    for row_id, row in rows.all():
        if isinstance(row, Item | Delivery) and row.content_id == content_id:
            return row_id, row
        if isinstance(row, Note) and row_id == content_id:
            return row_id, row
    return None


def _may(rows: Rows, command: cc.EraseContact) -> Refusal | None:
    if command.actor_kind != "supervisor":
        return Refusal("not_supervisor", "only a supervisor erases a contact")
    link = rows.get(Link, "")
    if link is not None:
        return Refusal("merged", f"this contact was merged into {link.to}: erase that one")
    if rows.get(Contact, "") is None:
        return Refusal("unknown_contact", f"there is no contact {rows.key}", recorded=False)
    return None
