"""kill -9 of programs and of everything, at random moments while the real conversations play: the counts stay exact."""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rejoinder.cluster import connect
from rejoinder.instance import Instance, NotRunning, find_instance
from tests.log_checks import read_log
from tests.playing import logs, services, start, summary_of, traffic_of

pytestmark = [pytest.mark.timeout(1500), pytest.mark.slow]

WANTED = {
    "contacts": 696, "interactions": 706, "inbound_messages": 1308, "replies_posted": 1066, "replies_refused": 4,
    "replies_unmatched": 25, "dead_letters": 0,
}  # fmt: skip
SECONDS = 10_890_277
PROGRAMS = ("engine", "projector", "delivery", "web", "engine")
LINES = 2378


@pytest.fixture
def running() -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Plays under way; none is left behind."""
    plays: list[subprocess.Popen[bytes]] = []
    yield plays
    for play in plays:
        if play.poll() is None:
            play.send_signal(signal.SIGTERM)
            play.wait(60)


def played(data: Path) -> int:
    """How many posts the simulated platform has been told of, which only grows: how far the play is."""
    journal = data / "simulator.jsonl"
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def wait_for(data: Path, play: "subprocess.Popen[bytes]", lines: int) -> None:
    deadline = time.monotonic() + 300
    while played(data) < lines:
        assert play.poll() is None, f"the play ended before its time\n{logs(data)}"
        assert time.monotonic() < deadline, f"the play stands still\n{logs(data)}"
        time.sleep(0.02)


def instance(data: Path) -> Instance | None:
    try:
        return find_instance(data)
    except NotRunning:
        return None


def everything(data: Path, play: "subprocess.Popen[bytes]") -> list[int]:
    """The pids of the play, its programs, Kafka and PostgreSQL."""
    noted = json.loads((data / "processes.json").read_text())
    return [play.pid, *(each["pid"] for each in noted)]


def check(data: Path, summary: dict[str, object]) -> None:
    assert {name: summary[name] for name in WANTED} == WANTED
    assert summary["first_response_seconds"]["sum"] == SECONDS  # type: ignore[index]
    assert summary["unaccounted"] == []
    with services(data) as (settings, supervisor):
        cluster = connect(settings, supervisor.services.bootstrap)
        for name in ("interaction.events", "routing.events"):
            assert read_log(cluster, name).faults == []


def moments(seed: int, count: int) -> list[int]:
    """Random moments of a play, by lines of the simulator's journal."""
    return sorted(random.Random(seed).sample(range(1200, 3300), count))


def test_programs_are_killed_at_five_random_moments(
    shared: Path, tmp_path: Path, running: list["subprocess.Popen[bytes]"]
) -> None:
    data, seed = tmp_path / "data", random.randrange(10**6)
    print(f"seed {seed}")
    play = start(data, traffic_of(shared, tmp_path))
    running.append(play)
    for moment, name in zip(moments(seed, 5), PROGRAMS, strict=True):
        wait_for(data, play, moment)
        found = instance(data)
        assert found is not None
        os.kill(found.programs[name].pid, signal.SIGKILL)
    stdout, stderr = play.communicate(timeout=600)
    assert play.returncode == 0, f"{stderr.decode()[-2000:]}\n{logs(data)}"
    check(data, summary_of(stdout))


def test_everything_is_killed_at_five_random_moments(
    shared: Path, tmp_path: Path, running: list["subprocess.Popen[bytes]"]
) -> None:
    data, seed = tmp_path / "data", random.randrange(10**6)
    print(f"seed {seed}")
    traffic = traffic_of(shared, tmp_path)
    for moment in moments(seed, 5):
        play = start(data, traffic)
        running.append(play)
        wait_for(data, play, moment)
        for pid in everything(data, play):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue  # it ended on its own between the look and the kill
        play.communicate(timeout=60)
    play = start(data, traffic)
    running.append(play)
    stdout, stderr = play.communicate(timeout=900)
    assert play.returncode == 0, f"{stderr.decode()[-2000:]}\n{logs(data)}"
    check(data, summary_of(stdout))
