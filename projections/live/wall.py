"""Where the board hangs: one row in PostgreSQL for each program that makes one, for whoever may read the projections.

The table is not logged, so a crash of PostgreSQL empties it; the next second fills it.
"""

from typing import Any, Final

import psycopg
from psycopg import sql

from projections.views import READER

SCHEMA: Final = "live"
_LOCK: Final = 7237123  # an advisory lock: several programs may start at once
_DDL: Final = """
CREATE SCHEMA IF NOT EXISTS live;
COMMENT ON SCHEMA live IS 'What happens now, as the program live counts it.';
CREATE UNLOGGED TABLE IF NOT EXISTS live.wallboard (
    worker text PRIMARY KEY,
    written_at timestamptz NOT NULL,
    board text NOT NULL
);
COMMENT ON TABLE live.wallboard IS 'One row for each program live: the board as it wrote it last.';
COMMENT ON COLUMN live.wallboard.worker IS 'the program''s name among its like';
COMMENT ON COLUMN live.wallboard.written_at IS 'when it wrote it; one that is old counts no more';
COMMENT ON COLUMN live.wallboard.board IS 'the board, JSON';
"""
_WRITE: Final = """
INSERT INTO live.wallboard (worker, written_at, board) VALUES (%(worker)s, clock_timestamp(), %(board)s)
ON CONFLICT (worker) DO UPDATE SET written_at = excluded.written_at, board = excluded.board
"""


def install(connection: "psycopg.Connection[Any]") -> None:
    """Makes the table where it isn't there."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        connection.execute(_DDL.encode())
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (READER,)).fetchone() is not None:
            schema, role = sql.Identifier(SCHEMA), sql.Identifier(READER)
            connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, role))
            connection.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}").format(schema, role))


def write(connection: "psycopg.Connection[Any]", worker: str, board: str) -> None:
    """Hangs a board, in place of this worker's last."""
    connection.execute(_WRITE, {"worker": worker, "board": board})


def remove(connection: "psycopg.Connection[Any]", worker: str) -> None:
    """Takes it down."""
    connection.execute("DELETE FROM live.wallboard WHERE worker = %s", (worker,))
