"""The bare sides of the engine's way: the same commands in, the very same records out, and nothing decided.

A loop over confluent-kafka as anybody would write it, with the clients' settings, batches and transactions of the
processor. It decodes each command. `Make` then makes the records from structs that it has already: it encodes each,
digests each event, because whoever keeps a chain has to, and builds the headers. `Copy` has all that ready, and is
what no program can reach that makes its records.
"""

import time
from collections.abc import Callable, Iterable

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from bench.measure import BenchFailed, Timing
from bench.stage import Expected, Ready, undisturbed
from engine.envelope import digest
from engine.interaction.decider import InteractionDecider
from engine.record import Event
from rejoinder.cluster import Cluster
from schemas.codec import HEADER_BYTES
from topics import clients
from topics.catalogue import INTERACTION_COMMANDS, Catalogue
from topics.headers import CloudEvents
from topics.processor import GATHER, MAX_BATCH
from topics.transactions import CALL_TIMEOUT

WAIT = 0.1
PATIENCE = 60.0
"""Seconds without a record until the run is given up."""

Write = Callable[[Producer, Ready], None]


def making(source: Cluster, target: Catalogue) -> Write:
    """Encodes, digests and names each record anew."""
    codec, cloud = source.codec, CloudEvents(f"/rejoinder/{InteractionDecider.name}", source.codec.name_of)

    def write(producer: Producer, ready: Ready) -> None:
        record, headers, value = ready.record, None, None
        if isinstance(record, Event):
            value, fingerprint = codec.wire(record)
            digest(fingerprint, value[HEADER_BYTES:])
            headers = cloud.headers(record, "")
        elif record is not None:
            value = codec.encode(record)
        producer.produce(target.name(ready.topic), value, ready.key, ready.partition, headers=headers)

    return write


def copying(source: Cluster, target: Catalogue) -> Write:
    """Writes bytes that are ready."""

    def write(producer: Producer, ready: Ready) -> None:
        producer.produce(target.name(ready.topic), ready.value, ready.key, ready.partition, headers=ready.headers)

    return write


def run_floor(
    source: Cluster, target: Catalogue, expected: Expected, kind: Callable[[Cluster, Catalogue], Write] = making
) -> Timing:
    """Reads all commands and writes what they lead to: from the assignment of the partitions to the last commit.

    Raises:
        BenchFailed: nothing came for a minute.
    """
    name = target.name("floor")
    producer = Producer(clients.transactional(source.bootstrap, name))
    producer.init_transactions(CALL_TIMEOUT)
    consumer = Consumer(clients.consumer(source.bootstrap, name, name))
    write = kind(source, target)
    began = cpu_began = 0.0

    def take(taking: Consumer, partitions: list[TopicPartition]) -> None:
        nonlocal began, cpu_began
        taking.incremental_assign([TopicPartition(place.topic, place.partition, 0) for place in partitions])
        began, cpu_began = time.perf_counter(), time.process_time()

    try:
        with undisturbed():
            consumer.subscribe([source.catalogue.name(INTERACTION_COMMANDS)], on_assign=take)
            copied, heard = 0, time.perf_counter()
            while copied < expected.commands:
                batch = _gather(consumer)
                if batch:
                    records = (ready for message in batch for ready in _looked_up(source, expected, message))
                    _transact(source, consumer, producer, batch, records, write)
                    copied += len(batch)
                    heard = time.perf_counter()
                elif time.perf_counter() - heard > PATIENCE:
                    raise BenchFailed(f"the bare loop read only {copied} of {expected.commands} commands")
            seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    finally:
        consumer.close()
    return Timing(seconds, cpu, expected.commands, expected.events)


def _gather(consumer: Consumer) -> list[Message]:
    messages = consumer.consume(1, WAIT)
    if messages:
        messages += consumer.consume(MAX_BATCH - 1, GATHER)
    for message in messages:
        if message.error() is not None:
            raise BenchFailed(f"the bare loop could not read: {message.error()}")
    return messages


def _looked_up(source: Cluster, expected: Expected, message: Message) -> list[Ready]:
    source.codec.decode(message.value() or b"")
    return expected.records[(message.partition() or 0, message.offset() or 0)]


def _transact(
    source: Cluster,
    consumer: Consumer,
    producer: Producer,
    batch: list[Message],
    records: Iterable[Ready],
    write: Write,
) -> None:
    producer.begin_transaction()
    for ready in records:
        write(producer, ready)
    producer.flush(CALL_TIMEOUT)
    positions = {message.partition() or 0: (message.offset() or 0) + 1 for message in batch}
    topic = source.catalogue.name(INTERACTION_COMMANDS)
    places = [TopicPartition(topic, *place) for place in positions.items()]
    producer.send_offsets_to_transaction(places, consumer.consumer_group_metadata(), CALL_TIMEOUT)
    producer.commit_transaction(CALL_TIMEOUT)
