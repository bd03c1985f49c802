"""PostgreSQL that dies amid a batch, and a projector that wakes up when another has its partitions."""

import random
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from rejoinder.children import Child
from rejoinder.embedded.postgres import EmbeddedPostgres
from rejoinder.embedded.service import ServiceError
from tests.faults.conftest import Fault
from tests.faults.running import eventually, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

TIMES = 3
STARTS = 10
HELD = "LOCK TABLE audit_v1.events IN ACCESS EXCLUSIVE MODE"
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


class Database:
    """A PostgreSQL of the test's own."""

    def __init__(self, folder: Path) -> None:
        (folder / "secrets").mkdir(parents=True)
        self._service = EmbeddedPostgres(folder / "postgres", folder / "logs", folder / "secrets")
        self._child: Child | None = None
        self.start()

    @property
    def dsn(self) -> str:
        return self._service.dsn

    def start(self) -> None:
        """As the supervisor does: again, where it refuses because something of the last one is still there."""
        for attempt in range(STARTS):
            self._service.prepare()
            self._child = self._service.spawn()
            try:
                self._service.wait_ready(self._child)
                return
            except ServiceError:
                if attempt == STARTS - 1:
                    raise
                time.sleep(0.5)

    def kill(self) -> None:
        assert self._child is not None
        self._child.process.kill()
        self._child.process.wait(30)


@pytest.fixture
def own_database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "database")
    yield made
    made.kill()


def is_there(dsn: str) -> bool:
    """Whether the projector has made its tables and filled them."""
    try:
        with psycopg.connect(dsn) as connection:
            return connection.execute("SELECT 1 FROM audit.event LIMIT 1").fetchone() is not None
    except psycopg.Error:
        return False


def is_waited_for(holder: "psycopg.Connection[Any]") -> bool:
    """Whether somebody waits for the lock."""
    return holder.execute(WAITING).fetchone() == (1,)


@pytest.mark.fault("PostgreSQL: kill -9 amid a batch")
def test_postgres_dies_amid_a_batch(
    kafka: str, own_database: Database, topic_prefix: str, tmp_path: Path, fault: Fault
) -> None:
    """A lock of the test's own holds the projector within its transaction; then PostgreSQL dies."""
    chance = random.Random(fault.seed)
    with running(kafka, topic_prefix, tmp_path, fault.seed, dsn=own_database.dsn) as run:
        run.worker()
        projector = run.worker(role="projector")
        for _ in range(TIMES):
            eventually("it projects", lambda: is_there(own_database.dsn))
            time.sleep(chance.random())
            fault.injected += 1
            with closing(psycopg.connect(own_database.dsn)) as holder:
                holder.execute(HELD)
                eventually("a batch is under way", partial(is_waited_for, holder))
                own_database.kill()
            own_database.start()
        fault.reached = projector.said("PostgreSQL failed")
        run.rest()
        fault.over(run.check())


@pytest.mark.fault("a zombie projector")
def test_a_projector_wakes_up_with_a_batch_that_another_has_written(
    kafka: str, database: str, topic_prefix: str, tmp_path: Path, fault: Fault
) -> None:
    armed = tmp_path / "armed"
    with running(kafka, topic_prefix, tmp_path, fault.seed, dsn=database) as run:
        run.worker()
        zombie = run.worker(role="projector", freeze=("projector", "read"), armed=str(armed))
        eventually("it projects", lambda: is_there(database))
        fault.injected += 1
        armed.touch()
        eventually("it falls asleep", zombie.is_frozen)
        with psycopg.connect(database, autocommit=True) as connection:

            def rows() -> int:
                found = connection.execute("SELECT count(*) FROM audit.event").fetchone()
                return 0 if found is None else int(found[0])

            before = rows()
            run.worker("2", role="projector")
            eventually("another goes on", lambda: rows() > before)
        zombie.signal(signal.SIGCONT)
        eventually("it is refused and ends", lambda: len(zombie.codes) > 0)
        fault.reached = zombie.said("were moved on by another projector: this one's batch")
        run.rest()
        fault.over(run.check())
