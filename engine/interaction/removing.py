"""Messages that their authors change or delete on the platform: the words here follow."""

from collections.abc import Generator

from engine.decider import Context, Decision, Duplicate, Refusal
from engine.envelope import words_digest
from engine.interaction import commands as c
from engine.interaction import early, sessions
from engine.interaction import events as e
from engine.interaction.forwarding import elsewhere, forward
from engine.interaction.placing import is_waiting
from engine.interaction.state import Elsewhere, Interaction, Item, Removed, contact_of
from engine.record import Event
from engine.rows import Rows


def delete_message(rows: Rows, command: c.DeleteMessage, context: Context) -> Decision:
    """The customer deleted a message; a waiting interaction whose every message is gone is withdrawn."""
    item = rows.get(Item, command.item_id)
    if item is None:
        if rows.get(Removed, command.item_id) is not None:
            return Duplicate()
        home = elsewhere(rows, command, command.item_id)
        if home is not None:
            yield forward(command, home)
        else:
            yield e.DeletionRemembered(item_id=command.item_id, channel=command.channel)
        return None
    if item.author != "customer":
        return Refusal("own_item", f"message {command.item_id} is the account's own", recorded=False)
    if item.deleted:
        return Duplicate(item.interaction_id)
    contact_id = contact_of(rows, item.interaction_id)
    yield e.MessageDeleted(
        interaction_id=item.interaction_id,
        contact_id=contact_id,
        item_id=command.item_id,
        content_id=item.content_id,
    )
    yield from _withdraw(rows, item.interaction_id)
    return None


def _withdraw(rows: Rows, where: str) -> Generator[Event, None, None]:
    after = rows.get(Interaction, where)
    if after is not None and after.live_items == 0 and is_waiting(after):
        yield from sessions.close(rows, where, "dispositioned")
        yield e.Dispositioned(interaction_id=where, contact_id=after.contact_id, code="withdrawn")


def edit_message(rows: Rows, command: c.EditMessage, context: Context) -> Decision:
    """The customer changed a message; what was decided because of its old words stands."""
    item = rows.get(Item, command.item_id)
    if item is None:
        home = elsewhere(rows, command, command.item_id)
        if home is None:
            return (yield from early.remember_edit(rows, command, context))
        place = rows.get(Elsewhere, command.item_id)
        if place is not None and place.edited_at is not None and place.edited_at >= command.edited_at:
            return Duplicate()
        yield forward(command, home)
        return None
    if item.author != "customer":
        return Refusal("own_item", f"message {command.item_id} is the account's own", recorded=False)
    if item.deleted or item.erased or (item.edited_at is not None and item.edited_at >= command.edited_at):
        return Duplicate(item.interaction_id)
    yield e.MessageEdited(
        interaction_id=item.interaction_id,
        contact_id=contact_of(rows, item.interaction_id),
        item_id=command.item_id,
        content_id=item.content_id,
        words=words_digest(command.salt, command.text),
        edited_at=command.edited_at,
        attachments=len(command.attachments),
    )
    return None
