"""What workers tell of their work while they do it: once for each batch, and where they stand when it is asked for.

Nothing here knows how it is shown. What a batch did is told after its transaction stands, so that a count that was
told is what the log has.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from confluent_kafka import Consumer, TopicPartition

from engine.delivery import Deliver
from engine.interaction.commands import RecordDelivery
from topics.counting import Counts


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of a processor whose transaction stands. Times are in seconds."""

    done: Counts
    deciding: float
    committing: float
    """From the first record that is handed to the producer to the end of the commit."""
    shelving: float
    """The write of the rows after it."""


@dataclass(frozen=True, slots=True)
class Restored:
    """Partitions that were taken, with their states."""

    partitions: int
    seconds: float
    events: int
    """How many were replayed."""
    rebuilt: int
    """How many partitions had no state here, or one of another log, and were built from the beginning."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a worker stands."""

    behind: dict[int, int]
    """For each of its partitions, how many records wait; marks of transactions among them count too."""
    overdue: float = 0.0
    """For how many seconds the nearest deadline has been due."""
    keys: int = 0
    """Of how many keys rows are in memory."""
    under_way: int = 0
    """How many attempts to deliver are under way."""


class Observer(Protocol):
    """Is told what a worker does, in the worker's thread: so it has to be quick, and must not fail."""

    def turned(self, standing: Callable[[], Standing]) -> None:
        """The loop turned once more. `standing` may be asked now, and not later."""

    def restoring(self) -> None:
        """Partitions are being taken, which may take long."""

    def restored(self, restored: Restored) -> None:
        """They were taken."""

    def decided(self, batch: Batch) -> None:
        """A batch of a processor stands."""

    def aborted(self) -> None:
        """A transaction was aborted; its batch is done again."""

    def delivered(self, reported: Sequence[tuple[Deliver, RecordDelivery]], dead_letters: Sequence[str]) -> None:
        """What came of attempts stands in the log; and the codes of what could not be read."""


class Unobserved:
    """Nobody looks."""

    def turned(self, standing: Callable[[], Standing]) -> None:
        pass

    def restoring(self) -> None:
        pass

    def restored(self, restored: Restored) -> None:
        pass

    def decided(self, batch: Batch) -> None:
        pass

    def aborted(self) -> None:
        pass

    def delivered(self, reported: Sequence[tuple[Deliver, RecordDelivery]], dead_letters: Sequence[str]) -> None:
        pass


UNOBSERVED = Unobserved()


def behind(consumer: Consumer, topic: str, next_offsets: dict[int, int]) -> dict[int, int]:
    """How many records wait in each partition, by what the client knows already: nothing is asked of the broker."""
    found = {}
    for partition, offset in next_offsets.items():
        watermarks = consumer.get_watermark_offsets(TopicPartition(topic, partition), cached=True)
        found[partition] = 0 if watermarks is None else max(0, int(watermarks[1]) - offset)
    return found
