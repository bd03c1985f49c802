"""`sql`: the projections, for whoever knows SQL."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from typing import Annotated, Any, Final

import psycopg
import typer

from engine.errors import RejoinderError
from rejoinder.cli.errors import NotFound
from rejoinder.cli.instances import CONNECT_TIMEOUT, address_of, first_line, running_instance
from rejoinder.cli.noting import note
from rejoinder.cli.options import Config, Data, Json
from rejoinder.cli.terminal import print_json, print_table, tell
from rejoinder.reads import SQL

SCHEMAS: Final = ("contact_history", "reporting", "audit")


class QueryFailed(RejoinderError):
    """PostgreSQL refused the query."""


def sql(
    query: Annotated[str | None, typer.Argument(help="One SQL statement. Without it: how to connect.")] = None,
    seconds: Annotated[
        float, typer.Option("--timeout", min=0.001, max=3600, help="Give up after so many seconds.")
    ] = 60,
    limit: Annotated[int, typer.Option(min=0, help="Rows of the table at most; 0: all. --json gives all.")] = 1000,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Query the projections with a role that may only read. Without a query: print the DSN for other programs.

    Example: rejoinder sql "SELECT outcome, count(*) FROM reporting.fct_interaction GROUP BY 1"
    Example: rejoinder sql "SELECT * FROM contact_history.message" --json
    """
    settings, instance = running_instance(data, config)
    dsn = instance.reader_dsn
    if dsn is None:
        raise NotFound(
            "this instance's PostgreSQL is an outside one, and no role that may only read is known for it: set "
            "postgres.reader_dsn and start the instance again"
        )
    if query is None:
        return _tell_dsn(dsn, json)
    if not query.strip().strip(";"):
        raise QueryFailed("the query is empty")
    with _running(dsn, query, seconds) as (columns, rows):
        note(settings, instance, SQL)
        if json:
            print_json(dict(zip(columns, map(_plain, row), strict=True)) for row in rows)
            return
        shown = list(islice(rows, limit)) if limit else list(rows)
        more = next(rows, None) is not None
    print_table(columns, shown)
    tell(f"{len(shown)} row{'s' * (len(shown) != 1)}" + (", and more: see --limit" if more else ""))


def _tell_dsn(dsn: str, json: bool) -> None:
    if json:
        return print_json([{"dsn": dsn, "schemas": SCHEMAS}])
    print(dsn)
    tell(
        f"This role may only read, in the schemas {', '.join(SCHEMAS)}. Give the line above to a program that speaks "
        'PostgreSQL,\nor ask here: rejoinder sql "SELECT * FROM reporting.by_day"\n'
        'What there is: rejoinder sql "SELECT table_schema, table_name, obj_description((quote_ident(table_schema) '
        "|| '.' || quote_ident(table_name))::regclass) AS holds FROM information_schema.tables "
        f'WHERE table_schema IN {SCHEMAS} ORDER BY 1, 2"'
    )


@contextmanager
def _running(dsn: str, query: str, seconds: float) -> Iterator[tuple[list[str], Iterator[Sequence[Any]]]]:
    """The names and the rows of one statement, a row at a time.

    Raises:
        QueryFailed: with PostgreSQL's reason on one line.
    """
    try:
        with psycopg.connect(dsn, connect_timeout=CONNECT_TIMEOUT, application_name="rejoinder sql") as connection:
            connection.read_only = True
            connection.execute(f"SET statement_timeout = {int(seconds * 1000)}")
            with connection.cursor() as cursor, closing(_stream(cursor, query)) as rows:
                # Closed before the cursor is: that ends a query whose other rows nobody wants.
                first = next(rows, None)
                columns = unique([column.name for column in cursor.description or ()])
                yield columns, _with(first, rows)
    except psycopg.errors.QueryCanceled as error:
        raise QueryFailed(f"the query took longer than {seconds:g} s and was ended; see --timeout") from error
    except psycopg.Error as error:
        if isinstance(error, psycopg.ProgrammingError) and error.sqlstate is None:
            raise QueryFailed("the statement gives no rows; only such that do can be run here") from error
        if error.sqlstate is None:  # not PostgreSQL's own word: the way to it failed
            raise QueryFailed(f"PostgreSQL at {address_of(dsn)} failed: {first_line(error)}") from error
        raise QueryFailed(_reason(error, query)) from error


def _stream(cursor: "psycopg.Cursor[Any]", query: str) -> Generator[Sequence[Any], None, None]:
    yield from cursor.stream(query.encode())


def _with(first: Sequence[Any] | None, rows: Iterator[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    if first is not None:
        yield first
        yield from rows


def _plain(value: object) -> object:
    """Bytes as PostgreSQL writes them; all else has a form in JSON."""
    return f"\\x{value.hex()}" if isinstance(value, bytes) else value


def unique(names: Sequence[str]) -> list[str]:
    """The names of columns, each once: count, count_2."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return found


def _reason(error: psycopg.Error, query: str) -> str:
    told = error.diag
    place = ""
    if told.statement_position is not None:
        before = query[: int(told.statement_position) - 1]
        place = f" (line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))})"
    hint = f"; {told.message_hint}" if told.message_hint else ""
    return f"{told.message_primary or first_line(error)}{place}{hint}"
