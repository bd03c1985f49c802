"""Webhooks' bodies that were kept as dead letters, mapped once more: as the endpoints would map them today."""

from collections.abc import Callable, Sequence

from channels.mapping import Mapped
from channels.meta.arrival import FACEBOOK, MESSENGER
from channels.meta.arrival import Receiver as MetaReceiver
from channels.meta.mapping import map_body as map_meta
from channels.webhook import map_body, salt
from channels.x.mapping import CHANNEL as X
from channels.x.mapping import Receiver as XReceiver
from channels.x.mapping import map_body as map_x
from engine.envelope import home
from engine.policy.document import Account
from rejoinder.secrets import home_secret
from rejoinder.settings import Settings


def mapper(settings: Settings, accounts: Sequence[Account], now: int) -> Callable[[bytes], Mapped]:
    """Maps bodies of all platforms.

    Args:
        accounts: those of the policy in force.
        now: the time of receipt.
    """
    secret = home_secret(settings)
    recorded = settings.time.mode == "recorded"

    def at(own_time: int) -> int:
        return own_time if recorded else now

    def own(*channels: str) -> frozenset[str]:
        return frozenset(account.id for account in accounts if account.channel in channels)

    x = XReceiver(own(X), lambda platform_id: home(secret, X, platform_id), salt, at, now)
    meta = MetaReceiver(
        own(FACEBOOK, MESSENGER), lambda channel, platform_id: home(secret, channel, platform_id), salt, at
    )

    def decoded(body: object) -> Mapped:
        # A dead letter does not say whose it is. Every body of Meta's has `object`, and none of X's.
        return map_meta(body, meta) if isinstance(body, dict) and "object" in body else map_x(body, x)

    return lambda body: map_body(body, decoded)
