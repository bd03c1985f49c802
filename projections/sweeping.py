"""Takes from PostgreSQL's files the words and names that were deleted from its tables.

A deleted row's bytes stay in the table's file until something is written over them, which VACUUM does not do: the table
is written anew (VACUUM FULL). PostgreSQL's own log has them too, until the files of it that are no longer needed are
removed; that happens when a checkpoint has gone past them, and only where they are not kept to be used again
(wal_recycle).
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from projections import builds, offsets
from projections.builds import Version
from projections.errors import RebuildRuns
from projections.projection import Projection
from projections.records import ERASABLE
from projections.records import Place as Partition
from projections.tables import Table

log = logging.getLogger(__name__)

PATIENCE: Final = "2s"
"""How long it waits for those who read a table; others who want to read wait behind it meanwhile."""
_LOCK: Final = 7237123  # an advisory lock: one sweeps at a time
_DDL: Final = """
CREATE TABLE IF NOT EXISTS projector.sweeps (
    schema_name text NOT NULL,
    table_name text NOT NULL,
    changed bigint NOT NULL,
    swept_at timestamptz NOT NULL,
    log_removed boolean NOT NULL,
    PRIMARY KEY (schema_name, table_name)
);
COMMENT ON TABLE projector.sweeps IS
    'One row for each table with words or names: when what was deleted from it was last taken from the files.';
COMMENT ON COLUMN projector.sweeps.schema_name IS 'the schema of the version of the projection';
COMMENT ON COLUMN projector.sweeps.table_name IS 'the table';
COMMENT ON COLUMN projector.sweeps.changed IS 'how many of its rows had been changed or deleted, as PostgreSQL counts';
COMMENT ON COLUMN projector.sweeps.swept_at IS 'up to when what was deleted is gone';
COMMENT ON COLUMN projector.sweeps.log_removed IS
    'whether PostgreSQL''s own log was cleared of it; else the server''s settings say when that is';
"""
_COUNTED_UNTIL: Final = "SELECT now() - interval '1 minute'"
"""A session that is busy tells what it deleted a minute later at the latest (PGSTAT_MAX_INTERVAL): what is younger may
not be counted yet, and is swept the next time."""
_CHANGED: Final = """
SELECT n_tup_upd + n_tup_del FROM pg_stat_user_tables WHERE schemaname = %s AND relname = %s
"""
_SWEPT: Final = "SELECT changed FROM projector.sweeps WHERE schema_name = %s AND table_name = %s"
_KEEP: Final = """
INSERT INTO projector.sweeps (schema_name, table_name, changed, swept_at, log_removed) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (schema_name, table_name) DO UPDATE
    SET changed = excluded.changed, swept_at = excluded.swept_at, log_removed = excluded.log_removed
"""
_STILL: Final = "UPDATE projector.sweeps SET swept_at = %s WHERE schema_name = %s AND table_name = %s"

Place = tuple[str, str]
"""A schema and a table in it."""


@dataclass(frozen=True)
class Sweep:
    """What is known of a table's last sweep."""

    schema_name: str
    table_name: str
    swept_at: datetime
    log_removed: bool


def sweep(connection: psycopg.Connection[Any], projections: Sequence[Projection]) -> list[str]:
    """Takes what was deleted from the tables with words and names from the files, in all versions of them.

    Nothing where another one is at it. A table whose readers don't give way is left to the next time, with a line in
    the log.

    Args:
        connection: in autocommit, of the tables' owner.

    Returns:
        The tables that were written anew.
    """
    builds.install(connection)
    connection.execute(_DDL.encode())
    if connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone() != (True,):
        return []
    try:
        return _sweep(connection, projections)
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))


def sweeps(connection: psycopg.Connection[Any]) -> list[Sweep]:
    """The last sweep of each table; none where there never was one."""
    if connection.execute("SELECT to_regclass('projector.sweeps')").fetchone() == (None,):
        return []
    query = "SELECT schema_name, table_name, swept_at, log_removed FROM projector.sweeps ORDER BY 1, 2"
    with connection.cursor(row_factory=class_row(Sweep)) as cursor:
        return cursor.execute(query).fetchall()


def _sweep(connection: psycopg.Connection[Any], projections: Sequence[Projection]) -> list[str]:
    row = connection.execute(_COUNTED_UNTIL).fetchone()
    assert row is not None
    done: dict[Place, int] = {}
    clean: list[Place] = []
    for projection in projections:
        versions = builds.versions(connection, projection.name)
        tables = [table for table in projection.tables if table.personal]
        forgotten = _forget_beside(connection, projection.name, versions, tables)
        for place in [(version.schema, table.name) for version in versions for table in tables]:
            changed = _count(connection, _CHANGED, place)
            if changed is None:  # another version of the code had no such table
                continue
            if place not in forgotten and _count(connection, _SWEPT, place) == changed:
                clean.append(place)
            elif _write_anew(connection, place):
                done[place] = changed
    is_removed = bool(done) and _clear_log(connection)
    for place, changed in done.items():
        connection.execute(_KEEP, (*place, changed, row[0], is_removed))
    for place in clean:  # whether the log was cleared of what was deleted before stays as it was
        connection.execute(_STILL, (row[0], *place))
    connection.execute("DELETE FROM projector.sweeps WHERE to_regclass(schema_name || '.' || table_name) IS NULL")
    return [".".join(place) for place in done]


def _forget_beside(
    connection: psycopg.Connection[Any], name: str, versions: Sequence[Version], tables: Sequence[Table[Any]]
) -> set[Place]:
    """Versions that nobody keeps up to date hear of no erasure: what the shown one has no more is deleted there.

    Only where they are behind it: what they have and it has not was erased then.

    Returns:
        The tables from which something was deleted: PostgreSQL may count it only later.
    """
    shown = next((each for each in versions if each.is_shown), None)
    idle = [each for each in versions if not each.is_shown]
    forgotten: set[Place] = set()
    if shown is None or not idle or not tables:
        return forgotten
    try:
        with connection.transaction():
            builds.hold_meanwhile(connection, name)
            front = offsets.lock(connection, name, shown.version)
            for version in idle:
                if not _is_behind(offsets.positions(connection, name, version.version), front):
                    continue
                for place, table in [((version.schema, table.name), table) for table in tables]:
                    if _count(connection, _CHANGED, place) is None:  # as in `_sweep`
                        continue
                    if connection.execute(_forgetting(version.schema, shown.schema, table)).rowcount:
                        forgotten.add(place)
    except RebuildRuns:
        log.info("a rebuild of %s is running: its versions are swept the next time", name)
    return forgotten


def _is_behind(upto: Mapping[Partition, int], front: Mapping[Partition, int]) -> bool:
    return all(offset <= front.get(place, 0) for place, offset in upto.items() if place[0] in ERASABLE)


def _forgetting(beside: str, shown: str, table: Table[Any]) -> sql.Composed:
    same = sql.SQL(" AND ").join(
        sql.SQL("shown.{0} = beside.{0}").format(sql.Identifier(column)) for column in table.key
    )
    return sql.SQL("DELETE FROM {} AS beside WHERE NOT EXISTS (SELECT FROM {} AS shown WHERE {})").format(
        sql.Identifier(beside, table.name), sql.Identifier(shown, table.name), same
    )


def _count(connection: psycopg.Connection[Any], query: str, place: Place) -> int | None:
    row = connection.execute(query.encode(), place).fetchone()
    return None if row is None else int(row[0])


def _write_anew(connection: psycopg.Connection[Any], place: Place) -> bool:
    """Whether the readers of the table gave way."""
    connection.execute(sql.SQL("SET lock_timeout = {}").format(PATIENCE))
    try:
        connection.execute(sql.SQL("VACUUM (FULL, ANALYZE) {}").format(sql.Identifier(*place)))
    except psycopg.errors.LockNotAvailable:
        log.warning("%s is in use: what was deleted from it is taken from the files the next time", ".".join(place))
        return False
    finally:
        connection.execute("RESET lock_timeout")
    return True


def _clear_log(connection: psycopg.Connection[Any]) -> bool:
    """Ends the file of PostgreSQL's own log that is written to, and has those before it removed; whether it could."""
    try:
        connection.execute("CHECKPOINT")
        connection.execute("SELECT pg_switch_wal()")
        connection.execute("CHECKPOINT")
    except psycopg.errors.InsufficientPrivilege:
        log.info("PostgreSQL's own log is left to the server: this role may not clear it (docs/how-to/erase.md)")
        return False
    return connection.execute("SHOW wal_recycle").fetchone() == ("off",)
