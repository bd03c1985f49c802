"""Checking the chain of digests from the log alone."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from engine.envelope import digest, genesis
from engine.record import Event
from projections.records import Logged, Place


@dataclass(frozen=True)
class Fault:
    """A place where the log is not what it has to be."""

    topic: str
    partition: int
    offset: int
    key: str
    reason: str


class _Link(NamedTuple):
    sequence: int
    digest: bytes


class Chains:
    """The chains of all keys, each event held against the one before it. One digest for each key is in memory."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], _Link] = {}

    def hold(self, place: Place, offset: int, key: str, event: Event, own: bytes) -> Iterator[Fault]:
        """What is wrong with an event; those of a partition in the order of their offsets.

        Args:
            own: the event's digest.
        """
        before = self._last.get((place[0], key)) or _Link(0, genesis(key))
        reason = _fault(before, event)
        if reason is not None:
            yield Fault(*place, offset, key, reason)
        self._last[place[0], key] = _Link(event.sequence, own)


def verify_chain(log: Iterable[Logged]) -> Iterator[Fault]:
    """The faults of a log, each partition in the order of its offsets: gaps, repeats, and digests that differ."""
    chains = Chains()
    for logged in log:
        if isinstance(logged.record, Event):
            own = digest(logged.fingerprint, logged.body)
            yield from chains.hold((logged.topic, logged.partition), logged.offset, logged.key, logged.record, own)


def _fault(before: _Link, event: Event) -> str | None:
    if event.sequence != before.sequence + 1:
        return f"sequence {event.sequence} follows {before.sequence}"
    if event.previous != before.digest:
        return f"event {event.sequence} names another event before it than the one that is there"
    return None
