"""Deciding the past again on a real Kafka: the same, also from the middle; and a changed rule is named."""

from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from bench.shows.past import Changed
from engine.decider import Context, Decision
from engine.interaction import events as e
from engine.interaction.commands import ReceiveMessage
from engine.interaction.decider import InteractionDecider
from engine.record import Command
from engine.rows import Rows
from rejoinder import verifying
from rejoinder.cluster import Cluster
from rejoinder.verifying import DECIDERS, verify
from tests.processing import agent, deployed, eventually, message, send, settings_of, setup, working
from tests.threads import in_threads
from topics import clients
from topics.again import Again
from topics.catalogue import INTERACTION_COMMANDS, INTERACTION_EVENTS
from topics.processor import Processor
from topics.reading import read_all, watermarks

PARTITIONS = 2
PREFIX = "again."
PLACES = [(name, partition) for name in DECIDERS for partition in range(PARTITIONS)]


@pytest.fixture(scope="module")
def cluster(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """Conversations that two workers decided in turn, each started again from its state."""
    found = deployed(kafka, PREFIX, PARTITIONS)
    send(found, agent("agent-1", 5))
    state = tmp_path_factory.mktemp("state")
    for turn, instance in enumerate(("1", "2", "1")):
        send(found, [message(author, turn) for author in range(12)])
        send(found, [message(author, turn) for author in range(3)])  # repeats lead to nothing
        with working(found, instance, routing=True, state=Path(state)):
            eventually("all is received", lambda turn=turn: _received(found) == 12 * (turn + 1))  # type: ignore[misc]
    return found


def _received(cluster: Cluster) -> int:
    return len(_received_of(cluster))


def _received_of(cluster: Cluster) -> list[e.MessageReceived]:
    topic = cluster.catalogue.topic(INTERACTION_EVENTS)
    found = read_all(cluster.broker, topic.name, range(topic.partitions), "count")
    events = (cluster.codec.decode(record.value or b"") for record in found)
    return [event for event in events if isinstance(event, e.MessageReceived)]


def again(cluster: Cluster, jobs: int = 1) -> list[Again]:
    return list(verify(settings_of(cluster.bootstrap, PREFIX, PARTITIONS), cluster.bootstrap, PLACES, jobs))


def test_the_code_of_today_comes_to_the_log_and_in_several_processes_too(cluster: Cluster) -> None:
    found = again(cluster)
    assert [each.difference for each in found] == [None] * len(PLACES)
    assert all(each.before == 0 for each in found)
    assert sum(each.events for each in found if each.decider == "interaction") > 36 * 3
    assert sum(each.events for each in found if each.decider == "routing") > 12
    together = again(cluster, jobs=2)
    assert sorted(together, key=_place) == sorted(found, key=_place)


def _place(each: Again) -> tuple[str, int]:
    return each.decider, each.partition


def test_a_changed_rule_is_found_with_the_first_event_that_it_changes(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(verifying.DECIDERS, "interaction", Changed)
    found = [each for each in again(cluster) if each.decider == "interaction"]
    for each in found:
        assert each.difference is not None
        topic = cluster.catalogue.name(INTERACTION_EVENTS)
        records = read_all(cluster.broker, topic, [each.partition], "first")
        first = next(r for r in records if isinstance(cluster.codec.decode(r.value or b""), e.Queued))
        assert (each.difference.offset, each.difference.key) == (first.offset, first.key.decode())
        assert "of this Queued, priority is" in each.difference.reason


def test_what_a_fault_of_the_code_left_undecided_is_passed_over_once_it_is_mended(
    kafka: str, topic_prefix: str
) -> None:
    class Broken(InteractionDecider):
        def decide(self, rows: Rows, command: Command, context: Context) -> Decision:
            if isinstance(command, ReceiveMessage) and command.platform_id == "1":
                raise ValueError
            return super().decide(rows, command, context)

    other = deployed(kafka, topic_prefix, 1)
    send(other, [message(author, 0) for author in range(3)])
    with in_threads(Processor(setup(other, Broken(), "1")).run):
        eventually("the others are received", lambda: len(_received_of(other)) == 2)
    (found,) = verify(settings_of(kafka, topic_prefix, 1), kafka, [("interaction", 0)], 1)
    assert found.difference is None
    assert found.events > 2


def test_from_the_first_command_that_is_kept(cluster: Cluster) -> None:
    """Last in this file: what retention takes is gone."""
    topic = cluster.catalogue.name(INTERACTION_COMMANDS)
    admin = AdminClient(clients.admin(cluster.bootstrap))
    gone = [TopicPartition(topic, partition, 14) for partition in range(PARTITIONS)]
    for future in admin.delete_records(gone).values():
        future.result(30)
    assert {first for first, _ in watermarks(cluster.broker, topic, range(PARTITIONS)).values()} == {14}
    found = [each for each in again(cluster) if each.decider == "interaction"]
    assert [each.difference for each in found] == [None] * PARTITIONS
    assert all(each.before > 0 and each.events > 0 for each in found)
