"""The audit on a real Kafka: a log as it was written has no fault, and one that was not has it named."""

from pathlib import Path

import pytest

from rejoinder.auditing import verify, writers
from rejoinder.cluster import Cluster
from rejoinder.signing import public_keys
from tests import tampering
from tests.processing import AUDIT_SECRET, agent, deployed, eventually, message, send, working
from tests.tampering import TAMPERINGS, Change, Tampering, place_of
from topics.catalogue import INTERACTION_EVENTS
from topics.reading import read_all

PARTITIONS = 2


@pytest.fixture(scope="module")
def cluster(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """A log of some transactions by two workers, each of whom was started again."""
    found = deployed(kafka, "audited.", PARTITIONS)
    send(found, agent("agent-1", 100))
    state = tmp_path_factory.mktemp("state")
    for turn, instance in enumerate(("1", "2", "1", "2")):
        send(found, [message(author, turn) for author in range(6)])
        with working(found, instance, routing=True, state=Path(state)):
            eventually("all are assigned", lambda turn=turn: _count(found) >= 6 * (turn + 1))  # type: ignore[misc]
    return found


def _count(cluster: Cluster) -> int:
    topic = cluster.catalogue.name(INTERACTION_EVENTS)
    found = read_all(cluster.broker, topic, range(PARTITIONS), "count")
    kinds = [type(cluster.codec.decode(record.value or b"")).__name__ for record in found]
    return kinds.count("MessageReceived")


def trusted(cluster: Cluster) -> dict[str, bytes]:
    return public_keys(AUDIT_SECRET, writers(cluster))


def copy(cluster: Cluster, kafka: str, prefix: str, change: Change) -> Cluster:
    """The same log under another prefix, in which somebody changed something."""
    other = deployed(kafka, prefix, PARTITIONS)
    tampering.copy(cluster, other, change)
    return other


def test_a_log_as_it_was_written_has_no_fault(cluster: Cluster) -> None:
    checked = verify(cluster, trusted(cluster))
    assert checked.faults == []
    assert checked.events > 24
    assert set(checked.heads) == {"interaction-1", "interaction-2", "routing-1", "routing-2"}
    assert sum(head.number for head in checked.heads.values()) == checked.seals


def test_a_copy_has_no_fault_either(cluster: Cluster, kafka: str, topic_prefix: str) -> None:
    assert verify(copy(cluster, kafka, topic_prefix, lambda records: records), trusted(cluster)).faults == []


@pytest.mark.parametrize("done", TAMPERINGS, ids=lambda each: each.name)
def test_what_somebody_did_to_the_log_is_found_and_named(
    cluster: Cluster, kafka: str, topic_prefix: str, done: Tampering
) -> None:
    events = list(read_all(cluster.broker, cluster.catalogue.name(INTERACTION_EVENTS), [0], "before"))
    checked = verify(copy(cluster, kafka, topic_prefix, done.change), trusted(cluster))
    of_seals = [fault for fault in checked.faults if done.says in fault.reason]
    wanted = INTERACTION_EVENTS, 0, place_of(done, events)
    assert [(fault.topic, fault.partition, fault.offset) for fault in of_seals] == [wanted]
