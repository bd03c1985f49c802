"""Building projections again from the log, beside those that are shown, and which version is shown."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import psycopg

from projections import builds, offsets
from projections.builds import Build, Version
from projections.code import code_of
from projections.comparing import Comparison, compare
from projections.errors import NoSuchVersion, OffsetConflict, ProjectionError, ShapeChanged
from projections.filling import Fill, Tell, explained, farthest_of, replay, unread
from projections.log import Settings, ends_of, extent
from projections.projection import Projection
from projections.projector import connect
from projections.records import Codec, Place
from projections.tables import shape
from projections.watching import UNWATCHED, Beginning, Watcher
from projections.writer import Ends

_ROUNDS: Final = 5
"""How often at most the log is followed before the projector has to wait for what is left."""
_LITTLE: Final = 2_000
"""Records for which it may wait."""
_CONFLICT_PAUSES: Final = (1.0, 2.0, 5.0)
"""Seconds. The processes of a rebuild that was killed may live a moment longer than it."""
_PATIENCE: Final = 400
"""Milliseconds for which queries may hold the views until the switch gives way: see `builds.switch`."""
_GIVES_WAY: Final = 150
"""How often; with the pauses between, some minutes."""
_PAUSE_SECONDS: Final = 0.5


@dataclass(frozen=True)
class Rebuilt:
    """What came of a rebuild."""

    builds: Sequence[Build]
    compared: Sequence[Comparison]
    """With the versions that were shown, where there were any."""
    switched: bool
    """Whether the views show the builds now; else they stand beside as candidates."""


@dataclass(frozen=True)
class _Work:
    """The versions that are built, and those that are shown meanwhile."""

    held: psycopg.Connection[Any]
    """Keeps other rebuilds away as long as it is open."""
    builds: Sequence[Build]
    shown: Mapping[str, int | None]
    fill: Fill
    settings: Settings
    watcher: Watcher
    limits: Mapping[Place, int] | None = None
    """Where the log ends, if the versions that are shown have read more than it holds."""


def rebuild(projection: Projection, codec: Codec, settings: Settings, *, accept: bool = False) -> Rebuilt:
    """As `rebuild_all`, one projection in this process."""
    return rebuild_all([projection], in_this_process(codec), settings, accept=accept)


def in_this_process(codec: Codec) -> Fill:
    def fill(builds: Sequence[Build], settings: Settings, until: Ends, tell: Tell) -> None:
        with connect(settings.dsn) as connection:
            replay(builds, connection, codec, settings, until, tell)

    return fill


def rebuild_all(
    projections: Sequence[Projection],
    fill: Fill,
    settings: Settings,
    *,
    accept: bool = False,
    fresh: bool = False,
    watcher: Watcher = UNWATCHED,
) -> Rebuilt:
    """Builds the next versions, holds them against the current ones at the same offsets, and switches all views.

    A projector that runs meanwhile goes on with the old versions, and with the new ones after the switch. What ends on
    the way leaves versions that nothing shows; the next rebuild by the same code goes on with them.

    Args:
        fill: `in_this_process`, or projections.workers.Workers; the log is read once for all of them.
        accept: switch also where they differ. Else none is switched if one differs. And build also where those that
            are shown have read more than the log holds, because it is another one or was cut: then nothing is compared.
        fresh: begin anew, whatever an earlier rebuild left.

    Raises:
        ProjectionError: the log can't be read or folded, or the tables not be written; the views show the old versions.
    """
    with _holding(projections, settings) as held:
        begun = [_begin(held, projection, fresh, watcher) for projection in projections]
        work = _limited(_work(held, begun, fill, settings, watcher), accept)
        watcher.enters("filling")
        _catch_up(work)
        watcher.enters("indexing")
        for build in begun:
            builds.finish(held, build)
        compared = _compare(work) if work.limits is None else []
        if not accept and not all(each.agrees for each in compared):
            return Rebuilt(begun, compared, switched=False)
        _switch(work)
        for build in begun:
            _drop_others(held, build)
        return Rebuilt(begun, compared, switched=True)


def compare_beside(projection: Projection, fill: Fill, settings: Settings, watcher: Watcher = UNWATCHED) -> Comparison:
    """Brings the version that stands beside the current one up to its offsets, and holds the two against each other.

    It is the candidate that a rebuild left, or else the version before.

    Raises:
        NoSuchVersion: none stands beside, or none is shown.
        ShapeChanged: it was made by other code.
        ProjectionError: as in `rebuild_all`.
    """
    with _holding([projection], settings) as held:
        beside = builds.candidate(held, projection.name) or builds.previous_version(held, projection.name)
        is_shown = builds.current_version(held, projection.name) is not None
        missing = f"No version of {projection.name} stands beside the current one."
        build = _usable(projection, beside if is_shown else None, "compare", missing)
        work = _limited(_work(held, [build], fill, settings, watcher))
        watcher.enters("filling")
        _catch_up(work)
        (compared,) = _compare(work)
        return compared


def switch_to_candidate(projection: Projection, fill: Fill, settings: Settings, watcher: Watcher = UNWATCHED) -> Build:
    """Brings the candidate up to the offsets of the current version, and points the views at it, whatever differs.

    Raises:
        NoSuchVersion: there is no candidate.
        ShapeChanged, ProjectionError: as in `compare_beside`.
    """
    with _holding([projection], settings) as held:
        missing = f"There is no candidate of {projection.name}: `rejoinder projections rebuild` makes one."
        build = _usable(projection, builds.candidate(held, projection.name), "switch", missing)
        _show(held, build, fill, settings, watcher)
        _drop_others(held, build)
        return build


def roll_back(projection: Projection, fill: Fill, settings: Settings, watcher: Watcher = UNWATCHED) -> Build:
    """Brings the version before up to the offsets of the current one, and points the views at it again.

    Raises:
        NoSuchVersion: it is not kept.
        ShapeChanged, ProjectionError: as in `compare_beside`.
    """
    with _holding([projection], settings) as held:
        missing = f"There is no version of {projection.name} before the current one."
        build = _usable(projection, builds.previous_version(held, projection.name), "rollback", missing)
        _show(held, build, fill, settings, watcher)
        return build


def drop_version(projection: Projection, version: int, settings: Settings) -> None:
    """Removes a version that the views don't show.

    Raises:
        NoSuchVersion, ShownVersion, RebuildRuns: as they say.
    """
    with _holding([projection], settings) as held:
        builds.drop_beside(held, projection.name, version)


@contextmanager
def _holding(projections: Sequence[Projection], settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """A connection that keeps other rebuilds away."""
    with explained(settings), connect(settings.dsn) as held:
        builds.install(held)
        for projection in projections:
            builds.hold(held, projection.name)
        yield held


def _work(
    held: psycopg.Connection[Any], begun: Sequence[Build], fill: Fill, settings: Settings, watcher: Watcher
) -> _Work:
    # In the order of the names, as the writers lock offsets.
    begun = sorted(begun, key=lambda build: build.projection.name)
    shown = {build.projection.name: builds.current_version(held, build.projection.name) for build in begun}
    return _Work(held, begun, shown, fill, settings, watcher)


def _begin(held: psycopg.Connection[Any], projection: Projection, fresh: bool, watcher: Watcher) -> Build:
    """The version that is built: the one that an earlier rebuild by the same code left, or a new one."""
    name = projection.name
    left = builds.candidate(held, name)
    if left is not None and left.code == code_of(projection) and not fresh:
        watcher.begins(name, left.version, "resumed")
        return Build(projection, left.version)
    how: Beginning = "new" if left is None else "anew"
    for version in builds.versions(held, name):
        if version.role in ("candidate", "unfinished"):
            builds.drop(held, name, version.version)
    build = builds.create(held, projection, unfinished=True)
    watcher.begins(name, build.version, how)
    return build


def _usable(projection: Projection, found: Version | None, command: str, missing: str) -> Build:
    """The version that was found, if it is finished and this code may write into its tables.

    missing: what is said if none was found.
    """
    if found is None:
        raise NoSuchVersion(missing)
    if found.role == "unfinished":
        raise NoSuchVersion(
            f"Version {found.version} of {found.projection} is not finished: `rejoinder projections rebuild "
            f"{found.projection}` goes on with it."
        )
    if found.shape != shape(projection.tables):
        raise ShapeChanged(
            f"Version {found.version} of {found.projection} was made by release {found.release or 'unknown'}, whose "
            f"tables are declared otherwise than by this code: it has to be brought up to date by that release, with "
            f"`rejoinder projections {command} {found.projection}`."
        )
    return Build(projection, found.version)


def _show(held: psycopg.Connection[Any], build: Build, fill: Fill, settings: Settings, watcher: Watcher) -> None:
    watcher.enters("filling")
    _switch(_limited(_work(held, [build], fill, settings, watcher)))


def _catch_up(work: _Work) -> None:
    """Fills the builds up to where those stand that are shown, again while these went far: not for ever."""
    for _ in range(_ROUNDS):
        ends = _ends(work)
        left = unread(work.held, work.builds, ends)
        _fill(work, ends)
        if left <= _LITTLE:
            return


def _fill(work: _Work, until: Ends) -> None:
    """Fills the builds up to their ends, and tells how far they are."""
    whole = sum(farthest_of(until).values())
    for pause in (*_CONFLICT_PAUSES, None):
        done = _Done(work.watcher, whole, unread(work.held, work.builds, until))
        if not done.left:
            return
        try:
            work.fill(work.builds, work.settings, until, done.tell)
            return
        except OffsetConflict:
            if pause is None:
                raise
            time.sleep(pause)


class _Done:
    """How far a fill is."""

    def __init__(self, watcher: Watcher, whole: int, left: int) -> None:
        self._watcher, self._whole, self.left = watcher, whole, left
        self.tell(0)

    def tell(self, more: int) -> None:
        self.left -= more
        self._watcher.filled(self._whole - self.left, self._whole)


def _ends(work: _Work) -> dict[str, dict[Place, int]]:
    """Where the versions stand that are shown, all at one moment."""
    with work.held.transaction():
        work.held.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return {
            name: {} if version is None else _within(work, offsets.positions(work.held, name, version))
            for name, version in work.shown.items()
        }


def _fill_the_rest(work: _Work) -> None:
    """Fills the builds up to where those stand that are shown, and holds these there until the transaction's end.

    A projector waits with its batch meanwhile; queries don't.
    """
    until = {
        name: {} if version is None else _within(work, offsets.lock(work.held, name, version))
        for name, version in work.shown.items()
    }
    _fill(work, until)


def _limited(work: _Work, accept: bool = False) -> _Work:
    """Looks whether the log has all that the versions which are shown have read; else a rebuild would wait for it."""
    reached = farthest_of(_ends(work))
    log_ends = ends_of(work.settings, reached)
    beyond = {place: log_ends[place] for place, after in reached.items() if after > log_ends[place]}
    if not beyond:
        return work
    if not accept:
        raise ProjectionError(
            f"The versions that are shown have read more than the log holds, which goes up to {extent(beyond)}: it is "
            f"another log, or records were lost. What is built from it can't be compared with them; to show it all the "
            f"same: rejoinder projections rebuild --accept-differences"
        )
    return replace(work, limits=log_ends)


def _within(work: _Work, positions: Mapping[Place, int]) -> dict[Place, int]:
    """These offsets, but none after the log's end."""
    limits = work.limits
    return {place: after if limits is None else min(after, limits[place]) for place, after in positions.items()}


def _compare(work: _Work) -> list[Comparison]:
    """Holds the builds against those that are shown, at the same offsets; the projector goes on meanwhile."""
    with connect(work.settings.dsn) as snapshot, snapshot.transaction():
        snapshot.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        with work.held.transaction():
            _fill_the_rest(work)
            _take(snapshot, work)
        work.watcher.enters("comparing")
        return [
            compare(snapshot, build.projection, version, build.version)
            for build in work.builds
            if (version := work.shown[build.projection.name]) is not None
        ]


def _take(snapshot: psycopg.Connection[Any], work: _Work) -> None:
    """The first query of its transaction: from now on it sees what is there now, and that has to be at one vector."""
    for build in work.builds:
        name, version = build.projection.name, work.shown[build.projection.name]
        if version is None:
            continue
        old, new = (_positions(snapshot, name, each) for each in (version, build.version))
        if old != new:
            raise ProjectionError(
                f"Version {build.version} of {name} is not at the offsets of version {version}: a projector has just "
                f"begun with that, or is still to do what the other one has done. Start it again when it has."
            )


def _positions(connection: psycopg.Connection[Any], name: str, version: int) -> dict[Place, int]:
    """The next offset of each partition of which something is read."""
    return {place: after for place, after in offsets.positions(connection, name, version).items() if after}


def _switch(work: _Work) -> None:
    """Points the views at the builds, at the offsets of those that were shown until then: queries see no gap.

    Queries that hold the views are given way, a limited number of times.
    """
    for _ in range(_GIVES_WAY):
        _catch_up(work)
        work.watcher.enters("switching")
        try:
            with work.held.transaction():
                _fill_the_rest(work)
                builds.switch(work.held, work.builds, patience=_PATIENCE)
            return
        except (psycopg.errors.QueryCanceled, psycopg.errors.DeadlockDetected):
            time.sleep(_PAUSE_SECONDS)
    names = ", ".join(build.projection.name for build in work.builds)
    raise ProjectionError(
        f"The views of {names} could not be switched: queries or open transactions hold them all the time (see "
        f"pg_stat_activity). The new version stands beside; when they have ended: rejoinder projections rebuild {names}"
    )


def _drop_others(held: psycopg.Connection[Any], build: Build) -> None:
    """Keeps the version that is shown and the one before it."""
    name = build.projection.name
    before = builds.previous_version(held, name)
    for version in builds.versions(held, name):
        if not version.is_shown and version != before:
            builds.drop(held, name, version.version)
