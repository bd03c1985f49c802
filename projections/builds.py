"""The versions of a projection: each has a schema of tables, and the views point at the current one.

Everything can be built again from the log, so there are no migrations: the next version is built beside the old one
and the views are switched in one transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from engine.release import RELEASE
from projections import offsets, views
from projections.code import code_of
from projections.errors import NoSuchVersion, RebuildRuns, ShapeChanged, ShownVersion
from projections.projection import Projection
from projections.tables import shape

Role = Literal["current", "previous", "candidate", "unfinished"]

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
-- What came later. Only where it is missing: it would wait for whoever reads the table.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'projector.builds'::regclass AND attname = 'code') THEN
        ALTER TABLE projector.builds ADD COLUMN code text, ADD COLUMN release text, ADD COLUMN replaced timestamptz;
    END IF;
END $$;
COMMENT ON TABLE projector.builds IS 'One row for each version of a projection that has tables.';
COMMENT ON COLUMN projector.builds.projection IS 'the projection';
COMMENT ON COLUMN projector.builds.version IS 'the version, whose tables lie in the schema PROJECTION_vVERSION';
COMMENT ON COLUMN projector.builds.shape IS
    'a digest of the declarations of its tables; unfinished while they are built again';
COMMENT ON COLUMN projector.builds.views IS 'a digest of its views, where they point at this version; else null';
COMMENT ON COLUMN projector.builds.code IS 'a digest of the code that began it';
COMMENT ON COLUMN projector.builds.release IS 'the release that began it';
COMMENT ON COLUMN projector.builds.replaced IS
    'when the views were pointed at another version; null: they show it, or never did';
"""
_SHOWN = """
SELECT count(*) FROM projector.builds JOIN unnest(%s::text[], %s::integer[]) AS b (projection, version)
    USING (projection, version)
WHERE views IS NOT NULL
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
class Version:
    """What is known of a version, whatever code made it."""

    projection: str
    version: int
    shape: str
    code: str | None
    release: str | None
    is_shown: bool
    replaced: datetime | None

    @property
    def schema(self) -> str:
        return schema_of(self.projection, self.version)

    @property
    def role(self) -> Role:
        if self.is_shown:
            return "current"
        if self.replaced is not None:
            return "previous"
        return "unfinished" if self.shape == _UNFINISHED else "candidate"


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


def versions(connection: psycopg.Connection[Any], name: str) -> list[Version]:
    """All versions of a projection that have tables, the oldest first."""
    query = """SELECT projection, version, shape, code, release, views IS NOT NULL AS is_shown, replaced
        FROM projector.builds WHERE projection = %s ORDER BY version"""
    with connection.cursor(row_factory=class_row(Version)) as cursor:
        return cursor.execute(query, (name,)).fetchall()


def previous_version(connection: psycopg.Connection[Any], name: str) -> Version | None:
    """The version that the views showed before; None where it is not kept."""
    replaced = [(each.replaced, each) for each in versions(connection, name) if each.replaced is not None]
    return max(replaced, key=lambda each: each[0])[1] if replaced else None


def candidate(connection: psycopg.Connection[Any], name: str) -> Version | None:
    """The newest version that the views never showed, finished or not."""
    never = [each for each in versions(connection, name) if each.role in ("candidate", "unfinished")]
    return never[-1] if never else None


def all_shown(connection: psycopg.Connection[Any], builds: Sequence[Build]) -> bool:
    """Whether the views show each of these. It stays so until the end of a transaction that has locked offsets of
    them: who switches the views locks those first.
    """
    names, numbers = [build.projection.name for build in builds], [build.version for build in builds]
    return connection.execute(_SHOWN, (names, numbers)).fetchone() == (len(builds),)


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
            switch(connection, [build])
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
        if row[1] != views.digest_of(projection):
            switch(connection, [build])
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
            "INSERT INTO projector.builds (projection, version, shape, code, release) VALUES (%s, %s, %s, %s, %s)",
            (
                projection.name,
                build.version,
                _UNFINISHED if unfinished else shape(projection.tables),
                code_of(projection),
                RELEASE,
            ),
        )
        return build


def finish(connection: psycopg.Connection[Any], build: Build) -> None:
    """Makes the indexes of a build that was created unfinished, in one transaction; none if it is finished."""
    name, tables = build.projection.name, build.projection.tables
    with connection.transaction():
        query = "SELECT 1 FROM projector.builds WHERE projection = %s AND version = %s AND shape = %s"
        if connection.execute(query, (name, build.version, _UNFINISHED)).fetchone() is None:
            return
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


def hold(connection: psycopg.Connection[Any], name: str) -> None:
    """Keeps others from building, switching or dropping versions of a projection while this connection lasts.

    Raises:
        RebuildRuns: another one is at it.
    """
    _hold(connection, "SELECT pg_try_advisory_lock(%s, hashtext(%s))", name)


def hold_meanwhile(connection: psycopg.Connection[Any], name: str) -> None:
    """`hold`, until the end of the transaction.

    Raises:
        RebuildRuns: another one is at it.
    """
    _hold(connection, "SELECT pg_try_advisory_xact_lock(%s, hashtext(%s))", name)


def _hold(connection: psycopg.Connection[Any], query: str, name: str) -> None:
    if connection.execute(query.encode(), (_LOCK, name)).fetchone() != (True,):
        raise RebuildRuns(f"Another rebuild of {name} is running: let it end, or end it, and start this one again.")


def switch(connection: psycopg.Connection[Any], builds: Sequence[Build], *, patience: int | None = None) -> None:
    """Points the views at these builds, in one transaction.

    `patience`: milliseconds until it gives way to queries that hold the views. It is less than the second after which
    PostgreSQL looks for circles and ends one of those in it: a query over several views is never ended for this.

    Raises:
        psycopg.errors.QueryCanceled: they held them for longer; nothing is changed.
    """
    names = [build.projection.name for build in builds]
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        if patience is not None:
            connection.execute(sql.SQL("SET LOCAL statement_timeout = {}").format(patience))
        views.remove(connection, names)  # of all at once: what comes after waits for nobody
        if patience is not None:
            connection.execute("SET LOCAL statement_timeout TO DEFAULT")
        connection.execute(
            "UPDATE projector.builds SET views = NULL, replaced = now()"
            " WHERE projection = ANY(%s) AND views IS NOT NULL",
            (names,),
        )
        for build in builds:
            views.make(connection, build.projection, build.schema)
            connection.execute(
                "UPDATE projector.builds SET views = %s, replaced = NULL WHERE projection = %s AND version = %s",
                (views.digest_of(build.projection), build.projection.name, build.version),
            )


def drop(connection: psycopg.Connection[Any], name: str, version: int | None = None) -> None:
    """Removes one version, or (None) all of them with the views. A running projector begins the current one anew."""
    with connection.transaction():
        rows = connection.execute(
            "SELECT version FROM projector.builds WHERE projection = %s AND version = coalesce(%s, version)",
            (name, version),
        ).fetchall()
        if version is None or current_version(connection, name) == version:
            views.remove(connection, [name])
        for (found,) in rows:
            # The offsets go first: a projector's transaction holds their locks before those of the tables.
            offsets.lock(connection, name, found)
            connection.execute("DELETE FROM projector.offsets WHERE projection = %s AND version = %s", (name, found))
            connection.execute("DELETE FROM projector.builds WHERE projection = %s AND version = %s", (name, found))
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema_of(name, found))))


def drop_beside(connection: psycopg.Connection[Any], name: str, version: int) -> None:
    """Removes a version that nothing shows.

    Raises:
        NoSuchVersion: it is not there.
        ShownVersion: the views show it.
    """
    found = [each for each in versions(connection, name) if each.version == version]
    if not found:
        raise NoSuchVersion(f"There is no version {version} of {name}: see `rejoinder projections list`.")
    if found[0].is_shown:
        raise ShownVersion(f"The views show version {version} of {name}. Point them at another one before.")
    drop(connection, name, version)
