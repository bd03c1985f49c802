"""Snapshots, whatever happens between their checkpoints: the rows are those of the log."""

from collections.abc import Iterator
from typing import Final

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from engine import bookkeeping
from engine.bookkeeping import Chain, Timer
from engine.interaction import state as interaction_state
from engine.interaction.commands import Attachment
from engine.interaction.state import Address, EarlyWords, PendingWords
from engine.routing import state as routing_state
from engine.rows import Row
from rejoinder.programs.engine import ROWS
from topics import snapshots
from topics.shapes import Shape
from topics.shelves import Change, MemoryShelf, Position
from topics.snapshots import MARKER, Filling, Marker

SHAPE: Final = Shape((Chain, Timer, Address))
STEP: Final = 1
"""How many rows a checkpoint of a snapshot that is not whole takes."""
Place = tuple[str, type[Row], str]
Model = dict[Place, Row]


def test_the_rows_with_words_and_names_are_marked_and_no_others() -> None:
    assert {kind for kind in ROWS if kind.has_words} == {Address, EarlyWords, PendingWords}
    told = {"text", "name", "screen_name", "platform_id", "salt", "attachments"}
    for kind in (*bookkeeping.ROWS, *interaction_state.ROWS, *routing_state.ROWS):
        if kind.has_words or kind is Timer:  # a deadline's name is the code's own
            continue
        assert not told & set(kind.__struct_fields__), kind
        assert Attachment not in {field.type for field in msgspec.structs.fields(kind)}, kind


def test_a_place_is_found_again_and_no_marker_looks_like_one() -> None:
    for key, kind, row_id in (("k", Chain, ""), ("", Timer, "a:b"), ("ü" * 300, Address, "\x00")):
        place = SHAPE.place(key, kind, row_id)
        assert SHAPE.split(place) == (key, kind, row_id)
    assert int.from_bytes(MARKER[:2], "big") > len(MARKER)


def test_another_shape_has_another_digest() -> None:
    assert Shape((Timer, Address, Chain)).digest == SHAPE.digest
    assert Shape((Timer, Chain)).digest != SHAPE.digest


def test_a_marker_that_is_none_is_told() -> None:
    with pytest.raises(snapshots.SnapshotUnreadable, match=r"somewhere.*topics apply"):
        snapshots.decoded(b"\xc1", "somewhere")


class Worker:
    """A shelf, and the log as far as it reflects it."""

    def __init__(self) -> None:
        self.shelf = MemoryShelf(SHAPE)

    def at(self) -> int:
        position = self.shelf.position()
        return -1 if position is None else position.event_offset


class Snapshots(RuleBasedStateMachine):
    """Three workers own one partition in turn, each with a shelf that stays as it was when it lost it."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[Change] = []
        self.topic: list[tuple[bytes, bytes | None]] = []
        self.workers = [Worker(), Worker(), Worker()]
        self.owner = self.workers[0]

    @initialize()
    def begin(self) -> None:
        self.take(self.owner, nearer=False)

    @rule(
        key=st.sampled_from(["k", "l"]),
        kind=st.sampled_from([Chain, Timer, Address]),
        row_id=st.sampled_from(["", "a", "b"]),
        number=st.none() | st.integers(0, 3),
    )
    def change(self, key: str, kind: type[Row], row_id: str, number: int | None) -> None:
        before = self.model().get((key, kind, row_id))
        after = None if number is None else row(kind, number)
        self.log.append(Change(key, kind, row_id, before, after))
        self.replay(self.owner)

    @rule(known=st.booleans())
    def checkpoint(self, known: bool) -> None:
        """Where it is not `known`, the worker dies between the commit and its shelf."""
        written = snapshots.checkpoint(self.owner.shelf, here(len(self.log) - 1), STEP)
        self.topic += snapshots.records(written)
        if known:
            snapshots.keep(self.owner.shelf, written)
        else:
            self.take(self.owner, nearer=False)

    @rule(to=st.integers(0, 2), nearer=st.booleans())
    def move(self, to: int, nearer: bool) -> None:
        self.owner = self.workers[to]
        self.take(self.owner, nearer)

    @rule(which=st.integers(0, 2))
    def lose(self, which: int) -> None:
        """A machine loses its folder."""
        self.workers[which].shelf.clear()
        if self.owner is self.workers[which]:
            self.take(self.owner, nearer=True)

    @rule()
    def upgrade(self) -> None:
        """A worker with other rows owned the partition for a moment."""
        marker = self.marker()
        generation = 1 if marker is None else marker.generation + 1
        prefix = generation.to_bytes(4, "big")
        other = Marker(shape="other", generation=generation, whole=True, position=here(len(self.log) - 1))
        self.topic += [
            (SHAPE.place("k", Chain, "a"), prefix + SHAPE.encode(row(Chain, 9))),
            (SHAPE.place("stays", Chain, ""), prefix + SHAPE.encode(row(Chain, 9))),
            (MARKER, msgspec.msgpack.encode(other)),
        ]
        self.take(self.owner, nearer=False)

    @rule(tombstones=st.booleans())
    def compact(self, tombstones: bool) -> None:
        """Of each key the last record stays; tombstones go too, a day later."""
        last = {key: at for at, (key, _) in enumerate(self.topic)}
        self.topic = [
            (key, value)
            for at, (key, value) in enumerate(self.topic)
            if last[key] == at and not (tombstones and value is None)
        ]

    @invariant()
    def the_owner_has_the_rows_of_the_log(self) -> None:
        assert rows_of(self.owner.shelf) == self.model()

    @invariant()
    def a_new_machine_has_them_too(self) -> None:
        fresh = Worker()
        self.take(fresh, nearer=True)
        assert rows_of(fresh.shelf) == self.model()
        assert sorted(fresh.shelf.dues(None, 100)) == sorted(
            (row.due, key, row_id) for (key, _, row_id), row in self.model().items() if isinstance(row, Timer)
        )

    @invariant()
    def no_row_with_words_is_there(self) -> None:
        assert not any(key != MARKER and SHAPE.split(key)[1] is Address for key, _ in self.topic)

    def take(self, worker: Worker, nearer: bool) -> None:
        """As topics.restoring does: from the shelf, or from the snapshot where there is none or that is `nearer`."""
        shelf, marker = worker.shelf, self.marker()
        usable = snapshots.is_usable(marker, shelf, "c")
        if shelf.position() is None or (nearer and usable):
            shelf.clear()
            if usable and marker is not None:
                filling = Filling(shelf, marker)
                for key, value in self.topic:
                    filling.take(key, value)
                filling.end()
                self.names(shelf)
        snapshots.go_on(shelf, marker, usable, "c")
        self.replay(worker)

    def names(self, shelf: MemoryShelf) -> None:
        """What events don't have, from its own topic."""
        position = shelf.position()
        assert position is not None
        known = {place: row for place, row in self.model(position.event_offset + 1).items() if place[1] is Address}
        shelf.write([Change(*place, None, row) for place, row in known.items()], None)

    def replay(self, worker: Worker) -> None:
        for at in range(worker.at() + 1, len(self.log)):
            worker.shelf.write([self.log[at]], here(at))

    def marker(self) -> Marker | None:
        found = [value for key, value in self.topic if key == MARKER]
        return snapshots.decoded(found[-1], "here") if found else None

    def model(self, events: int | None = None) -> Model:
        rows: Model = {}
        for change in self.log[:events]:
            place = (change.key, change.kind, change.row_id)
            if change.after is None:
                rows.pop(place, None)
            else:
                rows[place] = change.after
        return rows


def row(kind: type[Row], number: int) -> Row:
    if kind is Timer:
        return Timer(name="n", ref="r", due=number)
    return Address(channel="x", platform_id=str(number)) if kind is Address else Chain(sequence=number, digest=b"")


def here(offset: int) -> Position:
    return Position(cluster="c", event_offset=offset, digest=b"")


def rows_of(shelf: MemoryShelf) -> Model:
    def entries() -> Iterator[tuple[Place, Row]]:
        for key in shelf.all_keys():
            for row_id, found in shelf.all(key):
                yield (key, type(found), row_id), found

    return dict(entries())


TestSnapshots = Snapshots.TestCase


def test_an_unfinished_snapshot_of_another_worker_is_not_gone_on_with() -> None:
    """What one worker has still to write of it, another does not know."""
    history = Snapshots()
    history.begin()
    for number, key in enumerate(("k", "l")):
        history.change(key, Chain, "", number)
    history.checkpoint(known=True)
    history.checkpoint(known=True)
    history.move(1, nearer=False)
    history.upgrade()
    history.checkpoint(known=True)  # one of two rows
    history.move(0, nearer=False)
    for _ in range(3):
        history.checkpoint(known=True)
    history.a_new_machine_has_them_too()
