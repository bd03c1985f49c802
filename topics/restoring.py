"""A partition's state from the log.

Reads to the *high watermark*, as a reader of uncommitted records sees it, and waits until all of it is decided:
the last stable offset would silently hide what lies behind a crashed writer's open transaction.
"""

import time
from collections.abc import Iterator
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from engine.envelope import digest
from engine.errors import RejoinderError
from engine.interaction.state import Delivery, PendingWords
from schemas.codec import Codec
from topics import clients
from topics.deciding import Deciding
from topics.messages import Arrived, arrived

BATCH: Final = 5_000
STUCK: Final = 60.0
"""How long nothing may come of a partition's log before it is given up, seconds: six times what the broker lets a
crashed writer's transaction stand open."""


class RestoreStuck(RejoinderError):
    """The log could not be read to its end."""


def high_watermark(bootstrap: str, topic: str, partition: int) -> int:
    """The offset after the last record, decided or not."""
    consumer = Consumer(clients.reader(bootstrap, f"watermark-{topic}-{partition}", "read_uncommitted"))
    try:
        _, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=clients.ASK_TIMEOUT)
    finally:
        consumer.close()
    return int(high)


def read_all(bootstrap: str, topic: str, partition: int, name: str) -> Iterator[Arrived]:
    """Every committed record of a partition, up to the high watermark at the call.

    Raises:
        RestoreStuck: nothing came for STUCK seconds, and the end was not reached.
    """
    high = high_watermark(bootstrap, topic, partition)
    if high == 0:
        return
    consumer = Consumer(clients.reader(bootstrap, name) | {"enable.partition.eof": True})
    try:
        consumer.assign([TopicPartition(topic, partition, 0)])
        reached, moved = 0, time.monotonic()
        while reached < high:
            for message in consumer.consume(BATCH, 0.2):
                error = message.error()
                if error is None:
                    record = arrived(message)
                    reached, moved = record.offset + 1, time.monotonic()
                    yield record
                elif error.code() == KafkaError._PARTITION_EOF:
                    end = message.offset() or 0
                    if end > reached:  # it lies behind aborted records and the marks of transactions
                        reached, moved = end, time.monotonic()
                elif not error.retriable():
                    raise KafkaException(error)
            if time.monotonic() - moved > STUCK:
                raise RestoreStuck(
                    f"{topic}-{partition} could be read only to {reached} of {high} in {STUCK:.0f} s: a transaction "
                    "stands open there, or the broker does not answer"
                )
    finally:
        consumer.close()


def restore(deciding: Deciding, codec: Codec, bootstrap: str, events: str, content: str | None, partition: int) -> int:
    """Fills a partition's state from its events. Returns the offset after the last command that led to one.

    Args:
        content: the topic of the words, for those of deliveries that are not settled; None: there are none.
    """
    resume = 0
    commands = events.replace(".events", ".commands")
    for count, record in enumerate(read_all(bootstrap, events, partition, f"restore-{events}-{partition}"), start=1):
        value = record.value or b""
        fingerprint, body = codec.split(value)
        event = codec.decode(value)
        deciding.replay(record.key.decode(), event, digest(fingerprint, body))
        if event.input_topic == commands:
            resume = max(resume, event.input_offset + 1)
        if count % BATCH == 0:
            deciding.state.commit()
    if content is not None:
        _restore_words(deciding, codec, bootstrap, content, partition)
    deciding.state.commit()
    return resume


def _restore_words(deciding: Deciding, codec: Codec, bootstrap: str, content: str, partition: int) -> None:
    """The words of unsettled deliveries, which events don't have."""
    wanted = {
        delivery.content_id: (rows, delivery_id)
        for rows in deciding.state.all()
        for delivery_id, delivery in rows.all()
        if isinstance(delivery, Delivery) and delivery.state in ("pending", "abandoned")
    }
    if not wanted:
        return
    for record in read_all(bootstrap, content, partition, f"restore-{content}-{partition}"):
        place = wanted.get(record.key.decode())
        if place is not None:
            rows, delivery_id = place
            if record.value is None:
                rows.delete(PendingWords, delivery_id)
            else:
                words = codec.decode(record.value)
                rows.put(delivery_id, PendingWords(delivery_id=delivery_id, text=words.text))
