"""Where the platforms' webhooks come in, and of which platforms they can be checked."""

from collections.abc import Mapping
from typing import Final

from rejoinder.sections import SettingsError
from rejoinder.settings import Settings

WEBHOOKS: Final[Mapping[str, str]] = {"x": "/webhooks/x", "meta": "/webhooks/meta"}
"""Where webhooks come in, by platform."""


def platforms_of(settings: Settings) -> list[str]:
    """The platforms whose webhooks can be checked: x, meta. Raises SettingsError if there is none."""
    x, meta = settings.x, settings.meta
    found = ["x"] if x.consumer_secret is not None else []
    if meta.app_secret is not None:
        if meta.verify_token is None:
            raise SettingsError(
                "meta.app_secret is set, and meta.verify_token is not: Meta shows it when the webhook is registered; "
                "any text that you make up, kept secret"
            )
        found.append("meta")
    if not found:
        raise SettingsError(
            "no platform's secret is set: X signs webhooks with x.consumer_secret, Meta with meta.app_secret. Set them "
            "in the settings file or as REJOINDER_X_CONSUMER_SECRET and REJOINDER_META_APP_SECRET; to look around "
            "without an account, run `rejoinder demo`"
        )
    return found
