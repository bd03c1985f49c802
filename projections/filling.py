"""Filling versions of projections from the log, beside those that are shown, up to an end for each partition."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol

import psycopg

from projections import offsets
from projections.builds import Build
from projections.errors import DatabaseUnreachable, ProjectionError
from projections.log import Batch, LogReader, Settings, extent
from projections.projector import address, first_line, refusal
from projections.records import Codec, Place
from projections.writer import Ends, Writer

_WAIT_SECONDS: Final = 0.5
_STAYS: Final = "The views show what they showed, and what is filled stays: mend it, and start the same again."

Tell = Callable[[int], None]
"""Is told of so many records more that are folded."""


class Fill(Protocol):
    """Fills builds from the log, each from its own offsets up to its own ends: `replay`, or several processes."""

    def __call__(self, builds: Sequence[Build], settings: Settings, until: Ends, tell: Tell) -> None: ...


class Stop(Protocol):
    """Says whether to end early: an Event, mostly."""

    def is_set(self) -> bool: ...


def replay(
    builds: Sequence[Build],
    connection: psycopg.Connection[Any],
    codec: Codec,
    settings: Settings,
    until: Ends,
    tell: Tell,
    stop: Stop | None = None,
) -> None:
    """Folds the log from the builds' own offsets up to their ends, without a consumer group.

    Raises:
        ProjectionError: `stop` was set before the end, the log can't be read or folded, or the tables not written.
            What was written stays, with its offsets: called again, it goes on from there.
    """
    writer = Writer(connection, builds, until=until)
    farthest = farthest_of(until)
    reached = writer.claim(farthest)
    if not writer.unfinished:
        return
    reader = LogReader(settings, codec)
    try:
        reader.assign({place: reached[place] for place in writer.unfinished})
        while writer.unfinished:
            if stop is not None and stop.is_set():
                names = ", ".join(build.schema for build in builds)
                raise ProjectionError(f"Building {names} from the log was stopped before its end.")
            batch = reader.poll(_WAIT_SECONDS)
            if batch.upto:
                _write(writer, batch, settings)
                tell(_advance(reached, {place: min(after, farthest[place]) for place, after in batch.upto.items()}))
    finally:
        reader.close()


def farthest_of(until: Ends) -> dict[Place, int]:
    """For each partition the end of that projection which reads it farthest."""
    farthest: dict[Place, int] = {}
    for ends in until.values():
        farthest |= {place: max(end, farthest.get(place, 0)) for place, end in ends.items()}
    return farthest


def unread(connection: psycopg.Connection[Any], builds: Sequence[Build], until: Ends) -> int:
    """How many records lie before the ends that some build has not folded; marks of transactions count too."""
    nearest: dict[Place, int] = {}
    for build in builds:
        known = offsets.positions(connection, build.projection.name, build.version)
        for place in until[build.projection.name]:
            nearest[place] = min(known.get(place, 0), nearest.get(place, known.get(place, 0)))
    return sum(max(0, end - nearest[place]) for place, end in farthest_of(until).items())


@contextmanager
def explained(settings: Settings) -> Iterator[None]:
    """Says in a sentence what PostgreSQL refuses or can't do. Not for statements that write rows: see `_write`."""
    try:
        yield
    except psycopg.Error as error:
        detail = (error.diag.message_detail or "").partition("\n")[0]  # what stands in the way, by its name
        said = f"PostgreSQL at {address(settings.dsn)} failed: {' '.join(filter(None, (first_line(error), detail)))}."
        kind = DatabaseUnreachable if isinstance(error, psycopg.OperationalError) else ProjectionError
        raise kind(f"{said} {_STAYS}") from None


def _advance(reached: dict[Place, int], upto: Mapping[Place, int]) -> int:
    """Notes how far a batch goes; gives how many records it is."""
    count = sum(max(0, after - reached[place]) for place, after in upto.items())
    reached.update(upto)
    return count


def _write(writer: Writer, batch: Batch, settings: Settings) -> None:
    """Writes a batch. The texts of PostgreSQL's errors stay here where they may hold people's words."""
    try:
        writer.write(batch.records, batch.upto)
    except (psycopg.OperationalError, psycopg.InternalError) as error:  # its own state, as of disk and connection
        raise DatabaseUnreachable(
            f"PostgreSQL at {address(settings.dsn)} failed on records of {extent(batch.upto)}: {first_line(error)}. "
            f"{_STAYS}"
        ) from None
    except psycopg.Error as error:
        raise ProjectionError(refusal(error, batch)) from None
