"""Topics with the messages on them, and the records that they lead to, known before anything is measured.

Deciding again gives the same records where the clock stands still, which it does here. So the records that the
engine will write are known beforehand, and the bare loop writes the very same ones.
"""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from bench.workload import BEGIN, PARTITIONS, POLICY
from engine.decider import Decider
from engine.envelope import partition_of
from engine.interaction.commands import ReceiveMessage
from engine.interaction.decider import InteractionDecider
from rejoinder.cluster import Cluster
from rejoinder.deployment import deploy, ensure_policy
from rejoinder.settings import load
from topics import policies
from topics.catalogue import INTERACTION_COMMANDS
from topics.deciding import Deciding, Input, Output
from topics.headers import CloudEvents, Headers
from topics.publisher import Outgoing
from topics.reading import read_all

Place = tuple[int, int]
"""Partition and offset of a command."""

NOW: Final = BEGIN + 10_000_000
COMMIT_EVERY: Final = 2_000
"""Commands after which the state is committed, as the processor does after a full batch."""

TRIES: Final = 6


def still_clock() -> int:
    """The time at which everything is decided."""
    return NOW


@dataclass(frozen=True, slots=True)
class Ready:
    """A record as it is produced: `topic` in the catalogue's words."""

    topic: str
    partition: int
    key: bytes
    value: bytes | None
    headers: Headers | None


@dataclass(frozen=True)
class Expected:
    """What the commands on the topic lead to, by where each stands."""

    records: dict[Place, list[Ready]]
    events: int

    def of(self, topic: str) -> list[Ready]:
        """The records of one topic."""
        return [ready for each in self.records.values() for ready in each if ready.topic == topic]


def prepare(bootstrap: str, prefix: str, messages: Sequence[ReceiveMessage], partitions: int = PARTITIONS) -> Cluster:
    """Topics of their own with a policy and these messages on them."""
    settings = load({"kafka.bootstrap": bootstrap, "topics.prefix": prefix, "topics.partitions": partitions})
    cluster, _ = deploy(settings, bootstrap)
    ensure_policy(cluster, POLICY, BEGIN)
    publish(cluster, messages)
    return cluster


def publish(cluster: Cluster, messages: Sequence[ReceiveMessage]) -> None:
    """Writes messages to the topic of commands."""
    topic = cluster.catalogue.name(INTERACTION_COMMANDS)
    with cluster.publisher("bench") as publisher:
        publisher.publish(Outgoing(topic, message.handle_id, message) for message in messages)


def expect(cluster: Cluster) -> Expected:
    """Decides all commands on the topic in memory, and keeps what they lead to."""
    topic = cluster.catalogue.topic(INTERACTION_COMMANDS)
    known = policies.rules(cluster.bootstrap, cluster.catalogue, cluster.codec)
    decider: Decider = InteractionDecider()
    make = CloudEvents(f"/rejoinder/{decider.name}", cluster.codec.name_of)

    def ready(output: Output) -> Ready:
        partition = partition_of(output.key, cluster.catalogue.topic(output.topic).partitions)
        headers = None if output.event is None else make.headers(output.event, output.key)
        return Ready(output.topic, partition, output.key.encode(), output.value, headers)

    partitions = range(topic.partitions)
    decidings = [Deciding(decider, cluster.codec, each, known, still_clock) for each in partitions]
    records: dict[Place, list[Ready]] = {}
    for record in read_all(cluster.bootstrap, topic.name, partitions, f"expect-{topic.name}"):
        command, source = cluster.codec.decode(record.value or b""), Input(topic.name, record.partition, record.offset)
        outputs = decidings[record.partition].command(record.key.decode(), command, source)
        records[(record.partition, record.offset)] = [ready(output) for output in outputs]
    return Expected(records, sum(each.counts.events for each in decidings))


@contextmanager
def undisturbed() -> Iterator[None]:
    """What is in memory already is kept out of the garbage collector's way: it would cost what comes next."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
