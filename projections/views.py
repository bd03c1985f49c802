"""The views: whoever queries a projection sees them alone, and they show one of its versions."""

import hashlib
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from projections.projection import Projection

READER = "rejoinder_reader"
"""The role that may read the views, where it exists."""
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


def make(connection: psycopg.Connection[Any], projection: Projection, rows: str) -> None:
    """Makes a projection's views, over the tables in the schema `rows`. They must not be there."""
    name = projection.name
    connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(name)))
    connection.execute(projection.views.replace("{rows}", rows).encode())
    for (statement,) in connection.execute(_INHERIT_COMMENTS, {"views": name, "rows": rows}).fetchall():
        connection.execute(statement)
    _grant(connection, name)


def remove(connection: psycopg.Connection[Any], names: Sequence[str]) -> None:
    """Removes the projections' own views; where somebody's view stands on one of them, PostgreSQL names it."""
    query = "SELECT schemaname, viewname FROM pg_views WHERE schemaname = ANY(%s) ORDER BY 1, 2"
    rows = connection.execute(query, (list(names),)).fetchall()
    if rows:
        views = sql.SQL(", ").join(sql.Identifier(schema, view) for schema, view in rows)
        connection.execute(sql.SQL("DROP VIEW {}").format(views))


def digest_of(projection: Projection) -> str:
    """A digest of the views' text: where it changed they are made anew."""
    return hashlib.sha256(projection.views.encode()).hexdigest()[:16]


def _grant(connection: psycopg.Connection[Any], name: str) -> None:
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (READER,)).fetchone() is None:
        return
    schema, role = sql.Identifier(name), sql.Identifier(READER)
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, role))
    connection.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}").format(schema, role))
