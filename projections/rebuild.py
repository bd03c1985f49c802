"""Building projections again from the log, beside those that are shown."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import psycopg

from projections import offsets
from projections.builds import Build, create, current_version, drop, drop_unfinished, finish, install, switch
from projections.errors import DatabaseUnreachable, ProjectionError
from projections.log import Batch, LogReader, Settings
from projections.projection import Projection
from projections.projector import address, connect, first_line, refusal
from projections.records import Codec, Place
from projections.writer import Writer

_WAIT_SECONDS: Final = 0.5

Replay = Callable[[Sequence[Build], Settings, Mapping[Place, int]], None]
"""Fills builds from the log up to a vector of offsets."""


class Stop(Protocol):
    """Says whether to end early: an Event, mostly."""

    def is_set(self) -> bool: ...


def rebuild(projection: Projection, codec: Codec, settings: Settings, *, keep_old: bool = False) -> Build:
    """As `rebuild_all`, one projection in this process."""

    def here(builds: Sequence[Build], settings: Settings, until: Mapping[Place, int]) -> None:
        with connect(settings.dsn) as connection:
            replay(builds, connection, codec, settings, until)

    return rebuild_all([projection], here, settings, keep_old=keep_old)[0]


def rebuild_all(
    projections: Sequence[Projection], fill: Replay, settings: Settings, *, keep_old: bool = False
) -> list[Build]:
    """Builds the next versions up to where the current ones stand, then switches all views at once.

    A projector that runs meanwhile goes on with the old versions, and with the new ones after the switch. What dies
    on the way leaves versions that nothing shows; the next rebuild removes them.

    Args:
        fill: `replay`, or projections.workers.Workers for several processes; the log is read once for all of them.
        keep_old: leave the old versions' tables, to compare them (projections.builds.differences).

    Raises:
        ProjectionError: the log can't be read or the tables can't be written; the views show the old versions still.
    """
    with connect(settings.dsn) as connection:
        install(connection)
        for projection in projections:
            drop_unfinished(connection, projection.name)
        old = {projection.name: current_version(connection, projection.name) for projection in projections}
        until = _ends(connection, old)
        builds: list[Build] = []
        try:
            builds += [create(connection, projection, unfinished=True) for projection in projections]
            fill(builds, settings, until)
            for build in builds:
                finish(connection, build)
            with connection.transaction():
                for build in builds:
                    switch(connection, build)
        except BaseException:
            if not connection.closed:
                for build in builds:
                    drop(connection, build.projection.name, build.version)
            raise
        for name, version in old.items():
            if version is not None and not keep_old:
                drop(connection, name, version)
        return builds


def replay(
    builds: Sequence[Build],
    connection: psycopg.Connection[Any],
    codec: Codec,
    settings: Settings,
    until: Mapping[Place, int],
    stop: Stop | None = None,
) -> None:
    """Folds the log from the builds' own offsets up to a vector of offsets, without a consumer group.

    Raises:
        ProjectionError: `stop` was set before the end, or as in `rebuild_all`.
    """
    writer = Writer(connection, builds)
    start = writer.claim(until)
    left = {place for place, end in until.items() if start[place] < end}
    if not left:
        return
    reader = LogReader(settings, codec)
    try:
        reader.assign({place: start[place] for place in left})
        while left:
            if stop is not None and stop.is_set():
                names = ", ".join(build.schema for build in builds)
                raise ProjectionError(f"Building {names} from the log was stopped before its end.")
            batch = _cut(reader.poll(_WAIT_SECONDS), until)
            _write(writer, batch, settings)
            left -= {place for place, after in batch.upto.items() if after >= until[place]}
    finally:
        reader.close()


def _ends(connection: psycopg.Connection[Any], versions: Mapping[str, int | None]) -> dict[Place, int]:
    """How far these versions are at one moment; where one of them is further than another, that."""
    ends: dict[Place, int] = {}
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        for name, version in versions.items():
            known = {} if version is None else offsets.positions(connection, name, version)
            ends |= {place: max(offset, ends.get(place, 0)) for place, offset in known.items()}
    return ends


def _write(writer: Writer, batch: Batch, settings: Settings) -> None:
    """Writes a batch. The texts of PostgreSQL's errors stay here: they may hold people's words."""
    try:
        writer.write(batch.records, batch.upto)
    except psycopg.OperationalError as error:
        raise DatabaseUnreachable(
            f"PostgreSQL at {address(settings.dsn)} failed: {first_line(error)}. The views show what they showed; "
            f"mend it and start the rebuild again."
        ) from error
    except psycopg.Error as error:
        raise ProjectionError(refusal(error, batch)) from None


def _cut(batch: Batch, until: Mapping[Place, int]) -> Batch:
    """What lies before the end of each partition."""
    return Batch(
        [logged for logged in batch.records if logged.offset < until[(logged.topic, logged.partition)]],
        {place: min(after, until[place]) for place, after in batch.upto.items()},
    )
