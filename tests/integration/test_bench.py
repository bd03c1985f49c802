"""The bench compares like with like: the bare loops write what the engine writes, byte for byte."""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from bench.engine_run import run_engine, run_processor
from bench.floor_run import Write, copying, making, run_floor
from bench.measure import BenchFailed
from bench.population import Population
from bench.stage import Staged, stage
from rejoinder.cluster import Cluster, wall_clock
from rejoinder.instance import DataFolder
from topics import clients
from topics.broker import Broker
from topics.catalogue import INTERACTION_CONTENT, INTERACTION_EVENTS, INTERACTION_PROFILES, ROUTING_COMMANDS, Catalogue
from topics.reading import high_watermarks

PARTITIONS = 4
COUNT = 200
Record = tuple[bytes | None, bytes | None, tuple[Sequence[str | bytes | None], ...]]
"""Key, value and headers."""


@pytest.fixture
def staged(kafka: str, topic_prefix: str) -> Staged:
    return stage(kafka, topic_prefix, COUNT, PARTITIONS)


def written(broker: Broker, catalogue: Catalogue, topic: str) -> dict[int, list[Record]]:
    """What lies on each partition of a topic, in its order."""
    name, partitions = catalogue.name(topic), range(catalogue.topic(topic).partitions)
    ends = high_watermarks(broker, name, partitions)
    consumer = Consumer(clients.reader(broker.bootstrap, f"bench-test-{name}") | {"enable.partition.eof": True})
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


@pytest.mark.parametrize("kind", [making, copying])
def test_both_sides_write_the_same_records(
    staged: Staged, topic_prefix: str, kind: Callable[[Cluster, Catalogue], Write]
) -> None:
    cluster, expected = staged.cluster, staged.expected
    with staged.target(f"floor-{topic_prefix}") as target:
        engine = run_engine(cluster, expected)
        floor = run_floor(cluster, target, expected, kind)
        assert engine.events == floor.events == expected.events > COUNT
        assert engine.commands == floor.commands == COUNT + PARTITIONS  # and the policy's, one a partition
        for topic in (INTERACTION_EVENTS, INTERACTION_CONTENT, INTERACTION_PROFILES):
            by_engine = written(cluster.broker, cluster.catalogue, topic)
            by_floor = written(cluster.broker, target, topic)
            assert [*map(by_engine.get, by_engine)] == [*map(by_floor.get, by_engine)]
            assert sum(map(len, by_engine.values())) == len(expected.of(topic))
        # All of one pool: the partitions of the messages may come there in any order.
        requests, copies = (written(cluster.broker, each, ROUTING_COMMANDS) for each in (cluster.catalogue, target))
        assert requests.keys() == copies.keys()
        assert all(sorted(map(repr, requests[each])) == sorted(map(repr, copies[each])) for each in requests)
        assert set(target.topics) == {target.name(each.topic) for made in expected.records.values() for each in made}


def test_a_run_that_makes_other_events_than_expected_is_not_counted(staged: Staged) -> None:
    expected = replace(staged.expected, events=staged.expected.events + 1)
    with pytest.raises(BenchFailed, match="a batch was done again"):
        run_engine(staged.cluster, expected)


def test_each_round_begins_with_the_same_and_leaves_nothing(staged: Staged, topic_prefix: str) -> None:
    with staged.again(f"again-{topic_prefix}") as cluster:
        assert run_engine(cluster, staged.expected).events == staged.expected.events
        left = cluster.catalogue
        assert written(cluster.broker, left, INTERACTION_EVENTS)
    topics = Consumer(clients.reader(staged.cluster.bootstrap, "bench-test")).list_topics(timeout=10).topics
    assert not set(left.topics) & set(topics)
    assert set(staged.cluster.catalogue.topics) <= set(topics)


@pytest.fixture
def population(kafka: str, tmp_path: Path) -> Population:
    folder = DataFolder(tmp_path / "data")
    folder.create()
    return Population.make(kafka, folder, 30, 3)


def test_a_worker_goes_on_from_the_contacts_that_were_written(population: Population) -> None:
    # Its state was made from the log by a real worker, which checks the chain of each key.
    log = population.cluster.catalogue
    assert population.group().is_at_end()
    assert not population.group().is_at_end(dict.fromkeys(range(16), 9))
    before = written(population.cluster.broker, log, INTERACTION_EVENTS)
    keys = {key for records in before.values() for key, _, _ in records if key and not key.startswith(b"~")}
    assert len(keys) == 30
    assert population.events >= 30 * 3 * 3
    population.ask(population.messages(40, 1))
    state = population.settings.data / "state"
    timing = run_processor(population.cluster, 40, state, "1", wall_clock)
    # All of known contacts: none is made anew, though each message begins something.
    codec = population.cluster.codec
    after = written(population.cluster.broker, log, INTERACTION_EVENTS)
    new = [record for each, records in after.items() for record in records[len(before.get(each, [])) :]]
    kinds = [type(codec.decode(value or b"")).__name__ for key, value, _ in new if key and not key.startswith(b"~")]
    assert kinds.count("MessageReceived") == 40
    assert "ContactCreated" not in kinds
    assert timing.commands == 40


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_measure_ends_where_it_is_small() -> None:
    names = ("engine_events", "peers", "scale", "latency", "projector", "routing", "growth", "memory", "restart")
    sizes = "--messages 400 --rounds 1 --contacts 200 --long-contacts 50 --seconds 2 --waiting 100"
    chosen = [option for name in names for option in ("--only", name)]
    ended = subprocess.run(
        [sys.executable, "-m", "bench", *chosen, *sizes.split()], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    found = {line["name"]: line for line in map(json.loads, ended.stdout.splitlines())}
    assert found["engine_over_quixstreams"]["ratio"] > 0
    assert found["restart"]["value"] > 0 and found["restart_long_log"]["ratio"] > 0
    assert found["memory"]["value"] > 10
    assert found["latency_p99"]["value"] >= found["latency_p50"]["value"] > 0
    assert found["growth_200"]["against"] == "growth_2"
