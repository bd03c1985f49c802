"""Makes Kafka remove what was erased, where nobody writes any more.

A topic that is compacted keeps what a tombstone erases until its file is no longer the one that is written to, and
Kafka looks whether to begin another one only when something is written. So in a partition in which all is quiet
erased words would stay for ever.
"""

from typing import Final

from confluent_kafka import KafkaError, Message

from topics import clients
from topics.broker import Broker
from topics.catalogue import INTERACTION_CONTENT, INTERACTION_PROFILES, Catalogue
from topics.errors import KafkaUnreachable

KEY: Final = f"{'0' * 32}:pushed".encode()
"""Of a tombstone that erases nothing: no words and no names have this id."""
PUSHED: Final = (INTERACTION_CONTENT, INTERACTION_PROFILES)


def push(broker: Broker, catalogue: Catalogue) -> int:
    """Writes a tombstone that erases nothing to every partition of the topics with words and names.

    Returns:
        How many it wrote.

    Raises:
        KafkaUnreachable: Kafka did not take them all.
    """
    producer = broker.producer(clients.producer(broker.bootstrap, "rejoinder-push"))
    failed: list[KafkaError] = []

    def on_delivery(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failed.append(error)

    places = [
        (catalogue.name(name), partition) for name in PUSHED for partition in range(catalogue.topic(name).partitions)
    ]
    for topic, partition in places:
        producer.produce(topic, None, KEY, partition, on_delivery=on_delivery)
    left = producer.flush(clients.MESSAGE_TIMEOUT / 1000 + 1)
    if failed or left:
        why = failed[0].str() if failed else f"{left} of {len(places)} records were not acknowledged in time"
        raise KafkaUnreachable(broker.bootstrap, why)
    return len(places)
