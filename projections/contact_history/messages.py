"""What each event does to a message: it records one, or says what became of one that is there."""

from collections.abc import Callable
from functools import singledispatch
from typing import Any, Final

from engine.interaction import events as e
from engine.record import Event
from projections.contact_history.rows import Message
from projections.values import moment, shown


def _by_delivery(event: Any) -> str | None:
    return shown(event.delivery_id)


def _by_content(event: Any) -> str | None:
    return _of_words(event.content_id)


def _by_note(event: Any) -> str | None:
    return None if event.note_id is None else shown(event.note_id)


_IDS: Final[dict[type[Event], Callable[[Any], str | None]]] = {
    e.MessageReceived: _by_content,
    e.MessageEdited: _by_content,
    e.MessageDeleted: _by_content,
    e.RepliedElsewhere: _by_content,
    e.Moderated: _by_content,
    e.ReplyRequested: _by_delivery,
    e.ReplyReleased: _by_delivery,
    e.Replied: _by_delivery,
    e.AutoReplyRequested: _by_delivery,
    e.AutoReplied: _by_delivery,
    e.NoticeRequested: _by_delivery,
    e.NoticePosted: _by_delivery,
    e.ReplyFailed: _by_delivery,
    e.ReplyAbandoned: _by_delivery,
    e.Transferred: _by_note,
}
"""How each event that records or changes a message names it. Others leave messages alone: what fails for now stays
pending."""


def message_id(event: Event) -> str | None:
    """The message that an event records or changes; None where it does neither."""
    find = _IDS.get(type(event))
    return None if find is None else find(event)


def _of_words(content_id: str | None) -> str | None:
    """The message to which words belong: one that was sent through us (`home:r:delivery`) goes by its delivery."""
    if content_id is None:
        return None
    kind, _, name = content_id.partition(":")[2].partition(":")
    return shown(name if kind == "r" else content_id)


@singledispatch
def recorded(event: Event) -> Message | None:
    """The message that an event records; None where it changes one that is there."""
    return None


@recorded.register
def _(event: e.MessageReceived) -> Message:
    row = _message(event, event.content_id, "in", "message", "received", event.handle_id, event.posted_at)
    row.channel, row.event, row.attachment_count = event.channel, event.event, event.attachments
    if event.edited_at is not None:
        row.edited_at = moment(event.edited_at)
    return row


@recorded.register
def _(event: e.ReplyRequested) -> Message:
    waits = event.after is not None
    kind = "announcement" if waits and event.visibility == "public" else "reply"
    status = "waiting" if waits else "pending"
    return _message(event, event.content_id, "out", kind, status, event.agent_id, event.occurred_at)


@recorded.register
def _(event: e.AutoReplyRequested) -> Message:
    return _message(event, event.content_id, "out", "answer", "pending", None, event.occurred_at)


@recorded.register
def _(event: e.NoticeRequested) -> Message:
    return _message(event, event.content_id, "out", "notice", "pending", None, event.occurred_at)


@recorded.register
def _(event: e.RepliedElsewhere) -> Message:
    return _message(event, event.content_id, "out", "own_post", "posted", None, event.posted_at)


@recorded.register
def _(event: e.Transferred) -> Message:
    return _message(event, event.note_id or "", "internal", "note", "noted", event.from_agent, event.occurred_at)


def _message(
    event: Event, content_id: str, direction: str, kind: str, status: str, author: str | None, sent_at: int
) -> Message:
    return Message(
        message_id=message_id(event) or content_id,
        interaction_id=event.interaction_id or "",
        direction=direction,
        kind=kind,
        status=status,
        author_id=author,
        visibility=getattr(event, "visibility", None),
        channel=None,
        event=None,
        item_id=getattr(event, "item_id", None),
        in_reply_to=getattr(event, "in_reply_to", None),
        content_id=content_id,
        attachment_count=0,
        filter=getattr(event, "filter", None),
        sent_at=moment(sent_at),
        edited_at=None,
        recorded_at=moment(event.occurred_at),
        sequence=event.sequence,
        changed=event.sequence,
        reason=None,
        detail=None,
    )


def settle(event: Event, row: Message) -> None:
    """What an event says of a message that is there."""
    row.changed = event.sequence
    _settle(event, row)


@singledispatch
def _settle(event: Event, row: Message) -> None:
    """Other events say nothing of a message."""


@_settle.register
def _(event: e.ReplyReleased, row: Message) -> None:
    row.status = "pending"


@_settle.register
def _(event: e.Replied, row: Message) -> None:
    _posted(row, event.item_id, event.posted_at)


@_settle.register
def _(event: e.AutoReplied, row: Message) -> None:
    _posted(row, event.item_id, event.posted_at)


@_settle.register
def _(event: e.NoticePosted, row: Message) -> None:
    _posted(row, event.item_id, event.posted_at)


@_settle.register
def _(event: e.ReplyFailed, row: Message) -> None:
    row.status, row.reason, row.detail = "failed", event.reason, event.detail


@_settle.register
def _(event: e.ReplyAbandoned, row: Message) -> None:
    row.status, row.reason = "abandoned", event.reason


@_settle.register
def _(event: e.MessageEdited, row: Message) -> None:
    row.edited_at, row.attachment_count = moment(event.edited_at), event.attachments


@_settle.register
def _(event: e.MessageDeleted, row: Message) -> None:
    row.status = "deleted"


@_settle.register
def _(event: e.Moderated, row: Message) -> None:
    if event.action == "delete":
        row.status = "deleted"


def _posted(row: Message, item_id: str | None, posted_at: int) -> None:
    row.status, row.item_id, row.sent_at = "posted", item_id, moment(posted_at)
    row.reason = row.detail = None
