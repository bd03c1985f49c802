"""The state of one partition: the rows of the keys that were used lately, and the nearest deadlines, in memory.

The rest lies on a shelf. What a batch changes is kept in a journal until `commit`, which writes it there, and can be
rolled back before.
"""

import heapq
from collections import OrderedDict
from collections.abc import Iterator
from itertools import islice
from typing import Final

from engine.bookkeeping import Timer
from engine.rows import Journal, Rows
from topics.shelves import Change, Due, MemoryShelf, Position, Shelf

KEYS: Final = 2_000
"""Of how many keys the rows stay in memory: those used last. A contact's are about ten rows, some 4 KB."""
TOGETHER: Final = 256
"""A key with no more rows than this comes into memory whole: one look at the shelf instead of one for each row, of
which most are there in vain, because what is new is looked for first."""
NEAREST: Final = 1_000
"""How many deadlines are read from the shelf at once."""


class PartitionState:
    """All rows of one partition."""

    def __init__(self, shelf: Shelf | None = None, most_keys: int = KEYS) -> None:
        self.journal = Journal()
        self.shelf: Shelf = MemoryShelf() if shelf is None else shelf
        self._most_keys = most_keys
        self._keys: OrderedDict[str, Rows] = OrderedDict()
        self._used: set[Rows] = set()
        """Those that were asked for since the last commit."""
        self._deadlines: list[Due] = []
        self._horizon: Due | None = None
        """The last deadline that was read from the shelf: of those after it, only those set since the last commit
        are in memory. None: all are in memory."""
        self._beyond: list[Due] = []
        """Deadlines after the horizon that were set since the last commit."""
        self._taken: list[Due] = []
        self._ordered_to = 0
        self.unsaved = 0
        """How many rows were changed since the last checkpoint of the snapshot, or since the start."""
        self.is_snapshot_begun = False
        """Whether the snapshot is not whole yet: it takes more checkpoints."""
        self._read_on(None)

    def rows(self, key: str) -> Rows:
        """The rows of a key; none yet for a new one."""
        rows = self._keys.get(key)
        if rows is None:
            taken = list(islice(self.shelf.all(key), TOGETHER + 1))
            is_whole = len(taken) <= TOGETHER
            rows = Rows(key, self.journal, None, taken) if is_whole else Rows(key, self.journal, self.shelf)
            self._keys[key] = rows
        else:
            self._keys.move_to_end(key)
        self._used.add(rows)
        return rows

    @property
    def keys_in_memory(self) -> int:
        """Of how many keys rows are in memory."""
        return len(self._keys)

    def all(self) -> Iterator[Rows]:
        """The rows of every key that has any, or was used lately."""
        for key in sorted({*self.shelf.all_keys(), *self._keys}):
            yield self.rows(key)

    def commit(self, position: Position | None = None) -> None:
        """What was changed stands: it is in the log, up to `position`. It is put on the shelf."""
        self._order()
        changes = [
            Change(rows.key, kind, row_id, before, rows.get(kind, row_id))
            for rows, places in self.journal.before().items()
            for (kind, row_id), before in places.items()
        ]
        if changes or position is not None:
            self.shelf.write(changes, position)
            self.unsaved += len(changes)
        self.journal.commit()
        for rows in self._used:
            rows.shelved()
        self._used.clear()
        self._ordered_to = 0
        self._taken.clear()
        self._beyond.clear()
        self._forget_far()
        while len(self._keys) > self._most_keys:
            self._keys.popitem(last=False)

    def clear(self) -> None:
        """Forgets everything, the shelf's too."""
        self.shelf.clear()
        for kept in (self._keys, self._used, self._deadlines, self._beyond, self._taken):
            kept.clear()
        self.journal.commit()
        self._horizon, self._ordered_to = None, 0

    def refilled(self) -> None:
        """The shelf was filled from a snapshot, after everything was forgotten."""
        self._read_on(None)

    def rollback(self) -> None:
        """Nothing since the last commit happened."""
        self.undo(0)
        for entry in self._taken:
            heapq.heappush(self._deadlines, entry)
        self._taken.clear()

    def undo(self, mark: int) -> None:
        """Nothing since a mark of the journal happened; deadlines that were given out stay so."""
        self.journal.rollback(mark)
        self._ordered_to = min(self._ordered_to, mark)

    def next_due(self) -> int | None:
        """When the nearest deadline is, or None. It may turn out to be void."""
        self._order()
        while not self._deadlines and self._horizon is not None:
            self._read_on(self._horizon)
        return self._deadlines[0][0] if self._deadlines else None

    def due(self, now: int) -> Iterator[tuple[Rows, Timer]]:
        """The deadlines that have come, in order, those too that are set meanwhile; each is given once."""
        while (nearest := self.next_due()) is not None and nearest <= now:
            entry = heapq.heappop(self._deadlines)
            self._taken.append(entry)
            due, key, row_id = entry
            rows = self.rows(key)
            timer = rows.get(Timer, row_id)
            if timer is not None and timer.due == due:  # else it was moved or dropped since
                yield rows, timer

    def named(self, name: str) -> list[tuple[Rows, Timer]]:
        """All deadlines of one name, whenever they are, in the order of key and id. Looks at every deadline."""
        self._order()
        every = {*self._deadlines, *self._beyond, *self._shelved()}
        places = sorted({(key, row_id) for _, key, row_id in every if row_id.startswith(f"{name}:")})
        found = ((rows := self.rows(key), rows.get(Timer, row_id)) for key, row_id in places)
        return [(rows, timer) for rows, timer in found if timer is not None]

    def _order(self) -> None:
        """Takes the deadlines that were set lately into the order, so that what one batch sets, it finds.

        Entries of deadlines that are moved, dropped or undone stay, and are passed over when their time comes.
        """
        for rows, (kind, row_id) in self.journal.changed(self._ordered_to):
            timer = rows.get(Timer, row_id) if kind is Timer else None
            if timer is not None:
                self._place((timer.due, rows.key, row_id))
        self._ordered_to = self.journal.mark()

    def _place(self, entry: Due) -> None:
        if self._horizon is None or entry <= self._horizon:
            heapq.heappush(self._deadlines, entry)
        else:
            self._beyond.append(entry)

    def _read_on(self, after: Due | None) -> None:
        """The next deadlines of the shelf come into memory."""
        found = self.shelf.dues(after, NEAREST)
        self._horizon = found[-1] if len(found) == NEAREST else None
        beyond, self._beyond = self._beyond, []
        for entry in (*found, *beyond):
            self._place(entry)

    def _forget_far(self) -> None:
        """Only the nearest deadlines stay in memory. All of them lie on the shelf."""
        if len(self._deadlines) > 4 * NEAREST:
            self._deadlines = heapq.nsmallest(NEAREST, self._deadlines)
            self._horizon = self._deadlines[-1]

    def _shelved(self) -> Iterator[Due]:
        after: Due | None = None
        while found := self.shelf.dues(after, NEAREST):
            yield from found
            after = found[-1]
