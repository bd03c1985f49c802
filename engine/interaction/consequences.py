"""What is written beside an event that was just decided: words, and commands to routing and to the platform."""

from collections.abc import Iterator
from typing import TypedDict

from engine.decider import Context, Send
from engine.delivery import Deliver
from engine.envelope import derive
from engine.interaction import commands as c
from engine.interaction import contact_events as ce
from engine.interaction import events as e
from engine.interaction.receiving import notice_salt
from engine.interaction.state import Delivery, Interaction, PendingWords
from engine.policy.rules import notice_text
from engine.record import Command, Event
from engine.routing import commands as r
from engine.rows import Rows

CONTENT = "interaction.content"
ROUTING = "routing.commands"
DELIVERY = "delivery.commands"


def account_key(channel: str, account: str) -> str:
    """The key of an account's deliveries: they lie on one partition, because the platform's limits are its."""
    return f"{channel}-{account}"


def follow(
    rows: Rows, before: Interaction | None, event: Event, command: Command | None, context: Context
) -> Iterator[Send]:
    """The records that follow from one event.

    Args:
        before: the interaction as it was when the event was decided: who had it, what was asked for it.
    """
    match event:
        case e.MessageReceived():
            if isinstance(command, c.ReceiveMessage):
                yield Send(
                    CONTENT, event.content_id, e.Words(text=command.text, salt=command.salt, language=command.language)
                )
        case ce.ContactCreated():
            if isinstance(command, c.ReceiveMessage):
                yield Send(CONTENT, event.profile_id, _profile(command))
        case e.MessageDeleted():
            yield Send(CONTENT, event.content_id, None)
        case e.NoticeRequested() | e.ReplyRequested():
            yield from _post(rows, event, command, context)
        case e.RepliedElsewhere():
            if isinstance(command, c.RecordOwnPost):
                yield Send(CONTENT, event.content_id, e.Words(text=command.text, salt=command.salt))
            if before is not None and before.state != event.state:
                yield from _leave_line(event, before)
        case e.DeliveryRetried():
            yield from _post_again(rows, event)
        case e.Queued():
            if before is not None and before.accepted and before.agent_id is not None:
                yield _free(event, before.pool or event.pool, before.agent_id)
            yield Send(ROUTING, event.pool, _request(event))
        case e.Assigned():
            yield from _taken(event, before)
        case e.Accepted():
            if before is not None and before.pool is not None and event.reservation_id is not None:
                confirm = r.ConfirmReservation(**_meta(event), reservation_id=event.reservation_id)
                yield Send(ROUTING, before.pool, confirm)
        case e.QueuedAgain():
            if before is not None and before.pool is not None:
                yield Send(ROUTING, before.pool, _end(event, event.reservation_id, event.why))
        case e.ReservationReleased():
            yield Send(ROUTING, event.pool, _end(event, event.reservation_id, "released"))
        case e.OutOfHours() | e.Dispositioned():
            yield from _leave_line(event, before)
            if before is not None and before.accepted and before.agent_id is not None and before.pool is not None:
                yield _free(event, before.pool, before.agent_id)
        case e.Transferred():
            if isinstance(command, c.Transfer) and event.note_id is not None and command.note is not None:
                yield Send(CONTENT, event.note_id, e.Words(text=command.note, salt=command.salt))
        case _:
            return


class _Meta(TypedDict):
    command_id: str
    at: int
    correlation_id: str


def _meta(event: Event, *more: str) -> _Meta:
    """The command fields of what an event leads to: the id follows from the event's."""
    return {
        "command_id": derive(event.event_id, *more),
        "at": event.decided_at,
        "correlation_id": event.correlation_id,
    }


def _profile(command: c.ReceiveMessage) -> e.Profile:
    return e.Profile(
        channel=command.channel,
        platform_id=command.platform_id,
        screen_name=command.screen_name,
        name=command.name,
    )


def _request(event: e.Queued) -> r.RequestAgent:
    return r.RequestAgent(
        **_meta(event),
        request_id=event.request_id,
        interaction_id=event.interaction_id or "",
        queue=event.queue,
        skills=event.skills,
        group=event.group,
        agent=event.agent,
        priority=event.priority,
        waiting_since=event.occurred_at,
    )


def _end(event: Event, reservation_id: str, why: str) -> r.EndReservation:
    return r.EndReservation(**_meta(event, "end"), reservation_id=reservation_id, why=why)


def _free(event: Event, pool: str, agent_id: str) -> Send:
    free = r.FreeSlot(**_meta(event, "free"), interaction_id=event.interaction_id or "", agent_id=agent_id)
    return Send(ROUTING, pool, free)


def _leave_line(event: Event, before: Interaction | None) -> Iterator[Send]:
    """The interaction wants no agent any more: out of the line, or the offer withdrawn."""
    if before is None or before.pool is None:
        return
    if before.reservation_id is not None and not before.accepted:
        yield Send(ROUTING, before.pool, _end(event, before.reservation_id, "released"))
    elif before.request_id is not None and before.state == "queued":
        withdraw = r.WithdrawRequest(**_meta(event, "withdraw"), request_id=before.request_id)
        yield Send(ROUTING, before.pool, withdraw)


def _taken(event: e.Assigned, before: Interaction | None) -> Iterator[Send]:
    if before is None or event.why not in ("taken", "taken_over"):
        return
    pool = before.pool
    if pool is None:
        return  # never queued: no pool counts it
    # First of all, so that an agent who takes what is offered to them is not offered more for the same slot.
    occupy = r.OccupySlot(**_meta(event, "occupy"), interaction_id=event.interaction_id or "", agent_id=event.agent_id)
    yield Send(ROUTING, pool, occupy)
    yield from _leave_line(event, before)
    if before.accepted and before.agent_id is not None:
        yield _free(event, pool, before.agent_id)


def _post(
    rows: Rows, event: e.NoticeRequested | e.ReplyRequested, command: Command | None, context: Context
) -> Iterator[Send]:
    interaction = rows.get(Interaction, event.interaction_id or "")
    if interaction is None or not isinstance(command, c.Reply | c.ReceiveMessage):
        return
    text, language, salt = command.text, None, command.salt
    if isinstance(event, e.NoticeRequested) and isinstance(command, c.ReceiveMessage) and context.rules is not None:
        language, salt = event.language, notice_salt(command.salt)
        text = notice_text(context.rules.notices[event.template], language, command.screen_name)
    rows.put(event.delivery_id, PendingWords(delivery_id=event.delivery_id, text=text))
    yield Send(CONTENT, event.content_id, e.Words(text=text, salt=salt, language=language))
    yield _deliver(event, interaction, event.delivery_id, text, 1, rows)


def _post_again(rows: Rows, event: e.DeliveryRetried) -> Iterator[Send]:
    interaction = rows.get(Interaction, event.interaction_id or "")
    words = rows.get(PendingWords, event.delivery_id)
    if interaction is None or words is None:
        raise LookupError(f"delivery {event.delivery_id} is to be tried again, but its words are gone")
    yield _deliver(event, interaction, event.delivery_id, words.text, event.attempt, rows)


def _deliver(event: Event, interaction: Interaction, delivery_id: str, text: str, attempt: int, rows: Rows) -> Send:
    delivery = rows.get(Delivery, delivery_id)
    if delivery is None:
        raise LookupError(f"delivery {delivery_id} was never asked for")
    record = Deliver(
        delivery_id=delivery_id,
        attempt=attempt,
        interaction_id=event.interaction_id or "",
        channel=interaction.channel,
        account=interaction.account,
        kind=delivery.kind,
        visibility=delivery.visibility,
        in_reply_to=delivery.in_reply_to,
        text=text,
        at=delivery.requested_at,
        correlation_id=event.correlation_id,
    )
    return Send(DELIVERY, account_key(interaction.channel, interaction.account), record)
