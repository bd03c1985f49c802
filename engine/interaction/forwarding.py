"""What arrives on one key and belongs on another: linked handles, followed invitations, items known by their id.

Everything that is passed on carries the keys that passed it on (`via`), so that a circle of links is seen where it
closes, and undone; and whatever happens it is decided somewhere.
"""

import re
from collections.abc import Generator, Sequence
from typing import Final, TypeAlias

from engine.decider import Context, Decision, Duplicate, Refusal
from engine.envelope import home_of
from engine.interaction import commands as c
from engine.interaction import contact_commands as cc
from engine.interaction import contact_events as ce
from engine.interaction import early
from engine.interaction.invitations import claim, digest
from engine.interaction.state import Address, Contact, Elsewhere, Link
from engine.record import Event
from engine.rows import Rows

MOST_HOPS: Final = 8
"""Keys that may pass one thing on. Contacts that were merged so often in a row are a fault; then it stays."""
MOST_ASKED: Final = 6
"""People of a thread who are asked whether an own comment answers them. With the first and the last key these are as
many as may pass a thing on."""
_REF: Final = re.compile(r"[0-9a-f]{32}\.[0-9]{1,9}\.[0-9a-f]{32}")

Passed: TypeAlias = c.ReceiveMessage | c.EditMessage | c.DeleteMessage | c.RecordOwnPost


def invited_by(ref: str | None) -> str | None:
    """The key whose interaction an invitation names; None for one that is not ours."""
    return home_of(ref) if ref is not None and _REF.fullmatch(ref) else None


def pass_on(
    rows: Rows, command: c.ReceiveMessage, context: Context, *, open_here: bool
) -> Generator[Event, None, bool]:
    """Passes a message on where its author's handle is linked to a contact elsewhere; returns whether it did.

    Args:
        open_here: it joins an interaction that is open on this key: then it stays, linked or not.
    """
    inviting = invited_by(command.ref)
    if inviting == rows.key and command.handle_id != rows.key:
        linked = yield from claim(rows, command, command.ref or "", context)
        if not linked:
            yield _forwarded(command, command.handle_id)
            return True
    link = rows.get(Link, "")
    if inviting is not None and inviting != rows.key and link is None:
        if open_here:
            yield ce.Forwarded(contact_id=_contact_id(rows), command="RecordReferral", to=inviting)
            return False
        yield _forwarded(command, inviting)
        return True
    if link is None or open_here:
        return False
    if rows.key in command.via:
        yield ce.HomeUnlinked(contact_id=_contact_id(rows), to=link.to, version=link.version, why="circle")
        return False
    if len(command.via) >= MOST_HOPS:
        return False
    yield _forwarded(command, link.to)
    return True


def record_referral(rows: Rows, command: c.RecordReferral, context: Context) -> Decision:
    """A customer followed a link into Messenger, and has not written yet."""
    inviting = invited_by(command.ref)
    link = rows.get(Link, "")
    if inviting is None:
        return Refusal("unknown_ref", "the link that was followed is none of our invitations", recorded=False)
    place = f"ref:{digest(command.ref).hex()}"
    if inviting == rows.key or (link is not None and link.to == inviting) or rows.get(Elsewhere, place) is not None:
        return Duplicate()
    yield ce.Forwarded(contact_id=_contact_id(rows), command="RecordReferral", item_id=place, to=inviting)
    return None


def was_passed_on(rows: Rows, command: c.ReceiveMessage | c.RecordOwnPost) -> bool:
    """Whether this very thing went on to another key before, and did not come back."""
    return rows.get(Elsewhere, command.item_id) is not None and rows.key not in command.via


def elsewhere(rows: Rows, command: Passed, item_id: str | None) -> str | None:
    """The key that holds an item, where this one only knows of it; None: nobody else is known to hold it."""
    place = None if item_id is None else rows.get(Elsewhere, item_id)
    if place is None or rows.key in command.via or len(command.via) >= MOST_HOPS:
        return None
    return place.home


def forward(command: Passed, to: str, *then: str) -> Event:
    """Passes on what concerns an item; `then`: to whom it goes on from there."""
    return _forwarded(command, to, then)


def ask_in_turn(rows: Rows, command: c.RecordOwnPost) -> list[str]:
    """The keys that an own comment goes through until one knows it as an echo; the last counts it.

    Facebook may name no more than the comment at the top of the thread. Then it may be the answer to anybody who
    wrote under that one: those are asked, the latest first, and at last who wrote the top one.
    """
    if command.then:
        return command.then
    holder = elsewhere(rows, command, command.in_reply_to)
    if holder is None:
        return []
    known = [row for _, row in rows.all() if isinstance(row, Elsewhere) and row.home != holder]
    latest = dict.fromkeys(row.home for row in sorted(known, key=lambda row: -row.since))
    return [*list(latest)[:MOST_ASKED], holder]


def note_item(rows: Rows, command: cc.NoteItem, context: Context) -> Decision:
    """On an item's key: whose it is."""
    known = rows.get(Elsewhere, command.item_id)
    if known is not None and known.home == command.home:
        return Duplicate()
    yield ce.ItemNoted(item_id=command.item_id, home=command.home)
    yield from early.catch_up(rows, command.item_id)
    return None


def profile_id(rows: Rows, handle_id: str) -> str:
    """Where the names of a handle lie: beside its contact, so that one key holds both."""
    return f"{rows.key}:p" if handle_id == rows.key else f"{rows.key}:h:{handle_id}"


def note_profile(rows: Rows, command: c.ReceiveMessage, where: str | None) -> Generator[Event, None, None]:
    """Somebody known writes under a new name, or by a handle that has no names here yet."""
    address = rows.get(Address, command.handle_id)
    named = command.screen_name is not None or command.name is not None
    same = address is not None and (address.screen_name, address.name) == (command.screen_name, command.name)
    if same or (address is not None and not named):
        return
    yield ce.ProfileRecorded(
        interaction_id=where,
        contact_id=_contact_id(rows),
        handle_id=command.handle_id,
        channel=command.channel,
        profile_id=profile_id(rows, command.handle_id),
    )


def _forwarded(command: Passed, to: str, then: Sequence[str] = ()) -> Event:
    edited_at = command.edited_at if isinstance(command, c.EditMessage) else None
    return ce.Forwarded(
        command=type(command).__name__, item_id=command.item_id, to=to, edited_at=edited_at, then=list(then)
    )


def _contact_id(rows: Rows) -> str | None:
    contact = rows.get(Contact, "")
    return None if contact is None else contact.contact_id
