"""A database that is simulated as far as the projections need one: tables, and transactions that are whole or nothing.

A transaction is not interrupted, so that none waits for another's locks; between two of them anything may happen.
What SQL does is PostgreSQL's, and tested there (tests/integration/test_projections*.py).
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final
from unittest import mock

import msgspec
import psycopg
import psycopg.errors

from projections import offsets, projector, writer
from projections.builds import Build
from projections.errors import OffsetConflict
from projections.projection import Projection
from projections.records import Place
from projections.tables import Row, Table
from tests.simulation.faults import Faults

Key = tuple[Any, ...]
Change = Callable[[], None]

_MISSING: Final = object()


class Database:
    """What is stored. `pause` is called before and after each transaction: others may come in between."""

    def __init__(self, faults: Faults, pause: Callable[[str], None]) -> None:
        self.faults = faults
        self.pause = pause
        self.tables: dict[tuple[str, str], dict[Key, Row]] = {}
        self.offsets: dict[tuple[str, Place], int] = {}

    def connect(self) -> "Connection":
        return Connection(self)


class Connection:
    """A connection, and its cursor: there is one at a time."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._undo: list[Change] = []

    def put(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        """Sets or removes something, until the transaction is rolled back."""
        before = table.get(key, _MISSING)

        def undo() -> None:
            if before is _MISSING:
                table.pop(key, None)
            else:
                table[key] = before

        self._undo.append(undo)
        if value is _MISSING:
            table.pop(key, None)
        else:
            table[key] = value

    def execute(self, setting: str) -> None:
        """How a session plans makes no difference here. Rows are asked for otherwise: see SimulatedStore."""
        if not setting.startswith("SET "):
            raise NotImplementedError(f"the simulated database was asked {setting!r}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        database = self.database
        database.pause("database")
        if database.faults.happens("database failed"):
            raise psycopg.OperationalError("the connection is gone")
        self._undo.clear()
        try:
            yield
        except BaseException:
            for each in reversed(self._undo):
                each()
            raise
        if database.faults.happens("database failed in the commit"):
            if database.faults.chance.random() < 0.5:
                for each in reversed(self._undo):
                    each()
            raise psycopg.OperationalError("the connection broke while it was committed")
        database.pause("database committed")

    @contextmanager
    def cursor(self) -> Iterator["Connection"]:
        yield self

    def commit(self) -> None:
        """Nothing is open."""

    def close(self) -> None:
        """Nothing is held."""


class SimulatedStore:
    """Stands in for projections.tables.Store."""

    def __init__(self, connection: Connection, schema: str) -> None:
        self._connection = connection
        self._schema = schema
        self._missing: dict[str, set[str]] = {}
        self.rows = 0

    def _rows(self, table: Table[Any]) -> dict[Key, Row]:
        return self._connection.database.tables.setdefault((self._schema, table.name), {})

    def load(self, table: Table[Any], keys: Iterable[str]) -> dict[str, Any]:
        rows, wanted = self._rows(table), set(keys)
        self._missing[table.name] = {key for key in wanted if (key,) not in rows}
        return {key: copy.copy(rows[key,]) for key in wanted if (key,) in rows}

    def probe(self, table: Table[Any], keys: Iterable[str]) -> set[str]:
        return set(self.load(table, keys))

    def save(self, table: Table[Any], rows: Mapping[str, Any]) -> None:
        missing = self._missing.get(table.name, set())
        self.append(table, [row for key, row in rows.items() if key in missing])
        self.upsert(table, [row for key, row in rows.items() if key not in missing])

    def append(self, table: Table[Any], rows: Sequence[Any]) -> None:
        found = self._rows(table)
        for row in rows:
            if _key(table, row) in found:
                raise psycopg.errors.UniqueViolation(f"{table.name} has the row already")
            self._connection.put(found, _key(table, row), copy.copy(row))

    def upsert(self, table: Table[Any], rows: Sequence[Any]) -> None:
        found = self._rows(table)
        for row in rows:
            self._connection.put(found, _key(table, row), copy.copy(row))

    def fill(self, table: Table[Any], rows: Mapping[str, Any], known: Mapping[str, Any] | None = None) -> None:
        found = self._rows(table)
        for row in (*(known or {}).values(), *(row for key, row in rows.items() if key not in (known or {}))):
            there = found.get(_key(table, row))
            names = [] if there is None else [name for name in row.__struct_fields__ if getattr(row, name) is None]
            better = msgspec.structs.replace(row, **{name: getattr(there, name) for name in names})
            self._connection.put(found, _key(table, row), better)

    def delete(self, table: Table[Any], keys: Iterable[str]) -> None:
        found = self._rows(table)
        for key in keys:
            self._connection.put(found, (key,), _MISSING)


def _key(table: Table[Any], row: Any) -> Key:
    return tuple(getattr(row, name) for name in table.key)


def _claim(connection: Connection, projection: str, version: int, places: Iterable[Place]) -> None:
    for place in places:
        if (projection, place) not in connection.database.offsets:
            connection.put(connection.database.offsets, (projection, place), 0)


def _positions(connection: Connection, projection: str, version: int) -> dict[Place, int]:
    return {place: at for (name, place), at in connection.database.offsets.items() if name == projection}


def _advance(connection: Connection, projection: str, version: int, moves: Mapping[Place, tuple[int, int]]) -> None:
    stored = connection.database.offsets
    for place, (since, upto) in moves.items():
        if stored.get((projection, place)) != since:
            connection.database.faults.saw("projector's offsets conflict")
            raise OffsetConflict(f"the offsets of {projection} were moved on by another projector")
        connection.put(stored, (projection, place), upto)


def _ensure(connection: Connection, projection: Projection) -> Build:
    return Build(projection, 1)


@contextmanager
def standing_in(database: Database) -> Iterator[None]:
    """The projector's SQL is done by a simulated database; all else of it is real."""
    replaced: list[tuple[object, str, object]] = [
        (projector, "connect", lambda dsn, stop=None: database.connect()),
        (projector, "ensure", _ensure),
        (projector, "current_version", lambda connection, name: 1),
        (writer, "all_shown", lambda connection, builds: True),
        (writer, "Store", SimulatedStore),
        (writer, "create_stage", lambda connection, schema, table: None),
        (offsets, "claim", _claim),
        (offsets, "positions", _positions),
        (offsets, "advance", _advance),
    ]
    with ExitStack() as stack:
        for owner, name, by in replaced:
            stack.enter_context(mock.patch.object(owner, name, by))
        yield
