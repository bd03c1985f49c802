"""State as rows: (key, type, id) → row, with a journal so that a failed decision leaves nothing behind.

A row is a frozen struct: it is replaced, never changed in place. Rows of an `Ordered` type can be walked in the
order of their ids, which is how a line of 50,000 is served without being sorted.

Rows may lie on a shelf outside of memory. A key that has few of them has them all in memory, and asks no more; of one
that has many they are taken one by one, when they are asked for, and those of an ordered type all together, when they
are walked.
"""

from collections.abc import Iterable, Iterator
from typing import Final, Protocol, TypeVar

import msgspec
from sortedcontainers import SortedList


class Row(msgspec.Struct, kw_only=True, frozen=True, array_like=True, gc=False):
    """One row of state."""


class Ordered(Row, kw_only=True, frozen=True):
    """A row whose type is walked in the order of the ids."""


R = TypeVar("R", bound=Row)
RowId = tuple[type[Row], str]
Undo = tuple["Rows", RowId, Row | None]


class Shelf(Protocol):
    """Where the rows lie that are not in memory, as they were at the last commit."""

    def load(self, key: str, kind: type[R], row_id: str) -> R | None:
        """One row."""

    def walk(self, key: str, kind: type[R]) -> Iterable[tuple[str, R]]:
        """All rows of one type, with their ids."""

    def all(self, key: str) -> Iterable[tuple[str, Row]]:
        """All rows of a key, with their ids."""


class Journal:
    """What was changed since the last commit, so that it can be taken back to any mark."""

    def __init__(self) -> None:
        self._undo: list[Undo] = []
        self.note: Final = self._undo.append
        """Takes a place with its row before the change. The list's own method: it is called for every change."""

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

    def before(self) -> dict["Rows", dict[RowId, Row | None]]:
        """Each place that was changed since the last commit, with its row as it was then; by keys."""
        found: dict[Rows, dict[RowId, Row | None]] = {}
        for rows, row_id, before in self._undo:
            places = found.get(rows)
            if places is None:
                found[rows] = {row_id: before}
            elif row_id not in places:
                places[row_id] = before
        return found


class Rows:
    """The rows of one key.

    Args:
        shelf: where those lie that are not in memory; None: all are in memory.
        taken: rows, with their ids, that are in memory from the beginning.
    """

    __slots__ = ("_absent", "_complete", "_journal", "_ordered", "_rows", "_shelf", "key")

    def __init__(
        self, key: str, journal: Journal, shelf: Shelf | None = None, taken: Iterable[tuple[str, Row]] = ()
    ) -> None:
        self.key = key
        self._journal = journal
        self._shelf = shelf
        self._rows: dict[RowId, Row] = {}
        self._ordered: dict[type[Row], SortedList[str]] = {}
        self._absent: set[RowId] = set()
        """Places that were looked for on the shelf in vain, or whose row was taken away."""
        self._complete: set[type[Row]] = set()
        """Types of which all rows are in memory."""
        for row_id, row in taken:
            self.restore((type(row), row_id), row)

    def get(self, kind: type[R], row_id: str) -> R | None:
        row = self._rows.get((kind, row_id))
        if row is None and self._shelf is not None:
            return self._look(kind, row_id)
        return row  # type: ignore[return-value]  # the type is part of the id

    def put(self, row_id: str, row: Row) -> None:
        place = (type(row), row_id)
        before = self._rows.get(place) or self._look(*place)
        self._journal.note((self, place, before))
        if before is None:
            self.restore(place, row)
        else:
            self._rows[place] = row

    def delete(self, kind: type[Row], row_id: str) -> None:
        before = self.get(kind, row_id)
        if before is not None:
            self._journal.note((self, (kind, row_id), before))
            self.restore((kind, row_id), None)

    def walk(self, kind: type[R], prefix: str = "") -> Iterator[R]:
        """The rows of an ordered type whose ids begin with `prefix`, in order."""
        if self._shelf is not None and kind not in self._complete:
            self._take(self._shelf.walk(self.key, kind))
            self._complete.add(kind)
        ids = self._ordered.get(kind)
        if ids is None:
            return
        for row_id in ids.irange(minimum=prefix):
            if not row_id.startswith(prefix):
                return
            yield self._rows[(kind, row_id)]  # type: ignore[misc]

    def all(self) -> Iterator[tuple[str, Row]]:
        """Every row with its id, in the order of type and id: for whoever does not know their ids."""
        if self._shelf is not None:
            self._take(self._shelf.all(self.key))
        for kind, row_id in sorted(self._rows, key=lambda place: (place[0].__name__, place[1])):
            yield row_id, self._rows[(kind, row_id)]

    def restore(self, place: RowId, row: Row | None) -> None:
        """Sets a row past the journal: for the journal itself, and for rows from the shelf."""
        ordered = issubclass(place[0], Ordered)
        if row is None:
            self._rows.pop(place, None)
            if self._shelf is not None:
                self._absent.add(place)
            if ordered and place[0] in self._ordered:
                self._ordered[place[0]].discard(place[1])
            return
        if ordered and place not in self._rows:
            self._ordered.setdefault(place[0], SortedList()).add(place[1])
        self._absent.discard(place)
        self._rows[place] = row

    def shelved(self) -> None:
        """All changes lie on the shelf by now: what is not there need not be remembered."""
        self._absent.clear()

    def _look(self, kind: type[R], row_id: str) -> R | None:
        place = (kind, row_id)
        if self._shelf is None or kind in self._complete or place in self._absent:
            return None
        row = self._shelf.load(self.key, kind, row_id)
        self.restore(place, row)
        return row

    def _take(self, shelved: "Iterable[tuple[str, Row]]") -> None:
        """Takes rows into memory, but for those that were changed since they were put on the shelf."""
        for row_id, row in shelved:
            place = (type(row), row_id)
            if place not in self._rows and place not in self._absent:
                self.restore(place, row)
