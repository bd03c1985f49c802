"""A log whose first events were written before a field was split in two, on a real Kafka with its real registry."""

from typing import Annotated, Any

from confluent_kafka import Producer

from engine.envelope import digest, genesis
from engine.interaction.decider import InteractionDecider
from engine.record import Event
from rejoinder.schema_files import full_name, record_types, schema_of
from schemas import files
from schemas.codec import HEADER_BYTES, Codec, fingerprint
from schemas.files import Schema
from schemas.upcasting import Fields, Upcaster
from tests.processing import deployed
from topics import clients
from topics.catalogue import INTERACTION_EVENTS, SCHEMAS
from topics.deciding import Deciding
from topics.reading import read_all
from topics.registry import by_id
from topics.schema_log import SchemaLog

KEY = "0" * 32


class Named(Event, kw_only=True):
    """As it is today."""

    first: Annotated[str, "the first name"] = ""
    last: Annotated[str, "the last name"] = ""


class NamedBefore(Event, kw_only=True):
    """As it was."""

    name: Annotated[str, "the whole name"] = ""


NAME = full_name(Named)
TODAY = schema_of(Named)
BEFORE = schema_of(NamedBefore) | {"name": "Named"}


def split(fields: Fields) -> Fields:
    first, _, last = fields.pop("name").partition(" ")
    return fields | {"first": first, "last": last}


UPCASTER = Upcaster(NAME, (fingerprint(BEFORE).hex(),), split)


def codec_of(registry: SchemaLog, kind: type[Event], schema: Schema, *upcasters: Upcaster) -> Codec:
    """What a process of some version makes of what is registered."""
    types, current = record_types() | {NAME: kind}, files.current() | {NAME: schema}
    return Codec(types, current, by_id(registry.load()), upcasters)


def test_what_was_written_before_and_after_is_one_log_of_today(kafka: str, topic_prefix: str) -> None:
    cluster = deployed(kafka, topic_prefix, 1)
    registry = SchemaLog(kafka, cluster.catalogue.name(SCHEMAS))
    topic = cluster.catalogue.name(INTERACTION_EVENTS)
    chain = genesis(KEY)
    producer = Producer(clients.transactional(kafka, f"{topic_prefix}writer"))
    producer.init_transactions(30)
    versions: list[tuple[type[Any], Schema, dict[str, str]]] = [
        (NamedBefore, BEFORE, {"name": "Ann Lee"}),
        (Named, TODAY, {"first": "Bo", "last": "Ek"}),
    ]
    for number, (kind, schema, fields) in enumerate(versions, start=1):
        registry.register({NAME: schema})
        codec = codec_of(registry, kind, schema)
        value, written = codec.wire(kind(sequence=number, previous=chain, event_id=str(number), **fields))
        chain = digest(written, value[HEADER_BYTES:])
        producer.begin_transaction()
        producer.produce(topic, value, KEY.encode(), 0)
        producer.commit_transaction(30)

    today = codec_of(registry, Named, TODAY, UPCASTER)
    deciding = Deciding(InteractionDecider(), today, 0, {}, lambda: 0)
    found = []
    for record in read_all(cluster.broker, topic, [0], "upcasting"):
        event, written = today.read(record.value or b"")
        deciding.replay(record.key.decode(), event, digest(written, (record.value or b"")[HEADER_BYTES:]))
        found.append((type(event), event.first, event.last))
    assert found == [(Named, "Ann", "Lee"), (Named, "Bo", "Ek")]
    bare = codec_of(registry, Named, TODAY)
    (first, _) = [bare.decode(record.value or b"") for record in read_all(cluster.broker, topic, [0], "without")]
    assert (first.first, first.last) == ("", ""), "without the upcaster the name is lost"
