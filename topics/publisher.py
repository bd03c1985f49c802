"""Writes single records outside a transaction: commands that come from outside, outcomes, dead letters."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from engine.envelope import partition_of
from engine.record import Record
from schemas.codec import Codec
from topics import clients
from topics.errors import KafkaUnreachable, NotPublished, TopicMissing
from topics.headers import CloudEvents
from topics.tracing import with_trace


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record on its way to a topic; `record` is None for a tombstone.

    partition_key: where the partition is not that of the key (delivery.attempts: keyed by delivery, partitioned
    by account).
    """

    topic: str
    key: str
    record: Record | None
    partition_key: str | None = None


class Publisher:
    """A durable producer without repeats. Safe to share between threads.

    A failure is only known after clients.MESSAGE_TIMEOUT at the latest; a record that was given up may still be
    in Kafka, which does no harm, since a repeated command is ignored.

    trace: gives where in a trace a record is written, at the time that it is; see topics.tracing.
    """

    def __init__(
        self,
        bootstrap: str,
        codec: Codec,
        source: str,
        client_id: str = "rejoinder-publisher",
        trace: Callable[[], bytes | None] | None = None,
    ) -> None:
        self._bootstrap = bootstrap
        self._codec = codec
        self._events = CloudEvents(source, codec.name_of)
        self._producer = Producer(clients.producer(bootstrap, client_id))
        self._partitions: dict[str, int] = {}
        self._trace = trace
        self._closed = threading.Event()
        self._polling = threading.Thread(target=self._poll, name="publisher-poll", daemon=True)
        self._polling.start()

    def send(self, outgoing: Outgoing) -> Future[Message]:
        """Hands a record over; the future ends when Kafka has it, or with NotPublished.

        From asyncio: `await asyncio.wrap_future(publisher.send(outgoing))`. Raises UnwritableRecord, TopicMissing
        and KafkaUnreachable at once (the last two the first time that a topic is used), and NotPublished while
        the buffer is full.
        """
        delivered: Future[Message] = Future()
        delivered.set_running_or_notify_cancel()  # the record is on its way: nobody can call it off any more

        def on_delivery(error: KafkaError | None, message: Message) -> None:
            if error is None:
                delivered.set_result(message)
            else:
                delivered.set_exception(NotPublished(f"a record did not reach {outgoing.topic}: {error.str()}"))

        partition = partition_of(outgoing.partition_key or outgoing.key, self._count(outgoing.topic))
        record = outgoing.record
        headers = None if record is None else self._events.headers(record, outgoing.key)
        if self._trace is not None:
            headers = with_trace(headers, self._trace())
        try:
            self._producer.produce(
                outgoing.topic,
                key=outgoing.key.encode(),
                value=None if record is None else self._codec.encode(record),
                partition=partition,
                headers=headers,
                on_delivery=on_delivery,
            )
        except (BufferError, KafkaException) as error:
            raise NotPublished(f"a record for {outgoing.topic} was not taken: {error}") from error
        return delivered

    def publish(self, records: Iterable[Outgoing]) -> None:
        """Writes records and waits until Kafka has them all. Raises NotPublished, which says which it has not."""
        sent = [(outgoing, self.send(outgoing)) for outgoing in records]
        _raise_failures([(outgoing, future.exception()) for outgoing, future in sent])

    async def publish_async(self, records: Iterable[Outgoing]) -> None:
        """`publish` for asyncio. The first record to a topic blocks for a moment, while its partitions are asked."""
        sent = [(outgoing, asyncio.wrap_future(self.send(outgoing))) for outgoing in records]
        results = await asyncio.gather(*(future for _, future in sent), return_exceptions=True)
        outcomes = [result if isinstance(result, BaseException) else None for result in results]
        _raise_failures([(outgoing, outcome) for (outgoing, _), outcome in zip(sent, outcomes, strict=True)])

    def close(self) -> None:
        """Waits for what is on its way, at most clients.MESSAGE_TIMEOUT, and ends."""
        self._producer.flush(clients.MESSAGE_TIMEOUT / 1000 + 1)
        self._closed.set()
        self._polling.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _poll(self) -> None:
        while not self._closed.is_set():
            self._producer.poll(0.1)

    def _count(self, topic: str) -> int:
        if topic not in self._partitions:
            self._partitions[topic] = partition_count(self._producer, self._bootstrap, topic)
        return self._partitions[topic]


def partition_count(client: Producer, bootstrap: str, topic: str) -> int:
    """How many partitions a topic has. Raises TopicMissing, KafkaUnreachable."""
    try:
        # All topics, and not this one: asking for one may create it, with the broker's defaults.
        topics = client.list_topics(timeout=clients.ASK_TIMEOUT).topics
    except KafkaException as error:
        raise KafkaUnreachable(bootstrap, error.args[0].str()) from error
    if topic not in topics:
        raise TopicMissing(topic, bootstrap)
    return len(topics[topic].partitions)


def _raise_failures(outcomes: Sequence[tuple[Outgoing, BaseException | None]]) -> None:
    failed = [(outgoing, error) for outgoing, error in outcomes if error is not None]
    if not failed:
        return
    first, error = failed[0]
    what = "a tombstone" if first.record is None else type(first.record).__name__
    others = f", and {len(failed) - 1} more of {len(outcomes)}," if len(failed) > 1 else ""
    raise NotPublished(f"{what} under the key {first.key}{others} did not reach Kafka: {error}") from error
