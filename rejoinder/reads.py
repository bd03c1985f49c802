"""Records of reads, back from the log: who was shown what of people, and whether each is as it was written."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from engine.envelope import home_of
from engine.reads import Noted, PersonalRead
from rejoinder.cluster import Cluster
from schemas.codec import UnreadableRecord
from topics.catalogue import AUDIT_READS, HOUR
from topics.messages import Arrived
from topics.reading import offsets_at, read_all

API: Final = "api"
SQL: Final = "sql"
"""A command that may show anybody's: whose, its record does not say."""


@dataclass(frozen=True)
class Wanted:
    """Which reads. What is None does not matter."""

    actor: str | None = None
    keys: frozenset[str] | None = None
    """Only those of a person, by the keys of all handles, and those that may be anybody's."""
    since: int | None = None
    """Milliseconds, by when it was read."""
    until: int | None = None
    """The first moment that is not wanted."""


@dataclass(frozen=True)
class Found:
    """A record of a read where it stands. `fault`: what is wrong with it; None: nothing."""

    offset: int
    read: PersonalRead | None
    """None where it can't be read."""
    signed: bool
    fault: str | None


def reads(cluster: Cluster, key: bytes | None, wanted: Wanted) -> Iterator[Found]:
    """Records of reads in their order, and those with which something is wrong whatever is wanted.

    Args:
        key: the public key of the installation's reads; without it signatures are taken as they are.
    """
    name, before = cluster.catalogue.name(AUDIT_READS), None
    starts = None
    if wanted.since is not None:
        # It is written in the moment in which it is read, or the writer's clock is wrong: by less than an hour.
        starts = offsets_at(cluster.broker, name, {0: max(0, wanted.since - HOUR)})
    for record in read_all(cluster.broker, name, [0], "reads", starts):
        found = _found(cluster, record, before, key)
        before = record.offset
        if found.fault is not None or (found.read is not None and _is_wanted(found.read, wanted)):
            yield found


def _found(cluster: Cluster, record: Arrived, before: int | None, key: bytes | None) -> Found:
    try:
        noted: Any = cluster.codec.decode(record.value or b"")
        read: Any = cluster.codec.decode(noted.statement) if isinstance(noted, Noted) else None
    except UnreadableRecord as error:
        return Found(record.offset, None, False, f"it can't be read: {error}")
    if not isinstance(noted, Noted) or not isinstance(read, PersonalRead):
        return Found(record.offset, None, False, "it is no record of a read")
    return Found(record.offset, read, bool(noted.signature), _fault(record, noted, read, before, key))


def _fault(record: Arrived, noted: Noted, read: PersonalRead, before: int | None, key: bytes | None) -> str | None:
    if key is not None and noted.signature and not _is_by(key, noted):
        return "its signature is not the installation's: it was changed, or put in by somebody else"
    if not noted.signature and read.door == API:
        return "it has no signature, and those of the API have one: it was changed, or put in by somebody else"
    if record.key != read.actor_id.encode():
        return "it stands under another key than who read"
    if record.offset < read.after:
        return f"{read.after - record.offset} records that stood before it were removed"
    if before is not None and record.offset != before + 1:
        return f"{record.offset - before - 1} records between the one before and it were removed"
    return None


def _is_by(key: bytes, noted: Noted) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(noted.signature, noted.statement)
    except InvalidSignature:
        return False
    return True


def _is_wanted(read: PersonalRead, wanted: Wanted) -> bool:
    return (
        (wanted.actor is None or read.actor_id == wanted.actor)
        and (wanted.since is None or read.at >= wanted.since)
        and (wanted.until is None or read.at < wanted.until)
        and (wanted.keys is None or _is_of(read, wanted.keys))
    )


def _is_of(read: PersonalRead, keys: frozenset[str]) -> bool:
    if read.what == SQL:
        return True
    return not keys.isdisjoint(read.contacts) or any(home_of(each) in keys for each in read.interactions)
