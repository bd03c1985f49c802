"""The processor on a real Kafka: exactly once, whatever dies."""

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import Producer

from engine.delivery import CommandResult, DeadLetter
from engine.envelope import derive, home, partition_of
from engine.interaction import events as e
from engine.interaction.commands import EditMessage
from engine.interaction.decider import InteractionDecider
from engine.interaction.state import EarlyWords
from engine.record import Event
from engine.routing.events import AgentStateChanged
from engine.rows import Row
from rejoinder.cluster import Cluster
from tests.log_checks import read_log, records_of
from tests.processing import POLICY, agent, deployed, eventually, log_of, message, send, setup, worker, working
from topics import clients
from topics.deciding import ChainBroken, Deciding
from topics.processor import Processor
from topics.publisher import Outgoing
from topics.reading import read_all
from topics.restoring import restore

PARTITIONS = 2


@pytest.fixture
def cluster(kafka: str, topic_prefix: str) -> Cluster:
    return deployed(kafka, topic_prefix, PARTITIONS)


def received(cluster: Cluster) -> int:
    return sum(isinstance(event, e.MessageReceived) for event in read_log(cluster).events)


def test_messages_become_events_and_their_words_lie_apart(cluster: Cluster) -> None:
    send(cluster, [message(author, number) for author in range(10) for number in range(3)])
    with working(cluster):
        eventually("all are decided", lambda: received(cluster) == 30)
    log = read_log(cluster)
    assert log.faults == []
    words = [each for each in records_of(cluster, "interaction.content") if isinstance(each, e.Words)]
    assert len({each.text for each in words}) == 30


def test_a_repeated_message_is_ignored_and_answered_as_a_duplicate(cluster: Cluster) -> None:
    send(cluster, [message(1, 1), message(1, 1), message(1, 1)])
    with working(cluster):
        eventually("the repeats are answered", lambda: len(records_of(cluster, "command.results")) == 2)
    results = records_of(cluster, "command.results")
    assert {each.outcome for each in results if isinstance(each, CommandResult)} == {"duplicate"}
    assert received(cluster) == 1


def test_state_is_there_again_after_a_restart(cluster: Cluster) -> None:
    send(cluster, [message(1, 1)])
    with working(cluster):
        eventually("it is decided", lambda: received(cluster) == 1)
    send(cluster, [message(1, 1), message(1, 2, in_reply_to="1-1")])
    with working(cluster):
        eventually("the second is decided", lambda: received(cluster) == 2)
    log = read_log(cluster)
    assert log.faults == []
    joined = [event.joined for event in log.events if isinstance(event, e.MessageReceived)]
    assert joined == ["opened", "thread"]


def names(cluster: Cluster, topic: str) -> list[str]:
    """The events of everybody but the control keys, in order (of one key, in these tests)."""
    return [
        type(event).__name__ for event in read_log(cluster, topic).events if event.input_topic and not _control(event)
    ]


def _control(event: Event) -> bool:
    return isinstance(event, e.PolicyAdopted)


@pytest.mark.parametrize("point", ["consumed", "decided", "produced", "offsets", "committed", "stored"])
def test_killed_at_any_point_of_a_batch_nothing_is_lost_or_doubled(
    cluster: Cluster, point: str, tmp_path: Path
) -> None:
    send(cluster, [message(author, 1) for author in range(20)])
    first = worker(cluster, tmp_path, PARTITIONS, "1", point, "2")
    try:
        eventually("some are decided", lambda: first.poll() is not None or received(cluster) >= 20)
        send(cluster, [message(author, 2) for author in range(20)])
        assert first.wait(60) == -signal.SIGKILL
    finally:
        first.kill()
        first.wait()
    second = worker(cluster, tmp_path, PARTITIONS, "1")
    try:
        send(cluster, [message(author, 3) for author in range(20)])
        eventually("all are decided", lambda: received(cluster) == 60)
    finally:
        second.terminate()
        assert second.wait(30) == 0
    log = read_log(cluster)
    assert log.faults == []
    assert received(cluster) == 60


def test_an_offer_that_nobody_accepts_goes_back_and_the_agent_away_by_the_wall_clock(
    kafka: str, topic_prefix: str
) -> None:
    """Nothing is sent when the deadline comes: the transaction is of a deadline alone."""
    cluster = deployed(kafka, topic_prefix, PARTITIONS, msgspec.structs.replace(POLICY, accept_within="1s"))
    send(cluster, [message(1, 1), *agent("ann")])
    with working(cluster, routing=True):
        eventually("it is offered in vain", lambda: "QueuedAgain" in names(cluster, "interaction.events"))
        eventually("the agent is away", lambda: "ReservationEnded" in names(cluster, "routing.events"))
    assert names(cluster, "interaction.events")[-3:] == ["Queued", "Assigned", "QueuedAgain"]
    gone = [event for event in read_log(cluster, "routing.events").events if isinstance(event, AgentStateChanged)]
    assert [(event.agent_state, event.why) for event in gone] == [("ready", "asked"), ("away", "not_accepted_in_time")]
    (deadline,) = (event for event in read_log(cluster).events if isinstance(event, e.QueuedAgain))
    assert (deadline.input_topic, deadline.actor_kind) == ("timer", "timer")


def test_a_zombie_that_wakes_up_writes_nothing(cluster: Cluster, tmp_path: Path) -> None:
    send(cluster, [message(author, 1) for author in range(10)])
    zombie = worker(cluster, tmp_path, PARTITIONS, "1")
    try:
        eventually("the first batch is decided", lambda: received(cluster) == 10)
        os.kill(zombie.pid, signal.SIGSTOP)
        successor = worker(cluster, tmp_path, PARTITIONS, "2")
        try:
            send(cluster, [message(author, 2) for author in range(10)])
            eventually("another worker goes on", lambda: received(cluster) == 20)
            os.kill(zombie.pid, signal.SIGCONT)
            send(cluster, [message(author, 3) for author in range(10)])
            eventually("all are decided", lambda: received(cluster) == 30)
        finally:
            successor.terminate()
            assert successor.wait(30) == 0
    finally:
        os.kill(zombie.pid, signal.SIGCONT)
        zombie.terminate()
        assert zombie.wait(30) == 0
    assert read_log(cluster).faults == []


def test_two_workers_share_the_partitions_and_one_takes_over_when_the_other_goes(
    cluster: Cluster, tmp_path: Path
) -> None:
    one, two = worker(cluster, tmp_path, PARTITIONS, "1"), worker(cluster, tmp_path, PARTITIONS, "2")
    try:
        for number in range(5):
            send(cluster, [message(author, number) for author in range(10)])
        eventually("all are decided", lambda: received(cluster) == 50)
        one.terminate()
        assert one.wait(30) == 0
        send(cluster, [message(author, 9) for author in range(10)])
        eventually("the other decides all", lambda: received(cluster) == 60)
    finally:
        one.kill()
        two.terminate()
        assert two.wait(30) == 0
    assert read_log(cluster).faults == []


def test_what_cannot_be_read_is_kept_with_its_reason_and_the_rest_goes_on(cluster: Cluster) -> None:
    key = home(b"test", "x", "1")
    producer = Producer(clients.producer(cluster.bootstrap, "poison"))
    for value in (b"not avro at all", b"\x00\x00\x00\xff\xff rest", b"\x00\x00\x00\x00\x01"):
        producer.produce(cluster.catalogue.name("interaction.commands"), value, key.encode(), 0)
    producer.flush()
    send(cluster, [message(1, 1)])
    with working(cluster):
        eventually("the message is decided", lambda: received(cluster) == 1)
        eventually("the poison is kept", lambda: len(records_of(cluster, "dead.letters")) == 3)
    letters = [each for each in records_of(cluster, "dead.letters") if isinstance(each, DeadLetter)]
    assert b"not avro at all" in {each.value for each in letters}
    assert {each.code for each in letters} == {"not_wire_format", "unknown_schema", "malformed"}


def test_a_message_to_an_unknown_account_is_kept_as_a_dead_letter(cluster: Cluster) -> None:
    send(cluster, [message(1, 1, accounts=["4711"])])
    with working(cluster):
        eventually("it is kept", lambda: len(records_of(cluster, "dead.letters")) == 1)
    (letter,) = records_of(cluster, "dead.letters")
    assert isinstance(letter, DeadLetter)
    assert letter.code == "unknown_account"
    assert "x:4711" in letter.reason


def test_restoring_waits_for_an_open_transaction_to_be_decided(cluster: Cluster) -> None:
    """Records behind a crashed writer's open transaction are below the high watermark and above the last stable one."""
    send(cluster, [message(1, 1)])
    with working(cluster):
        eventually("it is decided", lambda: received(cluster) == 1)
    topic = cluster.catalogue.name("interaction.events")
    crashed = Producer(clients.transactional(cluster.bootstrap, "crashed") | {"transaction.timeout.ms": 9_000})
    crashed.init_transactions(10)
    crashed.begin_transaction()
    for partition in range(PARTITIONS):
        crashed.produce(topic, b"never committed", b"somebody", partition)
    crashed.flush()
    began = time.monotonic()
    found = [len(list(read_all(cluster.broker, topic, [partition], "reads"))) for partition in range(PARTITIONS)]
    assert time.monotonic() - began > 3  # it waited until the broker gave the transaction up
    assert sum(found) == len(read_log(cluster).events)


def changed(author: int) -> Outgoing:
    """A change of a message that never comes."""
    key = home(b"test", "messenger", str(author))
    fields: dict[str, Any] = {"at": 1_700_000_000_000, "channel": "messenger", "item_id": f"{author}-never"}
    edit = EditMessage(
        command_id=derive("edit", author), **fields, edited_at=1, text=f"changed by {author}", salt=b"0" * 16
    )
    return Outgoing("interaction.commands", key, edit)


def test_restored_rows_equal_the_rows_of_whoever_decided(cluster: Cluster) -> None:
    early = [changed(author) for author in range(10)]
    send(cluster, [*early, *(message(author, number) for author in range(10) for number in range(4))])
    with working(cluster, routing=True) as (processor, _):
        eventually("all are decided", lambda: received(cluster) == 40)
        decided = {
            rows.key: list(rows.all())
            for deciding in processor._partitions.values()
            for rows in deciding.state.all()
            if list(rows.all())
        }
    restored: dict[str, list[tuple[str, Row]]] = {}
    for partition in range(PARTITIONS):
        given = setup(cluster, InteractionDecider(), "x")
        deciding = Deciding(given.decider, given.codec, partition, given.policies, given.clock)
        restore({partition: deciding}, cluster.codec, log_of(cluster))
        restored |= {rows.key: list(rows.all()) for rows in deciding.state.all() if list(rows.all())}
    assert restored == decided
    assert len(restored) == 20 + PARTITIONS
    assert sum(isinstance(row, EarlyWords) for rows in restored.values() for _, row in rows) == 10


def test_a_broken_chain_stops_the_worker_with_the_place(cluster: Cluster) -> None:
    send(cluster, [message(1, 1)])
    with working(cluster):
        eventually("it is decided", lambda: received(cluster) == 1)
    log = read_log(cluster)
    (key,) = (key for key in log.by_key if not key.startswith("~"))
    forged = log.by_key[key][-1]
    topic = cluster.catalogue.topic("interaction.events")
    producer = Producer(clients.producer(cluster.bootstrap, "forger"))
    producer.produce(topic.name, cluster.codec.encode(forged), key.encode(), partition_of(key, PARTITIONS))
    producer.flush()
    with pytest.raises(ChainBroken, match=key):
        Processor(setup(cluster, InteractionDecider(), "1")).run(threading.Event())
