"""Seals: what a writer signs of each of its transactions, so that the log alone shows whether it is as it was written.

The chain of digests (engine.envelope) binds a key's events to each other. It doesn't say that the last of them is
still there, nor who wrote them. A seal does: in the transaction of its events it states how many there are in each
partition, where the last one stands, and the root of a Merkle tree over them (RFC 9162, 2.1), and names the writer's
seal before it. So an event without a seal, a seal without its events and a writer's missing seal all show; and one
event can be shown to be under a seal without the others (`path`, `climb`).
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Annotated, Final

from engine.record import Millis, Record

FIRST: Final = b""
"""What a writer's first statement names as the one before it."""
MARK: Final = 4
"""Bytes of a leaf that stand in the statement itself."""


class Covered(Record, kw_only=True):
    """The events of one transaction in one partition."""

    topic: Annotated[str, "the topic, without the prefix of the cluster's topics"]
    partition: Annotated[int, "the partition"]
    count: Annotated[int, "how many events"]
    last: Annotated[int, "the offset of the last of them"]


class Statement(Record, kw_only=True):
    """What a seal states. The leaves of its tree are the events in the order of `covered`, each place's by offset."""

    writer: Annotated[str, "who: the processor and its worker, interaction-1"]
    number: Annotated[int, "1, 2, 3 … without a gap for each writer"]
    previous: Annotated[bytes, "SHA-256 of the writer's statement before this one, as bytes; empty for the first"]
    at: Annotated[Millis, "when it was sealed, by the writer's wall clock"]
    covered: Annotated[list[Covered], "the events, by partition"]
    root: Annotated[bytes, "the root of the Merkle tree over them"]
    marks: Annotated[bytes, "the first four bytes of each leaf: to name the event that is not what it was"]


class Seal(Record, kw_only=True):
    """audit.seals: a statement and its signature. Keyed by writer."""

    statement: Annotated[bytes, "a Statement, as it would stand on a topic; these bytes are signed"]
    signature: Annotated[bytes, "Ed25519 (RFC 8032), by the writer's key"]


class Writer(Record, kw_only=True):
    """audit.writers: a writer that seals. Keyed by its name."""

    writer: Annotated[str, "its name"]
    public_key: Annotated[bytes, "Ed25519, 32 bytes; an auditor trusts it only where it is known from elsewhere"]
    since: Annotated[int, "the offset in audit.seals, in its partition, before which it has none"]
    at: Annotated[Millis, "when it first began"]


RECORDS: Final[tuple[type[Record], ...]] = (Statement, Seal, Writer)


def leaf(topic: str, partition: int, key: str, digest: bytes) -> bytes:
    """The leaf of one event.

    Args:
        topic: without the prefix of the cluster's topics.
        digest: the event's own (engine.envelope.digest).
    """
    return leaves_of(topic, partition, [(key, digest)])[0]


def leaves_of(topic: str, partition: int, events: Iterable[tuple[str, bytes]]) -> list[bytes]:
    """The leaves of one place's events, each given by its key and its digest: what is the same is made once."""
    begin = f"\x00{topic}\x00{partition}\x00".encode()
    return [sha256(b"%b%b\x00%b" % (begin, key.encode(), digest)).digest() for key, digest in events]


def marks(leaves: Sequence[bytes]) -> bytes:
    """The beginnings of some leaves, one after the other."""
    return b"".join([each[:MARK] for each in leaves])


def root(leaves: Sequence[bytes]) -> bytes:
    """The root of the Merkle tree over some leaves, at least one. A node without a neighbour rises as it is."""
    level = list(leaves)
    while len(level) > 1:
        level = _above(level)
    return level[0]


def path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """What is needed besides one leaf to come to the root: its neighbour, its parent's, and so on."""
    level, found = list(leaves), []
    while len(level) > 1:
        neighbour = index ^ 1
        if neighbour < len(level):
            found.append(level[neighbour])
        level, index = _above(level), index // 2
    return found


def climb(reached: bytes, index: int, size: int, neighbours: Sequence[bytes]) -> bytes | None:
    """The root to which a leaf leads by its path; None: the path is not one of a tree of this size.

    Args:
        reached: the leaf.
        index: which of the leaves it is, from 0.
        size: how many leaves there are.
    """
    left = list(reversed(neighbours))
    while size > 1:
        if index ^ 1 < size:
            if not left:
                return None
            pair = (left.pop(), reached) if index % 2 else (reached, left.pop())
            reached = _node(*pair)
        index, size = index // 2, (size + 1) // 2
    return reached if not left and index == 0 else None


def _above(level: list[bytes]) -> list[bytes]:
    above = [sha256(b"\x01" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]
    return above + (level[-1:] if len(level) % 2 else [])


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()
