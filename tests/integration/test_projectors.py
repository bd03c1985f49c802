"""Several projectors share the partitions, and what one leaves another writes: each row once."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from engine.interaction import events as e
from projections.catalogue import PROJECTIONS
from projections.log import LogReader
from projections.log import Settings as ProjectorSettings
from projections.rebuild import rebuild
from projections.records import INTERACTION_EVENTS
from rejoinder.cluster import Cluster
from rejoinder.settings import load
from tests.groups import shares
from tests.log_checks import read_log
from tests.processing import ROOT, deployed, eventually, message, send, working
from tests.projecting import OnKafka
from tests.projection_log import conversations

PARTITIONS = 4


@contextmanager
def projecting(cluster: Cluster, database: str, worker: str) -> "Iterator[subprocess.Popen[bytes]]":
    """A projector as a process of its own."""
    settings = load(
        {
            "kafka.bootstrap": cluster.bootstrap, "postgres.dsn": database, "topics.partitions": PARTITIONS,
            "topics.prefix": cluster.catalogue.prefix,
        },
        environment={},
    )  # fmt: skip
    environment = {**os.environ, **settings.environment(), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "rejoinder", "run", "projector", worker], cwd=ROOT, env=environment
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def _are_equal(shared: dict[str, int]) -> bool:
    """All partitions with the same numbers go to the same projector, so that each has half of every topic's."""
    return set(shared) == {"projector-1", "projector-2"} and shared["projector-1"] == shared["projector-2"] > 0


def count(database: str, table: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    return 0 if row is None else int(row[0])


@pytest.mark.timeout(300)
def test_one_of_two_projectors_is_killed_and_each_row_is_there_once(
    kafka: str, database: str, topic_prefix: str
) -> None:
    cluster = deployed(kafka, topic_prefix, PARTITIONS)
    with working(cluster), projecting(cluster, database, "1"), projecting(cluster, database, "2") as second:
        eventually(
            "both have as many partitions",
            lambda: _are_equal(shares(kafka, cluster.catalogue.name("rejoinder.projector"))),
        )
        for number in range(3):
            send(cluster, [message(author, number) for author in range(40)])
        eventually("they have begun", lambda: count(database, "contact_history.message") > 0)
        second.send_signal(signal.SIGKILL)
        for number in range(3, 6):
            send(cluster, [message(author, number) for author in range(40)])
        eventually("the other writes all", lambda: count(database, "contact_history.words") == 240, 120)
        eventually("the other writes all", lambda: count(database, "audit.event") == len(read_log(cluster).events))
    log = read_log(cluster)
    assert log.faults == []
    assert sum(isinstance(event, e.MessageReceived) for event in log.events) == 240
    assert count(database, "contact_history.message") == 240
    settings = ProjectorSettings(kafka, database, prefix=topic_prefix)
    for projection in PROJECTIONS:
        rebuilt = rebuild(projection, cluster.codec, settings)
        assert [(each.first, each.second, each.agrees) for each in rebuilt.compared] == [(1, 2, True)]


def test_a_batch_during_which_partitions_are_given_anew_has_each_record_once(
    kafka: str, database: str, topic_prefix: str
) -> None:
    """The first records are in hand when the group changes; from then on the partition is read from its start again."""
    on_kafka = OnKafka(kafka, database, topic_prefix)
    conversations(on_kafka.log, 20)
    on_kafka.publish()
    reader = LogReader(on_kafka.settings, on_kafka.log.codec)
    place = (INTERACTION_EVENTS, 0)

    def seen() -> bool:
        """The markers follow the commit: until they are there, the partition ends before its first record."""
        reader.assign({place: 0})
        return bool(reader.poll(10).records)

    class Rebalanced:
        """The reader's consumer; the group changes after the first record."""

        def __init__(self, consumer: Any) -> None:
            self._consumer = consumer
            self.found = 0

        def consume(self, most: int, timeout: float) -> Any:
            if most > 1:
                reader.assign({place: 0})
            messages = self._consumer.consume(most, timeout=10 if most > 1 else timeout)
            self.found += sum(each.error() is None for each in messages)
            return messages

        def __getattr__(self, name: str) -> Any:
            return getattr(self._consumer, name)

    rebalanced = Rebalanced(reader._consumer)
    try:
        eventually("the committed records can be read", seen)
        reader._consumer = rebalanced  # type: ignore[assignment]
        reader.assign({place: 0})
        batch = reader.poll(10)
    finally:
        reader.close()
    offsets = [each.offset for each in batch.records]
    assert rebalanced.found == len(offsets) + 1, "the first one came twice"
    assert offsets == sorted(set(offsets))
