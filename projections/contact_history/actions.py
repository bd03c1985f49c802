"""What each event does to a retweet, like or favourite, and to what is done to a comment or an answer of ours."""

from functools import singledispatch
from typing import Any, Final

from engine.interaction import events as e
from engine.record import Event
from projections.contact_history.rows import Action
from projections.values import moment, shown

_KINDS: Final[frozenset[type[Event]]] = frozenset(
    (e.EngagementRequested, e.Engaged, e.ModerationRequested, e.Moderated, e.ReplyFailed, e.ReplyAbandoned)
)


def action_id(event: Any) -> str | None:
    """The action that an event may record or change; None where it does neither."""
    return shown(event.delivery_id) if type(event) in _KINDS else None


@singledispatch
def requested(event: Event) -> Action | None:
    """The action that an event asks for; None where it asks for none."""
    return None


@requested.register
def _(event: e.EngagementRequested) -> Action:
    return _action(event, "engagement", event.engagement, event.filter)


@requested.register
def _(event: e.ModerationRequested) -> Action:
    return _action(event, "moderation", event.action, None)


def _action(
    event: e.EngagementRequested | e.ModerationRequested, kind: str, action: str, asked_by: str | None
) -> Action:
    return Action(
        action_id=shown(event.delivery_id),
        interaction_id=event.interaction_id or "",
        kind=kind,
        action=action,
        item_id=event.item_id,
        agent_id=event.agent_id,
        filter=asked_by,
        status="pending",
        requested_at=moment(event.occurred_at),
        done_at=None,
        sequence=event.sequence,
        changed=event.sequence,
        reason=None,
        detail=None,
    )


def settle(event: Event, row: Action) -> None:
    """What an event says of an action that is there."""
    row.changed = event.sequence
    match event:
        case e.Engaged() | e.Moderated():
            row.status, row.done_at = "done", moment(event.done_at)
            row.reason = row.detail = None
        case e.ReplyFailed():
            row.status, row.reason, row.detail = "failed", event.reason, event.detail
        case e.ReplyAbandoned():
            row.status, row.reason = "abandoned", event.reason
        case _:
            return
