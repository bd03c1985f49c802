"""What a projector tells of its work while it does it: once for each batch, and where it stands when it is asked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol


@dataclass(frozen=True, slots=True)
class Written:
    """A batch as it was written. Times are in seconds."""

    rows: Mapping[str, int]
    """By projection: rows that were handed to PostgreSQL, those too that it had already."""
    folding: float
    """The fold, with reading and writing rows."""
    committing: float


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that stands in PostgreSQL."""

    records: int
    written: Written
    begun: int
    """When its writing began, nanoseconds since 1970."""
    traces: Sequence[bytes]
    """Where in traces its records were written, each place once; empty where nobody asked for that."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a projector stands."""

    behind: Mapping[tuple[str, str], int]
    """For each projection and topic, how many records wait; marks of transactions among them count too."""
    connected: bool
    """Whether the last it heard of PostgreSQL was good."""


class Observer(Protocol):
    """Is told in the projector's thread: so it has to be quick, and must not fail."""

    def turned(self, standing: Callable[[], Standing]) -> None:
        """The loop turned once more. `standing` may be asked now, and not later."""

    def assigned(self, partitions: int) -> None:
        """So many partitions are its own from now on."""

    def wrote(self, batch: Batch) -> None:
        """A batch stands."""


class Unobserved:
    """Nobody looks."""

    def turned(self, standing: Callable[[], Standing]) -> None:
        pass

    def assigned(self, partitions: int) -> None:
        pass

    def wrote(self, batch: Batch) -> None:
        pass


UNOBSERVED: Final = Unobserved()
