"""`agents`: who may answer."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final

import psycopg
import typer
from psycopg.rows import class_row

from engine.delivery import CommandResult
from engine.record import Command
from engine.routing.commands import RegisterAgent, SetAgentState
from rejoinder.cli.instances import reading, running_instance
from rejoinder.cli.kafka import accepted, ask, cluster_of, new_id, now, person
from rejoinder.cli.options import Config, Data, Json, group
from rejoinder.cli.terminal import print_json, print_table, tell
from topics.catalogue import ROUTING_COMMANDS

app = group("List agents, register them, and set their state.")
Pool = Annotated[str, typer.Option(help="The pool to which the agent belongs.")]
Name = Annotated[str, typer.Argument(metavar="AGENT", help="The agent's name.")]

LIST: Final = """
    SELECT a.agent_id AS agent, a.pool, coalesce(s.state, 'offline') AS state, a.skills, a.groups, a.capacity,
           count(i.interaction_id) FILTER (WHERE i.accepted) AS working_on,
           count(i.interaction_id) FILTER (WHERE NOT i.accepted) AS offered
    FROM reporting.dim_agent a
    LEFT JOIN reporting.fct_agent_state s ON s.agent_id = a.agent_id AND s.pool = a.pool AND s.until IS NULL
    LEFT JOIN contact_history.interaction i ON i.agent_id = a.agent_id AND i.state IN ('assigned', 'replied')
    GROUP BY a.agent_id, a.pool, s.state, a.skills, a.groups, a.capacity
    ORDER BY a.agent_id
"""


class State(StrEnum):
    """Whether an agent is given anything."""

    ready = "ready"
    away = "away"
    offline = "offline"


@dataclass(frozen=True)
class AgentLine:
    """One agent in the list."""

    agent: str
    pool: str | None
    state: str
    skills: list[str] | None
    groups: list[str] | None
    capacity: int | None
    working_on: int
    offered: int


@app.command("list")
def list_agents(json: Json = False, data: Data = None, config: Config = None) -> None:
    """List the agents: what they know, whether they are ready, and what they have.

    Example: rejoinder agents list
    """
    _, instance = running_instance(data, config)
    with reading(instance) as connection:
        found = agents(connection)
    if json:
        return print_json(found)
    print_table(
        ("agent", "pool", "state", "skills", "groups", "capacity", "works on", "offered"),
        [
            (line.agent, line.pool, line.state, line.skills, line.groups, line.capacity, line.working_on, line.offered)
            for line in found
        ],
    )
    if not found:
        tell("No agent is registered: see `rejoinder agents add --help`.")


def agents(connection: "psycopg.Connection[Any]") -> list[AgentLine]:
    """Every agent, by name."""
    with connection.cursor(row_factory=class_row(AgentLine)) as cursor:
        return cursor.execute(LIST).fetchall()


@app.command()
def add(
    agent: Name,
    skill: Annotated[list[str] | None, typer.Option(help="What the agent knows; may be given more than once.")] = None,
    in_group: Annotated[
        list[str] | None, typer.Option("--group", help="An agent group; may be given more than once.")
    ] = None,
    capacity: Annotated[
        int,
        typer.Option(
            min=0,
            max=1_000_000,
            help="How much at once: an interaction takes its channel's weight in the policy, else 1.",
        ),
    ] = 3,
    ready: Annotated[bool, typer.Option("--ready", help="Make the agent ready at once.")] = False,
    pool: Pool = "main",
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Register an agent, or change what is known of one. The agent is offline until set ready.

    Example: rejoinder agents add ann --skill care --skill orders --capacity 3 --ready
    """
    commands: list[Command] = [
        RegisterAgent(
            command_id=new_id(),
            at=now(),
            actor_kind="supervisor",
            actor_id=person(),
            agent_id=agent,
            skills=skill or [],
            groups=in_group or [],
            capacity=capacity,
        )
    ]
    if ready:
        commands.append(_set_state(agent, State.ready))
    results = _ask(commands, pool, data, config)
    if json:
        return print_json(results)
    print(f"{agent} is registered in pool {pool}{' and ready' if ready else ''}.")


@app.command("set-state")
def set_state(
    agent: Name,
    state: Annotated[
        State, typer.Argument(help="ready: gets offers; away and offline: gets none; offline gives open offers back.")
    ],
    pool: Pool = "main",
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Say that an agent is ready, away or offline.

    Example: rejoinder agents set-state ann away
    """
    results = _ask([_set_state(agent, state)], pool, data, config)
    if json:
        return print_json(results)
    print(f"{agent} is {state.value}" + (" already." if results[0].outcome == "duplicate" else "."))


def _set_state(agent: str, state: State) -> SetAgentState:
    return SetAgentState(
        command_id=new_id(), at=now(), actor_kind="supervisor", actor_id=person(), agent_id=agent, state=state.value
    )


def _ask(commands: list[Command], pool: str, data: Data, config: Config) -> list[CommandResult]:
    settings, instance = running_instance(data, config)
    cluster = cluster_of(settings, instance)
    return [accepted(result) for result in ask(cluster, [(ROUTING_COMMANDS, pool, command) for command in commands])]
