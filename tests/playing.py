"""Plays the real conversations through a demo of its own, as a user would, in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rejoinder.settings import Settings, load
from rejoinder.supervisor import Supervisor

ROOT = Path(__file__).parent.parent
COUNTS = (
    "contacts", "interactions", "interactions_by_state", "inbound_messages", "replies_posted", "replies_refused",
    "replies_unmatched", "dead_letters", "first_response_seconds", "events",
)  # fmt: skip
"""What must be the same however often the file is played."""


def traffic_of(shared: Path, folder: Path) -> Path:
    """The recorded traffic of the real conversations, made by the tool that lies beside them."""
    file = folder / "traffic-of-2017.jsonl"
    source = shared / "data" / "x-support" / "conversations.csv"
    tool = shared / "tools" / "support_traffic.py"
    with file.open("wb") as out:
        subprocess.run([sys.executable, tool, source], stdout=out, check=True)
    return file


def command(data: Path, traffic: Path) -> list[str]:
    """The command line of a play."""
    return [
        sys.executable, "-m", "rejoinder", "demo", "--data", str(data), "--traffic", str(traffic), "--speed", "max",
        "--exit", "--json",
    ]  # fmt: skip


def start(data: Path, traffic: Path) -> "subprocess.Popen[bytes]":
    """A play under way."""
    return subprocess.Popen(
        command(data, traffic), cwd=ROOT, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def play(data: Path, traffic: Path) -> dict[str, Any]:
    """A whole play; its summary."""
    done = subprocess.run(
        command(data, traffic), cwd=ROOT, env=_environment(), capture_output=True, timeout=600, check=False
    )
    assert done.returncode == 0, f"{done.stderr.decode()[-2000:]}\n{logs(data)}"
    return summary_of(done.stdout)


def summary_of(stdout: bytes) -> dict[str, Any]:
    """The summary is the last line, and the only thing on standard output."""
    (line,) = stdout.decode().splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def logs(data: Path) -> str:
    """The ends of the programs' logs, for a failure's message."""
    files = sorted((data / "logs").glob("*.log"))
    return "\n".join(f"== {file.name}\n{file.read_text('utf-8', 'replace')[-1500:]}" for file in files)


@contextmanager
def services(data: Path) -> Iterator[tuple[Settings, Supervisor]]:
    """Kafka and PostgreSQL of a played folder, without any program."""
    settings = load({"data": str(data), "time.mode": "recorded"})
    with Supervisor(settings, []) as supervisor:
        yield settings, supervisor


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}
