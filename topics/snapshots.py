"""Snapshots in Kafka: the rows of each partition in a compacted topic, so that a new machine needs not the whole log.

A *checkpoint* is one transaction: the rows that were changed since the one before, and a marker that says how much of
the log the snapshot reflects from then on. It sends offsets like every transaction of a worker, so that a zombie's is
refused, and its records are flushed before; so whoever owns a partition and reads the topic to the high watermark
reads whole checkpoints, and no rows of one without its marker.

A snapshot is disposable. One that can't be used (another shape of rows, another log, not whole) is followed by another
*generation*, for which every row counts as changed. Rows of a generation before are passed over.

A partition's first checkpoint may have more rows than go into one transaction. Then there are several, whose markers
say that the snapshot is not whole; only the shelf that wrote the last of them may go on with it.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import msgspec

from engine.envelope import digest
from engine.errors import RejoinderError
from schemas.codec import Codec
from topics.broker import Broker
from topics.reading import high_watermarks, read_all
from topics.shelves import Position, Saved, Shelf
from topics.transactions import StartAgain

MOST_ROWS: Final = 150_000
"""In one transaction: about a second's work, and far below what a client keeps waiting (500,000)."""
MARKER: Final = b"marker"
"""Its key. No row's place is like it: that would be longer than its first two bytes say."""

_GENERATION_BYTES: Final = 4
_TAIL: Final = 100
"""How many offsets before the end the last marker is looked for first. It is the last record of a checkpoint."""
_TAKEN_AT_ONCE: Final = 5_000


class SnapshotUnreadable(RejoinderError):
    """Something in the topic of snapshots is not what Rejoinder writes."""


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot says of itself."""

    shape: str
    """Of the rows (topics.shapes)."""
    generation: int
    whole: bool
    """Whether every row is there."""
    position: Position
    """How much of the log it reflects. Names and words are no part of it, and their offsets mean nothing here."""


class Checkpoint(NamedTuple):
    """What is to be written."""

    rows: list[Saved]
    marker: Marker


_ENCODE: Final = msgspec.msgpack.Encoder().encode
_MARKERS: Final = msgspec.msgpack.Decoder(Marker)


def latest(broker: Broker, topic: str, shelves: Mapping[int, Shelf]) -> dict[int, Marker]:
    """The last marker of each partition that has one."""
    found: dict[int, Marker] = {}
    ends = high_watermarks(broker, topic, shelves)
    left, tail = {partition for partition, end in ends.items() if end > 0}, _TAIL
    while left:
        starts = {partition: max(0, ends[partition] - tail) for partition in left}
        for record in read_all(broker, topic, left, f"markers-{topic}", starts):
            if record.key == MARKER:
                found[record.partition] = decoded(record.value, f"{topic}[{record.partition}]")
        left = {partition for partition in left if partition not in found and starts[partition] > 0}
        tail *= 16
    return found


def decoded(value: bytes | None, where: str) -> Marker:
    """A marker.

    Raises:
        SnapshotUnreadable: it is none.
    """
    try:
        return _MARKERS.decode(value or b"")
    except msgspec.MsgspecError as error:
        raise SnapshotUnreadable(
            f"the marker in {where} can't be read ({error}): something else writes there; delete the topic and run "
            "`rejoinder topics apply`, the snapshot is written anew"
        ) from None


def is_usable(marker: Marker | None, shelf: Shelf, cluster: str) -> bool:
    """Whether a shelf may be filled from a snapshot, as far as its marker says."""
    return (
        marker is not None
        and marker.whole
        and shelf.shape is not None
        and marker.shape == shelf.shape.digest
        and marker.position.cluster == cluster
    )


def is_of_log(broker: Broker, events: str, partition: int, codec: Codec, marker: Marker) -> bool:
    """Whether the last event that a snapshot reflects is in the log, and is the same."""
    offset = marker.position.event_offset
    if offset < 0:
        return True
    for record in read_all(broker, events, [partition], f"compare-{events}", {partition: offset}):
        return record.offset == offset and digest(*codec.split(record.value or b"")) == marker.position.digest
    return False


class Filling:
    """An emptied shelf that takes the rows of a snapshot, record by record.

    It has no position before it has every row: a shelf that was filled in part is emptied again.
    """

    def __init__(self, shelf: Shelf, marker: Marker) -> None:
        self._shelf = shelf
        self._marker = marker
        self._prefix = marker.generation.to_bytes(_GENERATION_BYTES, "big")
        self._rows: list[Saved] = []

    def take(self, key: bytes, value: bytes | None) -> None:
        """The next record of the topic."""
        if value is None:
            self._rows.append(Saved(key, None))
        elif key != MARKER and value.startswith(self._prefix):
            self._rows.append(Saved(key, value[_GENERATION_BYTES:]))
        if len(self._rows) == _TAKEN_AT_ONCE:
            self._shelf.fill(self._rows)
            self._rows.clear()

    def end(self) -> None:
        """That was all."""
        self._shelf.fill(self._rows)
        self._shelf.save((), _ENCODE(self._marker))
        position = msgspec.structs.replace(self._marker.position, content_offset=-1, profiles_offset=-1)
        self._shelf.write((), position)


def fill(broker: Broker, topic: str, shelves: Mapping[int, Shelf], markers: Mapping[int, Marker]) -> int:
    """Fills emptied shelves from their snapshots; gives the number of records that were read.

    Raises:
        StartAgain: a snapshot has another checkpoint by now, so that rows of it may be among those that were read, or
            ones before it compacted away. Only another worker can have written it, after this one was taken for dead.
    """
    filling = {partition: Filling(shelf, markers[partition]) for partition, shelf in shelves.items()}
    count = 0
    for record in read_all(broker, topic, shelves, f"restore-{topic}"):
        filling[record.partition].take(record.key, record.value)
        count += 1
    _check_last(broker, topic, shelves, markers)
    for each in filling.values():
        each.end()
    return count


def _check_last(broker: Broker, topic: str, shelves: Mapping[int, Shelf], markers: Mapping[int, Marker]) -> None:
    last = latest(broker, topic, shelves)
    overtaken = sorted(partition for partition in shelves if last.get(partition) != markers[partition])
    if overtaken:
        raise StartAgain(f"{topic}: another worker wrote a checkpoint of partitions {overtaken} while they were read")


def is_own(shelf: Shelf, marker: Marker) -> bool:
    """Whether a shelf wrote the last checkpoint."""
    return shelf.snapshot() == _ENCODE(marker)


def go_on(shelf: Shelf, marker: Marker | None, usable: bool, cluster: str) -> bool:
    """Settles what the next checkpoints of a shelf add to: the snapshot that is there, or another generation.

    The shelf's marks have to name all that was changed since the snapshot, and they do: since it was written by this
    shelf, or by another worker later, whose events this one reads.

    Returns:
        Whether the snapshot is whole.
    """
    if shelf.shape is None:
        return True
    if marker is not None and (usable or is_own(shelf, marker)):
        shelf.save((), _ENCODE(marker))
        return marker.whole
    generation = 1 if marker is None else marker.generation + 1
    nothing = Position(cluster=cluster, event_offset=-1, digest=b"")
    begun = _ENCODE(Marker(shape=shelf.shape.digest, generation=generation, whole=False, position=nothing))
    if shelf.snapshot() != begun:  # else it was begun before, and no checkpoint of it came about
        shelf.mark_all()
        shelf.save((), begun)
    return False


def checkpoint(shelf: Shelf, position: Position, step: int) -> Checkpoint:
    """What a partition's next checkpoint writes.

    Args:
        step: how many rows at most while the snapshot is not whole. A whole one has to stay so, at one go.
    """
    kept = shelf.snapshot()
    if shelf.shape is None or kept is None:
        raise ValueError("a checkpoint of a shelf whose snapshot was never settled")
    before = _MARKERS.decode(kept)
    most = MOST_ROWS if before.whole else step
    rows = shelf.unsaved(most + 1)
    whole = len(rows) <= most
    marker = Marker(shape=before.shape, generation=before.generation, whole=whole, position=position)
    return Checkpoint(rows[:most], marker)


def records(written: Checkpoint) -> Iterator[tuple[bytes, bytes | None]]:
    """Keys and values: the rows, and the marker behind them."""
    prefix = written.marker.generation.to_bytes(_GENERATION_BYTES, "big")
    for place, value in written.rows:
        yield place, None if value is None else prefix + value
    yield MARKER, _ENCODE(written.marker)


def keep(shelf: Shelf, written: Checkpoint) -> None:
    """A checkpoint was committed."""
    shelf.save((row.place for row in written.rows), _ENCODE(written.marker))
