"""What every process of an instance shares: the topics' names, the codec, the wall clock."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import RejoinderError
from rejoinder.schema_files import record_types
from rejoinder.settings import Settings
from schemas import files
from schemas.codec import Codec
from topics.broker import Broker, Kafka
from topics.catalogue import SCHEMAS, Catalogue, catalogue
from topics.publisher import Publisher
from topics.registry import Registry, by_id
from topics.schema_log import SchemaLog


class NotDeployed(RejoinderError):
    """The cluster does not hold what this version needs: run `rejoinder topics apply`."""


@dataclass(frozen=True)
class Cluster:
    """A Kafka with our topics and schemas on it."""

    broker: Broker
    catalogue: Catalogue
    codec: Codec

    @property
    def bootstrap(self) -> str:
        """Its address."""
        return self.broker.bootstrap

    def publisher(self, source: str, trace: Callable[[], bytes | None] | None = None) -> Publisher:
        """A producer of single records; `source` says who writes. `trace`: as topics.publisher says."""
        return Publisher(self.bootstrap, self.codec, f"/rejoinder/{source}", f"rejoinder-{source}", trace)


def wall_clock() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def catalogue_of(settings: Settings) -> Catalogue:
    """The topics as the settings want them."""
    given = settings.topics
    return catalogue(given.partitions, given.replication, given.prefix, given.min_insync)


def registry_of(settings: Settings, bootstrap: str) -> Registry:
    """Where schema ids come from: a registry, or the topic _schemas."""
    if settings.registry.url is not None:
        from topics.schema_server import SchemaServer  # noqa: PLC0415  # few have one, and its client loads slowly

        return SchemaServer(settings.registry.url)
    return SchemaLog(bootstrap, catalogue_of(settings).name(SCHEMAS))


def connect(settings: Settings, bootstrap: str) -> Cluster:
    """Loads what was deployed.

    Raises:
        NotDeployed: a schema of this version is not registered.
        KafkaUnreachable, TopicMissing: as they say.
    """
    registered = registry_of(settings, bootstrap).load()
    codec = Codec(record_types(), files.current(), by_id(registered))
    missing = codec.unregistered()
    if missing:
        raise NotDeployed(
            f"{len(missing)} schemas of this version are not registered, {missing[0]} among them: "
            "run `rejoinder topics apply`"
        )
    return Cluster(Kafka(bootstrap), catalogue_of(settings), codec)
