"""What each event does to the fact of its interaction. Each measure is defined here, once."""

from functools import singledispatch

from engine.interaction import events as e
from engine.lifecycle import TRANSITIONS
from engine.record import Event
from projections.reporting.rows import FctInteraction, FctTransition
from projections.values import moment, moment_or_none, seconds, shown


def opened(event: e.MessageReceived) -> FctInteraction:
    """The fact of the interaction that a message opened; `measure` still has to count the message."""
    at = moment(event.occurred_at)
    return FctInteraction(
        interaction_id=event.interaction_id or "",
        contact_id=event.contact_id,
        handle_id=event.handle_id,
        account_key=f"{event.channel}:{event.account}",
        channel=event.channel,
        visibility=event.visibility,
        event=event.event,
        filter=event.filter,
        action=event.action,
        sentiment=event.sentiment,
        language=event.language,
        queue=None,
        skills=[],
        agent_id=None,
        policy_version=event.policy_version,
        state=event.state or "",
        state_since=at,
        opened_at=at,
        first_message_at=moment(event.posted_at),
        first_queued_at=None,
        answer_by=None,
        first_assigned_at=None,
        first_accepted_at=None,
        first_response_at=None,
        first_response_seconds=None,
        first_response_open_seconds=None,
        first_response_by=None,
        messages_in=0,
        messages_out=0,
        messages_edited=0,
        messages_deleted=0,
        replies_requested=0,
        replies_failed=0,
        replies_abandoned=0,
        notices_requested=0,
        notices_posted=0,
        notices_failed=0,
        answers_requested=0,
        answers_posted=0,
        answers_failed=0,
        automatic_withheld=0,
        retweets=0,
        likes=0,
        favourites=0,
        engagements_automatic=0,
        engagements_suggested=0,
        engagements_failed=0,
        moderations=0,
        moderations_failed=0,
        moved_to_private_at=None,
        moved_to_private_by=None,
        sessions=0,
        times_queued=0,
        turns=0,
        handling_seconds=0.0,
        times_held=0,
        offers=0,
        offers_expired=0,
        offers_declined=0,
        transfers=0,
        transfers_to_group=0,
        follows=event.follows,
        reopened=event.follows is not None,
        filtered=False,
        disposition=None,
        dispositioned_by=None,
        ended_by=None,
        dispositioned_at=None,
    )


def transition(event: Event, row: FctInteraction, *, first: bool) -> FctTransition | None:
    """The transition that an event makes; None where it makes none. To be asked after `measure`."""
    name, before, at = type(event).__name__, row.state, moment(event.occurred_at)
    moved = event.state is not None and (event.state != before or TRANSITIONS.get((before, name)) == before)
    if event.state is None or not (first or moved):
        return None
    made = FctTransition(
        interaction_id=row.interaction_id,
        sequence=event.sequence,
        event_type=name,
        event_id=event.event_id,
        from_state=None if first else before,
        to_state=event.state,
        at=at,
        seconds_in_from_state=None if first else seconds(row.state_since, at),
        account_key=row.account_key,
        queue=row.queue,
        agent_id=getattr(event, "agent_id", None) or row.agent_id,
        actor_kind=event.actor_kind,
        actor_id=event.actor_id,
        policy_version=event.policy_version,
    )
    row.state, row.state_since = event.state, at
    return made


@singledispatch
def measure(event: Event, row: FctInteraction) -> None:
    """Events that no measure counts leave the fact alone."""


@measure.register
def _(event: e.MessageReceived, row: FctInteraction) -> None:
    row.messages_in += 1
    if event.edited_at is not None:
        row.messages_edited += 1
    posted_at = moment(event.posted_at)
    if posted_at < row.first_message_at:  # platforms deliver out of order
        row.first_message_at = posted_at
        _time_response(row)


@measure.register
def _(event: e.MessageEdited, row: FctInteraction) -> None:
    row.messages_edited += 1


@measure.register
def _(event: e.MessageDeleted, row: FctInteraction) -> None:
    row.messages_deleted += 1


@measure.register
def _(event: e.FilteredOut, row: FctInteraction) -> None:
    row.filtered = True


@measure.register
def _(event: e.ContactResolved, row: FctInteraction) -> None:
    row.contact_id = event.contact_id


@measure.register
def _(event: e.OutOfHours, row: FctInteraction) -> None:
    row.times_held += 1


@measure.register
def _(event: e.Queued, row: FctInteraction) -> None:
    row.queue, row.skills = event.queue, [shown(skill) for skill in event.skills]
    row.times_queued += 1
    if row.first_queued_at is None:
        row.first_queued_at, row.answer_by = moment(event.occurred_at), moment_or_none(event.answer_by)


@measure.register
def _(event: e.QueuedAgain, row: FctInteraction) -> None:
    row.offers_expired += event.why == "expired"
    row.offers_declined += event.why == "declined"


@measure.register
def _(event: e.Assigned, row: FctInteraction) -> None:
    at = moment(event.occurred_at)
    row.agent_id = event.agent_id
    row.first_assigned_at = row.first_assigned_at or at
    if event.reservation_id is None:
        row.first_accepted_at = row.first_accepted_at or at
    else:
        row.offers += 1


@measure.register
def _(event: e.Accepted, row: FctInteraction) -> None:
    row.first_accepted_at = row.first_accepted_at or moment(event.occurred_at)


@measure.register
def _(event: e.Replied, row: FctInteraction) -> None:
    _answered(row, event, "agent")


@measure.register
def _(event: e.RepliedElsewhere, row: FctInteraction) -> None:
    _answered(row, event, "elsewhere")


@measure.register
def _(event: e.AutomaticWithheld, row: FctInteraction) -> None:
    row.automatic_withheld += 1


@measure.register
def _(event: e.EngagementSuggested, row: FctInteraction) -> None:
    row.engagements_suggested += 1


@measure.register
def _(event: e.Engaged, row: FctInteraction) -> None:
    row.retweets += event.engagement == "retweet"
    row.likes += event.engagement == "like"
    row.favourites += event.engagement == "favourite"
    row.engagements_automatic += event.agent_id is None


@measure.register
def _(event: e.MovedToPrivate, row: FctInteraction) -> None:
    if row.moved_to_private_at is None:
        row.moved_to_private_at, row.moved_to_private_by = moment(event.occurred_at), event.how


@measure.register
def _(event: e.SessionOpened, row: FctInteraction) -> None:
    row.sessions += 1


@measure.register
def _(event: e.Transferred, row: FctInteraction) -> None:
    row.transfers += 1
    row.transfers_to_group += event.group is not None


@measure.register
def _(event: e.Dispositioned, row: FctInteraction) -> None:
    row.disposition, row.dispositioned_by, row.ended_by = event.code, event.agent_id, event.actor_kind
    row.dispositioned_at = moment(event.occurred_at)


def _answered(row: FctInteraction, event: e.Replied | e.RepliedElsewhere, by: str) -> None:
    row.messages_out += 1
    posted_at = moment(event.posted_at)
    if row.first_response_at is None or posted_at < row.first_response_at:
        row.first_response_at, row.first_response_by = posted_at, by
        row.first_response_open_seconds = None if event.open_for is None else event.open_for / 1000
        _time_response(row)


def _time_response(row: FctInteraction) -> None:
    if row.first_response_at is not None:
        row.first_response_seconds = seconds(row.first_message_at, row.first_response_at)
