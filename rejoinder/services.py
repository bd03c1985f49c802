"""Kafka and PostgreSQL for an instance: the embedded ones, or the outside ones that the settings name."""

from dataclasses import dataclass

from rejoinder.children import Child, Registry, stop_all
from rejoinder.embedded.jars import ensure_jars
from rejoinder.embedded.java import find_java
from rejoinder.embedded.kafka import EmbeddedKafka
from rejoinder.embedded.postgres import EmbeddedPostgres
from rejoinder.embedded.service import Service
from rejoinder.instance import DataFolder
from rejoinder.outside import check_kafka, check_postgres
from rejoinder.progress import step
from rejoinder.settings import Settings

TITLES = {"kafka": "Kafka", "postgres": "PostgreSQL"}


@dataclass(frozen=True)
class Services:
    """Where the two are, once they serve."""

    bootstrap: str
    dsn: str
    reader_dsn: str | None
    embedded: tuple[str, ...]


class RunningServices:
    """Starts and stops what is embedded. The caller owns the data folder's lock."""

    def __init__(self, settings: Settings, folder: DataFolder, registry: Registry) -> None:
        self._settings = settings
        self._folder = folder
        self._registry = registry
        self._services: list[Service] = []
        self.children: dict[str, Child] = {}

    def start(self) -> Services:
        """Returns when both serve. Raises Unreachable for an outside one, ServiceError for an embedded one."""
        outside_kafka, outside_postgres = self._check_outside()
        kafka = None if outside_kafka else self._kafka()
        postgres = None if outside_postgres else self._postgres()
        self._services = [service for service in (postgres, kafka) if service is not None]
        if self._services:
            self._start_embedded()
        return Services(
            bootstrap=outside_kafka or (kafka.bootstrap if kafka else ""),
            dsn=outside_postgres or (postgres.dsn if postgres else ""),
            reader_dsn=postgres.reader_dsn if postgres else self._outside_reader(),
            embedded=tuple(service.name for service in self._services),
        )

    def restart(self, name: str) -> Child:
        """Starts the process of an embedded service again, after it died."""
        service = next(service for service in self._services if service.name == name)
        return self._spawn(service)

    def stop(self) -> None:
        """Stops PostgreSQL, then Kafka, which everything else depends on."""
        for service in self._services:
            child = self.children.pop(service.name, None)
            if child is not None:
                stop_all([child], service.stop_grace_seconds)
                self._registry.remove(child)

    def _check_outside(self) -> tuple[str | None, str | None]:
        bootstrap = self._settings.kafka.bootstrap
        dsn = self._settings.postgres.dsn
        if bootstrap is not None:
            check_kafka(bootstrap, self._settings)
        if dsn is not None:
            check_postgres(dsn.get_secret_value(), self._settings)
        return bootstrap, dsn.get_secret_value() if dsn else None

    def _outside_reader(self) -> str | None:
        reader = self._settings.postgres.reader_dsn
        return reader.get_secret_value() if reader else None

    def _kafka(self) -> EmbeddedKafka:
        return EmbeddedKafka(
            self._folder.kafka,
            self._folder.logs,
            java=find_java(),
            jars=ensure_jars(self._settings.cache, self._settings.maven.repository),
            heap_megabytes=self._settings.kafka.heap,
        )

    def _postgres(self) -> EmbeddedPostgres:
        return EmbeddedPostgres(self._folder.postgres, self._folder.logs, self._folder.secrets)

    def _start_embedded(self) -> None:
        names = " and ".join(TITLES[service.name] for service in self._services)
        with step(f"Starting {names}"):
            for service in self._services:
                service.prepare()
                self._spawn(service)
            for service in self._services:
                service.wait_ready(self.children[service.name])

    def _spawn(self, service: Service) -> Child:
        child = service.spawn()
        self.children[service.name] = child
        self._registry.add(child)
        return child
