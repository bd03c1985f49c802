"""What each event does to the contact and to the handle whose key it stands on.

A link has two events: HandleLinked on the contact's key, HomeLinked on the handle's own. The handle's row belongs to
its own key, so the second one makes the link: from then on what the handle sends goes to the contact.
"""

from functools import singledispatch
from typing import Final

from engine.interaction import contact_events as ce
from engine.record import Event
from projections.contact_history.rows import Contact, Handle, Link
from projections.values import moment

PEOPLE: Final[frozenset[type[Event]]] = frozenset(
    (
        ce.ContactCreated,
        ce.LanguageSet,
        ce.ContactBlocked,
        ce.ContactUnblocked,
        ce.OptedOut,
        ce.ContactErased,
        ce.HomeLinked,
        ce.HomeUnlinked,
    )
)
"""The events that change a contact or a handle."""


def created(event: ce.ContactCreated) -> Contact:
    """The contact that is made on its key."""
    return Contact(
        contact_id=event.contact_id or "",
        created_at=moment(event.occurred_at),
        created_by=event.how,
        language=None,
        blocked=False,
        opted_out=False,
        erased_at=None,
    )


@singledispatch
def alter(event: Event, contact: Contact) -> None:
    """Other events leave the contact as it is."""


@alter.register
def _(event: ce.LanguageSet, contact: Contact) -> None:
    contact.language = event.language


@alter.register
def _(event: ce.ContactBlocked, contact: Contact) -> None:
    contact.blocked = True


@alter.register
def _(event: ce.ContactUnblocked, contact: Contact) -> None:
    contact.blocked = False


@alter.register
def _(event: ce.OptedOut, contact: Contact) -> None:
    contact.opted_out = True


@alter.register
def _(event: ce.ContactErased, contact: Contact) -> None:
    contact.erased_at = moment(event.occurred_at)


def unknown(key: str) -> Handle:
    """A handle of which nothing is known yet."""
    return Handle(
        handle_id=key,
        contact_id=None,
        channel=None,
        profile_id=None,
        linked_at=moment(0),
        link_id=None,
        version=None,
        how=None,
    )


@singledispatch
def move(event: Event, handle: Handle) -> list[Link]:
    """What an event does to the handle whose key it stands on; gives the links that it made or ended, as they are."""
    return []


@move.register
def _(event: ce.ContactCreated, handle: Handle) -> list[Link]:
    handle.channel, handle.profile_id = event.channel, event.profile_id
    if handle.link_id is None:
        handle.contact_id, handle.linked_at = event.contact_id, moment(event.occurred_at)
    return []


@move.register
def _(event: ce.HomeLinked, handle: Handle) -> list[Link]:
    links = _end(handle, event, "linked")
    handle.contact_id, handle.linked_at = event.to, moment(event.occurred_at)
    handle.link_id, handle.version, handle.how = f"{handle.handle_id}:{event.sequence}", event.version, event.how
    return [*links, *_current(handle)]


@move.register
def _(event: ce.HomeUnlinked, handle: Handle) -> list[Link]:
    if (handle.contact_id, handle.version) != (event.to, event.version):
        return []  # a link that was undone before it was in force
    links = _end(handle, event, event.why)
    handle.contact_id = None if handle.profile_id is None else handle.handle_id
    handle.linked_at = moment(event.occurred_at)
    handle.link_id = handle.version = handle.how = None
    return links


def _end(handle: Handle, event: Event, why: str) -> list[Link]:
    """The link that is in force, ended."""
    links = _current(handle)
    for link in links:
        link.unlinked_at, link.ended_by = moment(event.occurred_at), why
    return links


def _current(handle: Handle) -> list[Link]:
    """The link that is in force, if one is: all of it stands in the handle's row."""
    if handle.link_id is None:
        return []
    return [
        Link(
            link_id=handle.link_id,
            handle_id=handle.handle_id,
            contact_id=handle.contact_id or "",
            version=handle.version or 0,
            how=handle.how or "",
            linked_at=handle.linked_at,
            unlinked_at=None,
            ended_by=None,
        )
    ]
