"""A pool as its events tell it, without the rows of the engine: what routing has to keep to is checked against it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from engine.record import Event
from engine.routing import events as e


@dataclass
class Person:
    """An agent, and the interactions that are offered to or with them, each with its weight."""

    skills: list[str]
    groups: list[str]
    capacity: int
    state: str = "offline"
    ready: int = 0
    """How often they became ready: a refusal holds until the next time."""
    offered: dict[str, int] = field(default_factory=dict)
    working: dict[str, int] = field(default_factory=dict)

    @property
    def used(self) -> int:
        """What is both offered to and taken by them counts once."""
        return sum((self.offered | self.working).values())


@dataclass(frozen=True)
class Waiting:
    """A request: what it wants, and how it ranks."""

    name: str
    interaction_id: str
    skills: tuple[str, ...]
    group: str | None
    only: str | None
    preferred: str | None
    weight: int
    priority: int
    since: int
    returned: bool = False
    refused: frozenset[tuple[str, int]] = frozenset()

    @property
    def rank(self) -> tuple[int, bool, int, str]:
        return (-self.priority, not self.returned, self.since, self.name)


class Model:
    """Takes the events one by one; a promise that one of them breaks is an AssertionError."""

    def __init__(self) -> None:
        self.people: dict[str, Person] = {}
        self.waiting: dict[str, Waiting] = {}
        self.offers: dict[str, tuple[str, Waiting]] = {}
        self._last: Waiting | None = None

    def take(self, event: Event) -> None:
        step = _STEPS.get(type(event))
        if step is not None:
            step(self, event)

    def could_serve(self, agent_id: str, request: Waiting) -> bool:
        """Whether an agent is ready, has room, is of the kind, and did not refuse."""
        person = self.people[agent_id]
        if person.state != "ready" or (agent_id, person.ready) in request.refused:
            return False
        if request.weight > 0 and person.used + request.weight > person.capacity:
            return False
        if request.only is not None:
            return request.only == agent_id
        if request.preferred not in (None, agent_id):
            return False
        knows = all(skill in person.skills for skill in request.skills)
        return knows and (request.group is None or request.group in person.groups)

    def check_at_rest(self) -> None:
        """Nobody waits for whom an agent has room, or for a preferred agent who is offline."""
        for request in self.waiting.values():
            assert not [agent for agent in self.people if self.could_serve(agent, request)], f"{request.name} waits"
            assert request.preferred is None or self.people[request.preferred].state != "offline"

    def _person(self, agent_id: str) -> Person:
        return self.people.setdefault(agent_id, Person([], [], 0))

    def _registered(self, event: e.AgentRegistered) -> None:
        person = self._person(event.agent_id)
        person.skills, person.groups, person.capacity = event.skills, event.groups, event.capacity

    def _state(self, event: e.AgentStateChanged) -> None:
        person = self.people[event.agent_id]
        person.state = event.agent_state
        person.ready += event.agent_state == "ready"

    def _queued(self, event: e.RequestQueued) -> None:
        assert event.request_id not in self.waiting
        self.waiting[event.request_id] = Waiting(
            name=event.request_id,
            interaction_id=event.interaction_id or "",
            skills=tuple(event.skills),
            group=event.group,
            only=event.agent,
            preferred=event.preferred,
            weight=event.weight,
            priority=event.priority,
            since=event.waiting_since,
        )

    def _widened(self, event: e.RequestWidened) -> None:
        request = self.waiting[event.request_id]
        preferred = None if event.why == "preferred_over" else request.preferred
        self.waiting[event.request_id] = replace(request, skills=tuple(event.skills), preferred=preferred)

    def _reserved(self, event: e.Reserved) -> None:
        request = self.waiting[event.request_id]
        assert self.could_serve(event.agent_id, request), f"{event.agent_id} can't have {request.name}"
        earlier = [
            other.name
            for other in self.waiting.values()
            if other.rank < request.rank and self.could_serve(event.agent_id, other)
        ]
        assert not earlier, f"{request.name} is served before {earlier}"
        del self.waiting[event.request_id]
        self.offers[event.reservation_id] = (event.agent_id, request)
        self.people[event.agent_id].offered[request.interaction_id] = request.weight

    def _confirmed(self, event: e.ReservationConfirmed) -> None:
        agent_id, request = self.offers.pop(event.reservation_id)
        del self.people[agent_id].offered[request.interaction_id]
        self.people[agent_id].working[request.interaction_id] = request.weight

    def _ended(self, event: e.ReservationEnded) -> None:
        if event.why == "unknown":
            assert event.reservation_id not in self.offers
            return
        agent_id, request = self.offers.pop(event.reservation_id)
        del self.people[agent_id].offered[request.interaction_id]
        self._last = request

    def _returned(self, event: e.RequestReturned) -> None:
        request = self._last
        assert request is not None
        assert request.name == event.request_id
        refused = request.refused
        if event.why == "declined":
            refused |= {(event.agent_id, self.people[event.agent_id].ready)}
        self.waiting[event.request_id] = replace(request, returned=True, refused=refused)

    def _withdrawn(self, event: e.RequestWithdrawn) -> None:
        self.waiting.pop(event.request_id, None)

    def _occupied(self, event: e.SlotOccupied) -> None:
        self._person(event.agent_id).working[event.interaction_id or ""] = event.weight

    def _freed(self, event: e.SlotFreed) -> None:
        had = self._person(event.agent_id).working.pop(event.interaction_id or "", None)
        assert (had is not None) == (event.why == "told"), "a slot is freed once"


_STEPS: Final[dict[type[Event], Callable[[Model, Any], None]]] = {
    e.AgentRegistered: Model._registered,
    e.AgentStateChanged: Model._state,
    e.RequestQueued: Model._queued,
    e.RequestWidened: Model._widened,
    e.Reserved: Model._reserved,
    e.ReservationConfirmed: Model._confirmed,
    e.ReservationEnded: Model._ended,
    e.RequestReturned: Model._returned,
    e.RequestWithdrawn: Model._withdrawn,
    e.SlotOccupied: Model._occupied,
    e.SlotFreed: Model._freed,
}
