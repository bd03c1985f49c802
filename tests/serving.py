"""The HTTP API as it runs: on a real Kafka and PostgreSQL, with the deciders and the projector at work."""

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import psycopg
import uvicorn
from psycopg import sql
from psycopg.conninfo import make_conninfo
from starlette.applications import Starlette

from console import tokens
from console.access import ROLES
from console.app import MOUNTED, application
from engine.delivery import AccessToken
from engine.envelope import home
from engine.policy.document import Policy
from projections.catalogue import PROJECTIONS
from projections.projector import Projector
from projections.projector import Settings as ProjectorSettings
from rejoinder.api import ports
from rejoinder.cluster import Cluster, wall_clock
from rejoinder.heads import BoundedHeads
from rejoinder.settings import Settings, load
from tests.processing import deployed, eventually, working
from tests.threads import in_threads
from topics import tokens as log
from topics.policies import Follower

SECRET = "the home secret of a test, which is long enough"
PARTITIONS = 2


@dataclass
class Served:
    """A running API, and what tests need beside it."""

    url: str
    cluster: Cluster
    dsn: str
    texts: dict[str, str] = field(default_factory=dict)
    records: dict[str, AccessToken] = field(default_factory=dict)

    def token(self, role: str, subject: str, expires_at: int | None = None) -> str:
        """A new token's text, once the running process knows it."""
        record, text = tokens.make(role, subject, wall_clock(), "a test", expires_at)
        self.write(record)
        self.records[text] = record
        eventually("the token is known", lambda: self.get("/me", text).status_code == 200)
        return text

    def write(self, record: AccessToken) -> None:
        """Writes a token's record, as the command line does."""
        with self.cluster.publisher("test") as publisher:
            log.write(publisher, self.cluster.catalogue, record)

    def call(
        self, method: str, path: str, token: str | None, headers: Mapping[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        """One request."""
        given = dict(headers or {}) | ({} if token is None else {"Authorization": f"Bearer {token}"})
        return httpx.request(method, f"{self.url}{path}", headers=given, timeout=30, trust_env=False, **more)

    def get(self, path: str, token: str | None, **more: Any) -> httpx.Response:
        """A GET."""
        return self.call("GET", path, token, **more)

    def until(self, path: str, token: str, holds: Any) -> Any:
        """Asks until the answer is as wanted; gives it."""
        deadline = time.monotonic() + 60
        while True:
            answer = self.get(path, token)
            if answer.status_code == 200 and holds(answer.json()):
                return answer.json()
            assert time.monotonic() < deadline, answer.text
            threading.Event().wait(0.1)


def person(number: int) -> str:
    """The home of tests.processing's person of this number, by the API's secret."""
    return home(SECRET.encode(), "x", str(number))


@contextmanager
def serving(kafka: str, postgres: str, name: str, policy: Policy) -> Iterator[Served]:
    """The API with all that it needs, under a name of the test's own."""
    cluster = deployed(kafka, f"{name}.", PARTITIONS, policy)
    with ExitStack() as stack:
        dsn = stack.enter_context(_database(postgres, name))
        stack.enter_context(working(cluster, routing=True))
        stack.enter_context(_projecting(cluster, dsn))
        settings = load({"kafka.bootstrap": kafka, "postgres.dsn": dsn, "home.secret": SECRET})
        served = Served(stack.enter_context(_listening(settings, cluster)), cluster, dsn)
        served.texts.update({role: served.token(role, f"the-{role}") for role in ROLES})
        yield served


@contextmanager
def _database(postgres: str, name: str) -> Iterator[str]:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield make_conninfo(postgres, dbname=name)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def _projecting(cluster: Cluster, dsn: str) -> Iterator[None]:
    places = ProjectorSettings(cluster.bootstrap, dsn, prefix=cluster.catalogue.prefix, instance="test")
    with in_threads(Projector(PROJECTIONS, cluster.codec, places).run):
        yield


@contextmanager
def _listening(settings: Settings, cluster: Cluster) -> Iterator[str]:
    follower = Follower(cluster.broker, cluster.catalogue, cluster.codec, print)
    listening = socket.create_server(("127.0.0.1", 0))
    with cluster.publisher("test") as publisher, ports(settings, cluster, publisher, follower) as api:
        app = Starlette()
        app.mount(MOUNTED, application(api))
        config = uvicorn.Config(app, http=BoundedHeads, log_level="warning", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            eventually("the API listens", lambda: server.started)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}{MOUNTED}"
        finally:
            server.should_exit = True
            thread.join(30)
    follower.close()
