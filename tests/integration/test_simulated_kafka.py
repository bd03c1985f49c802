"""One script on the simulated Kafka and on a real one: what the simulation rests on is so."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from tests.simulation.broker import Broker as SimulatedBroker
from tests.simulation.faults import Faults
from tests.simulation.kafka import Kafka
from tests.simulation.scheduling import Process, Scheduler
from topics import clients
from topics.broker import Broker
from topics.broker import Kafka as RealKafka

PATIENCE = 60


@dataclass(frozen=True)
class Stage:
    """A topic with one partition. `play` runs a script where it may wait."""

    broker: Broker
    topic: str
    play: Callable[[Callable[[], None]], None]

    def writer(self, name: str) -> Any:
        producer = self.broker.producer(clients.transactional(self.broker.bootstrap, f"{self.topic}-{name}"))
        producer.init_transactions(PATIENCE)
        return producer

    def reader(self, isolation: str = "read_committed") -> Any:
        consumer = self.broker.consumer(
            clients.reader(self.broker.bootstrap, f"{self.topic}-reads", isolation) | {"enable.partition.eof": True}
        )
        consumer.assign([TopicPartition(self.topic, 0, 0)])
        return consumer

    def member(self, told: list[str], instance: str = "one") -> Any:
        consumer = self.broker.consumer(clients.consumer(self.broker.bootstrap, f"{self.topic}-group", instance))

        def assigned(consumer: Any, places: list[TopicPartition]) -> None:
            told.append("assigned")
            consumer.incremental_assign([TopicPartition(each.topic, each.partition, 0) for each in places])

        consumer.subscribe([self.topic], on_assign=assigned)
        return consumer

    def ends(self, isolation: str) -> int:
        consumer = self.reader(isolation)
        try:
            return int(consumer.get_watermark_offsets(TopicPartition(self.topic, 0), timeout=PATIENCE)[1])
        finally:
            consumer.close()

    def read(self) -> list[tuple[int, bytes]]:
        """Every committed record and its offset, to the end."""
        consumer, found = self.reader(), list[tuple[int, bytes]]()
        try:
            for _ in range(100):
                for message in consumer.consume(10, 1.0):
                    if message.error() is not None:
                        return found
                    found.append((message.offset(), message.value()))
        finally:
            consumer.close()
        raise AssertionError("no end was told")


@pytest.fixture(params=["simulated", "real"])
def stage(request: pytest.FixtureRequest, topic_prefix: str) -> Iterator[Stage]:
    topic = f"{topic_prefix}script"
    if request.param == "real":
        bootstrap = request.getfixturevalue("kafka")
        admin = AdminClient(clients.admin(bootstrap))
        admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(PATIENCE)
        yield Stage(RealKafka(bootstrap), topic, lambda script: script())
        return
    scheduler = Scheduler(random.Random(1))
    kafka = Kafka(scheduler, Faults(random.Random(1)), {topic: 1})
    process = Process("script")

    def play(script: Callable[[], None]) -> None:
        task = scheduler.start(process, "script", script)
        while not task.greenlet.dead:
            assert scheduler.step()
        if task.failure is not None:
            raise task.failure

    yield Stage(SimulatedBroker(kafka, process), topic, play)


def test_a_mark_takes_an_offset_and_what_was_aborted_is_not_seen(stage: Stage) -> None:
    offsets: list[int] = []

    def script() -> None:
        writer = stage.writer("w")
        for value, ending in (
            (b"a", writer.commit_transaction),
            (b"b", writer.abort_transaction),
            (b"c", writer.commit_transaction),
        ):
            writer.begin_transaction()
            writer.produce(stage.topic, value, b"k", 0, on_delivery=lambda _, message: offsets.append(message.offset()))
            assert writer.flush(PATIENCE) == 0
            ending(PATIENCE)
        assert stage.read() == [(0, b"a"), (4, b"c")]
        assert stage.ends("read_uncommitted") == 6
        assert offsets == [0, 2, 4]

    stage.play(script)


def test_a_reader_of_committed_records_gets_no_further_than_an_open_transaction(stage: Stage) -> None:
    def script() -> None:
        first, second = stage.writer("first"), stage.writer("second")
        first.begin_transaction()
        first.produce(stage.topic, b"open", b"k", 0)
        first.flush(PATIENCE)
        second.begin_transaction()
        second.produce(stage.topic, b"behind", b"k", 0)
        second.commit_transaction(PATIENCE)
        assert stage.read() == []
        assert (stage.ends("read_committed"), stage.ends("read_uncommitted")) == (0, 3)
        first.commit_transaction(PATIENCE)
        assert stage.read() == [(0, b"open"), (1, b"behind")]

    stage.play(script)


def test_whoever_begins_anew_with_an_id_ends_what_was_open_and_fences_the_other_off(stage: Stage) -> None:
    def script() -> None:
        old = stage.writer("same")
        old.begin_transaction()
        old.produce(stage.topic, b"of the old", b"k", 0)
        old.flush(PATIENCE)
        new = stage.writer("same")
        new.begin_transaction()
        new.produce(stage.topic, b"of the new", b"k", 0)
        new.commit_transaction(PATIENCE)
        with pytest.raises(KafkaException) as refused:
            old.commit_transaction(PATIENCE)
        assert refused.value.args[0].fatal()
        assert [value for _, value in stage.read()] == [b"of the new"]

    stage.play(script)


def test_offsets_are_committed_with_the_transaction_and_those_of_a_member_that_was_replaced_refused(
    stage: Stage,
) -> None:
    def script() -> None:
        told: list[str] = []
        writer, member = stage.writer("w"), stage.member(told)
        join(member, told)
        place = TopicPartition(stage.topic, 0)
        for offset, ending, stands in ((5, writer.abort_transaction, -1001), (7, writer.commit_transaction, 7)):
            writer.begin_transaction()
            there = TopicPartition(stage.topic, 0, offset, "a note")
            writer.send_offsets_to_transaction([there], member.consumer_group_metadata(), PATIENCE)
            ending(PATIENCE)
            (found,) = member.committed([place], PATIENCE)
            assert found.offset == stands
        assert found.metadata == "a note"
        stale = member.consumer_group_metadata()
        again: list[str] = []
        successor = stage.member(again)
        join(successor, again)
        writer.begin_transaction()
        with pytest.raises(KafkaException) as refused:
            writer.send_offsets_to_transaction([TopicPartition(stage.topic, 0, 9)], stale, PATIENCE)
        assert refused.value.args[0].txn_requires_abort()
        writer.abort_transaction(PATIENCE)
        for each in (successor, member):
            each.close()

    stage.play(script)


def join(member: Any, told: list[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not told:
        assert time.monotonic() < deadline
        member.consume(1, 0.5)
