"""How much of delivery.attempts is read back: what can still matter, and not all that ever was."""

import time
from typing import Any

import pytest
from confluent_kafka import Producer

from engine.delivery import AttemptBegun, AttemptEnded, Deliver
from engine.record import Record
from rejoinder.cluster import Cluster
from tests.processing import deployed
from topics import clients
from topics.attempts import Attempts, read_back, read_rest
from topics.reading import high_watermarks

DAY = 86_400_000
NOW = time.time_ns() // 1_000_000


@pytest.fixture
def cluster(kafka: str, topic_prefix: str) -> Cluster:
    return deployed(kafka, topic_prefix, 1)


def write(cluster: Cluster, topic: str, records: list[tuple[int, Record]]) -> None:
    """Records that were written some days ago."""
    producer = Producer(clients.producer(cluster.bootstrap, "writer"))
    for days, record in records:
        value, key = cluster.codec.encode(record), getattr(record, "delivery_id", "").encode()
        producer.produce(cluster.catalogue.name(topic), value, key, 0, timestamp=NOW - days * DAY)
    assert producer.flush(10) == 0


def begun(delivery_id: str, attempt: int = 1) -> AttemptBegun:
    return AttemptBegun(delivery_id=delivery_id, attempt=attempt, account="x:9", begun_at=0)


def ended(delivery_id: str, attempt: int = 1) -> AttemptEnded:
    return AttemptEnded(delivery_id=delivery_id, attempt=attempt, account="x:9", ended_at=0, outcome="posted")


def order(delivery_id: str, days: int, attempt: int = 1) -> Deliver:
    fields: dict[str, Any] = {
        "interaction_id": "h.1", "channel": "x", "account": "9", "kind": "reply", "visibility": "public",
        "in_reply_to": "1", "text": "", "correlation_id": "c", "at": NOW - days * DAY,
    }  # fmt: skip
    return Deliver(delivery_id=delivery_id, attempt=attempt, **fields)


def known(cluster: Cluster, position: int) -> Attempts:
    topic, orders = cluster.catalogue.name("delivery.attempts"), cluster.catalogue.name("delivery.commands")
    return read_back(cluster.broker, topic, orders, cluster.codec, {0: position}, NOW)[0]


def history(cluster: Cluster) -> int:
    """Twenty days of orders, each ended on its day; that of ten days ago stayed open. Gives the orders' end."""
    write(cluster, "delivery.commands", [(days, order(f"d{days}", days)) for days in range(20, -1, -1)])
    attempts = [(days, make(f"d{days}")) for days in range(20, 0, -1) for make in (begun, ended)]
    write(cluster, "delivery.attempts", [each for each in attempts if each != (10, ended("d10"))])
    return high_watermarks(cluster.broker, cluster.catalogue.name("delivery.commands"), [0])[0]


def test_a_worker_that_lost_nothing_reads_what_was_attempted_lately(cluster: Cluster) -> None:
    end = history(cluster)
    assert known(cluster, end).ended.keys() <= {"d0", "d1"}
    assert known(cluster, end - 1).ended.keys() <= {"d0", "d1"}
    assert known(cluster, end - 1).start > 30


def test_a_group_that_lost_its_offset_knows_all_that_can_be_asked_again(cluster: Cluster) -> None:
    history(cluster)
    every = known(cluster, 0)
    assert every.ended == {f"d{days}": 1 for days in range(20, 0, -1) if days != 10}
    assert set(every.unfinished) == {"d10"}
    assert known(cluster, 5).ended.keys() >= {f"d{days}" for days in range(15, 0, -1) if days != 10}


def test_an_attempt_that_stayed_open_for_long_is_looked_for_when_it_is_tried_again(cluster: Cluster) -> None:
    end = history(cluster)
    found = known(cluster, end)
    assert found.knows(order("new", 0))
    assert found.knows(order("new", 0, attempt=2))
    assert found.knows(order("d10", 10)), "a first attempt is never older than its order"
    again = order("d10", 10, attempt=2)
    assert "d10" not in found.unfinished
    assert not found.knows(again)
    read_rest(cluster.broker, cluster.catalogue.name("delivery.attempts"), cluster.codec, 0, found)
    assert found.knows(again)
    assert found.unfinished["d10"].attempt == 1


def test_without_orders_and_attempts_nothing_is_known(cluster: Cluster) -> None:
    found = known(cluster, 0)
    assert (found.start, found.unfinished, found.ended) == (0, {}, {})
    assert found.knows(order("d", 99, attempt=2))
    topic, orders = cluster.catalogue.name("delivery.attempts"), cluster.catalogue.name("delivery.commands")
    assert read_back(cluster.broker, topic, orders, cluster.codec, {}, NOW) == {}
