"""What comes of deliveries: the worker's outcomes, further attempts, and what waits for them."""

from collections.abc import Generator
from typing import Final, NamedTuple

from engine.bookkeeping import Timer
from engine.decider import Context, Decision, Duplicate
from engine.interaction import commands as c
from engine.interaction import contact_events as ce
from engine.interaction import events as e
from engine.interaction import placing, sessions
from engine.interaction.state import Contact, Delivery, Handle, Interaction, Item, contact_of
from engine.record import Event
from engine.rows import Rows

Events = Generator[Event, None, None]

_FOUND: Final = frozenset({"look_up", "duplicate_error"})
"""How an outcome was settled that names a post which was found on the platform: it may be of another answer."""


DOUBLINGS: Final = 4
"""How often the pause between attempts doubles. A platform that was away is asked soon after it is back, not a quarter
of an hour later; and an attempt that could not be settled is settled while it is fresh."""


class Posted(NamedTuple):
    """That the platform has it."""

    item_id: str | None
    at: int
    settled_by: str
    recipient_handle: str | None = None


def record_delivery(rows: Rows, command: c.RecordDelivery, context: Context) -> Decision:
    """What came of one attempt."""
    delivery = rows.get(Delivery, command.delivery_id)
    if delivery is None:
        raise LookupError(f"an outcome names delivery {command.delivery_id}, which was never asked for")
    is_late = command.attempt < delivery.attempt and command.outcome != "posted"
    if delivery.state in ("posted", "failed") or is_late:
        if command.outcome == "posted" and delivery.state == "posted" and command.recipient_handle is not None:
            yield from _link(rows, delivery, command.recipient_handle)  # the echo came first, without the recipient
            return None
        return Duplicate(delivery.interaction_id)  # the echo came first, or an older attempt's outcome came late
    if command.outcome == "posted" and _is_of_another(rows, delivery, command):
        detail = "The account has posted the same text before: change the wording."
        yield from _failed(rows, delivery, command.delivery_id, "duplicate_text", detail, context)
        return None
    if command.outcome == "posted":
        at = command.posted_at or context.now
        outcome = Posted(command.item_id, at, command.settled_by, command.recipient_handle)
        yield from posted(rows, delivery, command.delivery_id, outcome, context)
        return None
    if delivery.state == "abandoned":
        return Duplicate(delivery.interaction_id)
    if rows.get(Timer, f"retry:{command.delivery_id}") is not None:
        return Duplicate(delivery.interaction_id)  # this attempt's failure is known, and the next one is set
    reason = command.reason or command.outcome
    if command.outcome == "refused":
        yield from _failed(rows, delivery, command.delivery_id, reason, command.detail or reason, context)
        return None
    pause = _pause(context, delivery, command.retry_after)
    if command.outcome == "retry" and pause is not None:
        yield e.DeliveryFailed(
            interaction_id=delivery.interaction_id,
            contact_id=contact_of(rows, delivery.interaction_id),
            delivery_id=command.delivery_id,
            attempt=command.attempt,
            reason=reason,
            retry_at=context.now + pause,
        )
        return None
    yield e.ReplyAbandoned(
        interaction_id=delivery.interaction_id,
        contact_id=contact_of(rows, delivery.interaction_id),
        delivery_id=command.delivery_id,
        reason="undecided" if command.outcome == "undecided" else reason,
    )
    yield from _after_failure(rows, delivery, context)
    return None


def retry(rows: Rows, timer: Timer, context: Context) -> Decision:
    """The time for another attempt has come."""
    delivery = rows.get(Delivery, timer.ref)
    if delivery is not None and delivery.state == "pending":
        yield e.DeliveryRetried(
            interaction_id=delivery.interaction_id,
            contact_id=contact_of(rows, delivery.interaction_id),
            delivery_id=timer.ref,
            attempt=delivery.attempt + 1,
        )
    return None


def posted(rows: Rows, delivery: Delivery, delivery_id: str, outcome: Posted, context: Context) -> Events:
    """The platform has it: what it was is recorded, and what waited for it follows."""
    interaction = rows.get(Interaction, delivery.interaction_id)
    yield _record(delivery, delivery_id, outcome, interaction, context)
    if outcome.recipient_handle is not None:
        yield from _link(rows, delivery, outcome.recipient_handle)
    if delivery.moves:
        yield e.MovedToPrivate(
            interaction_id=delivery.interaction_id,
            contact_id=contact_of(rows, delivery.interaction_id),
            agent_id=delivery.agent_id or "",
            how="message",
            channel="x" if interaction is not None and interaction.channel == "x" else "messenger",
        )
    following = None if delivery.followed_by is None else rows.get(Delivery, delivery.followed_by)
    if delivery.followed_by is not None and following is not None and following.state == "waiting":
        yield e.ReplyReleased(
            interaction_id=delivery.interaction_id,
            contact_id=contact_of(rows, delivery.interaction_id),
            delivery_id=delivery.followed_by,
        )
    if delivery.kind == "reply" and delivery.visibility == "private":
        yield from sessions.open_if_talking(rows, delivery.interaction_id, context)
    yield from _close(rows, delivery)


def open_for(interaction: Interaction | None, posted_at: int, context: Context) -> int | None:
    """How long the account was open until a person's answer; None where an earlier one is known already."""
    if interaction is None or context.rules is None:
        return None
    if interaction.answered_at is not None and interaction.answered_at <= posted_at:
        return None
    return context.rules.open_between(interaction.channel, interaction.account, interaction.opened_at, posted_at)


def _record(
    delivery: Delivery, delivery_id: str, outcome: Posted, interaction: Interaction | None, context: Context
) -> Event:
    where = delivery.interaction_id
    contact_id = None if interaction is None else interaction.contact_id
    match delivery.kind:
        case "notice":
            return e.NoticePosted(
                interaction_id=where,
                contact_id=contact_id,
                delivery_id=delivery_id,
                item_id=outcome.item_id,
                posted_at=outcome.at,
            )
        case "answer":
            return e.AutoReplied(
                interaction_id=where,
                contact_id=contact_id,
                delivery_id=delivery_id,
                item_id=outcome.item_id,
                posted_at=outcome.at,
            )
        case "engagement":
            return e.Engaged(
                interaction_id=where,
                contact_id=contact_id,
                delivery_id=delivery_id,
                engagement=delivery.engagement or delivery.action,
                item_id=delivery.in_reply_to,
                agent_id=delivery.agent_id,
                done_at=outcome.at,
            )
        case "moderation":
            return e.Moderated(
                interaction_id=where,
                contact_id=contact_id,
                delivery_id=delivery_id,
                action=delivery.action,
                item_id=delivery.in_reply_to,
                content_id=delivery.removes,
                done_at=outcome.at,
            )
        case _:
            return e.Replied(
                interaction_id=where,
                contact_id=contact_id,
                delivery_id=delivery_id,
                agent_id=delivery.agent_id or "",
                item_id=outcome.item_id,
                posted_at=outcome.at,
                first_response=interaction is not None and not interaction.answered,
                settled_by=outcome.settled_by,
                open_for=open_for(interaction, outcome.at, context),
            )


def _link(rows: Rows, delivery: Delivery, handle_id: str) -> Events:
    """The platform said which handle got a private answer to a comment: it is the commenter's."""
    contact = rows.get(Contact, "")
    if contact is None or rows.get(Handle, handle_id) is not None or handle_id == rows.key:
        return
    yield ce.HandleLinked(
        interaction_id=delivery.interaction_id,
        contact_id=contact.contact_id,
        handle_id=handle_id,
        version=contact.links + 1,
        how="private_reply",
    )
    yield ce.ProfileRecorded(
        interaction_id=delivery.interaction_id,
        contact_id=contact.contact_id,
        handle_id=handle_id,
        channel="messenger",
        profile_id=f"{rows.key}:h:{handle_id}",
    )


def _close(rows: Rows, delivery: Delivery) -> Events:
    """A rule's answer or engagement was all that the interaction waited for."""
    interaction = rows.get(Interaction, delivery.interaction_id)
    if delivery.then == "close" and interaction is not None and interaction.state == "contact_resolved":
        own = "engaged" if delivery.kind == "engagement" else "answered"
        yield e.Dispositioned(
            interaction_id=delivery.interaction_id,
            actor_kind="policy",
            contact_id=interaction.contact_id,
            code=delivery.disposition or own,
        )


def _failed(rows: Rows, delivery: Delivery, delivery_id: str, reason: str, detail: str, context: Context) -> Events:
    yield e.ReplyFailed(
        interaction_id=delivery.interaction_id,
        contact_id=contact_of(rows, delivery.interaction_id),
        delivery_id=delivery_id,
        reason=reason,
        detail=detail,
    )
    yield from _after_failure(rows, delivery, context)


def _after_failure(rows: Rows, delivery: Delivery, context: Context) -> Events:
    """What waited for it is not sent either; and what a rule could not end goes to a person."""
    following = delivery.followed_by
    while following is not None:
        waiting = rows.get(Delivery, following)
        if waiting is None or waiting.state != "waiting":
            break
        yield e.ReplyFailed(
            interaction_id=delivery.interaction_id,
            contact_id=contact_of(rows, delivery.interaction_id),
            delivery_id=following,
            reason="not_sent",
            detail="What had to be sent before it was not posted, so this was not sent.",
        )
        following = waiting.followed_by
    interaction = rows.get(Interaction, delivery.interaction_id)
    if delivery.then != "close" or interaction is None or interaction.state != "contact_resolved":
        return
    yield from placing.place_anew(rows, context, delivery.interaction_id, "not_answered")


def _is_of_another(rows: Rows, delivery: Delivery, command: c.RecordDelivery) -> bool:
    """Whether the post that was found is known already: two answers are never one post."""
    if command.item_id is None or command.settled_by not in _FOUND or delivery.content_id is None:
        return False
    known = rows.get(Item, command.item_id)
    return known is not None and known.content_id != delivery.content_id


def _pause(context: Context, delivery: Delivery, wished: int | None) -> int | None:
    """How long until the next attempt, or None where it would come after the policy's time for retries."""
    if context.rules is None:
        return None
    pause = max(wished or 0, context.rules.retry_every * 2 ** min(delivery.attempt - 1, DOUBLINGS))
    in_time = context.now + pause <= delivery.requested_at + context.rules.retry_for
    return pause if in_time else None
