"""`report`."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final

import typer

from projections.queries import reports
from projections.queries.as_of import stand
from projections.queries.reports import Asked, Line, NoSuchReport, Value
from projections.reporting.intervals import Interval
from projections.reporting.measures import Kind
from rejoinder.cli import charts
from rejoinder.cli.errors import BadInput, NotFound
from rejoinder.cli.formats import Format, check, write
from rejoinder.cli.instances import reading, running_instance
from rejoinder.cli.options import Config, Data, Json, instant
from rejoinder.cli.terminal import print_table, tell

NO_VALUE: Final = ""
"""`--where queue=` asks for what has no queue."""

By = Annotated[
    list[str] | None,
    typer.Option(help="Count by this and not by the usual; may be repeated. `none`: by the time alone."),
]
Where = Annotated[
    list[str] | None, typer.Option(help="Only what has this: queue=care; may be repeated. `queue=`: what has none.")
]


def report(
    kind: Annotated[Kind, typer.Argument(help="What is counted.")],
    interval: Annotated[Interval, typer.Option(help="How wide an interval is. `all`: the whole time.")] = "day",
    by: By = None,
    where: Where = None,
    measure: Annotated[list[str] | None, typer.Option(help="Show only this measure; may be repeated.")] = None,
    zone: Annotated[str, typer.Option(help="The time zone in which days begin: Europe/Berlin.")] = "UTC",
    since: Annotated[
        str | None, typer.Option(help="From this day or time on, in the zone: 2026-01-31 or 2026-01-31T10:15.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Up to and without this day or time, in the zone.")] = None,
    opened: Annotated[
        str | None, typer.Option("--open", help="List what this measure counts, in place of the report.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="--open: of the interval with this day or time, in the zone; else of all.")
    ] = None,
    events: Annotated[
        bool, typer.Option("--events", help="--open: the events behind it, with their positions.")
    ] = False,
    as_of: Annotated[
        str | None, typer.Option(help="As it stood at this day's begin or time, in the zone, by the events up to then.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="How it is written.")] = "table",
    output: Annotated[Path | None, typer.Option(help="Into this file, and not to the screen.")] = None,
    picture: Annotated[
        Path | None, typer.Option("--chart", help="Draw it too, into this file: .svg, .png or .html.")
    ] = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Count interactions, waits, agents' work and time, dispositions or deliveries by interval.

    The table has the main measures or those of --measure; the other formats have all. Its last line is the whole,
    asked for anew: its medians and shares are right. docs/reference/measures.md says what each measure counts.

    Example: rejoinder report interactions --interval quarter_hour --since 2026-01-31
    Example: rejoinder report interactions --by queue --by agent --zone Europe/Berlin --format csv
    Example: rejoinder report interactions --open offered --at 2026-01-31 --where queue=care
    Example: rejoinder report waits --by skill --interval all
    Example: rejoinder report interactions --as-of 2026-01-31T12:00
    Example: rejoinder report interactions --by queue --measure offered --chart offered.svg
    """
    chosen: Format = "json" if json else form
    check(chosen, output)
    if picture is not None:
        charts.check(picture)
    if opened is None and (at is not None or events):
        raise BadInput("--at and --events belong to --open: name the measure whose number is to be opened")
    try:
        local = reports.zone_of(zone)
        asked = Asked(
            kind,
            interval,
            _by(by),
            zone,
            instant("--since", since, local),
            instant("--until", until, local),
            _where(where or []),
            instant("--as-of", as_of, local),
        )
        names = [reports.measure_of(asked.report, name).name for name in measure or []]
        if opened is not None:
            reports.measure_of(asked.report, opened)
    except NoSuchReport as error:
        raise BadInput(str(error)) from error
    moment = instant("--at", at, local)
    _, instance = running_instance(data, config)
    with reading(instance) as connection:
        if asked.as_of is not None and not stand(connection, asked.as_of):
            raise NotFound(f"--as-of is {as_of}: nothing had happened by then, the first event is later")
        if opened is not None:
            behind = reports.events if events else reports.opened
            return _show_opened(asked, behind(connection, asked, opened, moment), chosen, output)
        lines = reports.lines(connection, asked)
        whole = reports.total(connection, asked) if chosen == "table" else None
    every = [measure.name for measure in asked.report.measures] if chosen != "table" else asked.report.main
    measures = [reports.measure_of(asked.report, name) for name in names or every]
    if picture is not None:
        main = [reports.measure_of(asked.report, name) for name in names or asked.report.main]
        charts.draw(picture, asked, main, lines)
    columns: dict[str, type] = {} if interval == "all" else {"interval_start": datetime}
    columns |= {name: reports.kind_of(name) for name in asked.dimensions}
    if not columns:
        whole = None  # which is all that there is
    columns |= {measure.name: measure.kind for measure in measures}
    picked = [{name: line[name] for name in columns} for line in lines]
    if chosen != "table":
        return write(chosen, columns, picked, output)
    _show(asked, picked, whole)


def _show(asked: Asked, lines: Sequence[Line], whole: Line | None) -> None:
    if not lines:
        return tell("Nothing happened in this time.")
    names = list(lines[0])
    last = ["total", *(_shown(asked, whole.get(name)) for name in names[1:])] if whole is not None else []
    rows = [[_shown(asked, line[name]) for name in names] for line in lines]
    print_table([_heading(asked, name) for name in names], rows, last)


def _shown(asked: Asked, value: Value) -> object:
    """A value for the table: times as the clock shows them in the zone; of what is below one, more digits."""
    if isinstance(value, datetime):
        repeated = asked.zone != "UTC" and asked.interval in ("hour", "quarter_hour")  # where clocks go back
        return f"{value:%Y-%m-%d %H:%M:%S%z}" if repeated else value.replace(tzinfo=None)
    return Decimal(f"{value:.3f}") if isinstance(value, float) and 0 < value < 1 else value


def _heading(asked: Asked, name: str) -> str:
    """A column's name as words: seconds as s."""
    if name == "interval_start":
        return f"from ({asked.zone})"
    return " ".join("s" if word == "seconds" else word for word in name.split("_"))


def _show_opened(asked: Asked, rows: Sequence[Line], form: Format, output: Path | None) -> None:
    """What is behind a number; the last line of the table is the sum of what the rows add."""
    if form != "table":
        columns = {name: reports.kind_of(name) for name in rows[0]} if rows else {}
        return write(form, columns, rows, output)
    added = [name for name in ("value", "of") if rows and name in rows[0]]
    whole: Line = {name: sum(value for row in rows if isinstance(value := row[name], int | float)) for name in added}
    _show(asked, rows, whole if added else None)


def _by(by: list[str] | None) -> tuple[str, ...] | None:
    if by is None:
        return None
    return () if by == ["none"] else tuple(dict.fromkeys(by))


def _where(given: Sequence[str]) -> dict[str, str | None]:
    wanted: dict[str, str | None] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            raise BadInput(f"--where is {each!r}: write what and which, as queue=care")
        wanted[name] = None if value == NO_VALUE else value
    return wanted
