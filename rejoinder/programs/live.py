"""`run live`: counts what happens now, and hangs it up each second."""

import gc
import threading
import time
from typing import Any, Final

import msgspec
import psycopg
import structlog

from engine.record import COLLECT_AFTER, Event
from projections.errors import DatabaseUnreachable
from projections.live import wall
from projections.live.beginning import Beginning, read_beginning
from projections.live.floor import Floor
from projections.log import Batch, LogReader
from projections.log import Settings as LogSettings
from projections.projector import address, connect, first_line
from projections.records import Place
from rejoinder.cluster import Cluster, wall_clock
from rejoinder.cluster import connect as connect_cluster
from rejoinder.instance import report_ready
from rejoinder.observing import metrics
from rejoinder.observing.health import Health
from rejoinder.observing.program import observed
from rejoinder.programs import bootstrap_of, until_told
from rejoinder.sections import SettingsError
from rejoinder.settings import Settings

GROUP: Final = "rejoinder.live"
"""It joins no group and keeps no offsets; the client wants a name."""
EVERY: Final = 1.0
"""Seconds between two boards."""
GLANCE: Final = 0.1
"""How long it waits for the next record, seconds."""
PATIENCE: Final = 120.0
"""Seconds in which the projector has to have made its tables."""
WITHOUT_POSTGRES: Final = 60.0
"""Seconds for which no board could be written after which it gives up."""

log = structlog.get_logger()


def run(settings: Settings, worker: str = "1") -> None:
    """Works until told to stop."""
    stop = until_told()
    gc.set_threshold(COLLECT_AFTER)
    with observed(settings, metrics.LIVE, worker) as seen:
        if settings.postgres.dsn is None:
            raise SettingsError("the program live needs postgres.dsn; `rejoinder up` starts programs and tells them")
        cluster = connect_cluster(settings, bootstrap_of(settings))
        live = Live(
            settings.postgres.dsn.get_secret_value(), worker, seen.health, recorded=settings.time.mode == "recorded"
        )
        seen.health.needs("log", live.missing)
        seen.health.started()
        report_ready()
        live.run(cluster, stop)


class Live:
    """Reads the log from where PostgreSQL's facts stand, and writes the board."""

    def __init__(self, dsn: str, worker: str, health: Health, *, recorded: bool) -> None:
        self._dsn = dsn
        self._worker = worker
        self._health = health
        self._recorded = recorded
        self._floor = Floor()
        self._upto: dict[Place, int] = {}
        self._reached: set[Place] = set()
        """The partitions of which it is known how far they go."""
        self._connection: psycopg.Connection[Any] | None = None
        self._written_at = time.monotonic()

    def run(self, cluster: Cluster, stop: threading.Event) -> None:
        """Counts until told to stop.

        Raises:
            ProjectionError: Kafka or PostgreSQL is away for too long, or the log can't be read.
        """
        begun = self._begin(stop)
        if begun is None:
            return
        self._floor = Floor(begun.interactions, begun.agents, begun.latest)
        self._upto = begun.offsets
        log.info("begun", interactions=self._floor.size, agents=len(begun.agents))
        reader = LogReader(
            LogSettings(cluster.bootstrap, self._dsn, group=GROUP, prefix=cluster.catalogue.prefix), cluster.codec
        )
        try:
            reader.assign(begun.offsets)
            self._count(reader, stop)
        finally:
            reader.close()
            self._take_down()

    def missing(self) -> str | None:
        """What keeps it from being ready."""
        return None if self._upto and self._reached == self._upto.keys() else "it has not read the log to its end yet"

    def _begin(self, stop: threading.Event) -> Beginning | None:
        """What PostgreSQL knows, once the projector has made its tables; None if it is to end."""
        deadline = time.monotonic() + PATIENCE
        with connect(self._dsn, stop) as connection:
            wall.install(connection)
            while not stop.is_set():
                self._health.turned(metrics.LIVE)
                begun = read_beginning(connection, None if self._recorded else wall_clock())
                if begun is not None:
                    return begun
                if time.monotonic() > deadline:
                    raise DatabaseUnreachable(
                        f"PostgreSQL at {address(self._dsn)} has had no projections for {PATIENCE:.0f} s: start a "
                        "projector (workers.projector), or do without the wallboard (workers.live = 0)."
                    )
                stop.wait(EVERY / 2)
        return None

    def _count(self, reader: LogReader, stop: threading.Event) -> None:
        due = time.monotonic()
        while not stop.is_set():
            self._fold(reader.poll(GLANCE))
            if time.monotonic() >= due:
                due = time.monotonic() + EVERY
                self._show(reader)

    def _fold(self, batch: Batch) -> None:
        events = [(logged, logged.record) for logged in batch.records if isinstance(logged.record, Event)]
        for logged, event in events:
            self._floor.fold(logged.topic, logged.key, event)
        self._upto.update(batch.upto)
        self._reached.update(batch.upto)
        metrics.LIVE_EVENTS.inc(len(events))

    def _show(self, reader: LogReader) -> None:
        behind = sum(reader.behind(self._upto).values()) if self.missing() is None else None
        now = self._floor.latest if self._recorded else wall_clock()
        self._hang_up(msgspec.json.encode(self._floor.board(now, behind)).decode())
        self._health.turned(metrics.LIVE)
        metrics.TURNS.labels(metrics.LIVE).inc()
        metrics.LIVE_BEHIND.set(behind or 0)
        metrics.LIVE_INTERACTIONS.set(self._floor.size)

    def _hang_up(self, board: str) -> None:
        """Writes the board; while PostgreSQL is away the next one is tried a second later, with an end."""
        try:
            if self._connection is None:
                self._connection = psycopg.connect(self._dsn, autocommit=True, connect_timeout=5)
            wall.write(self._connection, self._worker, board)
            self._written_at = time.monotonic()
        except psycopg.OperationalError as error:
            self._disconnect()
            if time.monotonic() - self._written_at > WITHOUT_POSTGRES:
                raise DatabaseUnreachable(
                    f"PostgreSQL at {address(self._dsn)} has taken no board for {WITHOUT_POSTGRES:.0f} s: "
                    f"{first_line(error)}. Check the setting postgres.dsn and that it runs."
                ) from error
            log.warning("board_not_written", reason=first_line(error))

    def _take_down(self) -> None:
        """So that nobody takes it for what happens now."""
        try:
            if self._connection is not None:
                wall.remove(self._connection, self._worker)
        except psycopg.OperationalError as error:
            log.warning("board_not_removed", reason=first_line(error))  # it counts no more in ten seconds anyhow
        self._disconnect()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
