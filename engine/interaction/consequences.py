"""What is written beside an event that was just decided: words, and commands to routing and to the platform."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from engine.decider import Context, Send
from engine.interaction import commands as c
from engine.interaction import contact_commands as cc
from engine.interaction import early, homes, outgoing
from engine.interaction import events as e
from engine.interaction.state import Interaction
from engine.interaction.writing import CONTENT, INTERACTION, ROUTING, Case, meta
from engine.record import Command, Event
from engine.routing import commands as r
from engine.rows import Rows

MOST_INDEXED: Final = 4
"""Keys under which one message is noted; the connectors give one."""


def follow(
    rows: Rows, before: Interaction | None, event: Event, command: Command | None, context: Context
) -> Iterable[Send]:
    """The records that follow from one event.

    Args:
        before: the interaction as it was when the event was decided: who had it, what was asked for it.
    """
    step = _STEPS.get(type(event))
    return () if step is None else step(Case(rows, before, command, context), event)


def _message_received(case: Case, event: e.MessageReceived) -> Iterator[Send]:
    command = case.command
    if isinstance(command, c.ReceiveMessage):
        said = early.as_edited(case.rows, command)
        words = e.Words(text=said.text, salt=said.salt, language=said.language, attachments=said.attachments)
        yield Send(CONTENT, event.content_id, words)
        yield from early.drop_words(case.rows, event.item_id)
        yield from _note_items(case.rows, event, command)


def _message_edited(case: Case, event: e.MessageEdited) -> Iterator[Send]:
    command = case.command
    if isinstance(command, c.EditMessage):
        words = e.Words(text=command.text, salt=command.salt, attachments=command.attachments)
        yield Send(CONTENT, event.content_id, words)


def _edit_remembered(case: Case, event: e.EditRemembered) -> Iterable[Send]:
    return early.keep_words(case.rows, event, case.command) if isinstance(case.command, c.EditMessage) else ()


def _edit_dropped(case: Case, event: e.EditForgotten | e.DeletionRemembered) -> Iterable[Send]:
    return early.drop_words(case.rows, event.item_id)


def _words_gone(case: Case, event: e.MessageDeleted | e.Moderated) -> Iterator[Send]:
    if event.content_id is not None:
        yield Send(CONTENT, event.content_id, None)


def _posted(case: Case, event: e.Posting) -> Iterable[Send]:
    return outgoing.post(case.rows, event, case.command, case.context)


def _acted(case: Case, event: e.EngagementRequested | e.ModerationRequested) -> Iterable[Send]:
    return (outgoing.deliver(case.rows, event, event.delivery_id, "", 1),)


def _retried(case: Case, event: e.DeliveryRetried) -> Iterable[Send]:
    return (outgoing.post_again(case.rows, event, event.attempt),)


def _released(case: Case, event: e.ReplyReleased) -> Iterable[Send]:
    return (outgoing.post_again(case.rows, event, 1),)


def _replied_elsewhere(case: Case, event: e.RepliedElsewhere) -> Iterator[Send]:
    before, command = case.before, case.command
    if isinstance(command, c.RecordOwnPost):
        yield Send(CONTENT, event.content_id, e.Words(text=command.text, salt=command.salt))
    if before is not None and before.state != event.state:
        yield from _leave_line(event, before)


def _queued(case: Case, event: e.Queued) -> Iterator[Send]:
    before = case.before
    if before is not None and before.accepted and before.agent_id is not None:
        yield _free(event, before.pool or event.pool, before.agent_id)
    yield Send(ROUTING, event.pool, _request(event))


def _accepted(case: Case, event: e.Accepted) -> Iterator[Send]:
    before = case.before
    if before is not None and before.pool is not None and event.reservation_id is not None:
        confirm = r.ConfirmReservation(**meta(event), reservation_id=event.reservation_id)
        yield Send(ROUTING, before.pool, confirm)


def _queued_again(case: Case, event: e.QueuedAgain) -> Iterator[Send]:
    if case.before is not None and case.before.pool is not None:
        yield Send(ROUTING, case.before.pool, _end(event, event.reservation_id, event.why))


def _reservation_released(case: Case, event: e.ReservationReleased) -> Iterable[Send]:
    return (Send(ROUTING, event.pool, _end(event, event.reservation_id, "released")),)


def _no_agent_wanted(case: Case, event: e.OutOfHours | e.Dispositioned) -> Iterator[Send]:
    before = case.before
    yield from _leave_line(event, before)
    if before is not None and before.accepted and before.agent_id is not None and before.pool is not None:
        yield _free(event, before.pool, before.agent_id)


def _transferred(case: Case, event: e.Transferred) -> Iterator[Send]:
    command = case.command
    if isinstance(command, c.Transfer) and event.note_id is not None and command.note is not None:
        yield Send(CONTENT, event.note_id, e.Words(text=command.note, salt=command.salt))


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


def _assigned(case: Case, event: e.Assigned) -> Iterator[Send]:
    before = case.before
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


_STEPS: Final[dict[type[Event], Callable[[Case, Any], Iterable[Send]]]] = {
    e.MessageReceived: _message_received,
    e.MessageEdited: _message_edited,
    e.MessageDeleted: _words_gone,
    e.EditRemembered: _edit_remembered,
    e.EditForgotten: _edit_dropped,
    e.DeletionRemembered: _edit_dropped,
    e.Moderated: _words_gone,
    e.NoticeRequested: _posted,
    e.AutoReplyRequested: _posted,
    e.ReplyRequested: _posted,
    e.EngagementRequested: _acted,
    e.ModerationRequested: _acted,
    e.DeliveryRetried: _retried,
    e.ReplyReleased: _released,
    e.RepliedElsewhere: _replied_elsewhere,
    e.Queued: _queued,
    e.QueuedAgain: _queued_again,
    e.Assigned: _assigned,
    e.Accepted: _accepted,
    e.ReservationReleased: _reservation_released,
    e.OutOfHours: _no_agent_wanted,
    e.Dispositioned: _no_agent_wanted,
    e.Transferred: _transferred,
    **homes.STEPS,
}
