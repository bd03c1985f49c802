"""What is asked of a contact: its handles, its language, whether it is served."""

from engine.decider import Context, Decision, Duplicate, Refusal
from engine.interaction import contact_commands as cc
from engine.interaction import contact_events as ce
from engine.interaction.state import Address, Contact, Handle, Link
from engine.rows import Rows


def link_handle(rows: Rows, command: cc.LinkHandle, context: Context) -> Decision:
    """Another handle, and the contact that it may have, becomes part of this contact."""
    contact = rows.get(Contact, "")
    if contact is None:
        return _unknown(rows)
    if command.handle_id == rows.key:
        return Refusal("same_contact", "a contact can't be linked to itself")
    if rows.get(Handle, command.handle_id) is not None:
        return Duplicate()
    link = rows.get(Link, "")
    if link is not None:
        return Refusal("merged", f"this contact was merged into {link.to}: link the handle to that one")
    yield ce.HandleLinked(
        contact_id=contact.contact_id, handle_id=command.handle_id, version=contact.links + 1, how="agent"
    )
    return None


def unlink_handle(rows: Rows, command: cc.UnlinkHandle, context: Context) -> Decision:
    """A handle is itself again."""
    contact = rows.get(Contact, "")
    handle = rows.get(Handle, command.handle_id)
    if contact is None or handle is None or command.version not in (None, handle.version):
        if command.version is not None:
            return Duplicate()  # derived: that link has ended by now
        return Refusal("not_linked", f"handle {command.handle_id} is not linked to this contact", recorded=False)
    yield ce.HandleUnlinked(
        contact_id=contact.contact_id, handle_id=command.handle_id, version=handle.version, why=command.why
    )
    return None


def link_home(rows: Rows, command: cc.LinkHome, context: Context) -> Decision:
    """On the handle's own key: its messages go to a contact elsewhere, unless that one's come here."""
    link = rows.get(Link, "")
    if link is not None and (link.to, link.version) == (command.to, command.version):
        return Duplicate()
    if rows.get(Handle, command.to) is not None:
        yield ce.HomeUnlinked(to=command.to, version=command.version, why="circle")
        return None
    yield ce.HomeLinked(
        to=command.to,
        version=command.version,
        how=command.how,
        instead_of=None if link is None else link.to,
        instead_version=0 if link is None else link.version,
    )
    return None


def unlink_home(rows: Rows, command: cc.UnlinkHome, context: Context) -> Decision:
    """On the handle's own key: its messages stay here again."""
    link = rows.get(Link, "")
    if link is None or (link.to, link.version) != (command.to, command.version):
        return Duplicate()
    yield ce.HomeUnlinked(to=command.to, version=command.version, why="asked")
    return None


def record_profile(rows: Rows, command: cc.RecordProfile, context: Context) -> Decision:
    """Where a linked handle is reached."""
    contact = rows.get(Contact, "")
    if contact is None or rows.get(Handle, command.handle_id) is None:
        return Duplicate()  # unlinked meanwhile
    if _is_known(rows, command.handle_id, command):
        return Duplicate()
    yield ce.ProfileRecorded(
        contact_id=contact.contact_id,
        handle_id=command.handle_id,
        channel=command.channel,
        profile_id=f"{rows.key}:h:{command.handle_id}",
    )
    return None


def import_contact(rows: Rows, command: cc.ImportContact, context: Context) -> Decision:
    """A person known from elsewhere; one who is known here gets the new names."""
    contact = rows.get(Contact, "")
    language = None if contact is None else contact.language
    known = contact is not None and _is_known(rows, rows.key, command)
    if known and command.language in (None, language):
        return Duplicate()
    if contact is None:
        yield ce.ContactCreated(
            contact_id=rows.key,
            handle_id=rows.key,
            channel=command.channel,
            profile_id=f"{rows.key}:p",
            how="imported",
        )
    elif not known:
        yield ce.ProfileRecorded(
            contact_id=contact.contact_id, handle_id=rows.key, channel=command.channel, profile_id=f"{rows.key}:p"
        )
    if command.language is not None and command.language != language:
        yield ce.LanguageSet(contact_id=rows.key, language=command.language)
    return None


def set_language(rows: Rows, command: cc.SetLanguage, context: Context) -> Decision:
    """The language in which the contact is addressed."""
    contact = rows.get(Contact, "")
    if contact is None:
        return _unknown(rows)
    if contact.language == command.language:
        return Duplicate()
    yield ce.LanguageSet(contact_id=contact.contact_id, language=command.language)
    return None


def block_contact(rows: Rows, command: cc.BlockContact, context: Context) -> Decision:
    """What the contact writes from now on goes to nobody."""
    contact = rows.get(Contact, "")
    if contact is None:
        return _unknown(rows)
    if command.actor_kind != "supervisor":
        return Refusal("not_supervisor", "only a supervisor blocks a contact")
    if contact.blocked:
        return Duplicate()
    yield ce.ContactBlocked(contact_id=contact.contact_id)
    return None


def unblock_contact(rows: Rows, command: cc.UnblockContact, context: Context) -> Decision:
    """The contact is served again."""
    contact = rows.get(Contact, "")
    if contact is None:
        return _unknown(rows)
    if command.actor_kind != "supervisor":
        return Refusal("not_supervisor", "only a supervisor unblocks a contact")
    if not contact.blocked:
        return Duplicate()
    yield ce.ContactUnblocked(contact_id=contact.contact_id)
    return None


def _is_known(rows: Rows, handle_id: str, command: cc.RecordProfile | cc.ImportContact) -> bool:
    address = rows.get(Address, handle_id)
    wanted = (command.platform_id, command.screen_name, command.name)
    return address is not None and (address.platform_id, address.screen_name, address.name) == wanted


def _unknown(rows: Rows) -> Refusal:
    return Refusal("unknown_contact", f"there is no contact {rows.key}", recorded=False)
