"""Where a replay goes: a file of JSON lines, an Avro container, or another topic. The screen is the command line's."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import fastavro
import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from engine.envelope import partition_of
from engine.errors import RejoinderError
from rejoinder.cluster import Cluster
from rejoinder.replaying import Replayed
from schemas import files
from schemas.codec import parse
from topics import clients
from topics.catalogue import FOR_EVER, MAX_RECORD
from topics.errors import KafkaUnreachable
from topics.headers import CloudEvents
from topics.transactions import hand_over

ENVELOPE: Final = "rejoinder.replay.Replayed"
SYNC: Final = 1_000
"""Records in a block of a container."""


class CannotReplay(RejoinderError):
    """The target can't take it."""


class Sink(Protocol):
    """Takes events one by one."""

    def take(self, replayed: Replayed) -> None: ...


def told(replayed: Replayed) -> dict[str, Any]:
    """An event as a record for other programs: where it stands, its type, and what it says. Bytes are hex digits."""
    record, event = replayed.record, replayed.event
    place = {"topic": replayed.topic, "partition": record.partition, "offset": record.offset, "key": replayed.key}
    return {**place, "type": type(event).__name__, **_hex(msgspec.to_builtins(event, builtin_types=(bytes,)))}


def _hex(value: Any) -> Any:
    match value:
        case bytes():
            return value.hex()
        case dict():
            return {name: _hex(part) for name, part in value.items()}
        case list():
            return [_hex(part) for part in value]
    return value


@contextmanager
def into_file(file: Path, cluster: Cluster) -> Iterator[Sink]:
    """A file that is there only when all is in it: an Avro container where its name ends in .avro, else JSON lines.

    Raises:
        CannotReplay: it can't be written.
    """
    scratch = file.with_name(f".{file.name}.part")
    try:
        with scratch.open("wb") as stream:
            scratch.chmod(0o600)
            sink = _Container(stream, cluster) if file.suffix == ".avro" else _Lines(stream)
            yield sink
            sink.end()
        scratch.rename(file)
    except OSError as error:
        raise CannotReplay(f"{file} can't be written: {error.strerror}") from error
    finally:
        scratch.unlink(missing_ok=True)


class _Lines:
    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._encode = msgspec.json.Encoder().encode

    def take(self, replayed: Replayed) -> None:
        self._stream.write(self._encode(told(replayed)) + b"\n")

    def end(self) -> None:
        """All were taken."""


class _Container:
    """Each record has where the event stood, and the event, under the schema of today."""

    def __init__(self, stream: Any, cluster: Cluster) -> None:
        self._codec = cluster.codec
        schemas = [schema for name, schema in files.current().items() if _is_event(name)]
        fields = [("topic", "string"), ("partition", "int"), ("offset", "long"), ("key", "string"), ("event", schemas)]
        envelope = {
            "type": "record",
            "name": ENVELOPE,
            "fields": [{"name": name, "type": kind} for name, kind in fields],
        }
        self._writer = fastavro.write.Writer(stream, parse(envelope), "deflate", SYNC)

    def take(self, replayed: Replayed) -> None:
        record, event = replayed.record, replayed.event
        fields = msgspec.to_builtins(event, builtin_types=(bytes,))
        self._writer.write(
            {
                "topic": replayed.topic,
                "partition": record.partition,
                "offset": record.offset,
                "key": replayed.key,
                "event": (self._codec.name_of(event), fields),
            }
        )

    def end(self) -> None:
        """All were taken."""
        self._writer.flush()


@contextmanager
def into_topic(name: str, cluster: Cluster, partitions: int) -> Iterator[Sink]:
    """Another topic: the records as they are, in order for each key. It is made where it isn't there.

    Who does it twice has everything there twice.

    Raises:
        CannotReplay: it is one of Rejoinder's own, or Kafka doesn't take it.
    """
    if name in cluster.catalogue.topics:
        raise CannotReplay(
            f"{name} is one of Rejoinder's own topics: what is put there would be taken for what happened; name another"
        )
    count = _made(cluster, name, partitions)
    sink = _Topic(name, cluster, count)
    yield sink
    sink.end()


class _Topic:
    def __init__(self, name: str, cluster: Cluster, partitions: int) -> None:
        self._name = name
        self._partitions = partitions
        self._headers = CloudEvents("/rejoinder/replay", cluster.codec.name_of)
        self._producer = Producer(clients.producer(cluster.bootstrap, "rejoinder-replay", linger=20))
        self._failed: KafkaError | None = None
        self._handed = 0

    def take(self, replayed: Replayed) -> None:
        record = replayed.record
        partition = partition_of(replayed.key, self._partitions)
        headers = self._headers.headers(replayed.event, replayed.key)
        hand_over(self._producer, self._name, record.key, record.value, partition, headers, self._told)
        self._handed += 1
        self._producer.poll(0)
        self._check()

    def end(self) -> None:
        """All were taken: waits until the broker has them."""
        left = self._producer.flush(clients.MESSAGE_TIMEOUT / 1000)
        self._check()
        if left:
            raise CannotReplay(f"Kafka did not take the last {left} of {self._handed} records in time; {_AGAIN}")

    def _told(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failed = error

    def _check(self) -> None:
        if self._failed is not None:
            raise CannotReplay(f"Kafka did not take a record for {self._name}: {self._failed.str()}; {_AGAIN}")


_AGAIN: Final = "delete the topic before you try again, or some will be there twice"


def _made(cluster: Cluster, name: str, partitions: int) -> int:
    """How many partitions a topic has, which is made with as many as the events' where it isn't there."""
    admin = AdminClient(clients.admin(cluster.bootstrap))
    try:
        found = admin.list_topics(timeout=clients.ASK_TIMEOUT).topics.get(name)
        if found is not None:
            return len(found.partitions)
        replication = next(iter(cluster.catalogue.topics.values())).replication
        config = {"retention.ms": str(FOR_EVER), "max.message.bytes": str(MAX_RECORD)}
        new = NewTopic(name, partitions, replication, config=config)
        admin.create_topics([new], request_timeout=clients.ASK_TIMEOUT)[name].result()
    except KafkaException as error:
        raise KafkaUnreachable(cluster.bootstrap, error.args[0].str()) from error
    return partitions


def _is_event(name: str) -> bool:
    """Whether a record, by its full name, is an event."""
    return name.split(".")[-2].endswith("events")
