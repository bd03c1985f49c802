"""What lies on the disks: each worker's shelves, which outlive it, and may be lost or be of another time."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from engine.bookkeeping import Chain
from tests.simulation.faults import Faults
from tests.simulation.restored import SHAPE
from topics.shelves import MemoryShelf, Saved


class DiskShelf(MemoryShelf):
    """A shelf that outlives its process."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        super().__init__(SHAPE)

    def clear(self) -> None:
        if getattr(self, "_position", None) is not None:
            self._faults.saw("shelf thrown away")
        super().clear()

    def copy(self) -> "DiskShelf":
        """The same, from now on apart."""
        other = DiskShelf(self._faults)
        other._rows = {key: dict(rows) for key, rows in self._rows.items()}
        other._dues, other._position = list(self._dues), self._position
        other._unsaved, other._snapshot = set(self._unsaved), self._snapshot
        return other

    def fill(self, rows: Sequence[Saved]) -> None:
        self._faults.saw("restored from a snapshot")
        super().fill(rows)

    def run_ahead(self) -> None:
        """It reflects an event that the log does not have."""
        position = self._position
        chained = [(key, rows[Chain, ""]) for key, rows in self._rows.items() if (Chain, "") in rows]
        if position is None or not chained:
            return
        for key, chain in chained:
            assert isinstance(chain, Chain)
            self._rows[key][Chain, ""] = Chain(sequence=chain.sequence + 1, digest=b"of no event")
        self._position = replace(position, event_offset=position.event_offset + 1, digest=b"of no event")


class Disk:
    """All of them."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._shelves: dict[tuple[str, int], DiskShelf] = {}
        self._earlier: dict[tuple[str, int], DiskShelf] = {}

    def folder(self, name: str, end: Callable[[int], int]) -> Callable[[int], DiskShelf]:
        """A worker begins: gives its shelves, which may not be as it left them.

        end: where the log of events ends in a partition.
        """
        for place in [each for each in self._shelves if each[0] == name]:
            self._spoil(place)
            self._earlier[place] = self._shelves[place].copy()

        def shelf(partition: int) -> DiskShelf:
            found = self._shelves.setdefault((name, partition), DiskShelf(self._faults))
            position = found.position()
            if position is not None and 0 <= position.event_offset < end(partition) - 2:
                self._faults.saw("shelf caught up")
            return found

        return shelf

    def shelf(self, name: str, partition: int) -> DiskShelf:
        """One of them."""
        return self._shelves[name, partition]

    def _spoil(self, place: tuple[str, int]) -> None:
        if self._faults.happens("shelf lost"):
            self._shelves[place] = DiskShelf(self._faults)
        elif place in self._earlier and self._faults.happens("shelf behind"):
            self._shelves[place] = self._earlier[place].copy()
        elif self._faults.happens("shelf ahead"):
            self._shelves[place] = self._shelves[place].copy()
            self._shelves[place].run_ahead()
