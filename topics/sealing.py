"""Seals each transaction of a worker: see engine.seals.

All seals are in one partition of audit.seals. A worker that begins looks back from its end for its own last one, and
at most to where the topic ended when its name was first seen (audit.writers): not through the whole log.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Protocol

from engine.errors import RejoinderError
from engine.seals import FIRST, Covered, Seal, Statement, Writer, leaves_of, marks, root
from schemas.codec import Codec
from topics.broker import Broker
from topics.catalogue import AUDIT_SEALS, AUDIT_WRITERS, Catalogue, Topic
from topics.ends import Ends
from topics.reading import high_watermarks, read_all

PARTITION: Final = 0
LOOK_BACK: Final = 100
"""Records that are looked at first for a writer's last seal; then ten times as many, and so on."""


class Signer(Protocol):
    """A writer's key."""

    @property
    def public_key(self) -> bytes:
        """Ed25519, 32 bytes."""

    def sign(self, message: bytes) -> bytes:
        """Its signature, 64 bytes."""


class CannotSeal(RejoinderError):
    """A writer can't go on where it was: its key is another, or its last seal is gone."""


@dataclass(frozen=True, slots=True)
class Last:
    """A writer's last statement, as the next one names it."""

    number: int = 0
    digest: bytes = FIRST


def writer_name(decider: str, instance: str) -> str:
    """Who seals: a decider's worker."""
    return f"{decider}-{instance}"


class Sealing:
    """One worker's seals, one transaction after the other."""

    def __init__(self, writer: str, signer: Signer, catalogue: Catalogue, codec: Codec) -> None:
        self._writer = writer
        self._signer = signer
        self._seals = catalogue.topic(AUDIT_SEALS)
        self._writers = catalogue.topic(AUDIT_WRITERS)
        self._codec = codec
        self._last = self._next = Last()
        self._introduction: Writer | None = None

    def begin(self, broker: Broker, now: int) -> None:
        """Finds the worker's last seal. Its transactions are decided by now: its new producer fenced the old one off.

        Raises:
            CannotSeal: it began with another key, or no seal of it is there.
        """
        end = high_watermarks(broker, self._seals.name, [PARTITION])[PARTITION]
        known = self._known(broker)
        if known is None:
            public = self._signer.public_key
            self._introduction = Writer(writer=self._writer, public_key=public, since=end, at=now)
            self._last = Last()
            return
        if known.public_key != self._signer.public_key:
            raise CannotSeal(
                f"the key of {self._writer} is another than the one with which it sealed its events so far: set the "
                "secret that it had (audit.secret, or home.secret where that is not set), or give the worker another "
                "name (workers.machine)"
            )
        self._introduction = None
        self._last = self._last_of(broker, known.since, end)

    def records(self, ends: Ends, now: int) -> list[tuple[Topic, bytes]]:
        """What seals a transaction, as a part of it; nothing for one without events. The broker has its events.

        `stands` has to be called once it is committed; one that is not leaves no trace here.
        """
        self._next = self._last
        covered, leaves = [], []
        for topic, partition, outputs, end in ends.events():
            covered.append(Covered(topic=topic, partition=partition, count=len(outputs), last=end.offset))
            leaves += leaves_of(topic, partition, [(output.key, output.digest) for output in outputs])
        if not leaves:
            return []
        statement = self._codec.encode(
            Statement(
                writer=self._writer,
                number=self._last.number + 1,
                previous=self._last.digest,
                at=now,
                covered=covered,
                root=root(leaves),
                marks=marks(leaves),
            )
        )
        self._next = Last(self._last.number + 1, sha256(statement).digest())
        seal = Seal(statement=statement, signature=self._signer.sign(statement))
        records = [(self._seals, self._codec.encode(seal))]
        if self._introduction is not None:
            records.append((self._writers, self._codec.encode(self._introduction)))
        return records

    def stands(self) -> None:
        """The transaction is committed."""
        if self._next is not self._last:
            self._last, self._introduction = self._next, None

    def _known(self, broker: Broker) -> Writer | None:
        """How it was introduced; None: never."""
        known: Writer | None = None
        for record in read_all(broker, self._writers.name, [PARTITION], f"writers-{self._writer}"):
            if record.key == self._writer.encode() and record.value is not None:
                known = self._codec.decode(record.value)
        return known

    def _last_of(self, broker: Broker, since: int, end: int) -> Last:
        reach = LOOK_BACK
        while True:
            start = max(since, end - reach)
            found = None
            for record in read_all(broker, self._seals.name, [PARTITION], f"seals-{self._writer}", {PARTITION: start}):
                if record.key == self._writer.encode():
                    found = record.value
            if found is not None:
                seal: Seal = self._codec.decode(found)
                statement: Statement = self._codec.decode(seal.statement)
                return Last(statement.number, sha256(seal.statement).digest())
            if start == since:
                raise CannotSeal(
                    f"{self._writer} sealed transactions before, and no seal of it is in {self._seals.name} from "
                    f"offset {since} on: the log lost records, or belongs to another installation"
                )
            reach *= 10
