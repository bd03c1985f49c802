"""Who is shown people's words or names is written down before they are shown, and what was written down can't be
changed unnoticed: on a real Kafka and PostgreSQL, through HTTP and the command line."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from typer.testing import CliRunner

from console.access import SHOW_PEOPLE
from engine.errors import RejoinderError
from engine.policy.document import Account, Policy, Queue
from engine.reads import PersonalRead
from projections.projector import connect
from rejoinder.cli import app
from rejoinder.cluster import Cluster
from rejoinder.noting import READS, Notes, NotNoted
from rejoinder.reads import Found, Wanted, reads
from rejoinder.signing import WriterKey
from tests.processing import deployed, eventually, message, send
from tests.projecting import Fed, answered
from tests.serving import SECRET, Served, person, serving
from topics import clients
from topics.catalogue import AUDIT_READS
from topics.messages import Arrived
from topics.publisher import Outgoing
from topics.reading import read_all

POLICY = Policy(
    name="reads",
    accounts=(Account(channel="x", id="9", handle="acme", queue="care"),),
    queues=(Queue(name="care"),),
)
KEY = WriterKey(b"a secret", READS)
WORDS = "my confidential swordfish"
pytestmark = pytest.mark.timeout(240)


def read(actor: str = "kim", **more: Any) -> PersonalRead:
    return PersonalRead(at=1, actor_id=actor, role="agent", door="api", what="read_contact", **more)


def recorded(cluster: Cluster, key: bytes | None = None, wanted: Wanted = Wanted()) -> list[Found]:  # noqa: B008
    return list(reads(cluster, key, wanted))


@dataclass
class Recording:
    """A running API whose records of reads are taken one call after the other."""

    served: Served
    seen: int = 0

    @property
    def key(self) -> bytes:
        return WriterKey(SECRET.encode(), READS).public_key

    def new(self) -> list[PersonalRead]:
        """What was recorded since the last call; all of it as it was written."""
        found = recorded(self.served.cluster, self.key)
        assert [each.fault for each in found] == [None] * len(found)
        assert all(each.signed for each in found)
        added, self.seen = found[self.seen :], len(found)
        return [each.read for each in added if each.read is not None]


@pytest.fixture(scope="module")
def recording(kafka: str, postgres: str) -> Iterator[Recording]:
    with serving(kafka, postgres, "reads", POLICY) as served:
        for item, words in ((1, WORDS), (2, "and another swordfish")):
            told = message(1, item, handle_id=person(1), actor_id=person(1), text=words)
            send(served.cluster, [Outgoing(told.topic, person(1), told.record)])
        served.until(f"/contacts/{person(1)}", served.texts["agent"], lambda found: len(found["messages"]) == 2)
        found = Recording(served)
        assert found.new()  # those of the waiting
        yield found


CALLS: dict[str, tuple[str, str]] = {
    "list_offers": ("/agents/the-agent/offers", "agent"),
    "list_work": ("/agents/the-agent/interactions", "agent"),
    "follow_agent": ("/agents/the-agent/live", "agent"),
    "list_interactions": ("/interactions", "agent"),
    "read_interaction": ("/interactions/{interaction}", "auditor"),
    "follow_interaction": ("/interactions/{interaction}/live", "agent"),
    "search_contacts": ("/contacts?q=person", "agent"),
    "search_words": ("/search?q=swordfish", "supervisor"),
    "read_contact": ("/contacts/{contact}", "agent"),
    "trace": ("/trace/{interaction}", "auditor"),
}


def test_each_operation_that_shows_people_is_tried() -> None:
    assert set(CALLS) == SHOW_PEOPLE


@pytest.mark.parametrize("operation", CALLS)
def test_each_answer_leaves_one_record_of_who_was_shown_what(recording: Recording, operation: str) -> None:
    recording.new()
    path, role = CALLS[operation]
    whole = path.format(interaction=f"{person(1)}.1", contact=person(1))
    if operation.startswith("follow"):
        _first_event(recording.served, whole, role)
    else:
        assert recording.served.get(whole, recording.served.texts[role]).status_code == 200
    (found,) = recording.new()
    assert (found.actor_id, found.role, found.door, found.what) == (f"the-{role}", role, "api", operation)
    if operation not in ("list_offers", "list_work", "follow_agent"):
        assert found.contacts == [person(1)]
    if "interaction" in operation or operation in ("search_words", "read_contact", "trace"):
        assert f"{person(1)}.1" in found.interactions
    assert (found.lines or 0) > 0 or operation in ("list_offers", "list_work", "follow_agent")


def _first_event(served: Served, path: str, role: str) -> None:
    headers = {"Authorization": f"Bearer {served.texts[role]}"}
    with httpx.stream("GET", f"{served.url}{path}", headers=headers, timeout=30, trust_env=False) as answer:
        assert answer.status_code == 200
        next(answer.iter_lines())


def test_what_shows_nobody_leaves_none_and_a_search_says_not_what_for(recording: Recording) -> None:
    recording.new()
    for path, role in (("/me", "agent"), ("/reports/interactions", "analyst"), (f"/contacts/{'0' * 32}", "agent"),
                       (f"/interactions/{'0' * 32}.1", "agent"), ("/search?q=-swordfish", "agent")):  # fmt: skip
        recording.served.get(path, recording.served.texts[role])
    assert recording.new() == []
    assert recording.served.get("/search?q=unheard", recording.served.texts["agent"]).json()["hits"] == []
    (found,) = recording.new()
    assert (found.what, found.contacts, found.interactions, found.lines) == ("search_words", [], [], 0)
    cluster = recording.served.cluster
    values = read_all(cluster.broker, cluster.catalogue.name(AUDIT_READS), [0], "raw")
    written = b"".join(record.value or b"" for record in values)
    assert not any(word in written for word in (b"swordfish", b"unheard", b"confidential", b"person1"))


def test_a_search_gives_pages_snippets_and_marks(recording: Recording) -> None:
    token = recording.served.texts["agent"]
    answer = recording.served.get("/search", token, params={"q": '"confidential swordfish"'}).json()
    (hit,) = answer["hits"]
    assert (hit["snippet"], hit["contact_id"]) == (WORDS, person(1))
    assert [hit["snippet"][begin:end] for begin, end in hit["marks"]] == ["confidential", "swordfish"]
    first = recording.served.get("/search", token, params={"q": "sword*", "limit": 1}).json()
    second = recording.served.get("/search", token, params={"q": "sword*", "limit": 1, "after": first["next"]}).json()
    assert second["next"] is None
    assert [each["hits"][0]["snippet"] for each in (first, second)] == ["and another swordfish", WORDS]
    ranked = recording.served.get("/search", token, params={"q": "sword*", "order": "rank"}).json()
    assert len(ranked["hits"]) == 2
    paged = {"q": "a", "order": "rank", "after": "a"}
    for wrong in ({"q": "-sword*"}, {"q": "a\x00b"}, {"q": ""}, {"q": "x" * 501}, paged):
        assert recording.served.get("/search", token, params=wrong).status_code == 422
    assert recording.served.get("/search?q=a", recording.served.texts["analyst"]).status_code == 403


@pytest.fixture(scope="module")
def cluster(kafka: str) -> Cluster:
    """Five records of reads."""
    found = deployed(kafka, "noted.", 2, POLICY)
    with found.publisher("test") as publisher:
        notes = Notes(found, publisher, KEY)
        for number in range(5):
            notes.write(read("kim" if number % 2 else "lee", contacts=[str(number)], interactions=["a.1"]))
    return found


def copied(
    cluster: Cluster, kafka: str, prefix: str, change: Callable[[list[Arrived]], list[tuple[bytes, bytes]]]
) -> Cluster:
    """The same records on another topic, in which somebody changed something."""
    other = deployed(kafka, prefix, 2, POLICY)
    producer = Producer(clients.producer(kafka, "copy"))
    name = cluster.catalogue.name(AUDIT_READS)
    for key, value in change(list(read_all(cluster.broker, name, [0], "copy"))):
        producer.produce(other.catalogue.name(AUDIT_READS), value, key, 0)
    assert producer.flush(30) == 0
    return other


def pairs(records: list[Arrived]) -> list[tuple[bytes, bytes]]:
    return [(record.key, record.value or b"") for record in records]


def _changed(records: list[Arrived]) -> list[tuple[bytes, bytes]]:
    found = pairs(records)
    found[2] = (found[2][0], found[2][1].replace(b"read_contact", b"read_nothing"))
    return found


def test_records_as_they_were_written_have_no_fault(cluster: Cluster, kafka: str, topic_prefix: str) -> None:
    for each in (cluster, copied(cluster, kafka, topic_prefix, pairs)):
        found = recorded(each, KEY.public_key)
        assert [line.fault for line in found] == [None] * 5
        assert [line.read.after for line in found if line.read] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("change", "at", "what"),
    [
        (_changed, 2, "its signature is not"),
        (lambda records: pairs(records[:1] + records[2:]), 1, "1 records that stood before it were removed"),
        (lambda records: pairs([records[1], records[0], *records[2:]]), 0, "1 records that stood before it"),
        (lambda records: [(b"lee", value) for _, value in pairs(records)], 1, "another key"),
    ],
    ids=["changed", "removed", "swapped", "of another"],
)
def test_what_somebody_did_to_the_records_is_found_and_named(
    cluster: Cluster,
    kafka: str,
    topic_prefix: str,
    change: Callable[[list[Arrived]], list[tuple[bytes, bytes]]],
    at: int,
    what: str,
) -> None:
    # Faults are told whatever is asked for.
    found = recorded(copied(cluster, kafka, topic_prefix, change), KEY.public_key, Wanted(actor="nobody"))
    assert found[0].offset == at
    assert what in (found[0].fault or "")


def test_another_ones_signature_and_one_that_is_missing_are_faults(kafka: str, topic_prefix: str) -> None:
    found = deployed(kafka, topic_prefix, 2, POLICY)
    with found.publisher("test") as publisher:
        Notes(found, publisher, WriterKey(b"another secret", READS)).write(read())
        Notes(found, publisher, None).write(read())
        terminal = read()
        terminal.door = "cli"
        Notes(found, publisher, None).write(terminal)
    first, second, third = recorded(found, KEY.public_key)
    assert "its signature is not" in (first.fault or "")
    assert "it has no signature" in (second.fault or "")
    assert (third.signed, third.fault) == (False, None)


def test_reads_are_chosen_by_who_and_whose_and_when(cluster: Cluster) -> None:
    def count(**wanted: Any) -> int:
        return len(recorded(cluster, KEY.public_key, Wanted(**wanted)))

    assert (count(actor="kim"), count(actor="lee"), count(actor="nobody")) == (2, 3, 0)
    assert (count(keys=frozenset("3")), count(keys=frozenset("a")), count(keys=frozenset("b"))) == (1, 5, 0)
    assert (count(until=1), count(until=2), count(since=2)) == (0, 5, 0)


def test_a_read_that_cannot_be_recorded_is_refused(kafka: str, topic_prefix: str) -> None:
    found = deployed(kafka, topic_prefix, 2, POLICY)
    topic = found.catalogue.name(AUDIT_READS)
    with found.publisher("test") as publisher:
        notes = Notes(found, publisher, KEY)
        admin = AdminClient(clients.admin(kafka))
        (gone,) = admin.delete_topics([topic]).values()
        gone.result(30)
        eventually("the topic is gone", lambda: topic not in admin.list_topics(timeout=clients.ASK_TIMEOUT).topics)
        with pytest.raises(NotNoted, match=r"nothing is shown, because it could not be recorded in audit\.reads"):
            notes.write(read())
        with pytest.raises(NotNoted):
            Notes(found, publisher, KEY)


def test_without_kafka_the_command_line_shows_nobody(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with connect(database) as connection:
        fed = Fed(connection)
        answered(fed.log, text=WORDS)
        fed.feed()
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = f"127.0.0.1:{closed.getsockname()[1]}"
    monkeypatch.setenv("REJOINDER_KAFKA_BOOTSTRAP", nobody)
    monkeypatch.setenv("REJOINDER_POSTGRES_DSN", database)
    monkeypatch.setenv("REJOINDER_POSTGRES_READER_DSN", database)
    monkeypatch.setenv("XDG_DATA_HOME", "/nonexistent")
    for command in (
        ["contacts"],
        ["search", "swordfish"],
        ["sql", "SELECT text FROM contact_history.message", "--json"],
    ):
        result = CliRunner().invoke(app, command)
        assert isinstance(result.exception, NotNoted | RejoinderError), (command, result)
        assert "nothing is shown" in str(result.exception)
        assert "customer_1" not in result.output
        assert WORDS not in result.output
    with psycopg.connect(database) as connection:
        (count,) = connection.execute("SELECT count(*) FROM contact_history.words").fetchone() or (0,)
    assert count == 2  # there was something to be shown
