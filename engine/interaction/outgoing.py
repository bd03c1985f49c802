"""The records by which something gets to a platform: its words, and one attempt to post it."""

from collections.abc import Iterator

from engine.decider import Context, Send
from engine.delivery import Deliver
from engine.interaction import commands as c
from engine.interaction import events as e
from engine.interaction.automatic import notice_salt, text_of
from engine.interaction.replying import announcement_of, announcement_salt, part_of
from engine.interaction.state import Address, Delivery, Interaction, PendingWords
from engine.interaction.writing import CONTENT, DELIVERY
from engine.record import Command, Event
from engine.rows import Rows


def account_key(channel: str, account: str) -> str:
    """The key of an account's deliveries: they lie on one partition, because the platform's limits are its."""
    return f"{channel}-{account}"


def post(rows: Rows, event: e.Posting, command: Command | None, context: Context) -> Iterator[Send]:
    """The words of a new text, and its first attempt unless it waits for another."""
    words = _words(rows, event, command, context)
    if words is None:
        return
    rows.put(event.delivery_id, PendingWords(delivery_id=event.delivery_id, text=words.text))
    yield Send(CONTENT, event.content_id, words)
    if not (isinstance(event, e.ReplyRequested) and event.after is not None):
        yield deliver(rows, event, event.delivery_id, words.text, 1)


def post_again(rows: Rows, event: e.DeliveryRetried | e.ReplyReleased, attempt: int) -> Send:
    """An attempt with the words that are kept."""
    delivery = rows.get(Delivery, event.delivery_id)
    words = rows.get(PendingWords, event.delivery_id)
    if delivery is not None and delivery.content_id is None:
        return deliver(rows, event, event.delivery_id, "", attempt)
    if words is None:
        raise LookupError(f"delivery {event.delivery_id} is to be tried again, but its words are gone")
    return deliver(rows, event, event.delivery_id, words.text, attempt)


def deliver(rows: Rows, event: Event, delivery_id: str, text: str, attempt: int) -> Send:
    """One attempt."""
    delivery = rows.get(Delivery, delivery_id)
    interaction = rows.get(Interaction, event.interaction_id or "")
    if delivery is None or interaction is None:
        raise LookupError(f"delivery {delivery_id} was never asked for")
    address = None if delivery.recipient_handle is None else rows.get(Address, delivery.recipient_handle)
    channel = "messenger" if delivery.action == "message" and interaction.channel != "x" else interaction.channel
    record = Deliver(
        delivery_id=delivery_id,
        attempt=attempt,
        interaction_id=event.interaction_id or "",
        channel=channel,
        account=interaction.account,
        kind=delivery.kind,
        action=delivery.action,
        visibility=delivery.visibility,
        in_reply_to=delivery.in_reply_to,
        recipient=None if address is None else address.platform_id,
        tag=delivery.tag,
        text=text,
        at=delivery.requested_at,
        correlation_id=event.correlation_id,
    )
    return Send(DELIVERY, account_key(channel, interaction.account), record)


def _words(rows: Rows, event: e.Posting, command: Command | None, context: Context) -> e.Words | None:
    interaction = rows.get(Interaction, event.interaction_id or "")
    if interaction is None:
        return None
    match event, command:
        case (e.NoticeRequested() | e.AutoReplyRequested(), c.ReceiveMessage()) if context.rules is not None:
            text = text_of(context.rules, event, command)
            return e.Words(text=text, salt=notice_salt(command.salt), language=event.language)
        case e.ReplyRequested(), c.Reply():
            return e.Words(text=part_of(command.text, interaction.channel, event), salt=command.salt)
        case e.ReplyRequested(visibility="private"), c.MoveToPrivate():
            return e.Words(text=command.text or "", salt=command.salt)
        case e.ReplyRequested(), c.MoveToPrivate():
            text = announcement_of(command, interaction) or ""
            return e.Words(text=text, salt=announcement_salt(command.salt))
        case _:
            return None
