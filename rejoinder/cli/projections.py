"""`projections`: the read models, and building one again from the log."""

from functools import partial
from typing import Annotated, Final

import psycopg
import typer

from projections.builds import current_version
from projections.catalogue import BY_NAME, PROJECTIONS
from projections.projector import Settings as ProjectorSettings
from projections.rebuild import rebuild_all
from projections.records import Codec
from projections.workers import Workers
from rejoinder.cli.errors import BadInput
from rejoinder.cli.instances import running_instance
from rejoinder.cli.options import Config, Data, Json, group
from rejoinder.cli.terminal import print_json, print_table
from rejoinder.cluster import connect
from rejoinder.progress import step
from rejoinder.settings import Settings

WORKERS: Final = 2
"""Processes of a rebuild by default: while one waits for PostgreSQL the other folds."""

app = group("List the projections, and build one again from the log.")


@app.command("list")
def list_projections(json: Json = False, data: Data = None, config: Config = None) -> None:
    """List the projections, with the version that the views show.

    Example: rejoinder projections list
    """
    _, instance = running_instance(data, config)
    with psycopg.connect(instance.dsn) as connection:
        rows = [(each.name, current_version(connection, each.name), ", ".join(each.topics)) for each in PROJECTIONS]
    columns = ("projection", "version", "reads")
    if json:
        print_json(dict(zip(columns, row, strict=True)) for row in rows)
    else:
        print_table(columns, rows)


@app.command()
def rebuild(
    names: Annotated[list[str] | None, typer.Argument(help="Which ones.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="How many processes share the partitions.")] = WORKERS,
    data: Data = None,
    config: Config = None,
) -> None:
    """Build the next version from the log beside the one that serves, then switch the views.

    A projector that runs meanwhile goes on; queries see the old version until the switch.

    Example: rejoinder projections rebuild reporting
    """
    wanted = list(BY_NAME) if all_ else list(dict.fromkeys(names or []))
    unknown = [name for name in wanted if name not in BY_NAME]
    if unknown or not wanted:
        what = f"there is no projection {unknown[0]!r}" if unknown else "name a projection, or give --all"
        raise BadInput(f"{what}; there are {', '.join(BY_NAME)}")
    settings, instance = running_instance(data, config)
    cluster = connect(settings, instance.bootstrap)
    places = ProjectorSettings(cluster.bootstrap, instance.dsn, prefix=settings.topics.prefix)
    fill = Workers(partial(_codec, settings, instance.bootstrap), workers)
    with step(f"Building {', '.join(wanted)} again from the log"):
        builds = rebuild_all([BY_NAME[name] for name in wanted], fill, places)
    for build in builds:
        print(f"{build.projection.name}: the views show version {build.version}")


def _codec(settings: Settings, bootstrap: str) -> Codec:
    """Called in each process of a rebuild."""
    return connect(settings, bootstrap).codec
