"""What can happen in one pool."""

from typing import Annotated

from engine.record import Event, Millis


class AgentRegistered(Event, kw_only=True):
    """An agent became known, or changed."""

    agent_id: Annotated[str, "the agent"]
    skills: Annotated[list[str], "what the agent knows"]
    groups: Annotated[list[str], "the agent groups"]
    capacity: Annotated[int, "how much at once, in the weights of the policy; by default interactions"]


class AgentStateChanged(Event, kw_only=True):
    """An agent came, paused or went."""

    agent_id: Annotated[str, "the agent"]
    agent_state: Annotated[str, "ready, away or offline"]
    why: Annotated[str, "asked, or not_accepted_in_time"]


class RequestQueued(Event, kw_only=True):
    """An interaction stands in line."""

    request_id: Annotated[str, "the request"]
    queue: Annotated[str, "the queue of the policy"]
    skills: Annotated[list[str], "what the agent has to know, all of them"]
    group: Annotated[str | None, "the agent group that it is kept for"] = None
    agent: Annotated[str | None, "the only agent that it is kept for"] = None
    priority: Annotated[int, "a higher one is served first"]
    waiting_since: Annotated[Millis, "when the wait began"]
    weight: Annotated[int, "how much of an agent's capacity it takes"] = 1
    preferred: Annotated[str | None, "the agent for whom it waits first, unless offline"] = None
    preferred_until: Annotated[Millis | None, "until when"] = None
    relax_at: Annotated[Millis | None, "when fewer skills are enough"] = None
    relaxed_skills: Annotated[list[str], "which are then"] = []


class RequestWidened(Event, kw_only=True):
    """The interaction may now go to more agents than before; it keeps the time that it has waited."""

    request_id: Annotated[str, "the request"]
    why: Annotated[str, "preferred_over (waited for the last agent long enough, or who went offline) or relaxed"]
    skills: Annotated[list[str], "what the agent has to know from now on, all of them"]


class RequestReturned(Event, kw_only=True):
    """An offer came to nothing: the interaction stands at the front of its line again."""

    request_id: Annotated[str, "the request"]
    reservation_id: Annotated[str, "the reservation that ended"]
    agent_id: Annotated[str, "the agent to whom it was offered"]
    why: Annotated[str, "expired, declined or agent_gone"]


class RequestWithdrawn(Event, kw_only=True):
    """The interaction left the line unserved."""

    request_id: Annotated[str, "the request"]
    why: Annotated[str, "withdrawn, or unknown (it stood in no line)"]


class Reserved(Event, kw_only=True):
    """A slot of an agent is kept for an interaction."""

    reservation_id: Annotated[str, "the reservation"]
    request_id: Annotated[str, "the request that it answers"]
    agent_id: Annotated[str, "the agent"]
    waited: Annotated[int, "how long it stood in line, milliseconds"]


class ReservationConfirmed(Event, kw_only=True):
    """The agent accepted: the slot is occupied."""

    reservation_id: Annotated[str, "the reservation"]
    agent_id: Annotated[str, "the agent"]


class ReservationEnded(Event, kw_only=True):
    """The reservation ended and its slot is free."""

    reservation_id: Annotated[str, "the reservation"]
    agent_id: Annotated[str, "the agent"]
    why: Annotated[str, "expired, declined, released, agent_gone, or unknown (it had ended before)"]


class SlotOccupied(Event, kw_only=True):
    """An agent took an interaction without a reservation; it counts against the capacity, even beyond it."""

    agent_id: Annotated[str, "the agent"]
    weight: Annotated[int, "how much of the agent's capacity it takes"] = 1


class SlotFreed(Event, kw_only=True):
    """An agent's slot is free again."""

    agent_id: Annotated[str, "the agent"]
    why: Annotated[str, "told, or unknown (it was not occupied)"]


class CommandRefused(Event, kw_only=True):
    """An external command was refused."""

    command: Annotated[str, "the command's name"]
    code: Annotated[str, "the reason in a word"]
    reason: Annotated[str, "the reason as a person reads it"]


EVENTS: tuple[type[Event], ...] = tuple(
    value for value in globals().values() if isinstance(value, type) and issubclass(value, Event) and value is not Event
)
