"""A projector that reads a real Kafka into a real PostgreSQL."""

import threading
from dataclasses import replace

import pytest

from engine.interaction import events as e
from projections import builds, offsets
from projections.catalogue import BY_NAME
from projections.comparing import differences
from projections.errors import ProjectionError, UnreadableRecord
from projections.log import LogReader
from projections.projector import Projector, connect
from projections.queries.measures import lag, summary
from projections.rebuild import rebuild
from projections.records import INTERACTION_EVENTS
from tests.projecting import Connection, OnKafka, answered
from tests.projection_log import conversations
from tests.projection_stories import all_stories


@pytest.fixture
def on_kafka(kafka: str, database: str, topic_prefix: str) -> OnKafka:
    return OnKafka(kafka, database, topic_prefix)


def test_a_projector_reads_what_is_committed_and_goes_on_where_it_stopped(on_kafka: OnKafka) -> None:
    conversations(on_kafka.log, 10)
    on_kafka.publish(commit=False)
    on_kafka.publish()
    on_kafka.project_until(on_kafka.caught_up)
    answered(on_kafka.log, 99)
    on_kafka.publish()
    on_kafka.project_until(on_kafka.caught_up)
    with connect(on_kafka.settings.dsn) as connection:
        counted = summary(connection)
    assert (counted.contacts, counted.chain_faults) == (11, 0)


def test_the_offsets_pass_the_markers_of_transactions(on_kafka: OnKafka) -> None:
    """Else a lag would never end: the last offset of each partition is a marker."""
    answered(on_kafka.log)
    on_kafka.publish()
    ends = {place: end + 1 for place, end in on_kafka.log.ends.items()}
    on_kafka.project_until(lambda connection: bool(lag(connection, ends)) and not any(
        line.behind for line in lag(connection, ends)
    ) and on_kafka.caught_up(connection))  # fmt: skip


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_a_projection_built_again_from_the_log_is_the_same_row_for_row(on_kafka: OnKafka, name: str) -> None:
    all_stories(on_kafka.log, 16)
    on_kafka.publish()
    on_kafka.project_until(on_kafka.caught_up)
    (build,) = rebuild(BY_NAME[name], on_kafka.log.codec, on_kafka.settings).builds
    with connect(on_kafka.settings.dsn) as connection:
        assert build.version == 2
        assert builds.current_version(connection, name) == 2
        assert differences(connection, BY_NAME[name], 1, 2) == []
        assert offsets.positions(connection, name, 1) == offsets.positions(connection, name, 2)
        builds.drop(connection, name, 1)
    answered(on_kafka.log, 99)
    on_kafka.publish()
    on_kafka.project_until(on_kafka.caught_up)


def test_a_projection_that_is_dropped_is_built_anew_by_the_running_projector(on_kafka: OnKafka) -> None:
    conversations(on_kafka.log, 5)
    on_kafka.publish()
    on_kafka.project_until(on_kafka.caught_up)
    dropped: list[bool] = []

    def after_the_drop(connection: Connection) -> bool:
        if not dropped:
            builds.drop(connection, "reporting")
            dropped.append(True)
            answered(on_kafka.log, 99)
            on_kafka.publish()
        counted = connection.execute("SELECT count(*) FROM reporting.fct_interaction").fetchone()
        return counted == connection.execute("SELECT count(*) FROM contact_history.interaction").fetchone() and (
            on_kafka.caught_up(connection)
        )

    on_kafka.project_until(after_the_drop)


def test_one_that_is_dropped_after_the_projector_found_it_is_built_anew_too(on_kafka: OnKafka) -> None:
    """The projector has looked the build up, and takes on its partitions: then there are offsets and no tables."""
    conversations(on_kafka.log, 5)
    on_kafka.publish()
    on_kafka.project_until(on_kafka.caught_up)
    answered(on_kafka.log, 99)
    on_kafka.publish()

    class Overtaken(Projector):
        dropped = False

        def _seek(self, reader: LogReader) -> None:
            if self._assigned and not self.dropped:
                self.dropped = True
                with connect(on_kafka.settings.dsn) as connection:
                    builds.drop(connection, "reporting")
            super()._seek(reader)

    on_kafka.project_until(on_kafka.caught_up, Overtaken)
    with connect(on_kafka.settings.dsn) as connection:
        counted = connection.execute("SELECT count(*) FROM reporting.fct_interaction").fetchone()
        assert counted == connection.execute("SELECT count(*) FROM contact_history.interaction").fetchone()


def test_a_projector_survives_the_loss_of_its_connection(on_kafka: OnKafka) -> None:
    conversations(on_kafka.log, 5)
    on_kafka.publish()
    on_kafka.project_until(on_kafka.caught_up)
    cut: list[bool] = []

    def after_the_cut(connection: Connection) -> bool:
        if not cut:
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            connection.execute(f"{others} AND datname = current_database()".encode())
            cut.append(True)
            answered(on_kafka.log, 99)
            on_kafka.publish()
        return on_kafka.caught_up(connection)

    on_kafka.project_until(after_the_cut)


def test_an_unreadable_record_stops_the_projector_with_its_position(on_kafka: OnKafka) -> None:
    raw = on_kafka.log.append(INTERACTION_EVENTS, "some-key", e.FilteredOut(filter="f"))
    raw.value = b"not in the wire format"
    on_kafka.publish()
    with pytest.raises(UnreadableRecord, match=rf"interaction\.events\[{raw.partition}\]@0 "):
        on_kafka.project_until(lambda connection: False)


def test_a_database_that_is_not_there_is_named_without_its_password(on_kafka: OnKafka) -> None:
    settings = replace(on_kafka.settings, dsn="postgresql://somebody:secret@127.0.0.1:1/nowhere")
    stop = threading.Event()
    stop.set()
    with pytest.raises(ProjectionError, match=r"127\.0\.0\.1:1/nowhere can't be reached") as caught:
        connect(settings.dsn, stop)
    assert "secret" not in str(caught.value)
