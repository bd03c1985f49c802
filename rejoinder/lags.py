"""How far everything is behind the log."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import psycopg
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient

from projections.queries import measures
from rejoinder.cluster import Cluster
from topics import clients
from topics.catalogue import (
    DELIVERY_COMMANDS,
    INTERACTION_COMMANDS,
    INTERACTION_CONTENT,
    INTERACTION_EVENTS,
    INTERACTION_PROFILES,
    ROUTING_COMMANDS,
    ROUTING_EVENTS,
)

GROUPS = {
    "interaction processor": ("interaction.processor", INTERACTION_COMMANDS),
    "routing processor": ("routing.processor", ROUTING_COMMANDS),
    "delivery worker": ("delivery.worker", DELIVERY_COMMANDS),
}
WORTH_COUNTING: Final = 200
PROJECTED = (INTERACTION_EVENTS, INTERACTION_CONTENT, INTERACTION_PROFILES, ROUTING_EVENTS)


@dataclass(frozen=True)
class Lag:
    """How many records lie behind where something has read to; of a great many, marks of transactions too."""

    name: str
    kind: str
    behind: int


def ends(cluster: Cluster, topics: Iterable[str]) -> dict[tuple[str, int], int]:
    """The offset after the last record of each partition."""
    found: dict[tuple[str, int], int] = {}
    consumer = Consumer(clients.reader(cluster.bootstrap, "ends", "read_uncommitted"))
    try:
        for topic in map(cluster.catalogue.topic, topics):
            for partition in range(topic.partitions):
                place = TopicPartition(topic.name, partition)
                found[(topic.name, partition)] = consumer.get_watermark_offsets(place, timeout=clients.ASK_TIMEOUT)[1]
    finally:
        consumer.close()
    return found


def processors(cluster: Cluster) -> list[Lag]:
    """How far the processors and the delivery worker are behind their commands."""
    admin = AdminClient(clients.admin(cluster.bootstrap))
    lags = []
    for name, (group, topic) in GROUPS.items():
        asked = ConsumerGroupTopicPartitions(cluster.catalogue.name(group))
        (answer,) = admin.list_consumer_group_offsets([asked], request_timeout=clients.ASK_TIMEOUT).values()
        read = {(place.topic, place.partition): place.offset for place in answer.result().topic_partitions or []}
        gaps = {
            place: (max(0, read.get(place, 0)), end)
            for place, end in ends(cluster, [topic]).items()
            if end > max(0, read.get(place, 0))
        }
        lags.append(Lag(name, "processor", _unread(cluster, gaps)))
    return lags


def wait_for_processors(cluster: Cluster, patience: float) -> bool:
    """Waits until the processors and the delivery worker have done all there is. False: not in `patience` seconds."""
    deadline = time.monotonic() + patience
    while any(lag.behind for lag in processors(cluster)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _unread(cluster: Cluster, gaps: dict[tuple[str, int], tuple[int, int]]) -> int:
    """How many records lie in the gaps. The marks of transactions lie there too, so a small number is counted."""
    most = sum(end - offset for offset, end in gaps.values())
    if not 0 < most <= WORTH_COUNTING:
        return most
    consumer = Consumer(clients.reader(cluster.bootstrap, "lag") | {"enable.partition.eof": True})
    try:
        consumer.assign([TopicPartition(*place, offset) for place, (offset, _) in gaps.items()])
        found, open_ends, deadline = 0, set(gaps), time.monotonic() + clients.ASK_TIMEOUT
        while open_ends and time.monotonic() < deadline:
            for message in consumer.consume(WORTH_COUNTING, 0.2):
                error = message.error()
                if error is None:
                    found += 1
                elif error.code() == KafkaError._PARTITION_EOF:
                    open_ends.discard((message.topic() or "", message.partition() or 0))
        return found
    finally:
        consumer.close()


def projections(cluster: Cluster, connection: "psycopg.Connection[object]") -> list[Lag]:
    """How far the projections are behind."""
    return [Lag(lag.projection, "projection", lag.behind) for lag in measures.lag(connection, ends(cluster, PROJECTED))]


def wait_for_projections(
    cluster: Cluster, connection: "psycopg.Connection[object]", patience: float, tell: Callable[[int], None]
) -> bool:
    """Waits until the projections have read all that is there now. False: they did not move for `patience` seconds."""
    wanted = ends(cluster, PROJECTED)
    best, moved = None, time.monotonic()
    while True:
        lags = measures.lag(connection, wanted)
        behind = sum(lag.behind for lag in lags)
        if lags and behind == 0:
            return True
        if best is None or behind < best:
            best, moved = behind, time.monotonic()
        if time.monotonic() - moved > patience:
            return False
        tell(behind)
        time.sleep(0.1)
