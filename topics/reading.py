"""Reads partitions of the log to their ends.

To the *high watermark*, as a reader of uncommitted records sees it, waiting until all of it is decided: the last
stable offset would silently hide what lies behind a crashed writer's open transaction.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from engine.errors import RejoinderError
from topics import clients
from topics.broker import Broker
from topics.errors import KafkaUnreachable, passes, reason_of
from topics.messages import Arrived, arrived

BATCH: Final = 5_000
WAIT: Final = 0.2
LEADERLESS_PAUSE: Final = 0.1
STUCK: Final = 60.0
"""How long nothing may come of a partition's log before it is given up, seconds: six times what the broker lets a
crashed writer's transaction stand open."""


class RestoreStuck(RejoinderError):
    """The log could not be read to its end."""


@contextmanager
def asking(broker: Broker, group: str) -> Iterator[Consumer]:
    """A client for questions about a group, for use where the group's own consumer calls back.

    There that one must not be asked anything itself: confluent_kafka keeps one state for a consumer and a thread, a
    call within a callback takes it away, and the next callback of the call around it then aborts the process.
    """
    consumer = broker.consumer(clients.reader(broker.bootstrap, f"{group}-asks") | {"group.id": group})
    try:
        yield consumer
    finally:
        consumer.close()


def high_watermarks(broker: Broker, topic: str, partitions: Iterable[int]) -> dict[int, int]:
    """The offset after the last record of each partition, decided or not."""
    consumer = broker.consumer(clients.reader(broker.bootstrap, f"watermarks-{topic}", "read_uncommitted"))
    deadline = time.monotonic() + clients.ASK_TIMEOUT
    try:
        return {each: _high_watermark(consumer, broker, TopicPartition(topic, each), deadline) for each in partitions}
    finally:
        consumer.close()


def offsets_at(broker: Broker, topic: str, since: Mapping[int, int]) -> dict[int, int]:
    """For each partition the offset of the first record that was written then or later; without one, its end.

    Args:
        since: milliseconds for each partition, as the records' writers knew the time.
    """
    places = [TopicPartition(topic, *each) for each in since.items()]
    if not places:  # a worker that gets no partitions; the client calls that an invalid argument
        return {}
    consumer = broker.consumer(clients.reader(broker.bootstrap, f"times-{topic}"))
    try:
        found = consumer.offsets_for_times(places, clients.ASK_TIMEOUT)
    except KafkaException as error:
        raise KafkaUnreachable(broker.bootstrap, reason_of(error)) from error
    finally:
        consumer.close()
    for place in found:
        if place.error is not None:
            raise KafkaUnreachable(broker.bootstrap, place.error.str())
    offsets = {place.partition: place.offset for place in found}
    after = high_watermarks(broker, topic, [each for each, offset in offsets.items() if offset < 0])
    return offsets | after


def _high_watermark(consumer: Consumer, broker: Broker, place: TopicPartition, deadline: float) -> int:
    """One of them. For a moment after a topic was created its partitions have no leader."""
    while True:
        try:
            return int(consumer.get_watermark_offsets(place, timeout=clients.ASK_TIMEOUT)[1])
        except KafkaException as error:
            if not passes(error.args[0]) or time.monotonic() > deadline:
                raise KafkaUnreachable(broker.bootstrap, reason_of(error)) from error
            time.sleep(LEADERLESS_PAUSE)


def read_all(
    broker: Broker,
    topic: str,
    partitions: Iterable[int],
    name: str,
    starts: Mapping[int, int] | None = None,
) -> Iterator[Arrived]:
    """Every committed record of some partitions, each in its order, up to the high watermarks at the call.

    Args:
        starts: for each partition, the offset from which it is read; None: all from the beginning.

    Raises:
        RestoreStuck: nothing came for STUCK seconds, and an end was not reached.
    """
    begins = dict.fromkeys(partitions, 0) if starts is None else starts
    ends = {each: end for each, end in high_watermarks(broker, topic, begins).items() if end > begins[each]}
    if not ends:
        return
    consumer = broker.consumer(clients.reader(broker.bootstrap, name) | {"enable.partition.eof": True})
    try:
        consumer.assign([TopicPartition(topic, each, begins[each]) for each in ends])
        reached, moved = {each: begins[each] for each in ends}, time.monotonic()
        while any(reached[each] < end for each, end in ends.items()):
            for message in consumer.consume(BATCH, WAIT):
                error = message.error()
                if error is None:
                    record = arrived(message)
                    reached[record.partition], moved = record.offset + 1, time.monotonic()
                    yield record
                elif error.code() == KafkaError._PARTITION_EOF:
                    partition, end = message.partition() or 0, message.offset() or 0
                    if end > reached[partition]:  # it lies behind aborted records and the marks of transactions
                        reached[partition], moved = end, time.monotonic()
                elif not passes(error):
                    raise KafkaUnreachable(broker.bootstrap, error.str())
            if time.monotonic() - moved > STUCK:
                behind = ", ".join(f"{each} to {reached[each]} of {ends[each]}" for each in ends)
                raise RestoreStuck(
                    f"nothing came of {topic} for {STUCK:.0f} s (partition {behind}): a transaction stands open there, "
                    "or the broker does not answer"
                )
    finally:
        consumer.close()
