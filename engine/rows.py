"""State as rows: (key, type, id) → row, with a journal so that a failed decision leaves nothing behind.

A row is a frozen struct: it is replaced, never changed in place. Rows of an `Ordered` type can be walked in the
order of their ids, which is how a line of 50,000 is served without being sorted.
"""

from collections.abc import Iterator
from typing import TypeVar

import msgspec
from sortedcontainers import SortedList


class Row(msgspec.Struct, kw_only=True, frozen=True):
    """One row of state."""


class Ordered(Row, kw_only=True, frozen=True):
    """A row whose type is walked in the order of the ids."""


R = TypeVar("R", bound=Row)
RowId = tuple[type[Row], str]
Undo = tuple["Rows", RowId, Row | None]


class Journal:
    """What was changed since the last commit, so that it can be taken back to any mark."""

    def __init__(self) -> None:
        self._undo: list[Undo] = []

    def note(self, rows: "Rows", row_id: RowId, before: Row | None) -> None:
        self._undo.append((rows, row_id, before))

    def mark(self) -> int:
        return len(self._undo)

    def rollback(self, mark: int = 0) -> None:
        """Takes back all that was changed after `mark`, the latest first."""
        while len(self._undo) > mark:
            rows, row_id, before = self._undo.pop()
            rows.restore(row_id, before)

    def commit(self) -> None:
        self._undo.clear()

    def changed(self, since: int = 0) -> Iterator[tuple["Rows", RowId]]:
        """The places that were changed since a mark, or since the last commit; one changed twice comes twice."""
        return ((rows, row_id) for rows, row_id, _ in self._undo[since:])


class Rows:
    """The rows of one key."""

    __slots__ = ("_journal", "_ordered", "_rows", "key")

    def __init__(self, key: str, journal: Journal) -> None:
        self.key = key
        self._journal = journal
        self._rows: dict[RowId, Row] = {}
        self._ordered: dict[type[Row], SortedList[str]] = {}

    def get(self, kind: type[R], row_id: str) -> R | None:
        return self._rows.get((kind, row_id))  # type: ignore[return-value]  # the type is part of the id

    def put(self, row_id: str, row: Row) -> None:
        place = (type(row), row_id)
        self._journal.note(self, place, self._rows.get(place))
        self.restore(place, row)

    def delete(self, kind: type[Row], row_id: str) -> None:
        place = (kind, row_id)
        before = self._rows.get(place)
        if before is not None:
            self._journal.note(self, place, before)
            self.restore(place, None)

    def walk(self, kind: type[R], prefix: str = "") -> Iterator[R]:
        """The rows of an ordered type whose ids begin with `prefix`, in order."""
        ids = self._ordered.get(kind)
        if ids is None:
            return
        for row_id in ids.irange(minimum=prefix):
            if not row_id.startswith(prefix):
                return
            yield self._rows[(kind, row_id)]  # type: ignore[misc]

    def all(self) -> Iterator[tuple[str, Row]]:
        """Every row with its id, in the order of type and id: for whoever does not know their ids."""
        for kind, row_id in sorted(self._rows, key=lambda place: (place[0].__name__, place[1])):
            yield row_id, self._rows[(kind, row_id)]

    def restore(self, place: RowId, row: Row | None) -> None:
        """Sets a row past the journal: for the journal itself, and for state that is read back."""
        ordered = issubclass(place[0], Ordered)
        if row is None:
            self._rows.pop(place, None)
            if ordered:
                self._ordered[place[0]].discard(place[1])
            return
        if ordered and place not in self._rows:
            self._ordered.setdefault(place[0], SortedList()).add(place[1])
        self._rows[place] = row
