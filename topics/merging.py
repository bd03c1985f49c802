"""Reads several partitions as one stream in the order of time, with little of it in memory."""

import heapq
from collections import deque
from collections.abc import Callable, Generator, Mapping
from typing import Final

from topics.broker import Broker
from topics.messages import Arrived
from topics.reading import Place, Reader

MANY: Final = 10_000
"""Records of one partition in memory, from which on it has to wait for the others."""
FEW: Final = 1_000
"""Records of one partition in memory, from which on it goes on."""


def in_order(
    broker: Broker, name: str, stretches: Mapping[Place, tuple[int, int]], time_of: Callable[[Place, Arrived], int]
) -> Generator[tuple[Place, Arrived], None, None]:
    """The committed records of some stretches, merged by time. Those of one partition stay in their order.

    Args:
        stretches: for each place the first offset, and the one after the last.
        time_of: the time of a record. Where it is before that of an earlier one of its partition, that counts.

    Raises:
        RestoreStuck, KafkaUnreachable: as topics.reading says.
    """
    whole = {place: stretch for place, stretch in stretches.items() if stretch[1] > stretch[0]}
    if not whole:
        return
    reader = Reader(broker, name, whole)
    try:
        yield from _merged(reader, whole, time_of)
    finally:
        reader.close()


def _merged(
    reader: Reader, stretches: Mapping[Place, tuple[int, int]], time_of: Callable[[Place, Arrived], int]
) -> Generator[tuple[Place, Arrived], None, None]:
    lines: dict[Place, deque[tuple[int, Arrived]]] = {place: deque() for place in stretches}
    latest = dict.fromkeys(stretches, 0)
    paused: set[Place] = set()
    heads: list[tuple[int, Place]] = []
    unknown = set(stretches)
    """Those whose next record is not known yet: until it is, none can be given."""
    while unknown or heads:
        if unknown:
            for place, record in reader.poll():
                if record.offset < stretches[place][1]:
                    latest[place] = max(latest[place], time_of(place, record))
                    lines[place].append((latest[place], record))
            for place in [place for place in unknown if lines[place]]:
                unknown.discard(place)
                heapq.heappush(heads, (lines[place][0][0], place))
            unknown &= reader.left
            for place in [place for place, line in lines.items() if len(line) >= MANY and place not in paused]:
                reader.pause(place)
                paused.add(place)
            continue
        _, place = heapq.heappop(heads)
        line = lines[place]
        yield place, line.popleft()[1]
        if line:
            heapq.heappush(heads, (line[0][0], place))
        elif place in reader.left:
            unknown.add(place)
        if place in paused and len(line) <= FEW:
            reader.resume(place)
            paused.discard(place)
