"""What happens now, as server-sent events: the wallboard, one interaction in both directions, what is with an agent."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final

import msgspec
from fastapi import Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from console.access import Caller
from console.agents import as_oneself, noted
from console.commanding import Calling, Ports
from console.fields import AgentInPath, InteractionInPath
from console.noting import Notes
from console.ports import Api, Unreadable
from console.problems import READING, Problem
from console.routes import router
from projections.live.board import Board
from projections.queries import desk
from projections.queries.wallboard import wallboard

live = router("live")

LOOK_AGAIN: Final = 0.5
"""Seconds between two looks at what is new."""
HEARTBEAT: Final = 15.0
"""Seconds of silence after which a comment shows that the stream lives."""
MOST_STREAMS: Final = 200
"""At once in one process: each looks into PostgreSQL twice a second."""
PAGE: Final = 200
_ENDED: Final = "dispositioned"

_STREAM: Final[dict[int | str, dict[str, Any]]] = READING | {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "Server-sent events."},
    204: {"description": "Nothing more will come: don't connect again."},
}
LastEventId = Annotated[
    str | None, Header(pattern=r"^[0-9]{1,15}$", description="goes on after this id, as browsers send it")
]


@dataclass
class Streams:
    """How many streams there are."""

    open: int = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        """One more, for a while."""
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1

    def check(self) -> None:
        """Raises Problem while there are too many."""
        if self.open >= MOST_STREAMS:
            raise Problem(503, "too_many_streams", f"{MOST_STREAMS} live streams are open; close one.")


def streams_of(request: Request) -> Streams:
    """The running application's. Raises Problem while there are too many."""
    found: Streams = request.app.state.streams
    found.check()
    return found


Counting = Annotated[Streams, Depends(streams_of)]
QueueWanted = Annotated[str | None, Query(max_length=200, description="only this queue")]


@live.get("/live", responses=READING)
async def read_board(api: Ports, queue: QueueWanted = None) -> Board:
    """Read the wallboard: what came in within the last 15 minutes, what waits, and who is there."""
    found = await _board(api, queue)
    if found is None:
        raise Problem(503, "nothing_counted", "The program `live` does not run, or can't write to PostgreSQL.")
    return found


@live.get("/live/stream", responses=_STREAM, response_class=Response)
async def follow_board(api: Ports, caller: Calling, streams: Counting, queue: QueueWanted = None) -> Response:
    """Follow the wallboard: a whole one each time that it is counted anew, every second. Names: board, gone."""
    return _stream(streams, _of_board(api, caller, queue))


@live.get("/interactions/{interaction}/live", responses=_STREAM, response_class=Response)
async def follow_interaction(
    interaction: InteractionInPath,
    api: Ports,
    caller: Calling,
    notes: Notes,
    streams: Counting,
    last_event_id: LastEventId = None,
) -> Response:
    """Follow an interaction from its beginning, or after Last-Event-ID: messages of both directions, and each change.

    An event's id is its sequence, its name message, state or other. Ends once the interaction is dispositioned.
    """
    found = await api.reads.read(lambda connection: desk.interaction_line(connection, interaction))
    if found is None:
        raise Problem(404, "unknown_interaction", f"There is no interaction {interaction}.")
    since = int(last_event_id or 0)
    if found.state == _ENDED and since >= found.sequence:
        return Response(status_code=204)
    await notes.shows(found.messages_in + found.messages_out, [found.contact_id], [found.interaction_id])
    return _stream(streams, _of_interaction(api, caller, interaction, since))


@live.get("/agents/{agent}/live", responses=_STREAM, response_class=Response)
async def follow_agent(agent: AgentInPath, api: Ports, caller: Calling, notes: Notes, streams: Counting) -> Response:
    """Follow what is with an agent: first all of it, then each change. Names: offer, work, changed, gone."""
    as_oneself(caller, agent)
    # What is offered later stands in the log anyway: to whom, and when.
    await noted(notes, await api.reads.read(lambda connection: desk.with_agent(connection, agent)))
    return _stream(streams, _of_agent(api, caller, agent))


def _stream(streams: Streams, events: AsyncIterator[str]) -> Response:
    async def counted() -> AsyncIterator[str]:
        with streams.counted():
            try:
                async for event in events:
                    yield event
            except Unreadable:
                return  # whoever follows connects again, and goes on where this ended

    return StreamingResponse(counted(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def _board(api: Api, queue: str | None) -> Board | None:
    found = await api.reads.read(wallboard)
    return found if found is None or queue is None else found.of_queue(queue)


async def _of_board(api: Api, caller: Caller, queue: str | None) -> AsyncIterator[str]:
    known: Board | None = None
    silent = 0.0
    yield ": it begins\n\n"
    while caller.holds():
        now = await _board(api, queue)
        if now != known:
            yield _event("gone", {}) if now is None else _event("board", now)
        silent = silent + LOOK_AGAIN if now == known else 0.0
        known = now
        if silent >= HEARTBEAT:
            silent = 0.0
            yield ": it goes on\n\n"
        await asyncio.sleep(LOOK_AGAIN)


async def _of_interaction(api: Api, caller: Caller, interaction: str, since: int) -> AsyncIterator[str]:
    silent = 0.0
    while caller.holds():
        changes = await api.reads.read(partial(desk.changes, interaction_id=interaction, since=since, limit=PAGE))
        for change in changes:
            since = change.sequence
            yield _event(_name_of(change), change, since)
        if changes and changes[-1].state == _ENDED and len(changes) < PAGE:
            return
        silent = 0.0 if changes else silent + LOOK_AGAIN
        if silent >= HEARTBEAT:
            silent = 0.0
            yield ": it goes on\n\n"
        if len(changes) < PAGE:
            await asyncio.sleep(LOOK_AGAIN)


def _name_of(change: desk.Change) -> str:
    if change.message is not None:
        return "message"
    return "state" if change.state != change.state_before else "other"


async def _of_agent(api: Api, caller: Caller, agent: str) -> AsyncIterator[str]:
    known: dict[str, desk.InteractionLine] = {}
    silent = 0.0
    yield ": it begins\n\n"
    while caller.holds():
        found = await api.reads.read(lambda connection: desk.with_agent(connection, agent))
        now = {line.interaction_id: line for line in found}
        events = list(_differences(known, now))
        for event in events:
            yield event
        known = now
        silent = 0.0 if events else silent + LOOK_AGAIN
        if silent >= HEARTBEAT:
            silent = 0.0
            yield ": it goes on\n\n"
        await asyncio.sleep(LOOK_AGAIN)


def _differences(before: Mapping[str, desk.InteractionLine], now: Mapping[str, desk.InteractionLine]) -> Iterator[str]:
    for interaction_id, line in now.items():
        known = before.get(interaction_id)
        if known is None or known.accepted != line.accepted:
            yield _event("work" if line.accepted else "offer", line)
        elif known != line:
            yield _event("changed", line)
    for interaction_id in before.keys() - now.keys():
        yield _event("gone", {"interaction_id": interaction_id})


def _event(name: str, data: object, number: int | None = None) -> str:
    """One event: JSON has no line ends, so that its data is one line."""
    identified = "" if number is None else f"id: {number}\n"
    return f"{identified}event: {name}\ndata: {msgspec.json.encode(data).decode()}\n\n"
