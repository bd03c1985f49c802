"""`run web`: the HTTP endpoint for the platforms' webhooks, and the API."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
import uvloop

from channels.meta.webhook import Webhook as MetaWebhook
from channels.webhook import application as webhooks_application
from channels.x.webhook import Webhook as XWebhook
from console.app import MOUNTED, application
from engine.delivery import DeadLetter
from engine.envelope import home
from engine.policy.rules import load
from engine.record import Command
from rejoinder.api import ports
from rejoinder.cluster import Cluster, connect
from rejoinder.instance import HEALTH_KEY
from rejoinder.observing.metrics import DEAD_LETTERS as DEAD_LETTERS_KEPT
from rejoinder.observing.program import Seen, observed
from rejoinder.observing.reaching import reaches
from rejoinder.observing.web import Observed, WebhookCounts
from rejoinder.programs import bootstrap_of
from rejoinder.programs.serving import serve
from rejoinder.secrets import home_secret
from rejoinder.settings import Settings
from rejoinder.webhooks import WEBHOOKS, platforms_of
from topics.catalogue import DEAD_LETTERS, INTERACTION_COMMANDS
from topics.policies import Follower
from topics.publisher import Outgoing, Publisher

Endpoints = dict[str, XWebhook | MetaWebhook]
"""By the path under which they are served."""


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
        DEAD_LETTERS_KEPT.labels("web", dead_letter.code).inc()


class OwnAccounts:
    """The ids of the company's accounts on some channels, by the latest policy."""

    def __init__(self, follower: Follower, *channels: str) -> None:
        self._follower = follower
        self._channels = channels
        self._version = 0
        self._ids: frozenset[str] = frozenset()

    def __call__(self) -> frozenset[str]:
        latest = self._follower.latest
        if latest is not None and latest.version != self._version:
            accounts = load(latest.version, latest.document).policy.accounts
            self._ids = frozenset(account.id for account in accounts if account.channel in self._channels)
            self._version = latest.version
        return self._ids


def run(settings: Settings, worker: str = "1") -> None:
    """Serves until told to stop."""
    platforms = platforms_of(settings)  # before anything is connected to
    with observed(settings, "web", worker) as seen:
        _serve(settings, platforms, seen)


def _serve(settings: Settings, platforms: list[str], seen: Seen) -> None:
    cluster = connect(settings, bootstrap_of(settings))
    follower = Follower(cluster.broker, cluster.catalogue, cluster.codec, on_failure=_warn)
    trace = None if seen.spans is None else seen.spans.current
    with cluster.publisher("web", trace) as publisher, ports(settings, cluster, publisher, follower) as api:
        endpoints = endpoints_of(settings, follower, KafkaInbox(cluster, publisher))
        app = webhooks_application(
            [route for path, each in endpoints.items() for route in each.routes(path)],
            [each.counts for each in endpoints.values()],
            key := secrets.token_urlsafe(),
        )
        app.mount(MOUNTED, application(api))
        seen.registry.register(
            WebhookCounts({path.rpartition("/")[2]: each.counts for path, each in endpoints.items()})
        )
        reaches(settings, cluster.bootstrap, seen.health)
        facts = {"webhooks": " ".join(WEBHOOKS[each] for each in platforms), HEALTH_KEY: key}
        whole = Observed(app, {*endpoints, "/health"}, seen.spans)
        uvloop.run(serve(whole, settings.web.port, settings.web.host, facts, seen.health))
    follower.close()


def endpoints_of(settings: Settings, follower: Follower, inbox: KafkaInbox) -> Endpoints:
    """The endpoints of the platforms whose secrets are set."""
    secret = home_secret(settings)
    recorded = settings.time.mode == "recorded"
    endpoints: Endpoints = {}
    if settings.x.consumer_secret is not None:
        endpoints[WEBHOOKS["x"]] = XWebhook(
            consumer_secret=settings.x.consumer_secret.get_secret_value(),
            own_accounts=OwnAccounts(follower, "x"),
            home=lambda platform_id: home(secret, "x", platform_id),
            inbox=inbox,
            recorded_time=recorded,
        )
    if settings.meta.app_secret is not None and settings.meta.verify_token is not None:
        endpoints[WEBHOOKS["meta"]] = MetaWebhook(
            app_secret=settings.meta.app_secret.get_secret_value(),
            verify_token=settings.meta.verify_token.get_secret_value(),
            own_accounts=OwnAccounts(follower, "facebook", "messenger"),
            home=lambda channel, platform_id: home(secret, channel, platform_id),
            inbox=inbox,
            recorded_time=recorded,
        )
    return endpoints


def _warn(what: str) -> None:
    structlog.get_logger().warning(what)
