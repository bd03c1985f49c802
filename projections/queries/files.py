"""The SQL of the queries, in sql/NAME.sql."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from typing import Any, TypeVar

import psycopg
from psycopg.rows import kwargs_row

T = TypeVar("T")


@cache
def text(name: str) -> bytes:
    """The text of one query."""
    return resources.files("projections.queries").joinpath("sql", f"{name}.sql").read_bytes()


def fetch(
    connection: psycopg.Connection[Any],
    name: str,
    kind: Callable[..., T],
    parameters: Mapping[str, object] | None = None,
) -> list[T]:
    """The rows of a named query, each as a `kind`, whose fields are the query's columns."""
    with connection.cursor(row_factory=kwargs_row(kind)) as cursor:
        return cursor.execute(text(name), parameters or {}).fetchall()
