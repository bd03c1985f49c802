"""One direct message, whichever of X's webhooks brought it: read into a plain shape. Pure.

The X Activity API brings direct messages in the older generation's form, with the newer one's users. X tells of no
deleted ones, and of those in conversations of two only. A message's id is a snowflake as a post's is, from one series
of numbers, so that both kinds stand side by side without a mark.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from channels.mapping import Unreadable, convert, cut
from channels.x.items import NAME_LIMIT, attachment_of, millis, required_id, rfc3339, text_of
from channels.x.payloads import (
    Delivery,
    DirectMessage,
    MessageAttachment,
    MessageEvent,
    MessageUser,
    PostUser,
    Target,
)
from engine.interaction.commands import Attachment


@dataclass(frozen=True, slots=True)
class Message:
    """A direct message."""

    item_id: str
    sender_id: str
    recipient_id: str
    screen_name: str | None
    """The sender's."""
    name: str | None
    text: str
    sent_at: int
    attachments: tuple[Attachment, ...]


def message_of(raw: object, users: Mapping[str, object]) -> Message:
    """An item of direct_message_events. `users` are those that X described beside it, by id."""
    event = convert(raw, MessageEvent, "a direct_message_events item")
    if event.type != "message_create" or event.message_create is None or event.message_create.message_data is None:
        raise Unreadable("unknown_event", "a direct_message_events item is no message_create that X documents")
    message, data = event.message_create, event.message_create.message_data
    if event.created_timestamp is None:
        raise Unreadable("bad_time", "a direct_message_events item has no created_timestamp")
    sender_id = required_id(None, message.sender_id, "the direct message's sender")
    sender = _user(users.get(sender_id))
    newer = sender.data
    return Message(
        item_id=required_id(None, event.id, "the direct message"),
        sender_id=sender_id,
        recipient_id=required_id(None, (message.target or Target()).recipient_id, "the direct message's recipient"),
        screen_name=cut(sender.screen_name if newer is None else newer.username, NAME_LIMIT),
        name=cut(sender.name if newer is None else newer.name, NAME_LIMIT),
        text=text_of("" if data.text is None and data.attachment is not None else data.text),
        sent_at=millis(event.created_timestamp),
        attachments=() if data.attachment is None else (_attachment(data.attachment),),
    )


def message_of_payload(delivery: Delivery, account: str) -> Message:
    """A payload in the form of the API's look-up, as some have seen it in the X Activity API's beta.

    It names the recipient by the conversation only: `account` is the one of the two who is told of it.
    """
    message = convert(delivery.payload, DirectMessage, "the payload of a direct message")
    sender_id = required_id(message.sender_id, None, "the direct message's sender")
    pair = (message.dm_conversation_id or "").split("-")
    others = [one for one in pair if one != account] if len(pair) == 2 else []
    recipient_id = account if sender_id != account else next(iter(others), None)
    users = (delivery.includes.users if delivery.includes is not None else None) or []
    sender = next((user for user in users if user.id == sender_id), PostUser())
    return Message(
        item_id=required_id(message.id, None, "the direct message"),
        sender_id=sender_id,
        recipient_id=required_id(recipient_id, None, "the direct message's recipient"),
        screen_name=cut(sender.username, NAME_LIMIT),
        name=cut(sender.name, NAME_LIMIT),
        text=text_of(message.text),
        sent_at=rfc3339(message.created_at),
        attachments=(),
    )


def _attachment(attachment: MessageAttachment) -> Attachment:
    return attachment_of({"type": attachment.type} if attachment.media is None else attachment.media)


def _user(raw: object) -> MessageUser:
    """Who it is; a description in an unknown shape does not lose the message."""
    try:
        return msgspec.convert(raw, MessageUser)
    except msgspec.ValidationError:
        return MessageUser()
