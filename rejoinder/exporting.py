"""One interaction as a bundle that proves itself, without the log and without this program: bin/verify_bundle.py.

It holds the events of the interaction and those between them on its key (the chain has no gap), each with the way to
the root that its writer signed, the seals, and the schemas. The facts only: words are in it where they are asked for.
"""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from engine.envelope import digest
from engine.errors import RejoinderError
from engine.seals import Seal, Statement, leaf, path
from projections.queries.bundles import Position
from projections.records import Place
from rejoinder.cluster import Cluster
from rejoinder.signing import WriterKey
from topics.catalogue import AUDIT_SEALS
from topics.messages import Arrived
from topics.reading import offsets_at, read_all

FORMAT: Final = "rejoinder-interaction-1"
EXPORTER: Final = "export"
"""The writer whose key signs bundles."""
SLACK: Final = 60_000
"""How far the clocks of writers may differ, milliseconds."""
SPARE: Final = 100
"""Offsets that are looked at beyond those that a transaction needs: marks, and what was aborted."""


class CannotExport(RejoinderError):
    """A bundle can't be made of what is there."""


class _Stands(NamedTuple):
    offset: int
    key: str
    value: bytes
    leaf: bytes


@dataclass(frozen=True)
class _Transaction:
    """A seal, and all events that it covers."""

    offset: int
    writer: str
    seal: Seal
    statement: Statement
    events: Mapping[Place, Sequence[_Stands]]


def bundle(
    cluster: Cluster,
    keys: Mapping[str, bytes],
    topic: str,
    events: Sequence[Position],
    about: Mapping[str, Any],
) -> dict[str, Any]:
    """The bundle's content.

    Args:
        keys: the writers' public keys.
        topic: the events' topic, without the prefix of the cluster's topics.
        events: where they stand, in the order of their sequence.
        about: what is said of the bundle as a whole.

    Raises:
        CannotExport: an event is not where it should be, or no seal covers it.
    """
    schemas: dict[str, Any] = {}
    seals: list[dict[str, Any]] = []
    told: list[dict[str, Any]] = []
    under: _Transaction | None = None
    for event in events:
        place = topic, event.partition
        if under is None or _at(under, place, event.offset) is None:
            under = _transaction(cluster, keys, place, event)
            seals.append(_told_seal(cluster, under, schemas))
        told.append({"seal": len(seals) - 1, **_told_event(cluster, under, place, event.offset, schemas)})
    return {"format": FORMAT, **about, "schemas": schemas, "seals": seals, "events": told}


def signed(content: Mapping[str, Any], key: WriterKey) -> str:
    """The bundle as it is written: the content on one line, its signature on the next."""
    line = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
    signature = {"signer": EXPORTER, "signature": key.sign(line.encode()).hex()}
    return f"{line}\n{json.dumps(signature)}\n"


def _transaction(cluster: Cluster, keys: Mapping[str, bytes], place: Place, event: Position) -> _Transaction:
    """The one in which an event was written: its seal is the first, after the event, whose part there ends no earlier.

    Raises:
        CannotExport: there is none.
    """
    where = f"{place[0]}[{place[1]}]@{event.offset}"
    topic, codec = cluster.catalogue.topic(AUDIT_SEALS), cluster.codec
    start = offsets_at(cluster.broker, topic.name, {0: event.decided_at - SLACK})
    with closing(read_all(cluster.broker, topic.name, [0], "export-seals", start)) as records:
        for record in records:
            seal, writer = codec.decode(record.value or b""), record.key.decode("utf-8", "backslashreplace")
            if not _is_signed(seal, keys.get(writer)):
                continue
            statement = codec.decode(seal.statement)
            parts = ((each.topic, each.partition, each.last) for each in statement.covered)
            if any((name, partition) == place and last >= event.offset for name, partition, last in parts):
                found = _Transaction(record.offset, writer, seal, statement, _events(cluster, statement))
                if _at(found, place, event.offset) is None:
                    break
                return found
    raise CannotExport(f"no seal covers the event at {where}: see what `rejoinder audit verify` says of it")


def _is_signed(seal: Seal, key: bytes | None) -> bool:
    if key is None:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(seal.signature, seal.statement)
    except InvalidSignature:
        return False
    return True


def _events(cluster: Cluster, statement: Statement) -> dict[Place, list[_Stands]]:
    """All events of a transaction. Where it began is not stated: looked for backwards, as far as it takes."""
    found: dict[Place, list[_Stands]] = {}
    for part in statement.covered:
        reach, records = part.count + SPARE, []
        while True:
            start = max(0, part.last + 1 - reach)
            records = _between(cluster, part.topic, part.partition, start, part.last + 1)
            if len(records) >= part.count or start == 0:
                break
            reach *= 10
        found[part.topic, part.partition] = [_stands(cluster, part.topic, record) for record in records[-part.count :]]
    return found


def _between(cluster: Cluster, topic: str, partition: int, start: int, end: int) -> list[Arrived]:
    name = cluster.catalogue.name(topic)
    return list(read_all(cluster.broker, name, [partition], f"export-{topic}", {partition: start}, {partition: end}))


def _stands(cluster: Cluster, topic: str, record: Arrived) -> _Stands:
    value, key = record.value or b"", record.key.decode("utf-8", "backslashreplace")
    own = digest(*cluster.codec.split(value))
    return _Stands(record.offset, key, value, leaf(topic, record.partition, key, own))


def _at(under: _Transaction, place: Place, offset: int) -> int | None:
    """Which of a transaction's events in a partition it is; None: it is none of them."""
    there = [event.offset for event in under.events.get(place, ())]
    return there.index(offset) if offset in there else None


def _told_seal(cluster: Cluster, under: _Transaction, schemas: dict[str, Any]) -> dict[str, Any]:
    return {
        "offset": under.offset,
        "writer": under.writer,
        "schema": _schema(cluster, under.seal.statement, schemas),
        "statement": b64encode(under.seal.statement).decode(),
        "signature": under.seal.signature.hex(),
    }


def _told_event(
    cluster: Cluster, under: _Transaction, place: Place, offset: int, schemas: dict[str, Any]
) -> dict[str, Any]:
    leaves: list[bytes] = []
    index = 0
    for part in under.statement.covered:
        there = part.topic, part.partition
        if there == place:
            index = len(leaves) + (_at(under, place, offset) or 0)
        leaves += [event.leaf for event in under.events[there]]
    stands = under.events[place][_at(under, place, offset) or 0]
    _, body = cluster.codec.split(stands.value)
    return {
        "topic": place[0],
        "partition": place[1],
        "offset": offset,
        "key": stands.key,
        "leaf": index,
        "path": [neighbour.hex() for neighbour in path(leaves, index)],
        "schema": _schema(cluster, stands.value, schemas),
        "body": b64encode(body).decode(),
    }


def _schema(cluster: Cluster, value: bytes, schemas: dict[str, Any]) -> str:
    """The fingerprint of the schema of a value, which is put among the bundle's schemas."""
    fingerprint = cluster.codec.split(value)[0].hex()
    if fingerprint not in schemas:
        schemas[fingerprint] = cluster.codec.schema_of(value)
    return fingerprint
