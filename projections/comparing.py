"""Two versions of a projection, held against each other: table by table, by key, in what both have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, get_args

import psycopg
from psycopg import sql

from projections.builds import schema_of
from projections.projection import Projection

Found = Literal["only in first", "only in second", "differs"]

_SAMPLES: Final = 3
"""Rows of each kind that are named."""
_COUNTED: Final = ("rows_first", "rows_second", "only_in_first", "only_in_second", "differing")
_UNHASHED: Final = frozenset(("json", "tsquery", "tsvector", "xml"))
"""Types for which PostgreSQL has no hash; for some not even an equality."""
_LETTERS: Final = 80
"""Of a value that is shown."""
_TABLES = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), coalesce(a.attnum = ANY (i.indkey), false)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
WHERE c.relkind = 'r' AND n.nspname = %s
ORDER BY c.relname, a.attnum
"""


@dataclass(frozen=True)
class Sample:
    """One row that differs, by its key. Values are text, and cut where they are long."""

    key: Mapping[str, str]
    found: Found
    values: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)
    """Of the columns that differ, in the first and in the second; never of tables with people's words or names."""


@dataclass(frozen=True)
class TableComparison:
    """How the rows of one table differ between two versions."""

    table: str
    rows_first: int = 0
    rows_second: int = 0
    only_in_first: int = 0
    only_in_second: int = 0
    differing: int = 0
    """Rows that both have, unlike in a column that both have."""
    columns: Mapping[str, int] = field(default_factory=dict)
    """In how many rows each column differs, of those that do."""
    columns_only_in_first: Sequence[str] = ()
    columns_only_in_second: Sequence[str] = ()
    only_version: int | None = None
    """The only version that has the table; None: both do."""
    keys_differ: bool = False
    """Whether their keys are not the same columns: then no row can be held against another."""
    samples: Sequence[Sample] = ()

    @property
    def agrees(self) -> bool:
        """Whether both have the same in what both declare."""
        return not (self.only_in_first or self.only_in_second or self.differing or self.keys_differ)


@dataclass(frozen=True)
class Comparison:
    """Two versions of a projection at the same offsets."""

    projection: str
    first: int
    second: int
    tables: Sequence[TableComparison]

    @property
    def agrees(self) -> bool:
        return all(table.agrees for table in self.tables)


@dataclass(frozen=True)
class _Declared:
    """A table as it is in the database: that of older code may be declared by none that is here."""

    types: dict[str, str] = field(default_factory=dict)
    key: list[str] = field(default_factory=list)


def compare(connection: psycopg.Connection[Any], projection: Projection, first: int, second: int) -> Comparison:
    """Holds two versions against each other. Both have to stand at the same offsets for the connection."""
    one, other = (_declared(connection, schema_of(projection.name, version)) for version in (first, second))
    shown = {table.name for table in projection.tables if not table.personal}
    tables = [
        _Pair(projection.name, first, second, table, one.get(table), other.get(table), table in shown)
        for table in sorted({*one, *other})
    ]
    return Comparison(projection.name, first, second, [pair.compare(connection) for pair in tables])


def differences(
    connection: psycopg.Connection[Any], projection: Projection, first: int, second: int
) -> list[TableComparison]:
    """The tables whose rows differ between two versions."""
    return [table for table in compare(connection, projection, first, second).tables if not table.agrees]


@dataclass(frozen=True)
class _Pair:
    """A table in two versions; `shown` is whether its values may be."""

    projection: str
    first: int
    second: int
    table: str
    one: _Declared | None
    other: _Declared | None
    shown: bool

    def compare(self, connection: psycopg.Connection[Any]) -> TableComparison:
        if self.one is None or self.other is None:
            return TableComparison(self.table, only_version=self.second if self.one is None else self.first)
        bare = TableComparison(
            self.table,
            columns_only_in_first=[name for name in self.one.types if name not in self.other.types],
            columns_only_in_second=[name for name in self.other.types if name not in self.one.types],
        )
        key = self.one.key
        if key != self.other.key or any(self.one.types[name] != self.other.types[name] for name in key):
            return replace(bare, keys_differ=True)
        both = [name for name in self.one.types if name in self.other.types and name not in key]
        row = connection.execute(self._counts(both)).fetchone()
        assert row is not None
        found = replace(bare, **dict(zip(_COUNTED, row, strict=True)))
        if found.agrees:
            return found
        columns = self._columns(connection, both) if found.differing else {}
        samples = [sample for kind in get_args(Found) for sample in self._samples(connection, kind, list(columns))]
        return replace(found, columns=columns, samples=samples)

    def _counts(self, both: Sequence[str]) -> sql.Composed:
        """One pass over both, by key: how many rows each has, has alone, and has unlike.

        A row is joined as its key and a hash of the rest, of 64 bits: whole rows of a large table don't fit into
        memory, and the join would put both versions on the disk once more.
        """
        return sql.SQL(
            "SELECT count(a.{key}), count(b.{key}), count(*) FILTER (WHERE b.{key} IS NULL),"
            " count(*) FILTER (WHERE a.{key} IS NULL), count(*) FILTER (WHERE a.hash <> b.hash) FROM {joined}"
        ).format(key=self._first_key, joined=self._join(*(self._hashed(version, both) for version in self._versions)))

    def _hashed(self, version: int, both: Sequence[str]) -> sql.Composed:
        """The rows of a version, each as its key and a hash of what both declare.

        Whether a value is null is hashed too: the hash of null is that of an empty object.
        """
        assert self.one is not None
        values = [sql.SQL("{0}{1}, {0} IS NULL").format(sql.Identifier(name), self._cast(name)) for name in both]
        whole = sql.SQL("hash_record_extended(ROW({}), 0)").format(sql.SQL(", ").join(values))
        return sql.SQL("(SELECT {}, {} AS hash FROM {})").format(
            sql.SQL(", ").join(map(sql.Identifier, self.one.key)),
            whole if values else sql.SQL("0"),
            self._place(version),
        )

    def _columns(self, connection: psycopg.Connection[Any], both: Sequence[str]) -> dict[str, int]:
        counts = [sql.SQL("count(*) FILTER (WHERE {})").format(self._unlike(name)) for name in both]
        query = sql.SQL("SELECT {} FROM {} WHERE {}").format(
            sql.SQL(", ").join(counts), self._joined, self._differs(both)
        )
        row = connection.execute(query).fetchone()
        assert row is not None
        return {name: count for name, count in zip(both, row, strict=True) if count}

    def _samples(self, connection: psycopg.Connection[Any], kind: Found, unlike: Sequence[str]) -> list[Sample]:
        where = {
            "only in first": sql.SQL("b.{} IS NULL").format(self._first_key),
            "only in second": sql.SQL("a.{} IS NULL").format(self._first_key),
            "differs": self._differs(unlike),
        }[kind]
        names = self.one.key if self.one is not None else []
        keys = [sql.SQL("coalesce(a.{0}, b.{0})").format(sql.Identifier(name)) for name in names]
        told = list(unlike) if kind == "differs" and self.shown else []
        values = [
            sql.SQL("left({}.{}::text, {})").format(sql.SQL(side), sql.Identifier(name), _LETTERS)
            for name in told
            for side in ("a", "b")
        ]
        query = sql.SQL("SELECT {} FROM {} WHERE {} ORDER BY {} LIMIT {}").format(
            sql.SQL(", ").join([*(sql.SQL("{}::text").format(key) for key in keys), *values]),
            self._joined,
            where,
            sql.SQL(", ").join(keys),
            _SAMPLES,
        )
        found = []
        for row in connection.execute(query):
            pairs = zip(row[len(names) :: 2], row[len(names) + 1 :: 2], strict=True)
            changed = {name: pair for name, pair in zip(told, pairs, strict=True) if pair[0] != pair[1]}
            found.append(Sample(dict(zip(names, row[: len(names)], strict=True)), kind, changed))
        return found

    @property
    def _first_key(self) -> sql.Identifier:
        assert self.one is not None
        return sql.Identifier(self.one.key[0])

    @property
    def _joined(self) -> sql.Composed:
        return self._join(*map(self._place, self._versions))

    @property
    def _versions(self) -> tuple[int, int]:
        return self.first, self.second

    def _place(self, version: int) -> sql.Identifier:
        return sql.Identifier(schema_of(self.projection, version), self.table)

    def _join(self, first: sql.Composable, second: sql.Composable) -> sql.Composed:
        assert self.one is not None
        same = [sql.SQL("a.{0} = b.{0}").format(sql.Identifier(name)) for name in self.one.key]
        return sql.SQL("{} AS a FULL JOIN {} AS b ON {}").format(first, second, sql.SQL(" AND ").join(same))

    def _differs(self, names: Sequence[str]) -> sql.Composable:
        """Whether a row that both have differs in one of these columns."""
        unlike = [self._unlike(name) for name in names]
        return sql.SQL("a.{0} IS NOT NULL AND b.{0} IS NOT NULL AND ({1})").format(
            self._first_key, sql.SQL(" OR ").join(unlike) if unlike else sql.SQL("false")
        )

    def _unlike(self, name: str) -> sql.Composed:
        return sql.SQL("a.{0}{1} IS DISTINCT FROM b.{0}{1}").format(sql.Identifier(name), self._cast(name))

    def _cast(self, name: str) -> sql.SQL:
        """To text, where the two declare a column otherwise, or it can't be hashed."""
        assert self.one is not None and self.other is not None
        kind = self.one.types[name]
        return sql.SQL("" if kind == self.other.types[name] and kind not in _UNHASHED else "::text")


def _declared(connection: psycopg.Connection[Any], schema: str) -> dict[str, _Declared]:
    tables: dict[str, _Declared] = {}
    for table, column, kind, is_key in connection.execute(_TABLES, (schema,)):
        declared = tables.setdefault(table, _Declared())
        declared.types[column] = kind
        if is_key:
            declared.key.append(column)
    return tables
