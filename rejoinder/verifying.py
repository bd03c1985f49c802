"""Deciding the whole of what is kept again (topics.again), in several processes: the partitions share nothing."""

import gc
import multiprocessing
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass
from itertools import takewhile
from typing import Final, NamedTuple

from confluent_kafka import TopicPartition

from engine.decider import Decider
from engine.envelope import digest
from engine.interaction.decider import InteractionDecider
from engine.policy.rules import Rules
from engine.record import COLLECT_AFTER
from engine.routing.decider import RoutingDecider
from rejoinder.cluster import Cluster, connect
from rejoinder.settings import Settings
from topics import letters, policies
from topics.again import Again, Recorded, Walk
from topics.apart import WORDS_KEPT, take_names, take_words
from topics.deciding import UNDECIDABLE, Deciding
from topics.reading import asking, read_all, watermarks
from topics.shelves import Position
from topics.transactions import CALL_TIMEOUT

DECIDERS: Final[dict[str, type[Decider]]] = {each.name: each for each in (InteractionDecider, RoutingDecider)}


def verify(
    settings: Settings,
    bootstrap: str,
    places: Sequence[tuple[str, int]],
    jobs: int,
    told: Callable[[int, int], None] = lambda commands, partitions: None,
) -> Iterator[Again]:
    """Decides partitions again, and gives what came of each as it is done.

    Args:
        places: decider and partition.
        jobs: how many processes; 1: this one.
        told: how many commands were decided in how many partitions, now and then.
    """
    cluster = connect(settings, bootstrap)
    # First: the events and the dead letters of what was decided before are in their topics by now.
    stretches = [stretch for name in DECIDERS for stretch in _stretches(cluster, name, places)]
    # The longest first: a pool has one partition, and all would wait for it in the end.
    stretches.sort(key=lambda each: each.until - each.first, reverse=True)
    commands = done = 0
    for again in _each(settings, cluster, stretches, jobs):
        commands, done = commands + again.commands, done + 1
        told(commands, done)
        yield again


class _Stretch(NamedTuple):
    """The commands of a partition that are to be decided again."""

    decider: str
    partition: int
    first: int
    """The offset of the first that is kept."""
    until: int
    """The offset before which all were decided."""


@dataclass(frozen=True)
class _Known:
    """What all partitions have in common."""

    cluster: Cluster
    policies: dict[int, Rules]
    undecided: frozenset[tuple[str, int, int]]
    """Topic, partition and offset of the commands that came to nothing by a fault of the code, which may be mended."""


def _stretches(cluster: Cluster, name: str, places: Sequence[tuple[str, int]]) -> list[_Stretch]:
    partitions = [partition for decider, partition in places if decider == name]
    if not partitions:
        return []
    commands = cluster.catalogue.name(f"{name}.commands")
    with asking(cluster.broker, cluster.catalogue.name(f"{name}.processor")) as asked:
        found = asked.committed([TopicPartition(commands, each) for each in partitions], CALL_TIMEOUT)
    kept = watermarks(cluster.broker, commands, partitions)
    return [_Stretch(name, each.partition, kept[each.partition][0], max(each.offset, 0)) for each in found]


def _know(cluster: Cluster) -> _Known:
    broker, catalogue, codec = cluster.broker, cluster.catalogue, cluster.codec
    undecided = (each.letter for each in letters.read(broker, catalogue, codec) if each.letter.code == UNDECIDABLE)
    places = frozenset((each.source_topic, each.source_partition, each.source_offset) for each in undecided)
    return _Known(cluster, policies.rules(broker, catalogue, codec), places)


def _each(settings: Settings, cluster: Cluster, stretches: Sequence[_Stretch], jobs: int) -> Iterator[Again]:
    if jobs == 1 or len(stretches) == 1:
        known = _know(cluster)
        for stretch in stretches:
            yield _decide(known, stretch)
        return
    # Nothing is forked: the client's threads don't survive it.
    context = multiprocessing.get_context("spawn")
    begun = _begin, (settings, cluster.bootstrap)
    with ProcessPoolExecutor(min(jobs, len(stretches)), context, *begun) as pool:
        asked = [pool.submit(_in_process, stretch) for stretch in stretches]
        try:
            for each in as_completed(asked):
                yield each.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _decide(known: _Known, stretch: _Stretch) -> Again:
    """One partition, in this process."""
    cluster, (name, partition, first, until) = known.cluster, stretch
    commands, events = (cluster.catalogue.name(f"{name}.{each}") for each in ("commands", "events"))
    with closing(_recorded(cluster, events, partition)) as log:
        walk = Walk(DECIDERS[name](), cluster.codec, known.policies, partition, log, (commands, events))
        with closing(read_all(cluster.broker, commands, [partition], f"again-{commands}", {partition: first})) as asked:
            kept = takewhile(lambda record: record.offset < until, asked)
            decided = (each for each in kept if (commands, partition, each.offset) not in known.undecided)
            return walk.run(decided, first, lambda now: _take_apart(cluster, name, walk.deciding, partition, now))


def _recorded(cluster: Cluster, events: str, partition: int) -> Generator[Recorded, None, None]:
    for record in read_all(cluster.broker, events, [partition], f"again-{events}"):
        value = record.value or b""
        here = digest(*cluster.codec.split(value))
        yield Recorded(record.offset, record.key.decode(), here, cluster.codec.decode(value))


def _take_apart(cluster: Cluster, name: str, deciding: Deciding, partition: int, now: int) -> None:
    """The words that were on their way then, and the names, as far as they are kept."""
    positions = {partition: Position(cluster="", event_offset=-1, digest=b"")}
    decidings, topics = {partition: deciding}, cluster.catalogue.topics
    profiles, content = (cluster.catalogue.name(f"{name}.{each}") for each in ("profiles", "content"))
    if profiles in topics:
        take_names(cluster.broker, profiles, decidings, cluster.codec, positions)
    if content in topics:
        take_words(cluster.broker, content, decidings, cluster.codec, positions, max(0, now - WORDS_KEPT))


_KNOWN: list[_Known] = []
"""Of a process of the pool."""


def _begin(settings: Settings, bootstrap: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the process that began them ends them
    gc.set_threshold(COLLECT_AFTER)
    _KNOWN.append(_know(connect(settings, bootstrap)))


def _in_process(stretch: _Stretch) -> Again:
    return _decide(_KNOWN[0], stretch)
