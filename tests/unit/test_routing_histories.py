"""Random days of a pool: who comes and goes, what is asked, offered, declined, taken and ended, in any order.

Every event is checked against tests.unit.routing_model before it counts.
"""

import random
from collections import Counter
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.record import Command, Event
from engine.routing import commands as c
from engine.routing import events as e
from engine.routing.decider import RoutingDecider
from engine.routing.state import Agent, Ready
from engine.testing import Scenario, Told
from tests.unit.builders import HOUR, MINUTE, MONDAY, SECOND, empty_rows, snapshot
from tests.unit.routing_desk import HOME
from tests.unit.routing_model import Model

AGENTS: Final = ("anna", "ben", "cleo", "dora")
SKILLS: Final = ((), ("x",), ("y",), ("x", "y"))
GROUPS: Final = (None, None, "gold")
OPS: Final = (
    *("ask",) * 8, *("accept",) * 4, *("finish",) * 4, *("state",) * 3, "decline", "expire", "release", "take", "take",
    "withdraw", "register", "transfer", "wait", "wait",
)  # fmt: skip
STEPS: Final = st.lists(st.tuples(st.sampled_from(OPS), st.integers(0, 23), st.integers(0, 23)), max_size=80)


class Day:
    """Turns numbers into what fits the moment. What an interaction would answer to an offer is answered at once."""

    def __init__(self) -> None:
        self.story = Scenario(RoutingDecider(), "main", None, MONDAY)
        self.model = Model()
        self.inputs: list[Command | int] = []
        self.served = Counter[str]()
        self.number = 0
        for index, agent in enumerate(AGENTS):
            self.register(agent, index, index)
            self.ask(c.SetAgentState, agent_id=agent, state="ready")

    def ask(self, kind: type[Any], **fields: Any) -> None:
        self.number += 1
        command: Command = kind(command_id=f"command-{self.number}", at=self.story.now, **fields)
        self.inputs.append(command)
        self.told(self.story.when(command))

    def wait(self, milliseconds: int) -> None:
        self.inputs.append(self.story.now + milliseconds)
        self.told(self.story.advance(self.story.now + milliseconds))

    def told(self, told: Told) -> None:
        for event in told.events:
            self.model.take(event)
            self.served[type(event).__name__] += 1
        self.model.check_at_rest()
        for agent_id, person in self.model.people.items():
            agent = self.story.rows.get(Agent, agent_id)
            assert agent is not None
            assert agent.used == person.used
        for event in told.events:
            if isinstance(event, e.AgentStateChanged) and event.agent_state == "offline":
                self.lose(event.agent_id)

    def lose(self, agent_id: str) -> None:
        """The interactions learn that the agent of their offers is gone."""
        for reservation_id, (agent, _) in list(self.model.offers.items()):
            if agent == agent_id:
                self.ask(c.EndReservation, reservation_id=reservation_id, why="agent_gone")

    def register(self, agent: str, a: int, b: int) -> None:
        groups = ["gold"] if b % 2 else []
        self.ask(c.RegisterAgent, agent_id=agent, skills=list(SKILLS[a % 4]), groups=groups, capacity=b % 5)

    def request(self, a: int, b: int, **more: Any) -> None:
        now = self.story.now
        skills = SKILLS[a % 4]
        fields: dict[str, Any] = {
            "skills": list(skills),
            "group": GROUPS[b % 3],
            "priority": (a + b) % 2,
            "waiting_since": now - (a * b % 7) * SECOND,
            "weight": (1, 1, 2, 3, 0)[(a + 2 * b) % 5],
            "preferred": AGENTS[b % 4] if a % 3 == 0 else None,
            "preferred_until": now + (b % 4) * 20 * SECOND if a % 3 == 0 else None,
            "relax_at": now + (a % 5) * 15 * SECOND if b % 2 else None,
            "relaxed_skills": list(skills[:1]),
        }
        name = f"{self.number}"
        self.ask(c.RequestAgent, request_id=name, interaction_id=f"{HOME}.{name}", queue="q", **(fields | more))

    def end(self, a: int, why: str) -> None:
        if self.model.offers:
            self.ask(c.EndReservation, reservation_id=self.pick(list(self.model.offers), a), why=why)

    def take(self, a: int, b: int) -> None:
        """An agent takes what waits or is offered, to whomever: first the slot, then the line or the offer."""
        agent = AGENTS[b % 4]
        if a % 2 and self.model.offers:
            reservation_id = self.pick(list(self.model.offers), a)
            _, request = self.model.offers[reservation_id]
            ends: tuple[type[Any], dict[str, str]] = (
                c.EndReservation,
                {"reservation_id": reservation_id, "why": "released"},
            )
        elif self.model.waiting:
            request = self.model.waiting[self.pick(list(self.model.waiting), a)]
            ends = (c.WithdrawRequest, {"request_id": request.name})
        else:
            return
        self.occupy(agent, request.interaction_id, request.weight)
        self.ask(ends[0], **ends[1])

    def occupy(self, agent: str, interaction_id: str, weight: int) -> None:
        self.ask(c.OccupySlot, interaction_id=interaction_id, agent_id=agent, weight=weight)

    def finish(self, a: int) -> None:
        held = [(agent, each) for agent, person in self.model.people.items() for each in person.working]
        if held:
            agent, interaction_id = self.pick(held, a)
            for _ in range(1 + (a % 5 == 0)):
                self.ask(c.FreeSlot, interaction_id=interaction_id, agent_id=agent)

    def pick(self, among: list[Any], a: int) -> Any:
        return among[a % len(among)]

    def do(self, what: str, a: int, b: int) -> None:
        match what:
            case "ask":
                self.request(a, b)
            case "transfer":
                self.request(a, b, agent=AGENTS[b % 4])
            case "accept" if self.model.offers:
                self.ask(c.ConfirmReservation, reservation_id=self.pick(list(self.model.offers), a))
            case "finish":
                self.finish(a)
            case "state":
                state = ("ready", "ready", "away", "offline")[a % 4]
                self.ask(c.SetAgentState, agent_id=AGENTS[b % 4], state=state)
            case "decline" | "expire" | "release":
                self.end(a, {"decline": "declined", "expire": "expired", "release": "released"}[what])
            case "take":
                self.take(a, b)
            case "withdraw" if self.model.waiting:
                self.ask(c.WithdrawRequest, request_id=self.pick(list(self.model.waiting), a))
            case "register":
                self.register(AGENTS[b % 4], a, a + b)
            case "wait":
                self.wait((SECOND, 10 * SECOND, 30 * SECOND, MINUTE, HOUR)[a % 5])

    def end_everything(self) -> None:
        for agent in AGENTS:
            self.ask(c.SetAgentState, agent_id=agent, state="offline")
        for name in list(self.model.waiting):
            self.ask(c.WithdrawRequest, request_id=name)
        while any(person.working for person in self.model.people.values()):
            self.finish(0)

    def again(self) -> list[Event]:
        """The events of the same inputs in a new pool."""
        story = Scenario(RoutingDecider(), "main", None, MONDAY)
        for each in self.inputs:
            if isinstance(each, int):
                story.advance(each)
            else:
                story.now = each.at
                story.when(each)
        return story.log


def check(steps: list[tuple[str, int, int]]) -> Day:
    day = Day()
    for step in steps:
        day.story.now += 1
        day.do(*step)
    replayed = empty_rows("main")
    for event in day.story.log:
        RoutingDecider().evolve(replayed, event)
    assert snapshot(replayed) == snapshot(day.story.rows)
    day.end_everything()
    assert not any(person.used for person in day.model.people.values())
    left = [row for _, row in day.story.rows.all() if not isinstance(row, Agent)]
    assert left == []
    assert all(row.used == 0 for _, row in day.story.rows.all() if isinstance(row, Agent))
    assert day.again() == day.story.log
    return day


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_a_line_drains_in_its_order_and_no_room_is_leaked_or_given_twice(steps: list[tuple[str, int, int]]) -> None:
    check(steps)


@pytest.mark.parametrize("seed", range(8))
def test_the_same_holds_for_long_days(seed: int) -> None:
    chance = random.Random(seed)
    steps = [(chance.choice(OPS), chance.randrange(24), chance.randrange(24)) for _ in range(400)]
    served = check(steps).served
    assert min(served[name] for name in ("Reserved", "RequestWidened", "RequestReturned", "SlotOccupied")) > 0


def test_who_is_ready_is_found_and_nobody_else() -> None:
    day = Day()
    for state in ("away", "ready", "offline"):
        day.ask(c.SetAgentState, agent_id="anna", state=state)
        found = {row.agent_id for _, row in day.story.rows.all() if isinstance(row, Ready)}
        assert found == set(AGENTS) - ({"anna"} if state != "ready" else set())
