"""The bench compares like with like: the bare loop writes what the engine writes, byte for byte."""

from collections import defaultdict
from collections.abc import Sequence

import pytest
from confluent_kafka import Consumer, TopicPartition

from bench import main_path
from bench.engine_run import run_engine
from bench.floor_run import clone, run_floor
from bench.measure import BenchFailed
from bench.stage import Expected, expect, prepare
from bench.workload import messages
from rejoinder.cluster import Cluster
from topics import clients
from topics.catalogue import INTERACTION_CONTENT, INTERACTION_EVENTS, INTERACTION_PROFILES, ROUTING_COMMANDS, Catalogue
from topics.reading import high_watermarks

PARTITIONS = 4
COUNT = 200
Record = tuple[bytes | None, bytes | None, tuple[Sequence[str | bytes | None], ...]]
"""Key, value and headers."""


@pytest.fixture
def cluster(kafka: str, topic_prefix: str) -> Cluster:
    return prepare(kafka, topic_prefix, messages(COUNT), PARTITIONS)


def written(bootstrap: str, catalogue: Catalogue, topic: str) -> dict[int, list[Record]]:
    """What lies on each partition of a topic, in its order."""
    name, partitions = catalogue.name(topic), range(catalogue.topic(topic).partitions)
    ends = high_watermarks(bootstrap, name, partitions)
    consumer = Consumer(clients.reader(bootstrap, f"bench-test-{name}") | {"enable.partition.eof": True})
    found: dict[int, list[Record]] = defaultdict(list)
    try:
        consumer.assign([TopicPartition(name, each, 0) for each in partitions])
        ended: set[int] = set()
        while ended != set(ends):
            for message in consumer.consume(1_000, 1.0):
                partition = message.partition() or 0
                if message.error() is not None:
                    ended.add(partition)
                else:
                    headers = tuple(message.headers() or [])
                    found[partition].append((message.key(), message.value(), headers))
    finally:
        consumer.close()
    return dict(found)


def test_both_sides_write_the_same_records(cluster: Cluster, topic_prefix: str) -> None:
    expected = expect(cluster)
    target = clone(cluster, f"floor-{topic_prefix}", expected)
    engine = run_engine(cluster, expected)
    floor = run_floor(cluster, target, expected)
    assert engine.events == floor.events == expected.events > COUNT
    assert engine.commands == floor.commands == COUNT + PARTITIONS  # and the policy's, one a partition
    for topic in (INTERACTION_EVENTS, INTERACTION_CONTENT, INTERACTION_PROFILES):
        by_engine = written(cluster.bootstrap, cluster.catalogue, topic)
        assert by_engine == written(cluster.bootstrap, target, topic)
        assert sum(map(len, by_engine.values())) == len(expected.of(topic))
    # All of one pool: the partitions of the messages may come there in any order.
    requests, copies = (written(cluster.bootstrap, each, ROUTING_COMMANDS) for each in (cluster.catalogue, target))
    assert requests.keys() == copies.keys()
    assert all(sorted(map(repr, requests[each])) == sorted(map(repr, copies[each])) for each in requests)
    assert set(target.topics) == {target.name(each) for each in written_topics(expected)}


def written_topics(expected: Expected) -> set[str]:
    return {ready.topic for each in expected.records.values() for ready in each}


def test_a_run_that_makes_other_events_than_expected_is_not_counted(cluster: Cluster) -> None:
    expected = expect(cluster)
    with pytest.raises(BenchFailed, match="a batch was done again"):
        run_engine(cluster, Expected(expected.records, expected.events + 1))


def test_the_main_path_is_told_against_the_bare_loop(kafka: str) -> None:
    (main, floor), made = main_path.measure(kafka, COUNT, 1)
    assert (main.name, main.against, floor.name) == ("main_path", "floor", "floor")
    assert main.ratio == pytest.approx(main.value / floor.value, abs=0.01)
    assert len(main.detail["rounds"]) == len(floor.detail["rounds"]) == 1
    assert main.detail["events"] == made.expected.events
