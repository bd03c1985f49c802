"""Routing's deadlines in its partition: by the wall clock or in recorded time, and after a restart."""

from typing import Any

import pytest

from engine.envelope import control_key, digest
from engine.interaction.commands import AdvanceTime
from engine.routing import commands as c
from engine.routing.decider import RoutingDecider
from tests.unit.builders import HOUR, MINUTE, MONDAY, codec, command_id, snapshot
from tests.unit.routing_desk import HOME
from topics.deciding import Deciding, Input, Output

POOL = "main"


class Partition:
    """A partition of routing, with a clock that is moved by hand."""

    def __init__(self, recorded: bool) -> None:
        self.now = MONDAY
        self.recorded = recorded
        self.written: list[Output] = []
        self.deciding = self.another()

    def another(self) -> Deciding:
        return Deciding(RoutingDecider(), codec(), 0, {}, lambda: self.now, self.recorded)

    def ask(self, kind: type[Any], key: str = POOL, at: int | None = None, **fields: Any) -> list[str]:
        """Asks for something; gives what it led to."""
        command = kind(command_id=command_id(), at=self.now if at is None else at, **fields)
        outputs = self.deciding.command(key, command, Input("routing.commands", 0, len(self.written)))
        return self.take(outputs)

    def pass_time(self, to: int) -> list[str]:
        """The clock goes on, or in recorded time the player says so."""
        if self.recorded:
            return self.ask(AdvanceTime, control_key(0), to)
        self.now = to
        return self.take(self.deciding.advance(to))

    def take(self, outputs: list[Output]) -> list[str]:
        self.deciding.state.commit()
        self.written += outputs
        return [type(output.event).__name__ for output in outputs if output.event is not None]

    def agent(self, name: str, *skills: str) -> None:
        self.ask(c.RegisterAgent, agent_id=name, skills=list(skills), groups=[], capacity=1)
        self.ask(c.SetAgentState, agent_id=name, state="ready")

    def request(self, name: str, *skills: str, **more: Any) -> list[str]:
        fields = {"priority": 0, "waiting_since": MONDAY, "queue": "care", "skills": list(skills), **more}
        return self.ask(c.RequestAgent, request_id=name, interaction_id=f"{HOME}.{name}", **fields)


@pytest.fixture(params=[False, True], ids=["wall", "recorded"])
def partition(request: pytest.FixtureRequest) -> Partition:
    """One where one waits for a busy agent, and one for a skill that nobody has."""
    one = Partition(request.param)
    one.agent("ben", "x")
    assert one.request("0", "x") == ["RequestQueued", "Reserved"]
    one.agent("anna", "x")
    assert one.request("1", "x", preferred="ben", preferred_until=MONDAY + MINUTE) == ["RequestQueued"]
    assert one.request("2", "y", relax_at=MONDAY + HOUR) == ["RequestQueued"]
    return one


def test_the_deadlines_come_when_it_is_time(partition: Partition) -> None:
    assert partition.deciding.state.next_due() == MONDAY + MINUTE
    assert partition.pass_time(MONDAY + MINUTE - 1) == []
    assert partition.pass_time(MONDAY + MINUTE) == ["RequestWidened", "Reserved"]
    assert partition.pass_time(MONDAY + HOUR) == ["RequestWidened"]
    assert partition.pass_time(MONDAY + 2 * HOUR) == []


def test_in_recorded_time_each_comes_at_its_own_time() -> None:
    partition = Partition(recorded=True)
    for name, due in (("1", HOUR), ("2", MINUTE)):
        partition.request(name, "x", relax_at=MONDAY + due)
    partition.pass_time(MONDAY + 2 * HOUR)
    events = [output.event for output in partition.written[-2:] if output.event is not None]
    assert [(event.interaction_id, event.decided_at) for event in events] == [
        (f"{HOME}.2", MONDAY + MINUTE),
        (f"{HOME}.1", MONDAY + HOUR),
    ]
    assert {(event.actor_kind, event.actor_id) for event in events} == {("timer", "relax")}


def test_the_deadlines_are_there_again_after_a_restart(partition: Partition) -> None:
    restarted = partition.another()
    for output in partition.written:
        if output.event is not None and output.value is not None:
            fingerprint, body = codec().split(output.value)
            restarted.replay(output.key, codec().decode(output.value), digest(fingerprint, body))
    restarted.state.commit()
    assert snapshot(restarted.state.rows(POOL)) == snapshot(partition.deciding.state.rows(POOL))
    partition.deciding = restarted
    assert partition.pass_time(MONDAY + HOUR) == ["RequestWidened", "Reserved", "RequestWidened"]
