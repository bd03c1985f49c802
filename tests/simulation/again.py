"""Whether all commands of a simulation, decided again, come to the log event for event, whatever went wrong."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.envelope import digest
from engine.interaction.decider import InteractionDecider
from engine.routing.decider import RoutingDecider
from projections.records import Place
from tests.simulation.broker import PARTITIONS, RULES
from tests.simulation.checker import Violation
from tests.simulation.sealed import shown
from tests.unit.builders import codec
from topics.again import Recorded, Walk
from topics.messages import Arrived

if TYPE_CHECKING:
    from tests.simulation.world import World


def check_again(world: "World") -> None:
    """Raises Violation."""
    for decider in (InteractionDecider(), RoutingDecider()):
        names = f"{decider.name}.commands", f"{decider.name}.events"
        for partition in range(PARTITIONS):
            events = _recorded(world, (names[1], partition))
            walk = Walk(decider, codec(), RULES, partition, events, names)
            commands = (Arrived(partition, *record) for record in shown(world, (names[0], partition)))
            found = walk.run(commands, 0, lambda now: None).difference
            if found is not None:
                raise Violation(
                    f"decided again: {found.topic}[{found.partition}]@{found.offset}, key {found.key}: {found.reason}"
                )


def _recorded(world: "World", place: Place) -> Iterator[Recorded]:
    for offset, key, value in shown(world, place):
        fingerprint, body = codec().split(value or b"")
        yield Recorded(offset, key.decode(), digest(fingerprint, body), codec().decode(value or b""))
