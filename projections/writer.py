"""Folds a batch into several projections in one transaction, with the offsets that it reflects."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg

from projections import offsets
from projections.builds import Build
from projections.observing import Written
from projections.records import Logged, Place
from projections.tables import Store, create_stage


class Writer:
    """The builds of several projections on one connection, and how far each has read.

    Every projection has offsets of its own, so that one can be built again while the others stand where they are:
    a record that one of them has folded already is left out for it.
    """

    def __init__(self, connection: psycopg.Connection[Any], builds: Sequence[Build]) -> None:
        self._connection = connection
        self._builds = builds
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
            name, own = build.projection.name, [p for p in wanted if p[0] in build.projection.topics]
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

    def write(self, batch: Sequence[Logged], upto: Mapping[Place, int]) -> Written:
        """Folds a batch, and moves the offsets to `upto`: after it, markers of transactions included.

        Raises:
            OffsetConflict: another projector was faster; nothing was written.
            psycopg.Error: nothing was written either, except where the connection broke during the commit: the
                offsets in the database say.
        """
        moves = {build.projection.name: self._moves(build, upto) for build in self._builds}
        begun, rows = time.perf_counter(), {}
        with self._connection.transaction(), self._connection.cursor() as cursor:
            for build in self._builds:
                offsets.advance(cursor, build.projection.name, build.version, moves[build.projection.name])
            for build in self._builds:
                unseen = [logged for logged in batch if self._is_new(build, logged)]
                if unseen:
                    store = Store(cursor, build.schema)
                    build.projection.fold(store, unseen)
                    rows[build.projection.name] = store.rows
            folded = time.perf_counter()
        for name, moved in moves.items():
            self._next[name].update({place: after for place, (_, after) in moved.items()})
        return Written(rows, folded - begun, time.perf_counter() - folded)

    def _is_new(self, build: Build, logged: Logged) -> bool:
        position = self._next[build.projection.name].get((logged.topic, logged.partition))
        return position is not None and logged.offset >= position

    def _moves(self, build: Build, upto: Mapping[Place, int]) -> dict[Place, tuple[int, int]]:
        position = self._next[build.projection.name]
        return {
            place: (position[place], after)
            for place, after in upto.items()
            if place in position and after > position[place]
        }
