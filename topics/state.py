"""The state of one partition in memory: the rows of its keys, and its deadlines in order."""

import heapq
from collections.abc import Iterator

from engine.interaction.state import Timer
from engine.rows import Journal, Rows


class PartitionState:
    """All rows of one partition. Changes are kept in a journal until `commit`, and can be rolled back."""

    def __init__(self) -> None:
        self.journal = Journal()
        self._keys: dict[str, Rows] = {}
        self._deadlines: list[tuple[int, str, str]] = []
        self._taken: list[tuple[int, str, str]] = []

    def rows(self, key: str) -> Rows:
        """The rows of a key; none yet for a new one."""
        rows = self._keys.get(key)
        if rows is None:
            rows = self._keys[key] = Rows(key, self.journal)
        return rows

    def keys(self) -> Iterator[Rows]:
        """The rows of every key that was ever asked for."""
        return iter(self._keys.values())

    def commit(self) -> None:
        """What was changed stands: it is in the log."""
        for rows, (kind, row_id) in self.journal.changed():
            if kind is Timer:
                timer = rows.get(Timer, row_id)
                if timer is not None:
                    heapq.heappush(self._deadlines, (timer.due, rows.key, row_id))
        self.journal.commit()
        self._taken.clear()

    def rollback(self) -> None:
        """Nothing since the last commit happened."""
        self.journal.rollback()
        for entry in self._taken:
            heapq.heappush(self._deadlines, entry)
        self._taken.clear()

    def next_due(self) -> int | None:
        """When the nearest deadline is, or None. It may turn out to be void."""
        return self._deadlines[0][0] if self._deadlines else None

    def due(self, now: int) -> Iterator[tuple[Rows, Timer]]:
        """The deadlines that have come, in order; each is given once."""
        while self._deadlines and self._deadlines[0][0] <= now:
            entry = heapq.heappop(self._deadlines)
            self._taken.append(entry)
            due, key, row_id = entry
            rows = self._keys[key]
            timer = rows.get(Timer, row_id)
            if timer is not None and timer.due == due:  # else it was moved or dropped since
                yield rows, timer

    def named(self, name: str) -> list[tuple[Rows, Timer]]:
        """All deadlines of one name, whenever they are, in the order of key and id."""
        places = sorted({(key, row_id) for _, key, row_id in self._deadlines if row_id.startswith(f"{name}:")})
        found = ((self._keys[key], self._keys[key].get(Timer, row_id)) for key, row_id in places)
        return [(rows, timer) for rows, timer in found if timer is not None]
