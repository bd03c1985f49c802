"""Events of answers, notices, engagements and moderations into rows."""

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from engine.bookkeeping import Timer
from engine.interaction import events as e
from engine.interaction.changing import current, earliest, prolong, set_timer, update, update_contact
from engine.interaction.state import Contact, Delivery, Interaction, Item, Noticed, PendingWords
from engine.record import Event
from engine.rows import Rows

DAY: Final = 86_400_000


def _notice_requested(rows: Rows, event: e.NoticeRequested) -> None:
    rows.put(event.closure, Noticed(delivery_id=event.delivery_id))
    _put_posting(rows, event, "notice")
    _count_automatic(rows, event)


def _auto_reply_requested(rows: Rows, event: e.AutoReplyRequested) -> None:
    _put_posting(rows, event, "answer", then=event.then, disposition=event.disposition)
    _count_automatic(rows, event)


def _reply_requested(rows: Rows, event: e.ReplyRequested) -> None:
    waits = event.after is not None
    state = "waiting" if waits else "pending"
    _put_posting(rows, event, "reply", agent_id=event.agent_id, after=event.after, moves=event.moves, state=state)
    first = None if event.after is None else rows.get(Delivery, event.after)
    if event.after is not None and first is not None:
        rows.put(event.after, replace(first, followed_by=event.delivery_id))


def _put_posting(rows: Rows, event: e.Posting, kind: str, **more: Any) -> None:
    rows.put(
        event.delivery_id,
        Delivery(
            interaction_id=event.interaction_id or "",
            kind=kind,
            action=event.action,
            visibility=event.visibility,
            recipient_handle=event.recipient_handle,
            tag=event.tag,
            in_reply_to=event.in_reply_to,
            content_id=event.content_id,
            requested_at=event.occurred_at,
            **more,
        ),
    )
    item = rows.get(Item, event.in_reply_to)
    if event.action == "private_answer" and item is not None:
        rows.put(event.in_reply_to, replace(item, privately_answered=True))


def _count_automatic(rows: Rows, event: e.Posting) -> None:
    """The contact and the interaction got another automatic answer."""
    interaction = current(rows, event)
    update(rows, event, automatic=interaction.automatic + 1)
    contact = rows.get(Contact, "")
    if contact is not None:
        lately = [at for at in contact.automatic if event.decided_at - at < DAY]
        update_contact(rows, automatic=[*lately, event.decided_at])


def _engagement_requested(rows: Rows, event: e.EngagementRequested) -> None:
    rows.put(
        event.delivery_id,
        Delivery(
            interaction_id=event.interaction_id or "",
            kind="engagement",
            action="retweet" if event.engagement == "retweet" else "like",
            engagement=event.engagement,
            agent_id=event.agent_id,
            visibility="public",
            in_reply_to=event.item_id,
            requested_at=event.occurred_at,
            then=event.then,
            disposition=event.disposition,
        ),
    )


def _moderation_requested(rows: Rows, event: e.ModerationRequested) -> None:
    item = rows.get(Item, event.item_id)
    rows.put(
        event.delivery_id,
        Delivery(
            interaction_id=event.interaction_id or "",
            kind="moderation",
            action=event.action,
            agent_id=event.agent_id,
            visibility="public",
            in_reply_to=event.item_id,
            requested_at=event.occurred_at,
            removes=item.content_id if event.action == "delete" and item is not None else None,
        ),
    )


def _reply_released(rows: Rows, event: e.ReplyReleased) -> None:
    delivery = rows.get(Delivery, event.delivery_id)
    if delivery is not None:
        rows.put(event.delivery_id, replace(delivery, state="pending", requested_at=event.occurred_at))


def _settle(rows: Rows, delivery_id: str, state: str, item_id: str | None = None, posted_at: int = 0) -> None:
    delivery = rows.get(Delivery, delivery_id)
    if delivery is None:
        return
    settled = replace(delivery, state=state, item_id=item_id)
    rows.put(delivery_id, settled)
    rows.delete(Timer, f"retry:{delivery_id}")
    if not settled.awaits_echo:
        rows.delete(PendingWords, delivery_id)
    if item_id is not None and delivery.content_id is not None:
        interaction = rows.get(Interaction, delivery.interaction_id)
        rows.put(
            item_id,
            Item(
                interaction_id=delivery.interaction_id,
                author="account",
                content_id=delivery.content_id,
                channel="x" if interaction is None else interaction.channel,
                visibility=delivery.visibility,
                posted_at=posted_at,
            ),
        )
    if state == "failed" and delivery.action == "private_answer":
        item = rows.get(Item, delivery.in_reply_to)
        if item is not None:  # it was refused, so the one private answer is not spent
            rows.put(delivery.in_reply_to, replace(item, privately_answered=False))


def _notice_posted(rows: Rows, event: e.NoticePosted) -> None:
    _settle(rows, event.delivery_id, "posted", event.item_id, event.posted_at)


def _auto_replied(rows: Rows, event: e.AutoReplied) -> None:
    _settle(rows, event.delivery_id, "posted", event.item_id, event.posted_at)


def _replied(rows: Rows, event: e.Replied) -> None:
    _settle(rows, event.delivery_id, "posted", event.item_id, event.posted_at)
    before = current(rows, event)
    update(
        rows,
        event,
        active_at=max(before.active_at, event.posted_at),
        answered=True,
        answered_at=earliest(before.answered_at, event.posted_at),
    )
    update_contact(rows, last_agent=event.agent_id, last_agent_at=event.decided_at)
    prolong(rows, event, event.decided_at)


def _engaged(rows: Rows, event: e.Engaged) -> None:
    _settle(rows, event.delivery_id, "posted")


def _moderated(rows: Rows, event: e.Moderated) -> None:
    _settle(rows, event.delivery_id, "posted")
    item = rows.get(Item, event.item_id)
    if event.action == "delete" and item is not None:
        rows.put(event.item_id, replace(item, deleted=True))


def _delivery_failed(rows: Rows, event: e.DeliveryFailed) -> None:
    set_timer(rows, "retry", event.delivery_id, event.retry_at)


def _delivery_retried(rows: Rows, event: e.DeliveryRetried) -> None:
    rows.delete(Timer, f"retry:{event.delivery_id}")
    delivery = rows.get(Delivery, event.delivery_id)
    if delivery is not None:
        rows.put(event.delivery_id, replace(delivery, attempt=event.attempt))


def _reply_failed(rows: Rows, event: e.ReplyFailed) -> None:
    _settle(rows, event.delivery_id, "failed")


def _reply_abandoned(rows: Rows, event: e.ReplyAbandoned) -> None:
    _settle(rows, event.delivery_id, "abandoned")


DELIVERY_STEPS: Final[dict[type[Event], Callable[[Rows, Any], None]]] = {
    e.NoticeRequested: _notice_requested,
    e.NoticePosted: _notice_posted,
    e.AutoReplyRequested: _auto_reply_requested,
    e.AutoReplied: _auto_replied,
    e.ReplyRequested: _reply_requested,
    e.ReplyReleased: _reply_released,
    e.Replied: _replied,
    e.EngagementRequested: _engagement_requested,
    e.Engaged: _engaged,
    e.ModerationRequested: _moderation_requested,
    e.Moderated: _moderated,
    e.DeliveryFailed: _delivery_failed,
    e.DeliveryRetried: _delivery_retried,
    e.ReplyFailed: _reply_failed,
    e.ReplyAbandoned: _reply_abandoned,
}
