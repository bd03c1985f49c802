"""The versions of a projection: each has a schema of tables, and the views point at the current one.

Everything can be built again from the log, so there are no migrations: the next version is built beside the old one
and the views are switched in one transaction.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from projections import offsets
from projections.errors import RebuildRuns, ShapeChanged
from projections.projection import Projection
from projections.tables import shape

READER = "rejoinder_reader"
"""The role that may read the views, where it exists."""

_LOCK = 7237122  # an advisory lock: several projectors may start at once
_UNFINISHED = "unfinished"
"""Stands for the shape of a version that is being built."""
_DDL = """
CREATE SCHEMA IF NOT EXISTS projector;
COMMENT ON SCHEMA projector IS 'How far each projection has read, and which of its versions is the current one.';
CREATE TABLE IF NOT EXISTS projector.builds (
    projection text NOT NULL,
    version integer NOT NULL,
    shape text NOT NULL,
    views text,
    PRIMARY KEY (projection, version)
);
COMMENT ON TABLE projector.builds IS 'One row for each version of a projection that has tables.';
COMMENT ON COLUMN projector.builds.projection IS 'the projection';
COMMENT ON COLUMN projector.builds.version IS 'the version, whose tables lie in the schema PROJECTION_vVERSION';
COMMENT ON COLUMN projector.builds.shape IS
    'a digest of the declarations of its tables; unfinished while they are built again';
COMMENT ON COLUMN projector.builds.views IS 'a digest of its views, where they point at this version; else null';
"""
# A view's column without a comment takes one of the same name: of the table that the view is named after, of another
# table, or of another view.
_INHERIT_COMMENTS = """
WITH columns AS (
    SELECT n.nspname, c.relname, c.relkind, a.attname, col_description(c.oid, a.attnum) AS comment
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE a.attnum > 0 AND c.relkind IN ('r', 'v') AND n.nspname IN (%(views)s, %(rows)s)
)
SELECT format('COMMENT ON COLUMN %%I.%%I.%%I IS %%L', v.nspname, v.relname, v.attname, t.comment)
FROM columns v
CROSS JOIN LATERAL (
    SELECT t.comment FROM columns t
    WHERE t.attname = v.attname AND t.comment IS NOT NULL
    ORDER BY starts_with(t.relname, v.relname) DESC, t.relkind, t.comment
    LIMIT 1
) t
WHERE v.nspname = %(views)s AND v.comment IS NULL
"""


@dataclass(frozen=True)
class Build:
    """One version of a projection."""

    projection: Projection
    version: int

    @property
    def schema(self) -> str:
        return schema_of(self.projection.name, self.version)


@dataclass(frozen=True)
class Difference:
    """How the rows of one table differ between two versions."""

    table: str
    only_in_first: int
    only_in_second: int


def schema_of(name: str, version: int) -> str:
    return f"{name}_v{version}"


def install(connection: psycopg.Connection[Any]) -> None:
    """Makes the schema `projector`, where it isn't there."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        connection.execute(_DDL.encode())
        connection.execute(offsets.DDL.encode())


def current_version(connection: psycopg.Connection[Any], name: str) -> int | None:
    """The version that the views show; None where there is none."""
    row = connection.execute(
        "SELECT version FROM projector.builds WHERE projection = %s AND views IS NOT NULL", (name,)
    ).fetchone()
    return None if row is None else int(row[0])


def ensure(connection: psycopg.Connection[Any], projection: Projection) -> Build:
    """The current build, made as version 1 where there is none; its views are renewed where their text changed.

    Raises:
        ShapeChanged: its tables were made by code that declared them differently.
    """
    install(connection)
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        version = current_version(connection, projection.name)
        if version is None:
            build = create(connection, projection)
            switch(connection, build)
            return build
        row = connection.execute(
            "SELECT shape, views FROM projector.builds WHERE projection = %s AND version = %s",
            (projection.name, version),
        ).fetchone()
        assert row is not None
        if row[0] != shape(projection.tables):
            raise ShapeChanged(
                f"The tables of {projection.name} (schema {schema_of(projection.name, version)}) were made by another "
                f"version of the code. Build them again from the log: rejoinder projections rebuild {projection.name}"
            )
        build = Build(projection, version)
        if row[1] != _views_digest(projection):
            switch(connection, build)
        return build


def create(connection: psycopg.Connection[Any], projection: Projection, *, unfinished: bool = False) -> Build:
    """The tables of the next version, empty and shown by no view.

    `unfinished`: without the indexes that only readers need, until `finish`; kept up to date row for row they cost
    as much as the rows.
    """
    with connection.transaction():
        row = connection.execute(
            "SELECT coalesce(max(version), 0) + 1 FROM projector.builds WHERE projection = %s", (projection.name,)
        ).fetchone()
        assert row is not None
        build = Build(projection, int(row[0]))
        schema = sql.Identifier(build.schema)
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
        connection.execute(sql.SQL("SET LOCAL search_path TO {}").format(schema))
        for table in projection.tables:
            connection.execute(table.ddl(indexed=not unfinished).encode())
        connection.execute("SET LOCAL search_path TO DEFAULT")
        connection.execute(
            "INSERT INTO projector.builds (projection, version, shape) VALUES (%s, %s, %s)",
            (projection.name, build.version, _UNFINISHED if unfinished else shape(projection.tables)),
        )
        return build


def finish(connection: psycopg.Connection[Any], build: Build) -> None:
    """Makes the indexes of a build that was created unfinished, in one transaction."""
    name, tables = build.projection.name, build.projection.tables
    with connection.transaction():
        connection.execute(sql.SQL("SET LOCAL search_path TO {}").format(sql.Identifier(build.schema)))
        for table in tables:
            for statement in table.index_ddl():
                connection.execute(statement.encode())
            # The planner knows nothing of tables that were filled at one go, until PostgreSQL gets to it by itself.
            connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(table.name)))
        connection.execute("SET LOCAL search_path TO DEFAULT")
        connection.execute(
            "UPDATE projector.builds SET shape = %s WHERE projection = %s AND version = %s",
            (shape(tables), name, build.version),
        )


def drop_unfinished(connection: psycopg.Connection[Any], name: str) -> None:
    """Removes what rebuilds left that died, and keeps others from beginning one while this connection lasts.

    Raises:
        RebuildRuns: another one is at it.
    """
    row = connection.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", (_LOCK, name)).fetchone()
    if row != (True,):
        raise RebuildRuns(f"Another rebuild of {name} is running: let it end, or end it, and start this one again.")
    unfinished = connection.execute(
        "SELECT version FROM projector.builds WHERE projection = %s AND shape = %s", (name, _UNFINISHED)
    ).fetchall()
    for (version,) in unfinished:
        drop(connection, name, version)


def switch(connection: psycopg.Connection[Any], build: Build) -> None:
    """Points the views at this build, in one transaction."""
    name = build.projection.name
    with connection.transaction():
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(name)))
        _drop_views(connection, name)
        connection.execute(build.projection.views.replace("{rows}", build.schema).encode())
        comments = connection.execute(_INHERIT_COMMENTS, {"views": name, "rows": build.schema}).fetchall()
        for (statement,) in comments:
            connection.execute(statement)
        _grant(connection, name)
        connection.execute("UPDATE projector.builds SET views = NULL WHERE projection = %s", (name,))
        connection.execute(
            "UPDATE projector.builds SET views = %s WHERE projection = %s AND version = %s",
            (_views_digest(build.projection), name, build.version),
        )


def drop(connection: psycopg.Connection[Any], name: str, version: int | None = None) -> None:
    """Removes one version, or (None) all of them with the views. A running projector begins the current one anew."""
    with connection.transaction():
        rows = connection.execute(
            "SELECT version FROM projector.builds WHERE projection = %s AND version = coalesce(%s, version)",
            (name, version),
        ).fetchall()
        if version is None or current_version(connection, name) == version:
            _drop_views(connection, name)
        for (found,) in rows:
            # The offsets go first: a projector's transaction holds their locks before those of the tables.
            connection.execute("DELETE FROM projector.offsets WHERE projection = %s AND version = %s", (name, found))
            connection.execute("DELETE FROM projector.builds WHERE projection = %s AND version = %s", (name, found))
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema_of(name, found))))


def differences(
    connection: psycopg.Connection[Any], projection: Projection, first: int, second: int
) -> list[Difference]:
    """The tables whose rows differ between two versions; none where they agree row for row."""
    found = []
    for table in projection.tables:
        one = sql.Identifier(schema_of(projection.name, first), table.name)
        other = sql.Identifier(schema_of(projection.name, second), table.name)
        row = connection.execute(
            sql.SQL(
                "SELECT (SELECT count(*) FROM (SELECT * FROM {0} EXCEPT ALL SELECT * FROM {1}) a),"
                " (SELECT count(*) FROM (SELECT * FROM {1} EXCEPT ALL SELECT * FROM {0}) b)"
            ).format(one, other)
        ).fetchone()
        assert row is not None
        if any(row):
            found.append(Difference(table.name, *row))
    return found


def _drop_views(connection: psycopg.Connection[Any], name: str) -> None:
    """Removes the projection's own views; where somebody's view stands on one of them, PostgreSQL names it."""
    rows = connection.execute("SELECT viewname FROM pg_views WHERE schemaname = %s", (name,)).fetchall()
    if rows:
        views = sql.SQL(", ").join(sql.Identifier(name, view) for (view,) in rows)
        connection.execute(sql.SQL("DROP VIEW {}").format(views))


def _grant(connection: psycopg.Connection[Any], name: str) -> None:
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (READER,)).fetchone() is None:
        return
    schema, role = sql.Identifier(name), sql.Identifier(READER)
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, role))
    connection.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}").format(schema, role))


def _views_digest(projection: Projection) -> str:
    return hashlib.sha256(projection.views.encode()).hexdigest()[:16]
