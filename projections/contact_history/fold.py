"""What each event does to its interaction. It ends at the event's type, in any order of types."""

from functools import cache, singledispatch

from engine.envelope import home_of
from engine.interaction import contact_events as ce
from engine.interaction import events as e
from engine.record import Event
from projections.contact_history.rows import Interaction
from projections.values import moment, moment_or_none, shown


def opened(event: e.MessageReceived) -> Interaction:
    """The interaction that a message opened; `change` still has to apply the message."""
    interaction_id = event.interaction_id or ""
    return Interaction(
        interaction_id=interaction_id,
        home=home_of(interaction_id),
        contact_id=event.contact_id,
        handle_id=event.handle_id,
        channel=event.channel,
        account=event.account,
        visibility=event.visibility,
        event=event.event,
        thread=event.thread,
        state=event.state or "",
        state_since=moment(event.occurred_at),
        queue=None,
        agent_group=None,
        kept_for=None,
        skills=[],
        priority=None,
        request_id=None,
        expires_at=None,
        answer_by=None,
        agent_id=None,
        accepted=False,
        reservation_id=None,
        accept_by=None,
        closure=None,
        held_until=None,
        private_channel=None,
        invited=False,
        sessions=0,
        in_session=False,
        suggested=None,
        suggested_item=None,
        engagements=0,
        automatic_answers=0,
        opened_at=moment(event.occurred_at),
        last_activity_at=moment(event.posted_at),
        messages_in=0,
        messages_out=0,
        attachments=0,
        disposition=None,
        dispositioned_at=None,
        follows=event.follows,
        filter=event.filter,
        sequence=event.sequence,
    )


def update(row: Interaction, event: Event) -> None:
    """What every event of an interaction does to it, then what its type does."""
    row.sequence = event.sequence
    if event.contact_id is not None:
        row.contact_id = event.contact_id
    if event.state is not None and event.state != row.state:
        row.state = event.state
        row.state_since = moment(event.occurred_at)
        if event.state != "out_of_hours":
            row.closure = row.held_until = None
    _change_of(type(event))(event, row)


@singledispatch
def change(event: Event, row: Interaction) -> None:
    """Events that say nothing more about the interaction as it stands leave it alone."""


@change.register
def _(event: e.MessageReceived, row: Interaction) -> None:
    row.messages_in += 1
    row.attachments += event.attachments
    row.last_activity_at = max(row.last_activity_at, moment(event.posted_at))
    if event.visibility == "private":
        row.private_channel = event.channel


@change.register
def _(event: e.OutOfHours, row: Interaction) -> None:
    row.closure, row.held_until = event.closure, moment_or_none(event.until)
    row.request_id = None
    _without_agent(row)


@change.register
def _(event: e.ClosureChanged, row: Interaction) -> None:
    row.closure, row.held_until = event.closure, moment_or_none(event.until)


@change.register
def _(event: e.Queued, row: Interaction) -> None:
    if row.queue is None:
        row.answer_by = moment_or_none(event.answer_by)
    row.queue, row.agent_group, row.kept_for = event.queue, event.group, event.agent
    row.skills, row.priority = [shown(skill) for skill in event.skills], event.priority
    row.request_id, row.expires_at = event.request_id, moment_or_none(event.expires_at)
    _without_agent(row)


@change.register
def _(event: e.QueuedAgain, row: Interaction) -> None:
    row.request_id = event.request_id
    _without_agent(row)


@change.register
def _(event: e.Assigned, row: Interaction) -> None:
    row.agent_id, row.accepted = event.agent_id, event.reservation_id is None
    row.reservation_id, row.accept_by = event.reservation_id, moment_or_none(event.accept_by)
    if row.accepted:
        row.request_id = None


@change.register
def _(event: e.Accepted, row: Interaction) -> None:
    row.agent_id, row.accepted = event.agent_id, True
    row.reservation_id = row.accept_by = row.request_id = None


@change.register
def _(event: e.Replied, row: Interaction) -> None:
    row.messages_out += 1
    row.last_activity_at = max(row.last_activity_at, moment(event.posted_at))


@change.register
def _(event: e.RepliedElsewhere, row: Interaction) -> None:
    row.messages_out += 1
    row.last_activity_at = max(row.last_activity_at, moment(event.posted_at))
    if not row.accepted and row.state != "dispositioned":  # what was offered is withdrawn
        row.request_id = None
        _without_agent(row)


@change.register
def _(event: e.AutoReplied, row: Interaction) -> None:
    row.automatic_answers += 1


@change.register
def _(event: e.EngagementSuggested, row: Interaction) -> None:
    row.suggested, row.suggested_item = event.engagement, event.item_id


@change.register
def _(event: e.EngagementRequested, row: Interaction) -> None:
    if event.item_id == row.suggested_item:
        row.suggested = row.suggested_item = None


@change.register
def _(event: e.Engaged, row: Interaction) -> None:
    row.engagements += 1


@change.register
def _(event: e.MovedToPrivate, row: Interaction) -> None:
    row.invited, row.private_channel = True, row.private_channel or event.channel


@change.register
def _(event: ce.HandleLinked, row: Interaction) -> None:
    # Who got a private answer, or followed an invitation, goes on in Messenger.
    row.private_channel = row.private_channel or "messenger"


@change.register
def _(event: e.SessionOpened, row: Interaction) -> None:
    row.sessions, row.in_session = event.session, True


@change.register
def _(event: e.SessionClosed, row: Interaction) -> None:
    row.in_session = False


@change.register
def _(event: e.Dispositioned, row: Interaction) -> None:
    row.disposition, row.dispositioned_at = event.code, moment(event.occurred_at)
    row.reservation_id = row.accept_by = row.request_id = None


def _without_agent(row: Interaction) -> None:
    row.agent_id, row.accepted = None, False
    row.reservation_id = row.accept_by = None


_change_of = cache(change.dispatch)  # functools' own look-up costs more than the most of what is called
