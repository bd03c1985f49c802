"""What the auditor and the analyst read."""

from datetime import datetime, tzinfo
from typing import Annotated

from fastapi import Path, Query

from console.commanding import Ports
from console.fields import InteractionInPath
from console.noting import Notes
from console.problems import READING, Problem
from console.routes import router
from projections.queries import reports as counted
from projections.queries.trace import InteractionTrace
from projections.queries.trace import trace as find
from projections.reporting.intervals import Interval
from projections.reporting.measures import Kind

reports = router("reports")
ReportInPath = Annotated[Kind, Path(description="what is counted")]
Moment = Annotated[datetime | None, Query(description="a day or a time; in the zone where it names none")]
By = Annotated[list[str] | None, Query(description="what it is counted by, in place of the usual; `none`: nothing")]


@reports.get("/trace/{interaction}", responses=READING)
async def trace(interaction: InteractionInPath, api: Ports, notes: Notes) -> InteractionTrace:
    """The life of an interaction step by step: when, what changed, by whom and why, and the words."""
    names = {f"{each.channel}:{each.id}": f"@{each.handle}" for each in api.policies.accounts()}
    found = await api.reads.read(lambda connection: find(connection, interaction, names))
    if not found:
        raise Problem(404, "unknown_interaction", f"There is no interaction {interaction}.")
    await notes.shows(len(found[0].steps), [found[0].contact_id], [found[0].interaction_id])
    return found[0]


@reports.get("/reports/{name}", responses=READING)
async def report(
    name: ReportInPath,
    api: Ports,
    interval: Annotated[Interval, Query(description="how wide an interval is")] = "day",
    by: By = None,
    zone: Annotated[str, Query(description="the time zone in which days begin, as Europe/Berlin")] = "UTC",
    since: Moment = None,
    until: Moment = None,
) -> list[counted.Line]:
    """Count by interval, the earliest first: interactions, waits, agents' work … `until` is not included.

    A line has `interval_start`, what it is counted by, and each measure of the report, by their names.
    """
    try:
        local = counted.zone_of(zone)
        chosen = () if by == ["none"] else None if by is None else tuple(dict.fromkeys(by))
        asked = counted.Asked(name, interval, chosen, zone, _in(local, since), _in(local, until))
    except counted.NoSuchReport as error:
        raise Problem(422, "no_such_report", str(error)) from error
    return await api.reads.read(lambda connection: counted.lines(connection, asked))


def _in(zone: tzinfo, moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=zone) if moment is not None and moment.tzinfo is None else moment
