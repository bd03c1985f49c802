"""How an interaction stood after any event of its key: the engine's own state, made anew from the log alone."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from engine.bookkeeping import Timer
from engine.envelope import digest, home_of, partition_of
from engine.errors import RejoinderError
from engine.interaction.decider import InteractionDecider
from engine.interaction.state import Interaction
from engine.record import Event
from engine.rows import Journal, Row, Rows
from projections.audit.chain import Chains
from rejoinder.cluster import Cluster
from topics.catalogue import INTERACTION_EVENTS
from topics.messages import Arrived
from topics.reading import read_all


class NotStood(RejoinderError):
    """There was no such interaction then."""

    exit_code = 3


class LogBroken(RejoinderError):
    """What the log says of a key is not what was written."""


class Held(NamedTuple):
    """A row of the state."""

    row_id: str
    row: Row


@dataclass(frozen=True)
class Standing:
    """An interaction after an event of its key."""

    interaction_id: str
    position: str
    """Where the event stands: interaction.events[3]@17."""
    event: Event
    """The last one; it may be of another interaction of the key, or of the contact."""
    digest: bytes
    """The event's: with it, all before it on the key is said."""
    rows: tuple[Held, ...]
    """Those of the interaction, in the order of type and id. None of them holds words."""


def stood(cluster: Cluster, interaction_id: str, sequence: int | None = None, until: int | None = None) -> Standing:
    """Reads the partition of the interaction up to there, and evolves what is of its key.

    Args:
        sequence: after this event of the key; None: after the last one.
        until: milliseconds: without what occurred later.

    Raises:
        NotStood: the log has no such interaction, no such event, or the interaction began after it.
        LogBroken: the chain of digests does not hold on the way.
    """
    key = home_of(interaction_id)
    rows, chains, decider = Rows(key, Journal()), Chains(), InteractionDecider()
    last: _Last | None = None
    topic = cluster.catalogue.topic(INTERACTION_EVENTS)
    partition, wanted = partition_of(key, topic.partitions), key.encode()
    with closing(read_all(cluster.broker, topic.name, [partition], "standing")) as records:
        for record in records:
            if record.key != wanted:
                continue
            event: Event = cluster.codec.decode(record.value or b"")
            if until is not None and event.occurred_at > until:
                break
            last = _Last(record, event, digest(*cluster.codec.split(record.value or b"")))
            _hold(chains, key, last)
            decider.evolve(rows, event)
            if event.sequence == sequence:
                break
    began = rows.get(Interaction, interaction_id) is not None
    if last is None or not began or (sequence is not None and last.event.sequence != sequence):
        raise NotStood(_why_not(interaction_id, sequence, until, began, last))
    held = tuple(Held(*each) for each in of_interaction(rows, interaction_id))
    return Standing(interaction_id, last.position, last.event, last.digest, held)


class _Last(NamedTuple):
    """The last event that counts."""

    record: Arrived
    event: Event
    digest: bytes

    @property
    def position(self) -> str:
        return f"{INTERACTION_EVENTS}[{self.record.partition}]@{self.record.offset}"


def _hold(chains: Chains, key: str, last: _Last) -> None:
    """Raises LogBroken where an event does not follow the one before it."""
    place = INTERACTION_EVENTS, last.record.partition
    for fault in chains.hold(place, last.record.offset, key, last.event, last.digest):
        raise LogBroken(f"{last.position} is not what was written: {fault.reason}; `rejoinder audit verify` says more")


def _why_not(interaction_id: str, sequence: int | None, until: int | None, began: bool, last: _Last | None) -> str:
    if until is not None and not began:
        return f"by then nothing had happened to an interaction {interaction_id!r}"
    if sequence is None or last is None or (not began and last.event.sequence != sequence):
        return f"the log has no interaction {interaction_id!r}: `rejoinder interactions` lists them"
    tells = f"`rejoinder trace {interaction_id} --json` tells the sequence of each of its events"
    if began:
        return f"{interaction_id} has no event {sequence}: the last one of its key is {last.event.sequence}; {tells}"
    return f"by event {sequence} of its key there was no interaction {interaction_id}; {tells}"


def of_interaction(rows: Rows, interaction_id: str) -> Iterator[tuple[str, Row]]:
    """Its own row, those that name it, and the deadlines of all of these."""
    own = {row_id for row_id, row in rows.all() if row_id == interaction_id or _names(row, interaction_id)}
    for row_id, row in rows.all():
        if row_id == interaction_id or _names(row, interaction_id) or (isinstance(row, Timer) and row.ref in own):
            yield row_id, row


def _names(row: Row, interaction_id: str) -> bool:
    values = msgspec.structs.astuple(row)
    return any(value == interaction_id or (type(value) is list and interaction_id in value) for value in values)
