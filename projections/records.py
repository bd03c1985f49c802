"""One record of the log as the projections see it: where it stands, and what it decodes to."""

from typing import Final, Protocol

import msgspec

import schemas.codec
from engine.interaction.events import EVENTS as INTERACTION_EVENT_TYPES
from engine.interaction.events import Profile, Words
from engine.routing.events import EVENTS as ROUTING_EVENT_TYPES
from projections.errors import InconsistentLog, UnknownEvent, UnreadableRecord
from schemas.codec import HEADER_BYTES

INTERACTION_EVENTS: Final = "interaction.events"
ROUTING_EVENTS: Final = "routing.events"
INTERACTION_CONTENT: Final = "interaction.content"
INTERACTION_PROFILES: Final = "interaction.profiles"

KNOWN: Final[dict[str, frozenset[type[msgspec.Struct]]]] = {
    INTERACTION_EVENTS: frozenset(INTERACTION_EVENT_TYPES),
    ROUTING_EVENTS: frozenset(ROUTING_EVENT_TYPES),
    INTERACTION_CONTENT: frozenset((Words,)),
    INTERACTION_PROFILES: frozenset((Profile,)),
}
"""The types that may stand on each topic."""

ERASABLE: Final = frozenset((INTERACTION_CONTENT, INTERACTION_PROFILES))
"""The topics that hold words and names: what is erased there has a tombstone."""

Place = tuple[str, int]
"""A topic and one of its partitions."""


class Codec(Protocol):
    """What is needed of the codec of schemas/."""

    def read(self, value: bytes) -> tuple[msgspec.Struct, bytes]: ...


class Logged(msgspec.Struct, frozen=True, gc=False):
    """A record with its position. `record` is None for a tombstone."""

    topic: str
    partition: int
    offset: int
    key: str
    schema_id: int
    fingerprint: bytes
    body: bytes
    record: msgspec.Struct | None

    @property
    def position(self) -> str:
        return _position(self.topic, self.partition, self.offset)


def read(topic: str, partition: int, offset: int, key: bytes | None, value: bytes | None, codec: Codec) -> Logged:
    """Decodes one record.

    Raises:
        UnreadableRecord: it has no key, is not in the wire format, is malformed, or its schema is unknown.
        UnknownEvent: it decodes to a type that has no place on this topic.
    """
    try:
        name = (key or b"").decode()
    except UnicodeDecodeError as error:
        position = _position(topic, partition, offset)
        raise UnreadableRecord(f"The key of {position} is not UTF-8: something else writes to {topic}.") from error
    if not name:
        position = _position(topic, partition, offset)
        raise UnreadableRecord(f"{position} has no key: something else writes to {topic}.")
    if value is None:
        if topic not in ERASABLE:
            position = _position(topic, partition, offset)
            raise UnreadableRecord(f"{position} is a tombstone, which has no place on {topic}.")
        return Logged(topic, partition, offset, name, 0, b"", b"", None)
    try:
        record, fingerprint = codec.read(value)
    except schemas.codec.UnreadableRecord as error:
        kind = UnknownEvent if error.code == schemas.codec.UNKNOWN_TYPE else UnreadableRecord
        raise kind(
            f"{_position(topic, partition, offset)} can't be read: {error}. The projector stopped there and skips "
            f"nothing; if a newer version wrote the record, start the projector of that version."
        ) from error
    if type(record) not in KNOWN[topic]:
        raise UnknownEvent(
            f"{_position(topic, partition, offset)} is a {type(record).__name__}, which this version doesn't know on "
            f"{topic}. Start the projector of the version that wrote it."
        )
    schema_id = int.from_bytes(value[1:HEADER_BYTES], "big")
    return Logged(topic, partition, offset, name, schema_id, fingerprint, value[HEADER_BYTES:], record)


def _position(topic: str, partition: int, offset: int) -> str:
    return f"{topic}[{partition}]@{offset}"


def nothing_before(logged: Logged, what: str, name: str) -> InconsistentLog:
    """The error for an event of something of which no event before it says anything."""
    return InconsistentLog(
        f"{logged.position} is a {type(logged.record).__name__} of {what} {name}, of which no event before it says "
        f"anything. Check the chain of key {logged.key}."
    )
