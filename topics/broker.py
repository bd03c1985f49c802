"""Where clients of Kafka come from: librdkafka's, or those of a simulation (tests/simulation)."""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, ClassVar, Final, Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer

from topics.clients import Config

GRACE: Final = 4.0
"""Seconds that a call of a transaction may take beyond its own time-out."""


class Broker(Protocol):
    """Makes clients, given their configuration."""

    def consumer(self, config: Config) -> Consumer:
        """A consumer, not yet subscribed to anything."""

    def producer(self, config: Config) -> Producer:
        """A producer; with a transactional id, one of transactions."""


class Kafka:
    """The real one."""

    def consumer(self, config: Config) -> Consumer:
        return Consumer(config)

    def producer(self, config: Config) -> Producer:
        return TimedProducer(config)


class TimedProducer(Producer):
    """A producer whose calls of transactions end soon after the time that they are given.

    librdkafka's don't always: after the group's only broker was killed and came back,
    `send_offsets_to_transaction` stood for minutes and would not say so. What stands is left to itself, in a thread
    of its own: whoever begins again with the same transactional id fences it. Such a producer is kept for good:
    freed with calls and reports under way, the client was seen to end the process.
    """

    _left: ClassVar[list["TimedProducer"]] = []

    def init_transactions(self, *given: Any) -> None:
        self._within(super().init_transactions, given)

    def send_offsets_to_transaction(self, *given: Any) -> None:
        self._within(super().send_offsets_to_transaction, given)

    def commit_transaction(self, *given: Any) -> None:
        self._within(super().commit_transaction, given)

    def abort_transaction(self, *given: Any) -> None:
        self._within(super().abort_transaction, given)

    def _within(self, call: Callable[..., None], given: tuple[Any, ...]) -> None:
        try:
            within(call, given)
        except CallStands:
            self._left.append(self)
            raise


class CallStands(KafkaException):
    """A call did not end in its time. Whether it did what it was to do is unknown."""


def within(call: Callable[..., None], given: tuple[Any, ...]) -> None:
    """Makes a call whose last argument is its time-out in seconds.

    Raises:
        CallStands: it did not end in its time. All else is as the call raises it.
    """
    ended: SimpleQueue[BaseException | None] = SimpleQueue()

    def work() -> None:
        try:
            call(*given)
        except BaseException as error:
            ended.put(error)
        else:
            ended.put(None)

    threading.Thread(target=work, name=call.__name__, daemon=True).start()
    try:
        error = ended.get(timeout=given[-1] + GRACE)
    except Empty:
        reason = f"{call.__name__} did not end in {given[-1] + GRACE:.0f} s"
        raise CallStands(KafkaError(KafkaError._TIMED_OUT, reason)) from None
    if error is not None:
        raise error


KAFKA: Final[Broker] = Kafka()
