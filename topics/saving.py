"""When a worker's partitions get the checkpoints of their snapshots, and the transaction that each of them is."""

import time
from collections.abc import Callable, Collection, Mapping
from typing import Final

import structlog
from confluent_kafka import Producer

from topics import snapshots
from topics.shelves import Position
from topics.state import PartitionState
from topics.transactions import CALL_TIMEOUT, flush, hand_over, retrying

log = structlog.get_logger()

UNSAVED: Final = 10_000
"""After how many changed rows of a partition there is a checkpoint: some 50 ms of work, which nobody who waits for an
answer should notice."""
UNSAVED_BUSY: Final = 100_000
"""The same while full batches show that everybody waits anyway: the more changes, the more of them concern one row."""
EVERY: Final = 300_000
"""Milliseconds after which there is a checkpoint of whatever was changed."""
LEAVE: Final = 3.0
"""How long checkpoints may take when partitions are given up, seconds: others wait for them."""

States = Mapping[int, PartitionState]


class Saving:
    """The checkpoints of one worker.

    Args:
        topic: of the snapshots.
        send_offsets: adds where the worker stands in a partition to the transaction: the fence.
        point: called at named points; crash tests stop the process there.
    """

    def __init__(
        self,
        topic: str,
        producer: Producer,
        send_offsets: Callable[[int], None],
        point: Callable[[str], None],
    ) -> None:
        self._topic = topic
        self._producer = producer
        self._send_offsets = send_offsets
        self._point = point
        self._since: dict[int, int] = {}
        """When each partition's last checkpoint was, or when it was first seen."""

    def due(self, states: States, now: int, is_busy: bool) -> int | None:
        """The partition that is to have a checkpoint now: of several, that with the most changes."""
        most, found = UNSAVED_BUSY if is_busy else UNSAVED, []
        for partition, state in states.items():
            is_late = now - self._since.setdefault(partition, now) >= EVERY
            if state.is_snapshot_begun or state.unsaved >= most or (state.unsaved and is_late):
                found.append((state.unsaved, partition))
        return max(found)[1] if found else None

    def save(self, partition: int, state: PartitionState, position: Position, now: int, is_busy: bool) -> None:
        """Writes what was changed since a partition's last checkpoint, and how much of the log that reflects."""
        self._since[partition] = now
        if state.shelf.shape is None:
            state.unsaved = 0
            return
        written = snapshots.checkpoint(state.shelf, position, UNSAVED_BUSY if is_busy else UNSAVED)
        retrying(self._producer.begin_transaction)
        for key, value in snapshots.records(written):
            hand_over(self._producer, self._topic, key, value, partition)
        self._point("checkpoint produced")
        flush(self._producer)
        self._send_offsets(partition)
        self._point("checkpoint offsets")
        retrying(self._producer.commit_transaction, CALL_TIMEOUT)
        self._point("checkpoint committed")
        snapshots.keep(state.shelf, written)
        state.unsaved, state.is_snapshot_begun = 0, not written.marker.whole
        self._point("checkpoint stored")
        log.debug("checkpoint", topic=self._topic, partition=partition, rows=len(written.rows))

    def leave(self, states: States, positions: Mapping[int, Position], partitions: Collection[int], now: int) -> None:
        """Checkpoints of partitions that are given up, so that whoever comes next begins there; as far as time is.

        What is not saved the successor reads from the log.
        """
        deadline = time.monotonic() + LEAVE
        for partition in partitions:
            state = states.get(partition)
            if state is not None and state.unsaved and not state.is_snapshot_begun and time.monotonic() < deadline:
                self.save(partition, state, positions[partition], now, is_busy=True)

    def forget(self, partitions: Collection[int]) -> None:
        """Partitions that are not ours any more."""
        for partition in partitions:
            self._since.pop(partition, None)
