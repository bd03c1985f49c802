"""The audit over a large log; and over small ones in which somebody changed something, each of which it names."""

import time
from collections.abc import Iterator
from typing import Final

from bench.measure import Measure
from bench.progress import say
from bench.services import Services
from bench.shows.claims import Claim, equal
from bench.shows.log import AUDIT_SECRET, Made, made
from rejoinder.auditing import verify, writers
from rejoinder.cluster import Cluster
from rejoinder.deployment import deploy
from rejoinder.settings import load
from rejoinder.signing import public_keys
from tests.tampering import TAMPERINGS, copy, place_of
from topics.catalogue import INTERACTION_EVENTS
from topics.reading import read_all

SMALL: Final = 200
"""Interactions of the logs that somebody changes."""
PARTITIONS: Final = 2
TOLD_EVERY: Final = 500_000


def audited(log: Made) -> Iterator[Measure | Claim]:
    """Each event against the one before it and against its writer's seal."""
    began = time.monotonic()

    def told(events: int) -> None:
        if events % TOLD_EVERY == 0:
            say(f"audited {events} events")

    checked = verify(log.cluster, trusted(log.cluster), told)
    seconds = time.monotonic() - began
    detail = {"events": checked.events, "seals": checked.seals, "seconds": round(seconds, 1)}
    yield Measure("audit", round(checked.events / seconds), "events/s", detail=detail)
    faults = [f"{each.topic}[{each.partition}]@{each.offset}: {each.reason}" for each in checked.faults]
    yield Claim("audit_no_fault", "the log is as it was written", not faults, {"faults": faults[:5]})
    yield equal("audit_all", "every event was held against its seal", checked.events, log.writing.events)


def tampered(services: Services) -> Iterator[Measure | Claim]:
    """A byte changed, an event removed, two swapped, one appended without the key: in a copy of a small log each."""
    folder = services.folder.root / "small"
    folder.mkdir()
    with made(services.bootstrap, None, folder, "small.", SMALL, PARTITIONS) as log:
        log.traffic.until(SMALL)
        keys = trusted(log.cluster)
        yield equal("audit_small", "the small log is as it was written", verify(log.cluster, keys).faults, [])
        topic = log.cluster.catalogue.name(INTERACTION_EVENTS)
        events = list(read_all(log.cluster.broker, topic, [0], "shows-before"))
        for number, tampering in enumerate(TAMPERINGS):
            other = _other(log, f"small{number}.")
            copy(log.cluster, other, tampering.change)
            faults = [each for each in verify(other, keys).faults if tampering.says in each.reason]
            found = [[each.topic, each.partition, each.offset] for each in faults]
            name = f"audit_{tampering.name.replace(' ', '_')}"
            reasons = {"reasons": [each.reason for each in faults]}
            wanted = [[INTERACTION_EVENTS, 0, place_of(tampering, events)]]
            yield equal(name, f"an event {tampering.name} is found and named", found, wanted, **reasons)


def trusted(cluster: Cluster) -> dict[str, bytes]:
    """The writers' public keys, from the secret and not from the log."""
    return public_keys(AUDIT_SECRET.encode(), writers(cluster))


def _other(log: Made, prefix: str) -> Cluster:
    bootstrap = log.cluster.bootstrap
    settings = load({"kafka.bootstrap": bootstrap, "topics.prefix": prefix, "topics.partitions": PARTITIONS})
    cluster, _ = deploy(settings, bootstrap)
    return cluster
