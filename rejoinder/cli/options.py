"""The options that commands share."""

from pathlib import Path
from typing import Annotated, Any

import typer


def _data(otherwise: str) -> Any:
    text = f"The instance's folder. Without it: {otherwise}."
    return typer.Option("--data", help=text, envvar="REJOINDER_DATA", show_envvar=False)


Data = Annotated[Path | None, _data("the default one, or the demo's if only that runs")]
NewData = Annotated[Path | None, _data("the default one")]
DemoData = Annotated[Path | None, _data("the default one with -demo after its name")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON lines and nothing else.")]
Config = Annotated[Path | None, typer.Option("--config", help="The settings file.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many lines at most.")]


def group(text: str) -> typer.Typer:
    """A command with commands of its own."""
    return typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True, help=text)
