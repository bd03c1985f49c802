"""Rows in RocksDB: one database for a worker's processor, with a shelf for each partition.

A key in it: the partition (2 bytes), what it is (1 byte), and for a row its place (topics.shapes). A deadline stands
there twice, the second time under when it is due. A place whose row is to go into the next checkpoint of the snapshot
stands there once more, with nothing under it.
"""

import struct
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, TypeVar

import msgspec
import structlog
from rocksdict import (
    BlockBasedIndexType,
    BlockBasedOptions,
    BottommostLevelCompaction,
    Cache,
    CompactOptions,
    Options,
    Rdict,
    ReadOptions,
    WriteBatch,
)

from engine.bookkeeping import Timer
from engine.errors import RejoinderError
from engine.rows import Row
from topics.shapes import Shape, beginning, tag_at
from topics.shelves import Change, Due, Position, Saved, due_of

log = structlog.get_logger()

R = TypeVar("R", bound=Row)

BLOCK_CACHE: Final = 64 * 2**20
WRITE_BUFFER: Final = 32 * 2**20
"""Bytes, for all partitions together; two of them at most are in memory."""

_ROW, _DUE, _POSITION, _UNSAVED, _SNAPSHOT = b"r", b"t", b"p", b"u", b"s"
_SHAPE: Final = b"shape"
_POSITIONS: Final = msgspec.msgpack.Decoder(Position)
_TIMERS: Final = msgspec.msgpack.Decoder(Timer)
_LENGTH: Final = struct.Struct(">H")
_WHEN: Final = struct.Struct(">Q")
_AFTER: Final = b"\xff"
_SWEPT: Final = b"swept"
_AT_ONCE: Final = 5_000
"""How many rows are written together when all are gone through."""


SWEPT_EVERY: Final = 6 * 3_600_000
"""Milliseconds: what was deleted is gone from the files within them. X's terms leave a day for all of it."""
SWEPT_AGAIN: Final = 600_000
"""Milliseconds until another try, where the disk did not take it."""


class StateUnusable(RejoinderError):
    """The folder of the state can't be used."""


class RocksFolder:
    """The database of one worker's processor.

    Args:
        path: its folder; what is above it has to be there.
        kinds: the types of rows. Where they changed since the folder was written, it is emptied: state is derived.
        swept_every: milliseconds, see `sweep`.

    What a killed process had written is there afterwards, because RocksDB's own log is with the system then. A loss of
    power may take the latest of it, rows and position alike.

    Raises:
        StateUnusable: another process has it open, or it is broken.
    """

    def __init__(self, path: str, kinds: Sequence[type[Row]], swept_every: int = SWEPT_EVERY) -> None:
        self._path = path
        self._swept_every = swept_every
        self._sweeper: threading.Thread | None = None
        self.shape = Shape(kinds)
        self.encode, self.tags, self.decoders = self.shape.encode, self.shape.tags, self.shape.decoders
        self.db = self._open()
        if self.db.get(_SHAPE) != self.shape.text:
            self.db.close()
            Rdict.destroy(path, _options())
            self.db = self._open()
            self.db[_SHAPE] = self.shape.text
        swept = self.db.get(_SWEPT)
        self._swept: int | None = None if swept is None else _WHEN.unpack(swept)[0]

    def shelf(self, partition: int) -> "RocksShelf":
        """The shelf of a partition."""
        return RocksShelf(self, partition)

    def sweep(self, now: int, owned: Collection[int]) -> None:
        """Takes what was deleted from the files, when it is time: in a thread of its own, beside the work.

        A deleted row lies in RocksDB's files until what it was overwritten with meets it there, which for a row that
        nobody touches again may be never. The shelves of partitions that others own by now go too: nobody tells them
        what is to be forgotten.

        Args:
            now: milliseconds.
            owned: the partitions that are in use.
        """
        if self._swept is None:
            return self._keep_swept(now)
        if now < self._swept + self._swept_every or (self._sweeper is not None and self._sweeper.is_alive()):
            return
        self._swept = now - self._swept_every + min(SWEPT_AGAIN, self._swept_every)  # unless it succeeds
        for partition in self._partitions() - set(owned):
            self.shelf(partition).clear()
        self._sweeper = threading.Thread(target=self._compact, args=(now,), name="sweep", daemon=True)
        self._sweeper.start()

    def _compact(self, now: int) -> None:
        try:
            self.db.flush()
            self.db.compact_range(None, None, _whole())
        except Exception as error:  # the library raises nothing more special
            log.error("what was deleted is still on the disk", folder=self._path, why=str(error))
        else:
            self._keep_swept(now)

    def _keep_swept(self, now: int) -> None:
        self._swept = now
        self.db[_SWEPT] = _WHEN.pack(now)

    def _partitions(self) -> set[int]:
        """Those that have a shelf with something on it."""
        found, walker = set(), self.db.iter(ReadOptions())
        walker.seek_to_first()
        while walker.valid():
            place = walker.key()
            if place in (_SHAPE, _SWEPT):
                walker.next()
                continue
            (partition,) = _LENGTH.unpack_from(place)
            found.add(partition)
            walker.seek(_LENGTH.pack(partition) + _AFTER)
        return found

    def close(self) -> None:
        """Frees the folder for another process.

        Raises:
            StateUnusable: what was written last can't be kept, after a disk that was full.
        """
        if self._sweeper is not None:
            self._sweeper.join()
        try:
            self.db.close()
        except Exception as error:  # the library raises nothing more special
            raise StateUnusable(_unwritten(error)) from None

    def _open(self) -> Rdict:
        try:
            return Rdict(self._path, _options())
        except Exception as error:  # the library raises nothing more special
            raise StateUnusable(
                f"the state in {self._path} can't be opened ({error}): stop the other worker of this name, if one "
                "runs; else delete the folder, it is built again from the log"
            ) from None


class RocksShelf:
    """One partition's rows, as topics.shelves.Shelf says."""

    def __init__(self, folder: RocksFolder, partition: int) -> None:
        self.shape: Shape | None = folder.shape
        self._folder = folder
        self._db = folder.db
        self._prefix = struct.pack(">H", partition)
        self._rows = self._prefix + _ROW
        self._timers = self._prefix + _DUE
        self._place = self._prefix + _POSITION
        self._unsaved = self._prefix + _UNSAVED
        self._snapshot = self._prefix + _SNAPSHOT

    def load(self, key: str, kind: type[R], row_id: str) -> R | None:
        value = self._db.get(self._key(key) + self._folder.tags[kind] + row_id.encode())
        return None if value is None else self._folder.decoders[self._folder.tags[kind][0]].decode(value)  # type: ignore[return-value]

    def walk(self, key: str, kind: type[R]) -> Iterable[tuple[str, R]]:
        return self._found(self._key(key) + self._folder.tags[kind], len(self._key(key)))  # type: ignore[return-value]

    def all(self, key: str) -> Iterable[tuple[str, Row]]:
        prefix = self._key(key)
        return self._found(prefix, len(prefix))

    def all_keys(self) -> Iterator[str]:
        begin = self._rows
        while True:
            found = next(self._scan(begin, self._rows), None)
            if found is None:
                return
            start = len(self._rows) + _LENGTH.size
            (length,) = _LENGTH.unpack_from(found[0], len(self._rows))
            yield found[0][start : start + length].decode()
            begin = found[0][: start + length] + _AFTER

    def dues(self, after: Due | None, most: int) -> Sequence[Due]:
        begin = self._timers if after is None else self._timer(after) + b"\x00"
        found: list[Due] = []
        for place, _ in self._scan(begin, self._timers):
            at = len(self._timers)
            (due,) = _WHEN.unpack_from(place, at)
            (length,) = _LENGTH.unpack_from(place, at + _WHEN.size)
            key_at = at + _WHEN.size + _LENGTH.size
            found.append((due, place[key_at : key_at + length].decode(), place[key_at + length :].decode()))
            if len(found) == most:
                break
        return found

    def write(self, changes: Iterable[Change], position: Position | None) -> None:
        batch = WriteBatch(raw_mode=True)
        tags, encode = self._folder.tags, self._folder.encode
        begins, key = b"", ""
        for change in changes:
            if change.key != key or not begins:
                begins, key = beginning(change.key), change.key
            place = begins + tags[change.kind] + change.row_id.encode()
            if change.after is None:
                batch.delete(self._rows + place)
            else:
                batch.put(self._rows + place, encode(change.after))
            if not change.kind.has_words:
                batch.put(self._unsaved + place, b"")
            if change.kind is Timer:
                self._move(batch, due_of(change.before, change), due_of(change.after, change))
        if position is not None:
            batch.put(self._place, self._folder.encode(position))
        self._write(batch)

    def _move(self, batch: WriteBatch, old: Due | None, new: Due | None) -> None:
        """A deadline stands a second time, under when it is due, and no longer under when it was."""
        if old is not None and old != new:
            batch.delete(self._timer(old))
        if new is not None and old != new:
            batch.put(self._timer(new), b"")

    def position(self) -> Position | None:
        value = self._db.get(self._place)
        return None if value is None else _POSITIONS.decode(value)

    def clear(self) -> None:
        batch = WriteBatch(raw_mode=True)
        batch.delete_range(self._prefix, self._prefix + _AFTER)
        self._write(batch)

    def unsaved(self, most: int) -> list[Saved]:
        start = len(self._unsaved)
        places = [mark[start:] for mark, _ in islice(self._scan(self._unsaved, self._unsaved), most)]
        return [Saved(place, self._db.get(self._rows + place)) for place in places]

    def save(self, places: Iterable[bytes], snapshot: bytes) -> None:
        batch = WriteBatch(raw_mode=True)
        for place in places:
            batch.delete(self._unsaved + place)
        batch.put(self._snapshot, snapshot)
        self._write(batch)

    def snapshot(self) -> bytes | None:
        found: bytes | None = self._db.get(self._snapshot)
        return found

    def mark_all(self) -> None:
        start, apart = len(self._rows), self._folder.shape.apart
        places = (row[start:] for row, _ in self._scan(self._rows, self._rows))
        wanted = (place for place in places if place[tag_at(place)] not in apart)
        while some := list(islice(wanted, _AT_ONCE)):
            batch = WriteBatch(raw_mode=True)
            for place in some:
                batch.put(self._unsaved + place, b"")
            self._write(batch)

    def fill(self, rows: Sequence[Saved]) -> None:
        batch, timers = WriteBatch(raw_mode=True), self._folder.tags[Timer]
        for place, value in dict(rows).items():
            row = self._rows + place
            if place[tag_at(place)] == timers[0]:
                self._move(batch, self._due(place, self._db.get(row)), self._due(place, value))
            if value is None:
                batch.delete(row)
            else:
                batch.put(row, value)
        self._write(batch)

    def _due(self, place: bytes, value: bytes | None) -> Due | None:
        """When the deadline of a snapshot's place and bytes is due."""
        if value is None:
            return None
        key, _, row_id = self._folder.shape.split(place)
        return _TIMERS.decode(value).due, key, row_id

    def _write(self, batch: WriteBatch) -> None:
        try:
            self._db.write(batch)
        except Exception as error:  # the library raises nothing more special
            raise StateUnusable(_unwritten(error)) from None

    def _key(self, key: str) -> bytes:
        return self._rows + beginning(key)

    def _timer(self, due: Due) -> bytes:
        when, key, row_id = due
        encoded = key.encode()
        return self._timers + _WHEN.pack(when) + _LENGTH.pack(len(encoded)) + encoded + row_id.encode()

    def _found(self, prefix: bytes, tag_at: int) -> Iterator[tuple[str, Row]]:
        decoders = self._folder.decoders
        for place, value in self._scan(prefix, prefix):
            yield place[tag_at + 1 :].decode(), decoders[place[tag_at]].decode(value)

    def _scan(self, begin: bytes, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """What stands under a prefix, from `begin` on, in order."""
        options = ReadOptions()
        options.set_iterate_upper_bound(prefix + _AFTER * 9)
        walker = self._db.iter(options)
        walker.seek(begin)
        while walker.valid():
            place = walker.key()
            if not place.startswith(prefix):
                return
            yield place, walker.value()
            walker.next()


def _whole() -> CompactOptions:
    """A compaction that leaves no file as it is, beside those that RocksDB makes by itself."""
    options = CompactOptions()
    options.set_exclusive_manual_compaction(False)
    options.set_bottommost_level_compaction(BottommostLevelCompaction.force())
    return options


def _unwritten(error: Exception) -> str:
    """What to do where the disk doesn't take the state."""
    return f"the state can't be written ({error}): see to the disk, and start again"


def _options() -> Options:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(WRITE_BUFFER)
    options.set_max_write_buffer_number(2)
    blocks = BlockBasedOptions()
    blocks.set_block_cache(Cache(BLOCK_CACHE))
    # In pieces, and cached like data: a whole file's filter is larger than a part of the cache, was read again for
    # every look-up, and made one that takes a microsecond take three hundred.
    blocks.set_index_type(BlockBasedIndexType.two_level_index_search())
    blocks.set_partition_filters(True)
    blocks.set_cache_index_and_filter_blocks(True)
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(True)
    blocks.set_bloom_filter(10, False)  # bits a key: most look-ups are of what is new
    options.set_block_based_table_factory(blocks)
    return options
