"""A run of the real thing under faults: load, workers under supervision, and in the end everything is checked."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import psycopg
from confluent_kafka import Consumer, KafkaException, TopicPartition

from projections.catalogue import PROJECTIONS
from projections.projector import Settings as ProjectorSettings
from projections.projector import connect as connect_database
from projections.rebuild import rebuild
from rejoinder.cluster import Cluster
from rejoinder.deployment import deploy, ensure_policy
from rejoinder.settings import load
from rejoinder.supervisor import RESTARTS_ALLOWED, RESTARTS_WITHIN_SECONDS
from tests.faults import checker
from tests.faults.checker import Kind, Place, Run, Violation
from tests.faults.load import POLICY, Customers, Desk, Sent
from tests.faults.worker import Orders
from tests.log_checks import entries_at_rest
from tests.processing import ROOT
from tests.processing import eventually as within
from topics import clients

PARTITIONS: Final = 4
PATIENCE: Final = 180.0
"""How long anything else may take: several times what it takes where the machine has nothing else to do."""
EVENTS: Final = ("interaction.events", "routing.events")
COMMANDS: Final = ("interaction.commands", "routing.commands")


def eventually(what: str, holds: Callable[[], bool]) -> None:
    """Waits until something holds, with an end that is far off."""
    within(what, holds, PATIENCE)


class Worker:
    """A worker that is started again when it dies, as the supervisor does, and given up as the supervisor does."""

    def __init__(self, name: str, log: Path, orders: Callable[[int], Orders]) -> None:
        """`orders`: for each start, counted from 0."""
        self.name = name
        self.log = log
        self.codes: list[int] = []
        """How it ended, each time that nobody told it to."""
        self.given_up = False
        self.paused = False
        """Whether it is left as it is when it dies."""
        self._orders = orders
        self._starts = 0
        self._recent: deque[float] = deque()
        self._told = False
        self.process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        orders = msgspec.json.encode(self._orders(self._starts)).decode()
        self._starts += 1
        with self.log.open("ab") as out:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.faults.worker", orders],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=out,
                stderr=out,
            )

    def tend(self) -> None:
        """Starts it again if it died."""
        if self._told or self.given_up or self.paused or self.process.poll() is None:
            return
        self.codes.append(self.process.returncode)
        now = time.monotonic()
        if self.codes[-1] != -signal.SIGKILL:  # that was us
            self._recent.append(now)
        while self._recent and self._recent[0] < now - RESTARTS_WITHIN_SECONDS:
            self._recent.popleft()
        if len(self._recent) > RESTARTS_ALLOWED:
            self.given_up = True
        else:
            self.process = self._start()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """kill -9; it is started again."""
        self.process.kill()

    def end(self) -> None:
        """Told to stop, as before an upgrade; killed if it does not."""
        self._told = True
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)

    def is_frozen(self) -> bool:
        """Whether it is stopped by SIGSTOP."""
        return Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    def said(self, what: str) -> int:
        """How often that stands in its log."""
        return self.log.read_text("utf-8", "replace").count(what)


class Running:
    """The parts of one run. `workers` may be added and taken away at any time."""

    def __init__(
        self,
        bootstrap: str,
        prefix: str,
        folder: Path,
        seed: int,
        *,
        dsn: str = "",
        replication: int = 1,
        via: str = "",
    ) -> None:
        """`via`: the address that workers use, where it is another than the test's own."""
        self.folder = folder
        self.dsn = dsn
        self.seed = seed
        self.workers: dict[str, Worker] = {}
        self.gone: list[Worker] = []
        given = {"kafka.bootstrap": bootstrap, "topics.prefix": prefix, "topics.partitions": PARTITIONS}
        settings = load(given | {"topics.replication": replication})
        self.cluster, _ = deploy(settings, bootstrap)
        ensure_policy(self.cluster, POLICY)
        self.orders = Orders(
            bootstrap=via or bootstrap,
            prefix=prefix,
            partitions=PARTITIONS,
            replication=replication,
            state=str(folder / "state"),
            dsn=dsn,
        )
        self._over = threading.Event()
        self._tending = threading.Thread(target=self._tend, daemon=True)
        self._lock = threading.Lock()
        self.sent = Sent(self.cluster, self.cluster.publisher("faults"), self._over)
        self.customers = Customers(self.sent, seed)
        self.desk = Desk(self.sent, seed)

    def begin(self) -> None:
        """Customers begin to write, agents to work, and what dies is started again."""
        for thread in (self._tending, self.desk, self.customers):
            thread.start()

    def worker(self, name: str = "1", orders: Callable[[int], Orders] | None = None, **changes: object) -> Worker:
        """A further worker. `orders` for each of its starts, or `changes` to what all have."""

        def same(start: int) -> Orders:
            return msgspec.structs.replace(self.orders, instance=name, **changes)

        with self._lock:
            role = str(changes.get("role", "engine"))
            made = Worker(name, self.folder / f"{role}-{name}.log", orders or same)
            self.workers[f"{role}-{name}"] = made
        return made

    def take_away(self, worker: Worker) -> None:
        """Told to stop, and gone."""
        with self._lock:
            self.workers = {name: each for name, each in self.workers.items() if each is not worker}
            self.gone.append(worker)
        worker.end()

    def _tend(self) -> None:
        while not self._over.wait(0.1):
            with self._lock:
                for worker in self.workers.values():
                    worker.tend()

    def goes_on(self) -> None:
        """Returns once something more was decided."""
        before = self.desk.events
        eventually("something more is decided", lambda: self.desk.events > before)

    def rest(self) -> None:
        """Customers fall silent; returns once all that they and agents began is decided and ended."""
        began = time.monotonic()
        self.customers.silent.set()
        self.customers.join(PATIENCE)
        self.desk.ignoring = False
        self.desk.idle.clear()
        eventually("everything comes to rest", self._is_at_rest)
        self.desk.end()
        print(f"at rest after {time.monotonic() - began:.0f} s")

    def _is_at_rest(self) -> bool:
        if self.desk.unsettled():
            return False
        before = self.desk.events
        time.sleep(1.0)
        return not self.desk.unsettled() and self.desk.events == before and self._all_is_read()

    def _all_is_read(self) -> bool:
        ends: dict[tuple[str, int], int] = {}
        for entry in entries_at_rest(self.cluster, *COMMANDS):
            ends[entry.topic, entry.partition] = entry.offset + 1
        read = {name: self.committed(name.replace(".commands", ".processor"), name) for name in COMMANDS}
        return all(read[name].get(partition, 0) >= end for (name, partition), end in ends.items())

    def committed(self, group: str, topic: str) -> dict[int, int]:
        """How far a group says that it has read."""
        names = self.cluster.catalogue
        consumer = Consumer(clients.reader(self.cluster.bootstrap, "looks") | {"group.id": names.name(group)})
        try:
            places = [TopicPartition(names.name(topic), partition) for partition in range(PARTITIONS)]
            return {place.partition: place.offset for place in consumer.committed(places, 10)}
        except KafkaException:
            return {}  # a transaction with offsets stands open
        finally:
            consumer.close()

    def check(self) -> list[Violation]:
        """Everything that is wrong, once the run is at rest."""
        began = time.monotonic()
        found = [
            Violation(Kind.LOST, f"worker {worker.name} had to be given up: {self.tail(worker)}")
            for worker in (*self.workers.values(), *self.gone)
            if worker.given_up
        ]
        run = collected(self.cluster)
        run.acknowledged = set(self.sent.acknowledged)
        if self.dsn:
            found += self._project(run)
        print(f"{len(run.commands)} commands, {len(run.events)} events, {len(run.aborted)} aborted, seed {self.seed}")
        self.run = run
        found += checker.whole(run)
        print(f"checked in {time.monotonic() - began:.0f} s")
        return found

    def _project(self, run: Run) -> Iterator[Violation]:
        """The projections against the log, and against themselves built again."""
        projector = self.workers.get("projector-1") or self.worker("1", role="projector")
        with connect_database(self.dsn) as connection:
            eventually("the projections have all", lambda: _projected(connection, run))
            self.take_away(projector)
            for other in [each for name, each in self.workers.items() if name.startswith("projector-")]:
                self.take_away(other)
            run.seen = seen(connection)
            yield from differing(self.cluster, self.dsn)

    def tail(self, worker: Worker) -> str:
        return worker.log.read_text("utf-8", "replace")[-800:]

    def close(self) -> None:
        """Ends everything that runs."""
        self._over.set()
        self.customers.silent.set()
        with self._lock:
            for worker in self.workers.values():
                worker.end()
        if self.desk.ident is not None:
            self.desk.end()
        self.sent.publisher.close()


def collected(cluster: Cluster) -> Run:
    """All that lies in the log, at rest."""
    run = Run(cluster.catalogue.topic(EVENTS[0]).partitions)
    lists = {
        **dict.fromkeys(EVENTS, run.events),
        **dict.fromkeys(COMMANDS, run.commands),
        "interaction.content": run.content,
        "delivery.commands": run.deliveries,
        "command.results": run.results,
        "dead.letters": run.dead_letters,
    }
    for entry in entries_at_rest(cluster, *lists):
        lists[entry.topic].append(entry)
    every = entries_at_rest(cluster, *EVENTS, isolation="read_uncommitted")
    run.aborted = {entry.place for entry in every} - {entry.place for entry in run.events}
    return run


def seen(connection: "psycopg.Connection[Any]") -> list[Place]:
    """The events that the audit trail has."""
    rows = connection.execute("SELECT topic, partition, record_offset FROM audit.event").fetchall()
    return [(topic, partition, offset) for topic, partition, offset in rows]


def differing(cluster: Cluster, dsn: str) -> Iterator[Violation]:
    """In what the projections are not what the log gives when it is folded again."""
    places = ProjectorSettings(cluster.bootstrap, dsn, prefix=cluster.catalogue.prefix)
    for projection in PROJECTIONS:
        (compared,) = rebuild(projection, cluster.codec, places).compared
        for each in compared.tables:
            if not each.agrees:
                yield Violation(Kind.PROJECTION, f"{projection.name}: {each}, against the same built again")


def _projected(connection: "psycopg.Connection[Any]", run: Run) -> bool:
    """Whether every projection stands behind the last record of each partition that it reads."""
    ends: dict[tuple[str, int], int] = {}
    for entry in (*run.events, *run.content):
        place = entry.topic, entry.partition
        ends[place] = max(ends.get(place, 0), entry.offset + 1)
    try:
        rows = connection.execute("SELECT projection, topic, partition, next_offset FROM projector.offsets").fetchall()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return False
    reached = {(name, topic, partition): offset for name, topic, partition, offset in rows}
    return all(
        reached.get((projection.name, topic, partition), -1) >= end
        for projection in PROJECTIONS
        for (topic, partition), end in ends.items()
        if topic in projection.topics
    )


@contextmanager
def running(
    bootstrap: str, prefix: str, folder: Path, seed: int, *, dsn: str = "", replication: int = 1, via: str = ""
) -> Iterator[Running]:
    """A run under way; nothing of it is left behind."""
    run = Running(bootstrap, prefix, folder, seed, dsn=dsn, replication=replication, via=via)
    try:
        run.begin()
        yield run
    finally:
        run.close()
