"""CloudEvents' attributes as Kafka headers (CloudEvents Kafka protocol binding 1.0.2, binary content mode).

With them another system can subscribe and tell the records apart without reading Avro.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from engine.delivery import (
    AccessToken,
    AttemptBegun,
    AttemptEnded,
    CommandResult,
    DeadLetter,
    Deliver,
    PolicyVersion,
)
from engine.record import Command, Event, Record

Headers = list[tuple[str, str | bytes | None]]
"""As confluent-kafka wants them; all of ours are bytes."""

CONTENT_TYPE: Final = b"avro/binary"
"""What the Avro specification calls its binary encoding ("Protocol Wire Format"); the schema id stands before it."""


class CloudEvents:
    """Builds the headers of records. What is the same for all records of a type is built once.

    source: who writes, as a URI reference: /rejoinder/interaction.
    name_of: the full name of a record's type (schemas.codec.Codec.name_of).
    """

    def __init__(self, source: str, name_of: Callable[[type[Record]], str]) -> None:
        self._source = source.encode()
        self._name_of = name_of
        self._fixed: dict[type[Record], Headers] = {}

    def headers(self, record: Record, key: str) -> Headers:
        """The headers of one record under its key."""
        kind = type(record)
        fixed = self._fixed.get(kind)
        if fixed is None:
            fixed = self._fixed[kind] = self._of_type(kind)
        headers = [*fixed, ("ce_id", identifier(record, key).encode())]
        at = time_of(record)
        if at is not None:
            headers.append(("ce_time", rfc3339(at).encode()))
        return headers

    def _of_type(self, kind: type[Record]) -> Headers:
        return [
            ("content-type", CONTENT_TYPE),
            ("ce_specversion", b"1.0"),
            ("ce_type", self._name_of(kind).encode()),
            ("ce_source", self._source),
        ]


def identifier(record: Record, key: str) -> str:
    """What tells a record from all others of its type and source."""
    match record:
        case Event():
            return record.event_id
        case Command():
            return record.command_id
        case CommandResult():
            return record.command_id
        case Deliver() | AttemptBegun() | AttemptEnded():
            return f"{record.delivery_id}.{record.attempt}"
        case PolicyVersion():
            return str(record.version)
        case DeadLetter() if record.source_offset >= 0:
            return f"{record.source_topic}-{record.source_partition}@{record.source_offset}"
    return key


def time_of(record: Record) -> int | None:
    """When it happened or was asked, milliseconds; words and profiles have no time of their own."""
    match record:
        case Event():
            return record.occurred_at
        case Command() | Deliver() | DeadLetter():
            return record.at
        case AttemptBegun():
            return record.begun_at
        case AttemptEnded():
            return record.ended_at
        case PolicyVersion():
            return record.published_at
        case AccessToken():
            return record.revoked_at or record.created_at
    return None


def rfc3339(millis: int) -> str:
    """An instant as text.

    >>> rfc3339(1507023134007)
    '2017-10-03T09:32:14.007Z'
    """
    return f"{_second(millis // 1000)}.{millis % 1000:03d}Z"


@lru_cache(maxsize=1024)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
