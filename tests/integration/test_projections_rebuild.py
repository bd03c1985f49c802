"""Building projections again from the log: several at once, in several processes, and when something dies."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import pytest

from engine.interaction import events as e
from projections import builds, offsets
from projections.builds import Build
from projections.catalogue import BY_NAME, PROJECTIONS
from projections.errors import InconsistentLog, ProjectionError, RebuildRuns
from projections.log import Settings
from projections.projector import connect
from projections.rebuild import rebuild, rebuild_all
from projections.records import INTERACTION_EVENTS, Place
from projections.workers import Workers
from schemas.codec import Codec
from tests.projecting import Connection, OnKafka, answered
from tests.projection_log import PARTITIONS, codec
from tests.projection_stories import all_stories


@pytest.fixture
def projected(kafka: str, database: str, topic_prefix: str) -> OnKafka:
    """Stories of every kind, on Kafka and in the tables."""
    on_kafka = OnKafka(kafka, database, topic_prefix)
    all_stories(on_kafka.log, 16)
    on_kafka.publish()
    on_kafka.project_until(on_kafka.caught_up)
    return on_kafka


def test_all_projections_built_again_by_two_processes_are_the_same_row_for_row(projected: OnKafka) -> None:
    built = rebuild_all(PROJECTIONS, Workers(codec, 2), projected.settings, keep_old=True)
    assert [(build.projection.name, build.version) for build in built] == [(name, 2) for name in BY_NAME]
    with connect(projected.settings.dsn) as connection:
        for projection in PROJECTIONS:
            name = projection.name
            assert builds.current_version(connection, name) == 2
            assert builds.differences(connection, projection, 1, 2) == []
            assert offsets.positions(connection, name, 1) == offsets.positions(connection, name, 2)
            assert _indexes(connection, name, 1) == _indexes(connection, name, 2)
            builds.drop(connection, name, 1)
    answered(projected.log, 99)
    projected.publish()
    projected.project_until(projected.caught_up)


def test_a_rebuild_in_which_a_process_is_killed_says_so_and_leaves_nothing(projected: OnKafka) -> None:
    before = _versions(projected)
    with pytest.raises(ProjectionError, match="ended with status -9"):
        rebuild_all(PROJECTIONS, Workers(_killed, 2), projected.settings)
    assert _versions(projected) == before


def test_what_one_process_can_not_read_ends_all_of_them_with_its_reason(projected: OnKafka) -> None:
    before = _versions(projected)
    far = partial(_beyond, fill=Workers(codec, PARTITIONS))
    raw = projected.log.append(INTERACTION_EVENTS, "nobody", e.FilteredOut(interaction_id="nobody.1", filter="f"))
    projected.publish()
    with pytest.raises(InconsistentLog, match=rf"interaction\.events\[{raw.partition}\]@\d+ is a FilteredOut"):
        rebuild_all(PROJECTIONS, far, projected.settings)
    assert _versions(projected) == before


def test_processes_end_with_the_one_that_began_them(projected: OnKafka, tmp_path: Path) -> None:
    parent = multiprocessing.get_context("spawn").Process(target=_endless, args=(projected.settings, tmp_path))
    parent.start()
    try:
        _wait_for(lambda: len(list(tmp_path.iterdir())) == 2)
    finally:
        os.kill(parent.pid or 0, signal.SIGKILL)
        parent.join()
    _wait_for(lambda: not any(_lives(int(path.name)) for path in tmp_path.iterdir()))
    rebuild(BY_NAME["audit"], projected.log.codec, projected.settings)
    assert [name for name, _, shape in _versions(projected) if shape == "unfinished"] == [
        "contact_history",
        "reporting",
    ]


def test_what_a_rebuild_that_died_left_is_removed_by_the_next(projected: OnKafka) -> None:
    with connect(projected.settings.dsn) as connection:
        left = builds.create(connection, BY_NAME["audit"], unfinished=True)
    rebuild(BY_NAME["audit"], projected.log.codec, projected.settings, keep_old=True)
    assert [version for name, version, _ in _versions(projected) if name == "audit"] == [1, left.version]
    with connect(projected.settings.dsn) as connection:
        assert builds.differences(connection, BY_NAME["audit"], 1, left.version) == []


def test_a_projection_is_built_again_once_at_a_time(projected: OnKafka) -> None:
    with connect(projected.settings.dsn) as connection:
        builds.drop_unfinished(connection, "audit")
        rebuild(BY_NAME["reporting"], projected.log.codec, projected.settings)
        with pytest.raises(RebuildRuns, match="Another rebuild of audit"):
            rebuild(BY_NAME["audit"], projected.log.codec, projected.settings)
    rebuild(BY_NAME["audit"], projected.log.codec, projected.settings)


def _killed() -> Codec:
    os.kill(os.getpid(), signal.SIGKILL)
    return codec()


def _noted(folder: Path) -> Codec:
    """A codec; which process asked for it stands in the folder."""
    (folder / str(os.getpid())).touch()
    return codec()


def _endless(settings: Settings, folder: Path) -> None:
    """A rebuild that waits for records that never come."""
    rebuild_all(PROJECTIONS, partial(_beyond, fill=Workers(partial(_noted, folder), 2)), settings)


def _beyond(builds: Sequence[Build], settings: Settings, until: Mapping[Place, int], *, fill: Workers) -> None:
    """Goes on beyond what the projections have read."""
    fill(builds, settings, {place: end + 1_000_000 for place, end in until.items()})


def _indexes(connection: Connection, name: str, version: int) -> list[str]:
    schema = builds.schema_of(name, version)
    rows = connection.execute(
        "SELECT indexdef FROM pg_indexes WHERE schemaname = %s ORDER BY tablename, indexname", (schema,)
    ).fetchall()
    return [definition.replace(schema, "") for (definition,) in rows]


def _versions(on_kafka: OnKafka) -> list[tuple[str, int, str]]:
    """All versions, as the table of builds and the schemas have them."""
    with connect(on_kafka.settings.dsn) as connection:
        rows = connection.execute("SELECT projection, version, shape FROM projector.builds ORDER BY 1, 2").fetchall()
        schemas = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname ~ '_v[0-9]+$'").fetchall()
    assert {name for (name,) in schemas} == {builds.schema_of(name, version) for name, version, _ in rows}
    return [(name, version, shape) for name, version, shape in rows]


def _wait_for(reached: Callable[[], bool]) -> None:
    for _ in range(1200):
        if reached():
            return
        time.sleep(0.05)
    pytest.fail("it did not come to that within a minute")


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
