"""A partition's state from its shelf or its snapshot, and what the log has beyond that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import structlog
from msgspec.structs import replace

from engine.envelope import digest
from schemas.codec import Codec
from topics import apart, snapshots
from topics.broker import Broker
from topics.deciding import Deciding
from topics.messages import Arrived
from topics.reading import read_all
from topics.shelves import Position

log = structlog.get_logger()

NEARER: Final = 50_000
"""A shelf that is so many events further behind the log than the snapshot is filled from the snapshot. To replay so
many takes some seconds; to read a snapshot, some for each million of rows."""


@dataclass(frozen=True, slots=True)
class Log:
    """Where the log is. The topics that are None are not there, and what they hold is not read."""

    broker: Broker
    cluster: str
    """The id of the Kafka cluster."""
    events: str
    content: str | None
    commands: str
    profiles: str | None = field(default=None, kw_only=True)
    snapshots: str | None = field(default=None, kw_only=True)
    words_since: int = field(default=0, kw_only=True)
    """Milliseconds: words that were written before are not on their way any more."""


class Source(StrEnum):
    """What a state may begin from."""

    SHELF = "shelf"
    SNAPSHOT = "snapshot"
    BEGINNING = "beginning"


def restore(decidings: Mapping[int, Deciding], codec: Codec, log_: Log) -> dict[int, Position]:
    """Brings partitions' states to the end of the log: from their shelves or snapshots, and what came since.

    One that is of another log, or ahead of it, is left for the next best.

    Returns:
        For each partition, how much of the log its state reflects.
    """
    shelves = {partition: deciding.state.shelf for partition, deciding in decidings.items()}
    saving = {} if log_.snapshots is None else {each: shelf for each, shelf in shelves.items() if shelf.shape}
    markers = {} if log_.snapshots is None else snapshots.latest(log_.broker, log_.snapshots, saving)
    sources = {each: _sources(deciding, markers.get(each), log_) for each, deciding in decidings.items()}
    positions: dict[int, Position] = {}
    wholes: dict[int, bool] = {}
    left = list(decidings)
    while left:
        chosen = {partition: sources[partition].pop(0) for partition in left}
        _begin({each: decidings[each] for each in left}, chosen, markers, log_)
        for partition in left:
            positions[partition] = shelves[partition].position() or _nothing(log_)
            if partition in saving:
                marker = markers.get(partition)
                usable = _may_go_on(decidings[partition], partition, chosen[partition], marker, codec, log_)
                wholes[partition] = snapshots.go_on(shelves[partition], marker, usable, log_.cluster)
        left = _take_events({partition: decidings[partition] for partition in left}, codec, log_, positions)
        for partition in left:
            log.warning(
                "the state is of another log: it is built again",
                topic=log_.events,
                partition=partition,
                state=str(chosen[partition]),
            )
    for partition, whole in wholes.items():
        decidings[partition].state.is_snapshot_begun = not whole and bool(shelves[partition].unsaved(1))
    if log_.profiles is not None:
        apart.take_names(log_.broker, log_.profiles, decidings, codec, positions)
    if log_.content is not None:
        apart.take_words(log_.broker, log_.content, decidings, codec, positions, log_.words_since)
    return positions


def _sources(deciding: Deciding, marker: snapshots.Marker | None, log_: Log) -> list[Source]:
    """From what a partition's state may begin, the best first."""
    shelf = deciding.state.shelf
    found: list[Source] = [Source.SNAPSHOT] if snapshots.is_usable(marker, shelf, log_.cluster) else []
    position = shelf.position()
    if position is not None and position.cluster == log_.cluster:
        is_far = marker is not None and marker.position.event_offset - position.event_offset > NEARER
        if not (found and is_far):  # else it is emptied, and not there to come back to
            found.insert(0, Source.SHELF)
    return [*found, Source.BEGINNING]


def _begin(
    decidings: Mapping[int, Deciding],
    chosen: Mapping[int, Source],
    markers: Mapping[int, snapshots.Marker],
    log_: Log,
) -> None:
    """Empties the states that don't begin from their shelves, and fills those that begin from their snapshots."""
    for partition, deciding in decidings.items():
        if chosen[partition] is not Source.SHELF:
            deciding.state.clear()
        if chosen[partition] is Source.BEGINNING:
            deciding.counts.rebuilt += 1
    filled = {each: decidings[each].state for each, source in chosen.items() if source is Source.SNAPSHOT}
    if not filled or log_.snapshots is None:
        return
    shelves = {each: state.shelf for each, state in filled.items()}
    count = snapshots.fill(log_.broker, log_.snapshots, shelves, markers)
    for state in filled.values():
        state.refilled()
    log.info("state taken from snapshots", topic=log_.snapshots, partitions=sorted(filled), records=count)


def _may_go_on(
    deciding: Deciding, partition: int, chosen: Source, marker: snapshots.Marker | None, codec: Codec, log_: Log
) -> bool:
    """Whether the next checkpoint may add to the snapshot that is there."""
    shelf = deciding.state.shelf
    if marker is None or chosen is Source.BEGINNING or not snapshots.is_usable(marker, shelf, log_.cluster):
        return False
    if chosen is Source.SNAPSHOT or snapshots.is_own(shelf, marker):
        return True  # whether it is of this log shows when the state's last event is compared
    return snapshots.is_of_log(log_.broker, log_.events, partition, codec, marker)


def _nothing(log_: Log) -> Position:
    return Position(cluster=log_.cluster, event_offset=-1, digest=b"")


def _take_events(
    decidings: Mapping[int, Deciding], codec: Codec, log_: Log, positions: dict[int, Position]
) -> list[int]:
    """Replays what came since the positions; gives the partitions whose shelf is of another log.

    The last event that a shelf reflects is read once more: it has to be the same.
    """
    unseen = {each for each in decidings if positions[each].event_offset >= 0}
    strangers: set[int] = set()
    counts = dict.fromkeys(decidings, 0)
    starts = {each: max(0, positions[each].event_offset) for each in decidings}
    for record in read_all(log_.broker, log_.events, decidings, f"restore-{log_.events}", starts):
        partition = record.partition
        fingerprint, body = codec.split(record.value or b"")
        here = digest(fingerprint, body)
        if partition in unseen:
            unseen.discard(partition)
            if (record.offset, here) != (positions[partition].event_offset, positions[partition].digest):
                strangers.add(partition)
            continue
        if partition in strangers:
            continue
        event = codec.decode(record.value or b"")
        decidings[partition].replay(record.key.decode(), event, here)
        positions[partition] = _after(positions[partition], record, here, event, log_)
        counts[partition] += 1
        if counts[partition] % apart.COMMIT_EVERY == 0:
            decidings[partition].state.commit(positions[partition])
    strangers |= unseen  # the log ends before what the shelf reflects
    for partition in set(decidings) - strangers:
        decidings[partition].state.commit(positions[partition])
    return sorted(strangers)


def _after(position: Position, record: Arrived, here: bytes, event: object, log_: Log) -> Position:
    commands = position.commands
    if getattr(event, "input_topic", None) == log_.commands:
        commands = max(commands, getattr(event, "input_offset", -1) + 1)
    return replace(position, event_offset=record.offset, digest=here, commands=commands)
