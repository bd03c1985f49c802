"""What somebody may do to a log, and what the audit has to say of it: for copies of logs on a real Kafka."""

from collections.abc import Callable
from dataclasses import dataclass

from confluent_kafka import Producer

from rejoinder.cluster import Cluster
from topics import clients
from topics.catalogue import AUDIT_SEALS, AUDIT_WRITERS, INTERACTION_EVENTS, ROUTING_EVENTS
from topics.messages import Arrived
from topics.reading import read_all

COPIED = (INTERACTION_EVENTS, ROUTING_EVENTS, AUDIT_SEALS, AUDIT_WRITERS)
Change = Callable[[list[Arrived]], list[Arrived]]
"""What somebody does to partition 0 of the interactions' events."""


def copy(cluster: Cluster, other: Cluster, change: Change) -> None:
    """The same log on other topics, in which somebody changed something; transactions stay where they were."""
    producer = Producer(clients.transactional(other.bootstrap, f"{other.catalogue.prefix}copy"))
    producer.init_transactions(30)
    for name in COPIED:
        for partition in range(other.catalogue.topic(name).partitions):
            records = list(read_all(cluster.broker, cluster.catalogue.name(name), [partition], "copy"))
            if (name, partition) == (INTERACTION_EVENTS, 0):
                records = change(records)
            _write(producer, other.catalogue.name(name), partition, records)


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


def _one_byte(records: list[Arrived]) -> list[Arrived]:
    value = bytearray(records[-1].value or b"")
    value[-40] ^= 1  # within the digest of the event before, which nothing else of this key comes after
    return [*records[:-1], records[-1]._replace(value=bytes(value))]


def _swapped(records: list[Arrived]) -> list[Arrived]:
    first, second, *rest = records
    return [second._replace(offset=first.offset), first._replace(offset=second.offset), *rest]


def _put_in(records: list[Arrived]) -> list[Arrived]:
    return [*records, records[-1]._replace(offset=records[-1].offset + 2)]


@dataclass(frozen=True)
class Tampering:
    """What is done, and what the audit says of which event of the partition."""

    name: str
    change: Change
    at: int
    says: str


TAMPERINGS = (
    Tampering("changed", _one_byte, -1, "not what was written"),
    Tampering("removed", lambda records: records[:-1], -1, "missing"),
    Tampering("swapped", _swapped, 0, "reordered"),
    Tampering("put in", _put_in, -1, "no seal"),
)


def place_of(tampering: Tampering, events: list[Arrived]) -> int:
    """The offset of the event that is to be named, by the partition as it was before."""
    return (tampering.change(events) if tampering.says == "no seal" else events)[tampering.at].offset
