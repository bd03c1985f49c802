"""A log as the engine writes it, made without waiting for Kafka: decided in this process, at the very offsets.

Both deciders run here, with their rows in RocksDB. A command is written outside of transactions, so that its offset is
known before Kafka has it, and decided at once, with all that follows from it. What comes of some thousand of them is
one transaction: events, words, names, seals of both writers, and how far the processors' groups have read. So a
processor, `verify` and the audit find what they would find after an engine in recorded time.
"""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from confluent_kafka import Consumer, Producer, TopicPartition

from bench.measure import BenchFailed
from engine.envelope import control_key, derive, partition_of
from engine.interaction.commands import AdvanceTime
from engine.record import Command, Event
from rejoinder.cluster import Cluster, wall_clock
from rejoinder.programs.engine import state_folder
from rejoinder.signing import WriterKey
from rejoinder.verifying import DECIDERS
from topics import clients, policies
from topics.catalogue import DEAD_LETTERS, Topic
from topics.deciding import Deciding, Input, Output
from topics.ends import Ends
from topics.headers import CloudEvents
from topics.reading import high_watermarks, read_all
from topics.sealing import Sealing, writer_name
from topics.transactions import CALL_TIMEOUT, flush, hand_over, produce, retrying

WORKER: Final = "1"
"""Whose seals they are."""
COMMANDS: Final = frozenset(f"{name}.commands" for name in DECIDERS)
TOGETHER: Final = 5_000
"""Records in one transaction, about."""


@dataclass
class _Line:
    """One partition of commands."""

    deciding: Deciding
    offset: int
    """Of the next command."""


@dataclass
class _Side:
    """One decider."""

    commands: Topic
    writer: str
    sealing: Sealing
    headers: CloudEvents
    group: Consumer
    lines: list[_Line]
    outputs: list[Output] = field(default_factory=list)
    """What the next transaction holds."""


class Writing:
    """A context. One at a time may write a log."""

    def __init__(self, cluster: Cluster, audit_secret: str, state: Path) -> None:
        """state: a folder for the deciders' rows."""
        self._cluster = cluster
        self._secret = audit_secret
        self._state = state
        self._stack = ExitStack()
        self._sides: dict[str, _Side] = {}
        self.events = 0
        self.kinds: Counter[str] = Counter()
        """How many events of each type there are."""

    def __enter__(self) -> "Writing":
        bootstrap = self._cluster.bootstrap
        self._asking = Producer(clients.producer(bootstrap, "shows-commands", linger=20))
        self._producer = Producer(clients.transactional(bootstrap, self._cluster.catalogue.name("shows")))
        retrying(self._producer.init_transactions, CALL_TIMEOUT)
        for name in DECIDERS:
            self._sides[f"{name}.commands"] = self._side(name)
        for side in self._sides.values():
            self._decide_what_is_there(side)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def ask(self, topic: str, key: str, command: Command) -> list[Event]:
        """Puts a command on its topic; gives the events that come of it and of what it leads to, in their order."""
        happened: list[Event] = []
        waiting = deque([(topic, key, command, self._cluster.codec.encode(command))])
        while waiting:
            topic, key, command, value = waiting.popleft()
            for output in self._decide(self._sides[topic], key, command, value):
                if output.event is not None:
                    happened.append(output.event)
                elif output.topic in self._sides and output.value is not None:
                    waiting.append((output.topic, output.key, self._cluster.codec.decode(output.value), output.value))
        self.events += len(happened)
        self.kinds.update(type(event).__name__ for event in happened)
        if sum(len(side.outputs) for side in self._sides.values()) >= TOGETHER:
            self.commit()
        return happened

    def advance(self, at: int, *, all_: bool = False) -> Iterator[list[Event]]:
        """Tells the partitions whose deadlines have come that it is so late; or all of them."""
        for topic, side in self._sides.items():
            for partition, line in enumerate(side.lines):
                due = line.deciding.state.next_due()
                if all_ or (due is not None and due <= at):
                    command = AdvanceTime(command_id=derive("shows time", topic, partition, at), at=at)
                    yield self.ask(topic, control_key(partition), command)

    def commit(self) -> None:
        """What was decided since the last time stands, as one transaction."""
        if not any(side.outputs for side in self._sides.values()):
            return
        producer, sides = self._producer, list(self._sides.values())
        flush(self._asking)
        retrying(producer.begin_transaction)
        ends = [Ends(side.outputs, self._cluster.catalogue) for side in sides]
        for side, each in zip(sides, ends, strict=True):
            for output, topic, partition, told in each.records():
                headers = None if output.event is None else side.headers.headers(output.event, output.key)
                produce(producer, topic, output.key, output.value, headers, partition, told)
        flush(producer)
        for side, each in zip(sides, ends, strict=True):
            for topic, value in side.sealing.records(each, wall_clock()):
                produce(producer, topic, side.writer, value)
            places = [TopicPartition(side.commands.name, at, line.offset) for at, line in enumerate(side.lines)]
            group = side.group.consumer_group_metadata()
            retrying(producer.send_offsets_to_transaction, places, group, CALL_TIMEOUT)
        retrying(producer.commit_transaction, CALL_TIMEOUT)
        for side in sides:
            side.sealing.stands()
            side.outputs.clear()
            for line in side.lines:
                line.deciding.state.commit()

    def check(self) -> None:
        """Whether the commands stand where they were decided. Raises BenchFailed."""
        for side in self._sides.values():
            there = high_watermarks(self._cluster.broker, side.commands.name, range(len(side.lines)))
            wanted = {partition: line.offset for partition, line in enumerate(side.lines)}
            if there != wanted:
                raise BenchFailed(f"{side.commands.name} ends at {there}, and was decided up to {wanted}")

    @property
    def commands(self) -> int:
        """How many there are; marks of transactions count too."""
        return sum(line.offset for side in self._sides.values() for line in side.lines)

    def _side(self, name: str) -> _Side:
        cluster, decider = self._cluster, DECIDERS[name]()
        topic, writer = cluster.catalogue.topic(f"{name}.commands"), writer_name(name, WORKER)
        folder = self._stack.enter_context(closing(state_folder(self._state, decider, WORKER)))
        known = policies.rules(cluster.broker, cluster.catalogue, cluster.codec)
        sealing = Sealing(writer, WriterKey(self._secret.encode(), writer), cluster.catalogue, cluster.codec)
        sealing.begin(cluster.broker, wall_clock())
        group: Any = Consumer(clients.consumer(cluster.bootstrap, cluster.catalogue.name(f"{name}.processor")))
        self._stack.callback(group.close)
        lines = [
            _Line(Deciding(decider, cluster.codec, each, known, wall_clock, True, folder.shelf(each)), 0)
            for each in range(topic.partitions)
        ]
        return _Side(topic, writer, sealing, CloudEvents(f"/rejoinder/{name}", cluster.codec.name_of), group, lines)

    def _decide_what_is_there(self, side: _Side) -> None:
        """The policy's commands, which are no engine's."""
        name, places = side.commands.name, range(len(side.lines))
        for record in read_all(self._cluster.broker, name, places, "shows"):
            command = self._cluster.codec.decode(record.value or b"")
            source = Input(name, record.partition, record.offset)
            outputs = side.lines[record.partition].deciding.command(record.key.decode(), command, source)
            self._keep(side, outputs)
            self.events += sum(output.event is not None for output in outputs)
        for partition, end in high_watermarks(self._cluster.broker, name, places).items():
            side.lines[partition].offset = end

    def _decide(self, side: _Side, key: str, command: Command, value: bytes) -> Sequence[Output]:
        partition = partition_of(key, len(side.lines))
        line, name = side.lines[partition], side.commands.name
        hand_over(self._asking, name, key.encode(), value, partition)
        source = Input(name, partition, line.offset)
        line.offset += 1
        outputs = line.deciding.command(key, command, source)
        self._keep(side, outputs)
        return outputs

    def _keep(self, side: _Side, outputs: Sequence[Output]) -> None:
        """Commands that are derived are written when their turn to be decided comes."""
        for output in outputs:
            if output.topic == DEAD_LETTERS:
                raise BenchFailed("what was made up for the log can't be decided: see the warning before")
            if output.topic not in COMMANDS:
                side.outputs.append(output)
