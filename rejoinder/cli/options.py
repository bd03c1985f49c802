"""The options that commands share."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help="The instance's folder. Without it: the default one, or the demo's if only that runs.",
        envvar="REJOINDER_DATA",
        show_envvar=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON lines and nothing else.")]
Config = Annotated[Path | None, typer.Option("--config", help="The settings file.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many lines at most.")]


def group(text: str) -> typer.Typer:
    """A command with commands of its own."""
    return typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True, help=text)
