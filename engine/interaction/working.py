"""What agents and routing do with an interaction: offers, acceptance, taking, answers, transfer, disposition."""

from typing import TypeAlias

from engine.bookkeeping import Timer
from engine.decider import Context, Decision, Duplicate, Refusal
from engine.interaction import commands as c
from engine.interaction import events as e
from engine.interaction import sessions
from engine.interaction.placing import queue
from engine.interaction.state import Interaction
from engine.rows import Rows

ByAgent: TypeAlias = (
    c.Accept | c.Decline | c.Take | c.TakeOver | c.Reply | c.MoveToPrivate | c.Engage | c.Moderate | c.Transfer
    | c.Disposition
)  # fmt: skip


def reserve(rows: Rows, command: c.Reserve, context: Context) -> Decision:
    """Routing found an agent: the offer stands if the interaction still waits for this very request."""
    interaction = _the(rows, command.interaction_id)
    if interaction.state == "queued" and interaction.request_id == command.request_id:
        within = None if context.rules is None else context.rules.accept_within
        yield e.Assigned(
            interaction_id=command.interaction_id,
            contact_id=interaction.contact_id,
            agent_id=command.agent_id,
            reservation_id=command.reservation_id,
            accept_by=None if within is None else context.now + within,
            why="reserved",
        )
    else:
        yield e.ReservationReleased(
            interaction_id=command.interaction_id,
            contact_id=interaction.contact_id,
            reservation_id=command.reservation_id,
            pool=command.pool,
            agent_id=command.agent_id,
            why=interaction.state,
        )
    return None


def lose_agent(rows: Rows, command: c.LoseAgent, context: Context) -> Decision:
    """The agent of an offer is gone; an agent who accepted meanwhile keeps it."""
    interaction = _the(rows, command.interaction_id)
    if interaction.reservation_id == command.reservation_id and not interaction.accepted:
        yield _back_to_line(command.interaction_id, interaction, "agent_gone")
        return None
    return Duplicate(command.interaction_id)


def not_accepted(rows: Rows, timer: Timer, context: Context) -> Decision:
    """The deadline of an offer."""
    interaction = rows.get(Interaction, timer.ref)
    if interaction is not None and interaction.reservation_id is not None and not interaction.accepted:
        yield _back_to_line(timer.ref, interaction, "expired")
    return None


def accept(rows: Rows, command: c.Accept, context: Context) -> Decision:
    """The agent accepts what is offered."""
    interaction = rows.get(Interaction, command.interaction_id)
    if interaction is None:
        return _unknown(command)
    if interaction.agent_id == command.agent_id and interaction.accepted:
        return Duplicate(command.interaction_id)
    if interaction.agent_id != command.agent_id or interaction.reservation_id is None:
        return Refusal("not_offered", f"it is not offered to {command.agent_id}: {_whose(interaction)}")
    yield e.Accepted(
        interaction_id=command.interaction_id,
        contact_id=interaction.contact_id,
        agent_id=command.agent_id,
        reservation_id=interaction.reservation_id,
    )
    yield from sessions.open_if_talking(rows, command.interaction_id, context)
    return None


def decline(rows: Rows, command: c.Decline, context: Context) -> Decision:
    """The agent declines what is offered."""
    interaction = rows.get(Interaction, command.interaction_id)
    if interaction is None:
        return _unknown(command)
    if interaction.agent_id != command.agent_id or interaction.reservation_id is None:
        return Refusal("not_offered", f"it is not offered to {command.agent_id}: {_whose(interaction)}")
    yield _back_to_line(command.interaction_id, interaction, "declined")
    return None


def take(rows: Rows, command: c.Take | c.TakeOver, context: Context) -> Decision:
    """An agent takes what nobody has accepted; a supervisor also what somebody has."""
    interaction = rows.get(Interaction, command.interaction_id)
    if interaction is None:
        return _unknown(command)
    over = isinstance(command, c.TakeOver)
    if over and command.actor_kind != "supervisor":
        return Refusal("not_supervisor", "only a supervisor takes an interaction over")
    if interaction.state not in ("out_of_hours", "queued", "assigned", "replied"):
        return Refusal("not_open", f"it can't be taken: {_whose(interaction)}")
    if interaction.accepted:
        if interaction.agent_id == command.agent_id:
            return Duplicate(command.interaction_id)
        if not over:
            return Refusal("taken", f"it can't be taken: {_whose(interaction)}")
    yield from sessions.close(rows, command.interaction_id, "given_on")
    yield e.Assigned(
        interaction_id=command.interaction_id,
        contact_id=interaction.contact_id,
        agent_id=command.agent_id,
        why="taken_over" if over else "taken",
    )
    yield from sessions.open_if_talking(rows, command.interaction_id, context)
    return None


def transfer(rows: Rows, command: c.Transfer, context: Context) -> Decision:
    """The agent gives it to another queue, agent group or agent."""
    interaction = of_agent(rows, command)
    if isinstance(interaction, Refusal):
        return interaction
    if sum(target is not None for target in (command.to_queue, command.to_group, command.to_agent)) != 1:
        return Refusal("no_target", "name a queue, an agent group or an agent to transfer to, and only one")
    rules = context.rules
    account = None if rules is None else rules.account(interaction.channel, interaction.account)
    if rules is None or account is None:
        return Refusal("unknown_account", f"the policy has no account {interaction.channel}:{interaction.account}")
    if command.to_queue is not None and command.to_queue not in rules.queues:
        return Refusal("unknown_queue", f"there is no such queue; there are {', '.join(rules.queues)}")
    yield from sessions.close(rows, command.interaction_id, "given_on")
    yield e.Transferred(
        interaction_id=command.interaction_id,
        contact_id=interaction.contact_id,
        from_agent=command.agent_id,
        queue=command.to_queue,
        group=command.to_group,
        agent=command.to_agent,
        note_id=None if command.note is None else f"{rows.key}:n:{command.command_id}",
    )
    yield from queue(
        rows,
        context,
        rules,
        account,
        command.interaction_id,
        "transferred",
        command.to_queue or interaction.queue,
        command.to_group,
        command.to_agent,
    )
    return None


def disposition(rows: Rows, command: c.Disposition, context: Context) -> Decision:
    """The agent ends it."""
    interaction = of_agent(rows, command)
    if isinstance(interaction, Refusal):
        return interaction
    codes = frozenset[str]() if context.rules is None else context.rules.dispositions
    if command.code not in codes:
        return Refusal("unknown_code", f"that is no disposition; there are {', '.join(sorted(codes))}")
    yield from sessions.close(rows, command.interaction_id, "dispositioned")
    yield e.Dispositioned(
        interaction_id=command.interaction_id,
        contact_id=interaction.contact_id,
        code=command.code,
        agent_id=command.agent_id,
    )
    return None


def _the(rows: Rows, interaction_id: str) -> Interaction:
    """The interaction of a derived command, which can't be unknown."""
    interaction = rows.get(Interaction, interaction_id)
    if interaction is None:
        raise LookupError(f"a derived command names interaction {interaction_id}, which never began")
    return interaction


def _unknown(command: ByAgent) -> Refusal:
    return Refusal("unknown_interaction", f"there is no interaction {command.interaction_id}", recorded=False)


def _not_theirs(interaction: Interaction, agent_id: str) -> Refusal | None:
    if interaction.agent_id == agent_id and interaction.accepted and interaction.state in ("assigned", "replied"):
        return None
    if interaction.agent_id == agent_id and interaction.state == "assigned":
        return Refusal("not_accepted", f"{agent_id} has to accept it first")
    return Refusal("not_assigned", f"it is not with {agent_id}: {_whose(interaction)}")


def of_agent(rows: Rows, command: ByAgent) -> Interaction | Refusal:
    """The interaction that a command's agent works on, or why it is not that agent's to change."""
    interaction = rows.get(Interaction, command.interaction_id)
    if interaction is None:
        return _unknown(command)
    return _not_theirs(interaction, command.agent_id) or interaction


def _whose(interaction: Interaction) -> str:
    if interaction.agent_id is None:
        return f"it is {interaction.state.replace('_', ' ')}"
    return f"it is {interaction.state}, {'with' if interaction.accepted else 'offered to'} {interaction.agent_id}"


def _back_to_line(interaction_id: str, interaction: Interaction, why: str) -> e.QueuedAgain:
    return e.QueuedAgain(
        interaction_id=interaction_id,
        contact_id=interaction.contact_id,
        request_id=interaction.request_id or "",
        reservation_id=interaction.reservation_id or "",
        agent_id=interaction.agent_id or "",
        why=why,
    )
