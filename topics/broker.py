"""Where clients of Kafka come from: librdkafka's, or those of a simulation (tests/simulation)."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog
from confluent_kafka import Consumer, Producer

from topics.clients import Config

log = structlog.get_logger()

GRACE: Final = 4.0
"""Seconds that a call of a transaction may take beyond its own time-out."""


class Broker(Protocol):
    """Where the log is: makes clients, given their configuration."""

    @property
    def bootstrap(self) -> str:
        """The address for their configuration, and for what errors say."""

    def consumer(self, config: Config) -> Consumer:
        """A consumer, not yet subscribed to anything."""

    def producer(self, config: Config) -> Producer:
        """A producer; with a transactional id, one of transactions."""


@dataclass(frozen=True, slots=True)
class Kafka:
    """The real one."""

    bootstrap: str

    def consumer(self, config: Config) -> Consumer:
        return Consumer(config)

    def producer(self, config: Config) -> Producer:
        return WatchedProducer(config)


class WatchedProducer(Producer):
    """A producer none of whose calls of transactions stands for ever: see `watched`."""

    def init_transactions(self, *given: Any) -> None:
        watched(super().init_transactions, *given)

    def send_offsets_to_transaction(self, *given: Any) -> None:
        watched(super().send_offsets_to_transaction, *given)

    def commit_transaction(self, *given: Any) -> None:
        watched(super().commit_transaction, *given)

    def abort_transaction(self, *given: Any) -> None:
        watched(super().abort_transaction, *given)


def watched(call: Callable[..., None], *given: Any) -> None:
    """Makes a call whose last argument is its time-out in seconds. One that goes on beyond that ends the process.

    librdkafka does not always heed the time-out (its issues 5456 and 5511): where the group's coordinator went away,
    sending offsets was seen to stand for minutes. Such a client can be neither used nor freed, so there is nothing to
    begin again with but a new process (docs/adr/0032-a-call-that-stands.md).
    """
    watch = threading.Timer(given[-1] + GRACE, _end, (call.__name__, given[-1]))
    watch.daemon = True
    watch.start()
    try:
        call(*given)
    finally:
        watch.cancel()


def _end(call: str, seconds: float) -> None:
    """As kill -9 would: what is under way is aborted when the process is started again."""
    log.critical(
        "a call of Kafka's client does not end: this process does, and whoever supervises it has to start it again",
        call=call,
        seconds=seconds + GRACE,
    )
    os._exit(1)
