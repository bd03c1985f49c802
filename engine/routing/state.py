"""The rows of one pool. Derived from the events."""

from typing import Annotated

from engine.record import Millis
from engine.rows import Ordered, Row


class Agent(Ordered, kw_only=True, frozen=True):
    """An agent of the pool. Id: the agent's."""

    agent_id: Annotated[str, "the agent"]
    skills: Annotated[list[str], "what the agent knows"]
    groups: Annotated[list[str], "the agent groups"]
    capacity: Annotated[int, "how many interactions at once"]
    state: Annotated[str, "ready, away or offline"] = "offline"
    used: Annotated[int, "slots that are reserved or occupied"] = 0
    ready_since: Annotated[Millis, "when the agent last became ready"] = 0
    free_since: Annotated[Millis, "when a slot last became free: the longest idle is served first"] = 0


class Bucket(Ordered, kw_only=True, frozen=True):
    """Everything that waits for the same kind of agent. Id: derived from the requirement.

    It stays when nothing waits: an offer that comes to nothing goes back to it. There are no more of them than
    queues and agents.
    """

    bucket_id: Annotated[str, "its id: the prefix of its places in line"]
    skills: Annotated[list[str], "what the agent has to know, all of them"]
    group: Annotated[str | None, "the agent group"] = None
    agent: Annotated[str | None, "the only agent"] = None
    waiting: Annotated[int, "how many stand in line"] = 0


class Request(Row, kw_only=True, frozen=True):
    """An interaction that wants an agent, waiting or offered. Id: the request's."""

    interaction_id: Annotated[str, "the interaction"]
    bucket_id: Annotated[str, "what kind of agent it waits for"]
    priority: Annotated[int, "a higher one is served first"]
    waiting_since: Annotated[Millis, "when the wait began"]
    returned: Annotated[bool, "whether an offer came to nothing: then it stands at the front"] = False
    refusals: Annotated[
        list[str], "agents who declined it, each with the time since when it was ready: a new start is a new chance"
    ] = []  # noqa: RUF012  # msgspec copies a default list
    offers: Annotated[int, "how often it was offered"] = 0


class Place(Ordered, kw_only=True, frozen=True):
    """A place in line. Id: sorts by bucket, priority, front or not, and the time waited."""

    request_id: Annotated[str, "the request"]


class Reservation(Row, kw_only=True, frozen=True):
    """A slot that is kept for an offer. Id: the reservation's."""

    request_id: Annotated[str, "the request"]
    agent_id: Annotated[str, "the agent"]


class Offer(Ordered, kw_only=True, frozen=True):
    """An agent's open offers. Id: agent and reservation."""

    reservation_id: Annotated[str, "the reservation"]
    interaction_id: Annotated[str, "the interaction"]


class Slot(Row, kw_only=True, frozen=True):
    """An agent works on an interaction. Id: agent and interaction."""

    agent_id: Annotated[str, "the agent"]


ROWS: tuple[type[Row], ...] = (Agent, Bucket, Request, Place, Reservation, Offer, Slot)


def place_id(request_id: str, request: Request) -> str:
    """Where a request stands: higher priority first, then what was offered in vain, then the longest wait."""
    front = 0 if request.returned else 1
    return f"{request.bucket_id}|{10**9 - request.priority:010d}|{front}|{request.waiting_since:015d}|{request_id}"


def offer_id(agent_id: str, reservation_id: str) -> str:
    return f"{agent_id}\x1f{reservation_id}"


def slot_id(agent_id: str, interaction_id: str) -> str:
    return f"{agent_id}\x1f{interaction_id}"
