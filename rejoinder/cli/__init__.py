"""The command line."""

from typing import Annotated

import typer

from rejoinder.cli import running

app = typer.Typer(
    name="rejoinder",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Customer care on social media, event-sourced: every post, decision and answer, on Kafka and PostgreSQL.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo("rejoinder 0.1.0")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Options of every command."""


running.add(app)
