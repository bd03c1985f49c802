"""Checking from the log alone that every event is as its writer sealed it, and that none is missing (engine.seals)."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from engine.seals import FIRST, MARK, Covered, Seal, Statement, leaf, marks, root
from projections.audit.chain import Fault
from projections.records import Place


@dataclass(frozen=True)
class Sealed:
    """A seal as it stands in the log. `statement` is None where its bytes are none that this version can read."""

    topic: str
    partition: int
    offset: int
    key: str
    seal: Seal
    statement: Statement | None


@dataclass(frozen=True)
class Head:
    """How far a writer has come. Who keeps it can tell later whether the end of the log was cut off."""

    number: int = 0
    digest: bytes = FIRST


@dataclass(frozen=True)
class _Stands:
    """An event where it stands."""

    offset: int
    key: str
    leaf: bytes


@dataclass
class _Awaited:
    """A sealed transaction whose events are still to come, or are being collected."""

    sealed: Sealed
    statement: Statement
    leaves: dict[Place, list[bytes]] = field(default_factory=dict)
    as_stated: bool = True
    """False once one of its events was found to be another: then its root says nothing new."""


@dataclass
class _Part:
    """The events of one transaction in one partition."""

    of: _Awaited
    covered: Covered
    marks: bytes


class Seals:
    """All seals of a log, checked; then its events are held against them, those of each partition by offset."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """keys: the writers' public keys, from where they can be trusted; that is not the log."""
        self._keys = {writer: Ed25519PublicKey.from_public_bytes(key) for writer, key in keys.items()}
        self.heads: dict[str, Head] = defaultdict(Head)
        self._parts: dict[Place, deque[_Part]] = defaultdict(deque)
        self._found: dict[Place, list[_Stands]] = defaultdict(list)

    def take(self, seals: Iterable[Sealed]) -> Iterator[Fault]:
        """Takes all seals, in the order of their offsets, and gives what is wrong with them.

        What one states counts only if its writer signed it.
        """
        for sealed in seals:
            signed = self._is_signed(sealed)
            reason = self._fault_of(sealed, signed)
            if reason is not None:
                yield _of(sealed, reason)
            if not signed or sealed.statement is None:
                continue
            self.heads[sealed.key] = Head(sealed.statement.number, sha256(sealed.seal.statement).digest())
            awaited, at = _Awaited(sealed, sealed.statement), 0
            for covered in sealed.statement.covered:
                end = at + MARK * covered.count
                self._parts[_place(covered)].append(_Part(awaited, covered, sealed.statement.marks[at:end]))
                at = end

    def hold(self, place: Place, offset: int, key: str, digest: bytes) -> Iterator[Fault]:
        """Holds one event against its seal: what is wrong is told when its transaction's last one was seen.

        Args:
            digest: the event's own (engine.envelope.digest).
        """
        parts = self._parts[place]
        while parts and offset > parts[0].covered.last:
            yield from self._close(place, parts.popleft())
        self._found[place].append(_Stands(offset, key, leaf(*place, key, digest)))
        if parts and offset == parts[0].covered.last:
            yield from self._close(place, parts.popleft())

    def end(self, ends: Mapping[Place, int]) -> Iterator[Fault]:
        """What is missing, or too much, now that all was read up to the offset that `ends` has of each partition."""
        for place, parts in self._parts.items():
            while parts and parts[0].covered.last < ends.get(place, 0):
                yield from self._close(place, parts.popleft())
        for (topic, partition), found in self._found.items():
            for event in found:
                reason = "no seal covers it: somebody put it in who has no writer's key"
                yield Fault(topic, partition, event.offset, event.key, reason)

    def _close(self, place: Place, part: _Part) -> Iterator[Fault]:
        """All events of a transaction in a partition have come by now."""
        found, self._found[place] = self._found[place], []
        leaves = [event.leaf for event in found]
        if marks(leaves) != part.marks:
            part.of.as_stated = False
            yield _difference(found, part)
        part.of.leaves[place] = leaves
        stated = part.of.statement
        if part.of.as_stated and len(part.of.leaves) == len(stated.covered):
            all_leaves = [each for covered in stated.covered for each in part.of.leaves[_place(covered)]]
            if root(all_leaves) != stated.root:
                yield _of(part.of.sealed, "its events are not what it states: their root is another")

    def _is_signed(self, sealed: Sealed) -> bool:
        key = self._keys.get(sealed.key)
        if key is None:
            return False
        try:
            key.verify(sealed.seal.signature, sealed.seal.statement)
        except InvalidSignature:
            return False
        return True

    def _fault_of(self, sealed: Sealed, signed: bool) -> str | None:
        statement, head = sealed.statement, self.heads[sealed.key]
        if sealed.key not in self._keys:
            return f"no key of the writer {sealed.key} is trusted"
        if not signed:
            return f"its signature is not that of the writer {sealed.key}"
        if statement is None or statement.writer != sealed.key:
            return "it is signed, but states nothing of this writer that this version can read"
        if statement.number != head.number + 1:
            return f"it is seal {statement.number} of {sealed.key}, and the one before it in the log is {head.number}"
        if statement.previous != head.digest:
            return f"it names another seal {head.number} of {sealed.key} than the one that is there"
        return None


def _difference(found: list[_Stands], part: _Part) -> Fault:
    """The first event of a transaction's, in one partition, that is not what its seal states."""
    there = [event.leaf[:MARK] for event in found]
    stated = [part.marks[at : at + MARK] for at in range(0, len(part.marks), MARK)]
    seal = f"seal {part.of.statement.number} of {part.of.statement.writer}"
    first = next(
        (at for at, pair in enumerate(zip(there, stated, strict=False)) if pair[0] != pair[1]),
        min(len(there), len(stated)),
    )
    missing, extra = Counter(stated) - Counter(there), Counter(there) - Counter(stated)
    covered = part.covered
    if first == len(found):
        reason = f"up to here {len(stated) - len(there)} events are missing, which {seal} covers"
        return Fault(covered.topic, covered.partition, covered.last, "", reason)
    if extra and missing:
        reason = f"it is not what was written: {seal} states another event in this place"
    elif extra:
        reason = f"it was put in: {seal} does not cover it"
    elif missing:
        reason = f"before it an event is missing, which {seal} covers"
    else:
        reason = f"it stands in another place than {seal} states: events were reordered"
    return Fault(covered.topic, covered.partition, found[first].offset, found[first].key, reason)


def _of(sealed: Sealed, reason: str) -> Fault:
    return Fault(sealed.topic, sealed.partition, sealed.offset, sealed.key, reason)


def _place(covered: Covered) -> Place:
    return covered.topic, covered.partition
