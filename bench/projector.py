"""The projector: the log from Kafka into all tables of PostgreSQL, against COPY of the very rows that it made.

Twice: as it follows the log, and as `rejoinder projections rebuild` makes everything again, in one process and in two.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from statistics import median
from typing import Any, Final

import psycopg
from psycopg import sql

from bench.engine_run import run_engine
from bench.measure import BenchFailed, Measure, rounded
from bench.progress import say
from bench.run import Run
from bench.stage import stage, undisturbed
from projections.builds import current_version, schema_of
from projections.catalogue import PROJECTIONS
from projections.observing import Batch, Unobserved
from projections.projector import Projector, Settings, connect
from projections.rebuild import rebuild_all
from projections.tables import Table
from projections.workers import Workers
from rejoinder.cluster import Cluster
from rejoinder.cluster import connect as connect_cluster
from rejoinder.settings import load
from schemas.codec import Codec
from topics.catalogue import INTERACTION_CONTENT, INTERACTION_EVENTS, INTERACTION_PROFILES

PATIENCE: Final = 600.0
"""Seconds until the run is given up."""
ROWS: Final = 5_000
"""Rows in a transaction of the bare COPY: as many as the records in the projector's."""
WORKERS: Final = (1, 2)
"""Processes that rebuild."""
SHARE: Final = 4
"""The log is that of a part of all messages: its rows are read into this process, to be copied again."""


def measure(run: Run) -> Iterator[Measure]:
    """One projector with all projections on a log that is there, into empty tables; a rebuild of them; then COPY.

    The projector from the first committed batch to the last, what came between them: joining the group and making the
    tables is left out. With one batch only, from the start. The rebuild whole: with its processes' start, the indexes,
    the comparison and the switch.
    """
    staged = stage(run.services.bootstrap, "j.", max(1, run.sizes.messages // SHARE))
    run_engine(staged.cluster, staged.expected)
    events = len(staged.expected.of(INTERACTION_EVENTS))
    apart = (INTERACTION_CONTENT, INTERACTION_PROFILES)
    records = events + sum(len(staged.expected.of(each)) for each in apart)
    projected: list[float] = []
    copied: list[float] = []
    rebuilt: dict[int, list[float]] = {workers: [] for workers in WORKERS}
    rows, batches = 0, 0
    for number in range(run.sizes.rounds):
        dsn = run.services.database(f"projector{number}")
        seconds, counted, batches = _project(dsn, staged.cluster, records)
        projected.append(counted / records * events / seconds)
        for workers in WORKERS if number % 2 == 0 else reversed(WORKERS):
            rebuilt[workers].append(events / _rebuild(dsn, staged.cluster, workers))
        with connect(dsn) as connection:
            rows, seconds = _copy_all(connection)
        copied.append(events / seconds)
        again = ", ".join(f"{each[-1]:.0f} with {workers}" for workers, each in rebuilt.items())
        say(f"round {number + 1}: {projected[-1]:.0f} events/s, rebuilding {again}, COPY {copied[-1]:.0f}")
    value, bare = median(projected), median(copied)
    detail = {
        "events": events,
        "records": records,
        "batches": batches,
        "records_per_second": round(value * records / events),
        "projections": [projection.name for projection in PROJECTIONS],
        "rounds": rounded(projected),
    }
    yield Measure("projector", round(value), "events/s", round(value / bare, 3), "copy", detail)
    for workers, values in rebuilt.items():
        per = median(values)
        detail = {"events": events, "processes": workers, "rounds": rounded(values)}
        yield Measure(f"rebuild_{workers}", round(per), "events/s", round(per / bare, 3), "copy", detail)
    told = {"rows": rows, "rows_per_second": round(bare * rows / events), "rows_in_transaction": ROWS}
    yield Measure("copy", round(bare), "events/s", detail={**told, "rounds": rounded(copied)})


def _rebuild(dsn: str, cluster: Cluster, workers: int) -> float:
    """Seconds for making all projections again, beside those that are there."""
    prefix, bootstrap = cluster.catalogue.prefix, cluster.bootstrap
    settings = Settings(bootstrap, dsn, prefix=prefix, instance="bench-rebuild")
    began = time.perf_counter()
    rebuilt = rebuild_all(PROJECTIONS, Workers(partial(_codec, bootstrap, prefix), workers), settings)
    seconds = time.perf_counter() - began
    if not rebuilt.switched:
        raise BenchFailed("what was built again differs from what was there")
    return seconds


def _codec(bootstrap: str, prefix: str) -> Codec:
    return connect_cluster(load({"kafka.bootstrap": bootstrap, "topics.prefix": prefix}), bootstrap).codec


def _project(dsn: str, cluster: Cluster, records: int) -> tuple[float, int, int]:
    """Seconds, the records written in them, and all batches."""
    stop = threading.Event()
    at, sizes = [time.perf_counter()], [0]
    failures: list[BaseException] = []

    class Counting(Unobserved):
        def wrote(self, batch: Batch) -> None:
            at.append(time.perf_counter())
            sizes.append(batch.records)
            if sum(sizes) >= records:
                stop.set()

    def work() -> None:
        try:
            prefix = cluster.catalogue.prefix
            settings = Settings(cluster.bootstrap, dsn, prefix=prefix, instance="bench")
            Projector(PROJECTIONS, cluster.codec, settings, Counting()).run(stop)
        except BaseException as error:
            failures.append(error)
            stop.set()

    thread = threading.Thread(target=work, name="bench-projector")
    with undisturbed():
        thread.start()
        stop.wait(PATIENCE)
        stop.set()
        thread.join()
    if failures:
        raise failures[0]
    if sum(sizes) != records:
        raise BenchFailed(f"the projector wrote {sum(sizes)} of {records} records")
    first = 1 if len(at) > 2 else 0
    return at[-1] - at[first], sum(sizes[first + 1 :]), len(at) - 1


def _copy_all(connection: "psycopg.Connection[Any]") -> tuple[int, float]:
    """All rows of all projections, copied into tables like theirs: how many, and in how many seconds."""
    count, seconds = 0, 0.0
    for projection in PROJECTIONS:
        version = current_version(connection, projection.name)
        if version is None:
            raise BenchFailed(f"the projector made no {projection.name}")
        for table in projection.tables:
            rows, took = _copy(connection, schema_of(projection.name, version), table)
            count, seconds = count + rows, seconds + took
    return count, seconds


def _copy(connection: "psycopg.Connection[Any]", schema: str, table: Table[Any]) -> tuple[int, float]:
    place = sql.Identifier(schema, table.name)
    copy = sql.Identifier(f"copy_of_{schema}_{table.name}")
    # JSON as text: it is copied as it stands, not taken apart and put together again.
    wanted = sql.SQL(", ").join(
        sql.SQL("{}::text").format(sql.Identifier(column.name))
        if column.type == "jsonb"
        else sql.Identifier(column.name)
        for column in table.columns
    )
    rows = connection.execute(sql.SQL("SELECT {} FROM {}").format(wanted, place)).fetchall()
    connection.execute(sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(copy, place))
    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(copy, columns)
    with undisturbed():
        began = time.perf_counter()
        for start in range(0, len(rows), ROWS):
            _copy_batch(connection, statement, rows[start : start + ROWS])
        return len(rows), time.perf_counter() - began


def _copy_batch(
    connection: "psycopg.Connection[Any]", statement: sql.Composed, rows: Sequence[tuple[Any, ...]]
) -> None:
    with connection.transaction(), connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
