"""Topics with the messages on them, and the records that they lead to, known before anything is measured.

Deciding again gives the same records where the clock stands still, which it does here. So the records that the
engine will write are known beforehand, and the bare loops write the very same ones.
"""

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from bench.measure import BenchFailed
from bench.progress import say
from bench.workload import BEGIN, PARTITIONS, POLICY
from bench.workload import messages as made_messages
from engine.decider import Decider
from engine.envelope import partition_of
from engine.interaction.commands import ReceiveMessage
from engine.interaction.decider import InteractionDecider
from engine.record import COLLECT_AFTER, Event, Record
from rejoinder.cluster import Cluster
from rejoinder.deployment import deploy, ensure_policy
from rejoinder.settings import load
from topics import clients, policies
from topics.admin import Topics
from topics.catalogue import INTERACTION_COMMANDS, Catalogue
from topics.deciding import Deciding, Input
from topics.headers import CloudEvents, Headers
from topics.reading import read_all

Place = tuple[int, int]
"""Partition and offset of a command."""
Raw = tuple[int, str, bytes]
"""Partition, key and value of a record."""

NOW: Final = BEGIN + 10_000_000
COMMIT_EVERY: Final = 2_000
"""Commands after which the state is committed, as the processor does after a full batch."""
FLUSH: Final = 60.0
"""How long the broker may take for what was handed to a producer, seconds."""


def still_clock() -> int:
    """The time at which everything is decided."""
    return NOW


@dataclass(frozen=True, slots=True)
class Ready:
    """A record as it is produced: `topic` in the catalogue's words; the struct for who makes it, bytes for who copies.

    There are over half a million of them: nothing is kept that follows from the rest.
    """

    topic: str
    partition: int
    key: bytes
    record: Record | None
    value: bytes | None
    headers: Headers | None


@dataclass(frozen=True)
class Expected:
    """What the commands on the topic lead to, by where each stands."""

    records: dict[Place, list[Ready]]
    events: int

    @property
    def commands(self) -> int:
        """How many there are."""
        return len(self.records)

    @property
    def written(self) -> int:
        """The records of all topics."""
        return sum(map(len, self.records.values()))

    def of(self, topic: str) -> list[Ready]:
        """The records of one topic."""
        return [ready for each in self.records.values() for ready in each if ready.topic == topic]


@dataclass(frozen=True)
class Staged:
    """Messages on a topic that no engine reads, so that every round begins with the same."""

    cluster: Cluster
    messages: list[Raw]
    expected: Expected

    @contextmanager
    def again(self, prefix: str, messages: Sequence[Raw] | None = None) -> Iterator[Cluster]:
        """The same commands at the same places on new topics, which are removed afterwards; or other messages."""
        partitions = self.cluster.catalogue.topic(INTERACTION_COMMANDS).partitions
        records = self.messages if messages is None else messages
        cluster = topics_with(self.cluster.bootstrap, prefix, records, partitions)
        try:
            yield cluster
        finally:
            delete(cluster.bootstrap, cluster.catalogue)

    @contextmanager
    def target(self, prefix: str) -> Iterator[Catalogue]:
        """Topics to copy to: those to which the commands lead, once more. They are removed afterwards."""
        target = clone(self.cluster, prefix, self.expected)
        try:
            yield target
        finally:
            delete(self.cluster.bootstrap, target)


def stage(bootstrap: str, prefix: str, count: int, partitions: int = PARTITIONS) -> Staged:
    """Puts so many messages on topics of their own, and decides them in memory."""
    say(f"putting {count} messages on {prefix}{INTERACTION_COMMANDS}, and deciding them in memory")
    cluster = topics_with(bootstrap, prefix, [], partitions)
    raw = encoded(cluster, made_messages(count), partitions)
    pour(bootstrap, cluster.catalogue.name(INTERACTION_COMMANDS), raw)
    return Staged(cluster, raw, expect(cluster))


def topics_with(bootstrap: str, prefix: str, messages: Iterable[Raw], partitions: int = PARTITIONS) -> Cluster:
    """New topics with a policy and these messages on them."""
    settings = load({"kafka.bootstrap": bootstrap, "topics.prefix": prefix, "topics.partitions": partitions})
    cluster, _ = deploy(settings, bootstrap)
    ensure_policy(cluster, POLICY, BEGIN)
    pour(bootstrap, cluster.catalogue.name(INTERACTION_COMMANDS), messages)
    return cluster


def encoded(cluster: Cluster, messages: Sequence[ReceiveMessage], partitions: int = PARTITIONS) -> list[Raw]:
    """Messages as they are written, under their authors' homes."""
    return [(partition_of(each.handle_id, partitions), each.handle_id, cluster.codec.encode(each)) for each in messages]


def pour(bootstrap: str, topic: str, records: Iterable[Raw]) -> None:
    """Writes records as fast as the client can. Raises BenchFailed if the broker does not take them."""
    producer = Producer(clients.producer(bootstrap, "bench-pour", linger=20))
    for partition, key, value in records:
        try:
            producer.produce(topic, value, key.encode(), partition)
        except BufferError:
            producer.poll(1.0)
            producer.produce(topic, value, key.encode(), partition)
    if producer.flush(FLUSH) > 0:
        raise BenchFailed(f"the broker did not take all records for {topic} in {FLUSH:.0f} s")


def expect(cluster: Cluster) -> Expected:
    """Decides all commands on the topic in memory, and keeps what they lead to."""
    topic = cluster.catalogue.topic(INTERACTION_COMMANDS)
    known = policies.rules(cluster.broker, cluster.catalogue, cluster.codec)
    decider: Decider = InteractionDecider()
    make = CloudEvents(f"/rejoinder/{decider.name}", cluster.codec.name_of)

    def ready(to: str, key: str, value: bytes | None) -> Ready:
        partition = partition_of(key, cluster.catalogue.topic(to).partitions)
        record = None if value is None else cluster.codec.decode(value)
        headers = make.headers(record, key) if isinstance(record, Event) else None
        return Ready(to, partition, key.encode(), record, value, headers)

    partitions = range(topic.partitions)
    decidings = [Deciding(decider, cluster.codec, each, known, still_clock) for each in partitions]
    records: dict[Place, list[Ready]] = {}
    gc.disable()  # nothing of this is garbage, and looking for it takes longer than all else
    try:
        for record in read_all(cluster.broker, topic.name, partitions, f"expect-{topic.name}"):
            command = cluster.codec.decode(record.value or b"")
            source = Input(topic.name, record.partition, record.offset)
            outputs = decidings[record.partition].command(record.key.decode(), command, source)
            records[(record.partition, record.offset)] = [ready(each.topic, each.key, each.value) for each in outputs]
            if len(records) % COMMIT_EVERY == 0:
                for each in decidings:
                    each.state.commit()
    finally:
        gc.enable()
    return Expected(records, sum(each.counts.events for each in decidings))


def clone(source: Cluster, prefix: str, expected: Expected) -> Catalogue:
    """The topics that the records go to, once more under another prefix."""
    written = {ready.topic for each in expected.records.values() for ready in each}
    topics = (replace(source.catalogue.topic(name), name=prefix + name) for name in sorted(written))
    cloned = Catalogue({topic.name: topic for topic in topics}, prefix)
    Topics(source.bootstrap, cloned).apply()
    return cloned


def delete(bootstrap: str, catalogue: Catalogue) -> None:
    """Removes topics, so that one round's files don't burden the next."""
    admin = AdminClient(clients.admin(bootstrap))
    for future in admin.delete_topics(list(catalogue.topics)).values():
        future.result()


@contextmanager
def undisturbed() -> Iterator[None]:
    """What is in memory already is kept out of the garbage collector's way: it would cost what comes next. It looks for
    garbage as seldom as in the engine's own process.
    """
    gc.collect()
    gc.freeze()
    before = gc.get_threshold()
    gc.set_threshold(COLLECT_AFTER)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
