"""What becomes of answers and notices, and how that counts for their interaction."""

from functools import singledispatch
from typing import Final

from engine.interaction import events as e
from engine.record import Event
from projections.reporting.rows import FctDelivery, FctInteraction
from projections.values import moment

Settled = e.Replied | e.NoticePosted | e.ReplyFailed | e.ReplyAbandoned | e.DeliveryFailed

_COUNTED: Final = {
    ("reply", "pending"): "replies_requested",
    ("reply", "failed"): "replies_failed",
    ("reply", "abandoned"): "replies_abandoned",
    ("notice", "pending"): "notices_requested",
    ("notice", "posted"): "notices_posted",
    ("notice", "failed"): "notices_failed",
    ("notice", "abandoned"): "notices_failed",
}
"""The column of the interaction that counts deliveries of a kind and an outcome. A posted answer is in messages_out."""


def requested(event: e.ReplyRequested | e.NoticeRequested, interaction: FctInteraction) -> FctDelivery:
    """The fact of a delivery that is asked for, counted."""
    reply = isinstance(event, e.ReplyRequested)
    kind = "reply" if reply else "notice"
    _count(interaction, kind, "pending", 1)
    return FctDelivery(
        delivery_id=event.delivery_id,
        interaction_id=interaction.interaction_id,
        account_key=interaction.account_key,
        kind=kind,
        agent_id=event.agent_id if isinstance(event, e.ReplyRequested) else None,
        visibility=event.visibility,
        requested_at=moment(event.occurred_at),
        outcome="pending",
        posted_at=None,
        settled_by=None,
        failed_attempts=0,
        reason=None,
    )


def settle(event: Settled, row: FctDelivery, interaction: FctInteraction) -> None:
    """What an outcome does to a delivery; one that was given up may turn out to be posted, and then counts as that."""
    before = row.outcome
    apply(event, row)
    if row.outcome != before:
        if before != "pending":
            _count(interaction, row.kind, before, -1)
        _count(interaction, row.kind, row.outcome, 1)


@singledispatch
def apply(event: Event, row: FctDelivery) -> None:
    """Other events say nothing of a delivery."""


@apply.register
def _(event: e.Replied, row: FctDelivery) -> None:
    row.outcome, row.posted_at, row.settled_by, row.reason = "posted", moment(event.posted_at), event.settled_by, None


@apply.register
def _(event: e.NoticePosted, row: FctDelivery) -> None:
    row.outcome, row.posted_at, row.reason = "posted", moment(event.posted_at), None


@apply.register
def _(event: e.ReplyFailed, row: FctDelivery) -> None:
    row.outcome, row.reason = "failed", event.reason


@apply.register
def _(event: e.ReplyAbandoned, row: FctDelivery) -> None:
    row.outcome, row.reason = "abandoned", event.reason


@apply.register
def _(event: e.DeliveryFailed, row: FctDelivery) -> None:
    row.failed_attempts += 1
    row.reason = event.reason


def _count(interaction: FctInteraction, kind: str, outcome: str, by: int) -> None:
    column = _COUNTED.get((kind, outcome))
    if column is not None:
        setattr(interaction, column, getattr(interaction, column) + by)
