"""How a text reaches the customer: which call on which platform, to whom, and whether the platform allows it."""

from dataclasses import dataclass
from typing import Final

from engine.decider import Refusal
from engine.interaction.state import Interaction, Item
from engine.rows import Rows
from engine.text import (
    COMMENT_LIMIT,
    MESSENGER_LIMIT,
    X_LIMIT,
    X_MESSAGE_LIMIT,
    units,
    weighted_length,
)

HOUR: Final = 3_600_000
WINDOW: Final = 24 * HOUR
"""How long after the customer's last message Messenger takes any answer (Messenger Platform, 24-hour window)."""
HUMAN_WINDOW: Final = 7 * 24 * HOUR
"""How long it takes an answer that a person wrote, tagged HUMAN_AGENT."""
PRIVATE_ANSWER_WINDOW: Final = 7 * 24 * HOUR
"""How old a comment may be that gets its one private answer (Messenger Platform, private replies)."""
HUMAN_AGENT: Final = "HUMAN_AGENT"
MAX_TEXT: Final = 25_000
"""Characters of an answer beyond which nobody counts how the platform weighs them: it would cost a second of all."""


@dataclass(frozen=True, slots=True)
class Route:
    """One way to the customer."""

    action: str
    visibility: str
    in_reply_to: str
    recipient_handle: str | None = None
    tag: str | None = None


def route(
    rows: Rows, interaction: Interaction, visibility: str, answered: str | None, now: int, *, by_person: bool
) -> Route | Refusal:
    """The way to the customer for a text of this visibility.

    Args:
        answered: the message that it answers; None: the latest to which that visibility fits.
        by_person: whether a person wrote it; only then HUMAN_AGENT may be used.
    """
    if visibility == "public":
        return _public(rows, interaction, answered)
    if interaction.channel == "x":
        return _direct_message(interaction, answered)
    if interaction.private_handle is not None:
        return _messenger(interaction, answered, now, by_person=by_person)
    return _private_answer(rows, interaction, answered, now)


def _public(rows: Rows, interaction: Interaction, answered: str | None) -> Route | Refusal:
    item_id = answered or interaction.latest_public
    item = None if item_id is None else rows.get(Item, item_id)
    if item_id is None or item is None or item.visibility != "public":
        return Refusal("not_available", "there is no public message to answer in public; answer in private")
    return Route("reply", "public", item_id)


def _direct_message(interaction: Interaction, answered: str | None) -> Route:
    handle = interaction.private_handle or interaction.handle_id
    return Route("message", "private", answered or interaction.latest_private or interaction.latest_item, handle)


def _messenger(interaction: Interaction, answered: str | None, now: int, *, by_person: bool) -> Route | Refusal:
    item_id = answered or interaction.latest_private or interaction.latest_item
    if interaction.private_at is None:
        reason = "the customer has not answered in Messenger yet; until then Messenger takes no further message"
        return Refusal("window_closed", reason)
    waited = now - interaction.private_at
    if waited <= WINDOW:
        return Route("message", "private", item_id, interaction.private_handle)
    if by_person and waited <= HUMAN_WINDOW:
        return Route("message", "private", item_id, interaction.private_handle, HUMAN_AGENT)
    days = "7 days" if by_person else "24 hours"
    return Refusal("window_closed", f"the customer's last message is older than {days}; Messenger takes no answer")


def _private_answer(rows: Rows, interaction: Interaction, answered: str | None, now: int) -> Route | Refusal:
    item_id = answered or interaction.latest_public
    item = None if item_id is None else rows.get(Item, item_id)
    if item_id is None or item is None or item.visibility != "public":
        return Refusal("not_available", "there is no comment to answer in private")
    if item.privately_answered:
        reason = "a comment gets one private answer, and this one has had it; ask the customer to write in Messenger"
        return Refusal("private_answer_used", reason)
    if now - item.posted_at > PRIVATE_ANSWER_WINDOW:
        return Refusal("window_closed", "the comment is older than 7 days; it can't be answered in private any more")
    return Route("private_answer", "private", item_id)


def limit_of(channel: str, action: str) -> int:
    """The greatest length of a text on this way, by the platform's own count."""
    if action == "reply":
        return X_LIMIT if channel == "x" else COMMENT_LIMIT
    return X_MESSAGE_LIMIT if channel == "x" else MESSENGER_LIMIT


def too_long(channel: str, action: str, text: str) -> Refusal | None:
    """The refusal of a text that the platform would not take, with the count; None if it fits."""
    if len(text) > MAX_TEXT:
        return Refusal("too_long", f"{len(text)} characters; no platform takes more than {MAX_TEXT}")
    limit = limit_of(channel, action)
    on_x = channel == "x" and action == "reply"
    length = weighted_length(text) if on_x else units(text)
    if length <= limit:
        return None
    return Refusal("too_long", f"{length} characters{' as X counts' * on_x}; {limit} fit")
