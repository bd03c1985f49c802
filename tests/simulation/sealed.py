"""Whether every event of a simulation is under exactly one seal of the worker that wrote it, whatever went wrong."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from engine.envelope import digest
from projections.audit.seals import Sealed, Seals
from projections.records import Place
from rejoinder.signing import public_keys
from tests.simulation.broker import AUDIT_SECRET, PARTITIONS
from tests.simulation.checker import Violation
from tests.unit.builders import codec
from topics.catalogue import AUDIT_SEALS, INTERACTION_EVENTS, ROUTING_EVENTS
from topics.sealing import writer_name

if TYPE_CHECKING:
    from tests.simulation.world import World

DECIDERS: Final = ("interaction", "routing")


def check_seals(world: "World") -> None:
    """Raises Violation."""
    workers = [name.partition("-")[2] for name in world.processes if name.startswith("engine-")]
    writers = [writer_name(decider, worker) for decider in DECIDERS for worker in workers]
    seals = Seals(public_keys(AUDIT_SECRET, writers))
    faults = list(seals.take(_sealed(world)))
    ends = {}
    for topic in (INTERACTION_EVENTS, ROUTING_EVENTS):
        for partition in range(PARTITIONS):
            place = topic, partition
            ends[place] = len(world.kafka.partitions[place].records)
            for offset, key, value in shown(world, place):
                faults += seals.hold(place, offset, key.decode(), digest(*codec().split(value or b"")))
    faults += seals.end(ends)
    for fault in faults:
        raise Violation(f"seals: {fault.topic}[{fault.partition}]@{fault.offset}: {fault.reason}")


def _sealed(world: "World") -> Iterator[Sealed]:
    for offset, key, value in shown(world, (AUDIT_SEALS, 0)):
        seal = codec().decode(value or b"")
        yield Sealed(AUDIT_SEALS, 0, offset, key.decode(), seal, codec().decode(seal.statement))


def shown(world: "World", place: Place) -> Iterator[tuple[int, bytes, bytes | None]]:
    partition = world.kafka.partitions[place]
    for offset, record in enumerate(partition.records):
        if partition.is_shown(offset):
            yield offset, record.key, record.value
