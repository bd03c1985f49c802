"""What can be asked of one pool: of its agents and its line."""

from typing import Annotated

from engine.record import Command, Millis


class RegisterAgent(Command, kw_only=True):
    """External: who an agent is; a repeat changes it."""

    agent_id: Annotated[str, "the agent"]
    skills: Annotated[list[str], "what the agent knows"]
    groups: Annotated[list[str], "the agent groups"]
    capacity: Annotated[int, "how much at once, in the weights of the policy; by default interactions"]


class SetAgentState(Command, kw_only=True):
    """External: an agent comes, pauses or goes."""

    agent_id: Annotated[str, "the agent"]
    state: Annotated[str, "ready, away or offline"]


class RequestAgent(Command, kw_only=True):
    """Derived, from Queued: an interaction wants an agent."""

    request_id: Annotated[str, "the request"]
    interaction_id: Annotated[str, "the interaction"]
    queue: Annotated[str, "the queue of the policy"]
    skills: Annotated[list[str], "what the agent has to know, all of them"]
    group: Annotated[str | None, "the agent group that it is kept for"] = None
    agent: Annotated[str | None, "the only agent that it is kept for"] = None
    priority: Annotated[int, "a higher one is served first"]
    waiting_since: Annotated[Millis, "when the wait began"]
    weight: Annotated[int, "how much of an agent's capacity it takes"] = 1
    preferred: Annotated[str | None, "the agent who served this contact last"] = None
    preferred_until: Annotated[Millis | None, "until when it waits for that agent, unless offline"] = None
    relax_at: Annotated[Millis | None, "when fewer skills are enough"] = None
    relaxed_skills: Annotated[list[str], "which are then"] = []


class WithdrawRequest(Command, kw_only=True):
    """Derived: the interaction needs no agent any more."""

    request_id: Annotated[str, "the request"]


class ConfirmReservation(Command, kw_only=True):
    """Derived, from Accepted: the agent works on it."""

    reservation_id: Annotated[str, "the reservation"]


class EndReservation(Command, kw_only=True):
    """Derived: the offer ended without the agent accepting."""

    reservation_id: Annotated[str, "the reservation"]
    why: Annotated[
        str,
        "expired (back to the front of the line, the agent goes away), declined (back to the front, not to this "
        "agent) or released (not needed)",
    ]


class OccupySlot(Command, kw_only=True):
    """Derived, from a Take: the agent works on it without a reservation."""

    interaction_id: Annotated[str, "the interaction"]
    agent_id: Annotated[str, "the agent"]
    weight: Annotated[int, "how much of the agent's capacity it takes"] = 1


class FreeSlot(Command, kw_only=True):
    """Derived: the agent works on it no more."""

    interaction_id: Annotated[str, "the interaction"]
    agent_id: Annotated[str, "the agent"]


COMMANDS: tuple[type[Command], ...] = tuple(
    value
    for value in globals().values()
    if isinstance(value, type) and issubclass(value, Command) and value is not Command
)
