"""Links into a private conversation that tell who follows them.

A link stands in public, so its reference is good for one handle, for a limited time, and only its hash is kept.
"""

import hashlib
from collections.abc import Generator
from typing import TypeAlias

from engine.decider import Context, Decision
from engine.envelope import derive
from engine.interaction import commands as c
from engine.interaction import contact_commands as cc
from engine.interaction import contact_events as ce
from engine.interaction.state import Contact, Handle, Invitation, contact_of
from engine.record import Event
from engine.rows import Rows

Following: TypeAlias = c.ReceiveMessage | cc.ClaimInvitation


def reference(interaction_id: str, command: c.MoveToPrivate) -> str:
    """The reference of an invitation: names the interaction, and proves with what only the command holds (its salt)."""
    return f"{interaction_id}.{derive(command.command_id, command.salt.hex(), 'invitation')}"


def digest(ref: str) -> bytes:
    """What is kept of a reference."""
    return hashlib.sha256(b"invitation\x00" + ref.encode("utf-8", "surrogatepass")).digest()


def link(channel: str, account: str, ref: str | None) -> str:
    """The address under which a customer writes in private."""
    if channel == "x":
        return f"https://x.com/messages/compose?recipient_id={account}"
    return f"https://m.me/{account}" + ("" if ref is None else f"?ref={ref}")


def claim(rows: Rows, command: Following, ref: str, context: Context) -> Generator[Event, None, bool]:
    """Links a handle that followed an invitation of this key. Returns whether it is linked now."""
    if rows.get(Handle, command.handle_id) is not None:
        return True
    found = digest(ref)
    invitation = rows.get(Invitation, found.hex())
    contact = rows.get(Contact, "")
    if invitation is None or contact is None:
        yield ce.InvitationRefused(handle_id=command.handle_id, why="unknown")
        return False
    if invitation.used_by is not None or context.now > invitation.until:
        why = "expired" if invitation.used_by is None else "used"
        yield ce.InvitationRefused(contact_id=contact.contact_id, handle_id=command.handle_id, why=why)
        return False
    where = invitation.interaction_id
    yield ce.HandleLinked(
        interaction_id=where,
        contact_id=contact_of(rows, where),
        handle_id=command.handle_id,
        version=contact.links + 1,
        how="ref",
        invitation=found,
    )
    yield ce.ProfileRecorded(
        contact_id=contact.contact_id,
        handle_id=command.handle_id,
        channel=command.channel,
        profile_id=f"{rows.key}:h:{command.handle_id}",
    )
    return True


def claim_invitation(rows: Rows, command: cc.ClaimInvitation, context: Context) -> Decision:
    """Somebody followed an invitation of this key."""
    yield from claim(rows, command, command.ref, context)
    return None
