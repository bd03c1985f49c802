"""The only broker dies while it ends transactions: each has to be ended by the next process, or nobody reads on."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from confluent_kafka import IsolationLevel, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from tests.brokers import brokers
from tests.faults.checker import Kind, Violation
from tests.faults.conftest import Fault
from tests.processing import eventually
from topics import clients

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

TOPICS: Final = ("first", "second")
PARTITIONS: Final = 16
WRITERS: Final = 12
"""So that the end of somebody's transaction is under way at nearly every moment."""
KILLS: Final = 6
BETWEEN: Final = (2.0, 4.0)
PATIENCE: Final = 30.0
"""More than a transaction may stand open (topics.clients.TRANSACTION_TIMEOUT) before the broker ends it."""


@pytest.mark.fault("the only broker: kill -9 amid the ends of transactions")
def test_no_transaction_stands_open_for_ever(tmp_path: Path, fault: Fault) -> None:
    chance = random.Random(fault.seed)
    with brokers(tmp_path / "kafka", 1) as kafka:
        admin = AdminClient(clients.admin(kafka.bootstrap))
        for made in admin.create_topics([NewTopic(topic, PARTITIONS, 1) for topic in TOPICS]).values():
            made.result(30)
        hanging: list[Violation] = []
        while fault.injected < KILLS and not hanging:
            stop = threading.Event()
            with writing(kafka.bootstrap, stop) as ending:
                time.sleep(chance.uniform(*BETWEEN))
                fault.injected += 1
                kafka.kill()
                fault.reached += bool(ending)
                stop.set()  # the mark of a next transaction would end what hangs
                kafka.start()
            hanging = _left_open(kafka.bootstrap)
        fault.over(hanging, at_least=1)


@contextmanager
def writing(bootstrap: str, stop: threading.Event) -> Iterator[set[int]]:
    """Writers of small transactions, each into a partition of its own of both topics, until told to stop.

    Yields:
        Who waits for the end of its transaction.
    """
    ending: set[int] = set()

    def write(number: int) -> None:
        try:
            producer = Producer(clients.transactional(bootstrap, f"writer-{number}"))
            producer.init_transactions(PATIENCE)
            while not stop.is_set():
                producer.begin_transaction()
                for topic in TOPICS:
                    producer.produce(topic, b"", b"", number % PARTITIONS)
                producer.flush(PATIENCE)
                ending.add(number)
                producer.commit_transaction(PATIENCE)
                ending.discard(number)
        except KafkaException:
            return  # it does not outlive its broker; the next one with its id ends what it began

    threads = [threading.Thread(target=write, args=(number,), name=f"writer-{number}") for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    try:
        yield ending
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _left_open(bootstrap: str) -> list[Violation]:
    """The partitions that readers of committed records don't come to the end of."""
    try:
        eventually("every transaction is ended", lambda: _is_all_read(bootstrap), PATIENCE)
    except AssertionError:
        committed, written = _ends(bootstrap, True), _ends(bootstrap, False)
        return [
            Violation(Kind.TORN, f"{place} is read to {committed[place]} of {end}")
            for place, end in written.items()
            if committed[place] != end
        ]
    return []


def _is_all_read(bootstrap: str) -> bool:
    try:
        return _ends(bootstrap, True) == _ends(bootstrap, False)
    except KafkaException:
        return False  # the broker has just started, and its own epochs are still on their way through it


def _ends(bootstrap: str, committed: bool) -> dict[tuple[str, int], int]:
    # A new client each time: one that was there before the broker died asks with the epoch of then, and is refused.
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    places = {TopicPartition(topic, each): latest for topic in TOPICS for each in range(PARTITIONS)}
    level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
    admin = AdminClient(clients.admin(bootstrap))
    found = admin.list_offsets(places, isolation_level=level)
    return {(place.topic, place.partition): answer.result(PATIENCE).offset for place, answer in found.items()}
