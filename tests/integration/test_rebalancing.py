"""Engine workers come and go: partitions that stay are decided on without a stop, and only those that move wait."""

import threading

import pytest

from engine.envelope import home, partition_of
from engine.interaction import events as e
from engine.interaction.decider import InteractionDecider
from rejoinder.cluster import Cluster
from tests.log_checks import read_log
from tests.processing import deployed, eventually, message, send, setup
from tests.threads import in_threads
from topics.clients import SESSION_TIMEOUT
from topics.observing import Restored, Unobserved
from topics.processor import Processor
from topics.shelves import MemoryShelf, Shelf

PARTITIONS = 4
AUTHORS = {
    partition: next(n for n in range(100) if partition_of(home(b"test", "x", str(n)), PARTITIONS) == partition)
    for partition in range(PARTITIONS)
}
"""A customer of each partition."""


class Noting(Processor):
    """Notes which partitions were taken from it."""

    dropped: frozenset[int] = frozenset()

    def _drop(self, partitions: list[int]) -> None:
        self.dropped |= set(partitions)
        super()._drop(partitions)

    @property
    def owned(self) -> set[int]:
        """Those that it has."""
        return set(self._partitions)


def decided(cluster: Cluster) -> set[tuple[int, str]]:
    """Partition and post of each message that was decided."""
    events = [each for each in read_log(cluster).events if isinstance(each, e.MessageReceived)]
    found = {(each.input_partition, each.item_id) for each in events}
    assert len(found) == len(events), "a message was decided twice"
    return found


def asked(number: int, partitions: set[int]) -> set[tuple[int, str]]:
    return {(partition, f"{AUTHORS[partition]}-{number}") for partition in partitions}


def ask(cluster: Cluster, number: int) -> None:
    """A message on each partition."""
    send(cluster, [message(author, number) for author in AUTHORS.values()])


@pytest.mark.timeout(240)
def test_who_joins_and_who_leaves_stops_nobody_else(kafka: str, topic_prefix: str) -> None:
    cluster = deployed(kafka, topic_prefix, PARTITIONS)
    every = set(range(PARTITIONS))
    moved: set[int] = set()
    may_go_on = threading.Event()

    def held_up(partition: int) -> Shelf:
        """The one that joins takes its time to read the state of what it takes over."""
        moved.add(partition)
        assert may_go_on.wait(120)
        return MemoryShelf()

    first = Noting(setup(cluster, InteractionDecider(), "1"))
    second = Noting(setup(cluster, InteractionDecider(), "2", shelves=held_up))
    with in_threads(first.run):
        ask(cluster, 1)
        eventually("the first decides on all", lambda: decided(cluster) == asked(1, every))
        with in_threads(second.run):
            eventually("the second takes some over", lambda: bool(moved))
            stay = set(first.owned)
            assert len(stay) == PARTITIONS // 2
            ask(cluster, 2)
            eventually(
                "the first goes on with those that stay",
                lambda: decided(cluster) >= asked(1, every) | asked(2, stay),
            )
            assert decided(cluster) == asked(1, every) | asked(2, stay), "nobody decides on those that move"
            may_go_on.set()
            eventually("the second decides on what it took", lambda: decided(cluster) >= asked(2, every))
            assert second.owned == moved == every - stay
        ask(cluster, 3)
        eventually("the first takes over what the second left", lambda: decided(cluster) >= asked(3, every))
        assert first.owned == every
        assert first.dropped == moved, "those that stayed were never taken from it"
    assert read_log(cluster).faults == []


class Held(Unobserved):
    """Holds a worker that has just read its partitions' state, while another joins its group."""

    def __init__(self) -> None:
        self.holds, self.goes_on = threading.Event(), threading.Event()

    def restored(self, restored: Restored) -> None:
        self.holds.set()
        self.goes_on.wait(60)


@pytest.mark.timeout(240)
def test_who_joins_while_another_reads_its_state_harms_nobody(kafka: str, topic_prefix: str) -> None:
    """The client then calls back twice within one call, which ended the process."""
    cluster = deployed(kafka, topic_prefix, PARTITIONS)
    observer = Held()
    first = Noting(setup(cluster, InteractionDecider(), "1", observer=observer))
    second = Noting(setup(cluster, InteractionDecider(), "2"))
    with in_threads(first.run):
        assert observer.holds.wait(60)
        with in_threads(second.run):
            # Until the first one's client knows: it hears of it with a heartbeat.
            threading.Event().wait(3 * SESSION_TIMEOUT / 4000)
            observer.goes_on.set()
            eventually("both have theirs", lambda: len(first.owned) == len(second.owned) == PARTITIONS // 2, 60)
            ask(cluster, 1)
            eventually("all is decided", lambda: decided(cluster) == asked(1, set(range(PARTITIONS))), 60)
