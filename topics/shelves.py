"""Where a processor keeps its partitions' rows: in memory, or in RocksDB (topics.rocks).

A shelf is always at some position of the log: rows and position are written together, after the transaction that
they follow from was committed. So a shelf may be behind the log, which is mended by replaying what came since; it is
never ahead, unless the log lost something or is another one, which the digest of the last event shows.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

import msgspec

from engine.bookkeeping import Timer
from engine.rows import Row
from engine.rows import Shelf as KeyShelf
from topics.shapes import Shape

R = TypeVar("R", bound=Row)

Due = tuple[int, str, str]
"""A deadline in its order: when, on which key, and the timer's id."""


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """How much of the log a shelf reflects."""

    cluster: str
    """The id of the Kafka cluster."""
    event_offset: int
    """Of the last event, in the partition of events; -1: there was none."""
    digest: bytes
    """The last event's."""
    content_offset: int = -1
    """Of the last record of words; -1: there was none."""
    profiles_offset: int = -1
    """Of the last record of names; -1: there was none."""
    commands: int = 0
    """The offset after the last command that led to an event."""


class Change(NamedTuple):
    """A row that is other than at the last commit; None: there is, or was, none."""

    key: str
    kind: type[Row]
    row_id: str
    before: Row | None
    after: Row | None


class Saved(NamedTuple):
    """A row as a snapshot has it: its place (topics.shapes) and its bytes; None: there is none any more."""

    place: bytes
    value: bytes | None


class Shelf(KeyShelf, Protocol):
    """One partition's rows, as they were at the last commit.

    It knows which of them were changed since the last checkpoint of its snapshot (topics.snapshots): a mark for each
    is written with the change. Those with words are never marked.
    """

    shape: Shape | None
    """How its rows are written; None: it has no snapshots."""

    def all_keys(self) -> Iterator[str]:
        """Every key that has rows, in order."""

    def dues(self, after: Due | None, most: int) -> Sequence[Due]:
        """The nearest deadlines after one (None: all), in their order."""

    def write(self, changes: Iterable[Change], position: Position | None) -> None:
        """Keeps changes, and with them how much of the log they reflect; None: as before."""

    def position(self) -> Position | None:
        """What was written last; None: nothing."""

    def clear(self) -> None:
        """Takes everything away."""

    def unsaved(self, most: int) -> list[Saved]:
        """What was changed since the last checkpoint, as it is now, in the order of the places; at most so many."""

    def save(self, places: Iterable[bytes], snapshot: bytes) -> None:
        """These places are in the snapshot by now; keeps what the snapshot says of itself."""

    def snapshot(self) -> bytes | None:
        """What was kept of the snapshot last; None: nothing."""

    def mark_all(self) -> None:
        """Every row is to go into the snapshot again."""

    def fill(self, rows: Sequence[Saved]) -> None:
        """Takes rows from a snapshot, of several of one place the last, without marking them."""


class MemoryShelf:
    """A shelf that is gone with the process: for worlds in memory, for tests, and to measure what RocksDB costs."""

    def __init__(self, shape: Shape | None = None) -> None:
        self.shape = shape
        self.clear()

    def branch(self) -> "MemoryShelf":
        """Another one with the same rows, which goes its own way; this one must not be changed any more.

        It copies the rows of a key when they are first changed, so it costs no more than what happens in it.
        """
        made = MemoryShelf(self.shape)
        made._trunk = {**self._trunk, **self._rows} if self._trunk else self._rows
        made._dues = self._dues.copy()
        return made

    def clear(self) -> None:
        self._rows: dict[str, dict[tuple[type[Row], str], Row]] = {}
        self._trunk: Mapping[str, dict[tuple[type[Row], str], Row]] = {}
        """The rows of keys that were not changed here."""
        self._dues: list[Due] = []
        self._position: Position | None = None
        self._unsaved: set[bytes] = set()
        self._snapshot: bytes | None = None

    def load(self, key: str, kind: type[R], row_id: str) -> R | None:
        return self._of(key).get((kind, row_id))  # type: ignore[return-value]

    def walk(self, key: str, kind: type[R]) -> Iterable[tuple[str, R]]:
        return [(row_id, row) for row_id, row in self.all(key) if isinstance(row, kind)]

    def all(self, key: str) -> Iterable[tuple[str, Row]]:
        return ((row_id, row) for (_, row_id), row in self._of(key).items())

    def all_keys(self) -> Iterator[str]:
        return iter(sorted(key for key in {*self._trunk, *self._rows} if self._of(key)))

    def dues(self, after: Due | None, most: int) -> Sequence[Due]:
        since = 0 if after is None else bisect_right(self._dues, after)
        return self._dues[since : since + most]

    def write(self, changes: Iterable[Change], position: Position | None) -> None:
        for change in changes:
            rows, place = self._own(change.key), (change.kind, change.row_id)
            if change.after is None:
                rows.pop(place, None)
            else:
                rows[place] = change.after
            old, new = due_of(change.before, change), due_of(change.after, change)
            if old is not None:
                at = bisect_left(self._dues, old)  # looked for from the front, far ones would take long
                assert self._dues[at] == old
                del self._dues[at]
            if new is not None:
                insort(self._dues, new)
            if self.shape is not None and not change.kind.has_words:
                self._unsaved.add(self.shape.place(change.key, change.kind, change.row_id))
        self._position = position or self._position

    def position(self) -> Position | None:
        return self._position

    def unsaved(self, most: int) -> list[Saved]:
        return [self._saved(place) for place in sorted(self._unsaved)[:most]]

    def save(self, places: Iterable[bytes], snapshot: bytes) -> None:
        self._unsaved.difference_update(places)
        self._snapshot = snapshot

    def snapshot(self) -> bytes | None:
        return self._snapshot

    def mark_all(self) -> None:
        shape = _known(self.shape)
        self._unsaved |= {
            shape.place(key, kind, row_id)
            for key in self.all_keys()
            for kind, row_id in self._of(key)
            if not kind.has_words
        }

    def fill(self, rows: Sequence[Saved]) -> None:
        shape, marked = _known(self.shape), self._unsaved.copy()
        for place, value in rows:
            key, kind, row_id = shape.split(place)
            row = None if value is None else shape.decode(place, value)
            self.write([Change(key, kind, row_id, self.load(key, kind, row_id), row)], None)
        self._unsaved = marked

    def _of(self, key: str) -> dict[tuple[type[Row], str], Row]:
        rows = self._rows.get(key)
        return self._trunk.get(key, {}) if rows is None else rows

    def _own(self, key: str) -> dict[tuple[type[Row], str], Row]:
        """A key's rows, to be changed."""
        rows = self._rows.get(key)
        if rows is None:
            rows = self._rows[key] = dict(self._trunk.get(key, {}))
        return rows

    def _saved(self, place: bytes) -> Saved:
        shape = _known(self.shape)
        row = self.load(*shape.split(place))
        return Saved(place, None if row is None else shape.encode(row))


def _known(shape: Shape | None) -> Shape:
    if shape is None:
        raise ValueError("a shelf without a shape has no snapshots")
    return shape


def due_of(row: Row | None, change: Change) -> Due | None:
    """When a row is due, if it is a deadline."""
    return (row.due, change.key, change.row_id) if isinstance(row, Timer) else None
