"""`projections`: the read models, and building one again from the log."""

from typing import Annotated

import psycopg
import typer

from projections.builds import current_version
from projections.catalogue import BY_NAME, PROJECTIONS
from projections.projector import Settings as ProjectorSettings
from projections.rebuild import rebuild as rebuild_one
from rejoinder.cli.errors import BadInput
from rejoinder.cli.instances import running_instance
from rejoinder.cli.options import Config, Data, Json, group
from rejoinder.cli.terminal import print_json, print_table
from rejoinder.cluster import connect
from rejoinder.progress import step

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
    data: Data = None,
    config: Config = None,
) -> None:
    """Build the next version from the log beside the one that serves, then switch the views.

    A projector that runs meanwhile goes on; queries see the old version until the switch.

    Example: rejoinder projections rebuild reporting
    """
    wanted = list(BY_NAME) if all_ else names or []
    unknown = [name for name in wanted if name not in BY_NAME]
    if unknown or not wanted:
        what = f"there is no projection {unknown[0]!r}" if unknown else "name a projection, or give --all"
        raise BadInput(f"{what}; there are {', '.join(BY_NAME)}")
    settings, instance = running_instance(data, config)
    cluster = connect(settings, instance.bootstrap)
    places = ProjectorSettings(cluster.bootstrap, instance.dsn, prefix=settings.topics.prefix)
    for name in wanted:
        with step(f"Building {name} again from the log"):
            build = rebuild_one(BY_NAME[name], cluster.codec, places)
        print(f"{name}: the views show version {build.version}")
