"""Runs a decider on its topic, exactly once: what a batch leads to and how far it was read are one transaction.

Why no record is lost, doubled or seen from a zombie:

- There is one transactional producer for a worker, and every transaction, a deadline's too, sends offsets with the
  group's current metadata: the broker refuses those of a member that is no longer in the group's generation.
- The records are flushed before the offsets are sent. So if a zombie's offsets were still accepted, its records lie
  in the log below the high watermark that its successor reads to, and the successor waits until they are decided.
- The state is changed in memory while deciding and stands only when the transaction does; else it is rolled back,
  or thrown away and built from the log again.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from msgspec.structs import replace

from engine.decider import Decider
from engine.envelope import partition_of
from engine.policy.rules import Rules
from schemas.codec import Codec, UnreadableRecord
from topics import clients
from topics.broker import KAFKA, Broker
from topics.catalogue import Catalogue, Topic
from topics.deciding import Counts, Deciding, Input, Output
from topics.errors import KafkaUnreachable
from topics.headers import CloudEvents
from topics.messages import Arrived, gather, is_stale
from topics.restoring import Log, restore
from topics.shelves import MemoryShelf, Position, Shelf
from topics.transactions import (
    CALL_TIMEOUT,
    Abort,
    OnDelivery,
    Restarts,
    StartAgain,
    WorkerFailed,
    flush,
    produce,
    retrying,
)

log = structlog.get_logger()

MAX_BATCH: Final = 2_000
GATHER: Final = 0.003
"""How long to wait for company for the first record of a batch, seconds."""
IDLE: Final = 0.1
"""How long to wait for a record when nothing is due, seconds."""
ABORTS_IN_A_ROW: Final = 10
UNKNOWN_TYPE: Final = "unknown_type"


@dataclass(frozen=True)
class Setup:
    """What a processor needs to know.

    instance: the worker's name, the same after a restart: its group member and its transactions.
    policies: compiled policies by version; filled from the topic before the start, shared by a worker's processors.
    recorded: time is what the recorded traffic says, see topics.deciding.
    """

    bootstrap: str
    catalogue: Catalogue
    codec: Codec
    decider: Decider
    instance: str
    policies: dict[int, Rules]
    clock: Callable[[], int]
    recorded: bool = False
    shelves: Callable[[int], Shelf] = lambda partition: MemoryShelf()
    """Where the rows of each partition lie that are not in memory."""
    point: Callable[[str], None] = lambda name: None
    """Called at named points of a batch; crash tests stop the process there."""
    broker: Broker = KAFKA


class Processor:
    """One worker of one decider. `run` works until told to stop."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._group = setup.catalogue.name(f"{setup.decider.name}.processor")
        self._commands = setup.catalogue.name(f"{setup.decider.name}.commands")
        self._events = setup.catalogue.name(f"{setup.decider.name}.events")
        content = f"{setup.decider.name}.content"
        has_content = setup.catalogue.name(content) in setup.catalogue.topics
        self._content = setup.catalogue.name(content) if has_content else None
        self._partitions: dict[int, Deciding] = {}
        self._read_to: dict[int, int] = {}
        self._positions: dict[int, Position] = {}
        self._headers = CloudEvents(f"/rejoinder/{setup.decider.name}", setup.codec.name_of)
        self._restarts = Restarts(self._group)
        self.assigned = threading.Event()

    def counts(self) -> list[Counts]:
        """What each partition has done since this worker got it."""
        return [deciding.counts for deciding in self._partitions.values()]

    def run(self, stop: threading.Event) -> None:
        """Works until `stop` is set.

        Raises:
            WorkerFailed: it failed several times without a committed transaction in between.
        """
        while not stop.is_set():
            try:
                self._work(stop)
            except (StartAgain, Abort, KafkaException, KafkaUnreachable) as error:
                self._restarts.after(error, stop)

    def _work(self, stop: threading.Event) -> None:
        setup = self._setup
        name = f"{self._group}-{setup.instance}"
        producer = setup.broker.producer(clients.transactional(setup.bootstrap, name))
        retrying(producer.init_transactions, CALL_TIMEOUT)
        consumer = setup.broker.consumer(clients.consumer(setup.bootstrap, self._group, name))
        try:
            consumer.subscribe([self._commands], on_assign=self._take, on_revoke=self._drop, on_lost=self._drop)
            self._loop(stop, consumer, producer)
        finally:
            consumer.close()
            self._partitions.clear()
            self._read_to.clear()
            self._positions.clear()
            self.assigned.clear()

    def _loop(self, stop: threading.Event, consumer: Consumer, producer: Producer) -> None:
        aborts = 0
        while not stop.is_set():
            messages = gather(consumer, self._patience(), GATHER, MAX_BATCH)
            now = self._setup.clock()
            if not messages and not self._is_due(now):
                continue
            try:
                self._transact(consumer, producer, messages, now)
                aborts = 0
                self._restarts.progress()
            except Abort as error:
                aborts += 1
                log.warning("transaction aborted", processor=self._group, why=str(error), in_a_row=aborts)
                if aborts >= ABORTS_IN_A_ROW:
                    raise StartAgain(f"{aborts} transactions were aborted in a row: {error}") from error
                retrying(producer.abort_transaction, CALL_TIMEOUT)
                self._rewind(consumer, messages)

    def _patience(self) -> float:
        if self._setup.recorded:
            return IDLE
        nearest = self._nearest()
        if nearest is None:
            return IDLE
        return min(IDLE, max(0.0, (nearest - self._setup.clock()) / 1000))

    def _nearest(self) -> int | None:
        dues = (deciding.state.next_due() for deciding in self._partitions.values())
        return min((due for due in dues if due is not None), default=None)

    def _is_due(self, now: int) -> bool:
        nearest = self._nearest()
        return not self._setup.recorded and nearest is not None and nearest <= now

    def _transact(self, consumer: Consumer, producer: Producer, messages: list[Arrived], now: int) -> None:
        """One batch and the deadlines that have come, whole or not at all."""
        point = self._setup.point
        point("consumed")
        outputs: list[Output] = []
        positions: dict[int, int] = {}
        read_to = dict(self._read_to)
        touched: set[int] = set()
        for record in messages:
            if is_stale(record, read_to):
                continue
            read_to[record.partition] = positions[record.partition] = record.offset + 1
            touched.add(record.partition)
            outputs += self._decide(record)
        if not self._setup.recorded:
            for partition, deciding in self._partitions.items():
                due = deciding.state.next_due()
                if due is not None and due <= now:
                    touched.add(partition)
                    outputs += deciding.advance(now)
        point("decided")
        if not touched:
            return
        ends = _Ends(outputs, self._setup.catalogue)
        try:
            self._commit(consumer, producer, ends, positions)
        except BaseException:
            for partition in touched:
                self._partitions[partition].state.rollback()
            raise
        self._read_to |= positions
        for partition in touched:
            self._positions[partition] = self._position(partition, ends)
            self._partitions[partition].state.commit(self._positions[partition])
        point("stored")

    def _position(self, partition: int, ends: "_Ends") -> Position:
        """How much of the log the state of a partition reflects after a transaction."""
        position = replace(self._positions[partition], commands=self._read_to[partition])
        event, words = ends.of(self._events, partition), ends.of(self._content or "", partition)
        if event is not None:
            position = replace(position, event_offset=event.offset, digest=event.digest)
        return position if words is None else replace(position, content_offset=words.offset)

    def _decide(self, record: Arrived) -> list[Output]:
        deciding = self._partitions[record.partition]
        source = Input(self._commands, record.partition, record.offset)
        try:
            command = self._setup.codec.decode(record.value or b"")
        except UnreadableRecord as error:
            if error.code == UNKNOWN_TYPE:
                raise WorkerFailed(
                    f"{self._commands}-{source.partition} holds at {source.offset} a record of a type that this "
                    "version does not know: it is newer than the code; upgrade this worker"
                ) from error
            return [deciding.unreadable(record.key, record.value, source, error.code, str(error))]
        try:
            key = record.key.decode()
        except UnicodeDecodeError:
            return [deciding.unreadable(record.key, record.value, source, "bad_key", "its key is not UTF-8")]
        return deciding.command(key, command, source)

    def _commit(self, consumer: Consumer, producer: Producer, ends: "_Ends", positions: dict[int, int]) -> None:
        point = self._setup.point
        retrying(producer.begin_transaction)
        for output, topic, partition, on_delivery in ends.records():
            headers = None if output.event is None else self._headers.headers(output.event, output.key)
            produce(producer, topic, output.key, output.value, headers, partition, on_delivery)
        point("produced")
        flush(producer)
        # Of a transaction of deadlines alone: where we stand, so that a zombie's is refused too.
        places = [TopicPartition(self._commands, *place) for place in (positions or self._read_to).items()]
        retrying(producer.send_offsets_to_transaction, places, consumer.consumer_group_metadata(), CALL_TIMEOUT)
        point("offsets")
        retrying(producer.commit_transaction, CALL_TIMEOUT)
        point("committed")

    def _rewind(self, consumer: Consumer, messages: list[Arrived]) -> None:
        first: dict[int, int] = {}
        for record in messages:
            first.setdefault(record.partition, record.offset)
        for partition, offset in first.items():
            if partition in self._partitions:
                consumer.seek(TopicPartition(self._commands, partition, offset))

    def _take(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """New partitions: their state from the log, before the first record is read."""
        begun, setup = time.monotonic(), self._setup
        taken = {
            each.partition: Deciding(
                setup.decider,
                setup.codec,
                each.partition,
                setup.policies,
                setup.clock,
                setup.recorded,
                setup.shelves(each.partition),
            )
            for each in partitions
        }
        cluster = consumer.list_topics(self._commands, clients.ASK_TIMEOUT).cluster_id
        log_ = Log(setup.bootstrap, cluster, self._events, self._content, self._commands, broker=setup.broker)
        reached = restore(taken, setup.codec, log_)
        # The offsets of a group end after a week without it; the state says what was decided.
        committed = consumer.committed(partitions, CALL_TIMEOUT) if partitions else []
        read_to = {
            each.partition: each.offset if each.offset >= 0 else reached[each.partition].commands for each in committed
        }
        self._partitions |= taken
        self._positions |= reached
        self._read_to |= read_to
        consumer.incremental_assign([TopicPartition(self._commands, *place) for place in read_to.items()])
        log.info(
            "partitions taken",
            topic=self._commands,
            partitions=sorted(taken),
            seconds=round(time.monotonic() - begun, 3),
        )
        self.assigned.set()

    def _drop(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Partitions that others own now. Nothing is under way: a batch is committed before the next is read."""
        for place in partitions:
            self._partitions.pop(place.partition, None)
            self._read_to.pop(place.partition, None)
            self._positions.pop(place.partition, None)


@dataclass(slots=True)
class _End:
    """The last record of a transaction in one partition of a topic."""

    digest: bytes
    offset: int = -1
    """Known once the broker has it."""

    def told(self, error: KafkaError | None, message: Message) -> None:
        """The broker has it; or not, then the transaction fails."""
        if error is None:
            self.offset = message.offset() or 0


class _Ends:
    """The records of a transaction with their places, and where in the log each partition's last one comes to stand.

    Only the last ones are asked for: a call for each record would cost more than all else that is done for it here.
    """

    def __init__(self, outputs: list[Output], catalogue: Catalogue) -> None:
        self._outputs = outputs
        self._topics = [catalogue.topic(output.topic) for output in outputs]
        self._places = [
            (topic.name, partition_of(output.key, topic.partitions))
            for output, topic in zip(outputs, self._topics, strict=True)
        ]
        self._last = {place: at for at, place in enumerate(self._places)}
        self._ends = {place: _End(outputs[at].digest) for place, at in self._last.items()}

    def records(self) -> Iterator[tuple[Output, Topic, int, OnDelivery | None]]:
        """Each record with its topic, its partition, and what is to be called once the broker has it."""
        for at, (output, topic, place) in enumerate(zip(self._outputs, self._topics, self._places, strict=True)):
            yield output, topic, place[1], self._ends[place].told if self._last[place] == at else None

    def of(self, topic: str, partition: int) -> _End | None:
        """The last record in a partition, if there was one."""
        return self._ends.get((topic, partition))
