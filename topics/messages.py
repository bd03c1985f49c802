"""Records as they are read: one with the fields that it always has, and a batch of them."""

from typing import NamedTuple

from confluent_kafka import Consumer, Message

from topics.errors import passes
from topics.tracing import trace_of
from topics.transactions import StartAgain


class Arrived(NamedTuple):
    """A record of a topic."""

    partition: int
    offset: int
    key: bytes
    value: bytes | None
    trace: bytes | None = None
    """Where in a trace it was written, where somebody asked for that: see topics.tracing."""


def arrived(message: Message, traced: bool = False) -> Arrived:
    """The record of a message without an error. `traced`: with its place in a trace, if it has one."""
    partition, offset = message.partition(), message.offset()
    if partition is None or offset is None:
        raise ValueError("a record that was read has a partition and an offset")
    key, value = message.key() or b"", message.value()
    return Arrived(partition, offset, key, value, trace_of(message.headers()) if traced else None)


def gather(
    consumer: Consumer,
    patience: float,
    company: float,
    most: int,
    traced: bool = False,
    taken: set[int] | None = None,
) -> list[Arrived]:
    """A batch: whatever there is, once there is something.

    Args:
        patience: how long to wait for the first record, seconds.
        company: how long to wait then for more, seconds.
        traced: whether the records' places in traces are wanted.
        taken: where the caller puts the partitions that are assigned to it. What was read of them before comes again,
            after whatever stands before it.

    Raises:
        StartAgain: the consumer can't go on.
    """
    messages = consumer.consume(1, patience)
    if messages:
        taken = set() if taken is None else taken
        taken.clear()
        more = consumer.consume(most - 1, company)
        messages = [message for message in messages if message.partition() not in taken] + more
    for message in messages:
        error = message.error()
        if error is not None and not passes(error):
            raise StartAgain(f"reading {message.topic()} failed: {error.str()}")
    return [arrived(message, traced) for message in messages if message.error() is None]


def is_stale(record: Arrived, read_to: dict[int, int]) -> bool:
    """Whether a record is not ours, or was done: partitions may have moved while a batch was gathered.

    Args:
        read_to: for each partition that is ours, the offset that comes next.
    """
    return record.offset < read_to.get(record.partition, record.offset + 1)
