"""The data folder of an instance: who owns it, what is in it, and how other commands find what runs there."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from engine.errors import RejoinderError
from rejoinder.children import identity_of
from rejoinder.files import write_atomically
from rejoinder.settings import READY_VARIABLE

ELSEWHERE: Final = 0
"""What stands for the process of an instance that this machine did not start."""


HEALTH_KEY: Final = "health_key"
"""The fact with which the web program's /health tells what came; never shown."""


OWN_PORT: Final = "own_port"
"""The fact with the port under which a web program alone answers: the other may be shared by several."""


class DataFolderError(RejoinderError):
    """The data folder can't be used."""


class NotRunning(RejoinderError):
    """No instance runs."""


class RunningProgram(msgspec.Struct, kw_only=True):
    """A program of a running instance."""

    pid: int
    log: str
    restarts: int = 0
    facts: dict[str, str | int] = {}
    """What it said when it was ready: the web's `port`, for one."""
    metrics: str = ""
    """host:port of its metrics, health and readiness; empty until it says so."""


class Instance(msgspec.Struct, kw_only=True):
    """What instance.json tells of a running instance. Only its owner may read it: it holds passwords."""

    pid: int
    identity: str
    data: str
    started_at: int
    """Milliseconds since 1970."""
    bootstrap: str
    dsn: str
    reader_dsn: str | None = None
    embedded_kafka: bool
    embedded_postgres: bool
    programs: dict[str, RunningProgram] = {}

    @property
    def elsewhere(self) -> bool:
        """Whether its programs run on other machines, or in containers: then only its services are known."""
        return self.pid == ELSEWHERE


class DataFolder:
    """The layout."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.logs = root / "logs"
        self.ready = root / "ready"
        self.kafka = root / "kafka"
        self.postgres = root / "postgres"
        self.secrets = root / "secrets"
        self.processes = root / "processes.json"
        self.instance = root / "instance.json"
        self.targets = root / "metrics-targets.json"
        self.lock = root / "lock"

    def create(self) -> None:
        """Makes the folders. Raises DataFolderError if that is not allowed."""
        try:
            # As root, PostgreSQL runs as another user, who must be able to go through.
            self.root.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
            for folder in (self.logs, self.ready, self.secrets):
                folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise DataFolderError(f"The data folder {self.root} can't be made: {error.strerror}.") from error

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Holds the folder for this process alone. Raises DataFolderError, which names the owner.

        The kernel gives the lock up when its holder dies, however it dies.
        """
        self.create()
        descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                owner = os.pread(descriptor, 20, 0).decode().strip() or "unknown"
                raise DataFolderError(
                    f"The data folder {self.root} belongs to a running instance (process {owner}): "
                    "stop that one, or choose another folder with --data."
                ) from error
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            os.close(descriptor)

    def write_instance(self, instance: Instance) -> None:
        """Tells other commands what runs here."""
        write_atomically(self.instance, msgspec.json.encode(instance).decode())

    def write_targets(self, programs: Mapping[str, RunningProgram]) -> None:
        """Tells Prometheus where to look, in the form of its file_sd_configs."""
        targets = [
            {"targets": [program.metrics], "labels": {"program": name}}
            for name, program in sorted(programs.items())
            if program.metrics
        ]
        write_atomically(self.targets, json.dumps(targets))


def find_instance(data: Path) -> Instance:
    """What runs on this data folder. Raises NotRunning."""
    folder = DataFolder(data)
    try:
        instance = msgspec.json.decode(folder.instance.read_bytes(), type=Instance)
    except FileNotFoundError:
        instance = None
    except msgspec.MsgspecError as error:
        raise DataFolderError(f"{folder.instance} can't be read: {error}. Remove it and start again.") from error
    if instance is None or identity_of(instance.pid) != instance.identity:
        raise NotRunning(
            f"No instance runs on {data}: start one with `rejoinder up`, or name the folder of another with --data."
        )
    return instance


def report_ready(facts: Mapping[str, str | int] | None = None) -> None:
    """For a program: tells the supervisor, if there is one, that it serves, and for instance on which port."""
    if file := os.environ.get(READY_VARIABLE):
        write_atomically(Path(file), json.dumps(dict(facts or {})))


def report_metrics(host: str, port: int) -> None:
    """For a program: tells the supervisor, if there is one, where it can be looked at; long before it is ready."""
    if file := os.environ.get(READY_VARIABLE):
        write_atomically(metrics_file(Path(file)), f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


def metrics_file(ready_file: Path) -> Path:
    """Where a program tells that, beside the file where it tells that it is ready."""
    return ready_file.with_name(f"{ready_file.name}.metrics")
