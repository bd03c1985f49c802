"""The demo on generated traffic, run as a user runs it: all channels, each ready policy, and once more."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from rejoinder.settings import variable_of
from tests.live_board import agrees, counting
from tests.playing import COUNTS, ROOT, logs, summary_of

POLICIES: Final = ROOT / "docs" / "policies"
pytestmark = pytest.mark.timeout(600)


@dataclass
class Demo:
    """A demo in a folder of its own, on a Kafka and a database that are there."""

    data: Path
    given: dict[str, str] = field(default_factory=dict)

    def run(self, *options: str) -> "subprocess.CompletedProcess[bytes]":
        """One whole run."""
        environment = {variable_of(name): value for name, value in self.given.items()}
        return subprocess.run(
            [sys.executable, "-m", "rejoinder", "demo", "--data", str(self.data), "--exit", "--json", *options],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), **environment}, capture_output=True, check=False,
        )  # fmt: skip

    def play(self, *options: str) -> dict[str, Any]:
        """One whole run, and its summary."""
        done = self.run(*options)
        assert done.returncode == 0, f"{done.stderr.decode()[-2000:]}\n{logs(self.data)}"
        found = summary_of(done.stdout)
        assert found["unaccounted"] == []
        assert (found["dead_letters"], found["replies_refused"]) == (0, 0)
        return found


@pytest.fixture
def demo(kafka: str, database: str, topic_prefix: str, tmp_path: Path) -> Demo:
    given = {
        "kafka.bootstrap": kafka, "postgres.dsn": database, "topics.prefix": topic_prefix, "topics.partitions": "2",
        "home.secret": "s" * 32,
    }  # fmt: skip
    return Demo(tmp_path / "data", given)


def test_all_channels_are_at_work_and_played_again_every_count_stays(demo: Demo) -> None:
    first = demo.play()
    channels = first["by_channel"]
    assert set(channels) == {"x", "facebook", "messenger"}
    for name in ("interactions", "messages_in", "answers_posted", "answers_automatic"):
        assert all(counted[name] > 0 for counted in channels.values()), (name, channels)
    assert channels["x"]["suggestions"] > 0
    assert channels["facebook"]["moved_to_private"] >= 3
    # Each of them wrote in Messenger, and is known there as who commented.
    assert channels["messenger"]["handles_linked"] == channels["facebook"]["moved_to_private"]
    assert first["contacts"] < first["interactions"]
    assert first["answers_automatic"] > 0
    assert first["notices_posted"] > 0
    assert first["interactions_by_state"] == {"dispositioned": first["interactions"]}
    assert first["duplicates_ignored"] == 0
    with counting({**demo.given, "time.mode": "recorded"}, demo.data) as live:
        live.until("it counts", lambda board: True)
        agrees(live.watched(), demo.given["postgres.dsn"])
    again = demo.play()
    same = (*COUNTS, "by_channel", "answers_automatic", "notices_posted")
    assert {name: again[name] for name in same} == {name: first[name] for name in same}
    assert again["duplicates_ignored"] == first["inbound_messages"]
    refused = demo.run("--policy", str(POLICIES / "messenger-chat.yaml"))
    assert (refused.returncode, refused.stdout) == (2, b"")
    assert b"--fresh" in refused.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("public-care-on-x", {"x"}),
        ("facebook-page-with-private-follow-up", {"facebook", "messenger"}),
        ("messenger-chat", {"messenger"}),
    ],
)
def test_each_ready_policy_can_be_played(demo: Demo, name: str, channels: set[str]) -> None:
    found = demo.play("--policy", str(POLICIES / f"{name}.yaml"))
    assert set(found["by_channel"]) == channels
    assert all(counted["answers_posted"] > 0 for counted in found["by_channel"].values())
    assert found["answers_automatic"] > 0
