"""Where clients of Kafka come from: librdkafka's, or those of a simulation (tests/simulation)."""

from dataclasses import dataclass
from typing import Any, Protocol

from confluent_kafka import Consumer, Producer

from topics.clients import Config
from topics.watchdog import watched


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
    """A producer none of whose calls of transactions stands for ever (topics.watchdog)."""

    def init_transactions(self, *given: Any) -> None:
        watched(super().init_transactions, *given)

    def send_offsets_to_transaction(self, *given: Any) -> None:
        watched(super().send_offsets_to_transaction, *given)

    def commit_transaction(self, *given: Any) -> None:
        watched(super().commit_transaction, *given)

    def abort_transaction(self, *given: Any) -> None:
        watched(super().abort_transaction, *given)
