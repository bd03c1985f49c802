"""The calls of a Kafka transaction, and what to do when one fails.

Errors are sorted as librdkafka's INTRODUCTION ("Transactional producer") says: retriable, the same call again;
abortable, the transaction is aborted and its input read again; anything else, a time-out of unknown outcome too,
everything is thrown away and begins again from the log. Each of them only a limited number of times in a row.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, Final

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from engine.envelope import partition_of
from engine.errors import RejoinderError
from topics.catalogue import Topic
from topics.headers import Headers

log = structlog.get_logger()

OnDelivery = Callable[[KafkaError | None, Message], None]
"""Is called while the producer is flushed, once the broker has a record."""

CALL_TIMEOUT: Final = 8.0
"""How long one call of a transaction may take, seconds: below the transaction's own time-out."""
RETRIES: Final = 5
PATIENCE: Final = 12.0
"""After so many seconds a call is not made once more: longer than the transaction may stay open (topics.clients)."""
FAILURES_IN_A_ROW: Final = 5


class WorkerFailed(RejoinderError):
    """A worker failed too often in a row."""


class StartAgain(Exception):
    """What is in memory may not be what is in the log: throw it away and begin from there."""


class Abort(Exception):
    """The transaction can't be committed; its input can be done again."""


def retrying(call: Callable[..., Any], *arguments: Any) -> None:
    """A call of the transaction, again with the same arguments while the client says that it may be.

    One call may take much longer than the time-out that it is given, while its broker is away. So there is an end by
    the clock as well: a worker that begins again finds out that it was fenced, or is at once where the others are.

    Raises:
        Abort: the transaction has to be aborted.
        StartAgain: the producer is of no more use, or the outcome is unknown.
    """
    deadline = time.monotonic() + PATIENCE
    for attempt in range(RETRIES):
        try:
            call(*arguments)
            return
        except KafkaException as error:
            reason = error.args[0]
            if reason.txn_requires_abort():
                raise Abort(reason.str()) from error
            if not reason.retriable() or attempt == RETRIES - 1 or time.monotonic() > deadline:
                raise StartAgain(f"{getattr(call, '__name__', 'a call')}: {reason.str()}") from error
            time.sleep(0.05 * 2**attempt)


def produce(
    producer: Producer,
    topic: Topic,
    key: str,
    value: bytes | None,
    headers: Headers | None = None,
    partition: int | None = None,
    on_delivery: OnDelivery | None = None,
) -> None:
    """Hands one record to the producer, waiting for room where its queue is full.

    Raises:
        StartAgain: there was no room for some seconds.
    """
    where = partition_of(key, topic.partitions) if partition is None else partition
    hand_over(producer, topic.name, key.encode(), value, where, headers, on_delivery)


def hand_over(
    producer: Producer,
    topic: str,
    key: bytes,
    value: bytes | None,
    partition: int,
    headers: Headers | None = None,
    on_delivery: OnDelivery | None = None,
) -> None:
    """`produce`, where the topic's name, the key's bytes and the partition are known."""
    for _ in range(RETRIES):
        try:
            producer.produce(topic, value, key, partition, headers=headers, on_delivery=on_delivery)
            return
        except BufferError:
            producer.poll(1.0)  # the client's queue is full: let it drain
    raise StartAgain(f"the client's queue for {topic} did not drain")


def flush(producer: Producer) -> None:
    """Waits until the broker has every record.

    Raises:
        StartAgain: it had not in time.
    """
    if producer.flush(CALL_TIMEOUT) > 0:
        raise StartAgain(f"the records of a batch were not acknowledged in {CALL_TIMEOUT:.0f} s")


class Restarts:
    """Counts a worker's failures in a row, and waits a growing time between them."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._failures = 0

    def progress(self) -> None:
        """A transaction was committed: what failed before is over."""
        self._failures = 0

    def after(self, error: Exception, stop: threading.Event) -> None:
        """Waits before the next start.

        Raises:
            WorkerFailed: that was one failure too many.
        """
        self._failures += 1
        log.warning("starting again from the log", worker=self._name, why=str(error), in_a_row=self._failures)
        if self._failures >= FAILURES_IN_A_ROW:
            raise WorkerFailed(
                f"{self._name} failed {self._failures} times in a row, the last time with: {error}"
            ) from error
        stop.wait(0.2 * 2**self._failures)
