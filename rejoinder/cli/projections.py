"""`projections`: the read models, their versions, and building one again from the log."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import psycopg
import typer

from engine.errors import RejoinderError
from projections import builds
from projections import rebuild as rebuilding
from projections.builds import Build
from projections.catalogue import BY_NAME, PROJECTIONS
from projections.offsets import positions
from projections.projection import Projection
from projections.projector import Settings as ProjectorSettings
from projections.projector import connect as connect_database
from projections.records import Codec
from projections.workers import Workers
from rejoinder.cli.comparisons import Shown, Told, print_comparisons
from rejoinder.cli.errors import BadInput
from rejoinder.cli.instances import running_instance
from rejoinder.cli.options import Config, Data, Json, group
from rejoinder.cli.terminal import print_json, print_table, tell
from rejoinder.cluster import connect
from rejoinder.settings import Settings

WORKERS: Final = 2
"""Processes of a rebuild by default: while one waits for PostgreSQL the other folds."""

app = group("List the versions of the projections; build one again from the log, or take it back.")

Name = Annotated[str, typer.Argument(help="Which one.")]
Processes = Annotated[int, typer.Option("--workers", min=1, help="How many processes share the partitions.")]


class Differs(RejoinderError):
    """Two versions of a projection differ."""


@app.command("list")
def list_projections(json: Json = False, data: Data = None, config: Config = None) -> None:
    """List the projections with all their versions.

    The views show the current one. The previous one is what they showed before, a candidate differs from the current
    one or waits to be compared; of an unfinished one it is told how much of the log it has.

    Example: rejoinder projections list
    """
    _, instance = running_instance(data, config)
    with connect_database(instance.dsn) as connection:
        builds.install(connection)
        lines = [line for each in PROJECTIONS for line in _versions(connection, each)]
    if json:
        print_json(lines)
    else:
        columns = ("projection", "version", "is", "filled", "release", "until", "reads")
        print_table(columns, [[line[name] for name in columns] for line in lines], spare=("reads", "until"))


@app.command()
def rebuild(
    names: Annotated[list[str] | None, typer.Argument(help="Which ones.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    accept: Annotated[
        bool, typer.Option("--accept-differences", help="Switch the views also if the new version differs.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew where an earlier rebuild was stopped.")] = False,
    workers: Processes = WORKERS,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Build the next version from the log beside the one that serves, compare the two, then switch the views.

    A projector that runs meanwhile goes on; queries see the old version until the switch. If the two differ nothing is
    switched, and it ends with 1. What is stopped on the way goes on when it is started again.

    Example: rejoinder projections rebuild reporting
    """
    wanted = [_named(name) for name in (BY_NAME if all_ else dict.fromkeys(names or []))]
    if not wanted:
        raise BadInput(f"name a projection, or give --all; there are {', '.join(BY_NAME)}")
    told = Told(json)
    fill, places = _ways(workers, data, config)
    with told.stopping():
        rebuilt = rebuilding.rebuild_all(wanted, fill, places, accept=accept, fresh=fresh, watcher=told)
    print_comparisons(rebuilt.compared, json)
    for build in rebuilt.builds:
        _say_shown(build, rebuilt.switched, json)
    if not rebuilt.switched:
        unlike = [each for each in rebuilt.compared if not each.agrees]
        named = ", ".join(f"version {each.second} of {each.projection}" for each in unlike)
        raise Differs(
            f"{named} differs from what the views show, and go on showing. To show it all the same: "
            f"rejoinder projections switch {unlike[0].projection}"
        )


@app.command()
def compare(
    name: Name, workers: Processes = WORKERS, json: Json = False, data: Data = None, config: Config = None
) -> None:
    """Compare the version beside the current one with it, at the same offsets: a candidate, else the previous one.

    Ends with 1 if they differ.

    Example: rejoinder projections compare reporting
    """
    projection, told = _named(name), Told(json)
    fill, places = _ways(workers, data, config)
    with told.stopping():
        compared = rebuilding.compare_beside(projection, fill, places, told)
    print_comparisons([compared], json)
    if not compared.agrees:
        raise Differs(f"version {compared.second} of {name} differs from version {compared.first}")


@app.command()
def switch(
    name: Name, workers: Processes = WORKERS, json: Json = False, data: Data = None, config: Config = None
) -> None:
    """Point the views at the candidate that a rebuild left, whatever differs.

    It is brought up to date before.

    Example: rejoinder projections switch reporting
    """
    _switched(rebuilding.switch_to_candidate, name, workers, json, data, config)


@app.command()
def rollback(
    name: Name, workers: Processes = WORKERS, json: Json = False, data: Data = None, config: Config = None
) -> None:
    """Point the views at the version that they showed before.

    It is brought up to date before, by this release's code: where its tables were made by another one, that one has to
    do it.

    Example: rejoinder projections rollback reporting
    """
    _switched(rebuilding.roll_back, name, workers, json, data, config)


@app.command()
def drop(
    name: Name,
    version: Annotated[int, typer.Argument(min=1, help="Which version of it.")],
    data: Data = None,
    config: Config = None,
) -> None:
    """Remove a version that the views don't show.

    Example: rejoinder projections drop reporting 2
    """
    projection = _named(name)
    settings, instance = running_instance(data, config)
    rebuilding.drop_version(projection, version, _places(settings, instance.bootstrap, instance.dsn))
    tell(f"version {version} of {name} is gone")


def _switched(how: Shown, name: str, workers: int, json: bool, data: Path | None, config: Path | None) -> None:
    projection, told = _named(name), Told(json)
    fill, places = _ways(workers, data, config)
    with told.stopping():
        build = how(projection, fill, places, told)
    _say_shown(build, True, json)


def _say_shown(build: Build, switched: bool, json: bool) -> None:
    if json:
        print_json([{"projection": build.projection.name, "version": build.version, "switched": switched}])
    elif switched:
        print(f"{build.projection.name}: the views show version {build.version}")


def _named(name: str) -> Projection:
    if name not in BY_NAME:
        raise BadInput(f"there is no projection {name!r}; there are {', '.join(BY_NAME)}")
    return BY_NAME[name]


def _ways(workers: int, data: Path | None, config: Path | None) -> tuple[Workers, ProjectorSettings]:
    """What fills versions, and from where to where."""
    settings, instance = running_instance(data, config)
    fill = Workers(partial(_codec, settings, instance.bootstrap), workers)
    return fill, _places(settings, instance.bootstrap, instance.dsn)


def _places(settings: Settings, bootstrap: str, dsn: str) -> ProjectorSettings:
    return ProjectorSettings(bootstrap, dsn, prefix=settings.topics.prefix)


def _codec(settings: Settings, bootstrap: str) -> Codec:
    """Called in each process of a rebuild."""
    return connect(settings, bootstrap).codec


def _versions(connection: "psycopg.Connection[Any]", projection: Projection) -> list[dict[str, object]]:
    found = builds.versions(connection, projection.name)
    current = builds.current_version(connection, projection.name)
    whole = 0 if current is None else sum(positions(connection, projection.name, current).values())
    return [
        {
            "projection": projection.name,
            "version": each.version,
            "is": each.role,
            "filled": _filled(sum(positions(connection, projection.name, each.version).values()), whole),
            "release": each.release,
            "until": each.replaced,
            "reads": list(projection.topics),
        }
        for each in found
    ]


def _filled(read: int, whole: int) -> str:
    """How much of what the current version has read."""
    return f"{100 * read // whole if whole else 100} %"
