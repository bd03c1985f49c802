"""How interactions stood, made anew from a real log: after every event, and not from a log that was tampered with."""

import msgspec
import pytest
from confluent_kafka import Producer

from engine.envelope import digest, home, partition_of
from engine.interaction.decider import InteractionDecider
from engine.interaction.state import Interaction, Item
from engine.record import Event
from engine.rows import Row
from rejoinder.cluster import Cluster
from rejoinder.standing import LogBroken, NotStood, Standing, stood
from tests.processing import agent, deployed, eventually, log_of, message, send, working
from topics import clients
from topics.catalogue import INTERACTION_EVENTS
from topics.deciding import Deciding
from topics.messages import Arrived
from topics.reading import read_all
from topics.restoring import restore

PARTITIONS = 2
HOME = home(b"test", "x", "1")
FIRST = f"{HOME}.1"
PARTITION = partition_of(HOME, PARTITIONS)


@pytest.fixture(scope="module")
def cluster(kafka: str) -> Cluster:
    """Of each person an interaction of three messages, and another of one; all are offered to an agent."""
    found = deployed(kafka, "standing.", PARTITIONS)
    send(found, agent("agent-1", 50))
    send(found, [message(author, 0) for author in range(5)])
    send(found, [message(author, turn, in_reply_to=f"{author}-0") for turn in (1, 2) for author in range(5)])
    send(found, [message(author, 3) for author in range(5)])
    with working(found, routing=True):
        eventually("both are offered", lambda: _names(found).count("Assigned") == 2)
    assert _names(found).count("MessageReceived") == 4
    return found


def _names(cluster: Cluster) -> list[str]:
    return [type(event).__name__ for _, event in events(cluster)]


def events(cluster: Cluster) -> list[tuple[Arrived, Event]]:
    """Those of the key."""
    topic = cluster.catalogue.name(INTERACTION_EVENTS)
    found = list(read_all(cluster.broker, topic, [PARTITION], "events"))
    return [(each, cluster.codec.decode(each.value or b"")) for each in found if each.key == HOME.encode()]


def interaction(standing: Standing) -> Interaction:
    (row,) = [held.row for held in standing.rows if isinstance(held.row, Interaction)]
    return row


def test_after_every_event_it_stood_as_the_event_says(cluster: Cluster) -> None:
    items = set()
    for record, event in events(cluster):
        standing = stood(cluster, FIRST, event.sequence)
        assert standing.event == event
        assert standing.digest == digest(*cluster.codec.split(record.value or b""))
        assert standing.position == f"{INTERACTION_EVENTS}[{PARTITION}]@{record.offset}"
        row = interaction(standing)
        assert row.sequence <= event.sequence
        if event.interaction_id == FIRST:
            assert (row.state, row.sequence) == (event.state, event.sequence)
            items |= {getattr(event, "item_id", None)} - {None}
        assert {held.row_id for held in standing.rows if isinstance(held.row, Item)} == items


def test_at_the_end_it_is_what_the_engine_has(cluster: Cluster) -> None:
    deciding = Deciding(InteractionDecider(), cluster.codec, PARTITION, {}, lambda: 0)
    restore({PARTITION: deciding}, cluster.codec, log_of(cluster))
    known: dict[tuple[type[Row], str], Row] = {}
    for row_id, row in deciding.state.rows(HOME).all():
        known[type(row), row_id] = row
    standing = stood(cluster, FIRST)
    assert standing.event.sequence == events(cluster)[-1][1].sequence
    assert {"Interaction", "Item", "Timer"} <= {type(held.row).__name__ for held in standing.rows}
    for held in standing.rows:
        assert known[type(held.row), held.row_id] == held.row
    other = stood(cluster, f"{HOME}.2")
    told = {(type(held.row), held.row_id) for each in (standing, other) for held in each.rows}
    assert not [row for place, row in known.items() if place not in told and isinstance(row, Interaction | Item)]
    assert "message 0 of 1" not in msgspec.json.encode([held.row for held in standing.rows]).decode()


def test_by_a_time_it_is_what_had_occurred(cluster: Cluster) -> None:
    first = events(cluster)[0][1]
    assert stood(cluster, FIRST, until=2**60) == stood(cluster, FIRST)
    assert stood(cluster, FIRST, until=first.occurred_at).event.occurred_at == first.occurred_at
    with pytest.raises(NotStood, match="by then nothing had happened"):
        stood(cluster, FIRST, until=first.occurred_at - 1)


def test_what_never_was_is_told_in_one_sentence(cluster: Cluster) -> None:
    last = events(cluster)[-1][1].sequence
    with pytest.raises(NotStood, match=f"has no event {last + 1}: the last one of its key is {last}"):
        stood(cluster, FIRST, last + 1)
    with pytest.raises(NotStood, match=r"by event 1 of its key there was no interaction \w+\.2"):
        stood(cluster, f"{HOME}.2", 1)
    with pytest.raises(NotStood, match="the log has no interaction"):
        stood(cluster, f"{HOME}.3")
    with pytest.raises(NotStood, match="the log has no interaction"):
        stood(cluster, "nobody.1", 3)


def test_a_log_from_which_an_event_is_gone_is_found_out_on_the_way(
    cluster: Cluster, kafka: str, topic_prefix: str
) -> None:
    other = deployed(kafka, topic_prefix, PARTITIONS)
    producer = Producer(clients.producer(kafka, "copy"))
    (_, gone), (_, after) = events(cluster)[1:3]
    for record, event in events(cluster):
        if event.sequence != gone.sequence:
            producer.produce(other.catalogue.name(INTERACTION_EVENTS), record.value, record.key, PARTITION)
    producer.flush(30)
    assert stood(other, FIRST, gone.sequence - 1).event.sequence == gone.sequence - 1
    with pytest.raises(LogBroken, match=f"sequence {after.sequence} follows {gone.sequence - 1}"):
        stood(other, FIRST)
