"""Search: people's and agents' words."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from console.commanding import Ports
from console.fields import After, Limit, PlatformId, encodable, no_nul
from console.interactions import Channel
from console.noting import Notes
from console.paging import page_of, place_of
from console.problems import READING, Problem
from console.routes import router
from projections.queries import search

searching = router("search")
Asked = Annotated[
    str,
    StringConstraints(min_length=1, max_length=search.LONGEST),
    AfterValidator(encodable),
    AfterValidator(no_nul),
    Query(description='all of these words; "so" one after the other, a or b, -not, beginning*'),
]
Moment = Annotated[datetime | None, Query(description="a day or a time; in UTC where it names no zone")]


class Hits(BaseModel):
    """One page."""

    hits: list[search.Hit]
    next: Annotated[str | None, Field(description="for `after`: where the next page begins; null on the last")]


@searching.get("/search", responses=READING)
async def search_words(
    api: Ports,
    notes: Notes,
    q: Asked,
    since: Moment = None,
    until: Moment = None,
    account: Annotated[PlatformId | None, Query(description="only of this account: its platform id")] = None,
    channel: Annotated[Channel | None, Query(description="only on this channel")] = None,
    order: Annotated[
        Literal["time", "rank"], Query(description="time: the latest first; rank: the best first, one page of them")
    ] = "time",
    limit: Limit = 50,
    after: After = None,
) -> Hits:
    """Search what people and agents wrote, page by page. What was searched for is recorded nowhere."""
    ranked = order == "rank"
    if ranked and after is not None:
        raise Problem(422, "bad_input", "after: goes on in the order of time only", field="after")
    wanted = search.Wanted(q, account, channel, _utc(since), _utc(until), ranked)
    begin = place_of(after)
    try:
        found = await api.reads.read(lambda connection: search.search(connection, wanted, begin, limit + 1))
    except search.NothingAsked as error:
        raise Problem(422, "bad_input", f"q: {error}", field="q") from error
    hits, following = page_of(found, limit, lambda hit: (hit.sent_at, hit.message_id))
    await notes.shows(len(hits), (hit.contact_id for hit in hits), (hit.interaction_id for hit in hits))
    return Hits(hits=hits, next=None if ranked else following)


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
