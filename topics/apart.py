"""What events don't have and the state needs: names, and words that are still on their way, from their own topics.

Of the words only those of the last week are read back (WORDS_KEPT): an edit waits for its message for three days, and
nothing is tried again for longer than LONGEST_RETRY (engine.policy.rules).
"""

from collections.abc import Callable, Mapping
from typing import Final

from msgspec.structs import replace

from engine.envelope import handle_of, home_of
from engine.interaction.commands import ReceiveMessage
from engine.interaction.contact_commands import ImportContact, RecordProfile
from engine.interaction.early import early_words
from engine.interaction.homes import address_of
from engine.interaction.state import Address, Delivery, EarlyEdit, EarlyWords, PendingWords
from engine.record import Record
from engine.rows import Rows
from schemas.codec import Codec
from topics.broker import Broker
from topics.deciding import Deciding
from topics.messages import Arrived
from topics.reading import offsets_at, read_all
from topics.shelves import Position

COMMIT_EVERY: Final = 5_000
"""How many records are taken at once into the state."""
WORDS_KEPT: Final = 7 * 86_400_000
"""Milliseconds, by the wall clock, for which words that are on their way are read back. An echo that comes later, to a
worker that lost its state meanwhile, is not known by its words."""
UNLIKE: Final = "\0"
"""A name that nobody has."""
DELIVERY, EDIT, MESSAGE = ":r:", ":e:", ":m:"
"""In a content id: between the key and the delivery, the message that was changed too early, or the message."""

Decidings = Mapping[int, Deciding]
Positions = dict[int, Position]


def take_words(
    broker: Broker, content: str, decidings: Decidings, codec: Codec, positions: Positions, since: int
) -> None:
    """The words of unsettled deliveries and of early edits.

    Args:
        positions: where each state stands; moved on.
        since: milliseconds: of what was written before, nothing is read.
    """
    starts = {each: positions[each].content_offset + 1 for each in decidings}
    if since > 0:
        recent = offsets_at(broker, content, dict.fromkeys(decidings, since))
        starts = {each: max(start, recent[each]) for each, start in starts.items()}

    def read_to(position: Position, offset: int) -> Position:
        return replace(position, content_offset=offset)

    _take(broker, content, decidings, codec, positions, starts, take_word, read_to)


def take_names(broker: Broker, profiles: str, decidings: Decidings, codec: Codec, positions: Positions) -> None:
    """Where people are reached."""
    starts = {each: positions[each].profiles_offset + 1 for each in decidings}

    def read_to(position: Position, offset: int) -> Position:
        return replace(position, profiles_offset=offset)

    _take(broker, profiles, decidings, codec, positions, starts, take_name, read_to)


def suppose_names(rows: Rows, command: Record, is_recorded: Callable[[str], bool]) -> str | None:
    """Names of whoever gives a command, as they must have been when it was decided: those that it gives, unless the
    decision was that they are new. The topic of names has only the last ones.

    Args:
        is_recorded: whether the names of a handle were recorded because of the command.

    Returns:
        The handle; None: the command gives no names.
    """
    if not isinstance(command, ReceiveMessage | RecordProfile | ImportContact):
        return None
    handle_id = rows.key if isinstance(command, ImportContact) else command.handle_id
    given = Address(
        channel=command.channel,
        platform_id=command.platform_id,
        screen_name=command.screen_name,
        name=command.name,
    )
    rows.put(handle_id, replace(given, name=UNLIKE) if is_recorded(handle_id) else given)
    return handle_id


def _take(
    broker: Broker,
    topic: str,
    decidings: Decidings,
    codec: Codec,
    positions: Positions,
    starts: Mapping[int, int],
    take: Callable[[Deciding, Arrived, Codec], None],
    read_to: Callable[[Position, int], Position],
) -> None:
    ends: dict[int, int] = {}
    for count, record in enumerate(read_all(broker, topic, decidings, f"restore-{topic}", starts), start=1):
        ends[record.partition] = record.offset
        take(decidings[record.partition], record, codec)
        if count % COMMIT_EVERY == 0:
            _stand(decidings, positions, ends, read_to)
    _stand(decidings, positions, ends, read_to)


def _stand(
    decidings: Decidings, positions: Positions, ends: dict[int, int], read_to: Callable[[Position, int], Position]
) -> None:
    for partition, offset in ends.items():
        positions[partition] = read_to(positions[partition], offset)
        decidings[partition].state.commit(positions[partition])
    ends.clear()


def take_word(deciding: Deciding, record: Arrived, codec: Codec) -> None:
    """One record of words."""
    key = record.key.decode()
    rows = deciding.state.rows(home_of(key))
    row_id = key.partition(DELIVERY)[2] or key.partition(EDIT)[2] or key.partition(MESSAGE)[2]
    delivery, edit = rows.get(Delivery, row_id), rows.get(EarlyEdit, row_id)
    if delivery is not None and delivery.awaits_echo and delivery.content_id == key:
        words = None if record.value is None else codec.decode(record.value)
        _set(rows, row_id, None if words is None else PendingWords(delivery_id=row_id, text=words.text))
    elif edit is not None and record.value is not None and DELIVERY not in key:
        # Where its message came later than what the state reflects, its words lie with the message by now.
        rows.put(row_id, early_words(codec.decode(record.value)))
    elif edit is None and EDIT in key:
        rows.delete(EarlyWords, row_id)  # of an edit that waits no more


def take_name(deciding: Deciding, record: Arrived, codec: Codec) -> None:
    """One record of names."""
    key = record.key.decode()
    handle_id = handle_of(key)
    if handle_id is not None:
        profile = None if record.value is None else codec.decode(record.value)
        _set(deciding.state.rows(home_of(key)), handle_id, None if profile is None else address_of(profile))


def _set(rows: Rows, row_id: str, row: PendingWords | EarlyWords | Address | None) -> None:
    if row is not None:
        rows.put(row_id, row)
        return
    rows.delete(PendingWords, row_id)
    rows.delete(EarlyWords, row_id)
    rows.delete(Address, row_id)
