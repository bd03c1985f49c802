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
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from msgspec.structs import replace

from engine.decider import Decider
from engine.policy.rules import Rules
from schemas.codec import Codec, UnreadableRecord
from topics import clients
from topics.apart import WORDS_KEPT
from topics.broker import Broker
from topics.catalogue import Catalogue
from topics.counting import Counts, together, total
from topics.deciding import Deciding, Input, Output
from topics.ends import Ends
from topics.errors import KafkaUnreachable
from topics.headers import CloudEvents
from topics.messages import Arrived, gather, is_stale
from topics.observing import UNOBSERVED, Batch, Observer, Restored, Standing, behind
from topics.reading import asking
from topics.restoring import Log, restore
from topics.saving import Saving
from topics.sealing import Sealing, Signer, writer_name
from topics.shelves import MemoryShelf, Position, Shelf
from topics.state import PartitionState
from topics.tracing import BatchTrace, Tracer
from topics.transactions import (
    CALL_TIMEOUT,
    Abort,
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
SETTLING: Final = 0.008
"""How long after a commit the broker may still be writing the transaction's ends, seconds. Until it has, it refuses the
next transaction of the same producer, and the client asks again only 20 ms later: the batch gathers company instead."""
IDLE: Final = 0.1
"""How long to wait for a record when nothing is due, seconds."""
ABORTS_IN_A_ROW: Final = 10
UNKNOWN_TYPE: Final = "unknown_type"


@dataclass(frozen=True)
class Setup:
    """What a processor needs to know.

    instance: the worker's name, the same after a restart: its group member and its transactions.
    signer: the key that seals what it writes (topics.sealing), by the name `writer`.
    policies: compiled policies by version; filled from the topic before the start, shared by a worker's processors.
    recorded: time is what the recorded traffic says, see topics.deciding.
    """

    broker: Broker
    catalogue: Catalogue
    codec: Codec
    decider: Decider
    instance: str
    signer: Signer
    policies: dict[int, Rules]
    clock: Callable[[], int]
    recorded: bool = False
    shelves: Callable[[int], Shelf] = lambda partition: MemoryShelf()
    """Where the rows of each partition lie that are not in memory."""
    sweep: Callable[[int, Collection[int]], None] = lambda now, owned: None
    """Called at every turn with the time and the partitions that are in use: see topics.rocks."""
    point: Callable[[str], None] = lambda name: None
    """Called at named points of a batch; crash tests stop the process there."""
    observer: Observer = UNOBSERVED
    tracer: Tracer | None = None
    """Follows messages across Kafka. None: headers are neither read nor written for that."""

    @property
    def writer(self) -> str:
        """Who seals the events."""
        return writer_name(self.decider.name, self.instance)


class Processor:
    """One worker of one decider. `run` works until told to stop."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._group = setup.catalogue.name(f"{setup.decider.name}.processor")
        self._commands = setup.catalogue.name(f"{setup.decider.name}.commands")
        self._events = setup.catalogue.name(f"{setup.decider.name}.events")
        self._content, self._profiles = self._apart("content"), self._apart("profiles")
        self._snapshots = setup.catalogue.name(f"{setup.decider.name}.snapshots")
        self._partitions: dict[int, Deciding] = {}
        self._read_to: dict[int, int] = {}
        self._positions: dict[int, Position] = {}
        self._headers = CloudEvents(f"/rejoinder/{setup.decider.name}", setup.codec.name_of)
        self._restarts = Restarts(self._group)
        self._sealing = Sealing(setup.writer, setup.signer, setup.catalogue, setup.codec)
        self._settled = 0.0
        self.assigned = threading.Event()

    def _apart(self, what: str) -> str | None:
        """The topic of what a decider's events don't have; None: it has none."""
        name = self._setup.catalogue.name(f"{self._setup.decider.name}.{what}")
        return name if name in self._setup.catalogue.topics else None

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
        producer = setup.broker.producer(clients.transactional(setup.broker.bootstrap, name))
        retrying(producer.init_transactions, CALL_TIMEOUT)
        self._sealing.begin(setup.broker, setup.clock())
        consumer = setup.broker.consumer(clients.consumer(setup.broker.bootstrap, self._group, name))

        def send_offsets(partition: int) -> None:
            self._send_offsets(consumer, producer, {partition: self._read_to[partition]})

        self._saving = Saving(self._snapshots, producer, send_offsets, setup.point)
        try:
            consumer.subscribe(
                [self._commands],
                on_assign=self._take,
                on_revoke=lambda _, places: self._give_up(producer, [each.partition for each in places]),
                on_lost=lambda _, places: self._drop([each.partition for each in places]),
            )
            self._loop(stop, consumer, producer)
            self._give_up(producer, list(self._partitions))
        finally:
            self._drop(list(self._partitions))  # closing gives them up once more: there is nothing to save then
            consumer.close()
            self.assigned.clear()

    def _loop(self, stop: threading.Event, consumer: Consumer, producer: Producer) -> None:
        aborts = 0
        observer, traced = self._setup.observer, self._setup.tracer is not None
        while not stop.is_set():
            observer.turned(lambda: self._standing(consumer))
            company = max(GATHER, self._settled - time.monotonic())
            messages = gather(consumer, self._patience(), company, MAX_BATCH, traced)
            now = self._setup.clock()
            try:
                if messages or self._is_due(now):
                    self._transact(consumer, producer, messages, now)
                    aborts = 0
                    self._restarts.progress()
                self._save(now, is_busy=len(messages) == MAX_BATCH)
                self._setup.sweep(now, self._partitions)
            except Abort as error:
                aborts += 1
                observer.aborted()
                log.warning("transaction aborted", processor=self._group, why=str(error), in_a_row=aborts)
                if aborts >= ABORTS_IN_A_ROW:
                    raise StartAgain(f"{aborts} transactions were aborted in a row: {error}") from error
                retrying(producer.abort_transaction, CALL_TIMEOUT)
                self._rewind(consumer, messages)

    def _standing(self, consumer: Consumer) -> Standing:
        nearest, now = self._nearest(), self._setup.clock()
        return Standing(
            behind=behind(consumer, self._commands, self._read_to),
            overdue=0.0 if nearest is None or self._setup.recorded else max(0, now - nearest) / 1000,
            keys=sum(deciding.state.keys_in_memory for deciding in self._partitions.values()),
        )

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
        begun = time.perf_counter()
        trace = None if self._setup.tracer is None else self._setup.tracer.batch(self._commands)
        outputs: list[Output] = []
        positions: dict[int, int] = {}
        read_to = dict(self._read_to)
        touched: dict[int, Counts] = {}  # with what each had done before
        for record in messages:
            if is_stale(record, read_to):
                continue
            read_to[record.partition] = positions[record.partition] = record.offset + 1
            if record.partition not in touched:
                touched[record.partition] = self._partitions[record.partition].counts.copy()
            decided = self._decide(record)
            if trace is not None:
                trace.decided(record.trace, decided)
            outputs += decided
        if not self._setup.recorded:
            for partition, deciding in self._partitions.items():
                due = deciding.state.next_due()
                if due is not None and due <= now:
                    if partition not in touched:
                        touched[partition] = deciding.counts.copy()
                    decided = deciding.advance(now)
                    if trace is not None:
                        trace.decided(None, decided)
                    outputs += decided
        point("decided")
        if not touched:
            return
        ends, since_decided = Ends(outputs, self._setup.catalogue), time.perf_counter()
        try:
            self._commit(consumer, producer, ends, positions, trace)
        except BaseException as error:
            for partition in touched:
                self._partitions[partition].state.rollback()
            if trace is not None:
                trace.ended(error)
            raise
        since_committed = time.perf_counter()
        self._sealing.stands()
        self._read_to |= positions
        for partition in touched:
            position = replace(self._positions[partition], commands=self._read_to[partition])
            self._positions[partition] = ends.after(position, partition, self._events, self._content, self._profiles)
            self._partitions[partition].state.commit(self._positions[partition])
        point("stored")
        if trace is not None:
            trace.ended()
        done = together((self._partitions[partition].counts, before) for partition, before in touched.items())
        times = since_decided - begun, since_committed - since_decided, time.perf_counter() - since_committed
        self._setup.observer.decided(Batch(done, *times))

    def _save(self, now: int, is_busy: bool) -> None:
        """The checkpoint of a partition's snapshot, if one is due."""
        states = self._states()
        partition = self._saving.due(states, now, is_busy)
        if partition is not None:
            self._saving.save(partition, states[partition], self._positions[partition], now, is_busy)

    def _give_up(self, producer: Producer, partitions: list[int]) -> None:
        """Partitions that others own from now on, or nobody. Nothing is under way: a batch is committed before the
        next is read."""
        try:
            self._saving.leave(self._states(), self._positions, partitions, self._setup.clock())
        except Abort as error:
            log.warning("checkpoint aborted", processor=self._group, why=str(error))
            retrying(producer.abort_transaction, CALL_TIMEOUT)
        self._drop(partitions)

    def _states(self) -> dict[int, PartitionState]:
        return {partition: deciding.state for partition, deciding in self._partitions.items()}

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

    def _commit(
        self,
        consumer: Consumer,
        producer: Producer,
        ends: Ends,
        positions: dict[int, int],
        trace: BatchTrace | None,
    ) -> None:
        point = self._setup.point
        retrying(producer.begin_transaction)
        for at, (output, topic, partition, on_delivery) in enumerate(ends.records()):
            headers = None if output.event is None else self._headers.headers(output.event, output.key)
            if trace is not None:
                headers = trace.header(at, headers)
            produce(producer, topic, output.key, output.value, headers, partition, on_delivery)
        point("produced")
        flush(producer)
        for topic, value in self._sealing.records(ends, self._setup.clock()):
            produce(producer, topic, self._setup.writer, value)
        # Of a transaction of deadlines alone: where we stand, so that a zombie's is refused too.
        self._send_offsets(consumer, producer, positions or self._read_to)
        point("offsets")
        retrying(producer.commit_transaction, CALL_TIMEOUT)
        self._settled = time.monotonic() + SETTLING
        point("committed")

    def _send_offsets(self, consumer: Consumer, producer: Producer, positions: dict[int, int]) -> None:
        places = [TopicPartition(self._commands, *place) for place in positions.items()]
        retrying(producer.send_offsets_to_transaction, places, consumer.consumer_group_metadata(), CALL_TIMEOUT)

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
        setup.observer.restoring()
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
        with asking(setup.broker, self._group) as asked:
            cluster = asked.list_topics(self._commands, clients.ASK_TIMEOUT).cluster_id
            reached = restore(taken, setup.codec, self._log(cluster))
            # The offsets of a group end after a week without it; the state says what was decided.
            committed = asked.committed(partitions, CALL_TIMEOUT) if partitions else []
        read_to = {
            each.partition: each.offset if each.offset >= 0 else reached[each.partition].commands for each in committed
        }
        self._partitions |= taken
        self._positions |= reached
        self._read_to |= read_to
        consumer.incremental_assign([TopicPartition(self._commands, *place) for place in read_to.items()])
        done, seconds = total(deciding.counts for deciding in taken.values()), time.monotonic() - begun
        setup.observer.restored(Restored(len(taken), seconds, done.replayed, done.rebuilt))
        log.info("partitions taken", topic=self._commands, partitions=sorted(taken), seconds=round(seconds, 3))
        self.assigned.set()

    def _log(self, cluster: str) -> Log:
        setup = self._setup
        return Log(
            setup.broker,
            cluster,
            self._events,
            self._content,
            self._commands,
            profiles=self._profiles,
            snapshots=self._snapshots,
            words_since=setup.clock() - WORDS_KEPT,
        )

    def _drop(self, partitions: list[int]) -> None:
        """Partitions that are not ours any more. Nothing is under way: see `_give_up`."""
        for partition in partitions:
            for kept in (self._partitions, self._read_to, self._positions):
                kept.pop(partition, None)
        self._saving.forget(partitions)
