"""A Kafka and a PostgreSQL for a bench alone, in a folder that is gone afterwards."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from rejoinder.children import Child
from rejoinder.embedded.jars import ensure_jars
from rejoinder.embedded.java import find_java
from rejoinder.embedded.kafka import EmbeddedKafka
from rejoinder.embedded.postgres import EmbeddedPostgres
from rejoinder.embedded.service import Service
from rejoinder.instance import DataFolder
from rejoinder.settings import load


class Services:
    """A context; each service is started when it is first asked for, and stopped with the context."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._folder: DataFolder | None = None
        self._kafka: EmbeddedKafka | None = None
        self._kafka_child: Child | None = None
        self._postgres: EmbeddedPostgres | None = None

    def __enter__(self) -> "Services":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def bootstrap(self) -> str:
        """The address of Kafka."""
        if self._kafka is None:
            settings, folder = load(), self.folder
            self._kafka = EmbeddedKafka(
                folder.kafka,
                folder.logs,
                java=find_java(),
                jars=ensure_jars(settings.cache, settings.maven.repository),
                heap_megabytes=settings.kafka.heap,
            )
            self._kafka_child = self._stack.enter_context(_running(self._kafka))
        return self._kafka.bootstrap

    @property
    def kafka_pid(self) -> int:
        """The broker's process."""
        assert self.bootstrap
        assert self._kafka_child is not None
        return self._kafka_child.pid

    @property
    def dsn(self) -> str:
        """How PostgreSQL's owner connects."""
        if self._postgres is None:
            self._postgres = EmbeddedPostgres(self.folder.postgres, self.folder.logs, self.folder.secrets)
            self._stack.enter_context(_running(self._postgres))
        return self._postgres.dsn

    def database(self, name: str) -> str:
        """How the owner connects to an empty database of this name."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return make_conninfo(self.dsn, dbname=name)

    @property
    def folder(self) -> DataFolder:
        """Where everything is kept meanwhile."""
        if self._folder is None:
            root = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="rejoinder-bench-")))
            root.chmod(0o711)  # as root, PostgreSQL runs as another user, who must be able to go through
            self._folder = DataFolder(root / "data")
            self._folder.create()
        return self._folder


@contextmanager
def _running(service: Service) -> Iterator[Child]:
    service.prepare()
    child = service.spawn()
    try:
        service.wait_ready(child)
        yield child
    finally:
        child.stop(service.stop_grace_seconds)
