"""`desk`: an agent's work, from the terminal."""

import os
import sys
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from engine.delivery import CommandResult
from engine.envelope import home_of
from engine.interaction import commands as c
from projections.queries import lists
from rejoinder.cli.errors import BadInput
from rejoinder.cli.instances import reading, running_instance
from rejoinder.cli.kafka import accepted, ask, cluster_of, new_id, now
from rejoinder.cli.noting import note
from rejoinder.cli.options import Config, Data, Json, group
from rejoinder.cli.terminal import print_json, print_table, tell
from topics.catalogue import INTERACTION_COMMANDS

app = group("Work as an agent: accept what is offered, answer, transfer, close.")
Interaction = Annotated[str, typer.Argument(metavar="INTERACTION", help="The interaction's id.")]
Agent = Annotated[str, typer.Option(help="As which agent.")]
LIMIT: Final = 1_000


class Visibility(StrEnum):
    """Who can read an answer."""

    public = "public"
    private = "private"


@app.command()
def offers(
    agent: Annotated[str | None, typer.Option(help="Only what is with this agent.")] = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """List what is offered to agents, and what they have accepted.

    Example: rejoinder desk offers --agent ann
    """
    settings, instance = running_instance(data, config)
    with reading(instance) as connection:
        found = lists.interactions(connection, state="assigned", agent=agent, limit=LIMIT)
        wait = _accepted(connection, [line.interaction_id for line in found])
    note(
        settings,
        instance,
        "desk offers",
        contacts=(line.contact_id for line in found),
        interactions=(line.interaction_id for line in found),
        lines=len(found),
    )
    rows = [
        {
            "interaction_id": line.interaction_id,
            "agent": line.agent_id,
            "accepted": wait[line.interaction_id],
            "since": line.state_since,
            "customer": line.customer,
            "account": f"{line.channel}:{line.account}",
            "queue": line.queue,
            "messages_in": line.messages_in,
        }
        for line in found
    ]
    if json:
        return print_json(rows)
    print_table(
        ("interaction", "agent", "accepted", "since (UTC)", "customer", "account", "queue", "messages"),
        [list(row.values()) for row in rows],
    )
    if not rows:
        tell("Nothing is with an agent now.")


def _accepted(connection: Any, ids: list[str]) -> dict[str, bool]:
    query = "SELECT interaction_id, accepted FROM contact_history.interaction WHERE interaction_id = ANY(%s)"
    return dict(connection.execute(query, [ids]).fetchall())


@app.command()
def accept(
    interaction: Interaction, agent: Agent, json: Json = False, data: Data = None, config: Config = None
) -> None:
    """Accept what is offered.

    Example: rejoinder desk accept 6bd1bc1ca1bcf7cba6b4fb7ab84e45a3.1 --agent ann
    """
    command = c.Accept(**_said_by(agent), interaction_id=interaction, agent_id=agent)
    _tell(_ask(command, data, config), json, f"{agent} works on {interaction}")


@app.command()
def decline(
    interaction: Interaction, agent: Agent, json: Json = False, data: Data = None, config: Config = None
) -> None:
    """Decline what is offered: it goes back to the front of its line, and to another agent.

    Example: rejoinder desk decline 6bd1bc1ca1bcf7cba6b4fb7ab84e45a3.1 --agent ann
    """
    command = c.Decline(**_said_by(agent), interaction_id=interaction, agent_id=agent)
    _tell(_ask(command, data, config), json, f"{interaction} waits again")


@app.command()
def take(
    interaction: Interaction,
    agent: Agent,
    over: Annotated[bool, typer.Option("--over", help="As a supervisor, also from the agent who works on it.")] = False,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Take an interaction that nobody works on.

    Example: rejoinder desk take 6bd1bc1ca1bcf7cba6b4fb7ab84e45a3.1 --agent ann
    """
    said_by = _said_by(agent, "supervisor" if over else "agent")
    kind = c.TakeOver if over else c.Take
    command = kind(**said_by, interaction_id=interaction, agent_id=agent)
    _tell(_ask(command, data, config), json, f"{agent} works on {interaction}")


@app.command()
def reply(
    interaction: Interaction,
    text: Annotated[str, typer.Argument(help="The answer; - for standard input.")],
    agent: Agent,
    to: Annotated[
        str | None, typer.Option("--to", help="The platform's id of the message; else the customer's latest.")
    ] = None,
    visibility: Annotated[Visibility, typer.Option(help="Who can read it.")] = Visibility.public,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Answer the customer. It is posted as soon as it is accepted; `rejoinder trace` shows what came of it.

    Example: rejoinder desk reply 6bd1bc1ca1bcf7cba6b4fb7ab84e45a3.1 "We're on it." --agent ann
    """
    command = c.Reply(
        **_said_by(agent),
        interaction_id=interaction,
        agent_id=agent,
        in_reply_to=to,
        visibility=visibility.value,
        text=sys.stdin.read().rstrip("\n") if text == "-" else text,
        salt=os.urandom(16),
    )
    _tell(_ask(command, data, config), json, f"The answer to {interaction} is on its way")


@app.command()
def transfer(
    interaction: Interaction,
    agent: Agent,
    queue: Annotated[str | None, typer.Option(help="To this queue.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="To this agent.")] = None,
    note: Annotated[str | None, typer.Option(help="A word to whoever gets it.")] = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Give an interaction to another queue or agent.

    Example: rejoinder desk transfer 6bd1bc1ca1bcf7cba6b4fb7ab84e45a3.1 --agent ann --queue orders
    """
    if (queue is None) == (to is None):
        raise BadInput("name either --queue or --to: one place to give it to")
    command = c.Transfer(
        **_said_by(agent),
        interaction_id=interaction,
        agent_id=agent,
        to_queue=queue,
        to_agent=to,
        note=note,
        salt=os.urandom(16),
    )
    _tell(_ask(command, data, config), json, f"{interaction} was given to {queue or to}")


@app.command()
def close(
    interaction: Interaction,
    code: Annotated[str, typer.Argument(help="One of the policy's dispositions.")],
    agent: Agent,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """End an interaction with a disposition.

    Example: rejoinder desk close 6bd1bc1ca1bcf7cba6b4fb7ab84e45a3.1 resolved --agent ann
    """
    command = c.Disposition(**_said_by(agent), interaction_id=interaction, agent_id=agent, code=code)
    _tell(_ask(command, data, config), json, f"{interaction} ended as {code}")


def _said_by(agent: str, kind: str = "agent") -> dict[str, Any]:
    return {"command_id": new_id(), "at": now(), "actor_kind": kind, "actor_id": agent}


def _ask(
    command: c.Accept | c.Decline | c.Take | c.TakeOver | c.Reply | c.Transfer | c.Disposition,
    data: Data,
    config: Config,
) -> CommandResult:
    settings, instance = running_instance(data, config)
    cluster = cluster_of(settings, instance)
    (result,) = ask(cluster, [(INTERACTION_COMMANDS, home_of(command.interaction_id), command)])
    return accepted(result)


def _tell(result: CommandResult, json: bool, done: str) -> None:
    if json:
        return print_json([result])
    print(f"{done}{', as before' if result.outcome == 'duplicate' else ''}.")
