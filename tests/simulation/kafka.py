"""A Kafka that is simulated in what matters: the log, transactions, and offsets. Groups: tests/simulation/groups.py.

By KIP-98, KIP-447 and what librdkafka's INTRODUCTION says. Records of a transaction lie in the log at once and are
decided by a mark, which takes an offset; a reader of committed records gets no further than the first open transaction.
A transactional id has an epoch: whoever begins anew with it has a higher one, which ends what was open and fences the
others off. A transaction that stands open too long is aborted, and its writer fenced off.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from tests.simulation.faults import Faults
from tests.simulation.groups import Group
from tests.simulation.scheduling import Scheduler
from topics.clients import TRANSACTION_TIMEOUT

Place = tuple[str, int]
"""A topic and one of its partitions."""

MARKERS_LATE: Final = 3_000.0
"""How long the marks of a decided transaction may be on their way, milliseconds."""


@dataclass(eq=False, slots=True)
class Transaction:
    """What is decided as one."""

    name: str
    epoch: int
    began: float
    number: int
    decision: str = ""
    """committed or aborted; empty: it is open."""
    places: set[Place] = field(default_factory=set)
    offsets: dict[tuple[str, Place], tuple[int, str]] = field(default_factory=dict)
    """By group and place."""
    unmarked: int = 0
    """How many marks are still on their way."""


@dataclass(slots=True)
class Stored:
    """A record in the log, or a mark."""

    key: bytes
    value: bytes | None
    transaction: Transaction | None = None
    is_mark: bool = False
    at: int = 0
    """When it was written, milliseconds."""
    is_gone: bool = False
    """Whether it was compacted away."""


@dataclass(slots=True)
class Partition:
    """A partition of the log."""

    records: list[Stored] = field(default_factory=list)
    open: dict[Transaction, int] = field(default_factory=dict)
    """Where the first record of each transaction without a mark lies."""

    @property
    def stable(self) -> int:
        """How far a reader of committed records may read."""
        return min(self.open.values()) if self.open else len(self.records)

    def is_shown(self, offset: int) -> bool:
        """Whether a record below the stable offset is one for readers of committed records."""
        record = self.records[offset]
        if record.is_mark or record.is_gone:
            return False
        return record.transaction is None or record.transaction.decision == "committed"


@dataclass(slots=True)
class Writer:
    """What the broker knows of a transactional id."""

    epoch: int = -1
    latest: Transaction | None = None


class Fenced(Exception):
    """The epoch is not the latest."""


class WrongState(Exception):
    """There is no such transaction to be ended."""


class Kafka:
    """One cluster."""

    def __init__(self, scheduler: Scheduler, faults: Faults, topics: dict[str, int]) -> None:
        self.scheduler = scheduler
        self.faults = faults
        self.partitions: dict[Place, Partition] = {
            (topic, number): Partition() for topic, count in topics.items() for number in range(count)
        }
        self.writers: dict[str, Writer] = {}
        self.groups: dict[str, Group] = {}
        self.decided: list[Transaction] = []
        self.on_offset: Callable[[str, Place, int | None, int], None] = lambda group, place, before, after: None
        """Told of each committed offset: where it was and where it is."""
        self._numbers = itertools.count()

    def group(self, name: str, is_eager: bool = False) -> Group:
        if name not in self.groups:
            self.groups[name] = Group(name, self.scheduler, self.faults, is_eager)
        return self.groups[name]

    def append(self, place: Place, key: bytes, value: bytes | None) -> int:
        """A record outside a transaction."""
        records = self.partitions[place].records
        records.append(Stored(key, value, at=self.scheduler.wall()))
        self.scheduler.version += 1
        return len(records) - 1

    def compact(self, place: Place, tombstones: bool = False) -> None:
        """Of each key only the last committed record stays, and of that nothing where it is an old tombstone."""
        partition, later = self.partitions[place], set[bytes]()
        for offset in reversed(range(partition.stable)):
            record = partition.records[offset]
            if partition.is_shown(offset):
                record.is_gone = record.key in later or (tombstones and record.value is None)
                later.add(record.key)

    # --- transactions: what the coordinator does ---

    def init(self, name: str) -> int:
        """A new epoch. What was open is aborted."""
        writer = self.writers.setdefault(name, Writer())
        writer.epoch += 1
        if writer.latest is not None and not writer.latest.decision:
            self._decide(writer.latest, "aborted")
        return writer.epoch

    def transaction(self, name: str, epoch: int) -> Transaction:
        """The open transaction of a writer; begun now if there is none. The one before has to be over."""
        writer = self._writer(name, epoch)
        if writer.latest is None or writer.latest.decision:
            writer.latest = Transaction(name, epoch, self.scheduler.now, next(self._numbers))
            transaction = writer.latest
            self.scheduler.at(self.scheduler.now + TRANSACTION_TIMEOUT, lambda: self._time_out(transaction))
        return writer.latest

    def write(self, name: str, epoch: int, place: Place, key: bytes, value: bytes | None) -> int:
        """A record of a writer's transaction."""
        transaction = self.transaction(name, epoch)
        partition = self.partitions[place]
        offset = len(partition.records)
        if place not in transaction.places:
            transaction.places.add(place)
            partition.open[transaction] = offset
        partition.records.append(Stored(key, value, transaction, at=self.scheduler.wall()))
        self.scheduler.version += 1
        return offset

    def add_offsets(self, name: str, epoch: int, group: str, offsets: dict[Place, tuple[int, str]]) -> None:
        """Offsets that are committed with the transaction. That the member may has been asked before."""
        transaction = self.transaction(name, epoch)
        for place, offset in offsets.items():
            transaction.offsets[group, place] = offset
            self.group(group).pending.setdefault(place, set()).add(transaction.number)

    def end(self, name: str, epoch: int, decision: str) -> None:
        """Ends a writer's transaction. Once more in the same way does nothing."""
        latest = self._writer(name, epoch).latest
        if latest is None or latest.epoch != epoch:
            raise WrongState
        if not latest.decision:
            self._decide(latest, decision)
        elif latest.decision != decision:
            raise WrongState

    def _writer(self, name: str, epoch: int) -> Writer:
        writer = self.writers[name]
        if writer.epoch != epoch:
            self.faults.saw("zombie's epoch refused")
            raise Fenced
        return writer

    def _time_out(self, transaction: Transaction) -> None:
        writer = self.writers[transaction.name]
        if transaction.decision:
            return
        self.faults.saw("transaction timed out")
        writer.epoch += 1
        self._decide(transaction, "aborted")

    def _decide(self, transaction: Transaction, decision: str) -> None:
        """From here on it stands; the marks reach each partition when they do."""
        transaction.decision = decision
        self.decided.append(transaction)
        marks: list[Callable[[], None]] = [self._marking(transaction, place) for place in sorted(transaction.places)]
        if transaction.offsets:
            marks.append(self._committing(transaction))
        transaction.unmarked = len(marks)
        is_late = self.faults.happens("markers late")
        for mark in marks:
            if is_late:
                self.scheduler.at(self.scheduler.now + self.scheduler.chance.uniform(0, MARKERS_LATE), mark)
            else:
                mark()

    def _marking(self, transaction: Transaction, place: Place) -> Callable[[], None]:
        def mark() -> None:
            partition = self.partitions[place]
            partition.records.append(Stored(b"", None, transaction, is_mark=True, at=self.scheduler.wall()))
            del partition.open[transaction]
            transaction.unmarked -= 1
            self.scheduler.version += 1

        return mark

    def _committing(self, transaction: Transaction) -> Callable[[], None]:
        def commit() -> None:
            for (name, place), offset in transaction.offsets.items():
                group = self.group(name)
                group.pending[place].discard(transaction.number)
                if transaction.decision == "committed":
                    before = group.offsets.get(place)
                    group.offsets[place] = offset
                    self.on_offset(name, place, None if before is None else before[0], offset[0])
            transaction.unmarked -= 1
            self.scheduler.version += 1

        return commit
