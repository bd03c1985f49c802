"""Who queries while versions are built, shown and taken back sees no gap; what is no longer shown is not written."""

import itertools
import threading
from dataclasses import dataclass, field

import psycopg
import pytest
from psycopg import sql

from projections import builds
from projections.catalogue import BY_NAME, PROJECTIONS
from projections.errors import OffsetConflict
from projections.projector import connect
from projections.rebuild import in_this_process, rebuild_all, roll_back
from projections.writer import Writer
from tests.processing import eventually
from tests.projecting import PLACES, Connection, Fed, OnKafka, answered
from tests.projection_log import codec
from tests.projection_stories import all_stories
from tests.rebuilding import fill_first, projecting, roles
from tests.threads import in_threads

COUNTED = ("contact_history.interaction", "contact_history.message", "reporting.fct_interaction", "audit.event")
"""Views that never have fewer rows than before."""


@dataclass
class Reader:
    """Queries each view, again and again, as analysts do."""

    dsn: str
    rounds: int = 0
    failed: list[str] = field(default_factory=list)
    asked: int | None = None

    def read(self, stop: threading.Event) -> None:
        seen = dict.fromkeys(COUNTED, 0)
        try:
            with psycopg.connect(self.dsn, autocommit=True) as connection:
                query = "SELECT schemaname, viewname FROM pg_views WHERE schemaname = ANY(%s)"
                views = connection.execute(query, (list(BY_NAME),)).fetchall()
                assert len(views) > 20
                while not stop.is_set():
                    for view in views:
                        self._count(connection, view, seen)
                    self.rounds += 1
        except psycopg.Error as error:
            self.failed.append(repr(error))

    def _count(self, connection: Connection, view: tuple[str, str], seen: dict[str, int]) -> None:
        row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(*view))).fetchone()
        name, count = ".".join(view), 0 if row is None else row[0]
        if count < seen.get(name, 0):
            self.failed.append(f"{name} had {seen[name]} rows and then {count}")
        if name in seen:
            seen[name] = count

    def goes_on(self) -> bool:
        """Whether it has gone round once more since this was asked for the first time, or failed."""
        self.asked = self.rounds if self.asked is None else self.asked
        return self.rounds > self.asked + 1 or bool(self.failed)


def test_who_queries_throughout_sees_no_gap_while_traffic_arrives(kafka: str, database: str, topic_prefix: str) -> None:
    on_kafka = OnKafka(kafka, database, topic_prefix)
    all_stories(on_kafka.log, 8)
    on_kafka.publish()
    fill_first(on_kafka.settings, codec())
    settings, fill = on_kafka.settings, in_this_process(codec())
    readers = [Reader(database), Reader(database)]
    published = 0

    def write(stop: threading.Event) -> None:
        nonlocal published
        for number in itertools.count(1000):
            if stop.wait(0.05):
                return
            answered(on_kafka.log, number)
            on_kafka.publish()
            published += 1

    with projecting(settings, codec()):
        with in_threads(write, *(reader.read for reader in readers)):
            for version in (2, 3):
                rebuilt = rebuild_all(PROJECTIONS, fill, settings)
                assert [each.agrees for each in rebuilt.compared] == [True, True, True]
                assert all(roles(settings, name)[version] == "current" for name in BY_NAME)
            for projection in PROJECTIONS:
                assert roll_back(projection, fill, settings).version == 2
            eventually("they have gone round once more", lambda: all([reader.goes_on() for reader in readers]))
        assert [reader.failed for reader in readers] == [[], []]
        assert published > 5
        with connect(database) as connection:
            eventually("all is written", lambda: on_kafka.caught_up(connection))


def test_a_projector_writes_no_more_into_a_version_that_is_no_longer_shown(database: str) -> None:
    with connect(database) as connection:
        fed = Fed(connection)
        answered(fed.log)
        fed.feed()
        late = Writer(connection, [builds.Build(projection, 1) for projection in PROJECTIONS], shown=True)
        late.claim(PLACES)
        answered(fed.log, 2)
        builds.switch(connection, [builds.create(connection, BY_NAME["audit"])])
        with pytest.raises(OffsetConflict, match="another version"):
            late.write(fed.log.logged(), fed.log.ends)
        assert fed.one("SELECT count(*) FROM contact_history.interaction") == 1
