"""`run web`: the HTTP endpoint for the platforms' webhooks."""

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
import uvicorn

from channels.x.webhook import Webhook
from engine.delivery import DeadLetter
from engine.envelope import home
from engine.policy.rules import load
from engine.record import Command
from rejoinder.cluster import Cluster, connect
from rejoinder.instance import report_ready
from rejoinder.programs import bootstrap_of
from rejoinder.secrets import home_secret
from rejoinder.settings import Settings, SettingsError
from topics.catalogue import DEAD_LETTERS, INTERACTION_COMMANDS
from topics.policies import Follower
from topics.publisher import Outgoing, Publisher

HOST = "127.0.0.1"


@dataclass(frozen=True)
class KafkaInbox:
    """Keeps what arrives in Kafka."""

    cluster: Cluster
    publisher: Publisher

    async def publish(self, commands: Sequence[tuple[str, Command]]) -> None:
        """Writes commands under their keys."""
        topic = self.cluster.catalogue.name(INTERACTION_COMMANDS)
        await self.publisher.publish_async([Outgoing(topic, key, command) for key, command in commands])

    async def keep(self, dead_letter: DeadLetter) -> None:
        """Writes a dead letter."""
        topic = self.cluster.catalogue.name(DEAD_LETTERS)
        await self.publisher.publish_async([Outgoing(topic, dead_letter.source_topic, dead_letter)])


class OwnAccounts:
    """The ids of the company's accounts on X, by the latest policy."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._version = 0
        self._ids: frozenset[str] = frozenset()

    def __call__(self) -> frozenset[str]:
        latest = self._follower.latest
        if latest is not None and latest.version != self._version:
            policy = load(latest.version, latest.document).policy
            self._ids = frozenset(account.id for account in policy.accounts if account.channel == "x")
            self._version = latest.version
        return self._ids


def run(settings: Settings) -> None:
    """Serves until told to stop."""
    if settings.x.consumer_secret is None:
        raise SettingsError("the webhook endpoint needs x.consumer_secret, with which X signs")
    cluster = connect(settings, bootstrap_of(settings))
    secret = home_secret(settings)
    follower = Follower(cluster.bootstrap, cluster.catalogue, cluster.codec, on_failure=_warn)
    with cluster.publisher("web") as publisher:
        webhook = Webhook(
            consumer_secret=settings.x.consumer_secret.get_secret_value(),
            own_accounts=OwnAccounts(follower),
            home=lambda platform_id: home(secret, "x", platform_id),
            inbox=KafkaInbox(cluster, publisher),
            recorded_time=settings.time.mode == "recorded",
        )
        asyncio.run(serve(webhook.app(), settings.web.port))
    follower.close()


async def serve(app: object, port: int) -> None:
    """Serves an ASGI application on this machine, and tells its port once it listens."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as error:
        raise SettingsError(f"{HOST}:{port} can't be listened on ({error.strerror}); name another port") from error
    server = _Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=5))  # type: ignore[arg-type]
    server.port = listening.getsockname()[1]
    await server.serve(sockets=[listening])


class _Server(uvicorn.Server):
    port = 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            report_ready({"port": self.port})


def _warn(what: str) -> None:
    structlog.get_logger().warning(what)
