"""The running projector: reads the log as a member of a group, and keeps the projections' tables up to date."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import psycopg
import psycopg.conninfo

from projections.builds import Build, current_version, ensure
from projections.errors import DatabaseUnreachable, OffsetConflict, ProjectionError
from projections.log import Batch, LogReader, Settings, extent
from projections.observing import UNOBSERVED, Observer, Standing
from projections.observing import Batch as WrittenBatch
from projections.projection import Projection
from projections.records import Codec, Place
from projections.writer import Writer

__all__ = ["Projector", "Settings", "address", "connect"]

log = logging.getLogger(__name__)

_PAUSES: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 5.0, 5.0, 5.0, 5.0)
"""Seconds between tries to reach PostgreSQL: half a minute in all, which a restart of it takes at most."""
_IDLE_SECONDS: Final = 0.5
_SESSION: Final = "-c TimeZone=UTC -c synchronous_commit=off"
"""A commit that a crash of PostgreSQL takes back is made again from the log: offsets and rows go together."""

_GONE: Final = (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName)
_PASSING: Final = (psycopg.OperationalError, *_GONE)
"""Worth another try: the connection, or tables that were dropped after their build was looked up."""
_MOVED: Final = (OffsetConflict, *_GONE)
"""What a batch meets whose build is no longer the current one."""


class Projector:
    """One worker: the partitions are shared among all that run, by the consumer group.

    Offsets lie in PostgreSQL and move by compare-and-set, so a zombie (a worker that lost its partitions and doesn't
    know) can't write: it gets an OffsetConflict and stops.
    """

    def __init__(
        self,
        projections: Sequence[Projection],
        codec: Codec,
        settings: Settings,
        observer: Observer = UNOBSERVED,
    ) -> None:
        self._projections = tuple(projections)
        self._codec = codec
        self._settings = settings
        self._observer = observer
        self._writer: Writer | None = None
        self._builds: list[Build] = []
        self._connection: psycopg.Connection[Any] | None = None
        self._assigned: list[Place] = []

    def run(self, stop: threading.Event) -> None:
        """Projects until `stop` is set.

        Raises:
            ProjectionError: it can't go on; the message says why and what to do. Nothing is half written.
        """
        reader = LogReader(self._settings, self._codec, member=self._settings.instance)
        try:
            topics = sorted({topic for projection in self._projections for topic in projection.topics})
            reader.subscribe(topics, lambda places: self._on_assign(reader, places), self._on_revoke)
            failures = 0
            while not stop.is_set():
                self._observer.turned(lambda: self._standing(reader))
                try:
                    if self._step(reader, stop):
                        failures = 0
                except _PASSING as error:
                    failures += 1
                    self._after_failure(error, failures, stop)
        finally:
            reader.close()
            if self._connection is not None:
                self._connection.close()

    def _step(self, reader: LogReader, stop: threading.Event) -> bool:
        """Reads one batch and writes it, from the offsets in PostgreSQL on where it failed before; whether it wrote."""
        if self._writer is None:
            self._open(stop)
            self._seek(reader)
        batch = reader.poll(_IDLE_SECONDS)
        if self._writer is None or not batch.upto:  # none: PostgreSQL failed while partitions were assigned
            return False
        begun = time.time_ns()
        try:
            written = self._writer.write(batch.records, batch.upto)
        except psycopg.OperationalError:
            raise
        except (OffsetConflict, psycopg.Error) as error:
            if isinstance(error, _MOVED) and not self._still_current():
                log.info("a projection was switched to another version or dropped: going on with what is current")
                self._writer = None
                return False
            if isinstance(error, OffsetConflict):
                raise
            raise ProjectionError(refusal(error, batch)) from None  # the cause's text may hold people's words
        if batch.records:
            self._observer.wrote(WrittenBatch(len(batch.records), written, begun, list(batch.traces)))
        return True

    def _standing(self, reader: LogReader) -> Standing:
        behind: Counter[tuple[str, str]] = Counter()
        for name, places in ({} if self._writer is None else self._writer.positions).items():
            for (topic, _), records in reader.behind(places).items():
                behind[name, topic] += records
        return Standing(behind, self._writer is not None)

    def _after_failure(self, error: psycopg.Error, failures: int, stop: threading.Event) -> None:
        """PostgreSQL failed: a pause, and then again from the offsets that it holds; not for ever."""
        self._writer = None
        if failures > len(_PAUSES):
            raise DatabaseUnreachable(
                f"PostgreSQL at {address(self._settings.dsn)} failed {failures} times in a row: {first_line(error)}. "
                f"Nothing is half written; mend it and start the projector again."
            ) from error
        log.warning("PostgreSQL failed, trying again from the offsets that it holds: %s", first_line(error))
        stop.wait(_PAUSES[failures - 1])

    def _still_current(self) -> bool:
        assert self._connection is not None
        return all(current_version(self._connection, build.projection.name) == build.version for build in self._builds)

    def _open(self, stop: threading.Event) -> None:
        """Connects, and finds the current builds or makes those that are missing."""
        if self._connection is not None:
            self._connection.close()
        self._connection = connect(self._settings.dsn, stop)
        self._builds = [ensure(self._connection, projection) for projection in self._projections]
        self._writer = Writer(self._connection, self._builds, shown=True)

    def _seek(self, reader: LogReader) -> None:
        """Reads on from the offsets in PostgreSQL; while that can't be asked, nothing."""
        reader.assign({} if self._writer is None else self._writer.claim(self._assigned))

    def _on_assign(self, reader: LogReader, places: list[Place]) -> None:
        self._take(places)
        try:
            self._seek(reader)
        except psycopg.OperationalError as error:
            log.warning("PostgreSQL failed while partitions were assigned: %s", first_line(error))
            self._writer = None
            self._seek(reader)

    def _on_revoke(self) -> None:
        """What was read of our partitions and is not yet written is left to whom they are given."""
        self._take([])
        if self._writer is not None:
            self._writer.release()

    def _take(self, places: list[Place]) -> None:
        self._assigned = places
        self._observer.assigned(len(places))
        log.info("%d partitions assigned", len(places))


def connect(dsn: str, stop: threading.Event | None = None) -> psycopg.Connection[Any]:
    """A connection in autocommit, in UTC, tried for half a minute.

    Raises:
        DatabaseUnreachable: it can't be reached; the message has the address, never the password.
    """
    stopped = stop or threading.Event()
    for pause in (*_PAUSES, None):
        try:
            return psycopg.connect(dsn, autocommit=True, connect_timeout=10, options=_SESSION)
        except psycopg.OperationalError as error:
            if pause is None or stopped.is_set():
                raise DatabaseUnreachable(
                    f"PostgreSQL at {address(dsn)} can't be reached: {first_line(error)}. "
                    f"Check the setting postgres.dsn and that it runs."
                ) from error
            stopped.wait(pause)
    raise AssertionError("the last pause is None")


def address(dsn: str) -> str:
    """Host, port and database of a DSN, without the password."""
    try:
        parts = psycopg.conninfo.conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        return "a DSN that can't be read"
    return f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}/{parts.get('dbname', '')}"


def refusal(error: psycopg.Error, batch: Batch) -> str:
    """What to say of a batch that PostgreSQL refused, without its own text: that may hold people's words."""
    return (
        f"PostgreSQL refused a batch ({type(error).__name__}, {error.diag.table_name or 'no table'}, "
        f"{error.diag.constraint_name or error.sqlstate}): records of {extent(batch.upto)}. Nothing of it was "
        f"written. Where the tables were changed by hand, build them again: rejoinder projections rebuild --all"
    )


def first_line(error: Exception) -> str:
    """What an error says, in a line."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
