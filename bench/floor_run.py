"""The bare side of the main path: the same commands in, the very same records out, and nothing decided.

A loop over confluent-kafka as anybody would write it, with the clients' settings, batches and transactions of the
processor. It decodes each command and digests each event: whoever keeps a chain of digests has to.
"""

import hashlib
import time
from dataclasses import replace

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from bench.measure import BenchFailed, Timing
from bench.stage import Expected, Ready, undisturbed
from rejoinder.cluster import Cluster
from schemas.codec import HEADER_BYTES
from topics import clients
from topics.admin import Topics
from topics.catalogue import INTERACTION_COMMANDS, INTERACTION_EVENTS, Catalogue
from topics.processor import GATHER, MAX_BATCH
from topics.transactions import CALL_TIMEOUT

WAIT = 0.1
PATIENCE = 60.0
"""Seconds without a record until the run is given up."""


def clone(source: Cluster, prefix: str, expected: Expected) -> Catalogue:
    """The topics that the records go to, once more under another prefix."""
    written = {ready.topic for each in expected.records.values() for ready in each}
    topics = (replace(source.catalogue.topic(name), name=prefix + name) for name in sorted(written))
    cloned = Catalogue({topic.name: topic for topic in topics}, prefix)
    Topics(source.bootstrap, cloned).apply()
    return cloned


def run_floor(source: Cluster, target: Catalogue, expected: Expected) -> Timing:
    """Copies: from the assignment of the partitions to the last commit.

    Raises:
        BenchFailed: nothing came for a minute.
    """
    name = target.name("floor")
    producer = Producer(clients.transactional(source.bootstrap, name))
    producer.init_transactions(CALL_TIMEOUT)
    consumer = Consumer(clients.consumer(source.bootstrap, name, name))
    began = cpu_began = 0.0

    def take(taking: Consumer, partitions: list[TopicPartition]) -> None:
        nonlocal began, cpu_began
        taking.incremental_assign([TopicPartition(place.topic, place.partition, 0) for place in partitions])
        began, cpu_began = time.perf_counter(), time.process_time()

    try:
        with undisturbed():
            consumer.subscribe([source.catalogue.name(INTERACTION_COMMANDS)], on_assign=take)
            copied, heard = 0, time.perf_counter()
            while copied < len(expected.records):
                batch = _gather(consumer)
                if batch:
                    _copy(source, target, expected, consumer, producer, batch)
                    copied += len(batch)
                    heard = time.perf_counter()
                elif time.perf_counter() - heard > PATIENCE:
                    raise BenchFailed(f"the bare loop read only {copied} of {len(expected.records)} commands")
            seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    finally:
        consumer.close()
    return Timing(seconds, cpu, len(expected.records), expected.events)


def _gather(consumer: Consumer) -> list[Message]:
    messages = consumer.consume(1, WAIT)
    if messages:
        messages += consumer.consume(MAX_BATCH - 1, GATHER)
    for message in messages:
        if message.error() is not None:
            raise BenchFailed(f"the bare loop could not read: {message.error()}")
    return messages


def _copy(
    source: Cluster,
    target: Catalogue,
    expected: Expected,
    consumer: Consumer,
    producer: Producer,
    batch: list[Message],
) -> None:
    producer.begin_transaction()
    positions: dict[int, int] = {}
    for message in batch:
        partition, offset = message.partition() or 0, message.offset() or 0
        positions[partition] = offset + 1
        source.codec.decode(message.value() or b"")
        for ready in expected.records[(partition, offset)]:
            _write(target, producer, ready)
    producer.flush(CALL_TIMEOUT)
    topic = source.catalogue.name(INTERACTION_COMMANDS)
    places = [TopicPartition(topic, partition, offset) for partition, offset in positions.items()]
    producer.send_offsets_to_transaction(places, consumer.consumer_group_metadata(), CALL_TIMEOUT)
    producer.commit_transaction(CALL_TIMEOUT)


def _write(target: Catalogue, producer: Producer, ready: Ready) -> None:
    if ready.topic == INTERACTION_EVENTS and ready.value is not None:
        hashlib.sha256(ready.value[HEADER_BYTES:]).digest()
    producer.produce(target.name(ready.topic), ready.value, ready.key, ready.partition, headers=ready.headers)
