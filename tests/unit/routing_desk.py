"""A pool in words, for the tests of routing: who is there, what waits, and what was offered to whom."""

from typing import Any

from engine.routing import commands as c
from engine.routing import events as e
from engine.routing.decider import RoutingDecider
from engine.routing.state import Agent
from engine.testing import Scenario, Told
from tests.unit.builders import MONDAY, command_id

HOME = "0" * 32


class Desk:
    """A pool in words: who is there and what waits."""

    def __init__(self) -> None:
        self.story = Scenario(RoutingDecider(), "main", None, MONDAY)

    def when(self, kind: type[Any], **fields: Any) -> Told:
        return self.story.when(kind(command_id=command_id(), at=self.story.now, **fields))

    def agent(
        self, name: str, *skills: str, groups: tuple[str, ...] = (), capacity: int = 1, ready: bool = True
    ) -> Told:
        told = self.when(c.RegisterAgent, agent_id=name, skills=list(skills), groups=list(groups), capacity=capacity)
        return self.state(name, "ready") if ready else told

    def state(self, name: str, state: str) -> Told:
        self.story.now += 1
        return self.when(c.SetAgentState, agent_id=name, state=state)

    def ask(self, name: str, *skills: str, **more: Any) -> Told:
        """An interaction named so wants an agent; it waits since now unless told otherwise."""
        self.story.now += 1
        fields = {"priority": 0, "waiting_since": self.story.now, "queue": "care", **more}
        return self.when(
            c.RequestAgent, request_id=name, interaction_id=f"{HOME}.{name}", skills=list(skills), **fields
        )

    def accept(self, told: Told) -> Told:
        """The offer of an earlier story is accepted."""
        return self.when(c.ConfirmReservation, reservation_id=reserved(told).reservation_id)

    def end(self, told: Told, why: str) -> Told:
        """The offer of an earlier story ends."""
        return self.when(c.EndReservation, reservation_id=reserved(told).reservation_id, why=why)

    def finish(self, name: str, agent: str) -> Told:
        """The agent is done with the interaction named so."""
        return self.when(c.FreeSlot, interaction_id=f"{HOME}.{name}", agent_id=agent)

    def take(self, name: str, agent: str, weight: int = 1) -> Told:
        return self.when(c.OccupySlot, interaction_id=f"{HOME}.{name}", agent_id=agent, weight=weight)

    def pass_time(self, milliseconds: int) -> Told:
        return self.story.advance(self.story.now + milliseconds)

    def used(self, name: str) -> int:
        agent = self.story.rows.get(Agent, name)
        assert agent is not None
        return agent.used


def reserved(told: Told) -> e.Reserved:
    """The first offer of a story."""
    return next(event for event in told.events if isinstance(event, e.Reserved))


def offers(told: Told) -> list[tuple[str, str]]:
    return [(event.request_id, event.agent_id) for event in told.events if isinstance(event, e.Reserved)]
