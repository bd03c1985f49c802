"""The facts of the reports as they stood at a time: folded anew from the events up to then, for one connection.

They lie in temporary tables and views of the names that `reporting` has, so that a report asks them the same questions.
What the log says is all that counts: an event belongs to a time if it and all before it on its key happened by then.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from projections.projection import views_of
from projections.queries.recorded import Placed, logged
from projections.records import Logged
from projections.reporting import Reporting
from projections.tables import Store, Table, stage_name

SCHEMA: Final = "pg_temp"
BATCH: Final = 5_000
REPORTING: Final = Reporting()
_EVENTS: Final = """
SELECT topic, partition, record_offset, key, event_type, interaction_id, contact_id, state, occurred_at, event_id,
       sequence, actor_kind, actor_id, policy_version, facts
FROM (SELECT e.*, max(occurred_at) OVER (PARTITION BY topic, key ORDER BY sequence) AS latest FROM audit.event e) e
WHERE latest <= %s
ORDER BY topic, partition, record_offset
"""


class _Temporary(Store):
    """Tables that only this connection has. Views take the names of the facts, so they have others."""

    def _place(self, table: Table[Any]) -> sql.Identifier:
        return sql.Identifier(SCHEMA, _named(table))


def stand(connection: psycopg.Connection[Any], moment: datetime) -> int:
    """Makes the facts as they stood at a time, and says of how many events they are.

    To be called before the connection's first transaction, once. It folds all events up to then, which takes about as
    long as a rebuild of the projection.
    """
    connection.read_only = False  # temporary tables are written, nothing else
    count = 0
    with connection.transaction():
        make(connection)
        for batch in _batches(connection, moment):
            fold(connection, batch)
            count += len(batch)
        look(connection)
        show(connection, moment)
    return count


def make(connection: psycopg.Connection[Any]) -> None:
    """Makes the empty tables; within a transaction, as what follows."""
    for table in REPORTING.tables:
        _create(connection, table)


def fold(connection: psycopg.Connection[Any], batch: Sequence[Logged]) -> None:
    """Folds some more events into the tables."""
    connection.execute("SET LOCAL enable_seqscan = off")  # all is asked for by key, of tables without statistics
    with connection.cursor() as cursor:
        REPORTING.fold(_Temporary(cursor, SCHEMA), batch)


def look(connection: psycopg.Connection[Any]) -> None:
    """Lets PostgreSQL look at what the tables hold, so that it finds good ways to it."""
    connection.execute("SET LOCAL enable_seqscan = on")
    for table in REPORTING.tables:
        connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(SCHEMA, _named(table))))


def show(connection: psycopg.Connection[Any], moment: datetime) -> None:
    """Makes the views; `moment` is now."""
    for statement in re.findall(r"^CREATE VIEW .*?;$", views_of(REPORTING.name), re.MULTILINE | re.DOTALL):
        connection.execute(_temporary(statement, moment).encode())


def _create(connection: psycopg.Connection[Any], table: Table[Any]) -> None:
    """Makes a table and what its rows are staged in."""
    own = replace(table, name=_named(table))
    connection.execute(own.ddl(indexed=False).replace("CREATE TABLE", "CREATE TEMP TABLE", 1).encode())
    stage = sql.Identifier(stage_name(SCHEMA, table))
    connection.execute(sql.SQL("CREATE TEMP TABLE {} (LIKE {})").format(stage, sql.Identifier(SCHEMA, own.name)))


def _batches(connection: psycopg.Connection[Any], moment: datetime) -> Iterator[list[Logged]]:
    with connection.cursor("events_as_of", row_factory=class_row(Placed)) as cursor:
        cursor.execute(_EVENTS.encode(), (moment,))
        while rows := cursor.fetchmany(BATCH):
            yield logged(rows)


def _temporary(statement: str, moment: datetime) -> str:
    """A view's statement for the temporary tables; `now` is the time of which it tells."""
    placed = statement.replace("{rows}.", f"{SCHEMA}.rows_").replace("reporting.", f"{SCHEMA}.")
    return placed.replace("now()", f"timestamptz '{moment.isoformat()}'")


def _named(table: Table[Any]) -> str:
    return f"rows_{table.name}"
