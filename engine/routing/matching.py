"""Who may have what, and in which order. Only looks at the rows, and only at those that may fit."""

from collections.abc import Iterator

from engine.routing.state import (
    Agent,
    Bucket,
    Need,
    Place,
    Ready,
    Request,
    mark_of,
    marks_of,
    under,
)
from engine.rows import Rows

Found = tuple[str, Request]
"""A request with its id."""


def knows(agent: Agent, need: Need) -> bool:
    """Whether an agent is of the kind that is needed, ready or not."""
    if need.agent not in (None, agent.agent_id):
        return False
    if need.group is not None and need.group not in agent.groups:
        return False
    return set(need.skills).issubset(agent.skills)


def has_room(agent: Agent, need: Need) -> bool:
    """Whether an agent is ready and has room. What weighs nothing needs none."""
    return agent.state == "ready" and (need.weight <= 0 or agent.used + need.weight <= agent.capacity)


def is_worth_waiting_for(agent: Agent, need: Need) -> bool:
    """Whether something may be kept for an agent for a while: who is there, and may have room for it one day."""
    return agent.state != "offline" and knows(agent, need) and need.weight <= agent.capacity


def refusal_of(agent: Agent) -> str:
    """How an agent's refusal is remembered: until the agent becomes ready anew."""
    return f"{agent.agent_id}\x1f{agent.ready_since}"


def agent_for(rows: Rows, request: Request) -> Agent | None:
    """The agent to whom a request is offered: the least busy, the longest idle among equals."""
    need = request.need
    for ready in rows.walk(Ready, under(mark_of(need))):
        agent = rows.get(Agent, ready.agent_id)
        if agent is None:
            continue
        if need.weight > 0 and agent.used >= agent.capacity:
            return None  # from here on nobody has room
        if has_room(agent, need) and knows(agent, need) and refusal_of(agent) not in request.refusals:
            return agent
    return None


def next_for(rows: Rows, agent: Agent) -> Found | None:
    """The request that an agent serves next: the first of the heads of all lines that it may serve."""
    heads = (_head(rows, bucket, agent) for bucket in _lines_of(rows, agent) if has_room(agent, bucket.need))
    return min((head for head in heads if head is not None), key=_rank, default=None)


def kept_for(rows: Rows, agent: Agent) -> list[Found]:
    """What is kept for an agent for a while only, in the order of the line."""
    buckets = rows.walk(Bucket, under(mark_of(Need(skills=[], agent=agent.agent_id))))
    found = (each for bucket in buckets for each in _standing(rows, bucket))
    return sorted((each for each in found if each[1].preferred_until is not None), key=_rank)


def _lines_of(rows: Rows, agent: Agent) -> Iterator[Bucket]:
    marks = dict.fromkeys(marks_of(agent))  # a skill may be named twice
    return (bucket for mark in marks for bucket in rows.walk(Bucket, under(mark)) if knows(agent, bucket.need))


def _head(rows: Rows, bucket: Bucket, agent: Agent) -> Found | None:
    mine = refusal_of(agent)
    return next((found for found in _standing(rows, bucket) if mine not in found[1].refusals), None)


def _standing(rows: Rows, bucket: Bucket) -> Iterator[Found]:
    for place in rows.walk(Place, f"{bucket.bucket_id}|"):
        request = rows.get(Request, place.request_id)
        if request is not None:
            yield place.request_id, request


def _rank(found: Found) -> tuple[int, bool, int, str]:
    request_id, request = found
    return (-request.priority, not request.returned, request.waiting_since, request_id)
