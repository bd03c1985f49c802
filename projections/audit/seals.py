"""Checking from the log alone that every event is as its writer sealed it, and that none is missing (engine.seals)."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from engine.envelope import digest
from engine.record import Event
from engine.seals import FIRST, MARK, Covered, Seal, Statement, leaf, root
from projections.audit.chain import Fault
from projections.records import Logged, Place


@dataclass(frozen=True)
class Sealed:
    """A seal as it stands in the log. `statement` is None where its bytes are no statement."""

    topic: str
    partition: int
    offset: int
    key: str
    seal: Seal
    statement: Statement | None


@dataclass
class Head:
    """How far a writer has come: who keeps it can tell later whether the end of its log was cut off."""

    number: int = 0
    digest: bytes = FIRST


@dataclass
class _Awaited:
    """A sealed transaction, whose events are still to come or being collected."""

    sealed: Sealed
    statement: Statement
    leaves: dict[Place, list[bytes]] = field(default_factory=dict)
    whole: bool = True
    """False once one of its events was found to be other than it was: then its root says nothing new."""


@dataclass
class _Part:
    """The events of one transaction in one partition."""

    of: _Awaited
    covered: Covered
    marks: list[bytes]


class Seals:
    """The seals of a log, checked; then its events are held against them, each partition's by offset."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """keys: the writers' public keys, from where they can be trusted."""
        self._keys = {writer: Ed25519PublicKey.from_public_bytes(key) for writer, key in keys.items()}
        self.heads: dict[str, Head] = defaultdict(Head)
        self._parts: dict[Place, deque[_Part]] = defaultdict(deque)
        self._found: dict[Place, list[tuple[Logged, bytes]]] = defaultdict(list)

    def take(self, seals: Iterable[Sealed]) -> Iterator[Fault]:
        """Takes all seals, each writer's in the order of their offsets, and gives what is wrong with them."""
        parts: dict[Place, list[_Part]] = defaultdict(list)
        for sealed in seals:
            reason = self._fault_of(sealed)
            if reason is not None:
                yield _of(sealed, reason)
            statement = sealed.statement
            if statement is None or not self._is_signed(sealed):
                continue
            self.heads[sealed.key] = Head(statement.number, sha256(sealed.seal.statement).digest())
            awaited, at = _Awaited(sealed, statement), 0
            for covered in statement.covered:
                end = at + MARK * covered.count
                marks = [statement.marks[place : place + MARK] for place in range(at, end, MARK)]
                parts[_place(covered)].append(_Part(awaited, covered, marks))
                at = end
        for place, found in parts.items():
            self._parts[place].extend(sorted(found, key=lambda part: part.covered.last))

    def hold(self, logged: Logged) -> Iterator[Fault]:
        """Holds one event against its seal. What is wrong is known when its transaction's last one was seen."""
        assert isinstance(logged.record, Event)
        place = logged.topic, logged.partition
        parts, found = self._parts[place], self._found[place]
        while parts and logged.offset > parts[0].covered.last:
            yield from self._close(place, parts.popleft())
        found.append((logged, leaf(*place, logged.key, digest(logged.fingerprint, logged.body))))
        if parts and logged.offset == parts[0].covered.last:
            yield from self._close(place, parts.popleft())

    def end(self, ends: Mapping[Place, int]) -> Iterator[Fault]:
        """What is missing or too much when all was read, up to the offset that `ends` says of each partition."""
        for place, parts in self._parts.items():
            while parts and parts[0].covered.last < ends.get(place, 0):
                yield from self._close(place, parts.popleft())
        for found in self._found.values():
            for logged, _ in found:
                yield _at(logged, "no seal covers it: it was put in by somebody who has no writer's key")

    def _close(self, place: Place, part: _Part) -> Iterator[Fault]:
        """All events of a transaction in a partition should have come by now."""
        found, self._found[place] = self._found[place], []
        fault = _compare(found, part)
        if fault is not None:
            part.of.whole = False
            yield fault
        part.of.leaves[place] = [each for _, each in found]
        if len(part.of.leaves) == len(part.of.statement.covered) and part.of.whole:
            leaves = [each for covered in part.of.statement.covered for each in part.of.leaves[_place(covered)]]
            if root(leaves) != part.of.statement.root:
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

    def _fault_of(self, sealed: Sealed) -> str | None:
        if sealed.key not in self._keys:
            return f"no trusted key is known of the writer {sealed.key}"
        if not self._is_signed(sealed):
            return f"its signature is not that of the writer {sealed.key}"
        statement = sealed.statement
        if statement is None or statement.writer != sealed.key:
            return "it is signed, but states nothing that this version can read"
        head = self.heads[sealed.key]
        if statement.number != head.number + 1:
            return f"it is seal {statement.number} of {sealed.key}, and {head.number} came before it"
        if statement.previous != head.digest:
            return f"seal {statement.number} of {sealed.key} names another one before it than the one that is there"
        return None


def _compare(found: list[tuple[Logged, bytes]], part: _Part) -> Fault | None:
    """The first event of a transaction's, in one partition, that is not what its seal states."""
    there, stated = [each[:MARK] for _, each in found], part.marks
    if there == stated:
        return None
    seal = f"seal {part.of.statement.number} of {part.of.statement.writer}"
    first = next(
        (at for at, pair in enumerate(zip(there, stated, strict=False)) if pair[0] != pair[1]),
        min(len(there), len(stated)),
    )
    missing, extra = Counter(stated) - Counter(there), Counter(there) - Counter(stated)
    if first == len(found):
        return Fault(
            part.covered.topic,
            part.covered.partition,
            part.covered.last,
            "",
            f"events up to here are missing: {seal} states {len(stated)}, and {len(there)} are there",
        )
    if extra and missing:
        reason = f"it is not what was written: {seal} states another event in this place"
    elif extra:
        reason = f"it was put in: {seal} does not cover it"
    elif missing:
        reason = f"before it an event is missing, which {seal} covers"
    else:
        reason = f"it stands in another place than {seal} states: events were reordered"
    return _at(found[first][0], reason)


def _at(logged: Logged, reason: str) -> Fault:
    return Fault(logged.topic, logged.partition, logged.offset, logged.key, reason)


def _of(sealed: Sealed, reason: str) -> Fault:
    return Fault(sealed.topic, sealed.partition, sealed.offset, sealed.key, reason)


def _place(covered: Covered) -> Place:
    return covered.topic, covered.partition
