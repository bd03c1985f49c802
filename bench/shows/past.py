"""The past decided again: the same, event for event; and with one rule changed on purpose, the first that differs."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from bench.measure import BenchFailed, Measure
from bench.progress import say
from bench.shows.claims import Claim, equal
from bench.shows.log import Made
from engine.decider import Context, Decision
from engine.interaction.decider import InteractionDecider
from engine.interaction.events import Queued
from engine.record import Command
from engine.rows import Rows
from rejoinder.cluster import Cluster
from rejoinder.verifying import DECIDERS, verify
from topics.again import Again
from topics.catalogue import INTERACTION_EVENTS
from topics.messages import Arrived
from topics.reading import read_all

CHANGED_PARTITION: Final = 0


class Changed(InteractionDecider):
    """The decider with one rule changed: what a command puts into line has a higher priority."""

    def decide(self, rows: Rows, command: Command, context: Context) -> Decision:
        decision = super().decide(rows, command, context)
        while True:
            try:
                event = next(decision)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            if isinstance(event, Queued):
                event.priority += 1
            yield event


def decided_again(log: Made) -> Iterator[Measure | Claim]:
    """Every command that is kept, by both deciders, in as many processes as the machine has cores."""
    places = [(name, partition) for name in DECIDERS for partition in range(log.partitions)]
    jobs, began = os.cpu_count() or 1, time.monotonic()

    def told(commands: int, done: int) -> None:
        say(f"decided {commands} commands again, {done} of {len(places)} partitions")

    found = list(verify(log.settings, log.cluster.bootstrap, places, jobs, told))
    seconds = time.monotonic() - began
    events, commands = sum(each.events for each in found), sum(each.commands for each in found)
    detail = {"events": events, "commands": commands, "seconds": round(seconds, 1), "processes": jobs}
    yield Measure("verify", round(events / seconds), "events/s", detail=detail)
    differences = [_place(each) for each in found if each.difference is not None]
    yield Claim("verify_identical", "no event differs", not differences, {"differences": differences[:5]})
    yield equal("verify_all", "every event of the log was decided again", events, log.writing.events)
    yield from _changed(log)


def _changed(log: Made) -> Iterator[Claim]:
    with changed_rule():
        (again,) = verify(log.settings, log.cluster.bootstrap, [("interaction", CHANGED_PARTITION)], 1)
    first = first_queued(log.cluster, CHANGED_PARTITION)
    says = "with one rule changed the first event that it changes is named"
    yield equal("verify_changed", says, None if again.difference is None else again.difference.offset, first.offset)
    reason = "" if again.difference is None else again.difference.reason
    yield Claim(
        "verify_changed_says", "and what differs in it", "of this Queued, priority is" in reason, {"reason": reason}
    )


@contextmanager
def changed_rule() -> Iterator[None]:
    """Decides again by the changed rule, in this process."""
    right = DECIDERS["interaction"]
    DECIDERS["interaction"] = Changed
    try:
        yield
    finally:
        DECIDERS["interaction"] = right


def first_queued(cluster: Cluster, partition: int) -> Arrived:
    """The first event that the changed rule changes, looked for in the log itself."""
    topic = cluster.catalogue.name(INTERACTION_EVENTS)
    for record in read_all(cluster.broker, topic, [partition], "shows-first"):
        event = cluster.codec.decode(record.value or b"")
        if isinstance(event, Queued) and event.input_offset >= 0:
            return record
    raise BenchFailed(f"nothing was ever queued on {topic}[{partition}]")


def _place(again: Again) -> str:
    difference = again.difference
    assert difference is not None
    return f"{difference.topic}[{difference.partition}]@{difference.offset}: {difference.reason}"
