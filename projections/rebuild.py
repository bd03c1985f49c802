"""Building a projection again from the log, beside the one that is shown."""

import threading
from collections.abc import Mapping
from typing import Any, Final

import psycopg

from projections import offsets
from projections.builds import Build, create, current_version, drop, install, switch
from projections.errors import ProjectionError
from projections.log import Batch, LogReader, Settings
from projections.projection import Projection
from projections.projector import connect
from projections.records import Codec, Place
from projections.writer import Writer

_WAIT_SECONDS: Final = 0.5


def rebuild(projection: Projection, codec: Codec, settings: Settings, *, keep_old: bool = False) -> Build:
    """Builds the next version up to where the current one stands, then switches the views.

    A projector that runs meanwhile goes on with the old version, and with the new one after the switch.

    Args:
        keep_old: leave the old version's tables, to compare them (projections.builds.differences).

    Raises:
        ProjectionError: the log can't be read or the tables can't be written; the views show the old version still.
    """
    with connect(settings.dsn) as connection:
        install(connection)
        old = current_version(connection, projection.name)
        until = offsets.positions(connection, projection.name, old) if old is not None else {}
        build = create(connection, projection)
        try:
            replay(build, connection, codec, settings, until)
        except BaseException:
            if not connection.closed:
                drop(connection, projection.name, build.version)
            raise
        switch(connection, build)
        if old is not None and not keep_old:
            drop(connection, projection.name, old)
        return build


def replay(
    build: Build,
    connection: psycopg.Connection[Any],
    codec: Codec,
    settings: Settings,
    until: Mapping[Place, int],
    stop: threading.Event | None = None,
) -> None:
    """Folds the log from the build's own offsets up to a vector of offsets, without a consumer group.

    Raises:
        ProjectionError: `stop` was set before the end.
    """
    writer = Writer(connection, [build])
    start = writer.claim(until)
    left = {place for place, end in until.items() if start[place] < end}
    if not left:
        return
    reader = LogReader(settings, codec)
    try:
        reader.assign({place: start[place] for place in left})
        while left:
            if stop is not None and stop.is_set():
                raise ProjectionError(f"Building {build.schema} again was stopped before its end.")
            batch = _cut(reader.poll(_WAIT_SECONDS), until)
            writer.write(batch.records, batch.upto)
            left -= {place for place, after in batch.upto.items() if after >= until[place]}
    finally:
        reader.close()


def _cut(batch: Batch, until: Mapping[Place, int]) -> Batch:
    """What lies before the end of each partition."""
    return Batch(
        [logged for logged in batch.records if logged.offset < until[(logged.topic, logged.partition)]],
        {place: min(after, until[place]) for place, after in batch.upto.items()},
    )
