"""Interactions: what there is, and all that an agent does with one."""

import os
from typing import Annotated, Literal

from fastapi import Query, Response
from pydantic import BaseModel, Field, model_validator

from console.commanding import Command_, Decided, Expected, Ports, etag
from console.fields import After, ByAgent, Home, InteractionInPath, Item, Limit, Name, Note, PlatformId, Text
from console.noting import Notes
from console.paging import page_of, place_of
from console.problems import COMMANDING, READING, Problem
from console.routes import router
from engine.interaction import commands as c
from projections.queries import desk

interactions = router("interactions")
BASE = "/interactions/{interaction}"

State = Literal["received", "contact_resolved", "out_of_hours", "queued", "assigned", "replied", "dispositioned"]
Channel = Literal["x", "facebook", "messenger"]
NOBODY = ByAgent()


class Interactions(BaseModel):
    """One page."""

    interactions: list[desk.InteractionLine]
    next: Annotated[str | None, Field(description="for `after`: where the next page begins; null on the last")]


class ReplyBody(ByAgent):
    """An answer to the customer."""

    text: Annotated[Text, Field(description="the answer")]
    visibility: Annotated[
        Literal["public", "private"] | None, Field(description="who can read it; else as the message answered")
    ] = None
    in_reply_to: Annotated[Item | None, Field(description="the platform's id of the message; else the latest")] = None


class MoveBody(ByAgent):
    """An invitation to go on in private."""

    announcement: Annotated[
        Text | None, Field(description="the public answer; {link} stands for the link to a private conversation")
    ] = None
    text: Annotated[Text | None, Field(description="the private message, which is sent first")] = None

    @model_validator(mode="after")
    def _says_something(self) -> "MoveBody":
        if self.announcement is None and self.text is None:
            raise ValueError("needs an announcement, a text, or both")
        return self


class EngagementBody(ByAgent):
    """A retweet, like or favourite."""

    engagement: Annotated[Literal["retweet", "like", "favourite"], Field(description="which; a favourite is X's like")]
    item_id: Annotated[Item | None, Field(description="the message; else the customer's latest public one")] = None


class ModerationBody(ByAgent):
    """What becomes of a comment, or of an answer of ours."""

    action: Annotated[
        Literal["hide", "unhide", "delete"], Field(description="hide, unhide (a comment) or delete (an answer of ours)")
    ]
    item_id: Annotated[Item, Field(description="the platform's id of the comment or answer")]


class TransferBody(ByAgent):
    """Where the interaction goes: one of the three."""

    to_queue: Annotated[Name | None, Field(description="a queue of the policy")] = None
    to_group: Annotated[Name | None, Field(description="an agent group")] = None
    to_agent: Annotated[Name | None, Field(description="an agent")] = None
    note: Annotated[Note | None, Field(description="a word to whoever gets it")] = None

    @model_validator(mode="after")
    def _goes_to_one_place(self) -> "TransferBody":
        if sum(place is not None for place in (self.to_queue, self.to_group, self.to_agent)) != 1:
            raise ValueError("needs to_queue, to_group or to_agent: one of them")
        return self


class DispositionBody(ByAgent):
    """The outcome."""

    code: Annotated[Name, Field(description="one of the policy's disposition codes")]


@interactions.get("/interactions", responses=READING)
async def list_interactions(
    api: Ports,
    notes: Notes,
    state: Annotated[State | None, Query(description="only in this state")] = None,
    queue: Annotated[Name | None, Query(description="only of this queue")] = None,
    agent: Annotated[Name | None, Query(description="only with this agent")] = None,
    account: Annotated[PlatformId | None, Query(description="only of this account: its platform id")] = None,
    channel: Annotated[Channel | None, Query(description="only on this channel")] = None,
    contact: Annotated[Home | None, Query(description="only of this contact")] = None,
    limit: Limit = 50,
    after: After = None,
) -> Interactions:
    """List interactions, the last opened first, page by page."""
    wanted = desk.Wanted(state=state, queue=queue, agent=agent, account=account, channel=channel, contact=contact)
    begin = place_of(after)
    found = await api.reads.read(lambda connection: desk.interactions(connection, wanted, begin, limit + 1))
    lines, following = page_of(found, limit, lambda line: (line.opened_at, line.interaction_id))
    await notes.shows(len(lines), (line.contact_id for line in lines), (line.interaction_id for line in lines))
    return Interactions(interactions=lines, next=following)


@interactions.get(BASE, responses=READING)
async def read_interaction(
    interaction: InteractionInPath, api: Ports, notes: Notes, response: Response
) -> desk.InteractionDetail:
    """One interaction with its messages, in the order sent. The ETag is for If-Match."""
    found = await api.reads.read(lambda connection: desk.interaction(connection, interaction))
    if found is None:
        raise Problem(404, "unknown_interaction", f"There is no interaction {interaction}.")
    await notes.shows(len(found.messages), [found.contact_id], [found.interaction_id])
    response.headers["ETag"] = etag(found.sequence)
    return found


@interactions.post(f"{BASE}/accept", responses=COMMANDING)
async def accept(
    interaction: InteractionInPath, asking: Command_, expected: Expected, body: ByAgent = NOBODY
) -> Decided:
    """Accept what is offered."""
    return await asking.on_interaction(c.Accept, interaction, expected, body.agent)


@interactions.post(f"{BASE}/decline", responses=COMMANDING)
async def decline(
    interaction: InteractionInPath, asking: Command_, expected: Expected, body: ByAgent = NOBODY
) -> Decided:
    """Decline what is offered: it goes back to the front of its line, and to another agent."""
    return await asking.on_interaction(c.Decline, interaction, expected, body.agent)


@interactions.post(f"{BASE}/take", responses=COMMANDING)
async def take(interaction: InteractionInPath, asking: Command_, expected: Expected, body: ByAgent = NOBODY) -> Decided:
    """Take an interaction that nobody has accepted."""
    return await asking.on_interaction(c.Take, interaction, expected, body.agent)


@interactions.post(f"{BASE}/take-over", responses=COMMANDING)
async def take_over(
    interaction: InteractionInPath, asking: Command_, expected: Expected, body: ByAgent = NOBODY
) -> Decided:
    """Take an interaction from its agent."""
    return await asking.on_interaction(c.TakeOver, interaction, expected, body.agent)


@interactions.post(f"{BASE}/replies", responses=COMMANDING)
async def reply(interaction: InteractionInPath, body: ReplyBody, asking: Command_, expected: Expected) -> Decided:
    """Answer the customer, in public or in private. It is posted once it is accepted; the messages tell its status."""
    return await asking.on_interaction(
        c.Reply,
        interaction,
        expected,
        body.agent,
        in_reply_to=body.in_reply_to,
        visibility=body.visibility,
        text=body.text,
        salt=_salt(),
    )


@interactions.post(f"{BASE}/move-to-private", responses=COMMANDING)
async def move_to_private(
    interaction: InteractionInPath, body: MoveBody, asking: Command_, expected: Expected
) -> Decided:
    """Ask the customer to go on in private, and say so where the matter began."""
    return await asking.on_interaction(
        c.MoveToPrivate, interaction, expected, body.agent, announcement=body.announcement, text=body.text, salt=_salt()
    )


@interactions.post(f"{BASE}/engagements", responses=COMMANDING)
async def engage(interaction: InteractionInPath, body: EngagementBody, asking: Command_, expected: Expected) -> Decided:
    """Retweet or like a message, instead of an answer or beside it."""
    return await asking.on_interaction(
        c.Engage, interaction, expected, body.agent, engagement=body.engagement, item_id=body.item_id
    )


@interactions.post(f"{BASE}/moderations", responses=COMMANDING)
async def moderate(
    interaction: InteractionInPath, body: ModerationBody, asking: Command_, expected: Expected
) -> Decided:
    """Hide a comment, show it again, or delete an answer of ours."""
    return await asking.on_interaction(
        c.Moderate, interaction, expected, body.agent, action=body.action, item_id=body.item_id
    )


@interactions.post(f"{BASE}/transfer", responses=COMMANDING)
async def transfer(interaction: InteractionInPath, body: TransferBody, asking: Command_, expected: Expected) -> Decided:
    """Give an interaction to another queue, agent group or agent."""
    return await asking.on_interaction(
        c.Transfer,
        interaction,
        expected,
        body.agent,
        to_queue=body.to_queue,
        to_group=body.to_group,
        to_agent=body.to_agent,
        note=body.note,
        salt=_salt(),
    )


@interactions.post(f"{BASE}/disposition", responses=COMMANDING)
async def close(interaction: InteractionInPath, body: DispositionBody, asking: Command_, expected: Expected) -> Decided:
    """End an interaction with a disposition code."""
    return await asking.on_interaction(c.Disposition, interaction, expected, body.agent, code=body.code)


def _salt() -> bytes:
    return os.urandom(16)
