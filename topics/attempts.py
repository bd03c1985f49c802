"""What was begun and ended on the partitions of delivery.attempts, read back as far as it can still matter.

Orders that are still to be read were not attempted before they were written. So the attempts are read from a day before
the first of them: for the clocks of those who write, and for most attempts that stayed open and are tried again. An
order to try again what was asked for earlier than that makes the worker read the rest (`Attempts.knows`).
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from confluent_kafka import KafkaError, TopicPartition

from engine.delivery import AttemptBegun, Deliver
from schemas.codec import Codec
from topics import clients
from topics.broker import Broker
from topics.errors import KafkaUnreachable, passes
from topics.reading import high_watermarks, offsets_at, read_all

BEFORE: Final = 86_400_000
"""Milliseconds before the first order that is to be read."""
_WAIT: Final = 0.2


@dataclass(slots=True)
class Attempts:
    """Those of one partition.

    unfinished: the attempts without an end, by delivery id.
    ended: the last ended attempt of each delivery.
    start: the offset before which nothing was read.
    since: milliseconds: what was written before is not known.
    read: how many records were read.
    """

    start: int = 0
    since: int = 0
    read: int = 0
    unfinished: dict[str, AttemptBegun] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)

    def knows(self, deliver: Deliver) -> bool:
        """Whether all attempts of an order's delivery are known. The first can't be older than the order."""
        return self.start == 0 or deliver.attempt == 1 or deliver.at >= self.since


def read_back(
    broker: Broker, topic: str, orders: str, codec: Codec, positions: Mapping[int, int], now: int
) -> dict[int, Attempts]:
    """The attempts of some partitions.

    Args:
        positions: for each the offset of the first order that is to be read.
    """
    first = _written_at(broker, orders, positions)
    found = {partition: Attempts(since=first.get(partition, now) - BEFORE) for partition in positions}
    starts = offsets_at(broker, topic, {partition: attempts.since for partition, attempts in found.items()})
    for partition, start in starts.items():
        found[partition].start = start
    _read(broker, topic, codec, found, starts)
    return found


def read_rest(broker: Broker, topic: str, codec: Codec, partition: int, attempts: Attempts) -> None:
    """What was not read of a partition's attempts. It is read whole: what came later counts."""
    _read(broker, topic, codec, {partition: attempts}, {partition: 0})
    attempts.start = attempts.since = 0


def _read(broker: Broker, topic: str, codec: Codec, found: Mapping[int, Attempts], starts: Mapping[int, int]) -> None:
    for record in read_all(broker, topic, found, f"restore-{topic}", starts):
        attempt = codec.decode(record.value or b"")
        attempts = found[record.partition]
        attempts.read += 1
        if isinstance(attempt, AttemptBegun):
            attempts.unfinished[attempt.delivery_id] = attempt
        else:
            attempts.unfinished.pop(attempt.delivery_id, None)
            attempts.ended[attempt.delivery_id] = attempt.attempt


def _written_at(broker: Broker, topic: str, positions: Mapping[int, int]) -> dict[int, int]:
    """When the first record at or after a position was written, committed or not; none where nothing is there."""
    left = {each for each, end in high_watermarks(broker, topic, positions).items() if end > positions[each]}
    found: dict[int, int] = {}
    consumer = broker.consumer(
        clients.reader(broker.bootstrap, f"first-{topic}", "read_uncommitted") | {"enable.partition.eof": True}
    )
    deadline = time.monotonic() + clients.ASK_TIMEOUT
    try:
        consumer.assign([TopicPartition(topic, each, positions[each]) for each in left])
        while left:
            for message in consumer.consume(1, _WAIT):
                error, partition = message.error(), message.partition() or 0
                if error is None:
                    found.setdefault(partition, message.timestamp()[1])
                elif error.code() != KafkaError._PARTITION_EOF and not passes(error):
                    raise KafkaUnreachable(broker.bootstrap, error.str())
                if error is None or error.code() == KafkaError._PARTITION_EOF:
                    left.discard(partition)
                    consumer.assign([TopicPartition(topic, each, positions[each]) for each in left])
            if time.monotonic() > deadline:
                raise KafkaUnreachable(broker.bootstrap, f"nothing came of {topic}, which has records")
    finally:
        consumer.close()
    return found
