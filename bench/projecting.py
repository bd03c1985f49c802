"""The projector: the log from Kafka into all tables of PostgreSQL, against COPY of the audit's rows alone."""

import threading
import time
from collections.abc import Sequence
from typing import Any, Final

import psycopg
from psycopg import sql

from bench.main_path import Made
from bench.measure import BenchFailed, Measure
from bench.progress import say
from bench.stage import undisturbed
from projections.builds import current_version, schema_of
from projections.catalogue import PROJECTIONS
from projections.projector import Projector, Settings, connect
from topics.catalogue import INTERACTION_CONTENT, INTERACTION_EVENTS, INTERACTION_PROFILES

PATIENCE: Final = 600.0
"""Seconds until the run is given up."""
ROWS: Final = 5_000
"""Rows in a transaction of the bare COPY: as many as the projector's."""


def measure(dsn: str, made: Made) -> list[Measure]:
    """One projector with all projections, on the log that the main path left.

    From the first committed batch to the last, what came between them: joining the group and making the tables is
    left out. With one batch only, from the start.
    """
    events = len(made.expected.of(INTERACTION_EVENTS))
    records = events + sum(len(made.expected.of(each)) for each in (INTERACTION_CONTENT, INTERACTION_PROFILES))
    say(f"projecting {records} records, {events} of them events")
    seconds, counted, batches = _project(dsn, made, records)
    value = counted / records * events / seconds
    with connect(dsn) as connection:
        copied = _copy(connection)
    detail = {
        "events": events,
        "records": records,
        "batches": batches,
        "records_per_second": round(counted / seconds),
        "projections": [projection.name for projection in PROJECTIONS],
    }
    return [
        Measure("projector", round(value), "events/s", round(value / copied, 3), "audit_copy", detail),
        Measure("audit_copy", round(copied), "events/s", detail={"rows": events, "rows_in_transaction": ROWS}),
    ]


def _project(dsn: str, made: Made, records: int) -> tuple[float, int, int]:
    """Seconds, the records written in them, and all batches."""
    stop = threading.Event()
    at, sizes = [time.perf_counter()], [0]
    failures: list[BaseException] = []

    def on_batch(count: int) -> None:
        at.append(time.perf_counter())
        sizes.append(count)
        if sum(sizes) >= records:
            stop.set()

    def work() -> None:
        try:
            prefix = made.cluster.catalogue.prefix
            settings = Settings(made.cluster.bootstrap, dsn, prefix=prefix, instance="bench")
            Projector(PROJECTIONS, made.cluster.codec, settings, on_batch).run(stop)
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


def _copy(connection: "psycopg.Connection[Any]") -> float:
    """Rows in a second, of the audit's rows copied into a table that is like theirs."""
    version = current_version(connection, "audit")
    if version is None:
        raise BenchFailed("the projector made no audit")
    table = sql.Identifier(schema_of("audit", version), "events")
    columns = connection.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(table)).description or []
    # As text: the JSON is copied as it stands, not taken apart and put together again.
    wanted = sql.SQL(", ").join(
        sql.SQL("facts::text") if column.name == "facts" else sql.Identifier(column.name) for column in columns
    )
    rows = connection.execute(sql.SQL("SELECT {} FROM {}").format(wanted, table)).fetchall()
    connection.execute(sql.SQL("CREATE TABLE audit_copy (LIKE {} INCLUDING ALL)").format(table))
    with undisturbed():
        began = time.perf_counter()
        for start in range(0, len(rows), ROWS):
            _copy_batch(connection, rows[start : start + ROWS])
        return len(rows) / (time.perf_counter() - began)


def _copy_batch(connection: "psycopg.Connection[Any]", rows: Sequence[tuple[Any, ...]]) -> None:
    with (
        connection.transaction(),
        connection.cursor() as cursor,
        cursor.copy("COPY audit_copy FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)
