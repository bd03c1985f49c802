"""What a worker begins with, wherever it is from: the rows that a fold of the log from its start gives.

Rows with words or names are not compared: they are of other topics, which a worker reads after its events.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

from engine import bookkeeping
from engine.decider import Decider
from engine.envelope import digest
from engine.interaction import state as interaction_state
from engine.interaction.decider import InteractionDecider
from engine.routing import state as routing_state
from engine.routing.decider import RoutingDecider
from engine.rows import Row
from tests.simulation.broker import RULES
from tests.simulation.checker import Violation
from tests.unit.builders import codec
from topics import processor, restoring, saving, snapshots
from topics.deciding import Deciding
from topics.restoring import Log
from topics.shapes import Shape
from topics.shelves import MemoryShelf, Position
from topics.transactions import StartAgain

if TYPE_CHECKING:
    from schemas.codec import Codec
    from tests.simulation.world import World

SHAPE: Final = Shape((*bookkeeping.ROWS, *interaction_state.ROWS, *routing_state.ROWS))
UNSAVED: Final = 30
"""After so many changed rows there is a checkpoint: a run has some hundreds of them."""
EVERY: Final = 8_000
NEARER: Final = 15
FILLING: Final = "a snapshot's rows"
"""Where a worker stops that knows a snapshot's marker, and not yet its rows."""

Rows = dict[str, dict[tuple[str, str], Row]]


class Fold:
    """One partition of a decider's log, folded as far as it was asked for."""

    def __init__(self, world: "World", decider: Decider, partition: int) -> None:
        self._log = world.kafka.partitions[f"{decider.name}.events", partition]
        self._deciding = Deciding(decider, codec(), partition, dict(RULES), world.scheduler.wall, shelf=MemoryShelf())
        self.at = -1
        """The offset up to which it is folded."""

    def rows(self, upto: int) -> Rows:
        for offset in range(self.at + 1, upto + 1):
            stored = self._log.records[offset]
            if self._log.is_shown(offset):
                assert stored.value is not None
                here = digest(*codec().split(stored.value))
                self._deciding.replay(stored.key.decode(), codec().decode(stored.value), here)
        self.at = max(self.at, upto)
        self._deciding.state.commit()
        return rows_of(self._deciding.state.shelf)


def rows_of(shelf: object, words: bool = False) -> Rows:
    """All rows of a shelf by key, and by type and id."""
    assert isinstance(shelf, MemoryShelf)
    every = ((key, shelf.all(key)) for key in shelf.all_keys())
    found = {
        key: {(type(row).__name__, row_id): row for row_id, row in rows if words or not row.has_words}
        for key, rows in every
    }
    return {key: rows for key, rows in found.items() if rows}


def difference(kept: Rows, wanted: Rows) -> str:
    """The first row that is not the same."""
    for key in sorted({*kept, *wanted}):
        ours, theirs = kept.get(key, {}), wanted.get(key, {})
        for place in sorted({*ours, *theirs}):
            if ours.get(place) != theirs.get(place):
                return f"{key} {place} is {ours.get(place)}, by the log {theirs.get(place)}"
    return "none"


@contextmanager
def checked(world: "World") -> Iterator[None]:
    """Checkpoints come often, and after each restore the rows are compared."""
    deciders = {decider.name: decider for decider in (InteractionDecider(), RoutingDecider())}
    folds: dict[tuple[str, int], Fold] = {}

    def check(name: str, partition: int, deciding: Deciding, position: Position) -> None:
        fold = folds.get((name, partition))
        if fold is None or fold.at > position.event_offset:  # a zombie is behind
            fold = folds[name, partition] = Fold(world, deciders[name], partition)
        wanted, kept = fold.rows(position.event_offset), rows_of(deciding.state.shelf)
        if kept != wanted:
            raise Violation(f"restored, {name}'s state of partition {partition}: {difference(kept, wanted)}")

    def restore(decidings: Mapping[int, Deciding], codec: "Codec", log: Log) -> dict[int, Position]:
        try:
            positions = restoring.restore(decidings, codec, log)
        except StartAgain:
            world.faults.saw("overtaken while it read a snapshot")
            raise
        for partition, deciding in decidings.items():
            check(log.events.partition(".")[0], partition, deciding, positions[partition])
        return positions

    fill = snapshots.fill

    def filling(*given: Any, **named: Any) -> int:
        world.scheduler.wait(0, None, FILLING)
        return fill(*given, **named)

    with (
        mock.patch.object(snapshots, "fill", filling),
        mock.patch.object(processor, "restore", restore),
        mock.patch.object(saving, "UNSAVED", UNSAVED),
        mock.patch.object(saving, "EVERY", EVERY),
        mock.patch.object(restoring, "NEARER", NEARER),
    ):
        yield
