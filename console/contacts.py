"""Contacts: who is known, what their handles are, and how they are addressed."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Path, Query
from pydantic import BaseModel, Field, model_validator

from console.commanding import Asking, Command_, Common, Decided, Ports
from console.fields import After, Body, ContactInPath, Home, Item, Language, Limit, PlatformId, Search
from console.interactions import Channel
from console.noting import Notes
from console.paging import page_of, place_of
from console.problems import COMMANDING, READING, Problem
from console.routes import router
from engine.envelope import home_of
from engine.interaction import contact_commands as c
from engine.record import Command
from projections.queries import desk

contacts = router("contacts")
BASE = "/contacts/{contact}"
HandleInPath = Annotated[Home, Path(description="the handle's id")]
OtherInPath = Annotated[Home, Path(description="the contact that becomes one with it")]


class Contacts(BaseModel):
    """One page."""

    contacts: list[desk.ContactLine]
    next: Annotated[str | None, Field(description="for `after`: where the next page begins; null on the last")]


class HandleBody(Body):
    """A handle: by channel and platform id, or the id of a handle or contact."""

    channel: Annotated[Channel | None, Field(description="the channel of the handle")] = None
    platform_id: Annotated[PlatformId | None, Field(description="the platform's id of the person")] = None
    handle_id: Annotated[Home | None, Field(description="the id of a handle, or of the contact that has it")] = None

    @model_validator(mode="after")
    def _names_one(self) -> "HandleBody":
        if (self.channel is None) != (self.platform_id is None) or (self.channel is None) == (self.handle_id is None):
            raise ValueError("needs channel and platform_id, or handle_id")
        return self


class LanguageBody(Body):
    """How a contact is addressed."""

    language: Annotated[Language | None, Field(description="as in a notice: en; null: the platform's again")]


class MessageBody(Body):
    """A message."""

    message_id: Annotated[Item, Field(description="its id, as an interaction's messages name it")]


@contacts.get("/contacts", responses=READING)
async def search_contacts(
    api: Ports,
    notes: Notes,
    q: Annotated[
        Search, Query(description="a part of a name or screen name, or how a platform id begins; in any case")
    ],
    limit: Limit = 50,
    after: After = None,
) -> Contacts:
    """Search contacts, the last made first, page by page."""
    begin = place_of(after)
    found = await api.reads.read(lambda connection: desk.contacts(connection, q, begin, limit + 1))
    lines, following = page_of(found, limit, lambda line: (line.created_at, line.contact_id))
    await notes.shows(len(lines), (line.contact_id for line in lines))
    return Contacts(contacts=lines, next=following)


@contacts.get(BASE, responses=READING)
async def read_contact(contact: ContactInPath, api: Ports, notes: Notes) -> desk.ContactDetail:
    """One contact: its handles, interactions, and messages over all channels."""
    found = await api.reads.read(lambda connection: desk.contact(connection, contact))
    if found is None:
        raise Problem(404, "unknown_contact", f"There is no contact {contact}.")
    shown = [line.interaction_id for line in found.history] + [line.interaction_id for line in found.messages]
    await notes.shows(len(found.messages), [found.contact_id], shown)
    return found


@contacts.post(f"{BASE}/handles", responses=COMMANDING)
async def link_handle(contact: ContactInPath, body: HandleBody, asking: Command_) -> Decided:
    """Say that a handle is this contact's: what it sends from now on comes here."""
    handle = body.handle_id
    if body.channel is not None and body.platform_id is not None:
        handle = asking.api.home(body.channel, body.platform_id)
    return await _link(contact, handle or "", asking)


@contacts.delete(BASE + "/handles/{handle}", responses=COMMANDING)
async def unlink_handle(contact: ContactInPath, handle: HandleInPath, asking: Command_) -> Decided:
    """Undo a link or a merge: what the handle sends from now on stays apart again."""
    return await _on_contact(asking, contact, lambda common: c.UnlinkHandle(**common, handle_id=handle))


@contacts.post(BASE + "/merge/{other}", responses=COMMANDING)
async def merge_contacts(contact: ContactInPath, other: OtherInPath, asking: Command_) -> Decided:
    """Make two contacts one. Undone by unlinking the other's id."""
    return await _link(contact, other, asking)


@contacts.put(f"{BASE}/language", responses=COMMANDING)
async def set_language(contact: ContactInPath, body: LanguageBody, asking: Command_) -> Decided:
    """Say in which language a contact is addressed, whatever the platform says."""
    return await _on_contact(asking, contact, lambda common: c.SetLanguage(**common, language=body.language))


@contacts.put(f"{BASE}/block", responses=COMMANDING)
async def block_contact(contact: ContactInPath, asking: Command_) -> Decided:
    """Keep what a contact writes from now on, and give it to nobody."""
    return await _on_contact(asking, contact, lambda common: c.BlockContact(**common))


@contacts.delete(f"{BASE}/block", responses=COMMANDING)
async def unblock_contact(contact: ContactInPath, asking: Command_) -> Decided:
    """Serve a contact again."""
    return await _on_contact(asking, contact, lambda common: c.UnblockContact(**common))


@contacts.delete(BASE, responses=COMMANDING)
async def erase_contact(contact: ContactInPath, asking: Command_) -> Decided:
    """Forget a person: all words and names go, here and on all handles; what is open ends. What happened stays."""
    return await _on_contact(asking, contact, lambda common: c.EraseContact(**common))


@contacts.post("/messages/erase", responses=COMMANDING)
async def erase_message(body: MessageBody, asking: Command_) -> Decided:
    """Forget one text, whoever wrote it. That there was one stays."""
    content = await asking.api.reads.read(lambda connection: desk.content_of(connection, body.message_id))
    if content is None:
        raise Problem(404, "unknown_message", f"There is no message {body.message_id} with words.", field="message_id")
    return await _on_contact(asking, home_of(content), lambda common: c.EraseWords(**common, content_id=content))


async def _link(contact: str, handle: str, asking: Asking) -> Decided:
    if handle == contact:
        raise Problem(422, "bad_input", "A contact can't be linked to itself.", field="handle_id")
    return await _on_contact(asking, contact, lambda common: c.LinkHandle(**common, handle_id=handle))


async def _on_contact(asking: Asking, contact: str, make: Callable[[Common], Command]) -> Decided:
    return await asking.one("interaction.commands", contact, make)
