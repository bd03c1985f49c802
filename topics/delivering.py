"""Runs the worker that acts on the platforms: deliveries in, outcomes out, each attempt written down before it is made.

That an attempt begins is durable, outside of any transaction, before the platform is called. Its end, the command that
reports it and how far was read are one transaction. So a successor that finds a begun attempt without an end knows
that nobody knows what came of it, and settles it before it tries again. An attempt that can't be settled now, because
the platform does not say what it has, is reported without an end: the next attempt finds it as a successor would.

Attempts are made beside the reading and end in any order. What has ended is reported at once, whoever else still waits
for a platform; how far was read is a window of the log (topics.windows).
"""

import queue
import threading
import time
from collections.abc import Callable, Collection, Coroutine
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from engine.delivery import AttemptBegun, Deliver, is_open
from engine.interaction.commands import RecordDelivery
from engine.interaction.outgoing import account_key
from schemas.codec import Codec, UnreadableRecord
from topics import clients
from topics.attempts import Attempts, read_back, read_rest
from topics.beside import Beside
from topics.broker import Broker
from topics.catalogue import DELIVERY_ATTEMPTS, DELIVERY_COMMANDS, Catalogue
from topics.errors import KafkaUnreachable, NotPublished
from topics.messages import Arrived, gather
from topics.observing import UNOBSERVED, Observer, Restored, Standing, behind
from topics.publisher import Outgoing, Publisher
from topics.reading import asking, high_watermarks
from topics.taken import Taken, letter_of, written
from topics.tracing import Tracer
from topics.transactions import CALL_TIMEOUT, Abort, Restarts, StartAgain, flush, produce, retrying
from topics.windows import Window

log = structlog.get_logger()

MAX_BATCH: Final = 200
GATHER: Final = 0.005
IDLE: Final = 0.2
BUSY: Final = 0.005
"""How long to wait for a record while attempts are under way, seconds: an end waits so long to be reported."""
DRAIN: Final = 10.0
"""How long calls that were made may still take when their partition goes or the worker stops, seconds; below the
supervisor's patience. One that takes longer is settled by the successor."""
ABORTS: Final = 5

Attempt = Callable[[Deliver, AttemptBegun | None], Coroutine[Any, Any, RecordDelivery]]
"""Makes one attempt; beside it, one of the same delivery that was begun by somebody and has no end."""


Done = list[tuple[Taken, RecordDelivery | None]]
"""What has come to its end, each with what came of its attempt; None: none was made."""


class Makes(Protocol):
    """Opens what makes attempts, given the function that writes down durably that one begins."""

    def __call__(
        self, begin: Callable[[AttemptBegun], Coroutine[Any, Any, None]]
    ) -> AbstractAsyncContextManager[Attempt]: ...


@dataclass(frozen=True)
class DeliverySetup:
    """What the worker needs to know. instance: its name, the same after a restart."""

    broker: Broker
    catalogue: Catalogue
    codec: Codec
    instance: str
    makes: Makes
    clock: Callable[[], int]
    point: Callable[[str], None] = lambda name: None
    begins: Callable[..., Publisher] = Publisher
    beside: Callable[..., Beside[Attempt]] = Beside
    """A simulation, which has no threads, gives others than these two."""
    observer: Observer = UNOBSERVED
    tracer: Tracer | None = None
    """Follows messages across Kafka. None: headers are neither read nor written for that."""


class DeliveryWorker:
    """One worker. `run` works until told to stop."""

    def __init__(self, setup: DeliverySetup) -> None:
        self._setup = setup
        self._restarts = Restarts(setup.catalogue.name("delivery.worker"))
        self.assigned = threading.Event()

    def run(self, stop: threading.Event) -> None:
        """Works until `stop` is set.

        Raises:
            WorkerFailed: it failed several times without a committed transaction in between.
        """
        while not stop.is_set():
            try:
                _Life(self._setup, self._restarts, self.assigned).live(stop)
            except (StartAgain, Abort, KafkaException, KafkaUnreachable) as error:
                self._restarts.after(error, stop)
            finally:
                self.assigned.clear()


class _Life:
    """One life of a worker: from a new producer until it is told to stop, or fails."""

    def __init__(self, setup: DeliverySetup, restarts: Restarts, assigned: threading.Event) -> None:
        self._setup = setup
        self._restarts = restarts
        self._assigned = assigned
        self._group = setup.catalogue.name("delivery.worker")
        self._name = f"{self._group}-{setup.instance}"
        self._commands = setup.catalogue.name(DELIVERY_COMMANDS)
        self._attempts = setup.catalogue.name(DELIVERY_ATTEMPTS)
        self._windows: dict[int, Window] = {}
        self._known: dict[int, Attempts] = {}
        """The attempts of each partition without an end; and the last ended one of each delivery, until all is read
        that was asked before the partition was taken: should the group have lost its offset, or its marks, nothing is
        made again."""
        self._begun: dict[str, AttemptBegun] = {}
        """The attempts under way that were written down, by delivery id: they may have been called."""
        self._asked: dict[int, int] = {}
        """For each partition, the offset after what was asked before it was taken."""
        self._under_way: dict[tuple[int, int], Taken] = {}
        self._done: queue.SimpleQueue[Taken] = queue.SimpleQueue()
        """What was taken up and has come to its end, in the order in which it did."""
        self._paused: set[int] = set()
        self._taken: set[int] = set()
        """The partitions that came while the latest records were read."""

    def live(self, stop: threading.Event) -> None:
        """Works until `stop` is set. What was begun by then is waited for, for DRAIN seconds at most."""
        setup = self._setup
        self._producer = setup.broker.producer(clients.transactional(setup.broker.bootstrap, self._name))
        retrying(self._producer.init_transactions, CALL_TIMEOUT)
        self._consumer = setup.broker.consumer(clients.consumer(setup.broker.bootstrap, self._group, self._name))
        try:
            with (
                setup.begins(
                    setup.broker.bootstrap, setup.codec, "/rejoinder/delivery", f"{self._name}-begins"
                ) as self._begins,
                setup.beside(setup.makes(self._begin), "attempts") as self._beside,
            ):
                self._consumer.subscribe(
                    [self._commands], on_assign=self._take, on_revoke=self._give_back, on_lost=self._lose
                )
                while not stop.is_set():
                    self._step()
                self._finish(list(self._windows))
        finally:
            self._windows.clear()  # closing gives the partitions back once more: there is nothing to report then
            self._consumer.close()

    def _step(self) -> None:
        self._setup.observer.turned(self._standing)
        patience, traced = BUSY if self._under_way else IDLE, self._setup.tracer is not None
        records = gather(self._consumer, patience, GATHER, MAX_BATCH, traced, self._taken)
        if records:
            self._setup.point("read")
        for record in records:
            window = self._windows.get(record.partition)
            if window is not None and window.take(record.offset):
                self._take_up(record)
        self._report()
        self._pace()

    def _standing(self) -> Standing:
        positions = {partition: window.position for partition, window in self._windows.items()}
        return Standing(behind(self._consumer, self._commands, positions), under_way=len(self._under_way))

    def _take_up(self, record: Arrived) -> None:
        """Begins what a record asks for, or says why not."""
        key = record.key.decode("utf-8", "replace")
        try:
            deliver = self._setup.codec.decode(record.value or b"")
        except UnreadableRecord as error:
            letter = letter_of(record, self._commands, error, self._setup.clock())
            place = f"{self._commands}[{record.partition}]@{record.offset}"
            log.warning("kept as a dead letter", code=error.code, place=place)
            self._done.put(Taken(record.partition, record.offset, key, letter=letter))
            return
        known = self._known[record.partition]
        if not known.knows(deliver):
            setup = self._setup
            read_rest(setup.broker, self._attempts, setup.codec, record.partition, known)
        if deliver.attempt <= known.ended.get(deliver.delivery_id, 0):
            self._done.put(Taken(record.partition, record.offset, key))
            return
        begun = known.unfinished.get(deliver.delivery_id)
        trace = None if self._setup.tracer is None else self._setup.tracer.attempt(record.trace, deliver)
        with nullcontext() if trace is None else trace.current():
            attempt = self._beside.start(self._beside.opened(deliver, begun))
        taken = Taken(record.partition, record.offset, key, deliver, attempt=attempt, trace=trace)
        self._under_way[record.partition, record.offset] = taken
        attempt.add_done_callback(lambda _: self._done.put(taken))

    async def _begin(self, begun: AttemptBegun) -> None:
        """Writes down that an attempt begins, and returns when the broker has it."""
        place = account_key(*begun.account.split(":", 1))
        try:
            await self._begins.publish_async([Outgoing(self._attempts, begun.delivery_id, begun, place)])
        except NotPublished as error:
            raise StartAgain(f"that an attempt begins was not written: {error}") from error
        self._begun[begun.delivery_id] = begun

    def _report(self) -> None:
        """One transaction of what has ended since the last one."""
        ended: list[Taken] = []
        while not self._done.empty():
            taken = self._done.get()
            self._under_way.pop((taken.partition, taken.offset), None)
            if taken.partition in self._windows and not (taken.attempt is not None and taken.attempt.cancelled()):
                ended.append(taken)
            elif taken.deliver is not None:
                self._begun.pop(taken.deliver.delivery_id, None)  # whoever comes next settles it
        if not ended:
            return
        done = [(taken, None if taken.attempt is None else taken.attempt.result()) for taken in ended]
        self._setup.point("attempted")
        for taken in ended:
            self._windows[taken.partition].end(taken.offset)
        self._commit(done)
        self._restarts.progress()
        self._tell(done)
        for taken, outcome in done:
            if outcome is not None:
                self._note(self._known[taken.partition].unfinished, outcome)
            if self._windows[taken.partition].position >= self._asked[taken.partition]:
                self._known[taken.partition].ended.clear()
        self._setup.point("committed")

    def _tell(self, done: Done) -> None:
        """Tells whoever looks what stands in the log."""
        reported = []
        for taken, outcome in done:
            if taken.deliver is not None and outcome is not None:
                reported.append((taken.deliver, outcome))
                if taken.trace is not None:
                    taken.trace.ended(outcome)
        letters = [taken.letter.code for taken, _ in done if taken.letter is not None]
        self._setup.observer.delivered(reported, letters)

    def _note(self, unfinished: dict[str, AttemptBegun], outcome: RecordDelivery) -> None:
        """Keeps what has no end for the next attempt."""
        begun = self._begun.pop(outcome.delivery_id, None)
        if not is_open(outcome):
            unfinished.pop(outcome.delivery_id, None)
        elif begun is not None:
            unfinished[outcome.delivery_id] = begun

    def _commit(self, done: Done) -> None:
        """What came of attempts, and how far was read: whole or not at all. The outcomes are known, so an aborted
        transaction is made again.
        """
        for remaining in reversed(range(ABORTS)):
            try:
                self._transact(done)
                return
            except Abort as error:
                log.warning("transaction aborted", worker=self._group, why=str(error))
                self._setup.observer.aborted()
                if not remaining:
                    raise
                retrying(self._producer.abort_transaction, CALL_TIMEOUT)

    def _transact(self, done: Done) -> None:
        producer, setup = self._producer, self._setup
        retrying(producer.begin_transaction)
        for taken, outcome in done:
            for each in written(taken, outcome, setup.codec, setup.clock()):
                topic = setup.catalogue.topic(each.topic)
                produce(producer, topic, each.key, each.value, each.headers, each.partition)
        flush(producer)
        places = [
            TopicPartition(self._commands, partition, window.position, window.metadata)
            for partition in {taken.partition for taken, _ in done}
            if (window := self._windows.get(partition)) is not None
        ]
        retrying(producer.send_offsets_to_transaction, places, self._consumer.consumer_group_metadata(), CALL_TIMEOUT)
        setup.point("offsets")
        retrying(producer.commit_transaction, CALL_TIMEOUT)

    def _pace(self) -> None:
        """Reads no further on partitions whose oldest record keeps too many waiting to be forgotten."""
        full = {partition for partition, window in self._windows.items() if window.is_full} - self._paused
        clear = {partition for partition in self._paused if self._windows[partition].is_clear}
        if full:
            self._consumer.pause([TopicPartition(self._commands, partition) for partition in full])
        if clear:
            self._consumer.resume([TopicPartition(self._commands, partition) for partition in clear])
        self._paused = (self._paused | full) - clear

    def _take(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """New partitions: what was begun there and has no end, and what was done there out of order."""
        begun_at = time.monotonic()
        self._setup.observer.restoring()
        setup, numbers = self._setup, [place.partition for place in partitions]
        # The offsets of a group end after some days without it; somebody may set them back.
        with asking(setup.broker, self._group) as asked:
            committed = asked.committed(partitions, CALL_TIMEOUT) if partitions else []
        self._asked |= high_watermarks(setup.broker, self._commands, numbers)
        begins = {place.partition: max(0, place.offset) for place in committed}
        self._known |= read_back(setup.broker, self._attempts, self._commands, setup.codec, begins, setup.clock())
        self._windows |= {place.partition: Window(max(0, place.offset), place.metadata) for place in committed}
        consumer.incremental_assign(
            [
                TopicPartition(self._commands, each.partition, self._windows[each.partition].position)
                for each in committed
            ]
        )
        read, seconds = sum(self._known[each].read for each in numbers), time.monotonic() - begun_at
        setup.observer.restored(Restored(len(partitions), seconds, read, rebuilt=0))
        self._taken |= set(numbers)
        self._assigned.set()

    def _give_back(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Others own these from now on: what is under way there is brought to its end first."""
        ours = [place.partition for place in partitions if place.partition in self._windows]
        self._finish(ours)
        self._drop(ours)

    def _lose(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Others may own these already: nothing of it may be reported any more."""
        ours = [place.partition for place in partitions if place.partition in self._windows]
        self._call_off(ours, but=())
        self._drop(ours)

    def _finish(self, partitions: list[int]) -> None:
        """Begins nothing more, waits for the calls that were made, and reports them."""
        if not partitions:
            return
        self._call_off(partitions, but=self._begun)
        deadline = time.monotonic() + DRAIN
        while any(partition in partitions for partition, _ in self._under_way) and time.monotonic() < deadline:
            self._report()
            time.sleep(BUSY)
        self._call_off(partitions, but=())
        self._report()

    def _call_off(self, partitions: list[int], but: Collection[str]) -> None:
        """Cancels what is under way, but for some deliveries."""
        for taken in list(self._under_way.values()):
            deliver, attempt = taken.deliver, taken.attempt
            if deliver is None or attempt is None or taken.partition not in partitions:
                continue
            if deliver.delivery_id not in but:
                attempt.cancel()

    def _drop(self, partitions: list[int]) -> None:
        for partition in partitions:
            for kept in (self._windows, self._known, self._asked):
                kept.pop(partition, None)
        self._paused -= set(partitions)
