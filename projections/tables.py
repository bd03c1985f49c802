"""Tables declared as structs: columns, types and comments have one home, and a batch is read and written by set.

A row type is a msgspec struct whose fields are `Annotated[type, "what it is"]`; its docstring is the table's
comment. The DDL, the SELECT of the rows that a batch touches and the upsert of what became of them follow from it.
"""

import hashlib
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import chain
from operator import itemgetter
from typing import Any, Final, Generic, TypeVar

import msgspec
import psycopg
from psycopg import sql
from psycopg.adapt import Dumper
from psycopg.pq import Format

from projections.values import shown, storable


class Json(str):
    """A column of type jsonb, encoded."""


_encode: Final = msgspec.json.Encoder().encode
_NUL: Final = "\\u0000"


def json_of(value: Any) -> Json:
    """A value as JSON, its parts `plain`."""
    try:
        text = _encode(value).decode()
    except UnicodeEncodeError:  # half a surrogate pair
        return Json(_encode(plain(value)).decode())
    # Hardly ever is there anything that jsonb refuses, so it is looked for in what was made of the whole.
    return Json(_encode(plain(value)).decode()) if _NUL in text else Json(text)


def plain(value: Any) -> Any:
    """A value as `jsonb` takes it: bytes as hex digits, and text without what it refuses."""
    if type(value) is str:
        return shown(value)
    if type(value) is bytes:
        return value.hex()
    if type(value) is list:
        return [plain(part) for part in value]
    if type(value) is dict:
        return {key: plain(part) for key, part in value.items()}
    return value


class _JsonDumper(Dumper):
    """Passes on what is encoded already, with the version byte of jsonb's binary format."""

    oid = psycopg.adapters.types["jsonb"].oid
    format = Format.BINARY

    def dump(self, obj: Any) -> bytes:
        return b"\x01" + str(obj).encode()


class Row(msgspec.Struct):
    """A row: its fields are the table's columns, in order."""


R = TypeVar("R", bound=Row)

_TYPES: Final[dict[Any, str]] = {
    str: "text",
    int: "bigint",
    bool: "boolean",
    float: "double precision",
    bytes: "bytea",
    datetime: "timestamptz",
    list[str]: "text[]",
    Json: "jsonb",
}


@dataclass(frozen=True)
class Column:
    """One column, as declared by a field of the row type."""

    name: str
    type: str
    nullable: bool
    comment: str


@dataclass(frozen=True)
class Table(Generic[R]):
    """A table and the type of its rows. `indexes` are the column lists of further indexes, as in SQL.

    A list may end with a WHERE: then the index has only the rows for which that holds.
    """

    name: str
    row: type[R]
    key: tuple[str, ...]
    indexes: tuple[str, ...] = ()
    words: str | None = None
    """What is searched by words, an expression in SQL that gives a tsvector: a GIN index has them."""
    personal: tuple[str, ...] = ()
    """The columns in which people's words or names stand: what a table with such holds is shown by the views alone."""

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        hints = typing.get_type_hints(self.row, include_extras=True)
        return tuple(_column(name, hints[name]) for name in self.row.__struct_fields__)

    @cached_property
    def wire_types(self) -> list[str]:
        """The types of the columns, by the names that psycopg has for them."""
        return [column.type for column in self.columns]

    @cached_property
    def texts(self) -> Callable[[tuple[Any, ...]], tuple[str | None, ...]]:
        """Picks the values of the columns that hold text out of a row's."""
        places = [place for place, column in enumerate(self.columns) if column.type == "text"]
        if len(places) == 1:  # which would come bare
            return itemgetter(slice(places[0], places[0] + 1))
        return itemgetter(*places)

    @property
    def comment(self) -> str:
        return " ".join((self.row.__doc__ or "").split())

    def ddl(self, *, indexed: bool = True) -> str:
        """The statements that create it in the schema that comes first in the search path, comments included.

        Without `indexed` those of the further indexes are left out, see `index_ddl`.
        """
        lines = [f"    {column.name} {column.type}{'' if column.nullable else ' NOT NULL'}" for column in self.columns]
        lines.append(f"    PRIMARY KEY ({', '.join(self.key)})")
        statements = [f"CREATE TABLE {self.name} (\n" + ",\n".join(lines) + "\n)"]
        # Else the planner's statistics would hold the most common words and names, erased or not.
        statements += [f"ALTER TABLE {self.name} ALTER COLUMN {each} SET STATISTICS 0" for each in self.personal]
        if indexed:
            statements += self.index_ddl()
        statements.append(f"COMMENT ON TABLE {self.name} IS {_quoted(self.comment)}")
        statements += [
            f"COMMENT ON COLUMN {self.name}.{column.name} IS {_quoted(column.comment)}" for column in self.columns
        ]
        return ";\n".join(statements) + ";\n"

    def index_ddl(self) -> list[str]:
        """The statements that make the further indexes.

        One over an expression has statistics of its own; those of people's words or names are left out, as in `ddl`.
        """
        made = []
        for number, index in enumerate(self.indexes, 1):
            columns, where, condition = index.partition(" WHERE ")
            name = f"{self.name}_{number}" if self.personal and "(" in columns else ""
            made.append(f"CREATE INDEX {name} ON {self.name} ({columns}){where}{condition}")
            if name:
                made.append(f"ALTER INDEX {name} ALTER COLUMN 1 SET STATISTICS 0")
        if self.words is not None:
            name = f"{self.name}_words"
            made.append(f"CREATE INDEX {name} ON {self.name} USING gin ({self.words})")
            made.append(f"ALTER INDEX {name} ALTER COLUMN 1 SET STATISTICS 0")
        return made


def shape(tables: Iterable[Table[Any]]) -> str:
    """A digest of the declarations: other code that declares the same may write into the same tables."""
    return hashlib.sha256("".join(table.ddl() for table in tables).encode()).hexdigest()[:16]


class Store:
    """The tables of one version of one projection, within one transaction."""

    def __init__(self, cursor: psycopg.Cursor[Any], schema: str) -> None:
        self._cursor = cursor
        self._schema = schema
        self._missing: dict[str, set[str]] = {}
        """By table, the keys that were looked for and are not there."""
        self.rows = 0
        """How many rows were handed over."""
        cursor.adapters.register_dumper(Json, _JsonDumper)

    def load(self, table: Table[R], keys: Iterable[str]) -> dict[str, R]:
        """The rows with these keys, by key. For tables with a key of one text column."""
        wanted = {shown(key): key for key in keys}
        rows = (table.row(*values) for values in self._with_keys(table, table.row.__struct_fields__, wanted))
        found = {wanted[getattr(row, table.key[0])]: row for row in rows}
        self._missing[table.name] = set(wanted.values()) - found.keys()
        return found

    def probe(self, table: Table[Any], keys: Iterable[str]) -> set[str]:
        """Which of these keys have rows: for rows that are written whatever was there. `save` makes use of it."""
        wanted = {shown(key): key for key in keys}
        found = {wanted[key] for (key,) in self._with_keys(table, table.key, wanted)}
        self._missing[table.name] = set(wanted.values()) - found
        return found

    def save(self, table: Table[R], rows: Mapping[str, R]) -> None:
        """Writes rows whole, by key; those that `load` or `probe` missed are added, which costs half as much.

        Nobody else adds one meanwhile: the offset of the partition that owns its key is locked by this transaction.
        """
        missing = self._missing.get(table.name, set())
        self.append(table, [row for key, row in rows.items() if key in missing])
        self.upsert(table, [row for key, row in rows.items() if key not in missing])

    def append(self, table: Table[R], rows: Sequence[R]) -> None:
        """Adds rows whose keys are new."""
        if rows:
            self._copy(self._place(table), table, rows)

    def upsert(self, table: Table[R], rows: Sequence[R]) -> None:
        """Writes rows whole, whether their keys are there or not."""
        names = [name for name in table.row.__struct_fields__ if name not in table.key]
        changes = sql.SQL(", ").join(sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name)) for name in names)
        self._merge(table, rows, sql.SQL("DO UPDATE SET {}").format(changes))

    def fill(self, table: Table[R], rows: Mapping[str, R], known: Mapping[str, R] | None = None) -> None:
        """Adds the rows whose keys are new, and what is known better: of a row that is there a null changes nothing.

        Others may write the same rows meanwhile. It is one statement, in the order of the keys.
        """
        known = known or {}
        wanted = {key: row for key, row in rows.items() if key not in known}
        found = self.probe(table, wanted)
        names = [name for name in table.row.__struct_fields__ if name not in table.key]
        changes = [sql.SQL("{0} = coalesce(EXCLUDED.{0}, t.{0})").format(sql.Identifier(name)) for name in names]
        action = sql.SQL("DO UPDATE SET {}").format(sql.SQL(", ").join(changes)) if names else sql.SQL("DO NOTHING")
        self._merge(table, [*known.values(), *(row for key, row in wanted.items() if key not in found)], action)

    def delete(self, table: Table[R], keys: Iterable[str]) -> None:
        """Removes the rows with these keys. For tables with a key of one text column."""
        gone = [shown(key) for key in keys]
        if gone:
            query = sql.SQL("DELETE FROM {} WHERE {} = ANY(%b)").format(
                self._place(table), sql.Identifier(table.key[0])
            )
            self._cursor.execute(query, (gone,))

    def _with_keys(self, table: Table[Any], columns: Iterable[str], keys: Collection[str]) -> Iterable[tuple[Any, ...]]:
        if not keys:
            return ()
        query = sql.SQL("SELECT {} FROM {} WHERE {} = ANY(%b)").format(
            _identifiers(columns), self._place(table), sql.Identifier(table.key[0])
        )
        return self._cursor.execute(query, (list(keys),), binary=True)

    def _merge(self, table: Table[R], rows: Sequence[R], action: sql.Composable) -> None:
        """Stages the rows by COPY, then merges them with one statement, in the order of their keys."""
        if not rows:
            return
        stage = sql.Identifier("pg_temp", stage_name(self._schema, table))
        columns = _identifiers(table.row.__struct_fields__)
        key = _identifiers(table.key)
        self._copy(stage, table, rows)
        self._cursor.execute(
            sql.SQL("INSERT INTO {} AS t ({}) SELECT {} FROM {} ORDER BY {} ON CONFLICT ({}) {}").format(
                self._place(table), columns, columns, stage, key, key, action
            )
        )
        self._cursor.execute(sql.SQL("TRUNCATE {}").format(stage))

    def _copy(self, target: sql.Composable, table: Table[R], rows: Sequence[R]) -> None:
        self.rows += len(rows)
        columns = _identifiers(table.row.__struct_fields__)
        # Binary: PostgreSQL spends a third less on it than on text.
        with self._cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(target, columns)) as copy:
            copy.set_types(table.wire_types)
            for values in _values(table, rows):
                copy.write_row(values)

    def _place(self, table: Table[Any]) -> sql.Identifier:
        return sql.Identifier(self._schema, table.name)


def stage_name(schema: str, table: Table[Any]) -> str:
    """The temporary table of a session through which this table's rows are merged."""
    return f"stage_{schema}_{table.name}"


def create_stage(connection: psycopg.Connection[Any], schema: str, table: Table[Any]) -> None:
    """Makes the temporary table, once for a session."""
    connection.execute(
        sql.SQL("CREATE TEMP TABLE IF NOT EXISTS {} (LIKE {})").format(
            sql.Identifier(stage_name(schema, table)), sql.Identifier(schema, table.name)
        )
    )


def _column(name: str, hint: Any) -> Column:
    kind, comment = typing.get_args(hint)[:2]
    nullable = isinstance(kind, types.UnionType)
    if nullable:
        kind = next(member for member in typing.get_args(kind) if member is not types.NoneType)
    return Column(name, _TYPES[kind], nullable, comment)


def _values(table: Table[R], rows: Sequence[R]) -> list[tuple[Any, ...]]:
    """The rows' values. What `text` can't hold is hardly ever there, so it is looked for in all texts at once."""
    values = [msgspec.structs.astuple(row) for row in rows]
    if storable("".join(filter(None, chain.from_iterable(map(table.texts, values))))):
        return values
    return [tuple(shown(value) if type(value) is str else value for value in row) for row in values]


def _identifiers(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
