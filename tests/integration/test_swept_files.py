"""What was erased is gone from the files of RocksDB, PostgreSQL and Kafka, and not only from what they show."""

import time
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from engine import bookkeeping
from engine.interaction import state as interaction_state
from engine.interaction.state import Address, Contact
from projections import builds, sweeping
from projections.catalogue import BY_NAME, PROJECTIONS
from projections.projector import connect
from projections.rebuild import rebuild
from projections.records import INTERACTION_CONTENT
from projections.sweeping import sweep, sweeps
from rejoinder.settings import Settings
from tests.on_disk import configure, files_with, secret_word
from tests.processing import deployed, eventually
from tests.projecting import Connection, OnKafka, answered
from topics.catalogue import INTERACTION_CONTENT as CONTENT
from topics.clients import producer
from topics.pushing import push
from topics.rocks import RocksFolder
from topics.shelves import Change, Position

KEY = "a" * 32
HOURS = 3_600_000
SOMEWHERE = Position(cluster="c", event_offset=1, digest=b"")


def named(word: str) -> Address:
    return Address(channel="x", platform_id="7", screen_name="jo", name=word)


def rocks(path: Path) -> RocksFolder:
    return RocksFolder(str(path), (*bookkeeping.ROWS, *interaction_state.ROWS), 6 * HOURS)


def test_a_deleted_row_leaves_the_files_of_rocksdb_when_it_is_time(tmp_path: Path) -> None:
    word, before = secret_word(), named("before")
    change = Change(KEY, Address, KEY, None, named(word))
    with closing(rocks(tmp_path / "state")) as folder:
        folder.sweep(0, [3])
        folder.shelf(3).write([change], SOMEWHERE)
        folder.shelf(3).write([Change(KEY, Contact, "", None, Contact(contact_id=KEY, created_at=0))], None)
    with closing(rocks(tmp_path / "state")) as folder:  # the row is in a file of its own by now
        folder.shelf(3).write([Change(KEY, Address, KEY, named(word), None)], None)
        folder.shelf(3).write([Change("b" * 32, Address, "b" * 32, None, before)], None)
        folder.sweep(6 * HOURS - 1, [3])
    assert files_with(word, tmp_path)
    with closing(rocks(tmp_path / "state")) as folder:
        folder.sweep(6 * HOURS, [3])
    assert files_with(word, tmp_path) == []
    with closing(rocks(tmp_path / "state")) as folder:
        assert folder.shelf(3).load("b" * 32, Address, "b" * 32) == before
        assert folder.shelf(3).load(KEY, Contact, "") is not None


def test_the_state_of_partitions_that_others_own_goes(tmp_path: Path) -> None:
    kept, gone = secret_word(), secret_word()
    with closing(rocks(tmp_path / "state")) as folder:
        folder.sweep(0, [])
        for partition, word in ((0, gone), (1, kept), (255, gone)):
            folder.shelf(partition).write([Change(KEY, Address, KEY, None, named(word))], SOMEWHERE)
        folder.sweep(6 * HOURS, [1])
    assert files_with(gone, tmp_path) == []
    with closing(rocks(tmp_path / "state")) as folder:
        assert folder.shelf(1).load(KEY, Address, KEY) == named(kept)
        assert [folder.shelf(each).position() for each in (0, 255)] == [None, None]


@pytest.fixture
def on_kafka(kafka: str, database: str, topic_prefix: str) -> OnKafka:
    return OnKafka(kafka, database, topic_prefix)


def checkpoint(on_kafka: OnKafka) -> None:
    """What PostgreSQL has in memory comes into its files."""
    with psycopg.connect(on_kafka.settings.dsn, autocommit=True) as connection:
        connection.execute("CHECKPOINT")


def erase(on_kafka: OnKafka, word: str) -> None:
    (key,) = {
        raw.key
        for raw in on_kafka.log.records
        if raw.topic == INTERACTION_CONTENT and word.encode() in (raw.value or b"")
    }
    on_kafka.log.append(INTERACTION_CONTENT, key, None)
    on_kafka.publish()
    on_kafka.project_until(on_kafka.caught_up)


def test_erased_words_leave_the_files_of_postgresql(on_kafka: OnKafka, settings: Settings) -> None:
    word, other = secret_word(), secret_word()
    answered(on_kafka.log, 1, word)
    answered(on_kafka.log, 2, other)
    on_kafka.publish()
    on_kafka.project_until(on_kafka.caught_up)
    with connect(on_kafka.settings.dsn) as connection:
        sweep(connection, PROJECTIONS)  # a sweep before it must not make it believe that there is nothing to do
    erase(on_kafka, word)
    checkpoint(on_kafka)
    assert files_with(word, settings.data / "postgres")
    with connect(on_kafka.settings.dsn) as connection:
        assert "contact_history_v1.words" in eventually_swept(connection)
        assert all(each.log_removed for each in sweeps(connection))
        assert sweep(connection, PROJECTIONS) == []
    assert files_with(word, settings.data / "postgres") == []
    assert files_with(other, settings.data / "postgres")
    on_kafka.project_until(on_kafka.caught_up)


def test_a_version_beside_forgets_what_the_shown_one_forgot(on_kafka: OnKafka, settings: Settings) -> None:
    word, other = secret_word(), secret_word()
    answered(on_kafka.log, 1, word)
    answered(on_kafka.log, 2, other)
    on_kafka.publish()
    on_kafka.project_until(on_kafka.caught_up)
    rebuild(BY_NAME["contact_history"], on_kafka.log.codec, on_kafka.settings)
    erase(on_kafka, word)
    with connect(on_kafka.settings.dsn) as connection:
        assert builds.current_version(connection, "contact_history") == 2
        assert {"contact_history_v1.words", "contact_history_v2.words"} <= set(eventually_swept(connection))
        left = connection.execute("SELECT text FROM contact_history_v1.words WHERE text = ANY(%s)", ([word, other],))
        assert left.fetchall() == [(other,)]
    assert files_with(word, settings.data / "postgres") == []


def test_a_version_that_is_ahead_of_the_shown_one_keeps_its_words(on_kafka: OnKafka) -> None:
    word = secret_word()
    answered(on_kafka.log, 1, word)
    on_kafka.publish()
    on_kafka.project_until(on_kafka.caught_up)
    rebuild(BY_NAME["contact_history"], on_kafka.log.codec, on_kafka.settings)
    with connect(on_kafka.settings.dsn) as connection:
        connection.execute("DELETE FROM contact_history_v2.words")
        connection.execute(
            "UPDATE projector.offsets SET next_offset = 0 WHERE projection = 'contact_history' AND version = 2"
        )
        sweep(connection, PROJECTIONS)
        assert connection.execute(
            "SELECT count(*) FROM contact_history_v1.words WHERE text = %s", (word,)
        ).fetchone() == (1,)


def test_a_table_that_is_read_is_left_to_the_next_time(on_kafka: OnKafka) -> None:
    answered(on_kafka.log, 1)
    on_kafka.publish()
    on_kafka.project_until(on_kafka.caught_up)
    with connect(on_kafka.settings.dsn) as connection, psycopg.connect(on_kafka.settings.dsn) as reader:
        reader.execute("SELECT FROM contact_history_v1.words")
        assert "contact_history_v1.words" not in sweep(connection, PROJECTIONS)
        reader.rollback()
        assert "contact_history_v1.words" in sweep(connection, PROJECTIONS)


def test_a_log_that_could_not_be_cleared_is_not_called_clear_by_the_next_sweep(
    on_kafka: OnKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(on_kafka.log, 1)
    on_kafka.publish()
    on_kafka.project_until(on_kafka.caught_up)
    with connect(on_kafka.settings.dsn) as connection:
        with monkeypatch.context() as patch:
            patch.setattr(sweeping, "_clear_log", lambda connection: False)
            eventually("all is counted", lambda: sweep(connection, PROJECTIONS) == [])
        assert sweep(connection, PROJECTIONS) == []
        assert {each.log_removed for each in sweeps(connection)} == {False}


def test_one_sweeps_at_a_time(on_kafka: OnKafka) -> None:
    answered(on_kafka.log, 1)
    on_kafka.publish()
    on_kafka.project_until(on_kafka.caught_up)
    with connect(on_kafka.settings.dsn) as connection, connect(on_kafka.settings.dsn) as other:
        other.execute("SELECT pg_advisory_lock(7237123)")
        assert sweep(connection, PROJECTIONS) == []
        other.execute("SELECT pg_advisory_unlock(7237123)")
        assert sweep(connection, PROJECTIONS)


def eventually_swept(connection: Connection) -> set[str]:
    """What a sweep writes anew, once PostgreSQL's counts have come, which takes a moment."""
    swept: set[str] = set()

    def is_swept() -> bool:
        swept.update(sweep(connection, PROJECTIONS))
        return any(each.endswith(".words") for each in swept)

    eventually("the deletion was counted", is_swept)
    return swept


def test_a_tombstone_takes_effect_in_a_partition_where_all_is_quiet(
    kafka: str, settings: Settings, topic_prefix: str
) -> None:
    word = secret_word()
    cluster = deployed(kafka, topic_prefix, 2)
    topic = cluster.catalogue.name(CONTENT)
    configure(kafka, [], log_cleaner_backoff_ms=200)
    configure(kafka, [topic], max_compaction_lag_ms=1000, file_delete_delay_ms=100)
    writer = cluster.broker.producer(producer(kafka, "test"))
    for value in (word.encode(), None):
        writer.produce(topic, value, f"{KEY}:m:1".encode(), 1)
        writer.flush(10)
    folder = next((settings.data / "kafka").rglob(f"{topic}-1"))  # the others' files would take long to read
    time.sleep(3)  # nothing that could be waited for: what must not happen is that it goes by itself
    assert files_with(word, folder)
    assert push(cluster.broker, cluster.catalogue) == 4
    eventually("it is gone", lambda: files_with(word, folder) == [], 60)
