"""All projections from a large log, and each of them again beside the old while traffic arrives and somebody reads."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import psycopg

from bench.measure import Measure
from bench.processes import program, wait_for
from bench.progress import say
from bench.shows.claims import Claim, equal
from bench.shows.log import Made
from bench.shows.reader import Reader, Seen
from bench.shows.threads import beside
from projections.builds import Build, current_version
from projections.catalogue import PROJECTIONS
from projections.comparing import Comparison
from projections.filling import unread
from projections.log import Settings, ends_of
from projections.projection import Projection
from projections.projector import connect
from projections.rebuild import rebuild_all
from projections.records import Place
from projections.watching import Beginning, Stage
from projections.workers import Workers
from rejoinder.cluster import connect as connect_cluster
from rejoinder.settings import load
from schemas.codec import Codec

PATIENCE: Final = 6 * 3_600.0
"""Seconds until the log is projected: a million interactions take hours on two cores."""
START: Final = 120.0
LOOK_EVERY: Final = 0.5
PROCESSES: Final = 2
"""Of a rebuild: what the command line takes without being told."""
LIVE_PER_SECOND: Final = 10
"""Interactions that begin meanwhile, a dozen events each."""
QUIET: Final = 20.0
"""Seconds in which the reader reads before the first rebuild; so long is also read after the last one."""


@dataclass
class Watched:
    """When a rebuild entered each of its stages, and what it filled."""

    entered: list[tuple[Stage, float]] = field(default_factory=list)
    _first: int | None = None
    _done: int = 0

    def begins(self, projection: str, version: int, how: Beginning) -> None:
        say(f"building version {version} of {projection} ({how})")

    def enters(self, stage: Stage) -> None:
        self.entered.append((stage, time.monotonic()))

    def filled(self, done: int, of: int) -> None:
        self._first = done if self._first is None else self._first
        self._done = max(done, self._done)

    @property
    def records(self) -> int:
        """How many it filled."""
        return self._done - (self._first or 0)

    def seconds(self, ended: float) -> dict[str, float]:
        """How long it was in each stage. It may enter one again: a switch gives way to who queries."""
        found: dict[str, float] = {}
        afters = [at for _, at in self.entered[1:]] + [ended]
        for (stage, at), after in zip(self.entered, afters, strict=True):
            found[stage] = found.get(stage, 0.0) + after - at
        return {stage: round(seconds, 3) for stage, seconds in found.items()}

    def last(self, stage: Stage) -> float:
        """When it entered a stage for the last time."""
        return max(at for each, at in self.entered if each == stage)


def first(made: Made) -> Iterator[Measure | Claim]:
    """All projections by the projector, as a user's runs, from empty tables to the end of the log."""
    events, began = made.writing.events, time.monotonic()
    with projecting(made):
        wait_for_all(made)
    seconds = time.monotonic() - began
    detail = {"events": events, "seconds": round(seconds, 1), "projections": [each.name for each in PROJECTIONS]}
    yield Measure("project", round(events / seconds), "events/s", detail=detail)
    yield from as_written(made, "projected")


def again(made: Made) -> Iterator[Measure | Claim]:
    """Each projection beside the old one, with a projector, traffic and a reader throughout."""
    reader, runs = Reader(), list[_Run]()
    with projecting(made):
        with beside(lambda stop: made.traffic.go_on(stop, LIVE_PER_SECOND)), reader.reading(made.dsn):
            time.sleep(QUIET)
            quiet_until = time.monotonic()
            for projection in PROJECTIONS:
                run = _rebuild(made, projection)
                runs.append(run)
                yield from run.told()
            time.sleep(QUIET)
        wait_for_all(made)
    for run in runs:
        yield run.as_read(reader.seen, quiet_until)
    yield reader.claim("reader")
    yield from as_written(made, "rebuilt")


@dataclass(frozen=True)
class _Run:
    """One rebuild."""

    compared: Comparison
    switched: bool
    began: float
    ended: float
    watched: Watched
    opened: int
    """Interactions that began meanwhile."""

    @property
    def switching(self) -> float:
        """When the switch that came about began."""
        return self.watched.last("switching") if self.switched else self.ended

    def told(self) -> Iterator[Measure | Claim]:
        """Its rate, and what the comparison with the old version found."""
        name, seconds = f"rebuild_{self.compared.projection}", self.ended - self.began
        records = self.watched.records
        stages = self.watched.seconds(self.ended)
        detail = {"records": records, "seconds": round(seconds, 1), "processes": PROCESSES, "stages": stages}
        yield Measure(name, round(records / seconds), "records/s", detail=detail)
        yield Measure(f"{name}_switch", round((self.ended - self.switching) * 1000), "ms")
        yield agreement(name, self.compared, self.switched)
        says = "interactions began while it was built"
        yield Claim(f"{name}_under_traffic", says, self.opened > 0, {"began": self.opened})

    def as_read(self, seen: Seen, quiet_until: float) -> Measure:
        """The longest answer of the reader meanwhile, beside the median before."""
        answers = seen.beside(self.began, self.ended, quiet_until)
        switch = seen.beside(self.switching, self.ended, quiet_until)
        longest = max((each["longest_ms"] for each in answers.values()), default=0.0)
        detail: dict[str, Any] = {**answers, "at_the_switch": switch}
        return Measure(f"rebuild_{self.compared.projection}_longest_answer", longest, "ms", detail=detail)


def _rebuild(made: Made, projection: Projection) -> _Run:
    watched, began, opened = Watched(), time.monotonic(), made.traffic.opened
    fill = Workers(partial(_codec, made.cluster.bootstrap, made.prefix), PROCESSES)
    rebuilt = rebuild_all([projection], fill, places_of(made), watcher=watched)
    ended = time.monotonic()
    return _Run(rebuilt.compared[0], rebuilt.switched, began, ended, watched, made.traffic.opened - opened)


def agreement(name: str, compared: Comparison, switched: bool) -> Claim:
    """That a version that was built again is the old one, row for row, and is shown."""
    tables = compared.tables
    found = {
        "rows": sum(each.rows_second for each in tables),
        "only_in_old": sum(each.only_in_first for each in tables),
        "only_in_new": sum(each.only_in_second for each in tables),
        "differing": sum(each.differing for each in tables),
        "columns": {f"{each.table}.{column}": count for each in tables for column, count in each.columns.items()},
    }
    return Claim(f"{name}_agrees", "row for row as the old one, and shown", compared.agrees and switched, found)


def places_of(made: Made) -> Settings:
    """Where the log and the tables are."""
    return Settings(made.cluster.bootstrap, made.dsn, prefix=made.prefix, instance="shows")


@contextmanager
def projecting(made: Made) -> Iterator[None]:
    """The projector as a process of its own."""
    with program("projector", made.settings, made.folder, START):
        yield


def wait_for_all(made: Made) -> None:
    """Until the projections show all that was written by now. Raises BenchFailed."""
    made.traffic.writing.commit()
    wait_until_read(places_of(made), made.partitions)


def wait_until_read(settings: Settings, partitions: int) -> None:
    """Until every projection that is shown has read what the log has now."""
    ends = ends_by_projection(settings, partitions)

    def is_read() -> bool:
        try:
            with connect(settings.dsn) as connection:
                builds = shown(connection)
                return len(builds) == len(PROJECTIONS) and unread(connection, builds, ends) == 0
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            return False  # the projector has not made its tables yet

    wait_for("all is projected", is_read, PATIENCE, every=LOOK_EVERY)


def shown(connection: "psycopg.Connection[Any]") -> list[Build]:
    """The versions that the views show."""
    found = [(each, current_version(connection, each.name)) for each in PROJECTIONS]
    return [Build(each, version) for each, version in found if version is not None]


def ends_by_projection(settings: Settings, partitions: int) -> dict[str, Mapping[Place, int]]:
    """Where the log ends, for each projection what it reads."""
    topics = sorted({topic for each in PROJECTIONS for topic in each.topics})
    ends = ends_of(settings, [(topic, partition) for topic in topics for partition in range(partitions)])
    return {each.name: {place: end for place, end in ends.items() if place[0] in each.topics} for each in PROJECTIONS}


def as_written(made: Made, when: str) -> Iterator[Claim]:
    """What is in the tables against what was written."""
    events, interactions = made.writing.events, made.traffic.opened
    with connect(made.dsn) as connection:
        found = _count(connection, "audit.event")
        yield equal(f"{when}_events", "every event of the log is a row", found, events)
        for view in ("contact_history.interaction", "reporting.fct_interaction"):
            found = _count(connection, view)
            yield equal(f"{when}_{view}", "every interaction is a row", found, interactions)


def _count(connection: "psycopg.Connection[Any]", view: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {view}".encode()).fetchone()
    return 0 if row is None else int(row[0])


def _codec(bootstrap: str, prefix: str) -> Codec:
    """Called in each process of a rebuild."""
    return connect_cluster(load({"kafka.bootstrap": bootstrap, "topics.prefix": prefix}), bootstrap).codec
