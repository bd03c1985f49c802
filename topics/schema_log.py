"""Schemas and their ids in a compacted topic of one partition, in Confluent Schema Registry's own record format.

A registry that is started on the same cluster later finds them there. Registrars keep each other out with a
transaction: each takes the same transactional id, which fences off the one before it and ends what that left open,
and only then reads what is there. A registry that runs on the topic at the same time is not kept out: where one
runs, set registry.url.
"""

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from schemas.files import Schema
from topics import clients
from topics.catalogue import SCHEMAS
from topics.errors import KafkaUnreachable, RegistrationLost, TopicMissing
from topics.registry import Registered, parsed, text_of, unregistered
from topics.turns import take_turns

_MAGIC: Final = 1


class SchemaLog:
    """The `_schemas` topic. It has to be there (topics.admin)."""

    def __init__(self, bootstrap: str, topic: str = SCHEMAS) -> None:
        self._bootstrap = bootstrap
        self._topic = topic

    def load(self) -> list[Registered]:
        """All that is registered, in the order of the ids. Raises KafkaUnreachable, TopicMissing."""
        found: dict[tuple[str, int], Registered] = {}
        for message in self._read():
            key, value = parsed(message.key() or b""), parsed(message.value() or b"")
            if key is None or key.get("keytype") != "SCHEMA":
                continue  # a registry's own settings and marks
            place = (str(key["subject"]), int(key["version"]))
            if value is None:
                found.pop(place, None)
            else:
                found[place] = _registered(value)
        return sorted(found.values(), key=lambda each: (each.id, each.subject))

    def register(self, schemas: Mapping[str, Schema]) -> list[Registered]:
        """See topics.registry.Registry. Raises RegistrationLost if others keep taking the turn."""
        if not unregistered(schemas, self.load()):
            return []
        added = take_turns(self._bootstrap, self._lost, lambda: self._register_alone(schemas))
        self._wait_until_read(added)
        return added

    def _lost(self, tries: int) -> RegistrationLost:
        return RegistrationLost(
            f"others registered schemas in {self._topic} at the same time, {tries} times in a row: "
            "let one deployment end before the next begins"
        )

    def _register_alone(self, schemas: Mapping[str, Schema]) -> list[Registered]:
        producer = Producer(clients.transactional(self._bootstrap, f"rejoinder-registrar-{self._topic}"))
        producer.init_transactions(clients.ASK_TIMEOUT)
        there = self.load()
        added = _numbered(unregistered(schemas, there), there)
        if not added:
            return []
        producer.begin_transaction()
        for each in added:
            producer.produce(self._topic, key=_key(each), value=_value(each), partition=0)
        producer.commit_transaction(clients.ASK_TIMEOUT)
        return added

    def _wait_until_read(self, added: Iterable[Registered]) -> None:
        """A commit is answered a moment before its readers see it."""
        deadline = time.monotonic() + clients.ASK_TIMEOUT
        wanted = set(added)
        while not wanted <= set(self.load()):
            if time.monotonic() > deadline:
                raise RegistrationLost(
                    f"the schemas just registered in {self._topic} are not there: did something else write to it?"
                )

    def _read(self) -> Iterable[Message]:
        consumer = Consumer(clients.reader(self._bootstrap, "rejoinder-schemas") | {"enable.partition.eof": True})
        try:
            self._check_topic(consumer)
            consumer.assign([TopicPartition(self._topic, 0, 0)])
            deadline = time.monotonic() + clients.ASK_TIMEOUT
            while True:
                message = consumer.poll(max(0.0, deadline - time.monotonic()))
                if message is None:
                    raise KafkaUnreachable(self._bootstrap, f"reading {self._topic} took too long")
                error = message.error()
                if error is None:
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:
                    return
                else:
                    raise KafkaUnreachable(self._bootstrap, error.str())
        finally:
            consumer.close()

    def _check_topic(self, consumer: Consumer) -> None:
        try:
            topics = consumer.list_topics(timeout=clients.ASK_TIMEOUT).topics
        except KafkaException as error:
            raise KafkaUnreachable(self._bootstrap, error.args[0].str()) from error
        if self._topic not in topics:
            raise TopicMissing(self._topic, self._bootstrap)


def _numbered(new: Mapping[str, Schema], there: Iterable[Registered]) -> list[Registered]:
    """Gives each new schema the next id, and the next version of its subject."""
    ids, versions = 0, dict.fromkeys(new, 0)
    for each in there:
        ids = max(ids, each.id)
        versions[each.subject] = max(versions.get(each.subject, 0), each.version)
    return [
        Registered(name, versions[name] + 1, number, text_of(schema))
        for number, (name, schema) in enumerate(sorted(new.items()), start=ids + 1)
    ]


def _registered(value: Mapping[str, Any]) -> Registered:
    return Registered(
        subject=str(value["subject"]),
        version=int(value["version"]),
        id=int(value["id"]),
        text=str(value["schema"]),
        deleted=bool(value.get("deleted", False)),
    )


def _key(each: Registered) -> bytes:
    # In the registry's own order of fields: it overwrites a record under the very same bytes.
    return _json({"keytype": "SCHEMA", "subject": each.subject, "version": each.version, "magic": _MAGIC})


def _value(each: Registered) -> bytes:
    return _json(
        {
            "subject": each.subject,
            "version": each.version,
            "id": each.id,
            "schema": each.text,
            "deleted": each.deleted,
        }
    )


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
