"""Many contacts at once: a log as the engine would have written it, and a worker's state made from that log.

One contact's messages are decided, and what came of them is repeated for each other contact with the contact's own
key and platform id, which are as long as the first one's, and with the chain of digests made anew. So the log is one
that the engine reads and continues; only its ids are not derived from its commands.
"""

import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.processes import Group, program, wait_for
from bench.progress import say
from bench.stage import Raw, encoded, pour, topics_with
from bench.workload import ACCOUNT, AUDIT_SECRET, BEGIN, PARTITIONS, POLICY, message
from engine.envelope import control_key, derive, digest, genesis, partition_of
from engine.interaction.commands import ActivateEmergency, PublishPolicy, ReceiveMessage
from engine.interaction.decider import InteractionDecider
from engine.policy.rules import encode
from rejoinder.cluster import Cluster, wall_clock
from rejoinder.instance import DataFolder
from rejoinder.settings import Settings, load
from schemas.codec import HEADER_BYTES
from topics import policies
from topics.catalogue import INTERACTION_COMMANDS, INTERACTION_CONTENT, INTERACTION_EVENTS, INTERACTION_SNAPSHOTS
from topics.deciding import Deciding, Input
from topics.shelves import MemoryShelf
from topics.snapshots import latest

PATIENCE: Final = 3_600.0
"""How long a worker may read the whole log, seconds."""
TEXT: Final = "@AcmeCare my internet is down since this morning, please look at the router"
FIRST: Final = 1_000
"""So many contacts are in all partitions."""
ELSEWHERE: Final = "bench.population"
"""The topic of the commands that the events name: the engine is to decide its own topic from the beginning."""


@dataclass(frozen=True)
class Pattern:
    """What one contact's messages led to: topic, key, value, and the digest of an event."""

    key: str
    platform_id: str
    records: list[tuple[str, str, bytes, bytes]]


@dataclass(frozen=True)
class Population:
    """A log of so many contacts, and a data folder in which a worker's state of them lies."""

    cluster: Cluster
    settings: Settings
    logs: Path
    contacts: int
    events: int
    read_in: float
    """Seconds in which a worker made its state from the log alone, its start included."""

    @classmethod
    def make(cls, bootstrap: str, folder: DataFolder, contacts: int, length: int) -> "Population":
        """Writes the log and has a worker read it, and write the whole of its first snapshot.

        As long as that is under way each turn of a worker adds to it, and a new machine has to read the log: which is
        how it is once, after an upgrade, and not what is measured here. An emergency holds all back, so that no line
        of those who wait grows with what is asked: a line is measured by itself (bench.routing).

        Args:
            length: how many times as many events as one message leads to.

        Raises:
            BenchFailed: the worker ended, or took an hour.
        """
        prefix = f"p{contacts}x{length}."
        say(f"writing a log of {contacts} contacts, {length} times as long as one message each makes it")
        cluster = topics_with(bootstrap, prefix, [])
        events = _write_log(cluster, contacts, length)
        data = Path(tempfile.mkdtemp(prefix=prefix, dir=folder.root))
        settings = load(
            {
                "kafka.bootstrap": bootstrap,
                "topics.prefix": prefix,
                "topics.partitions": PARTITIONS,
                "data": data,
                "audit.secret": AUDIT_SECRET,
            }
        )
        began = time.monotonic()
        with program("engine", settings, data, PATIENCE) as child:
            made = cls(cluster, settings, data, contacts, events, time.monotonic() - began)
            made.ask(_emergency(cluster))
            wait_for("the policy is in force", made.group().is_at_end, PATIENCE, child, every=0.1)
            wait_for("the snapshot is whole", made.is_whole, PATIENCE, child, every=2.0)
        return made

    def messages(self, count: int, seed: int) -> list[Raw]:
        """New messages of so many contacts, drawn at random."""
        chance, now = random.Random(f"{seed} {self.contacts}"), wall_clock()
        made = []
        for number in range(count):
            author = chance.randrange(self.contacts)
            made.append(_message(author, f"{seed:04d}{number:015d}", now, None))
        return encoded(self.cluster, made)

    def group(self) -> Group:
        """How far a worker is with what was asked."""
        topic = self.cluster.catalogue.topic(INTERACTION_COMMANDS)
        group = self.cluster.catalogue.name("interaction.processor")
        return Group(self.cluster.broker, group, topic.name, topic.partitions)

    def is_whole(self) -> bool:
        """Whether the snapshot of every partition that has contacts has every row."""
        topic = self.cluster.catalogue.topic(INTERACTION_SNAPSHOTS)
        markers = latest(self.cluster.broker, topic.name, dict.fromkeys(range(topic.partitions), MemoryShelf()))
        authors = range(min(self.contacts, FIRST))
        wanted = {partition_of(_message(author, "", 0, None).handle_id, PARTITIONS) for author in authors}
        return all(partition in markers and markers[partition].whole for partition in wanted)

    def ask(self, messages: list[Raw]) -> None:
        """Puts messages on the topic of commands."""
        pour(self.cluster.bootstrap, self.cluster.catalogue.name(INTERACTION_COMMANDS), messages)


def _emergency(cluster: Cluster) -> list[Raw]:
    """The commands by which an emergency begins, one for each partition."""
    partitions = cluster.catalogue.topic(INTERACTION_COMMANDS).partitions
    return [
        (
            partition,
            control_key(partition),
            cluster.codec.encode(
                ActivateEmergency(
                    command_id=derive("bench emergency", partition), at=wall_clock(), account=f"x:{ACCOUNT}"
                )
            ),
        )
        for partition in range(partitions)
    ]


def _message(author: int, item_id: str, at: int, answered: str | None) -> ReceiveMessage:
    return message(author, item_id, at, TEXT, answered, b"0123456789abcdef")


def _write_log(cluster: Cluster, contacts: int, length: int) -> int:
    """Writes events and words of all contacts; gives how many events."""
    pattern = _pattern(cluster, length)
    for topic in (INTERACTION_EVENTS, INTERACTION_CONTENT):
        pour(cluster.bootstrap, cluster.catalogue.name(topic), _repeated(cluster, pattern, topic, contacts))
    return contacts * sum(1 for topic, *_ in pattern.records if topic == INTERACTION_EVENTS)


def _pattern(cluster: Cluster, length: int) -> Pattern:
    """Decides one contact's messages, until there are `length` times as many events as after the first."""
    known = policies.rules(cluster.broker, cluster.catalogue, cluster.codec)
    first = _message(0, "0" * 19, wall_clock(), None)
    deciding = Deciding(InteractionDecider(), cluster.codec, 0, known, wall_clock)
    _put_in_force(deciding)
    records: list[tuple[str, str, bytes, bytes]] = []
    asked, number = first, 0
    wanted = 0
    while True:
        for output in deciding.command(first.handle_id, asked, Input(ELSEWHERE, 0, number)):
            if output.topic in (INTERACTION_EVENTS, INTERACTION_CONTENT) and output.value is not None:
                here = digest(*cluster.codec.split(output.value))
                records.append((output.topic, output.key, output.value, here))
        deciding.state.commit()
        events = sum(1 for topic, *_ in records if topic == INTERACTION_EVENTS)
        wanted = wanted or events * length
        if events >= wanted:
            return Pattern(first.handle_id, first.platform_id, records)
        number += 1
        asked = _message(0, f"{number:019d}", wall_clock(), first.item_id)


def _put_in_force(deciding: Deciding) -> None:
    publish = PublishPolicy(command_id=derive("bench", 0), at=BEGIN, version=1, document=encode(POLICY))
    deciding.command(control_key(0), publish, Input(ELSEWHERE, 0, 0))
    deciding.state.commit()


def _repeated(cluster: Cluster, pattern: Pattern, topic: str, contacts: int) -> Iterator[Raw]:
    """The records of one topic for all contacts."""
    own = [each for each in pattern.records if each[0] == topic]
    fingerprints = [cluster.codec.split(value)[0] for _, _, value, _ in own]
    key_before, platform_before = pattern.key.encode(), pattern.platform_id.encode()
    for author in range(contacts):
        who = _message(author, "", 0, None)
        key_now, platform_now = who.handle_id.encode(), who.platform_id.encode()
        partition = partition_of(who.handle_id, PARTITIONS)
        link_before, link_now = genesis(pattern.key), genesis(who.handle_id)
        for (_, record_key, value, here), fingerprint in zip(own, fingerprints, strict=True):
            changed = value.replace(key_before, key_now).replace(platform_before, platform_now)
            if topic == INTERACTION_EVENTS:
                changed = changed.replace(link_before, link_now)
                link_before, link_now = here, digest(fingerprint, changed[HEADER_BYTES:])
            yield partition, record_key.replace(pattern.key, who.handle_id), changed
