"""A whole instance with Kafka and PostgreSQL of its own, in processes of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psycopg

from rejoinder.instance import Instance, find_instance
from rejoinder.settings import variable_of
from tests.playing import ROOT


@dataclass
class Running:
    """An instance in processes of its own."""

    data: Path
    instance: Instance
    process: "subprocess.Popen[bytes]"

    def address(self, program: str) -> str:
        return f"http://127.0.0.1:{self.instance.programs[program].facts['port']}"

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.instance.dsn) as connection:
            return connection.execute(query).fetchall()

    def command(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "rejoinder", *arguments, "--data", str(self.data)],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()


@contextmanager
def running(data: Path, settings: Mapping[str, str] = MappingProxyType({})) -> Iterator[Running]:
    """Runs `rejoinder up` with simulated platforms until the end of the block."""
    given = {"x.simulated": "true", "meta.simulated": "true", **settings}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **{variable_of(name): each for name, each in given.items()}}
    told = data.parent / "told"
    with told.open("wb") as out:
        command = [sys.executable, "-m", "rejoinder", "up", "--data", str(data)]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
    try:
        until("everything runs", 180, lambda: process.poll() is not None or b"The simulator" in told.read_bytes())
        assert process.poll() is None, told.read_text()
        yield Running(data, find_instance(data), process)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(90)


def until(what: str, seconds: float, found: Callable[..., object]) -> None:
    """Waits until something is there, with an end."""
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline, f"it did not come in {seconds:.0f} s: {what}"
        time.sleep(0.2)


def token(running: Running, role: str, subject: str) -> str:
    """A token of the HTTP API."""
    made = running.command("token", "create", "--role", role, "--subject", subject, "--json")
    return str(json.loads(made)["token"])
