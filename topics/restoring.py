"""A partition's state from the log: its events, and the words of what is still on its way."""

from collections.abc import Mapping
from typing import Final

from engine.envelope import digest, handle_of, home_of
from engine.interaction.early import early_words
from engine.interaction.homes import address_of
from engine.interaction.state import Address, Delivery, EarlyEdit, EarlyWords, PendingWords
from engine.rows import Rows
from schemas.codec import Codec
from topics.deciding import Deciding
from topics.reading import read_all

COMMIT_EVERY: Final = 5_000


def restore(
    decidings: Mapping[int, Deciding], codec: Codec, bootstrap: str, events: str, content: str | None
) -> dict[int, int]:
    """Fills partitions' states from their events.

    Args:
        content: the topic of the words, for what events don't have; None: there is none.

    Returns:
        For each partition, the offset after the last command that led to an event.
    """
    resume = dict.fromkeys(decidings, 0)
    commands = events.replace(".events", ".commands")
    for count, record in enumerate(read_all(bootstrap, events, decidings, f"restore-{events}"), start=1):
        value, deciding = record.value or b"", decidings[record.partition]
        fingerprint, body = codec.split(value)
        event = codec.decode(value)
        deciding.replay(record.key.decode(), event, digest(fingerprint, body))
        if event.input_topic == commands:
            resume[record.partition] = max(resume[record.partition], event.input_offset + 1)
        if count % COMMIT_EVERY == 0:
            _commit(decidings)
    if content is not None:
        _restore_words(decidings, codec, bootstrap, content)
    _commit(decidings)
    return resume


def _commit(decidings: Mapping[int, Deciding]) -> None:
    for deciding in decidings.values():
        deciding.state.commit()


def _restore_words(decidings: Mapping[int, Deciding], codec: Codec, bootstrap: str, content: str) -> None:
    """What events don't have: the words of unsettled deliveries and early edits, and where people are reached."""
    wanted = {
        row.content_id: (rows, row_id, row)
        for deciding in decidings.values()
        for rows in deciding.state.all()
        for row_id, row in rows.all()
        if isinstance(row, EarlyEdit) or (isinstance(row, Delivery) and row.awaits_echo)
    }
    for record in read_all(bootstrap, content, sorted(decidings), f"restore-{content}"):
        key = record.key.decode()
        place = wanted.get(key)
        handle_id = handle_of(key)
        if place is not None:
            rows, row_id, waiting = place
            words = None if record.value is None else codec.decode(record.value)
            if words is None:
                _set(rows, row_id, None)
            elif isinstance(waiting, EarlyEdit):
                _set(rows, row_id, early_words(words))
            else:
                _set(rows, row_id, PendingWords(delivery_id=row_id, text=words.text))
        elif handle_id is not None:
            profile = None if record.value is None else codec.decode(record.value)
            rows = decidings[record.partition].state.rows(home_of(key))
            _set(rows, handle_id, None if profile is None else address_of(profile))


def _set(rows: Rows, row_id: str, row: PendingWords | EarlyWords | Address | None) -> None:
    if row is not None:
        rows.put(row_id, row)
        return
    rows.delete(PendingWords, row_id)
    rows.delete(EarlyWords, row_id)
    rows.delete(Address, row_id)
