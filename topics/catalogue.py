"""Every topic that Rejoinder uses, as data: what it holds, by which key, and for how long."""

from dataclasses import dataclass, field
from typing import Final

HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR
FOR_EVER: Final = -1

DEFAULT_PARTITIONS: Final = 16
"""More cost time: a warm commit takes 2.5 ms over 4 partitions, 17.5 over 64, 89 over 256."""

MAX_RECORD: Final = 4 * 1024 * 1024
"""The largest record, bytes: a dead letter keeps a whole webhook body (channels.meta.webhook.BODY_LIMIT)."""

INTERACTION_COMMANDS: Final = "interaction.commands"
INTERACTION_EVENTS: Final = "interaction.events"
INTERACTION_CONTENT: Final = "interaction.content"
INTERACTION_PROFILES: Final = "interaction.profiles"
INTERACTION_SNAPSHOTS: Final = "interaction.snapshots"
ROUTING_COMMANDS: Final = "routing.commands"
ROUTING_EVENTS: Final = "routing.events"
ROUTING_SNAPSHOTS: Final = "routing.snapshots"
DELIVERY_COMMANDS: Final = "delivery.commands"
DELIVERY_ATTEMPTS: Final = "delivery.attempts"
COMMAND_RESULTS: Final = "command.results"
POLICIES: Final = "policies"
DEAD_LETTERS: Final = "dead.letters"
ACCESS_TOKENS: Final = "access.tokens"
AUDIT_SEALS: Final = "audit.seals"
AUDIT_WRITERS: Final = "audit.writers"
AUDIT_READS: Final = "audit.reads"
SCHEMAS: Final = "_schemas"

KEPT: Final = {"cleanup.policy": "delete", "retention.ms": str(FOR_EVER), "retention.bytes": str(FOR_EVER)}
A_MONTH: Final = {
    "cleanup.policy": "delete",
    "retention.ms": str(30 * DAY),
    # A file goes as a whole, when its last record is old enough: no file holds more than a day.
    "segment.ms": str(DAY),
}
SIX_YEARS: Final = {"cleanup.policy": "delete", "retention.ms": str(6 * 365 * DAY)}
A_DAY: Final = {"cleanup.policy": "delete", "retention.ms": str(DAY)}
COMPACTED: Final = {"cleanup.policy": "compact"}
ERASABLE: Final = COMPACTED | {
    # A deletion has to take effect within 24 hours (X's terms): half of them for the broker to begin, at the
    # latest. It also ends the file that is written to after this time, which compaction never touches; but only when
    # something is written to it: topics.pushing sees to that.
    "max.compaction.lag.ms": str(12 * HOUR),
    # Whoever was away for less than this (a projector, a worker's state) hears of everything that was erased.
    "delete.retention.ms": str(60 * DAY),
}
ATTEMPTS: Final = {
    # Twice as long as the orders: while one can still be read, what came of it is known.
    "cleanup.policy": "compact,delete",
    "retention.ms": str(60 * DAY),
}
CHANGELOG: Final = COMPACTED | {
    # Rows are overwritten all the time: small segments, so that a restart reads little that is out of date.
    "segment.bytes": str(64 * 1024 * 1024),
}


@dataclass(frozen=True)
class Topic:
    """One topic as it should be. `config` holds what differs from the broker's defaults."""

    name: str
    key: str
    holds: str
    partitions: int
    replication: int
    config: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Catalogue:
    """All topics, by name, as they should be on one cluster."""

    topics: dict[str, Topic]
    prefix: str = ""

    def name(self, topic: str) -> str:
        """The name on the cluster of one of this module's topics."""
        return self.prefix + topic

    def family(self, name: str) -> str:
        """The family of a topic, by its name on the cluster: `interaction` of `interaction.commands`.

        A key is on the same partition in all topics of a family, so they have as many partitions.
        """
        return name.removeprefix(self.prefix).partition(".")[0]

    def topic(self, topic: str) -> Topic:
        """One of this module's topics as it should be."""
        return self.topics[self.prefix + topic]


def catalogue(
    partitions: int = DEFAULT_PARTITIONS, replication: int = 1, prefix: str = "", min_insync: int | None = None
) -> Catalogue:
    """The catalogue for a number of partitions, equal for all that are keyed, and a replication factor.

    prefix: stands before each name, so that tests can share a cluster.
    min_insync: how many copies a write needs; without it all but one.
    """
    safety = {"min.insync.replicas": str(min_insync or max(1, replication - 1))}
    # Kafka's own timestamps are the wall clock's even when recorded traffic is played; see Time in the docs.
    common = safety | {"max.message.bytes": str(MAX_RECORD), "message.timestamp.type": "CreateTime"}

    def topic(name: str, key: str, holds: str, config: dict[str, str], count: int = partitions) -> Topic:
        return Topic(prefix + name, key, holds, count, replication, config | common)

    topics = (
        topic(INTERACTION_COMMANDS, "home", "what was asked, with the raw platform item", A_MONTH),
        topic(INTERACTION_EVENTS, "home", "what happened", KEPT),
        topic(INTERACTION_CONTENT, "content id", "the words: texts of messages, answers, notes", ERASABLE),
        topic(INTERACTION_PROFILES, "content id", "the names: who each handle belongs to", ERASABLE),
        topic(INTERACTION_SNAPSHOTS, "row", "rows of state, and how much of the log they reflect", CHANGELOG),
        topic(ROUTING_COMMANDS, "pool", "what was asked of agents and queues", A_MONTH),
        topic(ROUTING_EVENTS, "pool", "what happened to agents and queues", KEPT),
        topic(ROUTING_SNAPSHOTS, "row", "rows of state, and how much of the log they reflect", CHANGELOG),
        topic(DELIVERY_COMMANDS, "account", "one attempt to post", A_MONTH),
        topic(DELIVERY_ATTEMPTS, "delivery id", "attempt begun, attempt ended", ATTEMPTS),
        topic(COMMAND_RESULTS, "reply partition of the asker", "accepted or refused, and why", A_DAY),
        topic(POLICIES, "version", "every version of the policy", COMPACTED),
        topic(DEAD_LETTERS, "original key", "what could not be decided, and why; what was done about it", A_MONTH),
        topic(ACCESS_TOKENS, "token id", "who may use the HTTP API, as what, until when; no secrets", COMPACTED),
        # One partition: a writer finds its last seal near the end, and an auditor reads them in one order.
        topic(AUDIT_SEALS, "writer", "what each transaction's writer signed of its events", KEPT, count=1),
        topic(AUDIT_WRITERS, "writer", "who seals, with which public key", COMPACTED, count=1),
        # One partition: a record says how many stood before it, so that one that was removed shows.
        topic(AUDIT_READS, "who read", "who was shown people's words or names, and whose", SIX_YEARS, count=1),
        # One partition, because a registry gives out ids in the order of this log.
        topic(SCHEMAS, "subject and version", "the schemas and their ids", COMPACTED, count=1),
    )
    return Catalogue({topic.name: topic for topic in topics}, prefix)
