"""The simulated platforms as a part of an instance: which of them it has, their settings, and their program."""

from typing import Final

from pydantic import SecretStr

from channels.simulator.meta_credentials import APP_ID
from channels.simulator.x_credentials import CONSUMER_KEY
from rejoinder.embedded.ports import free_ports
from rejoinder.instance import Instance
from rejoinder.secrets import kept_secret
from rejoinder.sections import Meta, Web, X
from rejoinder.settings import Settings
from rejoinder.supervisor import Program

GRAPH_PATH: Final = "/graph/v26.0"
"""Where the simulator has Meta's Graph API; X's is at its root."""


def is_wanted(settings: Settings) -> bool:
    """Whether an instance has to start the simulator: a platform is simulated, and nobody said where."""
    return any(each.simulated and each.api is None for each in (settings.x, settings.meta))


def all_simulated(settings: Settings) -> Settings:
    """With every platform simulated, and nothing of the real ones: secrets and ports are made anew."""
    return settings.model_copy(
        update={
            "x": X(simulated=True, call_timeout=5.0),
            "meta": Meta(simulated=True, call_timeout=5.0),
            "web": Web(),
        }
    )


def with_simulator(settings: Settings) -> tuple[Settings, Program]:
    """The settings with the simulator's address, and secrets where they are missing; and its program.

    The web program gets a port of its own if it has none: the simulator is told of it when it starts, and again
    whenever it is started anew.
    """
    port, free = free_ports(2)
    web = settings.web.port or free
    settings = _addressed(settings, port)
    settings = settings.model_copy(update={"web": settings.web.model_copy(update={"port": web})})
    return settings, Program("simulator", stage=0, arguments=[str(port), f"http://127.0.0.1:{web}"])


def as_it_runs(settings: Settings, instance: Instance) -> Settings:
    """The settings with the simulator of a running instance, if it has one: the demo's stand in no file."""
    simulator = instance.programs.get("simulator")
    if simulator is None or "port" not in simulator.facts:
        return settings
    return _addressed(settings if is_wanted(settings) else all_simulated(settings), int(simulator.facts["port"]))


def _addressed(settings: Settings, port: int) -> Settings:
    simulator = f"http://127.0.0.1:{port}"
    x, meta = settings.x, settings.meta
    if x.simulated and x.api is None:
        secret = x.consumer_secret or SecretStr(kept_secret(settings, "x-consumer"))
        x = x.model_copy(update={"api": simulator, "consumer_key": CONSUMER_KEY, "consumer_secret": secret})
    if meta.simulated and meta.api is None:
        meta = meta.model_copy(
            update={
                "api": f"{simulator}{GRAPH_PATH}",
                "app_id": APP_ID,
                "app_secret": meta.app_secret or SecretStr(kept_secret(settings, "meta-app")),
                "verify_token": meta.verify_token or SecretStr(kept_secret(settings, "meta-verify")),
            }
        )
    return settings.model_copy(update={"x": x, "meta": meta})
