"""The policies in their topic: every version, for ever. And how a new one reaches every partition."""

from collections.abc import Callable, Iterator

from confluent_kafka import Producer

from engine.delivery import PolicyVersion
from engine.envelope import control_key, derive
from engine.interaction.commands import PublishPolicy
from engine.policy.document import Policy
from engine.policy.rules import Rules, encode, load
from engine.record import Record
from schemas.codec import Codec
from topics import clients, following
from topics.broker import Broker
from topics.catalogue import INTERACTION_COMMANDS, POLICIES, Catalogue
from topics.errors import PublishingLost
from topics.headers import CloudEvents
from topics.publisher import Outgoing
from topics.reading import read_all
from topics.transactions import produce
from topics.turns import take_turns


def versions(broker: Broker, catalogue: Catalogue, codec: Codec) -> list[PolicyVersion]:
    """Every published version, oldest first."""
    topic = catalogue.topic(POLICIES)
    found = (
        codec.decode(record.value)
        for record in read_all(broker, topic.name, range(topic.partitions), "policies")
        if record.value is not None
    )
    return sorted(found, key=lambda version: version.version)


def rules(broker: Broker, catalogue: Catalogue, codec: Codec) -> dict[int, Rules]:
    """Every version, compiled."""
    return {each.version: load(each.version, each.document) for each in versions(broker, catalogue, codec)}


def publish(
    broker: Broker, catalogue: Catalogue, codec: Codec, policy: Policy, at: int, by: str
) -> tuple[PolicyVersion, bool]:
    """Puts a policy in force, unless it is the latest already. Gives the version in force, and whether it is new.

    Two who publish at once get versions of their own: each takes the same transactional id, which fences off the one
    before it and ends what that left open, and only then reads which versions there are. The version and what tells
    every partition of it are one transaction, so that it is in force everywhere or nowhere. Where it is the latest
    already, they are told again.

    Raises:
        PublishingLost: others kept taking the turn.
        KafkaUnreachable, TopicMissing: as they say.
    """
    return take_turns(broker.bootstrap, _lost, lambda: _publish_alone(broker, catalogue, codec, policy, at, by))


def _lost(tries: int) -> PublishingLost:
    return PublishingLost(
        f"others published policies at the same time, {tries} times in a row: look at `rejoinder policy versions`, "
        "and publish again"
    )


def _publish_alone(
    broker: Broker, catalogue: Catalogue, codec: Codec, policy: Policy, at: int, by: str
) -> tuple[PolicyVersion, bool]:
    producer = Producer(clients.transactional(broker.bootstrap, f"rejoinder-publisher-{catalogue.name(POLICIES)}"))
    producer.init_transactions(clients.ASK_TIMEOUT)
    known = versions(broker, catalogue, codec)
    document = encode(policy)
    is_new = not known or known[-1].document != document
    records = []
    if is_new:
        version = known[-1].version + 1 if known else 1
        known.append(PolicyVersion(version=version, document=document, published_at=at, published_by=by))
        records.append(Outgoing(catalogue.name(POLICIES), str(version), known[-1]))
    records += tell(catalogue, known[-1], at, by)
    events = CloudEvents("/rejoinder/policy", codec.name_of)
    producer.begin_transaction()
    for each in records:
        if each.record is not None:
            headers = events.headers(each.record, each.key)
            produce(producer, catalogue.topics[each.topic], each.key, codec.encode(each.record), headers)
    producer.commit_transaction(clients.ASK_TIMEOUT)
    return known[-1], is_new


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

    def __init__(self, broker: Broker, catalogue: Catalogue, codec: Codec, on_failure: Callable[[str], None]) -> None:
        self.latest: PolicyVersion | None = None
        self._following = following.Follower(broker, catalogue.topic(POLICIES), codec, self._note, on_failure)

    def close(self) -> None:
        """Ends the thread."""
        self._following.close()

    def _note(self, record: Record) -> None:
        if isinstance(record, PolicyVersion) and (self.latest is None or record.version > self.latest.version):
            self.latest = record
