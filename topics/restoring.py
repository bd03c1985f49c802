"""A partition's state from the log: its events, and the words of what is still on its way."""

from collections.abc import Mapping
from typing import Final

from engine.envelope import digest
from engine.interaction.state import Delivery, PendingWords
from schemas.codec import Codec
from topics.deciding import Deciding
from topics.reading import read_all

COMMIT_EVERY: Final = 5_000


def restore(
    decidings: Mapping[int, Deciding], codec: Codec, bootstrap: str, events: str, content: str | None
) -> dict[int, int]:
    """Fills partitions' states from their events.

    Args:
        content: the topic of the words, for those of deliveries that are not settled; None: there are none.

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
    """The words of unsettled deliveries, which events don't have."""
    wanted = {
        delivery.content_id: (partition, rows, delivery_id)
        for partition, deciding in decidings.items()
        for rows in deciding.state.all()
        for delivery_id, delivery in rows.all()
        if isinstance(delivery, Delivery) and delivery.awaits_echo
    }
    partitions = {partition for partition, _, _ in wanted.values()}
    for record in read_all(bootstrap, content, sorted(partitions), f"restore-{content}"):
        place = wanted.get(record.key.decode())
        if place is None:
            continue
        _, rows, delivery_id = place
        if record.value is None:
            rows.delete(PendingWords, delivery_id)
        else:
            words = codec.decode(record.value)
            rows.put(delivery_id, PendingWords(delivery_id=delivery_id, text=words.text))
