"""Projections that are built again from a log on Kafka: what tests of it share."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

from projections import builds
from projections.builds import Build
from projections.catalogue import PROJECTIONS
from projections.filling import replay
from projections.log import Settings, ends_of
from projections.projection import Projection
from projections.projector import Projector, connect
from projections.rebuild import in_this_process
from projections.records import Codec, Logged, Place
from projections.tables import Store, Table
from projections.watching import Beginning, Stage
from projections.writer import Ends
from tests.projecting import PLACES, Connection, OnKafka
from tests.projection_log import codec
from tests.projection_stories import all_stories
from tests.threads import in_threads


@dataclass
class Watched:
    """Notes what a rebuild tells."""

    begun: list[tuple[str, int, Beginning]] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    counts: list[tuple[int, int]] = field(default_factory=list)

    def begins(self, projection: str, version: int, how: Beginning) -> None:
        self.begun.append((projection, version, how))

    def enters(self, stage: Stage) -> None:
        self.stages.append(stage)

    def filled(self, done: int, of: int) -> None:
        self.counts.append((done, of))


class Wrong:
    """A projection whose code raises on some records, in words of theirs, until it is mended."""

    def __init__(self, right: Projection, wrong: Callable[[Logged], bool]) -> None:
        self._right, self._wrong = right, wrong
        self.mended = False
        self.folded: list[tuple[Place, int]] = []

    @property
    def name(self) -> str:
        return self._right.name

    @property
    def topics(self) -> tuple[str, ...]:
        return self._right.topics

    @property
    def tables(self) -> tuple[Table[Any], ...]:
        return self._right.tables

    @property
    def views(self) -> str:
        return self._right.views

    def fold(self, store: Store, batch: Sequence[Logged]) -> None:
        for logged in batch:
            if not self.mended and self._wrong(logged):
                raise KeyError(f"the words of {logged.key}")
        self._right.fold(store, batch)
        self.folded += [((logged.topic, logged.partition), logged.offset) for logged in batch]


def published(kafka: str, dsn: str, prefix: str, people: int) -> OnKafka:
    """Stories of every kind, on Kafka."""
    on_kafka = OnKafka(kafka, dsn, prefix)
    all_stories(on_kafka.log, people)
    on_kafka.publish()
    return on_kafka


def filled_from(stories: OnKafka, database: str) -> Settings:
    """The stories in the tables of a database."""
    own = replace(stories.settings, dsn=database)
    fill_first(own, codec())
    return own


def settle(settings: Settings) -> None:
    """Waits until what was committed can be read: a transaction's markers follow its commit."""
    committed = replace(settings, kafka={"isolation.level": "read_committed"})
    for _ in range(600):
        if ends_of(settings, PLACES) == ends_of(committed, PLACES):
            return
        time.sleep(0.05)
    raise AssertionError("what was committed could not be read within half a minute")


def ends_by_projection(settings: Settings) -> dict[str, dict[Place, int]]:
    ends = ends_of(settings, PLACES)
    return {each.name: {place: end for place, end in ends.items() if place[0] in each.topics} for each in PROJECTIONS}


def fill_first(settings: Settings, codec: Codec, until: Ends | None = None) -> None:
    """Makes the versions that are shown, filled without a projector."""
    settle(settings)
    with connect(settings.dsn) as connection:
        first = [builds.ensure(connection, projection) for projection in PROJECTIONS]
        replay(first, connection, codec, settings, until or ends_by_projection(settings), lambda _: None)


def projecting(settings: Settings, codec: Codec) -> AbstractContextManager[None]:
    """A projector that runs meanwhile; what ends it is raised."""
    return in_threads(Projector(PROJECTIONS, codec, settings).run)


def interfering(codec: Codec, interfere: Callable[[Connection], None]) -> Any:
    """A fill in this process that is interfered with as soon as something was written, on another connection."""
    plain = in_this_process(codec)

    def fill(builds: Sequence[Build], settings: Settings, until: Ends, tell: Callable[[int], None]) -> None:
        def told(more: int) -> None:
            tell(more)
            with connect(settings.dsn) as connection:
                interfere(connection)

        plain(builds, settings, until, told)

    return fill


def roles(settings: Settings, name: str) -> dict[int, str]:
    """The versions of a projection, and what each is."""
    with connect(settings.dsn) as connection:
        return {each.version: each.role for each in builds.versions(connection, name)}
