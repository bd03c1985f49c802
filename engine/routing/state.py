"""The rows of one pool, and how they are found. Derived from the events.

What fits together is found through *marks*: the agent itself, each of its groups and skills, and the empty mark that
all share. An agent that is ready stands under each of its marks, and a line under one mark of what it needs. So
neither an offer nor a freed slot looks at everybody or at everything that waits.
"""

from typing import Annotated

from engine.envelope import derive
from engine.record import Millis
from engine.rows import Ordered, Row


class Agent(Ordered, kw_only=True, frozen=True):
    """An agent of the pool. Id: the agent's."""

    agent_id: Annotated[str, "the agent"]
    skills: Annotated[list[str], "what the agent knows"]
    groups: Annotated[list[str], "the agent groups"]
    capacity: Annotated[int, "how much at once, in the weights of the policy"]
    state: Annotated[str, "ready, away or offline"] = "offline"
    used: Annotated[int, "the weight of all that is offered to the agent or with the agent"] = 0
    ready_since: Annotated[Millis, "when the agent last became ready"] = 0
    free_since: Annotated[
        Millis, "when the agent last became ready, got something or was rid of it: the longest ago is served first"
    ] = 0


class Ready(Ordered, kw_only=True, frozen=True):
    """An agent who is ready, once under each of its marks. Id: mark, full or not, how much is used, and since when."""

    agent_id: Annotated[str, "the agent"]


class Need(Row, kw_only=True, frozen=True):
    """What kind of agent something waits for. A part of other rows."""

    skills: Annotated[list[str], "what the agent has to know, all of them"]
    group: Annotated[str | None, "the agent group"] = None
    agent: Annotated[str | None, "the only agent"] = None
    weight: Annotated[int, "how much of the agent's capacity it takes"] = 1


class Bucket(Ordered, kw_only=True, frozen=True):
    """A line: everything that waits for the same kind of agent. Id: mark and bucket.

    It is there while anything waits.
    """

    bucket_id: Annotated[str, "derived from the need: the prefix of its places in line"]
    need: Annotated[Need, "what kind of agent"]
    waiting: Annotated[int, "how many stand in line"]


class Request(Row, kw_only=True, frozen=True):
    """An interaction that wants an agent, waiting or offered. Id: the request's."""

    interaction_id: Annotated[str, "the interaction"]
    need: Annotated[Need, "what kind of agent it waits for"]
    priority: Annotated[int, "a higher one is served first"]
    waiting_since: Annotated[Millis, "when the wait began"]
    preferred_until: Annotated[
        Millis | None, "until when it is kept for the agent of the need; null: always, where the need names one"
    ] = None
    relax_at: Annotated[Millis | None, "when fewer skills are enough; null: never, or they are by now"] = None
    relaxed_skills: Annotated[list[str], "which are then"] = []
    returned: Annotated[bool, "whether an offer came to nothing: then it stands at the front"] = False
    refusals: Annotated[
        list[str], "agents who declined it, each with the time since when it was ready: a new start is a new chance"
    ] = []
    offers: Annotated[int, "how often it was offered"] = 0


class Place(Ordered, kw_only=True, frozen=True):
    """A place in line. Id: sorts by bucket, priority, front or not, and the time waited."""

    request_id: Annotated[str, "the request"]


class Reservation(Row, kw_only=True, frozen=True):
    """Room of an agent that is kept for an offer. Id: the reservation's."""

    request_id: Annotated[str, "the request"]
    agent_id: Annotated[str, "the agent"]
    weight: Annotated[int, "how much; 0 once the agent took the same interaction: the slot counts it"] = 1


class Offer(Ordered, kw_only=True, frozen=True):
    """An agent's open offers. Id: agent and reservation."""

    reservation_id: Annotated[str, "the reservation"]
    interaction_id: Annotated[str, "the interaction"]


class Slot(Row, kw_only=True, frozen=True):
    """An agent works on an interaction. Id: agent and interaction."""

    agent_id: Annotated[str, "the agent"]
    weight: Annotated[int, "how much of the capacity it takes"] = 1


ROWS: tuple[type[Row], ...] = (Agent, Ready, Bucket, Request, Place, Reservation, Offer, Slot)


def marks_of(agent: Agent) -> list[str]:
    """All under which an agent is looked for."""
    own = f"agent:{agent.agent_id}"
    return ["", own, *(f"group:{group}" for group in agent.groups), *(f"skill:{skill}" for skill in agent.skills)]


def mark_of(need: Need) -> str:
    """The one under which its line stands, and under which its agents are looked for: what fewest have first."""
    if need.agent is not None:
        return f"agent:{need.agent}"
    if need.group is not None:
        return f"group:{need.group}"
    return f"skill:{min(need.skills)}" if need.skills else ""


def under(mark: str) -> str:
    """The prefix of the ids of what stands under a mark."""
    return f"{mark}\x1f"


def ready_ids(agent: Agent) -> list[str]:
    """Where an agent stands while ready: who has room before who has none, then the least busy, the longest idle."""
    full = 0 if agent.used < agent.capacity else 1
    rank = f"{full}|{agent.used:012d}|{agent.free_since:015d}|{agent.agent_id}"
    return [under(mark) + rank for mark in marks_of(agent)]


def bucket_id_of(need: Need) -> str:
    skills = sorted(set(need.skills))
    return derive("bucket", *skills, "group", need.group or "", "agent", need.agent or "", "weight", need.weight)


def place_id(bucket_id: str, request_id: str, request: Request) -> str:
    """Where a request stands: higher priority first, then what was offered in vain, then the longest wait."""
    front = 0 if request.returned else 1
    return f"{bucket_id}|{10**9 - request.priority:010d}|{front}|{request.waiting_since:015d}|{request_id}"


def offer_id(agent_id: str, reservation_id: str) -> str:
    return f"{agent_id}\x1f{reservation_id}"


def slot_id(agent_id: str, interaction_id: str) -> str:
    return f"{agent_id}\x1f{interaction_id}"
