"""The same on real conversations: all projections again and again while a recording plays, and what the report says.

The recording lies beside the repository and never in it; without it this is left out.
"""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import isclose
from pathlib import Path
from typing import Any, Final

import psycopg

from bench.measure import BenchFailed, Measure
from bench.processes import wait_for
from bench.progress import say
from bench.services import Services
from bench.shows.building import PROCESSES, Watched, agreement, ends_by_projection, wait_until_read
from bench.shows.claims import Claim
from bench.shows.reader import GROWING, Reader
from bench.tweets import CONVERSATIONS
from projections.catalogue import PROJECTIONS
from projections.log import Settings
from projections.queries.reports import Asked, Line, total
from projections.rebuild import Rebuilt, rebuild_all
from projections.workers import Workers
from rejoinder.children import tail
from rejoinder.cluster import connect as connect_cluster
from rejoinder.instance import NotRunning, find_instance
from rejoinder.settings import load
from schemas.codec import Codec
from tests.conversations import expected, measured
from tests.playing import ROOT, command, traffic_of

START: Final = 300.0
PATIENCE: Final = 1_200.0
STOP: Final = 60.0
MOST: Final = 50
"""Rebuilds while it plays."""
PAUSE: Final = 1.0
AFTER: Final = 5.0
"""Seconds for which the reader goes on after the last switch."""


@dataclass(frozen=True)
class _Run:
    """One rebuild of all."""

    rebuilt: Rebuilt
    began: float
    ended: float
    watched: Watched
    grew: int
    """Records that were written meanwhile."""
    playing: bool
    """Whether the play went on all the time."""

    @property
    def agrees(self) -> bool:
        return self.rebuilt.switched and all(each.agrees for each in self.rebuilt.compared)


def played(services: Services) -> Iterator[Measure | Claim]:
    """Everything as a user runs it: the demo, on its own Kafka and PostgreSQL, as fast as it goes."""
    if not CONVERSATIONS.exists():
        say(f"recorded traffic left out: {CONVERSATIONS} is not there")
        return
    folder = services.folder.root / "recorded"
    folder.mkdir()
    data, traffic = folder / "data", traffic_of(CONVERSATIONS.parents[2], folder)
    reader, runs = Reader(), list[_Run]()
    with _demo(data, traffic) as demo:
        wait_for("the demo runs", lambda: _runs(demo, data) and _dsn(data) is not None, START)
        settings = _settings(data)
        wait_for("the first answers are counted", lambda: _runs(demo, data) and _counts(settings.dsn), START, every=0.2)
        with reader.reading(settings.dsn):
            quiet_until = time.monotonic()
            while not _is_played(data) and len(runs) < MOST:
                runs.append(_rebuild(settings, data))
                time.sleep(PAUSE)
            wait_for("the play ends", lambda: _runs(demo, data) and _is_played(data), PATIENCE, every=0.5)
            wait_until_read(settings, load().topics.partitions)
            runs.append(_rebuild(settings, data))
            time.sleep(AFTER)
        found = _total(settings.dsn) or {}
    yield from _told(runs, reader, quiet_until)
    wanted = measured(expected(CONVERSATIONS).matters)
    unlike = {name: [found.get(name), value] for name, value in wanted.items() if not _same(found.get(name), value)}
    says = f"the report of interactions has what the recording itself comes to, in {len(wanted)} measures"
    yield Claim("recorded_totals", says, not unlike, {"unlike": unlike, "offered": found.get("offered")})


def _told(runs: list[_Run], reader: Reader, quiet_until: float) -> Iterator[Measure | Claim]:
    while_playing = [run for run in runs if run.playing]
    for number, run in enumerate(runs):
        seconds = run.ended - run.began
        stages = run.watched.seconds(run.ended)
        answers = reader.seen.beside(run.began, run.ended, quiet_until)
        detail: dict[str, Any] = {
            "records": run.watched.records, "written_meanwhile": run.grew, "while_playing": run.playing,
            "stages": stages, "reader": answers,
        }  # fmt: skip
        yield Measure(f"recorded_rebuild_{number + 1}", round(seconds, 2), "s", detail=detail)
        for compared in run.rebuilt.compared:
            yield agreement(f"recorded_rebuild_{number + 1}_{compared.projection}", compared, run.rebuilt.switched)
    says = "all projections were built again and switched while the recording played, and traffic came meanwhile"
    shown = any(run.agrees and run.grew > 0 for run in while_playing)
    yield Claim("recorded_while_playing", says, shown, {"rebuilds": len(while_playing)})
    yield reader.claim("recorded_reader")


def _rebuild(settings: Settings, data: Path) -> _Run:
    watched, began, before = Watched(), time.monotonic(), _records(settings)
    fill = Workers(partial(_codec, settings.bootstrap), PROCESSES)
    rebuilt = rebuild_all(PROJECTIONS, fill, settings, watcher=watched)
    ended = time.monotonic()
    return _Run(rebuilt, began, ended, watched, _records(settings) - before, not _is_played(data))


def _records(settings: Settings) -> int:
    """How long the log is, for all projections together."""
    return sum(sum(ends.values()) for ends in ends_by_projection(settings, load().topics.partitions).values())


def _codec(bootstrap: str) -> Codec:
    """Called in each process of a rebuild."""
    return connect_cluster(load({"kafka.bootstrap": bootstrap}), bootstrap).codec


@contextmanager
def _demo(data: Path, traffic: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """The demo, which stays up after the play."""
    stays = [each for each in command(data, traffic) if each != "--exit"]
    with (data.parent / "demo.log").open("wb") as log:
        demo = subprocess.Popen(stays, cwd=ROOT, stdout=log, stderr=log)
        try:
            yield demo
        finally:
            demo.terminate()
            try:
                demo.wait(STOP)
            except subprocess.TimeoutExpired:
                demo.kill()
                demo.wait()


def _runs(demo: "subprocess.Popen[bytes]", data: Path) -> bool:
    """True. Raises BenchFailed if it ended: the demo stays up after the play."""
    if demo.poll() is not None:
        raise BenchFailed(f"the demo ended with {demo.poll()}: {tail(data.parent / 'demo.log', 5)}")
    return True


def _dsn(data: Path) -> str | None:
    try:
        return find_instance(data).dsn
    except NotRunning:
        return None


def _settings(data: Path) -> Settings:
    instance = find_instance(data)
    return Settings(instance.bootstrap, instance.dsn, instance="shows")


def _is_played(data: Path) -> bool:
    """Whether the player has written its summary."""
    try:
        return bool(json.loads((data / "summary.json").read_text()))
    except (FileNotFoundError, json.JSONDecodeError):
        return False


def _total(dsn: str) -> Line | None:
    with psycopg.connect(dsn) as connection:
        return total(connection, Asked("interactions", "all", ()))


def _counts(dsn: str) -> bool:
    """Whether the report counts something of each kind by now."""
    try:
        line = _total(dsn) or {}
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return False  # the projector has not made its tables yet
    except psycopg.OperationalError:
        return False  # it ends: `_runs` says why
    return all(line.get(name) for name in GROWING)


def _same(found: object, wanted: float | None) -> bool:
    if found is None or wanted is None:
        return found is wanted
    return isclose(float(str(found)), wanted, rel_tol=1e-9)
