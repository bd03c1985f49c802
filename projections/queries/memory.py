"""Tables in memory: what a projection's fold writes without a database, for the rows of one question."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from projections.tables import R, Row, Store, Table


class Memory(Store):
    """Holds all rows that were written, by table and key. For tables with a key of one text column."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Row]] = {}
        self.rows = 0

    def of(self, table: Table[R]) -> dict[str, R]:
        """A table's rows by key."""
        found: dict[str, Any] = self._rows.setdefault(table.name, {})
        return found

    def load(self, table: Table[R], keys: Iterable[str]) -> dict[str, R]:
        """The rows with these keys, by key."""
        rows = self.of(table)
        return {key: rows[key] for key in keys if key in rows}

    def probe(self, table: Table[Any], keys: Iterable[str]) -> set[str]:
        """Which of these keys have rows."""
        return set(self.of(table)) & set(keys)

    def save(self, table: Table[R], rows: Mapping[str, R]) -> None:
        """Writes rows whole, by key."""
        self.of(table).update(rows)

    def append(self, table: Table[R], rows: Sequence[R]) -> None:
        """Adds rows whose keys are new."""
        self.upsert(table, rows)

    def upsert(self, table: Table[R], rows: Sequence[R]) -> None:
        """Writes rows whole, whether their keys are there or not."""
        self.of(table).update({getattr(row, table.key[0]): row for row in rows})

    def delete(self, table: Table[R], keys: Iterable[str]) -> None:
        """Removes the rows with these keys."""
        for key in keys:
            self.of(table).pop(key, None)
