"""Seals: the tree over a transaction's events, and what a changed log shows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.seals import FIRST, Covered, Seal, Statement, climb, leaf, marks, path, root
from projections.audit.chain import Fault
from projections.audit.seals import Sealed, Seals
from rejoinder.signing import WriterKey, public_keys
from tests.unit.builders import codec

SECRET = b"the secret behind the writers' keys"
WRITERS = ("interaction-1", "interaction-2")
TOPIC = "interaction.events"


@given(st.lists(st.binary(min_size=1, max_size=4), min_size=1, max_size=40), st.data())
def test_every_leaf_leads_to_the_root_and_no_other_does(values: list[bytes], data: st.DataObject) -> None:
    leaves = [leaf(TOPIC, 0, "key", value) for value in values]
    index = data.draw(st.integers(0, len(leaves) - 1))
    way = path(leaves, index)
    assert climb(leaves[index], index, len(leaves), way) == root(leaves)
    other = leaf(TOPIC, 0, "key", b"another event")
    assert climb(other, index, len(leaves), way) != root(leaves)
    assert climb(leaves[index], index, len(leaves), [*way, other]) is None
    assert not way or climb(leaves[index], index, len(leaves), way[:-1]) is None


@dataclass(frozen=True)
class Stood:
    """An event of the log that is checked."""

    partition: int
    offset: int
    key: str
    digest: bytes


@dataclass(frozen=True)
class Written:
    """A log: some transactions of some events each, by two writers in turn, over two partitions."""

    events: tuple[Stood, ...]
    seals: tuple[Sealed, ...]

    def faults(self, keys: dict[str, bytes] | None = None) -> list[Fault]:
        seals = Seals(public_keys(SECRET, WRITERS) if keys is None else keys)
        found = list(seals.take(self.seals))
        for event in sorted(self.events, key=lambda event: (event.partition, event.offset)):
            found += seals.hold((TOPIC, event.partition), event.offset, event.key, event.digest)
        return found + list(seals.end({(TOPIC, 0): 1_000, (TOPIC, 1): 1_000}))


def written(sizes: Sequence[int]) -> Written:
    events: list[Stood] = []
    seals: list[Sealed] = []
    heads = dict.fromkeys(WRITERS, (0, FIRST))
    ends = [0, 0]
    for transaction, size in enumerate(sizes):
        writer = WRITERS[transaction % 2]
        new = []
        for number in range(size):
            partition = number % 2
            key = f"key{number % 3}"
            new.append(Stood(partition, ends[partition], key, sha256(f"{transaction}/{number}".encode()).digest()))
            ends[partition] += 1
        new.sort(key=lambda event: event.partition)
        parts = {event.partition: [each for each in new if each.partition == event.partition] for event in new}
        leaves = [leaf(TOPIC, event.partition, event.key, event.digest) for event in new]
        number, previous = heads[writer]
        statement = codec().encode(
            Statement(
                writer=writer,
                number=number + 1,
                previous=previous,
                at=0,
                covered=[
                    Covered(topic=TOPIC, partition=partition, count=len(some), last=some[-1].offset)
                    for partition, some in parts.items()
                ],
                root=root(leaves),
                marks=marks(leaves),
            )
        )
        heads[writer] = number + 1, sha256(statement).digest()
        seals.append(sealed(len(seals), writer, statement, SECRET))
        ends = [end + 1 for end in ends]  # the marks of the transaction
        events += new
    return Written(tuple(events), tuple(seals))


def sealed(offset: int, writer: str, statement: bytes, secret: bytes) -> Sealed:
    seal = Seal(statement=statement, signature=WriterKey(secret, writer).sign(statement))
    return Sealed("audit.seals", 0, offset, writer, seal, codec().decode(statement))


SIZES = (3, 1, 6, 2, 5)
LOG = written(SIZES)
EVENTS = st.integers(0, len(LOG.events) - 1)


def test_a_log_that_is_as_it_was_written_has_no_fault() -> None:
    assert LOG.faults() == []


@given(EVENTS)
def test_an_event_that_was_changed_is_named(at: int) -> None:
    event = LOG.events[at]
    changed = replace(event, digest=sha256(b"changed").digest())
    (fault,) = replace(LOG, events=(*LOG.events[:at], changed, *LOG.events[at + 1 :])).faults()
    assert (fault.partition, fault.offset) == (event.partition, event.offset)
    assert "not what was written" in fault.reason


@given(EVENTS)
def test_an_event_that_was_moved_to_another_key_is_named(at: int) -> None:
    event = LOG.events[at]
    moved = replace(event, key="somebody else")
    (fault,) = replace(LOG, events=(*LOG.events[:at], moved, *LOG.events[at + 1 :])).faults()
    assert (fault.partition, fault.offset) == (event.partition, event.offset)


@given(EVENTS)
def test_where_an_event_was_removed_is_told(at: int) -> None:
    event = LOG.events[at]
    (fault,) = replace(LOG, events=LOG.events[:at] + LOG.events[at + 1 :]).faults()
    assert fault.partition == event.partition
    assert "missing" in fault.reason
    assert fault.offset >= event.offset


def test_two_events_that_were_swapped_are_named() -> None:
    first, second = (at for at, event in enumerate(LOG.events) if event.partition == 0 and event.offset in (0, 1))
    one, other = LOG.events[first], LOG.events[second]
    events = list(LOG.events)
    events[first], events[second] = replace(other, offset=one.offset), replace(one, offset=other.offset)
    (fault,) = replace(LOG, events=tuple(events)).faults()
    assert (fault.offset, "reordered" in fault.reason) == (one.offset, True)


@pytest.mark.parametrize("partition", [0, 1])
def test_an_event_without_a_seal_is_named(partition: int) -> None:
    end = 1 + max(event.offset for event in LOG.events if event.partition == partition)
    put_in = Stood(partition, end, "key0", sha256(b"put in").digest())
    (fault,) = replace(LOG, events=(*LOG.events, put_in)).faults()
    assert (fault.partition, fault.offset, "no seal" in fault.reason) == (partition, end, True)


def test_a_seal_with_another_key_covers_nothing() -> None:
    log = written((1,))
    (seal,) = log.seals
    forged = sealed(0, "interaction-1", seal.seal.statement, b"another secret, which somebody else has")
    of_seal, of_event = replace(log, seals=(forged,)).faults()
    assert "signature" in of_seal.reason
    assert "no seal" in of_event.reason


def test_the_seal_of_a_writer_whom_nobody_trusts_covers_nothing() -> None:
    of_seal, of_event = written((1,)).faults(keys=public_keys(SECRET, WRITERS[1:]))
    assert "trusted" in of_seal.reason
    assert "no seal" in of_event.reason


@given(st.integers(0, len(SIZES) - 3))
def test_a_seal_that_was_removed_shows_at_its_writers_next_one(at: int) -> None:
    faults = replace(LOG, seals=LOG.seals[:at] + LOG.seals[at + 1 :]).faults()
    assert any(fault.topic == "audit.seals" and fault.offset == at + 2 for fault in faults)
    assert any(fault.topic == TOPIC for fault in faults)
