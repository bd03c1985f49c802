"""What stops a rebuild on its way: it is told where and why, nothing is shown, and the next one goes on."""

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
from functools import partial
from pathlib import Path

import pytest
from psycopg import sql

from engine.interaction import events as e
from projections import builds, log, offsets
from projections.builds import Build
from projections.catalogue import BY_NAME, PROJECTIONS
from projections.errors import DatabaseUnreachable, FoldFailed, InconsistentLog, NoSuchVersion, ProjectionError
from projections.filling import Tell
from projections.log import Settings, ends_of
from projections.projector import Projector, connect
from projections.rebuild import compare_beside, in_this_process, rebuild, rebuild_all
from projections.records import INTERACTION_EVENTS
from projections.workers import Workers
from projections.writer import Ends
from rejoinder.embedded.postgres import server_user
from schemas.codec import Codec
from tests.processing import eventually
from tests.projecting import PLACES, Connection, OnKafka, answered
from tests.projection_log import PARTITIONS, codec
from tests.rebuilding import Watched, Wrong, fill_first, filled_from, interfering, published, roles

AUDIT = BY_NAME["audit"]
DISK = 2 * 2**20
LEFT = 96 * 2**10
"""Bytes: room for a part of the audit trail."""


@pytest.fixture(scope="module")
def stories(kafka: str, postgres: str) -> OnKafka:
    """Stories of every kind, on Kafka: the tests that only read share them."""
    return published(kafka, postgres, "stopped.", 16)


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
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of a few records, so that something is filled before it fails."""
    monkeypatch.setattr(log, "_BATCH", 20)


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


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
