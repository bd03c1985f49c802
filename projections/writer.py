"""Folds a batch into several projections in one transaction, with the offsets that it reflects."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg

from engine.errors import place_of
from projections import offsets
from projections.builds import Build, all_shown
from projections.errors import FoldFailed, OffsetConflict, ProjectionError
from projections.observing import Written
from projections.records import Logged, Place
from projections.tables import Store, create_stage

Ends = Mapping[str, Mapping[Place, int]]
"""By projection: the offset at which each partition ends for it."""


class Writer:
    """The builds of several projections on one connection, and how far each has read.

    Every projection has offsets of its own, so that one can be built again while the others stand where they are:
    a record that one of them has folded already is left out for it, and so is what lies beyond its end, `until`.
    `shown`: these are the versions that the views show, and none of them is written any more once that has ended.
    """

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        builds: Sequence[Build],
        *,
        until: Ends | None = None,
        shown: bool = False,
    ) -> None:
        self._connection = connection
        # In the order in which all lock offsets, so that nobody waits for another in a circle.
        self._builds = sorted(builds, key=lambda build: build.projection.name)
        self._until = until
        self._shown = shown
        self._next: dict[str, dict[Place, int]] = {build.projection.name: {} for build in builds}
        for build in builds:
            for table in build.projection.tables:
                create_stage(connection, build.schema, table)
        # A session's plans are kept, and those made while tables were empty read them from end to end, more of it with
        # each batch. All that a writer asks for, it asks for by key.
        connection.execute("SET enable_seqscan = off")
        connection.commit()

    @property
    def topics(self) -> list[str]:
        return sorted({topic for build in self._builds for topic in build.projection.topics})

    def claim(self, places: Iterable[Place]) -> dict[Place, int]:
        """Takes on these partitions and no others; gives the offset from which each has to be read."""
        wanted = list(places)
        for build in self._builds:
            name, own = build.projection.name, [place for place in wanted if self._reads(build, place)]
            with self._connection.transaction():
                offsets.claim(self._connection, name, build.version, own)
                known = offsets.positions(self._connection, name, build.version)
            self._next[name] = {place: known[place] for place in own}
        return {place: min(own[place] for own in self._next.values() if place in own) for place in wanted}

    def release(self) -> None:
        """Takes on no partition: what a batch holds of them is passed over."""
        for own in self._next.values():
            own.clear()

    @property
    def positions(self) -> Mapping[str, Mapping[Place, int]]:
        """For each projection, the offset that comes next of each partition."""
        return self._next

    @property
    def unfinished(self) -> set[Place]:
        """The partitions whose end some projection has not reached."""
        ends = self._until or {}
        return {place for name, own in self._next.items() for place in own if own[place] < ends[name][place]}

    def write(self, batch: Sequence[Logged], upto: Mapping[Place, int]) -> Written:
        """Folds a batch, and moves the offsets to `upto`: after it, markers of transactions included.

        Raises:
            OffsetConflict: another projector was faster, or the views show another version; nothing was written.
            FoldFailed: the code of a projection raised; the message says where and on which record.
            psycopg.Error: nothing was written either, except where the connection broke during the commit: the
                offsets in the database say.
        """
        moves = {build.projection.name: self._moves(build, upto) for build in self._builds}
        begun = time.perf_counter()
        try:
            rows, folded = self._write(batch, moves)
        except _Raised as raised:
            first = self._first_to_raise(raised)
            raise FoldFailed(
                f"{raised.build.projection.name} could not fold {first}: {raised.fault}. Nothing of its batch was "
                f"written, and nothing is skipped: mend the code, and start it again."
            ) from None
        for name, moved in moves.items():
            self._next[name].update({place: after for place, (_, after) in moved.items()})
        return Written(rows, folded - begun, time.perf_counter() - folded)

    def _write(
        self, batch: Sequence[Logged], moves: Mapping[str, Mapping[Place, tuple[int, int]]]
    ) -> tuple[dict[str, int], float]:
        """The rows that were handed over, by projection, and when all was folded."""
        rows: dict[str, int] = {}
        with self._connection.transaction(), self._connection.cursor() as cursor:
            for build in self._builds:
                offsets.advance(cursor, build.projection.name, build.version, moves[build.projection.name])
            if self._shown and not all_shown(self._connection, self._builds):
                raise OffsetConflict("The views show another version by now: the batch was rolled back.")
            for build in self._builds:
                unseen = [logged for logged in batch if self._is_new(build, logged)]
                if unseen:
                    store = Store(cursor, build.schema)
                    _fold(build, store, unseen)
                    rows[build.projection.name] = store.rows
            folded = time.perf_counter()
        return rows, folded

    def _first_to_raise(self, raised: "_Raised") -> str:
        """The position of the first record with which the fold raises; of all of them if it does not do so again."""
        records = raised.records
        fine, bad = 0, len(records)
        if not self._raises(raised.build, records):
            return f"a batch from {records[0].position} to {records[-1].position}"
        while bad - fine > 1:
            middle = (fine + bad) // 2
            if self._raises(raised.build, records[:middle]):
                bad = middle
            else:
                fine = middle
        return records[bad - 1].position

    def _raises(self, build: Build, records: Sequence[Logged]) -> bool:
        """Tries a fold, and takes back what it wrote."""
        try:
            with self._connection.transaction(), self._connection.cursor() as cursor:
                _fold(build, Store(cursor, build.schema), records)
                raise _TakenBack
        except _Raised:
            return True
        except _TakenBack:
            return False

    def _is_new(self, build: Build, logged: Logged) -> bool:
        place = (logged.topic, logged.partition)
        position = self._next[build.projection.name].get(place)
        return position is not None and position <= logged.offset < self._end(build, place, logged.offset + 1)

    def _moves(self, build: Build, upto: Mapping[Place, int]) -> dict[Place, tuple[int, int]]:
        position = self._next[build.projection.name]
        ends = {place: self._end(build, place, after) for place, after in upto.items() if place in position}
        return {place: (position[place], after) for place, after in ends.items() if after > position[place]}

    def _end(self, build: Build, place: Place, after: int) -> int:
        """The offset up to which it is read, of a batch that goes up to `after`."""
        return after if self._until is None else min(after, self._until[build.projection.name][place])

    def _reads(self, build: Build, place: Place) -> bool:
        if self._until is not None:
            return place in self._until.get(build.projection.name, {})
        return place[0] in build.projection.topics


class _Raised(Exception):
    """A fold raised. What it said may hold people's words, so only its kind and place are kept."""

    def __init__(self, build: Build, records: Sequence[Logged], fault: str) -> None:
        super().__init__(fault)
        self.build, self.records, self.fault = build, records, fault


class _TakenBack(Exception):
    """Ends a transaction that must leave nothing."""


def _fold(build: Build, store: Store, records: Sequence[Logged]) -> None:
    try:
        build.projection.fold(store, records)
    except (psycopg.Error, ProjectionError):
        raise
    except Exception as error:
        raise _Raised(build, records, place_of(error)) from None
