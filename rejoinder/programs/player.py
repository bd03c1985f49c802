"""`run player`: plays traffic once, and writes the summary."""

import asyncio
import json
import sys
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx

from engine.envelope import home
from engine.errors import RejoinderError
from rejoinder import policy_file
from rejoinder.cluster import connect
from rejoinder.files import write_atomically
from rejoinder.instance import report_ready
from rejoinder.play.player import Player, Stuck
from rejoinder.play.staging import Stage, arrive, for_policy, for_recorded
from rejoinder.play.summary import summarise
from rejoinder.play.traffic import Traffic, read
from rejoinder.programs import bootstrap_of
from rejoinder.secrets import home_secret
from rejoinder.sections import SettingsError
from rejoinder.settings import Settings
from rejoinder.webhooks import WEBHOOKS

GENERATED_WINDOW = 600_000
"""Generated traffic is played in its order, so that few agents suffice: at most so far beside each other, ms."""

RECORDED = "recorded"
"""In the place of a policy's file: accounts and agents come from the traffic."""


class PlayFailed(RejoinderError):
    """The traffic could not be played to its end."""


def stage_of(traffic: Traffic, policy: str) -> Stage:
    """The policy and agents for a traffic. `policy`: the file of the one that it was generated for, or RECORDED."""
    return for_recorded(traffic) if policy == RECORDED else for_policy(policy_file.read(Path(policy)))


def run(settings: Settings, file: Path, simulator: str, web: str, speed: str, policy: str, summary: Path) -> None:
    """Plays a file, and ends."""
    if settings.postgres.dsn is None:
        raise SettingsError("the player needs postgres.dsn, for its summary")
    traffic = read(file)
    report_ready()
    began = time.monotonic()
    cluster = connect(settings, bootstrap_of(settings))
    _register(simulator, web)
    secret = home_secret(settings)
    with cluster.publisher("player") as publisher:
        stage = stage_of(traffic, policy)
        publisher.publish(arrive(stage.agents, cluster.catalogue, traffic.steps[0].at))
        factor = None if speed == "max" else float(speed)
        window = None if policy == RECORDED else GENERATED_WINDOW

        async def play() -> Player:
            homes = partial(home, secret)
            player = Player(traffic, cluster, publisher, simulator, homes, factor, window, Telling())
            await player.play()
            return player

        try:
            player = asyncio.run(play())
        except (Stuck, TimeoutError) as error:
            raise PlayFailed(f"the traffic could not be played to its end: {error}") from error
    found = summarise(settings.postgres.dsn.get_secret_value(), cluster, traffic, player, time.monotonic() - began)
    write_atomically(summary, json.dumps(found, ensure_ascii=False))
    if found["unaccounted"]:
        raise PlayFailed(f"not every message is accounted for: {', '.join(found['unaccounted'][:5])}")


def _register(simulator: str, web: str) -> None:
    """Tells the simulated platforms where the webhooks are, as somebody would in X's and Meta's developer portals."""
    for platform, path in WEBHOOKS.items():
        address = {"url": web + path, "channel": platform}
        response = httpx.put(f"{simulator}/_simulator/webhook", json=address, timeout=30.0, trust_env=False)
        if response.status_code != httpx.codes.OK:
            raise PlayFailed(f"the simulated platform does not take the webhook {web}{path}: {response.text}")


class Telling:
    """Says on standard error how far it is, now and then."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def __call__(self, done: int, of: int) -> None:
        now = time.monotonic()
        if now - self._said >= 2 or done == of:
            self._said = now
            stamp = datetime.now(UTC).strftime("%H:%M:%S")
            print(f"{stamp} played {done} of {of} lines", file=sys.stderr, flush=True)
