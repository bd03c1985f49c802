"""What can be asked of a contact's key about the contact and its handles."""

from typing import Annotated

from engine.record import Command


class NoteItem(Command, kw_only=True):
    """Derived, on an item's key: whose message it is, so that what is only known by the item finds its way."""

    item_id: Annotated[str, "the platform's id of the message"]
    home: Annotated[str, "the key that holds it"]


class LinkHandle(Command, kw_only=True):
    """An agent, on a contact's key: another handle belongs to this contact. Undone with UnlinkHandle."""

    handle_id: Annotated[str, "the home of the handle; with another contact there, the two are merged"]


class UnlinkHandle(Command, kw_only=True):
    """An agent, or derived from a link that would close a circle: the handle belongs to this contact no more."""

    handle_id: Annotated[str, "the home of the handle"]
    version: Annotated[int | None, "only if this version of the link is in force; null: whichever"] = None
    why: Annotated[str, "asked or circle"] = "asked"


class LinkHome(Command, kw_only=True):
    """Derived, on a handle's key: what arrives from now on belongs to the contact of another key."""

    to: Annotated[str, "the contact's key"]
    version: Annotated[int, "counts the contact's links"]
    how: Annotated[str, "private_reply, ref or agent"]


class UnlinkHome(Command, kw_only=True):
    """Derived, on a handle's key: what arrives from now on stays here."""

    to: Annotated[str, "the contact's key"]
    version: Annotated[int, "the link that is undone"]


class RecordProfile(Command, kw_only=True):
    """Derived, on a contact's key: where a linked handle is reached."""

    handle_id: Annotated[str, "the home of the handle"]
    channel: Annotated[str, "x, facebook or messenger"]
    platform_id: Annotated[str, "the platform's id of the person"]
    screen_name: Annotated[str | None, "the handle without @"] = None
    name: Annotated[str | None, "the person's name"] = None


class ClaimInvitation(Command, kw_only=True):
    """Derived, from RecordReferral: somebody followed the invitation of an interaction on this key."""

    handle_id: Annotated[str, "the home of the handle"]
    channel: Annotated[str, "messenger"]
    platform_id: Annotated[str, "the platform's id of the person"]
    ref: Annotated[str, "the invitation"]


class ImportContact(Command, kw_only=True):
    """A person known from elsewhere: a contact without an interaction."""

    channel: Annotated[str, "x, facebook or messenger"]
    platform_id: Annotated[str, "the platform's id of the person"]
    screen_name: Annotated[str | None, "the handle without @"] = None
    name: Annotated[str | None, "the person's name"] = None
    language: Annotated[str | None, "the language to use with the person"] = None


class SetLanguage(Command, kw_only=True):
    """An agent, on a contact's key: the language to use with this person, whatever the platform says."""

    language: Annotated[str | None, "as in a notice: en; null: the platform's again"]


class BlockContact(Command, kw_only=True):
    """A supervisor: what this person writes is kept, and goes to nobody."""


class UnblockContact(Command, kw_only=True):
    """A supervisor: this person is served again."""


class EraseContact(Command, kw_only=True):
    """A supervisor, on a contact's key: the person is forgotten. Derived, on the keys of its handles."""

    why: Annotated[str, "request (the person's own), platform (its user was deleted there) or retention"] = "request"
    of: Annotated[str | None, "derived: the contact's key"] = None


class EraseWords(Command, kw_only=True):
    """A supervisor, on a contact's key: one text is forgotten, whoever wrote it."""

    content_id: Annotated[str, "where it lies in interaction.content"]


CONTACT_COMMANDS: tuple[type[Command], ...] = tuple(
    value
    for value in globals().values()
    if isinstance(value, type) and issubclass(value, Command) and value is not Command
)
