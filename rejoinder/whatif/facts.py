"""External facts: what customers, platforms and people outside of the engine did, whatever the policy was."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from engine.envelope import control_key
from engine.interaction import commands as c
from engine.interaction import contact_commands as cc
from engine.record import Command, Event
from engine.routing import commands as rc
from engine.routing import events as r
from topics.catalogue import INTERACTION_COMMANDS, ROUTING_COMMANDS

CONTROL: Final = control_key(0)
"""A world has one partition, so what holds for all partitions stands on one key."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened outside: a command that is given to a decider, whatever was decided before."""

    at: int
    topic: str
    """In the catalogue's words."""
    key: str
    command: Command


def fact_of(key: str, command: Command, at: int, elsewhere: Collection[str]) -> Fact | None:
    """The fact that a recorded command tells of; None: it follows from a decision, or an agent gave it.

    Args:
        elsewhere: own posts that were answers which somebody wrote on the platform itself, by their commands' ids.
            All others are echoes of what the engine sent.
    """
    match command:
        case c.PublishPolicy() | c.ActivateEmergency() | c.EndEmergency():
            return Fact(at, INTERACTION_COMMANDS, key, command) if key == CONTROL else None
        case c.RecordOwnPost():
            is_fact = not command.via and command.command_id in elsewhere
        case c.ReceiveMessage() | c.EditMessage() | c.DeleteMessage() | c.RecordReferral():
            is_fact = not getattr(command, "via", None) and command.correlation_id in (None, command.command_id)
        case cc.UnlinkHandle():
            is_fact = command.why == "asked"
        case cc.LinkHandle() | cc.ImportContact() | cc.SetLanguage() | cc.BlockContact() | cc.UnblockContact():
            is_fact = True
        case _:
            is_fact = False
    return Fact(at, INTERACTION_COMMANDS, key, unanswered(command)) if is_fact else None


def unanswered(command: Command) -> Command:
    """A command without what only its asker, or a platform, wants of it."""
    plain = replace(command, reply_partition=None, expected_sequence=None)
    return replace(plain, raw=b"") if isinstance(plain, c.ReceiveMessage | c.RecordOwnPost) else plain


def arrival_of(pool: str, event: Event) -> Fact | None:
    """The fact of an agent who came, paused or went, or whose skills or capacity were set; None: it is none."""
    match event:
        case r.AgentRegistered():
            command: Command = rc.RegisterAgent(
                command_id=event.causation_id,
                at=event.occurred_at,
                agent_id=event.agent_id,
                skills=event.skills,
                groups=event.groups,
                capacity=event.capacity,
            )
        case r.AgentStateChanged(why="asked"):
            command = rc.SetAgentState(
                command_id=event.causation_id, at=event.occurred_at, agent_id=event.agent_id, state=event.agent_state
            )
        case _:
            return None
    return Fact(event.occurred_at, ROUTING_COMMANDS, pool, command)
