"""The audit on a real Kafka: a log as it was written has no fault, and one that was not has it named."""

from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Producer

from rejoinder.auditing import verify, writers
from rejoinder.cluster import Cluster
from rejoinder.signing import public_keys
from tests.processing import AUDIT_SECRET, agent, deployed, eventually, message, send, working
from topics import clients
from topics.catalogue import AUDIT_SEALS, AUDIT_WRITERS, INTERACTION_EVENTS, ROUTING_EVENTS
from topics.messages import Arrived
from topics.reading import read_all

PARTITIONS = 2
COPIED = (INTERACTION_EVENTS, ROUTING_EVENTS, AUDIT_SEALS, AUDIT_WRITERS)
Change = Callable[[list[Arrived]], list[Arrived]]
"""What somebody does to partition 0 of the interactions' events."""


@pytest.fixture(scope="module")
def cluster(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """A log of some transactions by two workers, each of whom was started again."""
    found = deployed(kafka, "audited.", PARTITIONS)
    send(found, agent("agent-1", 100))
    state = tmp_path_factory.mktemp("state")
    for turn, instance in enumerate(("1", "2", "1", "2")):
        send(found, [message(author, turn) for author in range(6)])
        with working(found, instance, routing=True, state=Path(state)):
            eventually("all are assigned", lambda turn=turn: _count(found) >= 6 * (turn + 1))  # type: ignore[misc]
    return found


def _count(cluster: Cluster) -> int:
    topic = cluster.catalogue.name(INTERACTION_EVENTS)
    found = read_all(cluster.broker, topic, range(PARTITIONS), "count")
    kinds = [type(cluster.codec.decode(record.value or b"")).__name__ for record in found]
    return kinds.count("MessageReceived")


def trusted(cluster: Cluster) -> dict[str, bytes]:
    return public_keys(AUDIT_SECRET, writers(cluster))


def copy(cluster: Cluster, kafka: str, prefix: str, change: Change) -> Cluster:
    """The same log on other topics, in which somebody changed something; transactions stay where they were."""
    other = deployed(kafka, prefix, PARTITIONS)
    producer = Producer(clients.transactional(kafka, f"{prefix}copy"))
    producer.init_transactions(30)
    for name in COPIED:
        for partition in range(other.catalogue.topic(name).partitions):
            records = list(read_all(cluster.broker, cluster.catalogue.name(name), [partition], "copy"))
            if (name, partition) == (INTERACTION_EVENTS, 0):
                records = change(records)
            _write(producer, other.catalogue.name(name), partition, records)
    return other


def _write(producer: Producer, topic: str, partition: int, records: list[Arrived]) -> None:
    """A run of offsets is a transaction, whose mark fills the gap after it."""
    before = None
    for record in records:
        if before is None or record.offset != before + 1:
            if before is not None:
                producer.commit_transaction(30)
            producer.begin_transaction()
        producer.produce(topic, record.value, record.key, partition)
        before = record.offset
    if before is not None:
        producer.commit_transaction(30)


def test_a_log_as_it_was_written_has_no_fault(cluster: Cluster) -> None:
    checked = verify(cluster, trusted(cluster))
    assert checked.faults == []
    assert checked.events > 24
    assert set(checked.heads) == {"interaction-1", "interaction-2", "routing-1", "routing-2"}
    assert sum(head.number for head in checked.heads.values()) == checked.seals


def test_a_copy_has_no_fault_either(cluster: Cluster, kafka: str, topic_prefix: str) -> None:
    assert verify(copy(cluster, kafka, topic_prefix, lambda records: records), trusted(cluster)).faults == []


def _one_byte(records: list[Arrived]) -> list[Arrived]:
    value = bytearray(records[-1].value or b"")
    value[-40] ^= 1  # within the digest of the event before, which nothing else of this key comes after
    return [*records[:-1], records[-1]._replace(value=bytes(value))]


def _swapped(records: list[Arrived]) -> list[Arrived]:
    first, second, *rest = records
    return [second._replace(offset=first.offset), first._replace(offset=second.offset), *rest]


def _put_in(records: list[Arrived]) -> list[Arrived]:
    return [*records, records[-1]._replace(offset=records[-1].offset + 2)]


@pytest.mark.parametrize(
    ("change", "at", "what"),
    [
        (_one_byte, -1, "not what was written"),
        (lambda records: records[:-1], -1, "missing"),
        (_swapped, 0, "reordered"),
        (_put_in, -1, "no seal"),
    ],
    ids=["changed", "removed", "swapped", "put in"],
)
def test_what_somebody_did_to_the_log_is_found_and_named(
    cluster: Cluster, kafka: str, topic_prefix: str, change: Change, at: int, what: str
) -> None:
    events = list(read_all(cluster.broker, cluster.catalogue.name(INTERACTION_EVENTS), [0], "before"))
    checked = verify(copy(cluster, kafka, topic_prefix, change), trusted(cluster))
    of_seals = [fault for fault in checked.faults if what in fault.reason]
    wanted = (change(events) if what == "no seal" else events)[at].offset
    assert [(fault.topic, fault.partition, fault.offset) for fault in of_seals] == [(INTERACTION_EVENTS, 0, wanted)]
