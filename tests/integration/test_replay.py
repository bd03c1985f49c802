"""Replaying parts of a real log: what is chosen, in which order, and where to."""

import json
from collections import defaultdict
from pathlib import Path

import fastavro
import pytest

from engine.envelope import home
from rejoinder.cluster import Cluster
from rejoinder.deployment import deploy, ensure_policy
from rejoinder.replay_sinks import CannotReplay, into_file, into_topic
from rejoinder.replaying import Count, Replayed, Wanted, replay
from tests.processing import POLICY, agent, eventually, message, send, settings_of, working
from topics import merging
from topics.catalogue import INTERACTION_EVENTS, ROUTING_EVENTS
from topics.reading import read_all

PARTITIONS = 3
AUTHORS = 7
BASE = 1_700_000_000_000


@pytest.fixture(scope="module")
def cluster(kafka: str) -> Cluster:
    """Some conversations, the last message of each an hour after the first."""
    found, _ = deploy(settings_of(kafka, "replayed.", PARTITIONS), kafka)
    ensure_policy(found, POLICY, BASE - 1)
    send(found, agent("agent-1", 100))
    for hour in range(2):
        at = BASE + hour * 3_600_000
        send(found, [message(author, hour, at=at + author) for author in range(AUTHORS)])
    with working(found, routing=True):
        eventually("all is received", lambda: _received(found) == 2 * AUTHORS)
    return found


def _received(cluster: Cluster) -> int:
    return sum(1 for each in everything(cluster) if type(each.event).__name__ == "MessageReceived")


def chosen(cluster: Cluster, **wanted: object) -> list[Replayed]:
    return list(replay(cluster, Wanted(**wanted), Count(), lambda: None))  # type: ignore[arg-type]


def everything(cluster: Cluster) -> list[Replayed]:
    return chosen(cluster, streams=("interaction", "routing"))


def raw(cluster: Cluster, topic: str) -> list[tuple[int, int, bytes, bytes | None]]:
    found = read_all(cluster.broker, cluster.catalogue.name(topic), range(PARTITIONS), "raw")
    return [(each.partition, each.offset, each.key, each.value) for each in found]


def test_all_of_it_comes_once_in_the_order_of_each_key_and_of_time(cluster: Cluster) -> None:
    found = everything(cluster)
    for topic in (INTERACTION_EVENTS, ROUTING_EVENTS):
        here = [(*each.record[:2], each.record.key, each.record.value) for each in found if each.topic == topic]
        assert sorted(here) == sorted(raw(cluster, topic))
    sequences: dict[tuple[str, str], list[int]] = defaultdict(list)
    for each in found:
        sequences[each.topic, each.key].append(each.event.sequence)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in sequences.values())
    times = [each.event.occurred_at for each in chosen(cluster) if each.event.interaction_id is not None]
    assert times == sorted(times)


def test_it_is_the_same_when_hardly_any_of_it_fits_into_memory(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = everything(cluster)
    monkeypatch.setattr(merging, "MANY", 2)
    monkeypatch.setattr(merging, "FEW", 1)
    assert [each.record for each in everything(cluster)] == [each.record for each in whole]


def test_each_way_to_choose(cluster: Cluster) -> None:
    found = everything(cluster)
    interactions = [each for each in found if each.topic == INTERACTION_EVENTS]
    key = home(b"test", "x", "3")
    one = next(each.event.interaction_id for each in interactions if each.key == key)
    later = BASE + 3_600_000
    assert chosen(cluster, interaction=one) == [each for each in interactions if each.event.interaction_id == one]
    assert chosen(cluster, key=key) == [each for each in interactions if each.key == key]
    assert {each.key for each in chosen(cluster, contact=key)} == {key}
    assert chosen(cluster, since=later) == [each for each in interactions if each.event.occurred_at >= later]
    assert chosen(cluster, until=later) == [each for each in interactions if each.event.occurred_at < later]
    assert chosen(cluster, types=frozenset({"Queued"}))
    assert {type(each.event).__name__ for each in chosen(cluster, types=frozenset({"Queued"}))} == {"Queued"}
    assert chosen(cluster, account="x:9") == [each for each in interactions if each.event.interaction_id is not None]
    assert chosen(cluster, account="x:8") == []
    part = chosen(cluster, partition=1, from_offset=2, to_offset=5)
    assert [each.record.offset for each in part] == [
        each.record.offset for each in interactions if each.record.partition == 1 and 2 <= each.record.offset < 5
    ]
    assert part


def test_a_file_has_all_of_it_or_is_not_there(cluster: Cluster, tmp_path: Path) -> None:
    found = everything(cluster)
    lines, container = tmp_path / "log.jsonl", tmp_path / "log.avro"
    for file in (lines, container):
        with into_file(file, cluster) as sink:
            for each in found:
                sink.take(each)
    told = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [(each["topic"], each["partition"], each["offset"]) for each in told] == [
        (each.topic, each.record.partition, each.record.offset) for each in found
    ]
    with container.open("rb") as stream:
        records = list(fastavro.reader(stream, return_record_name=True))
    assert [(each["offset"], each["event"][1]["event_id"]) for each in records] == [  # type: ignore[call-overload, index]
        (each.record.offset, each.event.event_id) for each in found
    ]
    with pytest.raises(RuntimeError), into_file(tmp_path / "half.jsonl", cluster) as sink:
        sink.take(found[0])
        raise RuntimeError
    assert sorted(each.name for each in tmp_path.iterdir()) == ["log.avro", "log.jsonl"]
    with pytest.raises(CannotReplay, match="can't be written"), into_file(tmp_path / "no" / "file", cluster):
        pass


def test_another_topic_gets_the_records_as_they_are(cluster: Cluster, topic_prefix: str) -> None:
    target = f"{topic_prefix}copy"
    found = chosen(cluster)
    with into_topic(target, cluster, PARTITIONS) as sink:
        for each in found:
            sink.take(each)
    copied = [tuple(each[2:4]) for each in read_all(cluster.broker, target, range(PARTITIONS), "copied")]
    assert sorted(copied) == sorted((key, value) for *_, key, value in raw(cluster, INTERACTION_EVENTS))
    own = cluster.catalogue.name(INTERACTION_EVENTS)
    with pytest.raises(CannotReplay, match="own topics"), into_topic(own, cluster, PARTITIONS):
        pass
