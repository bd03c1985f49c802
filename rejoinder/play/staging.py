"""What traffic needs before it is played: a policy with its accounts, and agents to answer."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from engine.envelope import derive
from engine.policy.document import Account, Policy, Queue
from engine.routing.commands import RegisterAgent, SetAgentState
from rejoinder.play.traffic import Traffic
from topics.catalogue import ROUTING_COMMANDS, Catalogue
from topics.publisher import Outgoing

UNLIMITED = 1_000_000
ROOM: Final = 12
"""Interactions that an agent has at once, by the heaviest kind: enough that nobody who waits holds the play up."""
MAIN: Final = "main"


@dataclass(frozen=True)
class Agent:
    """An agent of the play."""

    name: str
    skills: tuple[str, ...]
    capacity: int
    pool: str = MAIN
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stage:
    """The policy and the agents."""

    policy: Policy
    agents: tuple[Agent, ...]


def for_recorded(traffic: Traffic) -> Stage:
    """Accounts and agents from the file: one agent an account, open round the clock; nothing expires."""
    accounts = tuple(
        Account(channel=channel, id=account_id, handle=handle, queue=_queue_of(channel, handle))  # type: ignore[arg-type]
        for (channel, handle), account_id in sorted(traffic.accounts.items())
    )
    queues = tuple(Queue(name=account.queue, skills=(account.queue,)) for account in accounts)
    policy = Policy(name="recorded", accounts=accounts, queues=queues, accept_within=None, expire_after=None)
    agents = tuple(Agent(f"agent-{account.queue}", (account.queue,), UNLIMITED) for account in accounts)
    return Stage(policy, agents)


def for_policy(policy: Policy) -> Stage:
    """For generated traffic: each pool has agents by whom all its queues are served."""
    pools = dict.fromkeys(queue.pool for queue in policy.queues)
    return Stage(policy, tuple(agent for pool in pools for agent in _agents(policy, pool)))


def _queue_of(channel: str, handle: str) -> str:
    """A page has one for each of its channels."""
    return handle if channel == "x" else f"{handle} {channel}"


def _agents(policy: Policy, pool: str) -> Iterator[Agent]:
    """Two who can do everything, one who knows all but is in no group, one for the first queue alone."""
    queues = [queue for queue in policy.queues if queue.pool == pool]
    skills = tuple(dict.fromkeys(skill for queue in queues for skill in queue.skills))
    groups = tuple(dict.fromkeys(queue.group for queue in queues if queue.group is not None))
    capacity = ROOM * max([1, *policy.weights.values()])
    for name, known, member in (
        ("ann", skills, groups),
        ("ben", skills, groups),
        ("cleo", skills, ()),
        ("dan", queues[0].skills, ()),
    ):
        yield Agent(name if pool == MAIN else f"{name}-{pool}", known, capacity, pool, member)


def arrive(agents: tuple[Agent, ...], catalogue: Catalogue, at: int) -> list[Outgoing]:
    """The commands with which the agents register and become ready. A repeat of them changes nothing."""
    topic = catalogue.name(ROUTING_COMMANDS)
    commands: list[Outgoing] = []
    for agent in agents:
        register = RegisterAgent(
            command_id=derive("stage", agent.name, *agent.skills, agent.capacity, *agent.groups),
            at=at,
            actor_kind="supervisor",
            actor_id="stage",
            agent_id=agent.name,
            skills=list(agent.skills),
            groups=list(agent.groups),
            capacity=agent.capacity,
        )
        ready = SetAgentState(
            command_id=derive("stage", agent.name, "ready"),
            at=at,
            actor_kind="supervisor",
            actor_id="stage",
            agent_id=agent.name,
            state="ready",
        )
        commands += [Outgoing(topic, agent.pool, register), Outgoing(topic, agent.pool, ready)]
    return commands
