"""Runs an instance: Kafka, PostgreSQL and our programs; starts again what dies, stops all in order.

Everything happens in the caller's thread: a child gets its stop signal when the thread that started it ends.
"""

import json
import os
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, NoReturn, Self

from pydantic import SecretStr

from engine.errors import RejoinderError
from rejoinder.children import Child, Registry, identity_of, start, stop_all, tail
from rejoinder.instance import DataFolder, Instance, RunningProgram, metrics_file
from rejoinder.progress import step
from rejoinder.secrets import audit_secret, home_secret, needed_by
from rejoinder.services import RunningServices, Services
from rejoinder.settings import LISTENS_VARIABLE, READY_VARIABLE, Settings, variable_of

RESTARTS_ALLOWED: Final = 5
RESTARTS_WITHIN_SECONDS: Final = 60.0
STOP_GRACE_SECONDS: Final = 15.0
POLL_SECONDS: Final = 0.1


class ProgramFailed(RejoinderError):
    """A program of the instance failed."""


@dataclass(frozen=True)
class Program:
    """One of our processes: by default `python -m rejoinder run NAME`, or `run KIND` where several do the same.

    `listens`: a socket of ours that it takes connections from; see rejoinder.listening.

    Those of a lower stage are ready before those of a higher one start, and are stopped after them. It tells that it
    is ready with rejoinder.instance.report_ready. One that is `once` ends by itself, with status 0 if all was well.
    """

    name: str
    kind: str = ""
    stage: int = 0
    once: bool = False
    arguments: Sequence[str] = ()
    command: Sequence[str | Path] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    ready_seconds: float = 120.0
    listens: socket.socket | None = None

    def command_line(self) -> list[str | Path]:
        """What to run."""
        return list(self.command) or [sys.executable, "-m", "rejoinder", "run", self.kind or self.name, *self.arguments]


@dataclass
class _Running:
    program: Program
    child: Child
    restarts: deque[float] = field(default_factory=deque)
    total_restarts: int = 0
    exit_code: int | None = None
    facts: dict[str, str | int] | None = None
    metrics: str = ""


class Supervisor:
    """A context: entered, everything serves; left, everything has stopped.

    `prepare` is called once Kafka and PostgreSQL serve and before the first program starts: the place for topics.
    Inside, SIGTERM is a KeyboardInterrupt, as SIGINT is; while stopping both are held off.
    """

    def __init__(
        self, settings: Settings, programs: Sequence[Program], *, prepare: Callable[[Services], None] | None = None
    ) -> None:
        self._settings = settings
        self._programs = programs
        self._prepare = prepare
        self._folder = DataFolder(settings.data)
        self._registry = Registry(self._folder.processes)
        self._services = RunningServices(settings, self._folder, self._registry)
        self._running: dict[str, _Running] = {}
        self._service_restarts: dict[str, deque[float]] = {}
        self._stack = ExitStack()
        self._places: Services | None = None
        self._started_at = 0

    @property
    def services(self) -> Services:
        """Where Kafka and PostgreSQL are; only once it is entered."""
        if self._places is None:
            raise RuntimeError("the supervisor was not entered")
        return self._places

    def fact(self, program: str, name: str) -> str | int:
        """What a program said when it was ready."""
        return (self._running[program].facts or {})[name]

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
            stack.callback(signal.signal, signal.SIGTERM, previous)
            stack.enter_context(self._folder.owned())
            self._stop_leftovers()
            stack.callback(self._stop_everything)
            self._start_everything()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def run(self) -> NoReturn:
        """Watches until KeyboardInterrupt. Raises ProgramFailed when something keeps failing."""
        while True:
            self.tend()
            time.sleep(POLL_SECONDS)

    def run_until_ended(self, name: str) -> int:
        """Watches until the program `name`, one that runs once, has ended; gives its status."""
        while (status := self._running[name].exit_code) is None:
            self.tend()
            time.sleep(POLL_SECONDS)
        return status

    def tend(self) -> None:
        """Looks once at every process, and starts again what died. Raises ProgramFailed."""
        for name, child in list(self._services.children.items()):
            if child.exit_code is not None:
                self._count_restart(self._service_restarts.setdefault(name, deque()), child)
                self._services.restart(name)
        for running in self._running.values():
            self._tend_program(running)

    def _tend_program(self, running: _Running) -> None:
        if running.exit_code is not None:
            return
        status = running.child.exit_code
        if status is None:
            self._note_readiness(running)
        elif running.program.once:
            running.exit_code = status
            self._registry.remove(running.child)
        else:
            self._count_restart(running.restarts, running.child)
            running.total_restarts += 1
            running.child, running.facts, running.metrics = self._spawn(running.program), None, ""
            self._publish()

    def _count_restart(self, restarts: deque[float], child: Child) -> None:
        now = time.monotonic()
        while restarts and now - restarts[0] > RESTARTS_WITHIN_SECONDS:
            restarts.popleft()
        restarts.append(now)
        _say(f"{child.name} ended with status {child.exit_code}; its log is {child.log}")
        if len(restarts) > RESTARTS_ALLOWED:
            raise ProgramFailed(_failure(child, f"ended {len(restarts)} times within a minute, the last time"))

    def _stop_leftovers(self) -> None:
        self._folder.instance.unlink(missing_ok=True)
        found = self._registry.stop_leftovers()
        if found:
            _say(f"Stopped what an instance left that was killed: {', '.join(found)}")

    def _start_everything(self) -> None:
        self._started_at = time.time_ns() // 1_000_000
        self._places = self._services.start()
        self._publish()
        if self._prepare is not None:
            self._prepare(self._places)
        for stage in sorted({program.stage for program in self._programs}):
            programs = [program for program in self._programs if program.stage == stage]
            with step(f"Starting {', '.join(program.name for program in programs)}"):
                self._start_stage(programs)
        self._publish()

    def _start_stage(self, programs: Sequence[Program]) -> None:
        for program in programs:
            self._running[program.name] = _Running(program, self._spawn(program))
        for program in programs:
            self._wait_ready(self._running[program.name])

    def _wait_ready(self, running: _Running) -> None:
        deadline = time.monotonic() + running.program.ready_seconds
        while True:
            # Read before what it said: one that had ended by then has said all that it will, and one that was ready
            # did start, however soon it ended; that is for `tend`.
            status = running.child.exit_code
            self._note_readiness(running)
            if running.facts is not None or (running.program.once and status == 0):
                return
            if status is not None:
                raise ProgramFailed(_failure(running.child, "ended while starting,"))
            if time.monotonic() > deadline:
                raise ProgramFailed(_failure(running.child, f"was not ready after {running.program.ready_seconds} s,"))
            time.sleep(POLL_SECONDS / 5)

    def _note_readiness(self, running: _Running) -> None:
        ready_file = self._ready_file(running.program)
        if not running.metrics and metrics_file(ready_file).exists():
            running.metrics = metrics_file(ready_file).read_text()
            self._publish()
        if running.facts is None and ready_file.exists():
            running.facts = json.loads(ready_file.read_text())
            self._publish()

    def _spawn(self, program: Program) -> Child:
        for said in (self._ready_file(program), metrics_file(self._ready_file(program))):
            said.unlink(missing_ok=True)
        child = start(
            program.name,
            program.command_line(),
            self._folder.logs / f"{program.name}.log",
            environment=self._environment(program),
            inherited=() if program.listens is None else (program.listens.fileno(),),
        )
        self._registry.add(child)
        return child

    def _environment(self, program: Program) -> dict[str, str]:
        settings = self._told()
        return {
            **settings.environment(needed_by(program.kind or program.name, settings)),
            READY_VARIABLE: str(self._ready_file(program)),
            **({} if program.listens is None else {LISTENS_VARIABLE: str(program.listens.fileno())}),
            variable_of("metrics.port"): str(self._metrics_port(program)),
            **program.environment,
        }

    def _told(self) -> Settings:
        """The settings, with what is known by now and nobody set."""
        places, settings = self.services, self._settings
        reader = None if places.reader_dsn is None else SecretStr(places.reader_dsn)
        home, audit = (SecretStr(secret(settings).decode()) for secret in (home_secret, audit_secret))
        return settings.model_copy(
            update={
                "kafka": settings.kafka.model_copy(update={"bootstrap": places.bootstrap}),
                "postgres": settings.postgres.model_copy(update={"dsn": SecretStr(places.dsn), "reader_dsn": reader}),
                "home": settings.home.model_copy(update={"secret": home}),
                "audit": settings.audit.model_copy(update={"secret": audit}),
            }
        )

    def _metrics_port(self, program: Program) -> int:
        """A port of its own for each, from the one that is set on; 0: each takes a free one."""
        first = self._settings.metrics.port
        return first + self._programs.index(program) if first else 0

    def _ready_file(self, program: Program) -> Path:
        return self._folder.ready / program.name

    def _publish(self) -> None:
        places = self.services
        programs = {
            name: RunningProgram(
                pid=running.child.pid,
                log=str(running.child.log),
                restarts=running.total_restarts,
                facts=running.facts or {},
                metrics=running.metrics,
            )
            for name, running in self._running.items()
        }
        self._folder.write_instance(
            Instance(
                pid=os.getpid(),
                identity=identity_of(os.getpid()) or "",
                data=str(self._folder.root),
                started_at=self._started_at,
                bootstrap=places.bootstrap,
                dsn=places.dsn,
                reader_dsn=places.reader_dsn,
                embedded_kafka="kafka" in places.embedded,
                embedded_postgres="postgres" in places.embedded,
                programs=programs,
            )
        )
        self._folder.write_targets(programs)

    def _stop_everything(self) -> None:
        # A second Ctrl-C must not leave half of it running; every wait below has an end.
        previous = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            with step("Stopping"):
                self._stop_programs()
                self._services.stop()
                self._folder.instance.unlink(missing_ok=True)
                self._folder.write_targets({})
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _stop_programs(self) -> None:
        for stage in sorted({program.stage for program in self._programs}, reverse=True):
            children = [running.child for running in self._running.values() if running.program.stage == stage]
            stop_all(children, STOP_GRACE_SECONDS)
            for child in children:
                self._registry.remove(child)


def _failure(child: Child, what: str) -> str:
    status = "" if child.exit_code is None else f" with status {child.exit_code}."
    return f"{child.name} {what}{status} Its log, {child.log}, ends with:\n{tail(child.log)}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
