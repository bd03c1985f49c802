"""Reads the log itself and says what is wrong with it: what crashes and zombies must never leave behind."""

from collections import defaultdict
from dataclasses import dataclass, field

from engine.envelope import digest, genesis, partition_of
from engine.record import Event
from rejoinder.cluster import Cluster
from topics.reading import read_all


@dataclass
class Log:
    """A topic of events as it stands, and its faults."""

    events: list[Event] = field(default_factory=list)
    by_key: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))
    faults: list[str] = field(default_factory=list)


def read_log(cluster: Cluster, name: str = "interaction.events") -> Log:
    """All committed events of a topic; faults: doubled ids, gaps, broken chains, keys on a wrong partition."""
    log, seen = Log(), set()
    chains: dict[str, tuple[int, bytes]] = {}
    topic = cluster.catalogue.topic(name)
    for partition in range(topic.partitions):
        for record in read_all(cluster.bootstrap, topic.name, [partition], f"check-{name}-{partition}"):
            place, key, value = f"{topic.name}-{partition}@{record.offset}", record.key.decode(), record.value or b""
            event = cluster.codec.decode(value)
            sequence, before = chains.get(key, (0, genesis(key)))
            if event.sequence != sequence + 1:
                log.faults.append(f"{place}: sequence {event.sequence} after {sequence} on {key}")
            if event.previous != before:
                log.faults.append(f"{place}: the digest before is not that of event {sequence} on {key}")
            if event.event_id in seen:
                log.faults.append(f"{place}: event {event.event_id} stands twice")
            if partition_of(key, topic.partitions) != partition:
                log.faults.append(f"{place}: {key} does not belong on this partition")
            seen.add(event.event_id)
            chains[key] = (event.sequence, digest(*cluster.codec.split(value)))
            log.events.append(event)
            log.by_key[key].append(event)
    return log


def records_of(cluster: Cluster, name: str) -> list[object]:
    """All committed records of a topic, decoded; tombstones left out."""
    topic = cluster.catalogue.topic(name)
    return [
        cluster.codec.decode(record.value)
        for partition in range(topic.partitions)
        for record in read_all(cluster.bootstrap, topic.name, [partition], f"read-{name}-{partition}")
        if record.value is not None
    ]
