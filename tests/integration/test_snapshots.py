"""Snapshots on a real Kafka: a machine without state begins with them, and has the rows that the log gives."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from msgspec import msgpack
from msgspec.structs import replace

from engine.interaction.decider import InteractionDecider
from engine.interaction.state import Address, EarlyWords
from rejoinder.cluster import Cluster
from rejoinder.programs.engine import ROWS
from tests.integration.test_processor import changed, received
from tests.integration.test_processor_state import AllRows, decide, from_the_log, rows_of, state_in
from tests.log_checks import read_log
from tests.processing import deployed, eventually, log_of, message, send, setup, worker, working
from topics import apart, clients, saving, snapshots
from topics.deciding import Deciding
from topics.reading import read_all
from topics.restoring import restore
from topics.shapes import Shape
from topics.shelves import MemoryShelf
from topics.snapshots import MARKER, Marker

PARTITIONS = 2
SHAPE = Shape(ROWS)


@pytest.fixture
def cluster(kafka: str, topic_prefix: str) -> Cluster:
    return deployed(kafka, topic_prefix, PARTITIONS)


@pytest.fixture
def replayed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys of the events that are replayed from now on."""
    found: list[str] = []
    replay = Deciding.replay

    def noted(self: Deciding, key: str, event: object, digest: bytes) -> None:
        found.append(key)
        replay(self, key, event, digest)  # type: ignore[arg-type]

    monkeypatch.setattr(Deciding, "replay", noted)
    return found


def folders(tmp_path: Path) -> Iterator[Path]:
    """Machines without state, one after the other."""
    for number in range(9):
        folder = tmp_path / f"machine{number}"
        folder.mkdir()
        yield folder


def on_a_new_machine(cluster: Cluster) -> AllRows:
    """Every row as a machine without state gets it from the snapshots, and the log beyond them."""
    every: AllRows = {}
    for partition in range(PARTITIONS):
        given = setup(cluster, InteractionDecider(), "x")
        shelf = MemoryShelf(SHAPE)
        deciding = Deciding(given.decider, given.codec, partition, given.policies, given.clock, shelf=shelf)
        restore({partition: deciding}, cluster.codec, log_of(cluster, snapshots=True))
        every |= rows_of(deciding)
    return every


def markers(cluster: Cluster) -> dict[int, Marker]:
    shelves = {partition: MemoryShelf(SHAPE) for partition in range(PARTITIONS)}
    return snapshots.latest(cluster.broker, cluster.catalogue.name("interaction.snapshots"), shelves)


def in_topic(cluster: Cluster) -> list[tuple[int, bytes, bytes | None]]:
    topic = cluster.catalogue.name("interaction.snapshots")
    return [(each.partition, each.key, each.value) for each in read_all(cluster.broker, topic, range(PARTITIONS), "s")]


def forge(cluster: Cluster, forged: dict[int, Marker]) -> None:
    producer = Producer(clients.producer(cluster.bootstrap, "forger"))
    for partition, marker in forged.items():
        topic = cluster.catalogue.name("interaction.snapshots")
        producer.produce(topic, msgpack.encode(marker), MARKER, partition)
    assert producer.flush(10) == 0


def test_a_new_machine_begins_with_the_snapshot_and_has_the_rows_of_the_log(
    cluster: Cluster, tmp_path: Path, replayed: list[str]
) -> None:
    old, new, newest, *_ = folders(tmp_path)
    send(cluster, [changed(author) for author in range(10)])
    decide(cluster, old, 1, 2, 3)
    assert replayed == []
    decide(cluster, new, 4)
    assert replayed == []
    rows = on_a_new_machine(cluster)
    assert rows == from_the_log(cluster)
    kinds = [type(row) for found in rows.values() for _, row in found]
    assert (kinds.count(EarlyWords), kinds.count(Address)) == (10, 10)
    replayed.clear()
    decide(cluster, newest, 5)
    assert replayed == []
    assert state_in(cluster, newest) == from_the_log(cluster)
    assert read_log(cluster).faults == []


@pytest.mark.parametrize("point", ["produced", "offsets", "committed", "stored"])
def test_killed_at_any_point_of_a_checkpoint_the_next_machine_has_the_rows_of_the_log(
    cluster: Cluster, tmp_path: Path, point: str
) -> None:
    old, new, *_ = folders(tmp_path)
    send(cluster, [message(author, 1) for author in range(20)])
    sent = 20
    first = worker(cluster, old, PARTITIONS, "1", f"checkpoint {point}", "4", UNSAVED="40")
    try:
        while first.poll() is None and sent < 600:
            eventually("it goes on", lambda sent=sent: first.poll() is not None or received(cluster) >= sent)  # type: ignore[misc]
            send(cluster, [message(author, sent) for author in range(20)])
            sent += 20
        assert first.wait(60) == -signal.SIGKILL
    finally:
        first.kill()
        first.wait()
    assert on_a_new_machine(cluster) == from_the_log(cluster)
    with working(cluster, state=old):
        eventually("all are decided", lambda: received(cluster) == sent)
    assert on_a_new_machine(cluster) == from_the_log(cluster) == state_in(cluster, old)
    decide(cluster, new, 1000)
    assert on_a_new_machine(cluster) == from_the_log(cluster) == state_in(cluster, new)
    assert read_log(cluster).faults == []


def test_a_checkpoint_of_a_zombie_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    """It stops when its records are with the broker, and goes on when another worker has its partitions."""
    old, new, *_ = folders(tmp_path)
    send(cluster, [message(author, 1) for author in range(10)])
    stopped = (f"{int(signal.SIGSTOP)}",)
    zombie = worker(cluster, old, PARTITIONS, "1", "checkpoint produced", "4", *stopped, UNSAVED="40")
    try:
        for number in range(2, 30):
            send(cluster, [message(author, number) for author in range(10)])
            if os.waitpid(zombie.pid, os.WUNTRACED | os.WNOHANG) != (0, 0):
                break
            before = 10 * (number - 1)
            eventually("it goes on", lambda before=before: received(cluster) >= before)  # type: ignore[misc]
        before = len(in_topic(cluster))
        successor = worker(cluster, new, PARTITIONS, "2", UNSAVED="40")
        try:
            eventually("another worker goes on", lambda: received(cluster) == 10 * number)
            os.kill(zombie.pid, signal.SIGCONT)
            send(cluster, [message(author, 99) for author in range(10)])
            eventually("all are decided", lambda: received(cluster) == 10 * number + 10)
            assert on_a_new_machine(cluster) == from_the_log(cluster)
        finally:
            successor.terminate()
            assert successor.wait(30) == 0
    finally:
        os.kill(zombie.pid, signal.SIGCONT)
        zombie.terminate()
        assert zombie.wait(30) == 0
    assert read_log(cluster).faults == []
    assert on_a_new_machine(cluster) == from_the_log(cluster)


@pytest.mark.parametrize("wrong", ["shape", "cluster", "digest", "ahead", "not whole"])
def test_a_snapshot_that_cannot_be_used_is_passed_over_and_written_anew(
    cluster: Cluster, tmp_path: Path, wrong: str, replayed: list[str]
) -> None:
    old, new, newest, *_ = folders(tmp_path)
    decide(cluster, old, 1, 2)
    events = len(read_log(cluster).events)
    forged = {}
    for partition, marker in markers(cluster).items():
        position = marker.position
        forged[partition] = {
            "shape": replace(marker, shape="other"),
            "cluster": replace(marker, position=replace(position, cluster="elsewhere")),
            "digest": replace(marker, position=replace(position, digest=b"0" * 32)),
            "ahead": replace(marker, position=replace(position, event_offset=position.event_offset + 1000)),
            "not whole": replace(marker, whole=False),
        }[wrong]
    forge(cluster, forged)
    decide(cluster, new, 3)
    assert len(replayed) == events
    assert state_in(cluster, new) == from_the_log(cluster)
    assert {marker.generation for marker in markers(cluster).values()} == {2}
    replayed.clear()
    decide(cluster, newest, 4)
    assert replayed == []
    assert state_in(cluster, newest) == on_a_new_machine(cluster) == from_the_log(cluster)


def test_a_folder_far_behind_begins_with_the_snapshot_and_one_near_it_with_itself(
    cluster: Cluster, tmp_path: Path, replayed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new, *_ = folders(tmp_path)
    decide(cluster, old, 1)
    decide(cluster, new, 2, 3)
    since = len(read_log(cluster).events)
    decide(cluster, old, 4)
    assert 0 < len(replayed) < since
    monkeypatch.setattr("topics.restoring.NEARER", 5)
    replayed.clear()
    decide(cluster, new, 5)
    assert replayed == []
    assert state_in(cluster, new) == on_a_new_machine(cluster) == from_the_log(cluster)


def test_a_snapshot_of_a_state_that_was_there_before_takes_several_checkpoints(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replayed: list[str]
) -> None:
    old, new, *_ = folders(tmp_path)
    decide(cluster, old, 1, 2)
    forge(cluster, {each: replace(marker, shape="other") for each, marker in markers(cluster).items()})
    monkeypatch.setattr(saving, "UNSAVED", 7)
    monkeypatch.setattr(saving, "UNSAVED_BUSY", 7)
    with working(cluster, state=old):
        eventually(
            "it is whole", lambda: all(each.generation == 2 and each.whole for each in markers(cluster).values())
        )
    written = [msgpack.decode(value, type=Marker) for _, key, value in in_topic(cluster) if key == MARKER and value]
    assert sum(marker.generation == 2 and not marker.whole for marker in written) > 2 * PARTITIONS
    monkeypatch.undo()
    assert on_a_new_machine(cluster) == from_the_log(cluster)
    decide(cluster, new, 3)
    assert state_in(cluster, new) == from_the_log(cluster)


def test_no_word_and_no_name_is_in_a_snapshot(cluster: Cluster, tmp_path: Path) -> None:
    send(cluster, [changed(author) for author in range(10)])
    decide(cluster, tmp_path, 1, 2)
    written = in_topic(cluster)
    assert len(written) > 100
    for author in range(10):
        told = (f"message 1 of {author}", f"person{author}", f"changed by {author}")
        assert not any(word.encode() in key + (value or b"") for word in told for _, key, value in written)
    kinds = {SHAPE.split(key)[1] for _, key, _ in written if key != MARKER}
    assert not any(kind.has_words for kind in kinds)
    assert len(kinds) > 5


def test_compaction_does_no_harm(cluster: Cluster, tmp_path: Path, replayed: list[str]) -> None:
    """Rows that are written again and again, and tombstones that are taken away at once."""
    old, new, *_ = folders(tmp_path)
    hastily = {
        "segment.ms": "100", "min.cleanable.dirty.ratio": "0.001", "delete.retention.ms": "0",
        "max.compaction.lag.ms": "100",
    }  # fmt: skip
    topic = cluster.catalogue.name("interaction.snapshots")
    entries = [ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in hastily.items()]
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
    admin = AdminClient(clients.admin(cluster.bootstrap))
    (answer,) = admin.incremental_alter_configs([resource]).values()
    answer.result(30)
    for number in range(1, 8):
        decide(cluster, old, number)
    before = in_topic(cluster)
    forge(cluster, markers(cluster))  # a record more, so that the segment before it is closed
    eventually("something is taken away", lambda: len(in_topic(cluster)) < len(before), 90)
    decide(cluster, new, 8)
    assert replayed == []
    assert state_in(cluster, new) == on_a_new_machine(cluster) == from_the_log(cluster)


def test_old_words_are_not_read_back(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new, *_ = folders(tmp_path)
    send(cluster, [changed(author) for author in range(10)])
    decide(cluster, old, 1)
    monkeypatch.setattr("topics.processor.WORDS_KEPT", -60_000)  # of what comes in a minute, and not before
    read: list[str] = []
    monkeypatch.setattr(apart, "take_word", lambda deciding, record, codec: read.append(record.key.decode()))
    with working(cluster, state=new) as (processor,):
        eventually("it has its partitions", processor.assigned.is_set)
        kinds = [
            type(row) for each in processor._partitions.values() for rows in each.state.all() for _, row in rows.all()
        ]
    assert read == []
    assert (kinds.count(EarlyWords), kinds.count(Address)) == (0, 10)
