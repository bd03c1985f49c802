"""Checking the chain of digests from the log alone."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from engine.envelope import digest, genesis
from engine.record import Event
from projections.records import Logged


@dataclass(frozen=True)
class Fault:
    """A place where the chain of a key does not hold."""

    topic: str
    partition: int
    offset: int
    key: str
    reason: str


@dataclass(frozen=True)
class _Link:
    sequence: int
    digest: bytes


def verify_chain(log: Iterable[Logged]) -> Iterator[Fault]:
    """The faults of a log, each partition in the order of its offsets: gaps, repeats, and digests that differ.

    Needs one digest for each key in memory, and nothing but the log.
    """
    last: dict[tuple[str, str], _Link] = {}
    for logged in log:
        event = logged.record
        if not isinstance(event, Event):
            continue
        before = last.get((logged.topic, logged.key), _Link(0, genesis(logged.key)))
        reason = _fault(before, event)
        if reason is not None:
            yield Fault(logged.topic, logged.partition, logged.offset, logged.key, reason)
        last[(logged.topic, logged.key)] = _Link(event.sequence, digest(logged.fingerprint, logged.body))


def _fault(before: _Link, event: Event) -> str | None:
    if event.sequence != before.sequence + 1:
        return f"sequence {event.sequence} follows {before.sequence}"
    if event.previous != before.digest:
        return f"event {event.sequence} names another event before it than the one that is there"
    return None
