"""Events of contacts and their handles into rows."""

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from engine.interaction import contact_events as ce
from engine.interaction.changing import drop_early_edit, update_contact
from engine.interaction.erasing import holder
from engine.interaction.state import Contact, Elsewhere, Handle, Interaction, Invitation, Item, Link, Removed
from engine.record import Event
from engine.rows import Rows


def _contact_created(rows: Rows, event: ce.ContactCreated) -> None:
    rows.put("", Contact(contact_id=event.contact_id or "", created_at=event.occurred_at))


def _handle_linked(rows: Rows, event: ce.HandleLinked) -> None:
    rows.put(event.handle_id, Handle(version=event.version, how=event.how))
    update_contact(rows, links=event.version)
    interaction = rows.get(Interaction, event.interaction_id or "")
    if interaction is not None and interaction.private_handle is None:
        # Who got a private answer, or followed an invitation, goes on in Messenger.
        linked = replace(interaction, private_handle=event.handle_id, private_channel="messenger")
        rows.put(event.interaction_id or "", linked)
    invitation = None if event.invitation is None else rows.get(Invitation, event.invitation.hex())
    if event.invitation is not None and invitation is not None:
        rows.put(event.invitation.hex(), replace(invitation, used_by=event.handle_id))


def _handle_unlinked(rows: Rows, event: ce.HandleUnlinked) -> None:
    rows.delete(Handle, event.handle_id)


def _home_linked(rows: Rows, event: ce.HomeLinked) -> None:
    rows.put("", Link(to=event.to, version=event.version))


def _home_unlinked(rows: Rows, event: ce.HomeUnlinked) -> None:
    link = rows.get(Link, "")
    if link is not None and (link.to, link.version) == (event.to, event.version):
        rows.delete(Link, "")


def _forwarded(rows: Rows, event: ce.Forwarded) -> None:
    """What was passed on is remembered, since platforms repeat."""
    if event.item_id is None:
        return
    known = rows.get(Elsewhere, event.item_id)
    if event.command == "DeleteMessage":
        rows.put(event.item_id, Removed())
    elif event.command == "EditMessage" and known is not None:
        rows.put(event.item_id, replace(known, edited_at=event.edited_at))
        drop_early_edit(rows, event.item_id)
    elif event.command != "EditMessage":
        rows.put(event.item_id, Elsewhere(home=event.to, since=event.sequence))


def _item_noted(rows: Rows, event: ce.ItemNoted) -> None:
    rows.put(event.item_id, Elsewhere(home=event.home, since=event.sequence))


def _language_set(rows: Rows, event: ce.LanguageSet) -> None:
    update_contact(rows, language=event.language)


def _contact_blocked(rows: Rows, event: ce.ContactBlocked) -> None:
    update_contact(rows, blocked=True)


def _contact_unblocked(rows: Rows, event: ce.ContactUnblocked) -> None:
    update_contact(rows, blocked=False)


def _opted_out(rows: Rows, event: ce.OptedOut) -> None:
    update_contact(rows, opted_out=True)


def _contact_erased(rows: Rows, event: ce.ContactErased) -> None:
    for row_id, row in list(rows.all()):
        if isinstance(row, Item):
            rows.put(row_id, replace(row, erased=True))
    update_contact(rows, erased_at=event.decided_at)


def _words_erased(rows: Rows, event: ce.WordsErased) -> None:
    found = holder(rows, event.content_id)
    if found is not None and isinstance(found[1], Item):
        rows.put(found[0], replace(found[1], erased=True))


CONTACT_STEPS: Final[dict[type[Event], Callable[[Rows, Any], None]]] = {
    ce.ContactCreated: _contact_created,
    ce.HandleLinked: _handle_linked,
    ce.HandleUnlinked: _handle_unlinked,
    ce.HomeLinked: _home_linked,
    ce.HomeUnlinked: _home_unlinked,
    ce.Forwarded: _forwarded,
    ce.ItemNoted: _item_noted,
    ce.LanguageSet: _language_set,
    ce.ContactBlocked: _contact_blocked,
    ce.ContactUnblocked: _contact_unblocked,
    ce.OptedOut: _opted_out,
    ce.ContactErased: _contact_erased,
    ce.WordsErased: _words_erased,
}
