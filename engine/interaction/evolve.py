"""Events into rows. Looks at nothing but its arguments; never fails on an event that was decided."""

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from engine.interaction import contact_events as ce
from engine.interaction import events as e
from engine.bookkeeping import NEVER, Emergency, PolicyInForce, Timer
from engine.interaction.state import Contact, Delivery, Interaction, Item, Key, Latest, Noticed, PendingWords
from engine.record import Event
from engine.rows import Rows


def evolve(rows: Rows, event: Event) -> None:
    """Applies one event to the rows of its key."""
    step = _STEPS.get(type(event))
    if step is not None:
        step(rows, event)


def _current(rows: Rows, event: Event) -> Interaction:
    interaction = rows.get(Interaction, event.interaction_id or "")
    if interaction is None:
        raise LookupError(f"event {event.event_id} names interaction {event.interaction_id}, which never began")
    return interaction


def _update(rows: Rows, event: Event, **changes: Any) -> None:
    rows.put(event.interaction_id or "", replace(_current(rows, event), state=event.state, **changes))


def _set_timer(rows: Rows, name: str, ref: str, due: int | None) -> None:
    if due is None:
        rows.delete(Timer, f"{name}:{ref}")
    else:
        rows.put(f"{name}:{ref}", Timer(name=name, ref=ref, due=due))


def _message_received(rows: Rows, event: e.MessageReceived) -> None:
    interaction_id = event.interaction_id or ""
    rows.put(event.item_id, Item(interaction_id=interaction_id, author="customer", content_id=event.content_id))
    if event.joined == "opened":
        counted = rows.get(Key, "")
        rows.put("", Key(interactions=1 if counted is None else counted.interactions + 1))
        if event.action != "ignore":  # nothing joins or follows what was filtered out
            rows.put(f"{event.channel}:{event.account}", Latest(interaction_id=interaction_id))
        rows.put(
            interaction_id,
            Interaction(
                state=event.state or "",
                channel=event.channel,
                account=event.account,
                visibility=event.visibility,
                active_at=event.posted_at,
                latest_item=event.item_id,
                language=event.language,
                filter=event.filter,
            ),
        )
        return
    before = _current(rows, event)
    _update(
        rows,
        event,
        active_at=max(before.active_at, event.posted_at),
        latest_item=event.item_id,
        live_items=before.live_items + 1,
        language=event.language or before.language,
    )


def _contact_created(rows: Rows, event: ce.ContactCreated) -> None:
    rows.put("", Contact(contact_id=event.contact_id or "", created_at=event.occurred_at))


def _contact_resolved(rows: Rows, event: e.ContactResolved) -> None:
    _update(rows, event, contact_id=event.contact_id)


def _notice_requested(rows: Rows, event: e.NoticeRequested) -> None:
    rows.put(event.closure, Noticed(delivery_id=event.delivery_id))
    _put_delivery(rows, event, "notice", None)


def _reply_requested(rows: Rows, event: e.ReplyRequested) -> None:
    _put_delivery(rows, event, "reply", event.agent_id)


def _put_delivery(rows: Rows, event: e.NoticeRequested | e.ReplyRequested, kind: str, agent_id: str | None) -> None:
    rows.put(
        event.delivery_id,
        Delivery(
            interaction_id=event.interaction_id or "",
            kind=kind,
            agent_id=agent_id,
            visibility=event.visibility,
            in_reply_to=event.in_reply_to,
            content_id=event.content_id,
            requested_at=event.occurred_at,
        ),
    )


def _settle(rows: Rows, delivery_id: str, state: str, item_id: str | None = None) -> None:
    delivery = rows.get(Delivery, delivery_id)
    if delivery is None:
        return
    settled = replace(delivery, state=state, item_id=item_id)
    rows.put(delivery_id, settled)
    rows.delete(Timer, f"retry:{delivery_id}")
    if not settled.awaits_echo:
        rows.delete(PendingWords, delivery_id)
    if item_id is not None:
        rows.put(
            item_id,
            Item(interaction_id=delivery.interaction_id, author="account", content_id=delivery.content_id),
        )


def _notice_posted(rows: Rows, event: e.NoticePosted) -> None:
    _settle(rows, event.delivery_id, "posted", event.item_id)


def _replied(rows: Rows, event: e.Replied) -> None:
    _settle(rows, event.delivery_id, "posted", event.item_id)
    before = _current(rows, event)
    _update(rows, event, active_at=max(before.active_at, event.posted_at), answered=True)


def _replied_elsewhere(rows: Rows, event: e.RepliedElsewhere) -> None:
    rows.put(
        event.item_id,
        Item(interaction_id=event.interaction_id or "", author="account", content_id=event.content_id),
    )
    before = _current(rows, event)
    changes: dict[str, Any] = {"active_at": max(before.active_at, event.posted_at), "answered": True}
    if before.state != event.state:
        changes |= {"request_id": None, "closure": None}
        _clear_waits(rows, event)
        if not before.accepted:
            changes |= {"agent_id": None, "reservation_id": None}
    _update(rows, event, **changes)


def _clear_waits(rows: Rows, event: Event) -> None:
    for name in ("accept", "closure", "expire"):
        rows.delete(Timer, f"{name}:{event.interaction_id}")


def _out_of_hours(rows: Rows, event: e.OutOfHours) -> None:
    _update(rows, event, closure=event.closure, agent_id=None, reservation_id=None, accepted=False, request_id=None)
    _set_timer(rows, "closure", event.interaction_id or "", NEVER if event.until is None else event.until)


def _closure_changed(rows: Rows, event: e.ClosureChanged) -> None:
    _update(rows, event, closure=event.closure)
    _set_timer(rows, "closure", event.interaction_id or "", NEVER if event.until is None else event.until)


def _queued(rows: Rows, event: e.Queued) -> None:
    _clear_waits(rows, event)
    _set_timer(rows, "expire", event.interaction_id or "", event.expires_at)
    _update(
        rows,
        event,
        queue=event.queue,
        pool=event.pool,
        requests=_current(rows, event).requests + 1,
        request_id=event.request_id,
        closure=None,
        agent_id=None,
        reservation_id=None,
        accepted=False,
        expires_at=event.expires_at,
    )


def _queued_again(rows: Rows, event: e.QueuedAgain) -> None:
    _clear_waits(rows, event)
    _set_timer(rows, "expire", event.interaction_id or "", _current(rows, event).expires_at)
    _update(rows, event, agent_id=None, reservation_id=None, request_id=event.request_id)


def _assigned(rows: Rows, event: e.Assigned) -> None:
    interaction_id = event.interaction_id or ""
    accepted = event.reservation_id is None
    _clear_waits(rows, event)
    _set_timer(rows, "accept", interaction_id, event.accept_by)
    changes: dict[str, Any] = {"request_id": None} if accepted else {}
    _update(
        rows,
        event,
        agent_id=event.agent_id,
        reservation_id=event.reservation_id,
        accepted=accepted,
        closure=None,
        **changes,
    )


def _accepted(rows: Rows, event: e.Accepted) -> None:
    _clear_waits(rows, event)
    _update(rows, event, accepted=True, reservation_id=None, request_id=None)


def _delivery_failed(rows: Rows, event: e.DeliveryFailed) -> None:
    _set_timer(rows, "retry", event.delivery_id, event.retry_at)


def _delivery_retried(rows: Rows, event: e.DeliveryRetried) -> None:
    rows.delete(Timer, f"retry:{event.delivery_id}")
    delivery = rows.get(Delivery, event.delivery_id)
    if delivery is not None:
        rows.put(event.delivery_id, replace(delivery, attempt=event.attempt))


def _reply_failed(rows: Rows, event: e.ReplyFailed) -> None:
    _settle(rows, event.delivery_id, "failed")


def _reply_abandoned(rows: Rows, event: e.ReplyAbandoned) -> None:
    _settle(rows, event.delivery_id, "abandoned")


def _message_deleted(rows: Rows, event: e.MessageDeleted) -> None:
    item = rows.get(Item, event.item_id)
    if item is not None:
        rows.put(event.item_id, replace(item, deleted=True))
    _update(rows, event, live_items=_current(rows, event).live_items - 1)


def _dispositioned(rows: Rows, event: e.Dispositioned) -> None:
    _clear_waits(rows, event)
    _update(rows, event, agent_id=None, reservation_id=None, accepted=False, request_id=None, closure=None)


def _policy_adopted(rows: Rows, event: e.PolicyAdopted) -> None:
    rows.put("", PolicyInForce(version=event.version))


def _emergency_activated(rows: Rows, event: e.EmergencyActivated) -> None:
    rows.put(event.account, Emergency(account=event.account, closure=event.closure))


def _emergency_ended(rows: Rows, event: e.EmergencyEnded) -> None:
    rows.delete(Emergency, event.account)


_STEPS: Final[dict[type[Event], Callable[[Rows, Any], None]]] = {
    e.MessageReceived: _message_received,
    ce.ContactCreated: _contact_created,
    e.ContactResolved: _contact_resolved,
    e.NoticeRequested: _notice_requested,
    e.NoticePosted: _notice_posted,
    e.OutOfHours: _out_of_hours,
    e.ClosureChanged: _closure_changed,
    e.Queued: _queued,
    e.QueuedAgain: _queued_again,
    e.Assigned: _assigned,
    e.Accepted: _accepted,
    e.ReplyRequested: _reply_requested,
    e.Replied: _replied,
    e.RepliedElsewhere: _replied_elsewhere,
    e.DeliveryFailed: _delivery_failed,
    e.DeliveryRetried: _delivery_retried,
    e.ReplyFailed: _reply_failed,
    e.ReplyAbandoned: _reply_abandoned,
    e.MessageDeleted: _message_deleted,
    e.Dispositioned: _dispositioned,
    e.PolicyAdopted: _policy_adopted,
    e.EmergencyActivated: _emergency_activated,
    e.EmergencyEnded: _emergency_ended,
}
