"""The options that commands share."""

from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Annotated, Any

import typer

from rejoinder.cli.errors import BadInput


def _data(otherwise: str) -> Any:
    text = f"The instance's folder. Without it: {otherwise}."
    return typer.Option("--data", help=text, envvar="REJOINDER_DATA", show_envvar=False)


Data = Annotated[Path | None, _data("the default one, or the demo's if only that runs")]
NewData = Annotated[Path | None, _data("the default one")]
DemoData = Annotated[Path | None, _data("the default one with -demo after its name")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON lines and nothing else.")]
Config = Annotated[Path | None, typer.Option("--config", help="The settings file.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many lines at most.")]
Since = Annotated[
    str | None, typer.Option("--since", help="From this day or time on, UTC: 2026-01-31 or 2026-01-31T10:15.")
]
Until = Annotated[str | None, typer.Option("--until", help="Up to and without this day or time, UTC.")]
From = Annotated[
    str | None, typer.Option("--from", "--since", help="From this day or time on, UTC: 2026-01-31 or 2026-01-31T10:15.")
]
To = Annotated[str | None, typer.Option("--to", "--until", help="Up to and without this day or time, UTC.")]


def instant(option: str, text: str | None, zone: tzinfo = UTC) -> datetime | None:
    """A day or a time that an option names; one that names no zone is in that of the call. Raises BadInput."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"{option} is {text!r}: write a day or a time, as 2026-01-31 or 2026-01-31T10:15") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def group(text: str) -> typer.Typer:
    """A command with commands of its own."""
    return typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True, help=text)
