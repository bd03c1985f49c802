"""The state of one partition in memory: the rows of its keys, and its deadlines in order."""

import heapq
from collections.abc import Iterator

from engine.bookkeeping import Timer
from engine.rows import Journal, Rows


class PartitionState:
    """All rows of one partition. Changes are kept in a journal until `commit`, and can be rolled back."""

    def __init__(self) -> None:
        self.journal = Journal()
        self._keys: dict[str, Rows] = {}
        self._deadlines: list[tuple[int, str, str]] = []
        self._taken: list[tuple[int, str, str]] = []
        self._ordered_to = 0

    def rows(self, key: str) -> Rows:
        """The rows of a key; none yet for a new one."""
        rows = self._keys.get(key)
        if rows is None:
            rows = self._keys[key] = Rows(key, self.journal)
        return rows

    def all(self) -> Iterator[Rows]:
        """The rows of every key that was ever asked for."""
        return iter(self._keys.values())

    def commit(self) -> None:
        """What was changed stands: it is in the log."""
        self._order()
        self.journal.commit()
        self._ordered_to = 0
        self._taken.clear()

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

    def _order(self) -> None:
        """Takes the deadlines that were set lately into the order, so that what one batch sets, it finds.

        Entries of deadlines that are moved, dropped or undone stay, and are passed over when their time comes.
        """
        for rows, (kind, row_id) in self.journal.changed(self._ordered_to):
            timer = rows.get(Timer, row_id) if kind is Timer else None
            if timer is not None:
                heapq.heappush(self._deadlines, (timer.due, rows.key, row_id))
        self._ordered_to = self.journal.mark()

    def next_due(self) -> int | None:
        """When the nearest deadline is, or None. It may turn out to be void."""
        self._order()
        return self._deadlines[0][0] if self._deadlines else None

    def due(self, now: int) -> Iterator[tuple[Rows, Timer]]:
        """The deadlines that have come, in order, those too that are set meanwhile; each is given once."""
        while (nearest := self.next_due()) is not None and nearest <= now:
            entry = heapq.heappop(self._deadlines)
            self._taken.append(entry)
            due, key, row_id = entry
            rows = self._keys[key]
            timer = rows.get(Timer, row_id)
            if timer is not None and timer.due == due:  # else it was moved or dropped since
                yield rows, timer

    def named(self, name: str) -> list[tuple[Rows, Timer]]:
        """All deadlines of one name, whenever they are, in the order of key and id."""
        self._order()
        places = sorted({(key, row_id) for _, key, row_id in self._deadlines if row_id.startswith(f"{name}:")})
        found = ((self._keys[key], self._keys[key].get(Timer, row_id)) for key, row_id in places)
        return [(rows, timer) for rows, timer in found if timer is not None]
