"""Brings a cluster's topics to what the catalogue says: creates, shows differences, never deletes or grows one."""

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ClusterMetadata,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewTopic,
    ResourceType,
    TopicMetadata,
)

from topics import clients
from topics.catalogue import Catalogue, Topic
from topics.errors import KafkaRefused, KafkaUnreachable

INSYNC: Final = "min.insync.replicas"
_FENCED: Final = "All brokers are currently fenced"
"""What a controller says whose brokers have just started, or were silent for a moment."""
_PAUSE: Final = 0.05
"""Between two looks at the cluster, seconds."""


class Kind(StrEnum):
    """In what a topic differs from the catalogue."""

    MISSING = "missing"
    PARTITIONS = "partitions"
    FAMILY = "family"
    REPLICATION = "replication"
    CONFIG = "config"
    EXTRA_CONFIG = "extra_config"


_MEND: Final = {
    Kind.MISSING: "run `rejoinder topics apply`",
    Kind.PARTITIONS: "it is never changed, since keys would move: set topics.partitions to what is there, or start a "
    "new generation of topics under another prefix (docs/scale.md)",
    Kind.FAMILY: "nothing may be written to them any more: a key is on different partitions in topics that belong "
    "together, and partitions can't be taken away; start a new generation of topics (docs/scale.md)",
    Kind.REPLICATION: "change it with kafka-reassign-partitions.sh",
    Kind.CONFIG: "run `rejoinder topics apply --configs`",
    Kind.EXTRA_CONFIG: "somebody set it by hand; it is left alone",
}


@dataclass(frozen=True)
class Difference:
    """One thing in which a topic is not as the catalogue says."""

    topic: str
    kind: Kind
    setting: str = ""
    wanted: str = ""
    found: str = ""

    @property
    def mend(self) -> str:
        """How to mend it."""
        return _MEND[self.kind]

    def __str__(self) -> str:
        match self.kind:
            case Kind.MISSING:
                return f"{self.topic} is missing: {self.mend}"
            case Kind.EXTRA_CONFIG:
                return f"{self.topic} has {self.setting}={self.found}, of which the catalogue says nothing: {self.mend}"
            case Kind.FAMILY:
                return f"{self.topic} has {self.found} partitions, and {self.wanted}: {self.mend}"
        return f"{self.topic} has {self.setting} {self.found}, wanted is {self.wanted}: {self.mend}"


@dataclass(frozen=True)
class Listed:
    """A topic of the catalogue and what the cluster says of it; None where it is missing."""

    topic: Topic
    partitions: int | None
    replication: int | None


class Topics:
    """The topics of one cluster, held against the catalogue. Each call asks anew; all raise KafkaUnreachable."""

    def __init__(self, bootstrap: str, catalogue: Catalogue) -> None:
        self._bootstrap = bootstrap
        self._catalogue = catalogue
        self._wanted = catalogue.topics
        self._admin = AdminClient(clients.admin(bootstrap))

    def listing(self) -> list[Listed]:
        """Every topic of the catalogue."""
        found = self._found()
        return [Listed(topic, *_shape(found.get(name))) for name, topic in self._wanted.items()]

    def plan(self) -> list[Difference]:
        """In what the cluster differs from the catalogue; nothing: it is as it should be."""
        kafkas = {topic.name: topic for topic in _kafkas_own(self._catalogue)}
        shown = self._found()
        configs = self._configs(name for name in (*self._wanted, *kafkas) if name in shown)
        # Brokers hear of a new topic one after the other. What one shows and another doesn't know is not there yet.
        found = {name: shown[name] for name in configs}
        differences: list[Difference] = []
        for name, topic in self._wanted.items():
            if name not in found:
                differences.append(Difference(name, Kind.MISSING))
            else:
                differences += [*_shape_differences(topic, found[name]), *_config_differences(topic, configs[name])]
        differences += _family_differences(self._catalogue, found)
        for name, topic in kafkas.items():
            if name in found:
                differences += _less_safe(topic, found[name], configs[name])
        return differences

    def apply(self, configs: bool = False) -> list[Difference]:
        """Creates what is missing and, with `configs`, sets what is configured otherwise; gives what still differs."""
        kinds = {Kind.MISSING, Kind.CONFIG} if configs else {Kind.MISSING}
        mended = {each for each in self.plan() if each.kind in kinds}
        self._create([self._wanted[each.topic] for each in mended if each.kind is Kind.MISSING])
        self._configure([each for each in mended if each.kind is Kind.CONFIG])
        return self._settled(mended)

    def _found(self) -> dict[str, TopicMetadata]:
        return dict(self._metadata().topics)

    def _metadata(self) -> ClusterMetadata:
        try:
            return self._admin.list_topics(timeout=clients.ASK_TIMEOUT)
        except KafkaException as error:
            raise KafkaUnreachable(self._bootstrap, error.args[0].str()) from error

    def _configs(self, names: Iterable[str]) -> dict[str, dict[str, ConfigEntry]]:
        """The settings of topics; without those that the broker that is asked does not know."""
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        if not resources:
            return {}
        answers = self._admin.describe_configs(resources, request_timeout=clients.ASK_TIMEOUT)
        told = {
            resource.name: self._result(answer, KafkaError.UNKNOWN_TOPIC_OR_PART)
            for resource, answer in answers.items()
        }
        return {name: config for name, config in told.items() if config is not None}

    def _create(self, topics: Iterable[Topic]) -> None:
        left = {
            each.name: NewTopic(each.name, each.partitions, each.replication, config=each.config) for each in topics
        }
        patience = clients.MAKE_TIMEOUT
        patient = AdminClient(clients.admin(self._bootstrap, patience=patience))
        deadline = time.monotonic() + patience
        while left:
            for name, answer in patient.create_topics(list(left.values()), request_timeout=patience).items():
                try:
                    # Somebody else may create the same one at this moment.
                    self._result(answer, besides=KafkaError.TOPIC_ALREADY_EXISTS, patience=patience)
                except KafkaRefused as refused:
                    if _FENCED not in str(refused) or time.monotonic() > deadline:
                        raise
                else:
                    del left[name]
            if left:
                time.sleep(_PAUSE)

    def _configure(self, differences: Iterable[Difference]) -> None:
        resources = [
            ConfigResource(
                ResourceType.TOPIC,
                each.topic,
                incremental_configs=[
                    ConfigEntry(each.setting, each.wanted, incremental_operation=AlterConfigOpType.SET)
                ],
            )
            for each in differences
        ]
        for resource in resources:  # one at a time: a topic may stand in a request only once
            [answer] = self._admin.incremental_alter_configs([resource], request_timeout=clients.ASK_TIMEOUT).values()
            self._result(answer)

    def _settled(self, mended: set[Difference]) -> list[Difference]:
        """What still differs, once the broker shows what its controller took: it does so a moment later."""
        deadline = time.monotonic() + clients.MAKE_TIMEOUT
        while mended.intersection(left := self.plan()) and time.monotonic() < deadline:
            time.sleep(_PAUSE)
        made = {each.topic for each in mended if each.kind is Kind.MISSING}
        if made:
            self._wait_until_all_show(made, deadline)
        return left

    def _wait_until_all_show(self, topics: set[str], deadline: float) -> None:
        """Brokers hear of a new topic one after the other: to whoever asked a late one next, it would be missing."""
        for broker in self._metadata().brokers.values():
            # A new client asks the broker that it was given: it has no connection to the others yet.
            asked = AdminClient(clients.admin(f"{broker.host}:{broker.port}"))
            try:
                while not topics <= asked.list_topics(timeout=clients.ASK_TIMEOUT).topics.keys():
                    if time.monotonic() > deadline:
                        return
                    time.sleep(_PAUSE)
            except KafkaException:
                continue  # it went away; it learns of all topics before it serves again

    def _result(self, answer: "Future[Any]", besides: int | None = None, patience: float = clients.ASK_TIMEOUT) -> Any:
        try:
            return answer.result(timeout=patience)
        except KafkaException as error:
            if error.args[0].code() == besides:
                return None
            raise KafkaRefused(self._bootstrap, error.args[0].str()) from error
        except TimeoutError as error:
            raise KafkaUnreachable(self._bootstrap, "it did not answer in time") from error


def _shape(found: TopicMetadata | None) -> tuple[int | None, int | None]:
    if found is None:
        return None, None
    return len(found.partitions), min(len(partition.replicas) for partition in found.partitions.values())


def _kafkas_own(catalogue: Catalogue) -> list[Topic]:
    """What Kafka keeps for itself, how far groups have read and which transactions stand: as safe as our topics.

    A group's offset that is lost with a broker is a command that is decided twice. The brokers' settings make these
    topics, so that only their safety is looked at.
    """
    ours = next(iter(catalogue.topics.values()))  # all of them are equally safe
    safety = {INSYNC: ours.config[INSYNC]}
    return [Topic(name, "", "", 0, ours.replication, safety) for name in ("__consumer_offsets", "__transaction_state")]


def _less_safe(topic: Topic, found: TopicMetadata, config: dict[str, ConfigEntry]) -> Iterator[Difference]:
    _, replication = _shape(found)
    if replication is not None and replication < topic.replication:
        yield Difference(topic.name, Kind.REPLICATION, "replication", str(topic.replication), str(replication))
    elif int(str(config[INSYNC].value)) < int(topic.config[INSYNC]):
        yield Difference(topic.name, Kind.CONFIG, INSYNC, topic.config[INSYNC], str(config[INSYNC].value))


def _family_differences(catalogue: Catalogue, found: dict[str, TopicMetadata]) -> Iterator[Difference]:
    """Topics that have other numbers of partitions than those that they belong together with."""
    first: dict[str, tuple[str, int]] = {}
    for name in catalogue.topics:
        partitions, _ = _shape(found.get(name))
        if partitions is None:
            continue
        sibling, wanted = first.setdefault(catalogue.family(name), (name, partitions))
        if partitions != wanted:
            yield Difference(name, Kind.FAMILY, "partitions", f"{sibling} {wanted}", str(partitions))


def _shape_differences(topic: Topic, found: TopicMetadata) -> Iterator[Difference]:
    partitions, replication = _shape(found)
    if partitions != topic.partitions:
        yield Difference(topic.name, Kind.PARTITIONS, "partitions", str(topic.partitions), str(partitions))
    if replication != topic.replication:
        yield Difference(topic.name, Kind.REPLICATION, "replication", str(topic.replication), str(replication))


def _config_differences(topic: Topic, found: dict[str, ConfigEntry]) -> Iterator[Difference]:
    for setting, wanted in sorted(topic.config.items()):
        value = str(found[setting].value) if setting in found else "not set"
        if value != wanted:
            yield Difference(topic.name, Kind.CONFIG, setting, wanted, value)
    for setting, entry in sorted(found.items()):
        by_hand = ConfigSource(entry.source) is ConfigSource.DYNAMIC_TOPIC_CONFIG  # an int, whatever its type says
        if by_hand and setting not in topic.config:
            yield Difference(topic.name, Kind.EXTRA_CONFIG, setting, "", str(entry.value))
