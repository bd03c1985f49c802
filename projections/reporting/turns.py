"""What each event does to the turns of its interaction: waiting for an agent, and with one."""

from datetime import datetime
from functools import singledispatch

from engine.interaction import events as e
from engine.record import Event
from projections.reporting.rows import FctInteraction, FctTurn
from projections.values import moment, seconds, shown

Turns = dict[str, FctTurn]
"""Turns by their ids: of each interaction at least the last, if it goes on."""


def last_turn(interaction: FctInteraction) -> str:
    """The id of an interaction's last turn."""
    return f"{interaction.interaction_id}/{interaction.turns}"


def may_go_on(interaction: FctInteraction) -> bool:
    """Whether the last turn may be one that goes on."""
    return interaction.turns > 0 and interaction.state in ("queued", "assigned", "replied")


@singledispatch
def take_turn(event: Event, interaction: FctInteraction, turns: Turns) -> None:
    """Other events begin and end no turn."""


@take_turn.register
def _(event: e.Queued, interaction: FctInteraction, turns: Turns) -> None:
    at = moment(event.occurred_at)
    _end(interaction, turns, at, event.why)
    turn = _begin(event, interaction, turns)
    turn.queue, turn.skills, turn.agent_group = event.queue, [shown(skill) for skill in event.skills], event.group
    turn.queued_at = at


@take_turn.register
def _(event: e.QueuedAgain, interaction: FctInteraction, turns: Turns) -> None:
    turn = _going_on(interaction, turns)
    if turn is not None:
        turn.offers_expired += event.why == "expired"
        turn.offers_declined += event.why == "declined"


@take_turn.register
def _(event: e.Assigned, interaction: FctInteraction, turns: Turns) -> None:
    turn = _going_on(interaction, turns)
    if event.reservation_id is not None:
        if turn is not None:
            turn.offers += 1
        return
    if turn is not None and turn.agent_id == event.agent_id:
        return  # the customer wrote again, and the agent has it still
    if turn is not None and turn.agent_id is not None:
        _end(interaction, turns, moment(event.occurred_at), "taken_over")
        turn = None
    _accept(turn or _begin(event, interaction, turns), event)


@take_turn.register
def _(event: e.Accepted, interaction: FctInteraction, turns: Turns) -> None:
    _accept(_going_on(interaction, turns) or _begin(event, interaction, turns), event)


@take_turn.register
def _(event: e.RepliedElsewhere, interaction: FctInteraction, turns: Turns) -> None:
    turn = _going_on(interaction, turns)
    if turn is not None and turn.agent_id is None and event.state == "replied":
        _end(interaction, turns, moment(event.occurred_at), "answered_elsewhere")


@take_turn.register
def _(event: e.OutOfHours, interaction: FctInteraction, turns: Turns) -> None:
    _end(interaction, turns, moment(event.occurred_at), "held_back")


@take_turn.register
def _(event: e.Dispositioned, interaction: FctInteraction, turns: Turns) -> None:
    _end(interaction, turns, moment(event.occurred_at), "ended")


def _going_on(interaction: FctInteraction, turns: Turns) -> FctTurn | None:
    turn = turns.get(last_turn(interaction))
    return None if turn is None or turn.ended_at is not None else turn


def _begin(event: Event, interaction: FctInteraction, turns: Turns) -> FctTurn:
    interaction.turns += 1
    turn_id = last_turn(interaction)
    turns[turn_id] = FctTurn(
        turn_id=turn_id,
        interaction_id=interaction.interaction_id,
        account_key=interaction.account_key,
        queue=None,
        skills=[],
        agent_group=None,
        policy_version=event.policy_version,
        queued_at=None,
        offers=0,
        offers_expired=0,
        offers_declined=0,
        accepted_at=None,
        agent_id=None,
        wait_seconds=None,
        ended_at=None,
        ended_by=None,
        handling_seconds=None,
    )
    return turns[turn_id]


def _accept(turn: FctTurn, event: e.Assigned | e.Accepted) -> None:
    turn.accepted_at, turn.agent_id = moment(event.occurred_at), event.agent_id
    turn.wait_seconds = None if turn.queued_at is None else seconds(turn.queued_at, turn.accepted_at)


def _end(interaction: FctInteraction, turns: Turns, at: datetime, why: str) -> None:
    turn = _going_on(interaction, turns)
    if turn is None:
        return
    turn.ended_at, turn.ended_by = at, why
    if turn.accepted_at is not None:
        turn.handling_seconds = seconds(turn.accepted_at, at)
        interaction.handling_seconds = round(interaction.handling_seconds + turn.handling_seconds, 3)
