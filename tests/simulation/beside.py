"""What the delivery worker runs beside its reading, without a thread: an event loop in virtual time, and the records
that it writes outside of transactions.
"""

import asyncio
from asyncio import base_events, events
from collections.abc import Coroutine, Iterable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

from engine.envelope import partition_of
from schemas.codec import Codec
from tests.simulation.kafka import Kafka
from tests.simulation.scheduling import Process
from topics.errors import NotPublished
from topics.publisher import Outgoing

Opened = TypeVar("Opened")
Result = TypeVar("Result")

ACKNOWLEDGED: Final = 40.0
"""How long it takes at most until a record is acknowledged, milliseconds."""
LATEST: Final = 20_000.0
FOR_EVER: Final = 1e9


class _NoSelector:
    """There is nothing outside that a loop could wait for."""

    def select(self, timeout: float | None = None) -> list[Any]:
        return []

    def close(self) -> None:
        """Nothing is open."""


class VirtualLoop(base_events.BaseEventLoop):
    """An event loop that turns when it is told to, by the simulation's time."""

    def __init__(self, kafka: Kafka) -> None:
        super().__init__()
        self._kafka = kafka
        self._selector = _NoSelector()

    def time(self) -> float:
        return self._kafka.scheduler.now / 1000

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody waits: the loop is turned when it has something."""
        self._kafka.scheduler.version += 1

    def turn(self) -> None:
        """Does what is ready."""
        before = events._get_running_loop()
        events._set_running_loop(self)
        try:
            self._run_once()  # type: ignore[attr-defined]
        finally:
            events._set_running_loop(before)

    def has_something(self) -> bool:
        """Whether anything is ready, or due."""
        scheduled = self._scheduled  # type: ignore[attr-defined]
        return bool(self._ready) or bool(scheduled and scheduled[0].when() <= self.time())  # type: ignore[attr-defined]

    def nearest(self) -> float:
        """In how many seconds something is due."""
        scheduled = self._scheduled  # type: ignore[attr-defined]
        return max(0.0, scheduled[0].when() - self.time()) if scheduled else FOR_EVER

    def end(self, main: "asyncio.Task[Any] | None") -> None:
        """Calls off what still runs, and then what was opened."""
        self.turn()  # what was handed over last begins
        while others := [task for task in asyncio.all_tasks(self) if task is not main]:
            self._call_off(others)
        if main is not None and not main.done():
            self._call_off([main])
        self.turn()
        self.close()

    def _call_off(self, tasks: "list[asyncio.Task[Any]]") -> None:
        for task in tasks:
            task.cancel()
        self.turn()


class SimulatedBeside(Generic[Opened]):
    """Stands in for topics.beside.Beside: its loop is another line of the same process."""

    def __init__(self, kafka: Kafka, process: Process, opens: AbstractAsyncContextManager[Opened], name: str) -> None:
        self._kafka = kafka
        self._process = process
        self._opens = opens
        self._name = name
        self._loop = VirtualLoop(kafka)
        self._is_over = False

    @property
    def opened(self) -> Opened:
        return self._opened

    def start(self, work: Coroutine[Any, Any, Result]) -> "Future[Result]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def __enter__(self) -> Self:
        self._main = self._loop.create_task(self._serve())
        while not hasattr(self, "_opened"):
            self._loop.turn()
        self._kafka.scheduler.start(self._process, self._name, self._turn)
        self._process.on_kill.append(self._end)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    async def _serve(self) -> None:
        async with self._opens as self._opened:
            await asyncio.Event().wait()

    def _turn(self) -> None:
        """One turn after the other, whenever there is something to do."""
        while not self._is_over:
            self._kafka.scheduler.wait(self._loop.nearest(), self._is_due, "loop")
            if not self._is_over:
                self._loop.turn()
                self._process.turns += 1

    def _is_due(self) -> bool:
        return self._is_over or self._loop.has_something()

    def _end(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._kafka.scheduler.version += 1
            self._loop.end(self._main)


class SimulatedPublisher:
    """Stands in for topics.publisher.Publisher. A record that was given up may arrive all the same."""

    def __init__(self, kafka: Kafka, process: Process, codec: Codec) -> None:
        self._kafka = kafka
        self._process = process
        self._codec = codec

    async def publish_async(self, records: Iterable[Outgoing]) -> None:
        for outgoing in records:
            await asyncio.wrap_future(self._send(outgoing))

    def _send(self, outgoing: Outgoing) -> "Future[None]":
        kafka, chance = self._kafka, self._kafka.scheduler.chance
        count = sum(topic == outgoing.topic for topic, _ in kafka.partitions)
        place = outgoing.topic, partition_of(outgoing.partition_key or outgoing.key, count)
        assert outgoing.record is not None
        value = self._codec.encode(outgoing.record)
        known: Future[None] = Future()

        def arrive() -> None:
            kafka.append(place, outgoing.key.encode(), value)

        def tell(error: Exception | None) -> None:
            if self._process.is_dead or known.done():
                return
            if error is None:
                known.set_result(None)
            else:
                known.set_exception(error)

        now, lost = kafka.scheduler.now, NotPublished(f"a record did not reach {outgoing.topic}")
        if kafka.faults.happens("begin lost"):
            kafka.scheduler.at(now + 9_000, lambda: tell(lost))
        elif kafka.faults.happens("begin late"):
            when = now + chance.uniform(0, LATEST)
            kafka.scheduler.at(when, arrive)
            kafka.scheduler.at(now + 9_000, lambda: tell(None if when <= now + 9_000 else lost))
        else:
            arrives = now + chance.uniform(0, ACKNOWLEDGED)
            kafka.scheduler.at(arrives, arrive)
            kafka.scheduler.at(arrives + chance.uniform(0, ACKNOWLEDGED), lambda: tell(None))
        return known

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        """Nothing is open."""
