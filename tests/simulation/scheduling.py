"""Virtual time, and who runs next: every worker is a greenlet that stops wherever it waits for something outside.

Nothing runs beside anything else, and every choice is the seed's, so that a run can be made again. A process may be
paused, so that it wakes up as a zombie, or killed, wherever it stops.
"""

import heapq
import itertools
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from unittest import mock

from greenlet import greenlet

START: Final = 1_772_442_000_000
"""When every simulation begins, by its wall clock: a Monday in March 2026."""


class Killed(BaseException):
    """Unwinds a worker whose process is gone. Whatever it does on the way out has no effect any more."""


@dataclass(eq=False)
class Process:
    """A program. What it runs lives, waits and dies together."""

    name: str
    is_dead: bool = False
    paused_until: float = 0.0
    tasks: "list[Task]" = field(default_factory=list)
    turns: int = 0
    """How often a loop of it did something, which another of its lines may wait for."""
    on_kill: list[Callable[[], None]] = field(default_factory=list)


@dataclass(eq=False)
class Task:
    """One line of a process."""

    process: Process
    name: str
    greenlet: Any
    wake: float = 0.0
    until: Callable[[], bool] | None = None
    at: str = "start"
    """Where it stopped."""
    failure: BaseException | None = None
    asked_at: int = -1
    """The version of the world for which `until` was false."""


class Scheduler:
    """Runs tasks one at a time. `now` is in milliseconds since the start."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.now = 0.0
        self.tasks: list[Task] = []
        self.steps = 0
        self.version = 0
        """Changes with whatever somebody may wait for."""
        self.current: Task | None = None
        self.before: Callable[[Task], bool] = lambda task: True
        """Asked before a task goes on; False: not now."""
        self.after: Callable[[Task], None] = lambda task: None
        """Told of a task that came to its end by itself."""
        self._main = greenlet.getcurrent()
        self._later: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()

    def wall(self) -> int:
        """The wall clock, milliseconds since 1970."""
        return START + int(self.now)

    def start(self, process: Process, name: str, work: Callable[[], None]) -> Task:
        """Begins a line of a process."""
        task = Task(process, name, None, self.now)

        def run() -> None:
            try:
                work()
            except Killed:
                return
            except BaseException as error:
                task.failure = error

        task.greenlet = greenlet(run, self._main)
        process.tasks.append(task)
        self.tasks.append(task)
        return task

    def at(self, when: float, do: Callable[[], object]) -> None:
        """Does something later, whoever is dead by then: what is on its way in the network arrives."""
        heapq.heappush(self._later, (when, next(self._numbers), do))

    def wait(self, seconds: float, until: Callable[[], bool] | None = None, at: str = "wait") -> None:
        """The running task goes on after so long, or once something holds."""
        task = self.current
        assert task is not None, "only a task can wait"
        if task.process.is_dead:
            raise Killed
        task.wake, task.until, task.at, task.asked_at = self.now + seconds * 1000, until, at, -1
        self._main.switch()

    def kill(self, process: Process) -> None:
        """Ends a process as SIGKILL does."""
        process.is_dead = True
        for task in process.tasks:
            if task is not self.current and task.greenlet:  # else it never began, or is over
                self.resume(task, Killed())
        for each in process.on_kill:
            each()
        self.tasks = [task for task in self.tasks if task.process is not process]
        if self.current is not None and self.current.process is process:
            raise Killed

    def step(self) -> bool:
        """Whoever can go on does, one of them; else the time moves to when somebody can. False: nobody ever will."""
        self.steps += 1
        while self._later and self._later[0][0] <= self.now:
            heapq.heappop(self._later)[2]()
            self.version += 1
        now, version = self.now, self.version
        able: list[Task] = []
        for task in self.tasks:
            if task.process.paused_until > now:
                continue
            if task.wake <= now:
                able.append(task)
            elif task.until is not None and task.asked_at != version:
                task.asked_at = version
                if task.until():
                    able.append(task)
        if not able:
            return self._pass_time()
        task = able[0] if len(able) == 1 else self.chance.choice(able)
        self.now += self.chance.random()
        if self.before(task) and not task.process.is_dead:
            self.resume(task)
            if task.greenlet.dead:
                self.after(task)
        return True

    def _pass_time(self) -> bool:
        times = [max(task.wake, task.process.paused_until) for task in self.tasks]
        if self._later:
            times.append(self._later[0][0])
        if not times:
            return False
        self.now = max(self.now, min(times))
        return True

    def resume(self, task: Task, error: BaseException | None = None) -> None:
        before, self.current = self.current, task
        task.until = None
        try:
            if error is None:
                task.greenlet.switch()
            else:
                task.greenlet.throw(error)
        finally:
            self.current = before
        if task.greenlet.dead and task in self.tasks:
            self.tasks.remove(task)


class Stop:
    """Stands in for the threading.Event that tells a worker to stop."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._is_set = False

    def set(self) -> None:
        self._is_set = True

    def is_set(self) -> bool:
        return self._is_set

    def wait(self, timeout: float | None = None) -> bool:
        self._scheduler.wait(timeout or 0.0, self.is_set, "stop")
        return self._is_set


@contextmanager
def virtual_time(scheduler: Scheduler) -> Iterator[None]:
    """Whatever a task asks of the module `time` is the simulation's; everybody else has the real one."""
    sleep, monotonic, time_ns = time.sleep, time.monotonic, time.time_ns

    def is_task() -> bool:
        return scheduler.current is not None and greenlet.getcurrent() is scheduler.current.greenlet

    def nap(seconds: float) -> None:
        if is_task():
            scheduler.wait(seconds, at="sleep")
        else:
            sleep(seconds)

    with (
        mock.patch.object(time, "sleep", nap),
        mock.patch.object(time, "monotonic", lambda: scheduler.now / 1000 if is_task() else monotonic()),
        mock.patch.object(time, "time_ns", lambda: scheduler.wall() * 1_000_000 if is_task() else time_ns()),
    ):
        yield
