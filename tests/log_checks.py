"""Reads the log itself, and says what is wrong with it: what crashes and zombies must never leave behind.

tests.faults.checker has the rules; here the records come from Kafka.
"""

import time
from collections import defaultdict
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaError, TopicPartition

from engine.envelope import digest
from engine.record import Event
from rejoinder.cluster import Cluster
from schemas.codec import UnreadableRecord
from tests.faults import checker
from tests.faults.checker import Entry
from topics import clients
from topics.messages import Arrived, arrived
from topics.reading import STUCK, read_all


@dataclass
class Log:
    """A topic of events as it stands, and its faults."""

    events: list[Event] = field(default_factory=list)
    by_key: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))
    faults: list[str] = field(default_factory=list)


def read_log(cluster: Cluster, name: str = "interaction.events") -> Log:
    """All committed events of a topic; faults: doubled ids, gaps, broken chains, keys on a wrong partition."""
    entries = entries_of(cluster, name)
    log = Log(faults=[str(each) for each in checker.chains(entries, cluster.catalogue.topic(name).partitions)])
    for entry in entries:
        if isinstance(entry.record, Event):
            log.events.append(entry.record)
            log.by_key[entry.key].append(entry.record)
    return log


def entries_of(cluster: Cluster, *names: str) -> list[Entry]:
    """All committed records of some topics, one after the other, each partition in its order."""
    found: list[Entry] = []
    for name in names:
        topic = cluster.catalogue.topic(name)
        records = list(read_all(cluster.broker, topic.name, range(topic.partitions), f"check-{name}"))
        found += [_entry(cluster, name, record) for record in sorted(records, key=lambda record: record.partition)]
    return found


def entries_at_rest(cluster: Cluster, *names: str, isolation: str = "read_committed") -> list[Entry]:
    """The same by one reader, while nobody writes: it does not wait for transactions that stand open."""
    topics = [cluster.catalogue.topic(name) for name in names]
    places = [TopicPartition(topic.name, number, 0) for topic in topics for number in range(topic.partitions)]
    consumer = Consumer(clients.reader(cluster.bootstrap, "check", isolation) | {"enable.partition.eof": True})
    found: dict[tuple[str, int], list[Entry]] = {(place.topic, place.partition): [] for place in places}
    left = set(found)
    deadline = time.monotonic() + STUCK
    try:
        consumer.assign(places)
        while left:
            assert time.monotonic() < deadline, f"no end of {sorted(left)}"
            for message in consumer.consume(5_000, 0.2):
                error, place = message.error(), (message.topic() or "", message.partition() or 0)
                if error is None:
                    name = place[0].removeprefix(cluster.catalogue.prefix)
                    found[place].append(_entry(cluster, name, arrived(message)))
                elif error.code() == KafkaError._PARTITION_EOF:
                    left.discard(place)
    finally:
        consumer.close()
    return [entry for entries in found.values() for entry in entries]


def records_of(cluster: Cluster, name: str) -> list[object]:
    """All committed records of a topic, decoded; tombstones left out."""
    return [entry.record for entry in entries_of(cluster, name) if entry.record is not None]


def _entry(cluster: Cluster, name: str, record: Arrived) -> Entry:
    """A record with what the chain covers of it; one that can't be read has no content."""
    key = record.key.decode("utf-8", "replace")
    if record.value is None:
        return Entry(name, record.partition, record.offset, key, None)
    try:
        decoded = cluster.codec.decode(record.value)
    except UnreadableRecord:
        return Entry(name, record.partition, record.offset, key, None)
    here = digest(*cluster.codec.split(record.value)) if isinstance(decoded, Event) else b""
    return Entry(name, record.partition, record.offset, key, decoded, here)
