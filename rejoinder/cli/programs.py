"""`run`: one program of an instance. Only that one is loaded: an instance starts several at once."""

import importlib
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from rejoinder.cli.errors import BadInput
from rejoinder.programs import log_to_stderr
from rejoinder.settings import load

PROGRAMS: Final = ("engine", "projector", "delivery", "web", "live", "simulator", "player")


def run(name: str, arguments: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """Run one program of an instance; the supervisor does."""
    if name not in PROGRAMS:
        raise BadInput(f"there is no program {name!r}")
    settings = load()
    log_to_stderr(settings.log.format)
    program: Any = importlib.import_module(f"rejoinder.programs.{name}")
    given = arguments or []
    match name:
        case "simulator":
            program.run(settings, int(given[0]), *given[1:2])
        case "player":
            file, simulated, at, speed, policy, summary = given
            program.run(settings, Path(file), simulated, at, speed, policy, Path(summary))
        case _:
            program.run(settings, *given[:1])  # its name, where several of a kind run
