"""Reads partitions of the log to their ends.

To the *high watermark*, as a reader of uncommitted records sees it, waiting until all of it is decided: the last
stable offset would silently hide what lies behind a crashed writer's open transaction.
"""

import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from engine.errors import RejoinderError
from topics import clients
from topics.broker import Broker
from topics.errors import KafkaUnreachable, passes, reason_of
from topics.messages import Arrived, arrived

Place = tuple[str, int]
"""A topic, by its name on the cluster, and a partition."""

BATCH: Final = 5_000
WAIT: Final = 0.2
LEADERLESS_PAUSE: Final = 0.1
STUCK: Final = 60.0
"""How long nothing may come of a partition's log before it is given up, seconds: six times what the broker lets a
crashed writer's transaction stand open."""


class RestoreStuck(RejoinderError):
    """The log could not be read to its end."""


@contextmanager
def asking(broker: Broker, group: str) -> Iterator[Consumer]:
    """A client for questions about a group, for use where the group's own consumer calls back.

    There that one must not be asked anything itself: confluent_kafka keeps one state for a consumer and a thread, a
    call within a callback takes it away, and the next callback of the call around it then aborts the process.
    """
    consumer = broker.consumer(clients.reader(broker.bootstrap, f"{group}-asks") | {"group.id": group})
    try:
        yield consumer
    finally:
        consumer.close()


def high_watermarks(broker: Broker, topic: str, partitions: Iterable[int]) -> dict[int, int]:
    """The offset after the last record of each partition, decided or not."""
    return {each: high for each, (_, high) in watermarks(broker, topic, partitions).items()}


def watermarks(broker: Broker, topic: str, partitions: Iterable[int]) -> dict[int, tuple[int, int]]:
    """For each partition the offset of the first record that it still has, and the one after its last."""
    consumer = broker.consumer(clients.reader(broker.bootstrap, f"watermarks-{topic}", "read_uncommitted"))
    deadline = time.monotonic() + clients.ASK_TIMEOUT
    try:
        return {each: _watermarks(consumer, broker, TopicPartition(topic, each), deadline) for each in partitions}
    finally:
        consumer.close()


def offsets_at(broker: Broker, topic: str, since: Mapping[int, int]) -> dict[int, int]:
    """For each partition the offset of the first record that was written then or later; without one, its end.

    Args:
        since: milliseconds for each partition, as the records' writers knew the time.
    """
    places = [TopicPartition(topic, *each) for each in since.items()]
    if not places:  # a worker that gets no partitions; the client calls that an invalid argument
        return {}
    consumer = broker.consumer(clients.reader(broker.bootstrap, f"times-{topic}"))
    try:
        found = consumer.offsets_for_times(places, clients.ASK_TIMEOUT)
    except KafkaException as error:
        raise KafkaUnreachable(broker.bootstrap, reason_of(error)) from error
    finally:
        consumer.close()
    for place in found:
        if place.error is not None:
            raise KafkaUnreachable(broker.bootstrap, place.error.str())
    offsets = {place.partition: place.offset for place in found}
    after = high_watermarks(broker, topic, [each for each, offset in offsets.items() if offset < 0])
    return offsets | after


def _watermarks(consumer: Consumer, broker: Broker, place: TopicPartition, deadline: float) -> tuple[int, int]:
    """A partition's first offset, and the one after its last. For a moment after it was made it has no leader."""
    while True:
        try:
            low, high = consumer.get_watermark_offsets(place, timeout=clients.ASK_TIMEOUT)
            return int(low), int(high)
        except KafkaException as error:
            if not passes(error.args[0]) or time.monotonic() > deadline:
                raise KafkaUnreachable(broker.bootstrap, reason_of(error)) from error
            time.sleep(LEADERLESS_PAUSE)


def read_all(
    broker: Broker,
    topic: str,
    partitions: Iterable[int],
    name: str,
    starts: Mapping[int, int] | None = None,
    before: Mapping[int, int] | None = None,
) -> Generator[Arrived, None, None]:
    """Every committed record of some partitions, each in its order, up to the high watermarks at the call.

    Args:
        starts: for each partition, the offset from which it is read; None: all from the beginning.
        before: for each partition, the offset before which it ends, where that is not as far as the high watermark.

    Raises:
        RestoreStuck: nothing came for STUCK seconds, and an end was not reached.
    """
    begins = dict.fromkeys(partitions, 0) if starts is None else starts
    ends = high_watermarks(broker, topic, begins)
    if before is not None:
        ends = {each: min(end, before[each]) for each, end in ends.items()}
    stretches = {(topic, each): (begins[each], end) for each, end in ends.items() if end > begins[each]}
    if not stretches:
        return
    reader = Reader(broker, name, stretches)
    try:
        while reader.left:
            for (_, partition), record in reader.poll():
                if before is None or record.offset < ends[partition]:
                    yield record
    finally:
        reader.close()


class Reader:
    """Reads stretches of partitions, and knows which it has read to the end.

    Committed records only; those of one partition come in their order. What lies behind the end of a stretch may come
    too, as long as another one is not at its end.
    """

    def __init__(self, broker: Broker, name: str, stretches: Mapping[Place, tuple[int, int]]) -> None:
        """stretches: for each place the first offset, and the one after the last; there has to be something between."""
        self._broker = broker
        self._ends = {place: end for place, (_, end) in stretches.items()}
        self._reached = {place: start for place, (start, _) in stretches.items()}
        self._waited = 0.0
        self.left = set(stretches)
        self._consumer = broker.consumer(clients.reader(broker.bootstrap, name) | {"enable.partition.eof": True})
        self._consumer.assign([TopicPartition(*place, start) for place, (start, _) in stretches.items()])

    def close(self) -> None:
        self._consumer.close()

    def pause(self, place: Place) -> None:
        """Nothing comes of a place until `resume`."""
        self._consumer.pause([TopicPartition(*place)])

    def resume(self, place: Place) -> None:
        self._consumer.resume([TopicPartition(*place)])

    def poll(self) -> list[tuple[Place, Arrived]]:
        """What there is by now; waits a little where there is nothing.

        Raises:
            RestoreStuck: nothing came for STUCK seconds.
            KafkaUnreachable: the brokers don't go on.
        """
        begun = time.monotonic()
        messages = self._consumer.consume(1, WAIT)
        if messages:  # what else is there by now: to wait for a full batch would take WAIT at the end of each read
            messages += self._consumer.consume(BATCH - 1, 0)
        found: list[tuple[Place, Arrived]] = []
        moved = False
        for message in messages:
            error = message.error()
            place = message.topic() or "", message.partition() or 0
            if error is None:
                record = arrived(message)
                found.append((place, record))
                self._reached[place], moved = record.offset + 1, True
            elif error.code() == KafkaError._PARTITION_EOF:
                end = message.offset() or 0
                if end > self._reached[place]:  # it lies behind aborted records and the marks of transactions
                    self._reached[place], moved = end, True
            elif not passes(error):
                raise KafkaUnreachable(self._broker.bootstrap, error.str())
        if moved:
            self._waited = 0.0
            self.left -= {place for place in self.left if self._reached[place] >= self._ends[place]}
        else:
            self._wait_no_longer(time.monotonic() - begun)
        return found

    def _wait_no_longer(self, seconds: float) -> None:
        """Counts only how long was waited here: whoever takes the records may take long."""
        self._waited += seconds
        if self._waited <= STUCK:
            return
        behind = ", ".join(
            f"{topic}[{partition}] to {self._reached[topic, partition]} of {self._ends[topic, partition]}"
            for topic, partition in sorted(self.left)
        )
        raise RestoreStuck(
            f"nothing came for {STUCK:.0f} s of {behind}: a transaction stands open there, or the broker does not "
            "answer; where it stays so, docs/how-to/recover.md says how such a transaction is ended"
        )
