"""Proving from the log alone that nothing in it was changed, removed, reordered or put in."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from engine.envelope import digest
from projections.audit.chain import Chains, Fault
from projections.audit.seals import Head, Sealed, Seals
from projections.records import Place
from rejoinder.cluster import Cluster
from schemas.codec import UnreadableRecord
from topics.catalogue import AUDIT_SEALS, AUDIT_WRITERS, INTERACTION_EVENTS, ROUTING_EVENTS
from topics.reading import high_watermarks, read_all

SAID: Final = 1_000
LOGS: Final = (INTERACTION_EVENTS, ROUTING_EVENTS)


@dataclass
class Checked:
    """What was found."""

    events: int = 0
    seals: int = 0
    faults: list[Fault] = field(default_factory=list)
    heads: Mapping[str, Head] = field(default_factory=dict)


def writers(cluster: Cluster) -> dict[str, bytes]:
    """Who says of itself in the log that it seals, with its public key."""
    topic = cluster.catalogue.topic(AUDIT_WRITERS)
    found = read_all(cluster.broker, topic.name, range(topic.partitions), "audit-writers")
    known = (cluster.codec.decode(record.value) for record in found if record.value is not None)
    return {writer.writer: writer.public_key for writer in known}


def verify(cluster: Cluster, keys: Mapping[str, bytes], progress: Callable[[int], None] = lambda done: None) -> Checked:
    """Reads the whole log as it is now. One digest for each key, and one seal for each transaction, are in memory.

    Args:
        keys: the writers' public keys, from where they can be trusted.
        progress: told the number of events so far, each time that there are SAID more.
    """
    ends = _ends(cluster)  # first: every event before them has its seal by the time at which the seals are read
    seals, chains, checked = Seals(keys), Chains(), Checked()
    sealed = list(_sealed(cluster, checked.faults))
    checked.seals = len(sealed)
    checked.faults += seals.take(sealed)
    for place, offset, key, value in _events(cluster, ends):
        checked.events += 1
        try:
            fingerprint, body = cluster.codec.split(value)
        except UnreadableRecord as error:
            checked.faults.append(Fault(*place, offset, key, f"it can't be read: {error}"))
            continue
        own = digest(fingerprint, body)
        checked.faults += seals.hold(place, offset, key, own)
        try:
            checked.faults += chains.hold(place, offset, key, cluster.codec.decode(value), own)
        except UnreadableRecord as error:
            checked.faults.append(Fault(*place, offset, key, f"it can't be read: {error}"))
        if checked.events % SAID == 0:
            progress(checked.events)
    checked.faults += seals.end(ends)
    checked.heads = dict(seals.heads)
    return checked


def _ends(cluster: Cluster) -> dict[Place, int]:
    ends: dict[Place, int] = {}
    for name in LOGS:
        topic = cluster.catalogue.topic(name)
        found = high_watermarks(cluster.broker, topic.name, range(topic.partitions))
        ends |= {(name, partition): end for partition, end in found.items()}
    return ends


def _events(cluster: Cluster, ends: Mapping[Place, int]) -> Iterator[tuple[Place, int, str, bytes]]:
    for name in LOGS:
        topic = cluster.catalogue.topic(name)
        for record in read_all(cluster.broker, topic.name, range(topic.partitions), f"audit-{name}"):
            place = name, record.partition
            if record.offset < ends[place]:
                yield place, record.offset, record.key.decode("utf-8", "backslashreplace"), record.value or b""


def _sealed(cluster: Cluster, faults: list[Fault]) -> Iterator[Sealed]:
    topic, codec = cluster.catalogue.topic(AUDIT_SEALS), cluster.codec
    for record in read_all(cluster.broker, topic.name, range(topic.partitions), "audit-seals"):
        key = record.key.decode("utf-8", "backslashreplace")
        try:
            seal = codec.decode(record.value or b"")
            statement = codec.decode(seal.statement)
        except UnreadableRecord as error:
            faults.append(Fault(AUDIT_SEALS, record.partition, record.offset, key, f"it can't be read: {error}"))
            continue
        yield Sealed(AUDIT_SEALS, record.partition, record.offset, key, seal, statement)
