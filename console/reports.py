"""What the auditor and the analyst read."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Path, Query

from console.commanding import Ports
from console.fields import InteractionInPath
from console.problems import READING, Problem
from console.routes import router
from projections.queries import measures
from projections.queries.trace import InteractionTrace
from projections.queries.trace import trace as find

reports = router("reports")
ReportInPath = Annotated[measures.Kind, Path(description="what is counted")]
Moment = Annotated[datetime | None, Query(description="a day or a time; UTC where it names no zone")]


@reports.get("/trace/{interaction}", responses=READING)
async def trace(interaction: InteractionInPath, api: Ports) -> InteractionTrace:
    """The life of an interaction step by step: when, what changed, by whom and why, and the words."""
    names = {f"{each.channel}:{each.id}": f"@{each.handle}" for each in api.policies.accounts()}
    found = await api.reads.read(lambda connection: find(connection, interaction, names))
    if not found:
        raise Problem(404, "unknown_interaction", f"There is no interaction {interaction}.")
    return found[0]


@reports.get("/reports/{name}", responses=READING)
async def report(
    name: ReportInPath,
    api: Ports,
    interval: Annotated[measures.Interval, Query(description="how wide an interval is")] = "day",
    since: Moment = None,
    until: Moment = None,
) -> list[measures.Line]:
    """Count by interval, the earliest first: interactions, transitions, agents' work … `until` is not included."""
    begin, end = _in_utc(since), _in_utc(until)
    return await api.reads.read(lambda connection: measures.report(connection, name, interval, since=begin, until=end))


def _in_utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
