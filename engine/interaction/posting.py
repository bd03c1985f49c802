"""What comes of answers: the worker's outcomes, the platform's echoes, further attempts."""

import html
import re
import unicodedata
from typing import Final

from engine.decider import Context, Decision, Duplicate, Refusal
from engine.envelope import words_digest
from engine.interaction import commands as c
from engine.interaction import events as e
from engine.bookkeeping import Timer
from engine.interaction.state import Delivery, Interaction, Item, PendingWords, contact_of
from engine.record import Event
from engine.rows import Rows

_LINK: Final = re.compile(r"https?://\S+")
_LEADING_MENTIONS: Final = re.compile(r"^(?:\s*@\w+)+")
_FOUND: Final = frozenset({"look_up", "duplicate_error"})
"""How an outcome was settled that names a post which was found on the platform: it may be of another answer."""


def record_delivery(rows: Rows, command: c.RecordDelivery, context: Context) -> Decision:
    """What came of one attempt."""
    delivery = rows.get(Delivery, command.delivery_id)
    if delivery is None:
        raise LookupError(f"an outcome names delivery {command.delivery_id}, which was never asked for")
    if delivery.state in ("posted", "failed") or command.attempt < delivery.attempt:
        return Duplicate(delivery.interaction_id)  # the echo came first, or an older attempt's outcome came late
    if command.outcome == "posted" and _is_of_another(rows, delivery, command):
        yield e.ReplyFailed(
            interaction_id=delivery.interaction_id,
            contact_id=contact_of(rows, delivery.interaction_id),
            delivery_id=command.delivery_id,
            reason="duplicate_text",
            detail="The account has posted the same text before: change the wording.",
        )
        return None
    if command.outcome == "posted":
        yield _posted(
            rows, delivery, command.delivery_id, command.item_id, command.posted_at or context.now, command.settled_by
        )
        return None
    if delivery.state == "abandoned":
        return Duplicate(delivery.interaction_id)
    if rows.get(Timer, f"retry:{command.delivery_id}") is not None:
        return Duplicate(delivery.interaction_id)  # this attempt's failure is known, and the next one is set
    contact_id = contact_of(rows, delivery.interaction_id)
    reason = command.reason or command.outcome
    if command.outcome == "refused":
        yield e.ReplyFailed(
            interaction_id=delivery.interaction_id,
            contact_id=contact_id,
            delivery_id=command.delivery_id,
            reason=reason,
            detail=command.detail or reason,
        )
        return None
    pause = _pause(context, delivery, command.retry_after)
    if command.outcome == "retry" and pause is not None:
        yield e.DeliveryFailed(
            interaction_id=delivery.interaction_id,
            contact_id=contact_id,
            delivery_id=command.delivery_id,
            attempt=command.attempt,
            reason=reason,
            retry_at=context.now + pause,
        )
        return None
    yield e.ReplyAbandoned(
        interaction_id=delivery.interaction_id,
        contact_id=contact_id,
        delivery_id=command.delivery_id,
        reason="undecided" if command.outcome == "undecided" else reason,
    )
    return None


def _is_of_another(rows: Rows, delivery: Delivery, command: c.RecordDelivery) -> bool:
    """Whether the post that was found is known already: two answers are never one post."""
    if command.item_id is None or command.settled_by not in _FOUND:
        return False
    known = rows.get(Item, command.item_id)
    return known is not None and known.content_id != delivery.content_id


def _pause(context: Context, delivery: Delivery, wished: int | None) -> int | None:
    """How long until the next attempt, or None where it would come after the policy's time for retries."""
    if context.rules is None:
        return None
    pause = max(wished or 0, context.rules.retry_every * 2 ** min(delivery.attempt - 1, 20))
    in_time = context.now + pause <= delivery.requested_at + context.rules.retry_for
    return pause if in_time else None


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


def record_own_post(rows: Rows, command: c.RecordOwnPost, context: Context) -> Decision:
    """The account's own post: the echo of a delivery of ours, or an answer that was written elsewhere."""
    if rows.get(Item, command.item_id) is not None:
        return Duplicate(None)
    answered = rows.get(Item, command.in_reply_to)
    if answered is None:
        return Refusal(
            "unknown_item", f"the account answered post {command.in_reply_to}, which is not known here", False
        )
    echoed = _echoed(rows, command)
    if echoed is not None:
        delivery_id, delivery = echoed
        if delivery.state == "posted":
            return Duplicate(delivery.interaction_id)
        yield _posted(rows, delivery, delivery_id, command.item_id, command.posted_at, "echo")
        return None
    interaction = rows.get(Interaction, answered.interaction_id)
    if interaction is None:
        raise LookupError(f"item {command.in_reply_to} names interaction {answered.interaction_id}, which never began")
    yield e.RepliedElsewhere(
        interaction_id=answered.interaction_id,
        contact_id=interaction.contact_id,
        item_id=command.item_id,
        in_reply_to=command.in_reply_to,
        posted_at=command.posted_at,
        first_response=not interaction.answered,
        content_id=f"{rows.key}:o:{command.item_id}",
        words=words_digest(command.salt, command.text),
    )
    return None


def _echoed(rows: Rows, command: c.RecordOwnPost) -> tuple[str, Delivery] | None:
    """The delivery that this post is the echo of: same message answered, same words but for shortened links."""
    wanted = comparable(command.text)
    for words in rows.walk(PendingWords):
        delivery = rows.get(Delivery, words.delivery_id)
        if delivery is None or delivery.in_reply_to != command.in_reply_to:
            continue
        if comparable(words.text) == wanted:
            return words.delivery_id, delivery
    return None


def comparable(text: str) -> str:
    """A text in the form in which an echo is compared.

    Platforms shorten links and fold white space; X escapes &, < and >, and puts the conversation's mentions first.
    """
    plain = unicodedata.normalize("NFC", html.unescape(text))
    return " ".join(_LINK.sub("", _LEADING_MENTIONS.sub("", plain)).split())


def _posted(
    rows: Rows, delivery: Delivery, delivery_id: str, item_id: str | None, posted_at: int, settled_by: str
) -> Event:
    interaction = rows.get(Interaction, delivery.interaction_id)
    contact_id = None if interaction is None else interaction.contact_id
    if delivery.kind == "notice":
        return e.NoticePosted(
            interaction_id=delivery.interaction_id,
            contact_id=contact_id,
            delivery_id=delivery_id,
            item_id=item_id,
            posted_at=posted_at,
        )
    return e.Replied(
        interaction_id=delivery.interaction_id,
        contact_id=contact_id,
        delivery_id=delivery_id,
        agent_id=delivery.agent_id or "",
        item_id=item_id,
        posted_at=posted_at,
        first_response=interaction is not None and not interaction.answered,
        settled_by=settled_by,
    )
