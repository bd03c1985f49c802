"""Building projections again from the log: compared before they are shown, resumed, taken back."""

import threading
from dataclasses import replace
from functools import partial

import psycopg
import pytest

from projections import builds, offsets
from projections import rebuild as rebuilding
from projections.catalogue import BY_NAME, PROJECTIONS
from projections.comparing import compare, differences
from projections.errors import NoSuchVersion, ProjectionError, RebuildRuns, ShapeChanged, ShownVersion
from projections.log import Settings, ends_of
from projections.projector import connect
from projections.rebuild import (
    compare_beside,
    drop_version,
    in_this_process,
    rebuild,
    rebuild_all,
    roll_back,
    switch_to_candidate,
)
from projections.records import Place
from projections.workers import Workers
from tests.processing import eventually
from tests.projecting import PLACES, Connection, OnKafka, answered
from tests.projection_log import codec
from tests.rebuilding import Watched, ends_by_projection, fill_first, filled_from, projecting, published, roles
from tests.threads import in_threads

AUDIT, REPORTING, HISTORY = BY_NAME["audit"], BY_NAME["reporting"], BY_NAME["contact_history"]
PROCESSES = partial(Workers, codec, 2, small=0)
"""Processes even for few records."""


@pytest.fixture(scope="module")
def stories(kafka: str, postgres: str) -> OnKafka:
    """Stories of every kind, on Kafka: the tests that only read share them."""
    return published(kafka, postgres, "rebuild.", 16)


@pytest.fixture
def filled(stories: OnKafka, database: str) -> Settings:
    """The stories in the tables of a database of the test's own."""
    return filled_from(stories, database)


@pytest.fixture
def projected(kafka: str, database: str, topic_prefix: str) -> OnKafka:
    """Stories on topics of the test's own, and in the tables."""
    own = published(kafka, database, topic_prefix, 8)
    fill_first(own.settings, codec())
    return own


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


def _positions(settings: Settings, name: str, version: int) -> dict[Place, int]:
    with connect(settings.dsn) as connection:
        return offsets.positions(connection, name, version)


def _caught_up(on_kafka: OnKafka) -> bool:
    with connect(on_kafka.settings.dsn) as connection:
        return on_kafka.caught_up(connection)


def _indexes(connection: Connection, name: str, version: int) -> list[str]:
    schema = builds.schema_of(name, version)
    rows = connection.execute(
        "SELECT indexdef FROM pg_indexes WHERE schemaname = %s ORDER BY tablename, indexname", (schema,)
    ).fetchall()
    return [definition.replace(schema, "") for (definition,) in rows]


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
