"""`run simulator`: the simulated X, for the demo."""

import asyncio

from channels.simulator.x import create_app
from rejoinder.programs.web import serve
from rejoinder.settings import Settings, SettingsError


def run(settings: Settings, port: int) -> None:
    """Serves until told to stop. What was posted is kept in the data folder, as the platform would keep it."""
    if settings.x.consumer_secret is None:
        raise SettingsError("the simulator needs x.consumer_secret, with which it signs")
    app = create_app(
        consumer_secret=settings.x.consumer_secret.get_secret_value(),
        journal=settings.data / "simulator.jsonl",
    )
    asyncio.run(serve(app, port))
