"""What the workers of a simulation are given: clients of its Kafka, the topics, and the policy."""

from collections.abc import Mapping
from typing import Any, Final

from engine.policy.rules import encode, load
from tests.simulation.consumers import SimulatedConsumer
from tests.simulation.kafka import Kafka
from tests.simulation.people import POLICY
from tests.simulation.producers import SimulatedProducer
from tests.simulation.scheduling import Process
from topics.catalogue import catalogue

PARTITIONS: Final = 2
CATALOGUE: Final = catalogue(PARTITIONS)
AUDIT_SECRET: Final = b"the secret behind the writers' keys"
RULES: Final = {1: load(1, encode(POLICY))}


class Broker:
    """Gives the workers of one process their clients."""

    bootstrap: Final = "simulated"

    def __init__(self, kafka: Kafka, process: Process) -> None:
        self._kafka = kafka
        self._process = process
        self.consumers: list[SimulatedConsumer] = []

    def consumer(self, config: Mapping[str, Any]) -> Any:
        consumer = SimulatedConsumer(self._kafka, self._process, config)
        if "group.instance.id" in config:
            self.consumers.append(consumer)
        return consumer

    def producer(self, config: Mapping[str, Any]) -> Any:
        return SimulatedProducer(self._kafka, self._process, config)
