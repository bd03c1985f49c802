"""Reading the log from Kafka: batches of committed records, with the offset after each partition's last one."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from projections.errors import KafkaUnreachable, UnreadableRecord
from projections.records import Codec, Logged, Place, read

_BATCH: Final = 5_000
"""Records in one transaction at most: measured, more gains nothing and makes the transaction long."""
_FILL_SECONDS: Final = 0.02
"""How long a batch that has begun waits for more."""
_UNREACHABLE_SECONDS: Final = 60.0
"""How long all brokers may be down before the reader gives up."""
_ASKING_SECONDS: Final = 5.0
_ASKING_PAUSES: Final = (0.2, 0.5, 1.0, 2.0)
_NAMED: Final = 8
"""Partitions that an error names."""
TRACEPARENT: Final = "traceparent"


@dataclass(frozen=True)
class Settings:
    """Where the log and the tables are, and who this projector is among its like."""

    bootstrap: str
    dsn: str
    group: str = "rejoinder.projector"
    instance: str = "projector-1"
    """The static member id: unlike for each projector that runs at once, and the same after a restart."""
    prefix: str = ""
    """Stands before the names of the topics and the group, where several systems share a cluster."""
    kafka: Mapping[str, object] = field(default_factory=dict)
    """Further settings of the consumer."""
    consumer: Callable[..., Consumer] | None = None
    """Makes it; a simulation has its own."""
    traced: bool = False
    """Whether the records' places in traces are wanted."""


@dataclass
class Batch:
    """What one poll brought."""

    records: list[Logged] = field(default_factory=list)
    upto: dict[Place, int] = field(default_factory=dict)
    """The offset after each partition's last record, markers of transactions included."""
    traces: dict[bytes, None] = field(default_factory=dict)
    """The places in traces at which its records were written, where they are wanted; each once, in order."""


def ends_of(settings: Settings, places: Iterable[Place]) -> dict[Place, int]:
    """The offset after the last record of each partition, whether that is committed yet or not.

    Raises:
        KafkaUnreachable: the brokers don't say.
    """
    consumer = Consumer(
        {
            "bootstrap.servers": settings.bootstrap,
            "group.id": f"{settings.prefix}ends",
            "isolation.level": "read_uncommitted",
            **settings.kafka,
        }
    )
    try:
        return {
            (topic, partition): _end(consumer, TopicPartition(settings.prefix + topic, partition), settings.bootstrap)
            for topic, partition in places
        }
    finally:
        consumer.close()


def _end(consumer: Consumer, place: TopicPartition, bootstrap: str) -> int:
    """Asks a few times: a partition may change its leader."""
    for pause in (*_ASKING_PAUSES, None):
        try:
            return int(consumer.get_watermark_offsets(place, timeout=_ASKING_SECONDS)[1])
        except KafkaException as error:
            if pause is None:
                raise KafkaUnreachable(
                    f"Kafka at {bootstrap} does not say where {place.topic}[{place.partition}] ends: "
                    f"{error.args[0].str()}. Check the setting kafka.bootstrap and that the brokers run."
                ) from error
            time.sleep(pause)
    raise AssertionError("the last pause is None")


def extent(upto: Mapping[Place, int]) -> str:
    """Up to where a batch goes, to tell where something failed."""
    named = [f"{topic}[{partition}] before {after}" for (topic, partition), after in upto.items()]
    more = len(named) - _NAMED
    return ", ".join(named[:_NAMED]) + (f" and {more} other partitions" if more > 0 else "")


class LogReader:
    """A consumer of committed records that keeps no offsets: the caller says where to begin.

    `member` gives it a static place in the group, whose partitions are shared; without one, it is told its partitions.
    """

    def __init__(self, settings: Settings, codec: Codec, *, member: str | None = None) -> None:
        self._bootstrap = settings.bootstrap
        self._prefix = settings.prefix
        self._codec = codec
        self._traced = settings.traced
        self._down_since: float | None = None
        self._down_reason = ""
        self._moved = False
        configuration: dict[str, object] = {
            "bootstrap.servers": settings.bootstrap,
            "group.id": settings.prefix + settings.group,
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            # Offsets come from PostgreSQL; one that the log doesn't have must stop the reader, not skip records.
            "auto.offset.reset": "error",
            # Its offset counts the markers of transactions after the last record, without which a lag never ends.
            "enable.partition.eof": True,
            "queued.max.messages.kbytes": 65_536,
            # As for all clients: see docs/adr/0032-a-call-that-stands.md.
            "metadata.recovery.strategy": "none",
            # A transaction appends to dozens of partitions, each of which would be an answer of its own; and a request
            # names all partitions, so that the broker works as long on it as on many records.
            "fetch.min.bytes": 256 * 1024,
            "fetch.wait.max.ms": 50,
            # Each projector gets the partitions of the same numbers of all topics, so that what concerns a person is
            # written in one transaction. All are taken and given anew when a member comes or goes: there is nothing
            # to lose by it, as the offsets lie in PostgreSQL.
            "partition.assignment.strategy": "range",
            # A zombie can write nothing, so the others need not wait long for one that is silent.
            "session.timeout.ms": 10_000,
            "error_cb": self._note,
            **settings.kafka,
        }
        if member is not None:
            configuration["group.instance.id"] = member
        self._consumer = (settings.consumer or Consumer)(configuration)

    def subscribe(
        self, topics: Iterable[str], on_assign: Callable[[list[Place]], None], on_revoke: Callable[[], None]
    ) -> None:
        """Joins the group. `on_assign` gets all partitions that this member has from now on, and has to call `assign`;
        else librdkafka would begin at offsets that Kafka keeps, of which there are none.

        `on_revoke` is told that it has none until then, and must not call `assign`: a second change of the assignment
        while the client closes was seen to wait for ever for a client that had ended with the first.
        """

        def assigned(_: Consumer, partitions: list[TopicPartition]) -> None:
            on_assign([(self._bare(partition.topic), partition.partition) for partition in partitions])

        def revoked(consumer: Consumer, _: list[TopicPartition]) -> None:
            on_revoke()
            self._moved = True
            consumer.unassign()

        self._consumer.subscribe([self._prefix + topic for topic in topics], on_assign=assigned, on_revoke=revoked)

    def assign(self, offsets: Mapping[Place, int]) -> None:
        """Reads these partitions from these offsets on."""
        self._moved = True
        self._consumer.assign(
            [TopicPartition(self._prefix + topic, partition, offset) for (topic, partition), offset in offsets.items()]
        )

    def poll(self, wait: float) -> Batch:
        """The next batch; empty after `wait` seconds without anything.

        Raises:
            UnreadableRecord, UnknownEvent: see projections.records.read.
            KafkaUnreachable: the brokers are gone, or refuse this consumer for good.
        """
        self._check_reachable()
        messages = self._consumer.consume(1, timeout=wait)
        if messages:
            self._moved = False
            more = self._consumer.consume(_BATCH - 1, timeout=_FILL_SECONDS)
            # What was read before partitions were assigned or taken is read again, from where they stand, by whoever
            # has them then: once is enough.
            messages = more if self._moved else messages + more
        batch = Batch()
        for message in messages:
            self._take(message, batch)
        return batch

    def behind(self, places: Mapping[Place, int]) -> dict[Place, int]:
        """How many records wait from these offsets on, by what the client knows: nothing is asked of the broker."""
        found = {}
        for (topic, partition), offset in places.items():
            place = TopicPartition(self._prefix + topic, partition)
            watermarks = self._consumer.get_watermark_offsets(place, cached=True)
            found[topic, partition] = 0 if watermarks is None else max(0, watermarks[1] - offset)
        return found

    def close(self) -> None:
        self._consumer.close()

    def _take(self, message: Message, batch: Batch) -> None:
        error, topic, partition, offset = message.error(), message.topic(), message.partition(), message.offset()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            self._judge(error, f"{topic}[{partition}]@{offset}")
            return
        if topic is None or partition is None or offset is None:
            raise UnreadableRecord("Kafka gave a record without its position.")
        name = self._bare(topic)
        if error is not None:
            batch.upto[(name, partition)] = offset
            return
        if offset < batch.upto.get((name, partition), 0):
            return  # partitions were given anew while the batch was filled, and this one is read from its start again
        key, value = message.key(), message.value()
        batch.records.append(read(name, partition, offset, key, value, self._codec))
        batch.upto[(name, partition)] = offset + 1
        if self._traced:
            batch.traces.update(dict.fromkeys(_traces(message)))

    def _judge(self, error: KafkaError, position: str) -> None:
        """Retriable errors are librdkafka's own business; the others end the reader."""
        if error.retriable() or error.code() in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN):
            return
        if error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            raise UnreadableRecord(
                f"The log doesn't hold {position}, where the projections stand ({error.str()}): PostgreSQL and Kafka "
                f"don't belong together, or records were removed. Build the projections again from the log: "
                f"rejoinder projections rebuild --all --accept-differences"
            )
        if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise KafkaUnreachable(
                f"Kafka at {self._bootstrap} has no topic {position.partition('[')[0]}: run `rejoinder topics apply`."
            )
        raise KafkaUnreachable(f"Kafka at {self._bootstrap} does not go on at {position}: {error.str()}.")

    def _note(self, error: KafkaError) -> None:
        """librdkafka tells of errors of the client as a whole."""
        if error.code() == KafkaError._ALL_BROKERS_DOWN and self._down_since is None:
            self._down_since, self._down_reason = time.monotonic(), error.str()

    def _check_reachable(self) -> None:
        """librdkafka reconnects by itself and for ever, so an end has to be set here."""
        if self._down_since is None:
            return
        try:
            self._consumer.list_topics(timeout=_ASKING_SECONDS)
        except KafkaException as error:
            if time.monotonic() - self._down_since > _UNREACHABLE_SECONDS:
                raise KafkaUnreachable(
                    f"Kafka at {self._bootstrap} has not answered for {_UNREACHABLE_SECONDS:.0f} s "
                    f"({self._down_reason}). Check the setting kafka.bootstrap and that the brokers run."
                ) from error
        else:
            self._down_since = None

    def _bare(self, topic: str) -> str:
        return topic.removeprefix(self._prefix)


def _traces(message: Message) -> list[bytes]:
    """Where in a trace a record was written, if its headers say so (W3C's traceparent)."""
    headers = message.headers()
    pairs = headers.items() if isinstance(headers, dict) else headers or ()
    return [value for name, value in pairs if name == TRACEPARENT and isinstance(value, bytes)]
