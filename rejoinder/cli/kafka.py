"""The way to a running instance's Kafka, and asking it: a command is sent, and its result awaited."""

import getpass
import time
import uuid
import zlib
from collections.abc import Sequence
from typing import Final

import msgspec
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from engine.delivery import CommandResult
from engine.errors import RejoinderError
from engine.record import Command
from rejoinder.cli.errors import BadInput
from rejoinder.cluster import Cluster, catalogue_of, connect, wall_clock
from rejoinder.instance import Instance
from rejoinder.settings import Settings
from schemas.codec import UnwritableRecord
from topics import clients
from topics.catalogue import COMMAND_RESULTS, INTERACTION_COMMANDS
from topics.errors import KafkaUnreachable, TopicMissing, passes
from topics.publisher import Outgoing
from topics.reading import high_watermarks

PATIENCE: Final = 15.0
"""How long a result is awaited, seconds: longer than the engine needs to start again after it died."""
POLL: Final = 0.2


class Refused(RejoinderError):
    """The command was refused."""


class NoAnswer(RejoinderError):
    """Nobody said what became of a command."""


def cluster_of(settings: Settings, instance: Instance) -> Cluster:
    """The topics and schemas of a running instance, with as many partitions as it has.

    Raises:
        KafkaUnreachable, TopicMissing, NotDeployed: as they say.
    """
    return connect(counted(settings, instance), instance.bootstrap)


def counted(settings: Settings, instance: Instance) -> Settings:
    """The settings with as many partitions as a running instance has.

    Raises:
        KafkaUnreachable, TopicMissing: as they say.
    """
    topic = catalogue_of(settings).name(INTERACTION_COMMANDS)
    try:
        found = AdminClient(clients.admin(instance.bootstrap)).list_topics(timeout=clients.ASK_TIMEOUT).topics
    except KafkaException as error:
        raise KafkaUnreachable(instance.bootstrap, error.args[0].str()) from error
    if topic not in found:
        raise TopicMissing(topic, instance.bootstrap)
    topics = settings.topics.model_copy(update={"partitions": len(found[topic].partitions)})
    return settings.model_copy(update={"topics": topics})


def new_id() -> str:
    """An id for a command that a person gives: no repeat has it."""
    return uuid.uuid4().hex


def person() -> str:
    """Who works at this terminal, for the log."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return "command-line"


def now() -> int:
    """The time of a command, milliseconds."""
    return wall_clock()


def ask(cluster: Cluster, asked: Sequence[tuple[str, str, Command]], patience: float = PATIENCE) -> list[CommandResult]:
    """Sends commands, each with its topic (a name of topics.catalogue) and key, and waits for all results, in order.

    Raises:
        NoAnswer: not all came within `patience` seconds; they may still be carried out.
        NotPublished, KafkaUnreachable, TopicMissing: nothing, or not all, was sent.
    """
    results = cluster.catalogue.topic(COMMAND_RESULTS)
    partition = zlib.crc32(asked[0][2].command_id.encode()) % results.partitions
    consumer = Consumer(clients.reader(cluster.bootstrap, "command-line"))
    try:
        # From the end as it is before anything is sent: the results can only come after it.
        end = high_watermarks(cluster.broker, results.name, [partition])[partition]
        consumer.assign([TopicPartition(results.name, partition, end)])
        with cluster.publisher("command-line") as publisher:
            try:
                publisher.publish(
                    Outgoing(
                        cluster.catalogue.name(topic), key, msgspec.structs.replace(command, reply_partition=partition)
                    )
                    for topic, key, command in asked
                )
            except UnwritableRecord as error:  # the terminal gave bytes that are no UTF-8
                raise BadInput(f"it can't be sent: {error}; write it in UTF-8") from error
        return _await(cluster, consumer, [command.command_id for _, _, command in asked], patience)
    finally:
        consumer.close()


def _await(cluster: Cluster, consumer: Consumer, wanted: Sequence[str], patience: float) -> list[CommandResult]:
    found: dict[str, CommandResult] = {}
    deadline = time.monotonic() + patience
    while missing := [command_id for command_id in wanted if command_id not in found]:
        if time.monotonic() > deadline:
            raise NoAnswer(
                f"{len(missing)} of {len(wanted)} commands had no answer after {patience:.0f} s; the log holds them, "
                "and they are carried out when the engine goes on: see `rejoinder status`"
            )
        for message in consumer.consume(100, POLL):
            error, value = message.error(), message.value()
            if error is not None and not passes(error):
                raise KafkaUnreachable(cluster.bootstrap, error.str())
            record = None if error is not None or value is None else cluster.codec.decode(value)
            if isinstance(record, CommandResult) and record.command_id in wanted:
                found[record.command_id] = record
    return [found[command_id] for command_id in wanted]


def accepted(result: CommandResult) -> CommandResult:
    """The result of a command that was carried out, now or before.

    Raises:
        Refused: it was refused; the reason is the message.
    """
    if result.outcome == "refused":
        raise Refused(f"{result.reason or result.code} ({result.code})")
    return result
