"""Agents: who they are, whether they are there, and what is with them."""

from typing import Annotated, Literal

from pydantic import Field

from console.access import AGENT, Caller
from console.commanding import Calling, Command_, Decided, Ports
from console.fields import AgentInPath, Body, Name, PoolInPath
from console.noting import Notes, Noting
from console.problems import COMMANDING, READING, Problem
from console.routes import router
from engine.routing.commands import RegisterAgent, SetAgentState
from projections.queries import desk

agents = router("agents")


class Registration(Body):
    """Who an agent is."""

    skills: Annotated[list[Name], Field(max_length=100, description="what the agent knows")] = []
    groups: Annotated[list[Name], Field(max_length=100, description="the agent groups")] = []
    capacity: Annotated[int, Field(ge=0, le=1_000_000, description="how much at once, in the policy's weights")] = 3


class NewState(Body):
    """Whether an agent is there."""

    state: Annotated[
        Literal["ready", "away", "offline"],
        Field(description="ready gets offers; away and offline get none; offline gives open offers back"),
    ]


def as_oneself(caller: Caller, agent: str) -> None:
    """Raises Problem if an agent asks for another's."""
    if caller.role == AGENT and caller.subject != agent:
        raise Problem(403, "not_yourself", f"{caller.subject} may ask for {caller.subject} only.", field="agent")


@agents.put("/pools/{pool}/agents/{agent}", responses=COMMANDING)
async def register_agent(pool: PoolInPath, agent: AgentInPath, body: Registration, asking: Command_) -> Decided:
    """Register an agent, or change what is known of one. The agent is offline until set ready."""
    return await asking.one(
        "routing.commands",
        pool,
        lambda common: RegisterAgent(
            **common, agent_id=agent, skills=body.skills, groups=body.groups, capacity=body.capacity
        ),
    )


@agents.put("/pools/{pool}/agents/{agent}/state", responses=COMMANDING)
async def set_agent_state(pool: PoolInPath, agent: AgentInPath, body: NewState, asking: Command_) -> Decided:
    """Say that an agent is ready, away or offline. Agents say it of themselves, supervisors of all."""
    as_oneself(asking.caller, agent)
    return await asking.one(
        "routing.commands", pool, lambda common: SetAgentState(**common, agent_id=agent, state=body.state)
    )


@agents.get("/agents/{agent}/offers", responses=READING)
async def list_offers(agent: AgentInPath, api: Ports, caller: Calling, notes: Notes) -> list[desk.InteractionLine]:
    """What is offered to an agent and not yet accepted, the longest waiting first."""
    as_oneself(caller, agent)
    found = await api.reads.read(lambda connection: desk.with_agent(connection, agent, accepted=False))
    return await noted(notes, found)


@agents.get("/agents/{agent}/interactions", responses=READING)
async def list_work(agent: AgentInPath, api: Ports, caller: Calling, notes: Notes) -> list[desk.InteractionLine]:
    """What an agent works on, the longest open first."""
    as_oneself(caller, agent)
    found = await api.reads.read(lambda connection: desk.with_agent(connection, agent, accepted=True))
    return await noted(notes, found)


async def noted(notes: Noting, found: list[desk.InteractionLine]) -> list[desk.InteractionLine]:
    """The lines, once it is written down that they are shown."""
    await notes.shows(len(found), (line.contact_id for line in found), (line.interaction_id for line in found))
    return found
