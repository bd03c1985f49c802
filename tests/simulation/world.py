"""A whole Rejoinder under one seed: two engines, two delivery workers, two projectors, and all that they talk to.

The workers' code is the real one. What is simulated is listed in docs/why/simulation.md.
"""

import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Final

import structlog
from confluent_kafka import KafkaException

from channels import delivery
from channels.lanes import Lanes
from engine.decider import Decider
from engine.delivery import AttemptBegun
from engine.envelope import home
from engine.interaction import events as e
from engine.interaction.decider import InteractionDecider
from engine.record import Event
from engine.routing.decider import RoutingDecider
from projections.catalogue import PROJECTIONS
from projections.errors import DatabaseUnreachable, OffsetConflict
from projections.projector import Projector
from projections.projector import Settings as ProjectorSettings
from rejoinder.signing import WriterKey
from tests.simulation.beside import SimulatedBeside, SimulatedPublisher
from tests.simulation.broker import AUDIT_SECRET, CATALOGUE, PARTITIONS, RULES, Broker
from tests.simulation.checker import Checker, Seen, Violation
from tests.simulation.database import Database, standing_in
from tests.simulation.disk import Disk
from tests.simulation.faults import Faults, drawn
from tests.simulation.kafka import Kafka, Place
from tests.simulation.people import People
from tests.simulation.platform import Begins, SimulatedClock, SimulatedPlatform
from tests.simulation.resting import check_at_rest
from tests.simulation.restored import FILLING, checked
from tests.simulation.scheduling import Process, Scheduler, Stop, Task, virtual_time
from tests.unit.builders import codec
from topics.delivering import Attempt, DeliverySetup, DeliveryWorker
from topics.processor import Processor, Setup
from topics.sealing import writer_name
from topics.transactions import WorkerFailed

WATCHED: Final = (
    "interaction.commands",
    "interaction.events",
    "routing.commands",
    "routing.events",
    "delivery.commands",
    "delivery.attempts",
    "command.results",
    "dead.letters",
)

FAULTY: Final = 40_000.0
"""For how long things go wrong, milliseconds."""
QUIET: Final = 40_000.0
"""For how long nothing has to happen until all is at rest."""
PATIENCE: Final = 900_000.0
"""How long it may take until it is: else something waits for ever."""
PRESSING: Final = 8_000.0
COMPACTING: Final = 3_000.0
"""How often the cleaner of Kafka may come by."""
LONGEST_ABSENCE: Final = 20_000.0
PAUSES: Final = (3_000.0, 30_000.0)
LONG_PAUSES: Final = (20_000.0, 30_000.0)
"""Past the session, and past the next checkpoint of whoever comes after."""
ALLOWED: Final = (WorkerFailed, OffsetConflict, DatabaseUnreachable, KafkaException)
"""What a worker may end with while things go wrong: it is started again. All else is a fault of the code."""


class World:
    """One run. Ask for `run`, then look at `faults.seen`."""

    def __init__(self, seed: int, faults: Faults | None = None, trace: Callable[[str], None] | None = None) -> None:
        self.seed = seed
        chance = random.Random(seed)
        self.faults = drawn(seed, chance) if faults is None else faults
        self.faults.chance = chance
        self.scheduler = Scheduler(chance)
        self.scheduler.before = self._before
        self.scheduler.after = self._after
        topics = {topic.name: topic.partitions for topic in CATALOGUE.topics.values()}
        self.kafka = Kafka(self.scheduler, self.faults, topics)
        self.kafka.on_offset = self._offset_moved
        self.people = People(self.kafka, codec(), PARTITIONS)
        self.platform = SimulatedPlatform(self.scheduler, self.faults)
        self.database = Database(self.faults, self._pause_for)
        self.disk = Disk(self.faults)
        self.checker = Checker(codec(), PARTITIONS)
        self.processes: dict[str, Process] = {}
        self._brokers: dict[Process, Broker] = {}
        self._stops: dict[Process, Stop] = {}
        self._looked: dict[Place, int] = {(topic, n): 0 for topic in WATCHED for n in range(PARTITIONS)}
        self._begun: dict[str, Event] = {}
        self._last_new = 0.0
        self._seen_version = -1
        self._trace = trace

    # --- the run ---

    def run(self, steps: int = 1_000_000) -> None:
        """Raises Violation where something is not as it has to be."""
        with self._installed():
            self.people.begin(1, FAULTY * 0.8)
            self._compact()
            for name in ("engine-1", "engine-2", "delivery-1", "delivery-2", "projector-1", "projector-2"):
                self.start(name)
            while self.scheduler.now < FAULTY and self.scheduler.steps < steps:
                self._step()
            self._mend()
            self._come_to_rest()
            check_at_rest(self)

    def _mend(self) -> None:
        self.note("nothing goes wrong any more")
        self.faults.active = False
        self.people.pressing = True
        for process in self.processes.values():
            process.paused_until = min(process.paused_until, self.scheduler.now)

    def _come_to_rest(self) -> None:
        begun, pressed = self.scheduler.now, 0.0
        self._last_new = begun
        while self.scheduler.now - self._last_new < QUIET or not self.people.is_done:
            if self.scheduler.now - begun > PATIENCE:
                waiting = {key: matter.state for key, matter in self.people.matters.items()}
                raise Violation(f"it does not come to rest: {waiting}")
            if self.scheduler.now - pressed > PRESSING and not self.people.is_done:
                pressed = self.scheduler.now
                self.people.press()
            self._step()

    def _step(self) -> None:
        if not self.scheduler.step():
            raise Violation("nobody ever goes on")
        if self._seen_version != self.scheduler.version:
            self._seen_version = self.scheduler.version
            self._look()

    # --- processes ---

    def start(self, name: str) -> None:
        """A process begins, with its state as it lies on the disk."""
        self.note(f"{name} begins")
        process = Process(name)
        self.processes[name] = process
        self._brokers[process] = Broker(self.kafka, process)
        self._stops[process] = Stop(self.scheduler)
        program, _, instance = name.partition("-")
        {"engine": self._engine, "delivery": self._delivery, "projector": self._projector}[program](process, instance)

    def _engine(self, process: Process, instance: str) -> None:
        stop, known = self._stops[process], dict(RULES)
        deciders: tuple[Decider, ...] = (InteractionDecider(), RoutingDecider())
        for decider in deciders:
            shelves = self.disk.folder(f"{decider.name}-{instance}", self._end_of(f"{decider.name}.events"))
            setup = Setup(
                broker=self._brokers[process],
                catalogue=CATALOGUE,
                codec=codec(),
                decider=decider,
                instance=instance,
                signer=WriterKey(AUDIT_SECRET, writer_name(decider.name, instance)),
                policies=known,
                clock=self.scheduler.wall,
                shelves=shelves,
                point=self._point,
            )
            self.scheduler.start(process, decider.name, lambda setup=setup: Processor(setup).run(stop))  # type: ignore[misc, arg-type]

    def _point(self, name: str) -> None:
        if name == "checkpoint committed":
            self.faults.saw("checkpoint written")
        self.scheduler.wait(0, None, f"crash at {name}")

    def _delivery(self, process: Process, instance: str) -> None:
        broker, stop = self._brokers[process], self._stops[process]

        @asynccontextmanager
        async def makes(begin: Callable[[AttemptBegun], Awaitable[None]]) -> AsyncIterator[Attempt]:
            worker = delivery.Worker(
                {"x": self.platform, "messenger": self.platform},
                lambda channel, platform_id: home(b"simulated", channel, platform_id),
                Begins(begin),
                SimulatedClock(self.scheduler),
            )
            yield Lanes(worker).attempt

        setup = DeliverySetup(
            broker=broker,
            catalogue=CATALOGUE,
            codec=codec(),
            instance=instance,
            makes=makes,
            clock=self.scheduler.wall,
            point=lambda name: self.scheduler.wait(0, None, f"crash at delivery's {name}"),
            begins=lambda *given: SimulatedPublisher(self.kafka, process, codec()),  # type: ignore[arg-type]
            beside=lambda opens, name: SimulatedBeside(self.kafka, process, opens, name),  # type: ignore[arg-type, return-value]
        )
        self.scheduler.start(process, "delivery", lambda: DeliveryWorker(setup).run(stop))  # type: ignore[arg-type]

    def _projector(self, process: Process, instance: str) -> None:
        broker, stop = self._brokers[process], self._stops[process]
        settings = ProjectorSettings("simulated", "simulated", instance=instance, consumer=broker.consumer)
        self.scheduler.start(process, "projector", lambda: Projector(PROJECTIONS, codec(), settings).run(stop))  # type: ignore[arg-type]

    def _end_of(self, topic: str) -> Callable[[int], int]:
        """Tells where a partition of the log ends."""
        return lambda partition: len(self.kafka.partitions[topic, partition].records)

    # --- what goes wrong ---

    def _before(self, task: Task) -> bool:
        """A task is about to go on: unless its process is killed or paused just there."""
        process, faults = task.process, self.faults
        if self._trace is not None:
            self.note(f"{process.name} {task.name}: {task.at}")
        if not faults.active:
            return True
        is_point = task.at.startswith("crash at ")
        if faults.happens(task.at if is_point else "crash"):
            self._crash(process)
            return False
        if faults.happens("pause at a point" if is_point else "pause"):
            self._pause(process)
            return False
        if task.at == FILLING and faults.happens("pause while restoring"):
            self._pause(process, LONG_PAUSES)
            return False
        if faults.happens("a worker leaves"):
            self.note(f"{process.name} is told to stop")
            self._stops[process].set()
        return True

    def _compact(self) -> None:
        """Kafka's cleaner comes by, now and then."""
        if self.faults.happens("snapshots compacted"):
            for topic, partition in self.kafka.partitions:
                if topic.endswith(".snapshots"):
                    self.kafka.compact((topic, partition))
        if self.faults.active:
            self.scheduler.at(self.scheduler.now + COMPACTING, self._compact)

    def _crash(self, process: Process) -> None:
        self.note(f"{process.name} is killed")
        self._fall_silent(process, lambda: self.scheduler.kill(process))
        self._again_later(process.name, process)

    def _pause(self, process: Process, pauses: tuple[float, float] = PAUSES) -> None:
        self.note(f"{process.name} is paused")
        until = self.scheduler.now + self.scheduler.chance.uniform(*pauses)

        def pause() -> None:
            process.paused_until = until

        self._fall_silent(process, pause)

    def _fall_silent(self, process: Process, how: Callable[[], None]) -> None:
        how()
        for consumer in self._brokers[process].consumers:
            consumer.fall_silent()

    def _again_later(self, name: str, process: Process) -> None:
        """The supervisor starts what died: at once, or after its session is over."""
        longest = LONGEST_ABSENCE if self.faults.active else 500.0
        when = self.scheduler.now + self.scheduler.chance.uniform(50, longest)

        def again() -> None:
            if self.processes[name] is process:
                self.start(name)

        self.scheduler.at(when, again)

    def _after(self, task: Task) -> None:
        """A line of a process came to its end: so does the process."""
        process, name = task.process, task.process.name
        if process.is_dead or self.processes.get(name) is not process:
            return
        if task.failure is not None and not isinstance(task.failure, ALLOWED):
            raise Violation(f"{name} ended with {type(task.failure).__name__}: {task.failure}") from task.failure
        if task.failure is None and not all(each.greenlet.dead for each in process.tasks):
            return  # the others are on their way out too; or it was the loop of a life before
        self.note(f"{name} ended" + (f" with {task.failure!r}" if task.failure else ""))
        self._fall_silent(process, lambda: self.scheduler.kill(process))
        self._again_later(name, process)

    def _pause_for(self, what: str) -> None:
        """The database is asked: others may come in between."""
        if self.scheduler.current is not None:
            self.scheduler.wait(0, None, what)

    def _offset_moved(self, group: str, place: Place, before: int | None, after: int) -> None:
        if before is not None and after < before:
            raise Violation(f"{group}'s offset in {place} went back from {before} to {after}")

    # --- what is seen ---

    def _look(self) -> None:
        """Whatever readers of committed records see by now is checked, and shown to the people."""
        for place, looked in self._looked.items():
            partition, offset = self.kafka.partitions[place], looked
            if offset == len(partition.records):
                continue
            stable = partition.stable
            while offset < stable:
                if partition.is_shown(offset):
                    self._see(place, offset)
                offset += 1
            self._looked[place] = offset

    def _see(self, place: Place, offset: int) -> None:
        stored = self.kafka.partitions[place].records[offset]
        batch = -1 if stored.transaction is None else stored.transaction.number
        record = self.checker.take(Seen(*place, offset, stored.key.decode(), stored.value, batch))
        self._last_new = self.scheduler.now
        if self._trace is not None:
            self.note(f"    {place[0]}[{place[1]}]@{offset} {type(record).__name__} {stored.key.decode()[:8]}")
        if isinstance(record, Event) and place[0] == "interaction.events":
            self.people.see(record)
            if isinstance(record, e.QueuedAgain) and record.why == "expired":
                self.faults.saw("offer expired")

    def note(self, text: str) -> None:
        """A line of the trace."""
        if self._trace is not None:
            self._trace(f"{self.scheduler.now / 1000:9.3f} {text}")

    @contextmanager
    def _installed(self) -> Iterator[None]:
        """Time is the simulation's, the projector has its database, and nobody logs."""
        config = structlog.get_config()
        level = logging.root.manager.disable
        with ExitStack() as stack:
            stack.callback(lambda: structlog.configure(**config))
            stack.callback(logging.disable, level)
            structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
            logging.disable(logging.CRITICAL)
            stack.enter_context(virtual_time(self.scheduler))
            stack.enter_context(standing_in(self.database))
            stack.enter_context(checked(self))
            stack.callback(self._kill_all)
            yield

    def _kill_all(self) -> None:
        self.faults.active = False
        for process in self.processes.values():
            if not process.is_dead:
                self.scheduler.kill(process)
