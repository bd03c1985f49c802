"""What platforms tell of a message before the message itself: they reorder.

A deletion is a row without words. An edit has words; they lie in interaction.content until the message comes, or
until no platform would send it any more.
"""

from collections.abc import Generator, Iterator
from typing import Final

from msgspec.structs import replace

from engine.bookkeeping import Timer
from engine.decider import Context, Decision, Duplicate, Send
from engine.envelope import words_digest
from engine.interaction import commands as c
from engine.interaction import contact_events as ce
from engine.interaction import events as e
from engine.interaction.state import EarlyEdit, EarlyWords, Elsewhere, Removed
from engine.interaction.writing import CONTENT, INTERACTION, meta
from engine.record import Event
from engine.rows import Rows

KEPT: Final = 3 * 86_400_000
"""Milliseconds for which an edit waits for its message. Meta repeats what was not taken for 36 hours."""


def remember_edit(rows: Rows, command: c.EditMessage, context: Context) -> Decision:
    """Keeps the new words of a message that has not arrived; of several edits, those of the latest."""
    known = rows.get(EarlyEdit, command.item_id)
    if rows.get(Removed, command.item_id) is not None or (known is not None and known.edited_at >= command.edited_at):
        return Duplicate()
    yield e.EditRemembered(
        item_id=command.item_id,
        channel=command.channel,
        content_id=_content_id(rows, command.item_id),
        words=words_digest(command.salt, command.text),
        edited_at=command.edited_at,
        attachments=len(command.attachments),
        until=context.now + KEPT,
    )
    return None


def edited_at(rows: Rows, item_id: str) -> int | None:
    """The platform's time of the edit that came before its message; None: there is none."""
    known = rows.get(EarlyEdit, item_id)
    return None if known is None else known.edited_at


def as_edited(rows: Rows, command: c.ReceiveMessage) -> c.ReceiveMessage:
    """A message with the words of an edit that came before it. The salt stays its own: others are made from it."""
    words = rows.get(EarlyWords, command.item_id)
    return command if words is None else replace(command, text=words.text, attachments=words.attachments)


def catch_up(rows: Rows, item_id: str) -> Generator[Event, None, None]:
    """Passes on what came early, now that it is known which key holds the message."""
    place = rows.get(Elsewhere, item_id)
    if place is None:
        return
    known = rows.get(EarlyEdit, item_id)
    if rows.get(Removed, item_id) is not None:
        yield ce.Forwarded(command="DeleteMessage", item_id=item_id, to=place.home)
    elif known is not None:
        yield ce.Forwarded(command="EditMessage", item_id=item_id, to=place.home, edited_at=known.edited_at)


def forget_edit(rows: Rows, timer: Timer, context: Context) -> Decision:
    """The message never came: the words don't stay."""
    known = rows.get(EarlyEdit, timer.ref)
    if known is not None:
        yield e.EditForgotten(item_id=timer.ref, channel=known.channel, content_id=_content_id(rows, timer.ref))
    return None


def keep_words(rows: Rows, event: e.EditRemembered, command: c.EditMessage) -> Iterator[Send]:
    """The words beside the event, and in memory until they are needed."""
    words = e.Words(text=command.text, salt=command.salt, attachments=command.attachments)
    rows.put(event.item_id, early_words(words))
    yield Send(CONTENT, event.content_id, words)


def early_words(words: e.Words) -> EarlyWords:
    """The row of the words of an early edit."""
    return EarlyWords(text=words.text, salt=words.salt, attachments=words.attachments)


def drop_words(rows: Rows, item_id: str) -> Iterator[Send]:
    """The words of an early edit are needed no more: they stand elsewhere now, or nowhere."""
    if rows.get(EarlyWords, item_id) is not None:
        rows.delete(EarlyWords, item_id)
        yield Send(CONTENT, _content_id(rows, item_id), None)


def pass_on(rows: Rows, event: ce.Forwarded, channel: str) -> Iterator[Send]:
    """What came early as a command to the key that holds the message."""
    item_id = event.item_id or ""
    if event.command == "DeleteMessage":
        yield Send(INTERACTION, event.to, c.DeleteMessage(**meta(event, "delete"), channel=channel, item_id=item_id))
        return
    words = rows.get(EarlyWords, item_id)
    if words is None or event.edited_at is None:
        return
    edit = c.EditMessage(
        **meta(event, "edit"),
        channel=channel,
        item_id=item_id,
        edited_at=event.edited_at,
        text=words.text,
        salt=words.salt,
        attachments=words.attachments,
    )
    yield Send(INTERACTION, event.to, edit)
    yield from drop_words(rows, item_id)


def _content_id(rows: Rows, item_id: str) -> str:
    return f"{rows.key}:e:{item_id}"
