"""How rows are written: in RocksDB and in snapshots alike, so that neither has to be taken apart for the other.

A row's place is the length of its key (2 bytes), the key, the number of its type (1 byte) and its id; the row is
MessagePack. The numbers are those of the types' names in order, so that they mean the same wherever the shape is.
"""

import hashlib
import struct
from collections.abc import Sequence
from typing import Final

import msgspec

from engine.rows import Row

FORMAT: Final = 2
"""Of the places above, and of the keys in topics.rocks."""

_LENGTH: Final = struct.Struct(">H")


class Shape:
    """The types of rows that a worker knows.

    text: what they look like; other types or fields, another text.
    digest: its SHA-256, hex.
    apart: the numbers of the types that hold words or names (engine.rows.Row.has_words).
    """

    def __init__(self, kinds: Sequence[type[Row]]) -> None:
        self.kinds = sorted(kinds, key=lambda kind: kind.__name__)
        self.encode = msgspec.msgpack.Encoder().encode
        self.tags = {kind: bytes([number]) for number, kind in enumerate(self.kinds, start=1)}
        self.decoders = {tag[0]: msgspec.msgpack.Decoder(kind) for kind, tag in self.tags.items()}
        self.apart = frozenset(tag[0] for kind, tag in self.tags.items() if kind.has_words)
        names = [kind.__name__ for kind in self.kinds if kind.has_words]
        shapes = msgspec.json.schema_components(self.kinds)
        self.text = msgspec.json.encode([FORMAT, shapes, names], order="deterministic")
        self.digest = hashlib.sha256(self.text).hexdigest()

    def place(self, key: str, kind: type[Row], row_id: str) -> bytes:
        """Where a row lies."""
        return beginning(key) + self.tags[kind] + row_id.encode()

    def split(self, place: bytes) -> tuple[str, type[Row], str]:
        """The key, the type and the id of the row that lies there."""
        at = tag_at(place)
        return place[_LENGTH.size : at].decode(), self.kinds[place[at] - 1], place[at + 1 :].decode()

    def decode(self, place: bytes, value: bytes) -> Row:
        """The row that lies there."""
        row: Row = self.decoders[place[tag_at(place)]].decode(value)
        return row


def beginning(key: str) -> bytes:
    """With what the places of a key's rows begin."""
    encoded = key.encode()
    return _LENGTH.pack(len(encoded)) + encoded


def tag_at(place: bytes) -> int:
    """At which byte of a place the type's number stands."""
    length: int = _LENGTH.unpack_from(place)[0]
    return _LENGTH.size + length
