"""A whole topic, followed by a thread: what is small and has to be known at once in every process."""

import threading
from collections.abc import Callable
from typing import Final

from confluent_kafka import TopicPartition

from engine.record import Record
from schemas.codec import Codec
from topics import clients
from topics.broker import Broker
from topics.catalogue import Topic
from topics.errors import passes
from topics.reading import read_all

FOLLOW_WAIT: Final = 0.5


class Follower:
    """Tells `note` of every record of a topic: those that are there before it returns, later ones from a thread.

    The thread reads from the beginning, so that `note` may get a record twice, and an older one after a newer one.
    """

    def __init__(
        self,
        broker: Broker,
        topic: Topic,
        codec: Codec,
        note: Callable[[Record], None],
        on_failure: Callable[[str], None],
    ) -> None:
        self._broker = broker
        self._topic = topic
        self._codec = codec
        self._note = note
        self._on_failure = on_failure
        for record in read_all(broker, topic.name, range(topic.partitions), f"{topic.name}-before"):
            self._take(record.value)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=topic.name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread."""
        self._stop.set()
        self._thread.join()

    def _follow(self) -> None:
        consumer = self._broker.consumer(clients.reader(self._broker.bootstrap, f"{self._topic.name}-follower"))
        try:
            consumer.assign([TopicPartition(self._topic.name, each, 0) for each in range(self._topic.partitions)])
            while not self._stop.is_set():
                for message in consumer.consume(100, FOLLOW_WAIT):
                    error = message.error()
                    if error is None:
                        self._take(message.value())
                    elif not passes(error):
                        self._on_failure(f"reading {self._topic.name} failed: {error.str()}")
        finally:
            consumer.close()

    def _take(self, value: bytes | None) -> None:
        if value is not None:
            self._note(self._codec.decode(value))
