"""The whole of a what-if run: what was recorded, both worlds as often as is wanted, and the report.

Both worlds have the same facts, people and chances, and adopt a policy when the time begins: the baseline the one that
was in force, the candidate its own. So where the policies are the same, so are the worlds.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import psycopg
from msgspec.structs import replace

from engine.envelope import derive
from engine.interaction import commands as c
from engine.policy.document import Policy
from engine.policy.rules import Rules, encode
from rejoinder.cluster import Cluster
from rejoinder.whatif.behaviour import ANSWERED, ASKED, ASKED_AGAIN, OFFERED, POSTED
from rejoinder.whatif.facts import CONTROL, Fact
from rejoinder.whatif.history import History, read
from rejoinder.whatif.lives import Life, lives
from rejoinder.whatif.measuring import MEASURED, Measured, Measuring, measuring
from rejoinder.whatif.moments import told
from rejoinder.whatif.people import Agents, Platforms
from rejoinder.whatif.report import Differing, Line, differing, lines_of, summed
from rejoinder.whatif.words import Recalling
from rejoinder.whatif.world import World
from schemas.codec import Codec
from topics.catalogue import INTERACTION_COMMANDS

TELL_EVERY: Final = 1_000
"""Things that happen in a world between two words to whoever waits."""
PROMPTS: Final = (OFFERED, ASKED, ASKED_AGAIN, ANSWERED, POSTED)
EMERGENCIES: Final = (c.ActivateEmergency, c.EndEmergency)


@dataclass(frozen=True)
class Wanted:
    """What is asked."""

    candidate: Policy
    since: int
    until: int | None = None
    runs: int = 5
    seed: int = 1
    emergencies: bool = True
    """Whether those of the time happen, in both worlds."""


@dataclass(frozen=True)
class Report:
    """What came of it."""

    since: str
    until: str
    runs: int
    seed: int
    policy_version: int
    """That of the baseline, at the beginning."""
    published: int
    """Policies that were published within the time: in the baseline they are, in the candidate's world not."""
    facts: dict[str, int]
    """What happened outside, by what it was."""
    erased: int
    """Messages of the time that were judged by what the events recorded, because their words are erased."""
    learnt: dict[str, int]
    """How often it was seen what agents and platforms do."""
    lines: list[Line]
    differing: Differing
    nothing: dict[str, dict[str, int]]
    """In each world and all runs, what came to nothing, by the reason."""


@dataclass(frozen=True)
class _Side:
    """One of the two: its policies, and the facts as they are in it."""

    policies: dict[int, Rules]
    adopts: c.PublishPolicy
    facts: tuple[Fact, ...]


def simulate(
    cluster: Cluster,
    connection: psycopg.Connection[Any],
    wanted: Wanted,
    say: Callable[[str], None] = lambda detail: None,
) -> Report:
    """Plays the facts of a time, and compares.

    Args:
        connection: to the projections' database, without a transaction yet; its temporary tables are used.
        say: is told how far it is.

    Raises:
        FactsIncomplete: not all that happened is kept.
    """
    with measuring(connection) as measure:

        def told_of(count: Any) -> None:
            if count.chosen % TELL_EVERY == 0:
                say(f"reading, {count.read:,} of {count.of:,}")

        history = read(cluster, wanted.since, wanted.until, measure.fold, told_of)
        return _Simulation(history, wanted, cluster.codec, measure, say).run()


class _Simulation:
    def __init__(
        self, history: History, wanted: Wanted, codec: Codec, measure: Measuring, say: Callable[[str], None]
    ) -> None:
        self._history, self._wanted, self._codec = history, wanted, codec
        self._measure, self._say = measure, say
        self._nothing: dict[str, list[Counter[str]]] = {"baseline": [], "candidate": []}

    def run(self) -> Report:
        history, wanted = self._history, self._wanted
        sides = {"baseline": baseline_of(history, wanted), "candidate": candidate_of(history, wanted)}
        recorded = self._measure.measure(history.events, history.since, history.until)
        measured: dict[str, list[Measured]] = {name: [] for name in sides}
        first: dict[str, Mapping[str, Life]] = {}
        for run in range(wanted.runs):
            for name, side in sides.items():
                world = self._play(side, wanted.seed + run, f"run {run + 1} of {wanted.runs}, {name}", name)
                measured[name].append(self._measure.measure(world.events, history.since, history.until))
                if run == 0:
                    first[name] = lives(world.events)
        one, other = measured["baseline"], measured["candidate"]
        return Report(
            since=told(history.since),
            until=told(history.until),
            runs=wanted.runs,
            seed=wanted.seed,
            policy_version=history.start.policy,
            published=sum(isinstance(fact.command, c.PublishPolicy) for fact in history.facts),
            facts=summed([Counter(type(fact.command).__name__ for fact in sides["candidate"].facts)]),
            erased=len(history.erased),
            learnt={prompt: history.model.count(prompt) for prompt in PROMPTS},
            lines=lines_of(recorded, one, other, MEASURED),
            differing=differing(first["baseline"], first["candidate"], (one[0].waits, other[0].waits)),
            nothing={name: summed(counters) for name, counters in self._nothing.items()},
        )

    def _play(self, side: _Side, seed: int, title: str, name: str) -> World:
        world, counters = begun(self._history, side, self._codec, seed, self._wanted.emergencies)
        for number, now in enumerate(world.run(side.facts)):
            if number % TELL_EVERY == 0:
                self._say(f"{title}, {told(now)[:16]}")
        self._nothing[name] += [world.dead, *counters]
        return world


def begun(
    history: History, side: _Side, codec: Codec, seed: int, emergencies: bool = True
) -> tuple[World, tuple[Counter[str], ...]]:
    """A world at its beginning, and what its people will count as failed."""
    start = history.start
    shelves = start.interactions.branch(), start.routing.branch()
    world = World(shelves, dict(side.policies), codec, history.since, history.until)
    agents, platforms = Agents(world, history, side.policies, seed), Platforms(world, history, seed)
    world.add(agents)
    world.as_here = agents.as_here
    world.add(platforms)
    for account in start.emergencies if not emergencies else ():
        command_id = derive("simulated", "no emergency", account)
        world.ask(INTERACTION_COMMANDS, CONTROL, c.EndEmergency(command_id=command_id, at=world.now, account=account))
    world.ask(INTERACTION_COMMANDS, CONTROL, side.adopts)
    world.settle()
    agents.begin()
    platforms.begin()
    return world, (agents.failed,)


def baseline_of(history: History, wanted: Wanted) -> _Side:
    """The policy that was in force, and then those that were published within the time."""
    version = max(history.documents) + 1
    policies = _before(history)
    adopts = _adopting(history, policies, version, history.documents[history.start.policy])
    facts: list[Fact] = []
    for fact in _facts(history, wanted):
        if isinstance(fact.command, c.PublishPolicy):
            version += 1
            policies[version] = Recalling(version, _policy(fact.command.document), history.erased)
            command = replace(fact.command, version=version)
            facts.append(Fact(fact.at, fact.topic, fact.key, command))
        else:
            facts.append(fact)
    return _Side(policies, adopts, tuple(facts))


def candidate_of(history: History, wanted: Wanted) -> _Side:
    """The candidate from the beginning to the end."""
    policies = _before(history)
    adopts = _adopting(history, policies, max(history.documents) + 1, encode(wanted.candidate))
    facts = (fact for fact in _facts(history, wanted) if not isinstance(fact.command, c.PublishPolicy))
    return _Side(policies, adopts, tuple(facts))


def _before(history: History) -> dict[int, Rules]:
    version = history.start.policy
    return {version: Recalling(version, _policy(history.documents[version]), history.erased)}


def _adopting(history: History, policies: dict[int, Rules], version: int, document: bytes) -> c.PublishPolicy:
    policies[version] = Recalling(version, _policy(document), history.erased)
    command_id = derive("simulated", "policy", version)
    return c.PublishPolicy(
        command_id=command_id, at=history.since, actor_kind="supervisor", version=version, document=document
    )


def _facts(history: History, wanted: Wanted) -> Iterator[Fact]:
    return (fact for fact in history.facts if wanted.emergencies or not isinstance(fact.command, EMERGENCIES))


def _policy(document: bytes) -> Policy:
    return msgspec.json.decode(document, type=Policy)
