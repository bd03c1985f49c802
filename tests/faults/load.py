"""What goes on while faults are injected, all from a seed: customers write, agents accept, answer and end."""

import random
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from confluent_kafka import Consumer, TopicPartition

from engine.envelope import derive, home_of
from engine.errors import RejoinderError
from engine.interaction import commands as c
from engine.interaction import events as e
from engine.lifecycle import FINAL
from engine.policy.document import Account, Policy, Queue
from engine.record import Command, Event
from engine.routing.commands import SetAgentState
from engine.routing.events import AgentStateChanged
from rejoinder.cluster import Cluster, wall_clock
from tests.processing import agent, message
from topics import clients
from topics.publisher import Outgoing, Publisher

POLICY: Final = Policy(
    name="faults",
    accounts=(Account(channel="x", id="9", handle="acme", queue="care"),),
    queues=(Queue(name="care"), Queue(name="second")),
    accept_within="4s",
)
AGENTS: Final = tuple(f"agent{number}" for number in range(8))
CAPACITY: Final = 3
AUTHORS: Final = 60
PACE: Final = 0.2
"""Seconds between two handfuls of messages."""
HANDFUL: Final = 2
KEPT: Final = 5
"""How many interactions agents keep to the end, so that there are slots that must not be free."""
IGNORED, DECLINED, TRANSFERRED, ANSWERED = 0.08, 0.08, 0.1, 0.4
"""How often an offer is not taken, or not so simply."""


@dataclass
class Sent:
    """Commands that Kafka has. Each is sent until it has: a fault may hit whoever sends, too."""

    cluster: Cluster
    publisher: Publisher
    stop: threading.Event
    acknowledged: set[str] = field(default_factory=set)
    again: int = 0
    """How often something had to be sent again."""

    def send(self, commands: Sequence[Outgoing]) -> None:
        """Returns once Kafka has them all, or when all is over."""
        named = [Outgoing(self.cluster.catalogue.name(each.topic), each.key, each.record) for each in commands]
        while not self.stop.is_set():
            try:
                self.publisher.publish(named)
            except RejoinderError:
                self.again += 1
                self.stop.wait(0.2)
                continue
            self.acknowledged |= {each.record.command_id for each in named if isinstance(each.record, Command)}
            return


class Customers(threading.Thread):
    """They write, at a steady pace, until told to be silent; one in three goes on with what was written before."""

    def __init__(self, sent: Sent, seed: int) -> None:
        super().__init__(daemon=True)
        self._sent = sent
        self._chance = random.Random(seed)
        self._written: dict[int, int] = {}
        self.silent = threading.Event()

    def run(self) -> None:
        while not self.silent.wait(PACE):
            self._sent.send([self._message() for _ in range(HANDFUL)])

    def _message(self) -> Outgoing:
        author = self._chance.randrange(AUTHORS)
        before = self._written.get(author, 0)
        self._written[author] = before + 1
        goes_on = before > 0 and self._chance.random() < 1 / 3
        return message(author, before + 1, **({"in_reply_to": f"{author}-{before}"} if goes_on else {}))


class Desk(threading.Thread):
    """The agents: they read the log, and do the next thing with each interaction that is theirs."""

    def __init__(self, sent: Sent, seed: int) -> None:
        super().__init__(daemon=True)
        self._sent = sent
        self._seed = seed
        self._states: dict[str, str] = {}
        self._kept: set[str] = set()
        self._declined: set[str] = set()
        self._left: dict[str, e.Assigned] = {}
        """Offers that were not taken, by interaction."""
        self.events = 0
        """How many the log has, as far as it was read."""
        self._ended = threading.Event()
        self.idle = threading.Event()
        """Nobody accepts anything: only deadlines happen."""
        self.ignoring = True
        """Whether some offers are left to expire."""

    def run(self) -> None:
        cluster = self._sent.cluster
        consumer = Consumer(clients.reader(cluster.bootstrap, "desk"))
        topics = [cluster.catalogue.topic(name) for name in ("interaction.events", "routing.events")]
        consumer.assign([TopicPartition(each.name, number, 0) for each in topics for number in range(each.partitions)])
        self._sent.send([each for name in AGENTS for each in agent(name, CAPACITY)])
        try:
            while not self._ended.is_set():
                for read in consumer.consume(500, 0.1):
                    if read.error() is None:
                        self.events += 1
                        self._sent.send(list(self._next(cluster.codec.decode(read.value() or b""))))
                if not self.ignoring and self._left:
                    self._sent.send([_asked(c.Accept, each, each.agent_id) for each in self._left.values()])
                    self._left.clear()
        finally:
            consumer.close()

    def end(self) -> None:
        """Everybody goes home."""
        self._ended.set()
        self.join(30)

    def unsettled(self) -> list[str]:
        """Interactions that are not as they will stay."""
        return [name for name, state in self._states.items() if state != FINAL and name not in self._kept]

    def _next(self, event: object) -> Iterable[Outgoing]:
        if not isinstance(event, Event):
            return
        if event.interaction_id is not None and event.state is not None:
            self._states[event.interaction_id] = event.state
        chance = random.Random(f"{self._seed}-{event.event_id}")
        match event:
            case AgentStateChanged(agent_id=name, agent_state="away"):
                at = derive("back", event.event_id)
                yield Outgoing(
                    "routing.commands", "main", SetAgentState(command_id=at, at=0, agent_id=name, state="ready")
                )
            case e.Assigned(why="reserved"):
                yield from self._offered(event, chance)
            case e.Accepted():
                yield from self._accepted(event, chance)
            case _:
                return

    def _offered(self, event: e.Assigned, chance: random.Random) -> Iterable[Outgoing]:
        what, interaction = chance.random(), event.interaction_id or ""
        if (what < IGNORED and self.ignoring) or self.idle.is_set():
            self._left[interaction] = event
            return
        if what < IGNORED + DECLINED and interaction not in self._declined:
            self._declined.add(interaction)
            yield _asked(c.Decline, event, event.agent_id)
        else:
            yield _asked(c.Accept, event, event.agent_id)

    def _accepted(self, event: e.Accepted, chance: random.Random) -> Iterable[Outgoing]:
        what, interaction = chance.random(), event.interaction_id or ""
        if len(self._kept) < KEPT and chance.random() < 0.1:
            self._kept.add(interaction)
        if interaction in self._kept:
            return
        if what < TRANSFERRED:
            yield _asked(c.Transfer, event, event.agent_id, to_queue="second")
            return
        if what < TRANSFERRED + ANSWERED:
            yield _asked(c.Reply, event, event.agent_id, text="We are looking into it", salt=b"0" * 16)
        yield _asked(c.Disposition, event, event.agent_id, code="resolved")


def _asked(kind: type[Command], because: Event, name: str, **more: Any) -> Outgoing:
    """What an agent asks because of an event: the id follows from it, so that asking again is a repeat."""
    fields: dict[str, Any] = {
        "command_id": derive("desk", kind.__name__, because.event_id),
        "at": wall_clock(),
        "actor_kind": "agent",
        "actor_id": name,
        "interaction_id": because.interaction_id,
        "agent_id": name,
        "reply_partition": 0,
    }
    return Outgoing("interaction.commands", home_of(because.interaction_id or ""), kind(**fields, **more))
