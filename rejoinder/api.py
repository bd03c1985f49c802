"""The HTTP API's ports on Kafka and PostgreSQL."""

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import psycopg
import structlog
from confluent_kafka import KafkaException
from psycopg_pool import ConnectionPool, PoolTimeout

from console.ports import Api, Asked, BadPolicy, NotNoted, NotTaken, PolicyProblem, Undecided, Unreadable
from engine.delivery import CommandResult, PolicyVersion
from engine.envelope import home
from engine.errors import RejoinderError
from engine.policy.document import Account
from engine.policy.rules import load
from engine.reads import PersonalRead
from rejoinder import noting, policy_file
from rejoinder.cluster import Cluster, wall_clock
from rejoinder.policies import publish_policy
from rejoinder.secrets import home_secret
from rejoinder.sections import SettingsError
from rejoinder.settings import Settings
from topics import asking, policies
from topics.catalogue import INTERACTION_COMMANDS
from topics.publisher import Publisher
from topics.tokens import LiveTokens

PATIENCE: Final = 10.0
"""How long a result is awaited, seconds."""
CONNECTIONS: Final = 8
CONNECTION_WAIT: Final = 3.0
"""How long a request waits for a connection to PostgreSQL, seconds."""
STATEMENT_TIMEOUT: Final = 8_000
"""How long a query may take, milliseconds."""
FINGERPRINT: Final = 12
"""Hex digits: enough to tell two requests apart, and too few to tell what either said."""
_SESSION: Final = (
    f"-c TimeZone=UTC -c default_transaction_read_only=on -c statement_timeout={STATEMENT_TIMEOUT} "
    "-c application_name=rejoinder-api -c plan_cache_mode=force_custom_plan"
)
"""Connections are kept, and so would be the plans that were made while tables were empty: to read them whole."""

T = TypeVar("T")


@dataclass(frozen=True)
class KafkaEngine:
    """The deciders, by their topics."""

    cluster: Cluster
    asker: asking.Asker
    patience: float = PATIENCE

    @property
    def partitions(self) -> int:
        """How many partitions the commands have."""
        return self.cluster.catalogue.topic(INTERACTION_COMMANDS).partitions

    async def ask(self, asked: Sequence[Asked]) -> list[CommandResult]:
        """Sends commands and waits for what became of them."""
        try:
            return await self.asker.ask([(each.topic, each.key, each.command) for each in asked], self.patience)
        except asking.Undecided as error:
            raise Undecided() from error
        except RejoinderError as error:
            ids = [each.command.command_id for each in asked]
            structlog.get_logger().warning("command_not_taken", reason=str(error), command_ids=ids)
            raise NotTaken() from error


class PostgresReads:
    """The projections, by a few connections that only read, off the event loop."""

    def __init__(self, dsn: str) -> None:
        self._pool: ConnectionPool[psycopg.Connection[Any]] = ConnectionPool(
            dsn,
            min_size=0,
            max_size=CONNECTIONS,
            timeout=CONNECTION_WAIT,
            kwargs={"autocommit": True, "options": _SESSION, "connect_timeout": int(CONNECTION_WAIT)},
            check=ConnectionPool.check_connection,
            open=True,
        )
        self._threads = ThreadPoolExecutor(2 * CONNECTIONS, thread_name_prefix="reads")

    async def read(self, query: Callable[["psycopg.Connection[Any]"], T]) -> T:
        """Runs a query."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, query)

    def close(self) -> None:
        """Ends the connections."""
        self._threads.shutdown(cancel_futures=True)
        self._pool.close()

    def _read(self, query: Callable[["psycopg.Connection[Any]"], T]) -> T:
        try:
            with self._pool.connection() as connection:
                return query(connection)
        except (psycopg.OperationalError, psycopg.ProgrammingError, PoolTimeout) as error:
            # ProgrammingError: the views are not there yet, or are those of another version.
            structlog.get_logger().warning("projections_unreadable", error=type(error).__name__)
            raise Unreadable() from error


class KafkaPolicies:
    """The policies, by their topic."""

    def __init__(self, cluster: Cluster, follower: policies.Follower) -> None:
        self._cluster = cluster
        self._follower = follower
        self._known: tuple[int, tuple[Account, ...]] = (0, ())

    def accounts(self) -> tuple[Account, ...]:
        """The accounts of the latest version."""
        latest = self._follower.latest
        if latest is not None and latest.version != self._known[0]:
            self._known = (latest.version, load(latest.version, latest.document).policy.accounts)
        return self._known[1]

    def versions(self) -> list[PolicyVersion]:
        """Every version, the oldest first."""
        with _kafka():
            return policies.versions(self._cluster.broker, self._cluster.catalogue, self._cluster.codec)

    def problems(self, text: str) -> list[PolicyProblem]:
        """What is wrong with a policy."""
        try:
            policy_file.parse(text, "the policy")
        except policy_file.BadPolicy as error:
            return [PolicyProblem(each.line, each.column, each.field, each.message) for each in error.problems]
        return []

    def publish(self, text: str, by: str) -> tuple[PolicyVersion, bool]:
        """Puts a policy in force."""
        problems = self.problems(text)
        if problems:
            raise BadPolicy(problems)
        with _kafka():
            return publish_policy(self._cluster, policy_file.parse(text, "the policy"), by)


@dataclass(frozen=True)
class KafkaNotes:
    """Who is shown something of people, by their topic."""

    notes: noting.Notes

    async def note(self, read: PersonalRead) -> None:
        """Writes down that somebody is."""
        try:
            await self.notes.write_async(read)
        except noting.NotNoted as error:
            structlog.get_logger().warning("read_not_recorded", reason=str(error))
            raise NotNoted() from error


@contextmanager
def ports(settings: Settings, cluster: Cluster, publisher: Publisher, follower: policies.Follower) -> Iterator[Api]:
    """The API's ports, as long as the context lasts. Raises SettingsError."""
    dsn = settings.postgres.reader_dsn or settings.postgres.dsn
    if dsn is None:
        raise SettingsError("the API needs postgres.dsn; `rejoinder up` starts programs and tells them")
    secret = home_secret(settings)
    notes = noting.Notes(cluster, publisher, noting.key_of(settings))
    tokens = LiveTokens(cluster.broker, cluster.catalogue, cluster.codec, _warn)
    asker = asking.Asker(cluster.broker, cluster.catalogue, cluster.codec, publisher, _warn)
    reads = PostgresReads(dsn.get_secret_value())
    try:
        yield Api(
            engine=KafkaEngine(cluster, asker),
            reads=reads,
            policies=KafkaPolicies(cluster, follower),
            token=tokens.find,
            home=lambda channel, platform_id: home(secret, channel, platform_id),
            fingerprint=lambda said: fingerprint(secret, said),
            note=KafkaNotes(notes).note,
            clock=wall_clock,
        )
    finally:
        reads.close()
        asker.close()
        tokens.close()


def fingerprint(secret: bytes, said: bytes) -> str:
    """A short keyed digest of a request: without the secret nobody can check a guess at its words."""
    return hmac.new(secret, b"rejoinder request 1\x00" + said, hashlib.sha256).hexdigest()[:FINGERPRINT]


@contextmanager
def _kafka() -> Iterator[None]:
    """Whatever fails here, Kafka can't be asked now."""
    try:
        yield
    except (RejoinderError, KafkaException) as error:
        raise NotTaken() from error


def _warn(what: str) -> None:
    structlog.get_logger().warning(what)
