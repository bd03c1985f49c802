"""`rejoinder up` as a process of its own, on the tests' Kafka and PostgreSQL, with simulated platforms."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from rejoinder.instance import RunningProgram, find_instance
from rejoinder.settings import Settings, load, variable_of
from tests.processing import ROOT, eventually


@dataclass
class Up:
    """A running instance."""

    settings: Settings
    told: Path
    """What it said."""

    def programs(self) -> Mapping[str, RunningProgram]:
        """What runs now."""
        return find_instance(self.settings.data).programs

    def address(self, program: str) -> str:
        """Where a program listens."""
        return f"http://127.0.0.1:{self.programs()[program].facts['port']}"

    def say(self, what: Mapping[str, Any]) -> bool:
        """A customer writes on a simulated platform; whether our webhook took it."""
        with httpx.Client(trust_env=False, timeout=30) as http:
            answer = http.post(f"{self.address('simulator')}/_simulator/customers/say", json=what)
        assert answer.status_code == 200, answer.text
        return bool(answer.json()["delivered"])


@contextmanager
def up(data: Path, kafka: str, database: str, prefix: str, *options: str, partitions: int = 2) -> Iterator[Up]:
    """Runs it until the end of the block; then it has to end with 0."""
    given = {
        "data": str(data), "kafka.bootstrap": kafka, "postgres.dsn": database, "topics.prefix": prefix,
        "topics.partitions": str(partitions), "home.secret": "s" * 32, "x.simulated": "true", "meta.simulated": "true",
    }  # fmt: skip
    variables = {variable_of(name): each for name, each in given.items()}
    told = data.with_name(f"{data.name}.told")
    with told.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "rejoinder", "up", *options],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
            stdout=out,
            stderr=out,
        )
    try:
        eventually(
            "everything runs", lambda: process.poll() is not None or b"The simulator plays" in told.read_bytes(), 180
        )
        assert process.poll() is None, told.read_text()
        yield Up(load(environment=variables), told)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(60)
    assert process.returncode == 0, told.read_text()
