"""The policies in their topic: every version, for ever. And how a new one reaches every partition."""

import threading
from collections.abc import Callable, Iterator
from typing import Final

from confluent_kafka import Consumer, TopicPartition

from engine.delivery import PolicyVersion
from engine.envelope import control_key, derive
from engine.interaction.commands import PublishPolicy
from engine.policy.document import Policy
from engine.policy.rules import Rules, encode, load
from schemas.codec import Codec
from topics import clients
from topics.catalogue import INTERACTION_COMMANDS, POLICIES, Catalogue
from topics.errors import passes
from topics.publisher import Outgoing, Publisher
from topics.reading import read_all

FOLLOW_WAIT: Final = 0.5


def versions(bootstrap: str, catalogue: Catalogue, codec: Codec) -> list[PolicyVersion]:
    """Every published version, oldest first."""
    topic = catalogue.topic(POLICIES)
    found = (
        codec.decode(record.value)
        for record in read_all(bootstrap, topic.name, range(topic.partitions), "policies")
        if record.value is not None
    )
    return sorted(found, key=lambda version: version.version)


def rules(bootstrap: str, catalogue: Catalogue, codec: Codec) -> dict[int, Rules]:
    """Every version, compiled."""
    return {each.version: load(each.version, each.document) for each in versions(bootstrap, catalogue, codec)}


def publish(
    publisher: Publisher, catalogue: Catalogue, policy: Policy, version: int, at: int, by: str
) -> PolicyVersion:
    """Writes a version and tells every partition of commands. Doing it again with the same version is harmless."""
    published = PolicyVersion(version=version, document=encode(policy), published_at=at, published_by=by)
    publisher.publish([Outgoing(catalogue.name(POLICIES), str(version), published)])
    publisher.publish(tell(catalogue, published, at, by))
    return published


def tell(catalogue: Catalogue, published: PolicyVersion, at: int, by: str) -> Iterator[Outgoing]:
    """The control records that put a version in force, one a partition."""
    topic = catalogue.topic(INTERACTION_COMMANDS)
    for partition in range(topic.partitions):
        command = PublishPolicy(
            command_id=derive("policy", published.version, partition),
            at=at,
            actor_kind="supervisor",
            actor_id=by,
            version=published.version,
            document=published.document,
        )
        yield Outgoing(topic.name, control_key(partition), command)


class Follower:
    """The latest policy, kept up to date by a thread."""

    def __init__(self, bootstrap: str, catalogue: Catalogue, codec: Codec, on_failure: Callable[[str], None]) -> None:
        self._codec = codec
        self._topic = catalogue.topic(POLICIES)
        self._bootstrap = bootstrap
        self._on_failure = on_failure
        known = versions(bootstrap, catalogue, codec)
        self.latest: PolicyVersion | None = known[-1] if known else None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="policies", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread."""
        self._stop.set()
        self._thread.join()

    def _follow(self) -> None:
        consumer = Consumer(clients.reader(self._bootstrap, "policy-follower"))
        try:
            consumer.assign([TopicPartition(self._topic.name, each, 0) for each in range(self._topic.partitions)])
            while not self._stop.is_set():
                for message in consumer.consume(100, FOLLOW_WAIT):
                    error = message.error()
                    if error is not None:
                        if not passes(error):
                            self._on_failure(f"reading {self._topic.name} failed: {error.str()}")
                        continue
                    value = message.value()
                    if value is not None:
                        self._note(self._codec.decode(value))
        finally:
            consumer.close()

    def _note(self, version: PolicyVersion) -> None:
        if self.latest is None or version.version > self.latest.version:
            self.latest = version
