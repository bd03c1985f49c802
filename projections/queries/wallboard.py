"""The wallboard as the program `live` wrote it last."""

from typing import Any

import msgspec
import psycopg

from projections.live.board import Board
from projections.queries.files import text


def wallboard(connection: "psycopg.Connection[Any]") -> Board | None:
    """The latest; None where none was written for ten seconds: no program `live` runs, or none that can write."""
    try:
        row = connection.execute(text("wallboard")).fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return None  # none ever ran here
    return None if row is None else msgspec.json.decode(row[0], type=Board)
