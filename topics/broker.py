"""Where clients of Kafka come from: librdkafka's, or those of a simulation (tests/simulation)."""

from typing import Final, Protocol

from confluent_kafka import Consumer, Producer

from topics.clients import Config


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
        return Producer(config)


KAFKA: Final[Broker] = Kafka()
