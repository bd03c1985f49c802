"""The state of a processor in RocksDB, and a log that went on without it: whatever it is, it becomes the log's."""

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest

from engine.interaction.decider import InteractionDecider
from engine.rows import Row
from rejoinder.cluster import Cluster
from rejoinder.programs.engine import state_folder
from tests.integration.test_processor import received
from tests.log_checks import read_log
from tests.processing import deployed, eventually, log_of, message, send, setup, working
from topics.deciding import Deciding
from topics.restoring import restore
from topics.rocks import RocksFolder
from topics.shelves import MemoryShelf, Shelf

PARTITIONS = 2

AllRows = dict[str, list[tuple[str, Row]]]


@pytest.fixture
def cluster(kafka: str, topic_prefix: str) -> Cluster:
    return deployed(kafka, topic_prefix, PARTITIONS)


def decide(cluster: Cluster, state: Path, *numbers: int) -> None:
    """Ten people's messages with these numbers are decided by a worker with its state there."""
    before = received(cluster)
    send(cluster, [message(author, number) for author in range(10) for number in numbers])
    with working(cluster, state=state):
        eventually("all are decided", lambda: received(cluster) == before + 10 * len(numbers))


@contextmanager
def folder(state: Path) -> Iterator[RocksFolder]:
    with closing(state_folder(state, InteractionDecider(), "1")) as found:
        yield found


def rows_of(deciding: Deciding) -> AllRows:
    return {rows.key: found for rows in deciding.state.all() if (found := list(rows.all()))}


def state_in(cluster: Cluster, state: Path) -> AllRows:
    """Every row as it lies in the folder, brought nowhere."""
    with folder(state) as found:
        every: AllRows = {}
        for partition in range(PARTITIONS):
            shelf = found.shelf(partition)
            every |= {key: sorted(shelf.all(key), key=_order) for key in shelf.all_keys()}
    return every


def _order(entry: tuple[str, Row]) -> tuple[str, str]:
    return type(entry[1]).__name__, entry[0]


def rebuilt(cluster: Cluster, shelf: Shelf, partition: int) -> AllRows:
    """The rows of one partition, from a shelf and the log."""
    given = setup(cluster, InteractionDecider(), "x")
    deciding = Deciding(given.decider, given.codec, partition, given.policies, given.clock, shelf=shelf)
    restore({partition: deciding}, cluster.codec, log_of(cluster))
    return rows_of(deciding)


def from_the_log(cluster: Cluster) -> AllRows:
    every: AllRows = {}
    for partition in range(PARTITIONS):
        every |= rebuilt(cluster, MemoryShelf(), partition)
    return every


def test_what_lies_in_the_folder_is_what_the_log_gives(cluster: Cluster, tmp_path: Path) -> None:
    decide(cluster, tmp_path, 1, 2)
    decide(cluster, tmp_path, 3)
    assert read_log(cluster).faults == []
    assert state_in(cluster, tmp_path) == from_the_log(cluster)


def test_a_restart_reads_only_what_came_since(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide(cluster, tmp_path, 1, 2)
    replayed: list[str] = []
    monkeypatch.setattr(Deciding, "replay", lambda self, key, event, digest: replayed.append(key))
    decide(cluster, tmp_path, 3)
    assert replayed == []


def test_a_state_that_is_behind_the_log_catches_up(cluster: Cluster, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    decide(cluster, old, 1)
    shutil.copytree(old, new)
    decide(cluster, new, 2, 3)
    decide(cluster, old, 4)
    assert read_log(cluster).faults == []
    assert state_in(cluster, old) == from_the_log(cluster)


@pytest.mark.parametrize("wrong", ["ahead", "another digest", "another cluster"])
def test_a_state_that_is_not_of_this_log_is_built_again(cluster: Cluster, tmp_path: Path, wrong: str) -> None:
    decide(cluster, tmp_path, 1)
    with folder(tmp_path) as found:
        for partition in range(PARTITIONS):
            shelf = found.shelf(partition)
            position = shelf.position()
            assert position is not None
            positions = {
                "ahead": msgspec.structs.replace(position, event_offset=position.event_offset + 1000),
                "another digest": msgspec.structs.replace(position, digest=b"0" * 32),
                "another cluster": msgspec.structs.replace(position, cluster="elsewhere"),
            }
            shelf.write([], positions[wrong])
    decide(cluster, tmp_path, 2)
    assert read_log(cluster).faults == []
    assert state_in(cluster, tmp_path) == from_the_log(cluster)


def test_a_state_of_other_topics_is_built_again(kafka: str, cluster: Cluster, tmp_path: Path) -> None:
    other = deployed(kafka, f"{cluster.catalogue.prefix}other.", PARTITIONS)
    decide(other, tmp_path, 1, 2, 3)
    decide(cluster, tmp_path, 1)
    assert read_log(cluster).faults == []
    assert state_in(cluster, tmp_path) == from_the_log(cluster)


def test_a_lost_folder_is_built_again(cluster: Cluster, tmp_path: Path) -> None:
    decide(cluster, tmp_path, 1)
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    decide(cluster, tmp_path, 2)
    assert state_in(cluster, tmp_path) == from_the_log(cluster)
