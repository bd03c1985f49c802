"""Interactions and routing together, without Kafka: two deciding partitions and the lines of commands between them.

What one sends the other stands in that one's line, in the order in which it was sent, and is decided when the test
says so. Every input is kept, so that all of it can be decided again.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

from engine.bookkeeping import NEVER
from engine.decider import Decider
from engine.delivery import DeadLetter, Deliver
from engine.envelope import control_key, digest
from engine.interaction.decider import InteractionDecider
from engine.policy.rules import Rules
from engine.record import Command, Event
from engine.routing.decider import RoutingDecider
from schemas.codec import HEADER_BYTES
from tests.unit.builders import MONDAY, codec
from topics.deciding import Deciding, Input, Output

TOPICS: Final = ("interaction.commands", "routing.commands")
CONTROL: Final = control_key(0)


@dataclass
class Side:
    """One decider's partition, its line of commands, and what it wrote."""

    topic: str
    deciding: Deciding
    line: deque[tuple[str, Command]] = field(default_factory=deque)
    offset: int = 0
    written: list[Output] = field(default_factory=list)
    inputs: list[tuple[Any, ...]] = field(default_factory=list)

    @property
    def events(self) -> list[tuple[str, Event]]:
        return [(output.key, output.event) for output in self.written if output.event is not None]


class World:
    """Both sides, a clock, and what was sent to the platform."""

    def __init__(self, policies: dict[int, Rules], recorded: bool = False) -> None:
        self.now = MONDAY
        self.policies = policies
        self.recorded = recorded
        self.deliveries: list[Deliver] = []
        self.dead: list[DeadLetter] = []
        self.interactions = self._side(TOPICS[0], InteractionDecider())
        self.routing = self._side(TOPICS[1], RoutingDecider())

    def _side(self, topic: str, decider: Decider) -> Side:
        return Side(topic, self.deciding(decider))

    def deciding(self, decider: Decider) -> Deciding:
        return Deciding(decider, codec(), 0, dict(self.policies), lambda: self.now, self.recorded)

    def ask(self, key: str, command: Command) -> None:
        """Puts a command for an interaction in line."""
        self.interactions.line.append((key, command))

    def ask_routing(self, pool: str, command: Command) -> None:
        self.routing.line.append((pool, command))

    def step(self, side: Side) -> bool:
        """Decides the next of a line; False where it is empty."""
        if not side.line:
            return False
        key, command = side.line.popleft()
        source = Input(side.topic, 0, side.offset)
        side.offset += 1
        side.inputs.append(("command", self.now, key, command, source))
        self._write(side, side.deciding.command(key, command, source))
        return True

    def pass_time(self, until: int) -> None:
        """Moves the clock to each deadline on the way, and fires it."""
        sides = (self.interactions, self.routing)
        while (due := min(self._due(side) for side in sides)) <= until:
            self.now = max(self.now, due)
            for side in sides:
                if self._due(side) <= self.now:
                    side.inputs.append(("advance", self.now))
                    self._write(side, side.deciding.advance(self.now))
        self.now = until

    def _due(self, side: Side) -> int:
        due = side.deciding.state.next_due()
        return NEVER if due is None else due

    def drain(self) -> None:
        """Decides until both lines are empty."""
        for _ in range(100_000):
            if not (self.step(self.interactions) or self.step(self.routing)):
                return
        raise AssertionError("the two never come to rest")

    def _write(self, side: Side, outputs: list[Output]) -> None:
        side.deciding.state.commit()
        side.written += outputs
        for output in outputs:
            if output.value is None or output.event is not None:
                continue
            record = codec().decode(output.value)
            if output.topic == TOPICS[0]:
                self.ask(output.key, record)
            elif output.topic == TOPICS[1]:
                self.ask_routing(output.key, record)
            elif isinstance(record, Deliver):
                self.deliveries.append(record)
            elif isinstance(record, DeadLetter):
                self.dead.append(record)

    def again(self, side: Side) -> list[Output]:
        """What the same inputs lead to in a new partition."""
        was = self.now
        decider = InteractionDecider() if side is self.interactions else RoutingDecider()
        deciding = self.deciding(decider)
        outputs: list[Output] = []
        for kind, now, *rest in side.inputs:
            self.now = now
            outputs += deciding.command(*rest) if kind == "command" else deciding.advance(now)
            deciding.state.commit()
        self.now = was
        return outputs

    def replayed(self, side: Side) -> Deciding:
        """A new partition that was told all events of the log."""
        decider = InteractionDecider() if side is self.interactions else RoutingDecider()
        deciding = self.deciding(decider)
        for output in side.written:
            if output.event is not None and output.value is not None:
                fingerprint, body = codec().split(output.value)
                assert body == output.value[HEADER_BYTES:]
                deciding.replay(output.key, codec().decode(output.value), digest(fingerprint, body))
        deciding.state.commit()
        return deciding
