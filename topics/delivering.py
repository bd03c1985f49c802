"""Runs the worker that acts on the platforms: deliveries in, outcomes out, each attempt written down before it is made.

That an attempt begins is durable, outside of any transaction, before the platform is called. Its end, the command that
reports it and how far was read are one transaction. So a successor that finds a begun attempt without an end knows
that nobody knows what came of it, and settles it before it tries again. An attempt that can't be settled now, because
the platform does not say what it has, is reported without an end: the next attempt finds it as a successor would.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from engine.delivery import AttemptBegun, AttemptEnded, DeadLetter, Deliver, is_open
from engine.envelope import home_of
from engine.interaction.commands import RecordDelivery
from schemas.codec import Codec, UnreadableRecord
from topics import clients
from topics.catalogue import (
    DEAD_LETTERS,
    DELIVERY_ATTEMPTS,
    DELIVERY_COMMANDS,
    INTERACTION_COMMANDS,
    Catalogue,
    Topic,
)
from topics.errors import KafkaUnreachable
from topics.messages import Arrived, gather, is_stale
from topics.reading import read_all
from topics.transactions import CALL_TIMEOUT, Abort, Restarts, StartAgain, flush, produce, retrying

log = structlog.get_logger()

MAX_BATCH: Final = 200
"""How many attempts share a transaction; small, because those of one account are made one after the other."""
GATHER: Final = 0.005
IDLE: Final = 0.2

Unfinished = Mapping[str, AttemptBegun]
Attempts = Callable[[Sequence[Deliver], Unfinished], Awaitable[list[RecordDelivery]]]


class Makes(Protocol):
    """Makes the function that makes attempts, given the one that writes down durably that one begins."""

    def __call__(self, begin: Callable[[AttemptBegun], Awaitable[None]]) -> Attempts: ...


@dataclass(frozen=True)
class DeliverySetup:
    """What the worker needs to know. instance: its name, the same after a restart."""

    bootstrap: str
    catalogue: Catalogue
    codec: Codec
    instance: str
    makes: Makes
    clock: Callable[[], int]
    point: Callable[[str], None] = lambda name: None


class DeliveryWorker:
    """One worker. `run` works until told to stop."""

    def __init__(self, setup: DeliverySetup) -> None:
        self._setup = setup
        self._group = setup.catalogue.name("delivery.worker")
        self._commands = setup.catalogue.name(DELIVERY_COMMANDS)
        self._attempts = setup.catalogue.name(DELIVERY_ATTEMPTS)
        self._unfinished: dict[int, dict[str, AttemptBegun]] = {}
        self._ended: dict[int, dict[str, int]] = {}
        """The last ended attempt of each delivery, on partitions whose offset the group has lost."""
        self._places: dict[str, int] = {}
        self._read_to: dict[int, int] = {}
        self._restarts = Restarts(self._group)
        self.assigned = threading.Event()

    def run(self, stop: threading.Event) -> None:
        """Works until `stop` is set.

        Raises:
            WorkerFailed: it failed several times without a committed transaction in between.
        """
        with asyncio.Runner() as runner:
            while not stop.is_set():
                try:
                    self._work(stop, runner)
                except (StartAgain, Abort, KafkaException, KafkaUnreachable, ExceptionGroup) as error:
                    self._restarts.after(error, stop)

    def _work(self, stop: threading.Event, runner: asyncio.Runner) -> None:
        setup = self._setup
        name = f"{self._group}-{setup.instance}"
        producer = Producer(clients.transactional(setup.bootstrap, name))
        retrying(producer.init_transactions, CALL_TIMEOUT)
        begins = Producer(clients.producer(setup.bootstrap, f"{name}-begins", linger=0))
        consumer = Consumer(clients.consumer(setup.bootstrap, self._group, name))
        attempts = setup.makes(lambda begun: self._begin(begins, begun))
        try:
            consumer.subscribe([self._commands], on_assign=self._take, on_revoke=self._drop, on_lost=self._drop)
            while not stop.is_set():
                records = gather(consumer, IDLE, GATHER, MAX_BATCH)
                records = [record for record in records if not is_stale(record, self._read_to)]
                if records:
                    self._batch(records, attempts, runner, consumer, producer)
                    self._restarts.progress()
        finally:
            consumer.close()
            begins.flush(CALL_TIMEOUT)
            self._unfinished.clear()
            self._ended.clear()
            self._places.clear()
            self._read_to.clear()
            self.assigned.clear()

    def _batch(
        self,
        records: list[Arrived],
        attempts: Attempts,
        runner: asyncio.Runner,
        consumer: Consumer,
        producer: Producer,
    ) -> None:
        point = self._setup.point
        delivers, letters = self._read(records)
        unfinished = {
            deliver.delivery_id: begun
            for partition, deliver in delivers
            if (begun := self._unfinished[partition].get(deliver.delivery_id)) is not None
        }
        self._places |= {deliver.delivery_id: partition for partition, deliver in delivers}
        point("read")
        outcomes = runner.run(_run(attempts([deliver for _, deliver in delivers], unfinished)))
        point("attempted")
        retrying(producer.begin_transaction)
        for (partition, deliver), outcome in zip(delivers, outcomes, strict=True):
            self._report(producer, partition, deliver, outcome)
        for key, letter in letters:
            produce(producer, self._topic(DEAD_LETTERS), key, self._setup.codec.encode(letter))
        flush(producer)
        ends = {record.partition: record.offset + 1 for record in records}
        places = [TopicPartition(self._commands, *place) for place in ends.items()]
        retrying(producer.send_offsets_to_transaction, places, consumer.consumer_group_metadata(), CALL_TIMEOUT)
        point("offsets")
        retrying(producer.commit_transaction, CALL_TIMEOUT)
        self._read_to |= ends
        for (partition, deliver), outcome in zip(delivers, outcomes, strict=True):
            if not is_open(outcome):
                self._unfinished[partition].pop(deliver.delivery_id, None)
            self._places.pop(deliver.delivery_id, None)
        point("committed")

    def _read(self, records: list[Arrived]) -> tuple[list[tuple[int, Deliver]], list[tuple[str, DeadLetter]]]:
        delivers: list[tuple[int, Deliver]] = []
        letters: list[tuple[str, DeadLetter]] = []
        for record in records:
            try:
                deliver = self._setup.codec.decode(record.value or b"")
            except UnreadableRecord as error:
                letter = DeadLetter(
                    source_topic=self._commands,
                    source_partition=record.partition,
                    source_offset=record.offset,
                    key=record.key,
                    value=record.value,
                    code=error.code,
                    reason=str(error),
                    at=self._setup.clock(),
                )
                letters.append((record.key.decode("utf-8", "replace"), letter))
                continue
            if deliver.attempt > self._ended[record.partition].get(deliver.delivery_id, 0):
                delivers.append((record.partition, deliver))
        return delivers, letters

    def _report(self, producer: Producer, partition: int, deliver: Deliver, outcome: RecordDelivery) -> None:
        encode = self._setup.codec.encode
        if not is_open(outcome):
            ended = AttemptEnded(
                delivery_id=deliver.delivery_id,
                attempt=deliver.attempt,
                account=f"{deliver.channel}:{deliver.account}",
                ended_at=self._setup.clock(),
                outcome=outcome.outcome,
                item_id=outcome.item_id,
            )
            produce(producer, self._topic(DELIVERY_ATTEMPTS), deliver.delivery_id, encode(ended), partition=partition)
        key = home_of(deliver.interaction_id)
        produce(producer, self._topic(INTERACTION_COMMANDS), key, encode(outcome))

    async def _begin(self, producer: Producer, begun: AttemptBegun) -> None:
        """Writes down that an attempt begins, and returns when the broker has it."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def told(error: object, message: object) -> None:
            del message
            failure = None if error is None else StartAgain(f"that an attempt begins was not written: {error}")
            loop.call_soon_threadsafe(_finish, done, failure)

        partition = self._places[begun.delivery_id]
        producer.produce(
            self._attempts,
            self._setup.codec.encode(begun),
            begun.delivery_id.encode(),
            partition,
            on_delivery=told,
        )
        await asyncio.to_thread(producer.flush, CALL_TIMEOUT)
        await asyncio.wait_for(done, CALL_TIMEOUT)
        self._unfinished[partition][begun.delivery_id] = begun

    def _topic(self, name: str) -> Topic:
        return self._setup.catalogue.topic(name)

    def _take(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """New partitions: what was begun there and has no end."""
        for place in partitions:
            self._unfinished[place.partition] = {}
            self._ended[place.partition] = {}
        # The offsets of a group end after some days without it. The attempts, which stay, say what was made.
        committed = consumer.committed(partitions, CALL_TIMEOUT) if partitions else []
        lost = {place.partition for place in committed if place.offset < 0}
        name = f"restore-{self._attempts}"
        for record in read_all(self._setup.bootstrap, self._attempts, [each.partition for each in partitions], name):
            attempt = self._setup.codec.decode(record.value or b"")
            if isinstance(attempt, AttemptBegun):
                self._unfinished[record.partition][attempt.delivery_id] = attempt
                continue
            self._unfinished[record.partition].pop(attempt.delivery_id, None)
            if record.partition in lost:
                self._ended[record.partition][attempt.delivery_id] = attempt.attempt
        read_to = {place.partition: max(0, place.offset) for place in committed}
        self._read_to |= read_to
        consumer.incremental_assign([TopicPartition(self._commands, *place) for place in read_to.items()])
        self.assigned.set()

    def _drop(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for place in partitions:
            self._unfinished.pop(place.partition, None)
            self._ended.pop(place.partition, None)
            self._read_to.pop(place.partition, None)


async def _run(attempts: Awaitable[list[RecordDelivery]]) -> list[RecordDelivery]:
    return await attempts


def _finish(done: "asyncio.Future[None]", failure: Exception | None) -> None:
    if done.done():
        return
    if failure is None:
        done.set_result(None)
    else:
        done.set_exception(failure)
