"""Deciding the whole of what is kept again (topics.again), in several processes: the partitions share nothing."""

import gc
import multiprocessing
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing
from itertools import takewhile
from typing import Final

from confluent_kafka import TopicPartition

from engine.decider import Decider
from engine.envelope import digest
from engine.interaction.decider import InteractionDecider
from engine.record import COLLECT_AFTER
from engine.routing.decider import RoutingDecider
from rejoinder.cluster import Cluster, connect
from rejoinder.settings import Settings
from topics import letters, policies
from topics.again import Again, Recorded, Walk
from topics.apart import WORDS_KEPT, take_names, take_words
from topics.deciding import UNDECIDABLE, Deciding
from topics.reading import asking, low_watermarks, read_all
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
    commands = done = 0
    for again in _each(settings, bootstrap, places, jobs):
        commands, done = commands + again.commands, done + 1
        told(commands, done)
        yield again


def _each(settings: Settings, bootstrap: str, places: Sequence[tuple[str, int]], jobs: int) -> Iterator[Again]:
    if jobs == 1 or len(places) == 1:
        cluster = connect(settings, bootstrap)
        for place in places:
            yield decide_one(cluster, *place)
        return
    # Nothing is forked: the client's threads don't survive it.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(places)), context, _begin, (settings, bootstrap)) as pool:
        asked = [pool.submit(_in_process, *place) for place in places]
        try:
            for each in as_completed(asked):
                yield each.result()
        finally:
            pool.shutdown(cancel_futures=True)


def decide_one(cluster: Cluster, name: str, partition: int) -> Again:
    """One partition, in this process."""
    decider = DECIDERS[name]()
    commands, events = (cluster.catalogue.name(f"{name}.{each}") for each in ("commands", "events"))
    until = _decided(cluster, name, commands, partition)  # first: their events are in the log by now
    first = low_watermarks(cluster.broker, commands, [partition])[partition]
    known = policies.rules(cluster.broker, cluster.catalogue, cluster.codec)
    undecided = _undecided(cluster, commands, partition)
    with closing(_recorded(cluster, events, partition)) as log:
        walk = Walk(decider, cluster.codec, known, partition, log, (commands, events))
        with closing(read_all(cluster.broker, commands, [partition], f"again-{commands}", {partition: first})) as asked:
            kept = takewhile(lambda record: record.offset < until, asked)
            decided = (record for record in kept if record.offset not in undecided)
            return walk.run(decided, first, lambda now: _take_apart(cluster, name, walk.deciding, partition, now))


def _decided(cluster: Cluster, name: str, commands: str, partition: int) -> int:
    """The offset before which all commands were decided."""
    with asking(cluster.broker, cluster.catalogue.name(f"{name}.processor")) as asked:
        place = asked.committed([TopicPartition(commands, partition)], CALL_TIMEOUT)[0]
    return max(place.offset, 0)


def _undecided(cluster: Cluster, commands: str, partition: int) -> set[int]:
    """The offsets of the commands that came to nothing by a fault of the code, which may be mended by now."""
    found = (each.letter for each in letters.read(cluster.broker, cluster.catalogue, cluster.codec))
    here = commands, partition
    return {
        each.source_offset
        for each in found
        if (each.source_topic, each.source_partition) == here and each.code == UNDECIDABLE
    }


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


_CLUSTER: list[Cluster] = []
"""Of a process of the pool."""


def _begin(settings: Settings, bootstrap: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the process that began them ends them
    gc.set_threshold(COLLECT_AFTER)
    _CLUSTER.append(connect(settings, bootstrap))


def _in_process(decider: str, partition: int) -> Again:
    return decide_one(_CLUSTER[0], decider, partition)
