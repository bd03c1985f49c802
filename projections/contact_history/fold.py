"""What each event does to an interaction and to a message. Both end at the event's type, in any order of types."""

from functools import singledispatch

from engine.interaction import events as e
from engine.record import Event
from projections.contact_history.rows import Interaction, Message
from projections.values import moment, moment_or_none, shown


def opened(event: e.MessageReceived) -> Interaction:
    """The interaction that a message opened; `change` still has to apply the message."""
    return Interaction(
        interaction_id=event.interaction_id or "",
        contact_id=event.contact_id,
        handle_id=event.handle_id,
        channel=event.channel,
        account=event.account,
        visibility=event.visibility,
        state=event.state or "",
        state_since=moment(event.occurred_at),
        queue=None,
        priority=None,
        agent_id=None,
        accepted=False,
        closure=None,
        held_until=None,
        opened_at=moment(event.occurred_at),
        last_activity_at=moment(event.posted_at),
        messages_in=0,
        messages_out=0,
        disposition=None,
        dispositioned_at=None,
        follows=event.follows,
        filter=event.filter,
        sequence=event.sequence,
    )


def update(row: Interaction, event: Event) -> None:
    """What every event of an interaction does to it, then what its type does."""
    row.sequence = event.sequence
    if event.contact_id is not None:
        row.contact_id = event.contact_id
    if event.state is not None and event.state != row.state:
        row.state = event.state
        row.state_since = moment(event.occurred_at)
        if event.state != "out_of_hours":
            row.closure = row.held_until = None
    change(event, row)


@singledispatch
def change(event: Event, row: Interaction) -> None:
    """Events that say nothing more about the interaction as it stands leave it alone."""


@change.register
def _(event: e.MessageReceived, row: Interaction) -> None:
    row.messages_in += 1
    row.last_activity_at = max(row.last_activity_at, moment(event.posted_at))


@change.register
def _(event: e.OutOfHours, row: Interaction) -> None:
    row.closure, row.held_until = event.closure, moment_or_none(event.until)
    row.agent_id, row.accepted = None, False


@change.register
def _(event: e.ClosureChanged, row: Interaction) -> None:
    row.closure, row.held_until = event.closure, moment_or_none(event.until)


@change.register
def _(event: e.Queued, row: Interaction) -> None:
    row.queue, row.priority = event.queue, event.priority
    row.agent_id, row.accepted = None, False


@change.register
def _(event: e.QueuedAgain, row: Interaction) -> None:
    row.agent_id, row.accepted = None, False


@change.register
def _(event: e.Assigned, row: Interaction) -> None:
    row.agent_id, row.accepted = event.agent_id, event.reservation_id is None


@change.register
def _(event: e.Accepted, row: Interaction) -> None:
    row.agent_id, row.accepted = event.agent_id, True


@change.register
def _(event: e.Replied, row: Interaction) -> None:
    row.messages_out += 1
    row.last_activity_at = max(row.last_activity_at, moment(event.posted_at))


@change.register
def _(event: e.RepliedElsewhere, row: Interaction) -> None:
    row.messages_out += 1
    row.last_activity_at = max(row.last_activity_at, moment(event.posted_at))


@change.register
def _(event: e.Dispositioned, row: Interaction) -> None:
    row.disposition, row.dispositioned_at = event.code, moment(event.occurred_at)


def message_id(event: Event) -> str | None:
    """The message that an event records or changes; None where it does neither."""
    if isinstance(event, e.DeliveryFailed | e.DeliveryRetried):
        return None  # it stays pending
    found = getattr(event, "delivery_id", None) or getattr(event, "content_id", None)
    return None if found is None else shown(found)


@singledispatch
def recorded(event: Event) -> Message | None:
    """The message that an event records; None where it changes one that is there."""
    return None


@recorded.register
def _(event: e.MessageReceived) -> Message:
    return _message(event, event.content_id, "in", "message", "received", event.handle_id, event.posted_at)


@recorded.register
def _(event: e.ReplyRequested) -> Message:
    return _message(event, event.content_id, "out", "reply", "pending", event.agent_id, event.occurred_at)


@recorded.register
def _(event: e.NoticeRequested) -> Message:
    return _message(event, event.content_id, "out", "notice", "pending", None, event.occurred_at)


@recorded.register
def _(event: e.RepliedElsewhere) -> Message:
    return _message(event, event.content_id, "out", "own_post", "posted", None, event.posted_at)


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
        item_id=getattr(event, "item_id", None),
        in_reply_to=getattr(event, "in_reply_to", None),
        content_id=content_id,
        sent_at=moment(sent_at),
        recorded_at=moment(event.occurred_at),
        sequence=event.sequence,
        reason=None,
        detail=None,
    )


@singledispatch
def settle(event: Event, row: Message) -> None:
    """Events that say nothing of a message that is there leave it alone."""


@settle.register
def _(event: e.Replied, row: Message) -> None:
    _posted(row, event.item_id, event.posted_at)


@settle.register
def _(event: e.NoticePosted, row: Message) -> None:
    _posted(row, event.item_id, event.posted_at)


@settle.register
def _(event: e.ReplyFailed, row: Message) -> None:
    row.status, row.reason, row.detail = "failed", event.reason, event.detail


@settle.register
def _(event: e.ReplyAbandoned, row: Message) -> None:
    row.status, row.reason = "abandoned", event.reason


@settle.register
def _(event: e.MessageDeleted, row: Message) -> None:
    row.status = "deleted"


def _posted(row: Message, item_id: str | None, posted_at: int) -> None:
    row.status, row.item_id, row.sent_at = "posted", item_id, moment(posted_at)
    row.reason = row.detail = None
