"""A world in memory: both deciders, what they say to each other, and a clock that goes from one thing to the next.

All partitions are one here: what is decided on a key looks at that key alone, and at what holds for all partitions.
What one decider sends the other is there at once, in the order in which it was sent.
"""

import heapq
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Final, Protocol

from engine.bookkeeping import NEVER
from engine.decider import Decider
from engine.delivery import DeadLetter, Deliver
from engine.envelope import home_of
from engine.interaction.decider import InteractionDecider
from engine.interaction.state import Interaction
from engine.policy.rules import Rules
from engine.record import Command, Event
from engine.routing.decider import RoutingDecider
from engine.routing.state import Agent
from projections.records import Logged
from rejoinder.whatif.facts import Fact
from schemas.codec import Codec
from topics.catalogue import (
    DEAD_LETTERS,
    DELIVERY_COMMANDS,
    INTERACTION_COMMANDS,
    ROUTING_COMMANDS,
)
from topics.deciding import Deciding, Input, Output
from topics.shelves import MemoryShelf

SENT: Final = frozenset((INTERACTION_COMMANDS, ROUTING_COMMANDS, DELIVERY_COMMANDS, DEAD_LETTERS))
"""What is read of what a decider writes, beside its events."""
COMMIT_EVERY: Final = 500
"""Decisions after which what they changed is put on the shelf."""


class Watcher(Protocol):
    """Whoever lives in a world: agents, and the platforms."""

    def notice(self, key: str, event: Event) -> None:
        """Something happened."""

    def deliver(self, order: Deliver) -> None:
        """Something is to be posted."""


class World:
    """It ends before `until`, whatever is still to come."""

    def __init__(
        self,
        shelves: tuple[MemoryShelf, MemoryShelf],
        policies: dict[int, Rules],
        codec: Codec,
        since: int,
        until: int,
    ) -> None:
        """
        Args:
            shelves: the rows of interactions and of routing at the beginning; they are changed.
            policies: every version that may be in force.
        """
        self.now = since
        self.until = until
        self.events: list[Logged] = []
        self.dead: Counter[str] = Counter()
        """Commands that came to nothing, by the reason's code."""
        self._codec = codec
        self.as_here: Callable[[Command], Command] = lambda command: command
        """What a fact is in this world: it may name what was made in the recorded one."""
        self._watchers: list[Watcher] = []
        self._coming: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = count()
        self._decisions = count(1)
        self._line: deque[tuple[str, str, Command]] = deque()
        deciders: tuple[Decider, Decider] = InteractionDecider(), RoutingDecider()
        interactions, routing = (
            Deciding(decider, codec, 0, policies, lambda: self.now, shelf=shelf)
            for decider, shelf in zip(deciders, shelves, strict=True)
        )
        self._deciding: Final = {INTERACTION_COMMANDS: interactions, ROUTING_COMMANDS: routing}

    def add(self, watcher: Watcher) -> None:
        """Somebody else lives here."""
        self._watchers.append(watcher)

    def at(self, when: int, do: Callable[[], None]) -> None:
        """Something is to be done at a time; in the past: at once."""
        heapq.heappush(self._coming, (max(when, self.now), next(self._numbers), do))

    def ask(self, topic: str, key: str, command: Command) -> None:
        """A command is given now."""
        self._line.append((topic, key, command))

    def interaction(self, interaction_id: str) -> Interaction | None:
        """How an interaction stands."""
        rows = self._deciding[INTERACTION_COMMANDS].state.rows(home_of(interaction_id))
        return rows.get(Interaction, interaction_id)

    def agent(self, pool: str, agent_id: str) -> Agent | None:
        """How an agent stands."""
        return self._deciding[ROUTING_COMMANDS].state.rows(pool).get(Agent, agent_id)

    def run(self, facts: Sequence[Fact]) -> Iterator[int]:
        """Lets it all happen, and gives the time now and then, so that whoever waits can be told.

        Args:
            facts: in the order of their times.
        """
        self._await(iter(facts))
        while (at := min(self._due(), self._coming[0][0] if self._coming else NEVER)) < self.until:
            self.now = max(self.now, at)
            if self._due() <= self.now:
                self._let_pass()
            else:
                heapq.heappop(self._coming)[2]()
            self.settle()
            yield self.now

    def _await(self, facts: Iterator[Fact]) -> None:
        """Puts the next fact among what is coming."""
        fact = next(facts, None)
        if fact is not None:
            self.at(fact.at, lambda: self._happen(fact, facts))

    def _happen(self, fact: Fact, facts: Iterator[Fact]) -> None:
        self.ask(fact.topic, fact.key, self.as_here(fact.command))
        self._await(facts)

    def _due(self) -> int:
        return min(NEVER if due is None else due for due in (each.state.next_due() for each in self._deciding.values()))

    def _let_pass(self) -> None:
        """The deadlines that have come."""
        for deciding in self._deciding.values():
            self._take(deciding, deciding.advance(self.now))

    def settle(self) -> None:
        """Decides whatever was said, and what was said because of it."""
        while self._line:
            topic, key, command = self._line.popleft()
            deciding = self._deciding[topic]
            self._take(deciding, deciding.command(key, command, Input(topic, 0, -1)))

    def _take(self, deciding: Deciding, outputs: list[Output]) -> None:
        if next(self._decisions) % COMMIT_EVERY == 0:
            for each in self._deciding.values():
                each.state.commit()
        for output in outputs:
            if output.event is not None:
                self.events.append(Logged(output.topic, 0, len(self.events), output.key, 0, b"", b"", output.event))
                for watcher in self._watchers:
                    watcher.notice(output.key, output.event)
            elif output.topic in SENT and output.value is not None:
                self._send(output.topic, output.key, self._codec.decode(output.value))

    def _send(self, topic: str, key: str, record: object) -> None:
        match record:
            case Deliver():
                for watcher in self._watchers:
                    watcher.deliver(record)
            case DeadLetter():
                self.dead[record.code] += 1
            case Command():
                self._line.append((topic, key, record))
            case _:
                raise TypeError(f"nobody reads a {type(record).__name__} on {topic}")
