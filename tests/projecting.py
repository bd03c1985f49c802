"""Projections fed with hand-made logs: straight into PostgreSQL, or through a real Kafka."""

import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import psycopg
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from projections import builds
from projections.catalogue import BY_NAME, PROJECTIONS
from projections.contact_history.projection import profile_of
from projections.projector import Projector, Settings, connect
from projections.queries.files import text
from projections.queries.measures import lag
from projections.records import (
    ERASABLE,
    INTERACTION_CONTENT,
    INTERACTION_EVENTS,
    INTERACTION_PROFILES,
    ROUTING_EVENTS,
    Place,
)
from projections.writer import Writer
from schemas.codec import Codec
from tests.projection_log import PARTITIONS, Log, Person

Connection = psycopg.Connection[Any]
TOPICS = (INTERACTION_EVENTS, INTERACTION_CONTENT, INTERACTION_PROFILES, ROUTING_EVENTS)
PLACES: list[Place] = [(topic, partition) for topic in TOPICS for partition in range(PARTITIONS)]


def plan(connection: Connection, name: str, parameters: Mapping[str, object]) -> Iterator[dict[str, Any]]:
    """The nodes of the plan of a named query, with what each of them did."""
    query = b"EXPLAIN (ANALYZE, FORMAT JSON) " + text(name)
    (explained,) = connection.execute(query, parameters).fetchone() or (None,)
    nodes = [(explained if isinstance(explained, list) else json.loads(str(explained)))[0]["Plan"]]
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        yield node


def rows_read(node: Mapping[str, Any]) -> float:
    """How many rows a scan looked at, in all its loops."""
    return float((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])


def answered(log: Log, number: int = 1, text: str = "Where is my order?") -> Person:
    person = Person(log, number)
    person.writes(text)
    person.resolved()
    person.queued()
    person.accepted("agent-1")
    person.answered("agent-1", "On its way")
    return person


class Fed:
    """A log and the projections that were fed with it, batch by batch, without Kafka."""

    def __init__(self, connection: Connection) -> None:
        self.log = Log()
        self.connection = connection
        self.writer = Writer(connection, [builds.ensure(connection, projection) for projection in PROJECTIONS])
        self.writer.claim(PLACES)
        self._done = 0

    def feed(self, size: int = 10_000) -> None:
        logged = self.log.logged(self._done)
        for start in range(0, len(logged), size):
            batch = logged[start : start + size]
            self.writer.write(batch, {(one.topic, one.partition): one.offset + 1 for one in batch})
        self._done = len(self.log.records)

    def one(self, query: str) -> Any:
        row = self.connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0] if len(row) == 1 else row

    def all(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query.encode()).fetchall()


class OnKafka:
    """A log that is really on Kafka, in one transaction for each call of `publish`."""

    def __init__(self, bootstrap: str, database: str, prefix: str, deployed: Codec | None = None) -> None:
        """`deployed`: the codec of the schemas under this prefix, where the topics are there too."""
        self.settings = Settings(bootstrap, database, prefix=prefix, kafka={"session.timeout.ms": 6000})
        self.log = Log() if deployed is None else Log(deployed)
        self._done = 0
        admin = AdminClient({"bootstrap.servers": bootstrap})
        topics = [] if deployed is not None else [NewTopic(prefix + topic, PARTITIONS, 1) for topic in TOPICS]
        for future in (admin.create_topics(topics) if topics else {}).values():
            future.result(timeout=30)
        writer = f"{prefix}test-{uuid.uuid4().hex}"
        self._producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": writer})
        self._producer.init_transactions(30)

    def publish(self, *, commit: bool = True) -> None:
        self._producer.begin_transaction()
        for raw in self.log.records[self._done :]:
            self._producer.produce(self.settings.prefix + raw.topic, raw.value, raw.key, raw.partition)
        self._producer.flush(30)
        if commit:
            self._producer.commit_transaction(30)
            self._done = len(self.log.records)
        else:
            self._producer.abort_transaction(30)

    def project_until(self, reached: Callable[[Connection], bool], projector: type[Projector] = Projector) -> None:
        """Runs a projector until the tables say that it is done."""
        stop = threading.Event()
        failed: list[BaseException] = []

        def work() -> None:
            try:
                projector(PROJECTIONS, self.log.codec, self.settings).run(stop)
            except BaseException as error:
                failed.append(error)
                stop.set()

        thread = threading.Thread(target=work)
        thread.start()
        try:
            with connect(self.settings.dsn) as connection:
                for _ in range(600):
                    if stop.wait(0.05) or self._is(reached, connection):
                        break
                else:
                    pytest.fail("the projector did not get there within 30 s")
        finally:
            stop.set()
            thread.join(30)
        if failed:
            raise failed[0]

    @staticmethod
    def _is(reached: Callable[[Connection], bool], connection: Connection) -> bool:
        try:
            return reached(connection)
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            return False  # the projector has not made its tables yet

    def caught_up(self, connection: Connection) -> bool:
        return {one.projection for one in lag(connection, {}) if one.partitions} == set(BY_NAME) and (
            connection.execute("SELECT count(*) FROM audit.event").fetchone()
            == (sum(raw.topic not in ERASABLE for raw in self.log.records[: self._done]),)
            and connection.execute("SELECT count(*) FROM contact_history.words").fetchone() == (len(self._kept()),)
        )

    def _kept(self) -> set[str]:
        """The words that no tombstone erased."""
        content = [raw for raw in self.log.records[: self._done] if raw.topic == INTERACTION_CONTENT]
        latest = {raw.key: raw.value for raw in content if profile_of(raw.key) is None}
        return {key for key, value in latest.items() if value is not None}
