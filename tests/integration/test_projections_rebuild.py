"""Building projections again from the log: compared before they are shown, resumed, taken back."""

import getpass
import multiprocessing
import os
import pwd
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from engine.interaction import events as e
from projections import builds, log, offsets
from projections import rebuild as rebuilding
from projections.builds import Build
from projections.catalogue import BY_NAME, PROJECTIONS
from projections.comparing import compare, differences
from projections.errors import (
    DatabaseUnreachable,
    FoldFailed,
    InconsistentLog,
    NoSuchVersion,
    ProjectionError,
    RebuildRuns,
    ShapeChanged,
    ShownVersion,
)
from projections.filling import Tell
from projections.log import Settings, ends_of
from projections.projector import Projector, connect
from projections.rebuild import (
    compare_beside,
    drop_version,
    in_this_process,
    rebuild,
    rebuild_all,
    roll_back,
    switch_to_candidate,
)
from projections.records import INTERACTION_EVENTS, Place
from projections.workers import Workers
from projections.writer import Ends
from rejoinder.embedded.postgres import server_user
from schemas.codec import Codec
from tests.processing import eventually
from tests.projecting import PLACES, Connection, OnKafka, answered
from tests.projection_log import PARTITIONS, codec
from tests.projection_stories import all_stories
from tests.rebuilding import (
    Watched,
    Wrong,
    ends_by_projection,
    fill_first,
    interfering,
    projecting,
    roles,
)
from tests.threads import in_threads

AUDIT, REPORTING, HISTORY = BY_NAME["audit"], BY_NAME["reporting"], BY_NAME["contact_history"]
PROCESSES = partial(Workers, codec, 2, small=0)
"""Processes even for few records."""
DISK = 2 * 2**20
LEFT = 96 * 2**10
"""Bytes: room for a part of the audit trail."""


@pytest.fixture(scope="module")
def stories(kafka: str, postgres: str) -> OnKafka:
    """Stories of every kind, on Kafka: the tests that only read share them."""
    on_kafka = OnKafka(kafka, postgres, "rebuild.")
    all_stories(on_kafka.log, 16)
    on_kafka.publish()
    return on_kafka


@pytest.fixture
def filled(stories: OnKafka, database: str) -> Settings:
    """The stories in the tables of a database of the test's own."""
    own = replace(stories.settings, dsn=database)
    fill_first(own, codec())
    return own


@pytest.fixture
def projected(kafka: str, database: str, topic_prefix: str) -> OnKafka:
    """Stories on topics of the test's own, and in the tables."""
    on_kafka = OnKafka(kafka, database, topic_prefix)
    all_stories(on_kafka.log, 8)
    on_kafka.publish()
    fill_first(on_kafka.settings, codec())
    return on_kafka


@pytest.fixture
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of a few records, so that something is filled before it fails."""
    monkeypatch.setattr(log, "_BATCH", 20)


@pytest.fixture
def changed(filled: Settings) -> Settings:
    """Somebody changed rows of the version that is shown."""
    with connect(filled.dsn) as connection:
        connection.execute("UPDATE reporting_v1.fct_interaction SET messages_in = messages_in + 1")
    return filled


def test_all_projections_built_again_by_two_processes_are_the_same_row_for_row(projected: OnKafka) -> None:
    settings, watched = projected.settings, Watched()
    before = ends_of(settings, PLACES)
    rebuilt = rebuild_all(PROJECTIONS, PROCESSES(), settings, watcher=watched)
    assert rebuilt.switched
    assert {(each.projection, each.first, each.second, each.agrees) for each in rebuilt.compared} == {
        (name, 1, 2, True) for name in BY_NAME
    }
    with connect(settings.dsn) as connection:
        for projection in PROJECTIONS:
            name = projection.name
            assert differences(connection, projection, 1, 2) == []
            assert offsets.positions(connection, name, 1) == offsets.positions(connection, name, 2)
            assert _indexes(connection, name, 1) == _indexes(connection, name, 2)
            assert roles(settings, name) == {1: "previous", 2: "current"}
    whole = sum(before.values())
    assert watched.begun == [(name, 2, "new") for name in BY_NAME]
    assert watched.stages == ["filling", "indexing", "comparing", "switching"]
    assert watched.counts[0] == (0, whole)
    assert watched.counts[-1] == (whole, whole)
    assert watched.counts == sorted(watched.counts)
    assert len({done for done, _ in watched.counts}) > 2  # each process told
    assert ends_of(settings, PLACES) == before  # nothing is sent
    answered(projected.log, 99)
    projected.publish()
    projected.project_until(projected.caught_up)


def test_a_version_that_differs_is_not_shown_and_stands_beside(changed: Settings) -> None:
    rebuilt = rebuild(REPORTING, codec(), changed)
    assert not rebuilt.switched
    assert roles(changed, "reporting") == {1: "current", 2: "candidate"}
    (table,) = (each for each in rebuilt.compared[0].tables if not each.agrees)
    assert table.table == "fct_interaction"
    assert table.rows_first == table.rows_second == table.differing > 0
    assert table.columns == {"messages_in": table.differing}
    assert (table.only_in_first, table.only_in_second) == (0, 0)
    for sample in table.samples:
        before, now = sample.values["messages_in"]
        assert (list(sample.key), sample.found) == (["interaction_id"], "differs")
        assert int(before or 0) == int(now or 0) + 1
    assert compare_beside(REPORTING, in_this_process(codec()), changed) == rebuilt.compared[0]
    switch_to_candidate(REPORTING, in_this_process(codec()), changed)
    assert roles(changed, "reporting") == {1: "previous", 2: "current"}
    with pytest.raises(NoSuchVersion, match="no candidate"):
        switch_to_candidate(REPORTING, in_this_process(codec()), changed)


def test_rows_that_only_one_has_are_counted_and_named(filled: Settings) -> None:
    with connect(filled.dsn) as connection:
        gone = connection.execute("DELETE FROM audit_v1.events WHERE sequence > 3").rowcount
        connection.execute("UPDATE audit_v1.events SET record_offset = record_offset + 9999 WHERE sequence = 1")
    (compared,) = rebuild(AUDIT, codec(), filled).compared
    (table,) = compared.tables
    assert table.only_in_second == gone + table.only_in_first
    assert table.only_in_first > 0
    assert {sample.found for sample in table.samples} == {"only in first", "only in second"}
    assert all(set(sample.key) == {"topic", "partition", "record_offset"} for sample in table.samples)


def test_peoples_words_and_names_are_never_in_a_comparison(filled: Settings) -> None:
    with connect(filled.dsn) as connection:
        connection.execute("UPDATE contact_history_v1.words SET text = 'A secret'")
        connection.execute("UPDATE contact_history_v1.profiles SET called = 'Ann'")
    (compared,) = rebuild(HISTORY, codec(), filled).compared
    unlike = {table.table: table for table in compared.tables if not table.agrees}
    assert {name: list(table.columns) for name, table in unlike.items()} == {"words": ["text"], "profiles": ["called"]}
    for table in unlike.values():
        assert table.samples
        assert all(sample.values == {} for sample in table.samples)
    assert not any(word in repr(compared) for word in ("A secret", "Ann"))


def test_differences_that_are_accepted_are_shown_at_once_and_the_candidate_is_gone_on_with(changed: Settings) -> None:
    watched = Watched()
    rebuild(REPORTING, codec(), changed)
    rebuilt = rebuild_all([REPORTING], in_this_process(codec()), changed, accept=True, watcher=watched)
    assert watched.begun == [("reporting", 2, "resumed")]
    assert (rebuilt.switched, rebuilt.compared[0].agrees) == (True, False)
    assert roles(changed, "reporting") == {1: "previous", 2: "current"}


def test_if_one_differs_none_of_those_that_are_built_together_is_shown(changed: Settings) -> None:
    rebuilt = rebuild_all(PROJECTIONS, in_this_process(codec()), changed)
    assert {each.projection: each.agrees for each in rebuilt.compared} == {
        "audit": True,
        "contact_history": True,
        "reporting": False,
    }
    assert all(roles(changed, name) == {1: "current", 2: "candidate"} for name in BY_NAME)


def test_only_what_both_versions_declare_is_compared(filled: Settings) -> None:
    with connect(filled.dsn) as connection:
        connection.execute("ALTER TABLE reporting_v1.dim_account ADD COLUMN owner text NOT NULL DEFAULT 'Ann'")
        connection.execute("DROP TABLE reporting_v1.fct_agent_state CASCADE")
        connection.execute("ALTER TABLE reporting_v1.fct_transition DROP COLUMN policy_version CASCADE")
        older = "UPDATE projector.builds SET shape = 'older', release = '0.0.1' WHERE projection = 'reporting'"
        connection.execute(older)
    rebuilt = rebuild(REPORTING, codec(), filled)
    assert rebuilt.switched
    tables = {table.table: table for table in rebuilt.compared[0].tables}
    assert tables["dim_account"].columns_only_in_first == ["owner"]
    assert tables["fct_agent_state"].only_version == 2
    assert tables["fct_transition"].columns_only_in_second == ["policy_version"]
    with pytest.raises(ShapeChanged, match=r"Version 1 of reporting was made by release 0\.0\.1"):
        roll_back(REPORTING, in_this_process(codec()), filled)
    assert roles(filled, "reporting") == {1: "previous", 2: "current"}


def test_tables_with_other_keys_are_not_taken_for_the_same(filled: Settings) -> None:
    with connect(filled.dsn) as connection:
        connection.execute("ALTER TABLE reporting_v1.dim_queue DROP CONSTRAINT dim_queue_pkey")
    rebuilt = rebuild(REPORTING, codec(), filled)
    assert not rebuilt.switched
    assert [table.table for table in rebuilt.compared[0].tables if table.keys_differ] == ["dim_queue"]


def test_the_version_before_is_kept_until_the_next_rebuild_and_shown_again(filled: Settings) -> None:
    fill = in_this_process(codec())
    with pytest.raises(NoSuchVersion, match="before"):
        roll_back(AUDIT, fill, filled)
    rebuild(AUDIT, codec(), filled)
    assert roll_back(AUDIT, fill, filled).version == 1
    assert roles(filled, "audit") == {1: "current", 2: "previous"}
    assert roll_back(AUDIT, fill, filled).version == 2
    rebuild(AUDIT, codec(), filled)
    assert roles(filled, "audit") == {2: "previous", 3: "current"}
    with pytest.raises(ShownVersion):
        drop_version(AUDIT, 3, filled)
    with pytest.raises(NoSuchVersion):
        drop_version(AUDIT, 1, filled)
    drop_version(AUDIT, 2, filled)
    assert roles(filled, "audit") == {3: "current"}


def test_a_version_that_is_shown_again_has_what_came_meanwhile(projected: OnKafka) -> None:
    rebuild(AUDIT, codec(), projected.settings)
    with projecting(projected.settings, codec()):
        answered(projected.log, 99)
        projected.publish()
        eventually("all is written", lambda: _caught_up(projected))
        with connect(projected.settings.dsn) as connection:
            counted = connection.execute("SELECT count(*) FROM audit.event").fetchone()
            roll_back(AUDIT, in_this_process(codec()), projected.settings)
            assert connection.execute("SELECT count(*) FROM audit.event").fetchone() == counted
            assert differences(connection, AUDIT, 1, 2) == []
        answered(projected.log, 100)
        projected.publish()
        eventually("all is written", lambda: _caught_up(projected))


@pytest.mark.usefixtures("few_at_once")
def test_code_that_raises_stops_it_with_the_record_and_it_goes_on_when_it_is_mended(
    filled: Settings, stories: OnKafka
) -> None:
    last = max((end, place) for place, end in stories.log.ends.items() if place[0] == INTERACTION_EVENTS)
    wrong = Wrong(AUDIT, lambda logged: ((logged.topic, logged.partition), logged.offset) == (last[1], last[0] - 1))
    where = rf"interaction\.events\[{last[1][1]}\]@{last[0] - 1}: KeyError at rebuilding\.py:\d+"
    with pytest.raises(FoldFailed, match=f"audit could not fold {where}") as raised:
        rebuild(wrong, codec(), filled)
    assert "words of" not in str(raised.value)
    assert roles(filled, "audit") == {1: "current", 2: "unfinished"}
    with pytest.raises(NoSuchVersion, match="not finished"):
        compare_beside(AUDIT, in_this_process(codec()), filled)
    with connect(filled.dsn) as connection:
        reached = offsets.positions(connection, "audit", 2)
    wrong.mended, wrong.folded, watched = True, [], Watched()
    assert rebuild_all([wrong], in_this_process(codec()), filled, watcher=watched).switched
    assert watched.begun == [("audit", 2, "resumed")]
    whole = sum(end for (topic, _), end in ends_of(filled, PLACES).items() if topic in AUDIT.topics)
    assert watched.counts[0] == (sum(reached.values()), whole)
    assert 0 < sum(reached.values()) < whole
    assert wrong.folded
    assert all(offset >= reached[place] for place, offset in wrong.folded)


@pytest.mark.parametrize("why", ["other code", "fresh"])
def test_it_begins_anew_by_other_code_or_where_that_is_wanted(
    filled: Settings, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(filled.dsn) as connection:
        builds.install(connection)
        builds.create(connection, AUDIT, unfinished=True)
    if why == "other code":
        monkeypatch.setattr(rebuilding, "code_of", lambda projection: "other")
    watched = Watched()
    fill = in_this_process(codec())
    assert rebuild_all([AUDIT], fill, filled, fresh=why == "fresh", watcher=watched).switched
    assert watched.begun == [("audit", 2, "anew")]


def test_a_rebuild_in_which_a_process_is_killed_says_so_and_goes_on(filled: Settings) -> None:
    with pytest.raises(ProjectionError, match="ended with status -9"):
        rebuild_all(PROJECTIONS, Workers(_killed, 2, small=0), filled)
    assert all(roles(filled, name) == {1: "current", 2: "unfinished"} for name in BY_NAME)
    watched = Watched()
    assert rebuild_all(PROJECTIONS, in_this_process(codec()), filled, watcher=watched).switched
    assert watched.begun == [(name, 2, "resumed") for name in BY_NAME]


def test_what_one_process_can_not_read_ends_all_of_them_with_its_reason(projected: OnKafka) -> None:
    far = partial(_beyond, fill=Workers(codec, PARTITIONS, small=0))
    raw = projected.log.append(INTERACTION_EVENTS, "nobody", e.FilteredOut(interaction_id="nobody.1", filter="f"))
    projected.publish()
    with pytest.raises(InconsistentLog, match=rf"interaction\.events\[{raw.partition}\]@\d+ is a FilteredOut"):
        rebuild_all(PROJECTIONS, far, projected.settings)
    assert all(roles(projected.settings, name)[1] == "current" for name in BY_NAME)


def test_a_record_that_can_not_be_read_stops_it_with_its_position(projected: OnKafka) -> None:
    raw = projected.log.append(INTERACTION_EVENTS, "some-key", e.FilteredOut(filter="f"))
    raw.value = b"not in the wire format"
    projected.publish()
    fill = partial(_beyond, fill=in_this_process(codec()))
    with pytest.raises(ProjectionError, match=rf"interaction\.events\[{raw.partition}\]@\d+ can't be read"):
        rebuild_all([AUDIT], fill, projected.settings)
    assert roles(projected.settings, "audit") == {1: "current", 2: "unfinished"}


def test_processes_end_with_the_one_that_began_them_and_the_next_goes_on(filled: Settings, tmp_path: Path) -> None:
    parent = multiprocessing.get_context("spawn").Process(target=_endless, args=(filled, tmp_path))
    parent.start()
    try:
        eventually("both have begun", lambda: len(list(tmp_path.iterdir())) == 2)
    finally:
        os.kill(parent.pid or 0, signal.SIGKILL)
        parent.join()
    eventually("both have ended", lambda: not any(_lives(int(path.name)) for path in tmp_path.iterdir()))
    watched = Watched()
    assert rebuild_all(PROJECTIONS, in_this_process(codec()), filled, watcher=watched).switched
    assert watched.begun == [(name, 2, "resumed") for name in BY_NAME]


@pytest.mark.usefixtures("few_at_once")
def test_a_lost_connection_stops_it_and_it_goes_on(filled: Settings) -> None:
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"

    def cut(connection: Connection) -> None:
        connection.execute(f"{others} AND datname = current_database()".encode())

    with pytest.raises(DatabaseUnreachable, match=r"failed on records of .*\[\d\] before \d+.*what is filled stays"):
        rebuild_all([AUDIT], interfering(codec(), cut), filled)
    assert roles(filled, "audit") == {1: "current", 2: "unfinished"}
    watched = Watched()
    assert rebuild_all([AUDIT], in_this_process(codec()), filled, watcher=watched).switched
    assert watched.begun == [("audit", 2, "resumed")]
    assert watched.counts[0][0] > 0


@pytest.mark.usefixtures("few_at_once")
def test_a_full_disk_stops_it_and_it_goes_on_when_there_is_room(filled: Settings) -> None:
    with small_disk(filled.dsn) as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(DISK - LEFT))
        with pytest.raises(
            DatabaseUnreachable, match=r"failed on records of .* could not extend file .* No space left"
        ):
            rebuild_all([AUDIT], in_this_process(codec()), filled)
        assert roles(filled, "audit") == {1: "current", 2: "unfinished"}
        ballast.unlink()
        watched = Watched()
        assert rebuild_all([AUDIT], in_this_process(codec()), filled, watcher=watched).switched
        assert watched.begun == [("audit", 2, "resumed")]
        assert watched.counts[0][0] > 0


def test_queries_that_hold_the_views_are_given_way(filled: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuilding, "_GIVES_WAY", 2)
    monkeypatch.setattr(rebuilding, "_PATIENCE", 50)
    with psycopg.connect(filled.dsn) as reader:
        reader.execute("SELECT count(*) FROM audit.event")
        with pytest.raises(ProjectionError, match="The views of audit could not be switched"):
            rebuild(AUDIT, codec(), filled)
        assert roles(filled, "audit") == {1: "current", 2: "candidate"}
        reader.execute("SELECT count(*) FROM audit.trail")
    assert rebuild(AUDIT, codec(), filled).switched


def test_a_query_that_needs_the_views_in_another_order_is_not_ended_by_the_switch(filled: Settings) -> None:
    """Else each would wait for the other, and PostgreSQL end one of the two after a second."""
    switched: list[bool] = []

    def switching(_: threading.Event) -> None:
        switched.append(rebuild(AUDIT, codec(), filled).switched)

    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'audit.event'::regclass"
    with connect(filled.dsn) as watching, in_threads(switching):
        with psycopg.connect(filled.dsn) as reader:
            reader.execute("SELECT count(*) FROM audit.event")
            eventually("the switch waits for it", lambda: watching.execute(waiting).fetchone() == (1,))
            threading.Event().wait(1.2)  # then it has looked for a circle, and does not do so again
            reader.execute("SELECT count(*) FROM audit.chain_fault")
        eventually("it is switched", lambda: bool(switched))
    assert switched == [True]


def test_a_view_of_somebody_on_ours_is_named(filled: Settings) -> None:
    with connect(filled.dsn) as connection:
        connection.execute("CREATE VIEW mine AS SELECT * FROM audit.event")
        with pytest.raises(ProjectionError, match=r"view mine depends on view audit\.event"):
            rebuild(AUDIT, codec(), filled)
        connection.execute("DROP VIEW mine")
    assert rebuild(AUDIT, codec(), filled).switched


def test_a_projection_is_built_again_once_at_a_time(filled: Settings) -> None:
    with connect(filled.dsn) as connection:
        builds.hold(connection, "audit")
        rebuild(REPORTING, codec(), filled)
        with pytest.raises(RebuildRuns, match="Another rebuild of audit"):
            rebuild(AUDIT, codec(), filled)
        with pytest.raises(RebuildRuns):
            drop_version(AUDIT, 1, filled)
    rebuild(AUDIT, codec(), filled)


def test_a_log_that_holds_less_than_was_read_is_not_waited_for(filled: Settings) -> None:
    with connect(filled.dsn) as connection:
        connection.execute("UPDATE projector.offsets SET next_offset = next_offset + 1000 WHERE projection = 'audit'")
    with pytest.raises(ProjectionError, match=r"more than the log holds, which goes up to .*--accept-differences"):
        rebuild(AUDIT, codec(), filled)
    rebuilt = rebuild(AUDIT, codec(), filled, accept=True)
    assert (rebuilt.compared, rebuilt.switched) == ([], True)
    with connect(filled.dsn) as connection:
        assert differences(connection, AUDIT, 1, 2) == []
    assert ends_by_projection(filled)["audit"] == _positions(filled, "audit", 2)


def test_a_projection_that_was_never_there_is_built_too(stories: OnKafka, database: str) -> None:
    settings = replace(stories.settings, dsn=database)
    rebuilt = rebuild(AUDIT, codec(), settings)
    assert (rebuilt.compared, rebuilt.switched) == ([], True)
    assert roles(settings, "audit") == {1: "current"}


def test_a_running_projector_stops_at_code_that_raises_and_leaves_the_rows(projected: OnKafka) -> None:
    settings = projected.settings
    with connect(settings.dsn) as connection:
        before = connection.execute("SELECT count(*) FROM audit.event").fetchone()
        answered(projected.log, 99)
        projected.publish()
        home = projected.log.records[-1].key.partition(":")[0]
        wrong = Wrong(AUDIT, lambda logged: logged.key == home)
        where = r"interaction\.events\[\d\]@\d+: KeyError at rebuilding\.py"
        with pytest.raises(FoldFailed, match=f"audit could not fold {where}") as raised:
            Projector([wrong], codec(), settings).run(threading.Event())
        assert "words of" not in str(raised.value)
        assert connection.execute("SELECT count(*) FROM audit.event").fetchone() == before


@contextmanager
def small_disk(dsn: str) -> Iterator[Path]:
    """A small file system, on which the database makes its tables meanwhile."""
    folder = tempfile.mkdtemp()
    owner = server_user() or getpass.getuser()
    options = f"size={DISK},mode=0700,uid={pwd.getpwnam(owner).pw_uid}"
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root may mount a small file system")
    try:
        with connect(dsn) as connection:
            name = sql.Identifier(connection.info.dbname)
            connection.execute(sql.SQL("CREATE TABLESPACE small LOCATION {}").format(folder))
            connection.execute(sql.SQL("ALTER DATABASE {} SET default_tablespace = small").format(name))
            try:
                yield Path(folder)
            finally:
                builds.drop(connection, "audit")
                connection.execute("DROP TABLESPACE small")
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        os.rmdir(folder)


def _positions(settings: Settings, name: str, version: int) -> dict[Place, int]:
    with connect(settings.dsn) as connection:
        return offsets.positions(connection, name, version)


def _caught_up(on_kafka: OnKafka) -> bool:
    with connect(on_kafka.settings.dsn) as connection:
        return on_kafka.caught_up(connection)


def _killed() -> Codec:
    os.kill(os.getpid(), signal.SIGKILL)
    return codec()


def _noted(folder: Path) -> Codec:
    """A codec; which process asked for it stands in the folder."""
    (folder / str(os.getpid())).touch()
    return codec()


def _endless(settings: Settings, folder: Path) -> None:
    """A rebuild that waits for records that never come."""
    rebuild_all(PROJECTIONS, partial(_beyond, fill=Workers(partial(_noted, folder), 2, small=0)), settings)


def _beyond(builds: Sequence[Build], settings: Settings, until: Ends, tell: Tell, *, fill: Callable[..., None]) -> None:
    """Goes on beyond what the projections have read."""
    far = {name: {place: end + 1_000_000 for place, end in ends.items()} for name, ends in until.items()}
    fill(builds, settings, far, tell)


def _indexes(connection: Connection, name: str, version: int) -> list[str]:
    schema = builds.schema_of(name, version)
    rows = connection.execute(
        "SELECT indexdef FROM pg_indexes WHERE schemaname = %s ORDER BY tablename, indexname", (schema,)
    ).fetchall()
    return [definition.replace(schema, "") for (definition,) in rows]


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_rows_of_any_type_are_held_against_each_other(database: str) -> None:
    """Also of those types for which PostgreSQL has no hash; null is as null, and unlike anything else."""

    class Any_:
        name, tables = "any", ()

    with connect(database) as connection:
        for version, words, number in ((1, "late parcel", "1.0"), (2, "late parcel", "1")):
            connection.execute(f"CREATE SCHEMA any_v{version}".encode())
            connection.execute(
                f"""CREATE TABLE any_v{version}.t
                    (id text PRIMARY KEY, words tsvector, said json, facts jsonb, at date);
                INSERT INTO any_v{version}.t (id) VALUES ('b');
                INSERT INTO any_v{version}.t
                VALUES ('a', to_tsvector('simple', '{words}'), '{{}}', '{{"n": {number}}}', NULL)""".encode()
            )
        assert compare(connection, Any_(), 1, 2).agrees  # type: ignore[arg-type]
        for change in ("words = to_tsvector('simple', 'late')", "said = '[]'", "facts = '{}'", "at = '2026-03-02'"):
            with connection.transaction(force_rollback=True):
                connection.execute(f"UPDATE any_v2.t SET {change} WHERE id = 'b'".encode())
                (found,) = compare(connection, Any_(), 1, 2).tables  # type: ignore[arg-type]
                assert (found.rows_first, found.rows_second, found.differing) == (2, 2, 1)
                assert list(found.columns) == [change.partition(" ")[0]]
        connection.execute("DELETE FROM any_v2.t WHERE id = 'b'")
        (found,) = compare(connection, Any_(), 1, 2).tables  # type: ignore[arg-type]
        assert (found.only_in_first, found.only_in_second, found.differing) == (1, 0, 0)
