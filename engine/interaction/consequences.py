"""What is written beside an event that was just decided: words, and commands to routing and to the platform."""

from collections.abc import Iterator
from typing import Final

from engine.decider import Context, Send
from engine.interaction import commands as c
from engine.interaction import contact_commands as cc
from engine.interaction import early, homes, outgoing
from engine.interaction import events as e
from engine.interaction.state import Interaction
from engine.interaction.writing import CONTENT, INTERACTION, ROUTING, meta
from engine.record import Command, Event
from engine.routing import commands as r
from engine.rows import Rows

MOST_INDEXED: Final = 4
"""Keys under which one message is noted; the connectors give one."""


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
                said = early.as_edited(rows, command)
                words = e.Words(text=said.text, salt=said.salt, language=said.language, attachments=said.attachments)
                yield Send(CONTENT, event.content_id, words)
                yield from early.drop_words(rows, event.item_id)
                yield from _note_items(rows, event, command)
        case e.MessageEdited():
            if isinstance(command, c.EditMessage):
                words = e.Words(text=command.text, salt=command.salt, attachments=command.attachments)
                yield Send(CONTENT, event.content_id, words)
        case e.EditRemembered():
            if isinstance(command, c.EditMessage):
                yield from early.keep_words(rows, event, command)
        case e.EditForgotten() | e.DeletionRemembered():
            yield from early.drop_words(rows, event.item_id)
        case e.MessageDeleted():
            yield Send(CONTENT, event.content_id, None)
        case e.Moderated():
            if event.content_id is not None:
                yield Send(CONTENT, event.content_id, None)
        case e.Posting():
            yield from outgoing.post(rows, event, command, context)
        case e.EngagementRequested() | e.ModerationRequested():
            yield outgoing.deliver(rows, event, event.delivery_id, "", 1)
        case e.DeliveryRetried():
            yield outgoing.post_again(rows, event, event.attempt)
        case e.ReplyReleased():
            yield outgoing.post_again(rows, event, 1)
        case e.RepliedElsewhere():
            if isinstance(command, c.RecordOwnPost):
                yield Send(CONTENT, event.content_id, e.Words(text=command.text, salt=command.salt))
            if before is not None and before.state != event.state:
                yield from _leave_line(event, before)
        case e.Queued():
            if before is not None and before.accepted and before.agent_id is not None:
                yield _free(event, before.pool or event.pool, before.agent_id)
            yield Send(ROUTING, event.pool, _request(event))
        case e.Assigned():
            yield from _taken(event, before)
        case e.Accepted():
            if before is not None and before.pool is not None and event.reservation_id is not None:
                confirm = r.ConfirmReservation(**meta(event), reservation_id=event.reservation_id)
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
            yield from homes.follow(rows, event, command)


def _note_items(rows: Rows, event: e.MessageReceived, command: c.ReceiveMessage) -> Iterator[Send]:
    """On the keys of items that are only known by their id: this key holds this one."""
    for key in command.index[:MOST_INDEXED]:
        yield Send(INTERACTION, key, cc.NoteItem(**meta(event, key), item_id=event.item_id, home=rows.key))


def _request(event: e.Queued) -> r.RequestAgent:
    return r.RequestAgent(
        **meta(event),
        request_id=event.request_id,
        interaction_id=event.interaction_id or "",
        queue=event.queue,
        skills=event.skills,
        group=event.group,
        agent=event.agent,
        priority=event.priority,
        waiting_since=event.occurred_at,
        weight=event.weight,
        preferred=event.preferred,
        preferred_until=event.preferred_until,
        relax_at=event.relax_at,
        relaxed_skills=event.relaxed_skills,
    )


def _end(event: Event, reservation_id: str, why: str) -> r.EndReservation:
    return r.EndReservation(**meta(event, "end"), reservation_id=reservation_id, why=why)


def _free(event: Event, pool: str, agent_id: str) -> Send:
    free = r.FreeSlot(**meta(event, "free"), interaction_id=event.interaction_id or "", agent_id=agent_id)
    return Send(ROUTING, pool, free)


def _leave_line(event: Event, before: Interaction | None) -> Iterator[Send]:
    """The interaction wants no agent any more: out of the line, or the offer withdrawn."""
    if before is None or before.pool is None:
        return
    if before.reservation_id is not None and not before.accepted:
        yield Send(ROUTING, before.pool, _end(event, before.reservation_id, "released"))
    elif before.request_id is not None and before.state == "queued":
        withdraw = r.WithdrawRequest(**meta(event, "withdraw"), request_id=before.request_id)
        yield Send(ROUTING, before.pool, withdraw)


def _taken(event: e.Assigned, before: Interaction | None) -> Iterator[Send]:
    if before is None or event.why not in ("taken", "taken_over"):
        return
    pool = before.pool
    if pool is None:
        return  # never queued: no pool counts it
    # First of all, so that an agent who takes what is offered to them is not offered more for the same slot.
    occupy = r.OccupySlot(
        **meta(event, "occupy"),
        interaction_id=event.interaction_id or "",
        agent_id=event.agent_id,
        weight=before.weight,
    )
    yield Send(ROUTING, pool, occupy)
    yield from _leave_line(event, before)
    if before.accepted and before.agent_id is not None:
        yield _free(event, pool, before.agent_id)
