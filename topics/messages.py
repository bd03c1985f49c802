"""A record as it was read, with the fields that a consumer's record always has."""

from typing import NamedTuple

from confluent_kafka import Message


class Arrived(NamedTuple):
    """A record of a topic."""

    partition: int
    offset: int
    key: bytes
    value: bytes | None


def arrived(message: Message) -> Arrived:
    """The record of a message without an error."""
    partition, offset = message.partition(), message.offset()
    if partition is None or offset is None:
        raise ValueError("a record that was read has a partition and an offset")
    return Arrived(partition, offset, message.key() or b"", message.value())
