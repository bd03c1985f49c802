"""What the commands share: their options, the settings, and how an answer is printed."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from rejoinder.cluster import Cluster, connect
from rejoinder.instance import Instance, find_instance
from rejoinder.settings import Settings, load, variable_of

Data = Annotated[
    Path | None, typer.Option("--data", help="The instance's folder.", envvar=variable_of("data"), show_envvar=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON lines and nothing else.")]
Config = Annotated[Path | None, typer.Option("--config", help="The settings file.")]

DEMO_DATA: Final = "demo"


def settings_for(data: Path | None, config: Path | None = None, **options: object) -> Settings:
    """The settings of a command; options are by setting's name with `__` for the dot."""
    named = {name.replace("__", "."): value for name, value in options.items()}
    return load({"data": None if data is None else str(data), **named}, file=config)


def running_instance(data: Path | None, config: Path | None = None) -> tuple[Settings, Instance]:
    """The running instance that a command asks: that of --data, else of the default folder, else the demo's.

    Raises:
        NotRunning: there is none.
    """
    from rejoinder.instance import NotRunning  # noqa: PLC0415

    settings = settings_for(data, config)
    try:
        return settings, find_instance(settings.data)
    except NotRunning:
        if data is not None:
            raise
        try:
            return settings, find_instance(demo_folder(settings))
        except NotRunning:
            pass
        raise


def demo_folder(settings: Settings) -> Path:
    """The demo's own folder, beside the usual one."""
    return settings.data.with_name(f"{settings.data.name}-{DEMO_DATA}")


def cluster_of(settings: Settings, instance: Instance) -> Cluster:
    """The topics and schemas of a running instance."""
    return connect(settings, instance.bootstrap)


def print_json(records: Iterable[Any]) -> None:
    """One JSON object a line on standard output."""
    for record in records:
        sys.stdout.write(msgspec.json.encode(record).decode() + "\n")
    sys.stdout.flush()
