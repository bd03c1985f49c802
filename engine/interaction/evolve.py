"""Events into rows. Looks at nothing but its arguments; never fails on an event that was decided."""

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from engine.bookkeeping import NEVER, Emergency, PolicyInForce
from engine.interaction import events as e
from engine.interaction.changing import (
    clear_waits,
    current,
    drop_early_edit,
    earliest,
    prolong,
    set_timer,
    talk,
    update,
)
from engine.interaction.evolve_contact import CONTACT_STEPS
from engine.interaction.evolve_delivery import DELIVERY_STEPS
from engine.interaction.state import (
    EarlyEdit,
    Interaction,
    Invitation,
    Item,
    Key,
    Latest,
    Note,
    Removed,
    Talks,
    Thread,
    talk_id,
)
from engine.record import Event
from engine.rows import Rows


def evolve(rows: Rows, event: Event) -> None:
    """Applies one event to the rows of its key."""
    step = _STEPS.get(type(event))
    if step is not None:
        step(rows, event)
    if event.interaction_id is not None:
        interaction = rows.get(Interaction, event.interaction_id)
        if interaction is not None and interaction.sequence != event.sequence:
            rows.put(event.interaction_id, replace(interaction, sequence=event.sequence))


def _message_received(rows: Rows, event: e.MessageReceived) -> None:
    interaction_id = event.interaction_id or ""
    rows.put(
        event.item_id,
        Item(
            interaction_id=interaction_id,
            author="customer",
            content_id=event.content_id,
            channel=event.channel,
            visibility=event.visibility,
            posted_at=event.posted_at,
            edited_at=event.edited_at,
        ),
    )
    drop_early_edit(rows, event.item_id)
    if event.joined == "opened":
        _open(rows, event, interaction_id)
    else:
        _join(rows, event)
    if event.action == "ignore":
        return  # nothing joins or follows what was filtered out
    if event.visibility == "private":
        talk(rows, event.channel, event.account, interaction_id)
        prolong(rows, event, event.decided_at)
    if event.thread is not None:
        rows.put(event.thread, Thread(interaction_id=interaction_id))


def _open(rows: Rows, event: e.MessageReceived, interaction_id: str) -> None:
    counted = rows.get(Key, "")
    rows.put("", Key(interactions=1 if counted is None else counted.interactions + 1))
    if event.action != "ignore":
        latest = Latest(interaction_id=interaction_id)
        rows.put(f"{event.channel}:{event.account}", latest)
        if event.visibility == "public":
            rows.put(f"{event.channel}:{event.account}:public", latest)
    opened = Interaction(
        state=event.state or "",
        channel=event.channel,
        account=event.account,
        visibility=event.visibility,
        handle_id=event.handle_id,
        active_at=event.posted_at,
        opened_at=event.posted_at,
        latest_item=event.item_id,
        language=event.language,
        filter=event.filter,
        sequence=event.sequence,
        **_where_latest(event, None),
    )
    rows.put(interaction_id, opened)


def _join(rows: Rows, event: e.MessageReceived) -> None:
    before = current(rows, event)
    update(
        rows,
        event,
        active_at=max(before.active_at, event.posted_at),
        opened_at=min(before.opened_at, event.posted_at),  # platforms deliver out of order
        latest_item=event.item_id,
        live_items=before.live_items + 1,
        language=event.language or before.language,
        **_where_latest(event, before),
    )


def _where_latest(event: e.MessageReceived, before: Interaction | None) -> dict[str, Any]:
    if event.visibility == "public":
        return {"latest_public": event.item_id}
    known = 0 if before is None else before.private_at or 0
    return {
        "latest_private": event.item_id,
        "private_channel": event.channel,
        "private_handle": event.handle_id,
        "private_at": max(known, event.posted_at),
    }


def _moved_to_private(rows: Rows, event: e.MovedToPrivate) -> None:
    update(rows, event, invited=True, private_channel=current(rows, event).private_channel or event.channel)
    talk(rows, event.channel, current(rows, event).account, event.interaction_id or "")
    if event.invitation is not None and event.until is not None:
        invitation = Invitation(interaction_id=event.interaction_id or "", until=event.until)
        rows.put(event.invitation.hex(), invitation)


def _session_opened(rows: Rows, event: e.SessionOpened) -> None:
    update(rows, event, session=event.session, in_session=True, idle_after=event.idle_after)
    prolong(rows, event, event.decided_at)


def _session_closed(rows: Rows, event: e.SessionClosed) -> None:
    update(rows, event, in_session=False)
    set_timer(rows, "idle", event.interaction_id or "", None)


def _contact_resolved(rows: Rows, event: e.ContactResolved) -> None:
    update(rows, event, contact_id=event.contact_id)


def _replied_elsewhere(rows: Rows, event: e.RepliedElsewhere) -> None:
    before = current(rows, event)
    rows.put(
        event.item_id,
        Item(
            interaction_id=event.interaction_id or "",
            author="account",
            content_id=event.content_id,
            channel=before.channel,
            visibility=event.visibility,
            posted_at=event.posted_at,
        ),
    )
    changes: dict[str, Any] = {
        "active_at": max(before.active_at, event.posted_at),
        "answered": True,
        "answered_at": earliest(before.answered_at, event.posted_at),
    }
    if before.state != event.state:
        changes |= {"request_id": None, "closure": None}
        clear_waits(rows, event)
        if not before.accepted:
            changes |= {"agent_id": None, "reservation_id": None}
    update(rows, event, **changes)
    prolong(rows, event, event.decided_at)


def _out_of_hours(rows: Rows, event: e.OutOfHours) -> None:
    update(rows, event, closure=event.closure, agent_id=None, reservation_id=None, accepted=False, request_id=None)
    set_timer(rows, "closure", event.interaction_id or "", NEVER if event.until is None else event.until)


def _closure_changed(rows: Rows, event: e.ClosureChanged) -> None:
    update(rows, event, closure=event.closure)
    set_timer(rows, "closure", event.interaction_id or "", NEVER if event.until is None else event.until)


def _queued(rows: Rows, event: e.Queued) -> None:
    clear_waits(rows, event)
    set_timer(rows, "expire", event.interaction_id or "", event.expires_at)
    update(
        rows,
        event,
        queue=event.queue,
        pool=event.pool,
        requests=current(rows, event).requests + 1,
        request_id=event.request_id,
        closure=None,
        agent_id=None,
        reservation_id=None,
        accepted=False,
        expires_at=event.expires_at,
        weight=event.weight,
    )


def _queued_again(rows: Rows, event: e.QueuedAgain) -> None:
    clear_waits(rows, event)
    set_timer(rows, "expire", event.interaction_id or "", current(rows, event).expires_at)
    update(rows, event, agent_id=None, reservation_id=None, request_id=event.request_id)


def _assigned(rows: Rows, event: e.Assigned) -> None:
    interaction_id = event.interaction_id or ""
    accepted = event.reservation_id is None
    clear_waits(rows, event)
    set_timer(rows, "accept", interaction_id, event.accept_by)
    changes: dict[str, Any] = {"request_id": None} if accepted else {}
    update(
        rows,
        event,
        agent_id=event.agent_id,
        reservation_id=event.reservation_id,
        accepted=accepted,
        closure=None,
        **changes,
    )


def _accepted(rows: Rows, event: e.Accepted) -> None:
    clear_waits(rows, event)
    update(rows, event, accepted=True, reservation_id=None, request_id=None)


def _transferred(rows: Rows, event: e.Transferred) -> None:
    if event.note_id is not None:
        rows.put(event.note_id, Note(interaction_id=event.interaction_id or ""))


def _message_deleted(rows: Rows, event: e.MessageDeleted) -> None:
    item = rows.get(Item, event.item_id)
    if item is not None:
        rows.put(event.item_id, replace(item, deleted=True))
    rows.delete(Removed, event.item_id)
    update(rows, event, live_items=current(rows, event).live_items - 1)


def _message_edited(rows: Rows, event: e.MessageEdited) -> None:
    item = rows.get(Item, event.item_id)
    if item is not None:
        rows.put(event.item_id, replace(item, edited_at=event.edited_at))


def _deletion_remembered(rows: Rows, event: e.DeletionRemembered) -> None:
    rows.put(event.item_id, Removed())
    drop_early_edit(rows, event.item_id)


def _edit_remembered(rows: Rows, event: e.EditRemembered) -> None:
    edit = EarlyEdit(channel=event.channel, content_id=event.content_id, edited_at=event.edited_at)
    rows.put(event.item_id, edit)
    set_timer(rows, "edit", event.item_id, event.until)


def _edit_forgotten(rows: Rows, event: e.EditForgotten) -> None:
    drop_early_edit(rows, event.item_id)


def _dispositioned(rows: Rows, event: e.Dispositioned) -> None:
    clear_waits(rows, event)
    update(rows, event, agent_id=None, reservation_id=None, accepted=False, request_id=None, closure=None)
    ended = current(rows, event)
    place = talk_id(ended.channel, ended.account)
    talks = rows.get(Talks, place)
    if talks is not None and event.interaction_id in talks.interactions:
        rows.put(place, Talks(interactions=[one for one in talks.interactions if one != event.interaction_id]))


def _policy_adopted(rows: Rows, event: e.PolicyAdopted) -> None:
    rows.put("", PolicyInForce(version=event.version))


def _emergency_activated(rows: Rows, event: e.EmergencyActivated) -> None:
    rows.put(event.account, Emergency(account=event.account, closure=event.closure))


def _emergency_ended(rows: Rows, event: e.EmergencyEnded) -> None:
    rows.delete(Emergency, event.account)


_STEPS: Final[dict[type[Event], Callable[[Rows, Any], None]]] = {
    e.MessageReceived: _message_received,
    e.MessageEdited: _message_edited,
    e.MessageDeleted: _message_deleted,
    e.DeletionRemembered: _deletion_remembered,
    e.EditRemembered: _edit_remembered,
    e.EditForgotten: _edit_forgotten,
    e.ContactResolved: _contact_resolved,
    e.OutOfHours: _out_of_hours,
    e.ClosureChanged: _closure_changed,
    e.Queued: _queued,
    e.QueuedAgain: _queued_again,
    e.Assigned: _assigned,
    e.Accepted: _accepted,
    e.Transferred: _transferred,
    e.MovedToPrivate: _moved_to_private,
    e.SessionOpened: _session_opened,
    e.SessionClosed: _session_closed,
    e.RepliedElsewhere: _replied_elsewhere,
    e.Dispositioned: _dispositioned,
    e.PolicyAdopted: _policy_adopted,
    e.EmergencyActivated: _emergency_activated,
    e.EmergencyEnded: _emergency_ended,
    **CONTACT_STEPS,
    **DELIVERY_STEPS,
}
