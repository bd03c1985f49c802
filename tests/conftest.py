"""Fixtures for all tests: one embedded Kafka and one embedded PostgreSQL for the whole session."""

import contextlib
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import hypothesis
import psycopg
import pytest
import structlog
from psycopg import sql
from psycopg.conninfo import make_conninfo

from rejoinder.children import Child
from rejoinder.embedded.jars import ensure_jars
from rejoinder.embedded.java import find_java
from rejoinder.embedded.kafka import EmbeddedKafka
from rejoinder.embedded.postgres import EmbeddedPostgres
from rejoinder.embedded.service import Service
from rejoinder.settings import PREFIX, Settings, load

# A new clone makes Hypothesis's character tables on the first use of text, which takes seconds; and a busy machine is
# no failure.
hypothesis.settings.register_profile(
    "rejoinder", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("rejoinder")

SHARED = Path(__file__).parent.parent.parent / "shared"
"""Recorded data beside the repository; tests that need it are skipped where it is missing."""

LONGEST: Final = (
    "acceptance/test_real_conversations.py",
    "integration/test_delivering.py",
    "simulation/test_seeds.py",
    "integration/test_demo.py",
    "acceptance/test_platform_faults.py",
    "integration/test_snapshots.py",
    "integration/test_workers.py",
    "integration/test_cli.py",
    "integration/test_embedded.py",
    "integration/test_projections_rebuild_stopped.py",
    "integration/test_projections_rebuild.py",
    "integration/test_processor.py",
    "integration/test_audit.py",
    "integration/test_again.py",
    "integration/test_broker_restarts.py",
    "integration/test_observing.py",
    "integration/test_live.py",
    "integration/test_rebalancing.py",
    "integration/test_up_simulated.py",
)
"""Files that take more than half a minute, about in this order."""

_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files are begun first, so that at the end no process is alone with one of them."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get("/".join(item.path.parts[-2:]), len(places)))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with recorded data."""
    if not SHARED.is_dir():
        pytest.skip("the folder with recorded data is not beside the repository")
    return SHARED


@pytest.fixture(autouse=True, scope="session")
def _no_settings_of_the_users() -> Iterator[None]:
    """The user's own settings must not change what tests do; where downloads lie may."""
    kept = {"REJOINDER_CACHE", "REJOINDER_MAVEN_REPOSITORY"}
    with pytest.MonkeyPatch.context() as patch:
        for variable in list(os.environ):
            if variable.startswith(PREFIX) and variable not in kept:
                patch.delenv(variable)
        patch.setenv("XDG_CONFIG_HOME", "/nonexistent")
        # Brokers that live for some seconds: to compile their code twice, the second time well, took half of their
        # processor time.
        patch.setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")
        yield


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """A program that a test runs sets up the log, on a stream that is closed with the test."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings with a data folder of the session's own."""
    return load({"data": tmp_path_factory.mktemp("data")})


@pytest.fixture(scope="session")
def kafka_process(settings: Settings) -> Iterator[tuple[str, Child]]:
    """A real Kafka, started once a session: its bootstrap address, and its process."""
    service = EmbeddedKafka(
        settings.data / "kafka",
        settings.data / "logs",
        java=find_java(),
        jars=ensure_jars(settings.cache, settings.maven.repository),
        heap_megabytes=512,
    )
    with _running(service) as child:
        yield service.bootstrap, child
        child.process.kill()  # with the topics of a whole session its stop takes long, and nobody needs them any more


@pytest.fixture(scope="session")
def kafka(kafka_process: tuple[str, Child]) -> str:
    """The bootstrap address of a real Kafka, started once a session. Use `topic_prefix` to be alone on it."""
    return kafka_process[0]


@pytest.fixture(scope="session")
def postgres(settings: Settings) -> Iterator[str]:
    """The DSN of a real PostgreSQL's owner, started once a session. Use `database` to be alone on it."""
    secrets = settings.data / "secrets"
    secrets.mkdir(exist_ok=True)
    service = EmbeddedPostgres(settings.data / "postgres", settings.data / "logs", secrets)
    with _running(service):
        yield service.dsn


@pytest.fixture
def database(postgres: str) -> Iterator[str]:
    """The DSN of an empty database of the test's own."""
    with _empty_database(postgres) as dsn:
        yield dsn


@pytest.fixture(scope="module")
def module_database(postgres: str) -> Iterator[str]:
    """The DSN of an empty database that the tests of a file share."""
    with _empty_database(postgres) as dsn:
        yield dsn


@pytest.fixture
def topic_prefix() -> str:
    """A prefix for topics and groups that no other test has: `t12.`"""
    return f"t{next(_numbers)}."


@contextlib.contextmanager
def _empty_database(postgres: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield make_conninfo(postgres, dbname=name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextlib.contextmanager
def _running(service: Service) -> Iterator[Child]:
    service.prepare()
    child = service.spawn()
    try:
        service.wait_ready(child)
        yield child
    finally:
        child.stop(service.stop_grace_seconds)
