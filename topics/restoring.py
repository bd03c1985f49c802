"""A partition's state from its shelf, and what the log has beyond it: events, and words that are still on their way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog
from msgspec.structs import replace

from engine.envelope import digest, handle_of, home_of
from engine.interaction.early import early_words
from engine.interaction.homes import address_of
from engine.interaction.state import Address, Delivery, EarlyEdit, EarlyWords, PendingWords
from engine.rows import Rows
from schemas.codec import Codec
from topics.broker import KAFKA, Broker
from topics.deciding import Deciding
from topics.messages import Arrived
from topics.reading import read_all
from topics.shelves import Position

log = structlog.get_logger()

COMMIT_EVERY: Final = 5_000
"""How many records of a partition are taken at once into the state."""
DELIVERY, EDIT = ":r:", ":e:"
"""In a content id: between the key and the delivery, or the message that was changed too early, of the words."""


@dataclass(frozen=True, slots=True)
class Log:
    """Where the log is. `content`: the topic of the words, for what events don't have; None: there is none."""

    bootstrap: str
    cluster: str
    """The id of the Kafka cluster."""
    events: str
    content: str | None
    commands: str
    broker: Broker = field(default=KAFKA, kw_only=True)


def restore(decidings: Mapping[int, Deciding], codec: Codec, log_: Log) -> dict[int, Position]:
    """Brings partitions' states to the end of the log: from their shelves, and what came since.

    A shelf of another log, or one that is ahead of it, is emptied and filled from the beginning.

    Returns:
        For each partition, how much of the log its state reflects.
    """
    positions = {partition: _begin(deciding, log_) for partition, deciding in decidings.items()}
    strangers = _take_events(decidings, codec, log_, positions)
    if strangers:
        for partition in strangers:
            log.warning("the state is of another log: it is built again", topic=log_.events, partition=partition)
            decidings[partition].state.clear()
            positions[partition] = _nothing(log_)
        _take_events({partition: decidings[partition] for partition in strangers}, codec, log_, positions)
    if log_.content is not None:
        _take_words(decidings, codec, log_, log_.content, positions)
    return positions


def _begin(deciding: Deciding, log_: Log) -> Position:
    position = deciding.state.shelf.position()
    if position is None or position.cluster != log_.cluster:
        deciding.state.clear()
        return _nothing(log_)
    return position


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
    for record in read_all(log_.bootstrap, log_.events, decidings, f"restore-{log_.events}", starts, log_.broker):
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
        if counts[partition] % COMMIT_EVERY == 0:
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


def _take_words(
    decidings: Mapping[int, Deciding], codec: Codec, log_: Log, content: str, positions: dict[int, Position]
) -> None:
    """What events don't have: the words of unsettled deliveries and early edits, and where people are reached."""
    starts = {each: positions[each].content_offset + 1 for each in decidings}
    ends = {each: positions[each].content_offset for each in decidings}
    records = read_all(log_.bootstrap, content, decidings, f"restore-{content}", starts, log_.broker)
    for count, record in enumerate(records, start=1):
        ends[record.partition] = record.offset
        _take_word(decidings[record.partition], record, codec)
        if count % COMMIT_EVERY == 0:
            for partition in decidings:
                _stand(decidings, positions, partition, ends[partition])
    for partition in decidings:
        _stand(decidings, positions, partition, ends[partition])


def _stand(decidings: Mapping[int, Deciding], positions: dict[int, Position], partition: int, end: int) -> None:
    positions[partition] = replace(positions[partition], content_offset=end)
    decidings[partition].state.commit(positions[partition])


def _take_word(deciding: Deciding, record: Arrived, codec: Codec) -> None:
    key = record.key.decode()
    handle_id = handle_of(key)
    rows = deciding.state.rows(home_of(key))
    if handle_id is not None:
        profile = None if record.value is None else codec.decode(record.value)
        _set(rows, handle_id, None if profile is None else address_of(profile))
        return
    row_id = key.partition(DELIVERY)[2] or key.partition(EDIT)[2]
    delivery, edit = rows.get(Delivery, row_id), rows.get(EarlyEdit, row_id)
    if delivery is not None and delivery.awaits_echo and delivery.content_id == key:
        words = None if record.value is None else codec.decode(record.value)
        _set(rows, row_id, None if words is None else PendingWords(delivery_id=row_id, text=words.text))
    elif edit is not None and edit.content_id == key:
        _set(rows, row_id, None if record.value is None else early_words(codec.decode(record.value)))


def _set(rows: Rows, row_id: str, row: PendingWords | EarlyWords | Address | None) -> None:
    if row is not None:
        rows.put(row_id, row)
        return
    rows.delete(PendingWords, row_id)
    rows.delete(EarlyWords, row_id)
    rows.delete(Address, row_id)
