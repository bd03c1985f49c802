"""Topics, schema ids and the publisher on a real Kafka."""

import asyncio
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourceType,
)

from engine.envelope import partition_of
from engine.interaction.events import Words
from rejoinder.children import Child
from rejoinder.deployment import WrongTopics, deploy
from rejoinder.schema_files import record_types
from rejoinder.settings import load
from schemas import files
from schemas.codec import Codec
from schemas.files import Schema
from topics import clients
from topics.admin import Kind, Topics
from topics.catalogue import INTERACTION_CONTENT, INTERACTION_EVENTS, SCHEMAS, Catalogue, Topic, catalogue
from topics.errors import Incompatible, KafkaUnreachable, NotPublished, TopicMissing
from topics.publisher import Outgoing, Publisher
from topics.registry import by_id
from topics.schema_log import SchemaLog

PARTITIONS = 4


@pytest.fixture
def names() -> Catalogue:
    """A catalogue of this test's own."""
    return catalogue(PARTITIONS, prefix=f"test-{uuid.uuid4().hex[:8]}.")


@pytest.fixture
def topics(kafka: str, names: Catalogue) -> Topics:
    return Topics(kafka, names)


@pytest.fixture
def registry(kafka: str, names: Catalogue) -> SchemaLog:
    only = Catalogue({names.name(SCHEMAS): names.topic(SCHEMAS)}, names.prefix)
    assert Topics(kafka, only).apply() == []
    return SchemaLog(kafka, names.name(SCHEMAS))


@pytest.fixture
def publisher(kafka: str, topics: Topics) -> Iterator[Publisher]:
    assert topics.apply() == []
    codec = Codec.local(record_types(), files.current())
    with Publisher(kafka, codec, "/rejoinder/test") as publisher:
        yield publisher


def nobody_listens() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def schema(*fields: Schema, name: str = "Thing") -> dict[str, Schema]:
    return {f"rejoinder.{name}": {"type": "record", "name": name, "namespace": "rejoinder", "fields": list(fields)}}


def test_apply_creates_what_is_missing_and_then_there_is_nothing_to_do(topics: Topics, names: Catalogue) -> None:
    assert {(each.topic, each.kind) for each in topics.plan()} == {(name, Kind.MISSING) for name in names.topics}
    assert topics.apply() == []
    assert topics.plan() == []
    assert topics.apply() == []
    listed = {each.topic.name: (each.partitions, each.replication) for each in topics.listing()}
    assert listed == {name: (topic.partitions, 1) for name, topic in names.topics.items()}


def test_a_topic_of_which_only_some_brokers_have_heard_is_not_there_yet(
    kafka: str, topics: Topics, names: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    topics.apply()
    others = catalogue(2, prefix=f"{names.prefix}other.")
    shown = topics._found()
    asked = Topics(kafka, others)
    as_by_another_broker = {others.prefix + name.removeprefix(names.prefix): each for name, each in shown.items()}
    monkeypatch.setattr(asked, "_found", lambda: as_by_another_broker)
    assert {(each.topic, each.kind) for each in asked.plan()} == {(name, Kind.MISSING) for name in others.topics}


def test_a_broker_that_takes_its_time_to_make_topics_is_waited_for(
    kafka_process: tuple[str, Child], names: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that has just started on a busy machine: for longer than a question may take, and not for so long that its
    controller takes it for dead."""
    monkeypatch.setattr(clients, "ASK_TIMEOUT", 1.0)
    bootstrap, child = kafka_process
    topics = Topics(bootstrap, names)
    create, going_on = topics._create, threading.Timer(2.0, child.process.send_signal, [signal.SIGCONT])

    def frozen(wanted: Iterable[Topic]) -> None:
        child.process.send_signal(signal.SIGSTOP)
        going_on.start()
        create(wanted)

    monkeypatch.setattr(topics, "_create", frozen)
    try:
        assert topics.apply() == []
    finally:
        going_on.join()


def test_a_topic_with_other_settings_is_shown_and_changed_only_when_asked(
    kafka: str, topics: Topics, names: Catalogue
) -> None:
    topics.apply()
    events = names.name(INTERACTION_EVENTS)
    _set(kafka, events, "retention.ms", "1000")
    _set(kafka, events, "segment.ms", "77777")
    _until(lambda: len(topics.plan()) == 2)
    wrong, extra = topics.apply()
    assert (wrong.kind, wrong.setting, wrong.wanted, wrong.found) == (Kind.CONFIG, "retention.ms", "-1", "1000")
    assert (extra.kind, extra.setting, extra.found) == (Kind.EXTRA_CONFIG, "segment.ms", "77777")
    assert "rejoinder topics apply --configs" in str(wrong)
    assert topics.apply(configs=True) == [extra]


def test_a_partition_count_is_reported_and_never_changed(kafka: str, topics: Topics, names: Catalogue) -> None:
    events = names.topic(INTERACTION_EVENTS)
    admin = AdminClient({"bootstrap.servers": kafka})
    [created] = admin.create_topics([NewTopic(events.name, 2, 1)]).values()
    created.result(10)
    differences = [each for each in topics.apply(configs=True) if each.topic == events.name]
    assert (Kind.PARTITIONS, "4", "2") in [(each.kind, each.wanted, each.found) for each in differences]
    assert "never changed" in str(differences[0])


def test_a_family_whose_topics_have_different_counts_is_told_and_nothing_is_deployed(
    kafka: str, topics: Topics, names: Catalogue
) -> None:
    """Somebody grew one by hand: setting topics.partitions to either count would be wrong."""
    topics.apply()
    grown = names.name(INTERACTION_EVENTS)
    admin = AdminClient({"bootstrap.servers": kafka})
    [done] = admin.create_partitions([NewPartitions(grown, PARTITIONS + 2)]).values()
    done.result(10)
    _until(lambda: any(each.kind is Kind.FAMILY for each in topics.plan()))
    (found,) = (each for each in topics.plan() if each.kind is Kind.FAMILY)
    assert found.topic == grown
    assert f"has {PARTITIONS + 2} partitions, and {names.prefix}interaction.commands {PARTITIONS}:" in str(found)
    assert "new generation" in str(found)
    with pytest.raises(WrongTopics, match="different partitions in topics that belong together"):
        deploy(load({"topics.partitions": PARTITIONS + 2, "topics.prefix": names.prefix}, environment={}), kafka)


def test_kafkas_own_topics_have_to_be_as_safe_as_ours(kafka: str, topics: Topics, names: Catalogue) -> None:
    """The embedded Kafka has one copy of each: too few for settings that want three."""
    topics.apply()
    _until(lambda: not topics.plan())
    transactional = Producer(clients.transactional(kafka, f"{names.prefix}test"))
    transactional.init_transactions(30)
    wanted = Topics(kafka, catalogue(PARTITIONS, 3, names.prefix))
    found = [each for each in wanted.plan() if each.topic == "__transaction_state"]
    assert [(each.kind, each.wanted, each.found) for each in found] == [(Kind.REPLICATION, "3", "1")]


def test_a_kafka_that_is_not_there_is_named_within_ten_seconds() -> None:
    address, began = nobody_listens(), time.monotonic()
    with pytest.raises(KafkaUnreachable, match=rf"{address}.*kafka\.bootstrap"):
        Topics(address, catalogue()).plan()
    assert time.monotonic() - began < 10


def test_registering_gives_ids_once(registry: SchemaLog) -> None:
    added = registry.register(files.current())
    assert sorted(each.id for each in added) == list(range(1, len(files.current()) + 1))
    assert registry.register(files.current()) == []
    assert registry.load() == added
    assert Codec(record_types(), files.current(), by_id(registry.load())).unregistered() == []


def test_the_record_is_the_registrys_own_byte_for_byte(kafka: str, registry: SchemaLog, names: Catalogue) -> None:
    registry.register(schema({"name": "id", "type": "string"}))
    [(key, value)] = _raw(kafka, names.name(SCHEMAS))
    assert key == b'{"keytype":"SCHEMA","subject":"rejoinder.Thing","version":1,"magic":1}'
    assert value == (
        rb'{"subject":"rejoinder.Thing","version":1,"id":1,"schema":"{\"type\":\"record\",\"name\":\"Thing\",'
        rb'\"namespace\":\"rejoinder\",\"fields\":[{\"name\":\"id\",\"type\":\"string\"}]}","deleted":false}'
    )


def test_what_a_registry_writes_beside_the_schemas_is_passed_over(
    kafka: str, registry: SchemaLog, names: Catalogue
) -> None:
    [first] = registry.register(schema({"name": "id", "type": "string"}))
    _write(kafka, names.name(SCHEMAS), b'{"keytype":"NOOP","magic":0}', None)
    _write(
        kafka,
        names.name(SCHEMAS),
        b'{"keytype":"CONFIG","subject":null,"magic":0}',
        b'{"compatibilityLevel":"FULL"}',
    )
    assert registry.load() == [first]
    [second] = registry.register(schema(name="Other"))
    assert (second.id, second.version) == (2, 1)


def test_a_compatible_change_is_the_next_version_and_another_is_refused(registry: SchemaLog) -> None:
    first: Schema = {"name": "id", "type": "string"}
    note: Schema = {"name": "note", "type": ["null", "string"], "default": None}
    registry.register(schema(first))
    [second] = registry.register(schema(first, note))
    assert (second.version, second.id) == (2, 2)
    with pytest.raises(Incompatible, match=r"rejoinder\.Thing\.more: .*version 1.*default"):
        registry.register(schema(first, {"name": "more", "type": "long"}) | schema(name="Innocent"))
    assert [each.id for each in registry.load()] == [1, 2]


def test_registrars_at_the_same_time_never_give_one_id_twice(registry: SchemaLog) -> None:
    failures: list[BaseException] = []

    def register(number: int) -> None:
        try:
            registry.register(schema(name=f"Shared{number % 2}") | schema(name=f"Own{number}"))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=register, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    registered = registry.load()
    assert sorted(each.id for each in registered) == list(range(1, 6))
    names = ("Shared0", "Shared1", "Own0", "Own1", "Own2")
    assert {each.subject for each in registered} == {f"rejoinder.{name}" for name in names}


def test_a_log_that_is_not_there_says_what_to_run(kafka: str) -> None:
    with pytest.raises(TopicMissing, match="rejoinder topics apply"):
        SchemaLog(kafka, f"missing-{uuid.uuid4().hex}").load()


def test_a_published_record_lies_where_its_key_says_with_its_headers(
    publisher: Publisher, kafka: str, names: Catalogue
) -> None:
    topic, keys = names.name(INTERACTION_CONTENT), [f"{n:032x}:m:1" for n in range(50)]
    publisher.publish(Outgoing(topic, key, Words(text=key, salt=b"")) for key in keys)
    found = {message.key().decode(): message for message in _messages(kafka, topic, PARTITIONS)}
    assert sorted(found) == sorted(keys)
    assert {key: message.partition() for key, message in found.items()} == {
        key: partition_of(key, PARTITIONS) for key in keys
    }
    assert dict(found[keys[0]].headers())["ce_type"] == b"rejoinder.interaction.events.Words"


def test_the_partition_may_be_that_of_another_key(publisher: Publisher, kafka: str, names: Catalogue) -> None:
    topic = names.name(INTERACTION_CONTENT)
    publisher.publish(
        [Outgoing(topic, "delivery", None, partition_key=f"x-{n}") for n in range(20)],
    )
    assert [m.partition() for m in _messages(kafka, topic, PARTITIONS)] == sorted(
        partition_of(f"x-{n}", PARTITIONS) for n in range(20)
    )


def test_asyncio_waits_without_blocking(publisher: Publisher, kafka: str, names: Catalogue) -> None:
    topic = names.name(INTERACTION_CONTENT)

    async def write() -> None:
        await publisher.publish_async([Outgoing(topic, "a", Words(text="", salt=b"")), Outgoing(topic, "b", None)])

    asyncio.run(write())
    assert len(_messages(kafka, topic, PARTITIONS)) == 2


def test_a_record_that_kafka_refuses_is_named_without_its_words(publisher: Publisher, names: Catalogue) -> None:
    topic = names.name(INTERACTION_CONTENT)
    records = [Outgoing(topic, "fits", None), Outgoing(topic, "too-big", Words(text="w" * 5_000_000, salt=b""))]
    with pytest.raises(NotPublished) as caught:
        publisher.publish(records)
    assert "www" not in str(caught.value)


def test_a_topic_that_is_not_there_is_not_created_by_publishing(publisher: Publisher, kafka: str) -> None:
    topic = f"missing-{uuid.uuid4().hex}"
    with pytest.raises(TopicMissing, match=topic):
        publisher.send(Outgoing(topic, "key", None))
    assert topic not in AdminClient({"bootstrap.servers": kafka}).list_topics(timeout=5).topics


def _set(kafka: str, topic: str, name: str, value: str) -> None:
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": kafka})
    [answer] = admin.incremental_alter_configs([resource]).values()
    answer.result(10)


def _until(condition: Callable[[], bool]) -> None:
    """The broker shows a change a moment after its controller took it."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline


def _write(kafka: str, topic: str, key: bytes, value: bytes | None) -> None:
    producer = Producer(clients.producer(kafka, "test"))
    producer.produce(topic, key=key, value=value, partition=0)
    assert producer.flush(10) == 0


def _raw(kafka: str, topic: str) -> list[tuple[bytes, bytes | None]]:
    return [(message.key(), message.value()) for message in _messages(kafka, topic, 1)]


def _messages(kafka: str, topic: str, partitions: int) -> list:  # type: ignore[type-arg]
    """All that stands in a topic, one partition after the other."""
    consumer = Consumer(clients.reader(kafka, "test") | {"enable.partition.eof": True})
    found = []
    for partition in range(partitions):
        consumer.assign([TopicPartition(topic, partition, 0)])
        while (message := consumer.poll(10)) is not None and message.error() is None:
            found.append(message)
        assert message is not None
    consumer.close()
    return found
