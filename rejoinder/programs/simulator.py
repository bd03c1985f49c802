"""`run simulator`: the simulated X and Meta, for the demo, and for an instance with simulated platforms."""

import asyncio

from channels.simulator.app import create_app
from rejoinder.programs.serving import serve
from rejoinder.secrets import kept_secret
from rejoinder.settings import Settings
from rejoinder.webhooks import WEBHOOKS


def run(settings: Settings, port: int, web: str | None = None) -> None:
    """Serves until told to stop. What was posted is kept in the data folder, as the platforms would keep it.

    `web` is the address of the web program: its webhooks are registered from the start. A platform that is not
    simulated is there too, and nobody knows its secrets.
    """
    x, meta = settings.x, settings.meta
    secret = x.consumer_secret.get_secret_value() if x.simulated and x.consumer_secret else None
    app = create_app(
        consumer_secret=secret or kept_secret(settings, "x-consumer"),
        app_secret=meta.app_secret.get_secret_value() if meta.simulated and meta.app_secret else None,
        verify_token=meta.verify_token.get_secret_value() if meta.simulated and meta.verify_token else None,
        webhook=web + WEBHOOKS["x"] if web and x.simulated else None,
        meta_webhook=web + WEBHOOKS["meta"] if web and meta.simulated else None,
        journal=settings.data / "simulator.jsonl",
    )
    asyncio.run(serve(app, port))
