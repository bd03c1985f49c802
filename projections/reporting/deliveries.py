"""What becomes of answers, notices, engagements and moderations, and how that counts for their interaction."""

from functools import singledispatch
from typing import Final, TypeGuard, get_args

from engine.interaction import events as e
from engine.record import Event
from projections.reporting.rows import FctDelivery, FctInteraction
from projections.values import moment

Settled = (
    e.Replied
    | e.NoticePosted
    | e.AutoReplied
    | e.Engaged
    | e.Moderated
    | e.ReplyFailed
    | e.ReplyAbandoned
    | e.DeliveryFailed
)
_SETTLED: Final = frozenset(get_args(Settled))

_COUNTED: Final = {
    ("reply", "pending"): "replies_requested",
    ("reply", "failed"): "replies_failed",
    ("reply", "abandoned"): "replies_abandoned",
    ("notice", "pending"): "notices_requested",
    ("notice", "posted"): "notices_posted",
    ("notice", "failed"): "notices_failed",
    ("notice", "abandoned"): "notices_failed",
    ("answer", "pending"): "answers_requested",
    ("answer", "posted"): "answers_posted",
    ("answer", "failed"): "answers_failed",
    ("answer", "abandoned"): "answers_failed",
    ("engagement", "failed"): "engagements_failed",
    ("engagement", "abandoned"): "engagements_failed",
    ("moderation", "posted"): "moderations",
    ("moderation", "failed"): "moderations_failed",
    ("moderation", "abandoned"): "moderations_failed",
}
"""The column of the interaction that counts deliveries of a kind and an outcome. A posted answer is in messages_out, an
engagement that was made in the columns of the three."""


def is_settled(event: Event) -> TypeGuard[Settled]:
    """Whether an event says what became of a delivery."""
    return type(event) in _SETTLED  # a look at eight types would be made for every event of the log


@singledispatch
def requested(event: Event, interaction: FctInteraction) -> FctDelivery | None:
    """The fact of the delivery that an event asks for, counted; None where it asks for none."""
    return None


@requested.register
def _(event: e.ReplyRequested, interaction: FctInteraction) -> FctDelivery:
    return _asked(event, interaction, "reply", event.action, event.visibility, agent_id=event.agent_id)


@requested.register
def _(event: e.NoticeRequested, interaction: FctInteraction) -> FctDelivery:
    return _asked(event, interaction, "notice", event.action, event.visibility, closure=event.kind)


@requested.register
def _(event: e.AutoReplyRequested, interaction: FctInteraction) -> FctDelivery:
    return _asked(event, interaction, "answer", event.action, event.visibility, by_filter=event.filter)


@requested.register
def _(event: e.EngagementRequested, interaction: FctInteraction) -> FctDelivery:
    return _asked(
        event, interaction, "engagement", event.engagement, "public", agent_id=event.agent_id, by_filter=event.filter
    )


@requested.register
def _(event: e.ModerationRequested, interaction: FctInteraction) -> FctDelivery:
    return _asked(event, interaction, "moderation", event.action, "public", agent_id=event.agent_id)


def _asked(
    event: e.Posting | e.EngagementRequested | e.ModerationRequested,
    interaction: FctInteraction,
    kind: str,
    action: str,
    visibility: str,
    *,
    agent_id: str | None = None,
    by_filter: str | None = None,
    closure: str | None = None,
) -> FctDelivery:
    _count(interaction, kind, "pending", 1)
    return FctDelivery(
        delivery_id=event.delivery_id,
        interaction_id=interaction.interaction_id,
        account_key=interaction.account_key,
        kind=kind,
        action=action,
        queue=interaction.queue,
        agent_id=agent_id,
        filter=by_filter,
        closure=closure,
        policy_version=event.policy_version,
        visibility=visibility,
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
    _posted(row, event.posted_at)
    row.settled_by = event.settled_by


@apply.register
def _(event: e.NoticePosted, row: FctDelivery) -> None:
    _posted(row, event.posted_at)


@apply.register
def _(event: e.AutoReplied, row: FctDelivery) -> None:
    _posted(row, event.posted_at)


@apply.register
def _(event: e.Engaged, row: FctDelivery) -> None:
    _posted(row, event.done_at)


@apply.register
def _(event: e.Moderated, row: FctDelivery) -> None:
    _posted(row, event.done_at)


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


def _posted(row: FctDelivery, at: int) -> None:
    row.outcome, row.posted_at, row.reason = "posted", moment(at), None


def _count(interaction: FctInteraction, kind: str, outcome: str, by: int) -> None:
    column = _COUNTED.get((kind, outcome))
    if column is not None:
        setattr(interaction, column, getattr(interaction, column) + by)
