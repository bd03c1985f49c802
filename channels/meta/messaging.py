"""From an event of a Messenger conversation to a command: messages of both sides, edits, buttons, invitations."""

import re
from collections.abc import Mapping
from typing import Final

from channels.mapping import Result, Unreadable, convert, unbroken
from channels.meta.arrival import MESSENGER, Arrival
from channels.meta.items import MESSAGE, PERSON, message_attachments, millis, optional_id, raw_item, ref_of, required_id
from channels.meta.payloads import Message, MessageEdit, Messaging, Party, Postback, Referral
from engine.envelope import derive
from engine.interaction.commands import (
    Attachment,
    DeleteMessage,
    EditMessage,
    ReceiveMessage,
    RecordOwnPost,
    RecordReferral,
)

IGNORED_EVENTS: Final[Mapping[str, str]] = {
    "delivery": "delivered",
    "read": "read",
    "reaction": "reaction",
    "optin": "optin",
    "account_linking": "account_linking",
    "typing": "typing",
    "app_roles": "handover",
    "pass_thread_control": "handover",
    "take_thread_control": "handover",
    "request_thread_control": "handover",
    "policy_enforcement": "policy_enforcement",
    "policy-enforcement": "policy_enforcement",
    "business_integrity": "policy_enforcement",
    "response_feedback": "feedback",
    "messaging_feedback": "feedback",
    "game_play": "game_play",
    "order": "order",
    "payment": "order",
    "checkout_update": "order",
    "pre_checkout": "order",
}
"""Events of a conversation that are no message, and what they are counted as."""

DELIVERY: Final = re.compile(r"[0-9a-f]{32}")
"""The form of a delivery's id, which travels in the metadata of a message that we sent."""

_MESSAGES: Final = frozenset({"message", "message_edit", "postback", "referral"})
_NOTHING_TO_SHOW: Final = Attachment(kind="other")
"""Stands for a message in a form that Meta does not tell, so that somebody sees that there is one."""


def map_messaging(raw: object, arrival: Arrival) -> Result:
    """What becomes of one event of a conversation."""
    if isinstance(raw, dict) and not raw.keys() & _MESSAGES:
        for name, reason in IGNORED_EVENTS.items():
            if name in raw:
                return reason
        raise Unreadable("unknown_event", "a messaging event is none that Meta documents")
    event = convert(raw, Messaging, "a messaging event")
    at = arrival.time if event.timestamp is None else millis(event.timestamp, "a messaging event's timestamp")
    sender = _party(event.sender, "sender")
    if arrival.is_own(sender) or (event.message is not None and event.message.is_echo):
        return _own(event, raw, at, arrival)
    if event.message is not None:
        return _message(event.message, raw, sender, at, arrival)
    if event.message_edit is not None:
        return _edit(event.message_edit, raw, sender, at, arrival)
    if event.postback is not None:
        return _postback(event.postback, raw, sender, at, arrival)
    if event.referral is not None:
        return _referral(event.referral, sender, at, arrival)
    raise Unreadable("unknown_shape", "a messaging event is empty")


def _party(party: Party | None, what: str) -> str:
    return required_id(None if party is None else party.id, PERSON, f"the {what} of a messaging event")


def _message(message: Message, raw: object, sender: str, at: int, arrival: Arrival) -> Result:
    mid = required_id(message.mid, MESSAGE, "mid")
    if message.is_deleted:
        handle_id = arrival.receiver.home(MESSENGER, sender)
        return handle_id, DeleteMessage(
            command_id=derive(MESSENGER, arrival.page, mid, "deletion"),
            at=arrival.at(at),
            actor_kind="customer",
            actor_id=handle_id,
            channel=MESSENGER,
            item_id=mid,
        )
    attachments = message_attachments(message.attachments)
    answered = None if message.reply_to is None else message.reply_to.mid
    command = _received("message", mid, message.text, raw, sender, at, arrival)
    command.attachments = attachments if attachments or message.text else [_NOTHING_TO_SHOW]
    command.in_reply_to = optional_id(answered, MESSAGE, "reply_to")
    command.ref = ref_of(message.referral)
    return command.handle_id, command


def _postback(postback: Postback, raw: object, sender: str, at: int, arrival: Arrival) -> Result:
    """A button says what its title says. Not every one has an id: then its sender and time are one."""
    handle_id = arrival.receiver.home(MESSENGER, sender)
    mid = optional_id(postback.mid, MESSAGE, "mid") or f"postback_{derive(handle_id, arrival.page, at)}"
    command = _received("postback", mid, postback.title, raw, sender, at, arrival)
    command.ref = ref_of(postback.referral)
    return handle_id, command


def _received(
    event: str, mid: str, text: str | None, raw: object, sender: str, at: int, arrival: Arrival
) -> ReceiveMessage:
    handle_id = arrival.receiver.home(MESSENGER, sender)
    return ReceiveMessage(
        command_id=derive(MESSENGER, arrival.page, mid, "message"),
        at=arrival.at(at),
        actor_kind="customer",
        actor_id=handle_id,
        channel=MESSENGER,
        accounts=[arrival.page],
        item_id=mid,
        visibility="private",
        posted_at=at,
        handle_id=handle_id,
        platform_id=sender,
        text=unbroken(text or ""),
        salt=arrival.receiver.salt(),
        raw=raw_item(raw),
        event=event,
    )


def _edit(edit: MessageEdit, raw: object, sender: str, at: int, arrival: Arrival) -> Result:
    raw_item(raw)  # for its limit
    mid = required_id(edit.mid, MESSAGE, "mid")
    handle_id = arrival.receiver.home(MESSENGER, sender)
    return handle_id, EditMessage(
        command_id=derive(MESSENGER, arrival.page, mid, "edit", at),
        at=arrival.at(at),
        actor_kind="customer",
        actor_id=handle_id,
        channel=MESSENGER,
        item_id=mid,
        edited_at=at,
        text=unbroken(edit.text or ""),
        salt=arrival.receiver.salt(),
    )


def _referral(referral: Referral, sender: str, at: int, arrival: Arrival) -> Result:
    """Somebody came back to the conversation through a link, and has written nothing yet."""
    ref = ref_of(referral)
    if ref is None:
        return "referral"
    handle_id = arrival.receiver.home(MESSENGER, sender)
    return handle_id, RecordReferral(
        command_id=derive(MESSENGER, arrival.page, handle_id, "referral", at),
        at=arrival.at(at),
        actor_kind="customer",
        actor_id=handle_id,
        channel=MESSENGER,
        account=arrival.page,
        handle_id=handle_id,
        platform_id=sender,
        ref=ref,
    )


def _own(event: Messaging, raw: object, at: int, arrival: Arrival) -> Result:
    """What a page itself sent: an echo of ours, of another app, or of somebody in the page's inbox."""
    message = event.message
    if message is None:
        return "own_event"
    recipient = _party(event.recipient, "recipient")
    if arrival.is_own(recipient):
        return "own_thread"
    if message.is_deleted:
        return "own_post_deleted"
    mid = required_id(message.mid, MESSAGE, "mid")
    ours = message.metadata is not None and DELIVERY.fullmatch(message.metadata) is not None
    return arrival.receiver.home(MESSENGER, recipient), RecordOwnPost(
        command_id=derive(MESSENGER, arrival.page, mid, "own_post"),
        at=arrival.at(at),
        channel=MESSENGER,
        account=arrival.page,
        item_id=mid,
        visibility="private",
        delivery_id=message.metadata if ours else None,
        posted_at=at,
        text=unbroken(message.text or ""),
        salt=arrival.receiver.salt(),
        raw=raw_item(raw),
    )
