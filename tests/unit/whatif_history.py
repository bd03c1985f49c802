"""Histories made by hand, and the worlds of them, for the tests of what-if."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from engine.interaction import events as e
from engine.policy.document import Policy
from engine.policy.rules import encode
from engine.record import Command, Event
from engine.routing import commands as r
from rejoinder.whatif.behaviour import ANSWERED, ASKED, ASKED_AGAIN, AWAY, OFFERED, POSTED
from rejoinder.whatif.facts import Fact
from rejoinder.whatif.history import Answers, History, Start
from rejoinder.whatif.matters import Matters
from rejoinder.whatif.presence import Presences
from rejoinder.whatif.samples import Action, Model, Sample
from rejoinder.whatif.simulating import Wanted, baseline_of, begun, candidate_of
from rejoinder.whatif.world import World
from tests.unit.builders import DAY, MINUTE, MONDAY, SECOND, codec, message, policy
from topics.catalogue import INTERACTION_COMMANDS, ROUTING_COMMANDS
from topics.shelves import MemoryShelf

SINCE: Final = MONDAY
USUAL: Final = {
    OFFERED: [Sample(each * SECOND, Action("accept")) for each in range(5, 30)],
    ASKED: [Sample(each * MINUTE, Action("reply")) for each in range(1, 25)],
    ASKED_AGAIN: [Sample(each * MINUTE, Action("reply")) for each in range(3, 28)],
    ANSWERED: [Sample(each * MINUTE, Action("end", "resolved")) for each in range(2, 30)],
    AWAY: [Sample(10 * MINUTE, Action("ready"))],
    POSTED: [Sample(SECOND, Action("post"))],
}
"""Agents who take their time."""


@dataclass
class Past:
    """What was recorded, as a test wants it: a policy, agents and messages."""

    policy: Policy = field(default_factory=policy)
    until: int = SINCE + DAY
    seen: dict[str, list[Sample]] = field(default_factory=lambda: dict(USUAL))
    facts: list[Fact] = field(default_factory=list)
    presences: Presences = field(default_factory=Presences)
    answers: Answers = field(default_factory=Answers)
    matters: Matters = field(default_factory=Matters)
    erased: dict[str, e.MessageReceived] = field(default_factory=dict)
    start: Start | None = None

    def agent(self, name: str, pool: str = "main", capacity: int = 1, skills: Sequence[str] = ()) -> None:
        """An agent who is ready from the beginning on."""
        register = r.RegisterAgent(
            command_id=f"{name} is known", at=SINCE, agent_id=name, skills=list(skills), groups=[], capacity=capacity
        )
        self.facts.append(Fact(SINCE, ROUTING_COMMANDS, pool, register))
        self.state(name, "ready", SINCE, pool)

    def state(self, name: str, state: str, at: int, pool: str = "main") -> None:
        command = r.SetAgentState(command_id=f"{name} {state} {at}", at=at, agent_id=name, state=state)
        self.facts.append(Fact(at, ROUTING_COMMANDS, pool, command))
        self.presences.note(name, at, state)

    def message(self, key: str, item_id: str, at: int, **more: Any) -> None:
        """A customer writes."""
        common: dict[str, Any] = {"at": at, "posted_at": at, "handle_id": key, "platform_id": key[:4]}
        self.tell(key, message(item_id, **(common | more)), at)

    def tell(self, key: str, command: Command, at: int) -> None:
        self.facts.append(Fact(at, INTERACTION_COMMANDS, key, command))

    def history(self) -> History:
        model = Model()
        for prompt, samples in self.seen.items():
            for sample in samples:
                model.note(prompt, [], sample)
        start = Start(MemoryShelf(), MemoryShelf(), 1, (), (), (), {})
        return History(
            since=SINCE,
            until=self.until,
            start=self.start or start,
            facts=tuple(sorted(self.facts, key=lambda fact: fact.at)),
            documents={1: encode(self.policy)},
            events=(),
            model=model,
            presences=self.presences,
            answers=self.answers,
            matters=self.matters,
            erased=self.erased,
        )

    def worlds(self, candidate: Policy, seed: int = 1, *, emergencies: bool = True) -> tuple["Played", "Played"]:
        """Both worlds at their end."""
        history, wanted = self.history(), Wanted(candidate, SINCE, emergencies=emergencies)
        sides = baseline_of(history, wanted), candidate_of(history, wanted)
        played = []
        for side in sides:
            world, (failed,) = begun(history, side, codec(), seed, emergencies)
            for _ in world.run(side.facts):
                pass
            played.append(Played(world, dict(failed)))
        return played[0], played[1]

    def world(self, seed: int = 1) -> "Played":
        """The baseline at its end."""
        return self.worlds(self.policy, seed)[0]


@dataclass
class Played:
    """A world at its end."""

    world: World
    failed: dict[str, int]

    @property
    def events(self) -> list[tuple[str, str, Event]]:
        found = [(each.topic, each.key, each.record) for each in self.world.events]
        return [(topic, key, event) for topic, key, event in found if isinstance(event, Event)]

    def of(self, kind: type[Any], key: str | None = None) -> list[Any]:
        """The events of a kind, on a key or on all."""
        return [event for _, where, event in self.events if isinstance(event, kind) and key in (None, where)]

    def on(self, key: str) -> list[Event]:
        return [event for _, where, event in self.events if where == key]
