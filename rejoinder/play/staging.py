"""What traffic needs before it is played: a policy with its accounts, and agents to answer."""

from dataclasses import dataclass

from engine.envelope import derive
from engine.policy.document import Account, Filter, Notice, Policy, Queue
from engine.routing.commands import RegisterAgent, SetAgentState
from rejoinder.play.traffic import Traffic
from topics.catalogue import ROUTING_COMMANDS, Catalogue
from topics.publisher import Outgoing

UNLIMITED = 1_000_000


@dataclass(frozen=True)
class Agent:
    """An agent of the play."""

    name: str
    skills: tuple[str, ...]
    capacity: int
    pool: str = "main"


@dataclass(frozen=True)
class Stage:
    """The policy and the agents."""

    policy: Policy
    agents: tuple[Agent, ...]


def for_recorded(traffic: Traffic) -> Stage:
    """Accounts and agents from the file: one agent an account, open round the clock; nothing expires."""
    accounts = tuple(
        Account(channel="x", id=account_id, handle=handle, queue=handle)
        for handle, account_id in sorted(traffic.accounts.items())
    )
    queues = tuple(Queue(name=account.handle, skills=(account.handle,)) for account in accounts)
    policy = Policy(name="recorded", accounts=accounts, queues=queues, accept_within=None, expire_after=None)
    agents = tuple(Agent(f"agent-{account.handle}", (account.handle,), UNLIMITED) for account in accounts)
    return Stage(policy, agents)


def for_generated() -> Stage:
    """The company of the generated traffic (rejoinder.play.generating)."""
    policy = Policy(
        name="acme",
        accounts=(
            Account(
                channel="x",
                id="1000000000001",
                handle="AcmeCare",
                queue="care",
                hours="Mo-Fr 08:00-20:00; Sa 09:00-16:00",
                time_zone="Europe/Berlin",
                notices={"closed": "closed"},
            ),
            Account(channel="x", id="1000000000002", handle="AcmeShop", queue="orders", language="de"),
        ),
        queues=(
            Queue(name="care", skills=("care",)),
            Queue(name="orders", skills=("orders",)),
            Queue(name="urgent", skills=("care",), priority=10),
        ),
        filters=(
            Filter(name="spam", any=("free crypto", "giveaway"), action="ignore"),
            Filter(name="thanks", any=("thanks", "thank you", "danke"), none=("but",), action="attach"),
            Filter(name="outage", any=("outage", "no signal", "offline"), queue="urgent"),
        ),
        notices=(
            Notice(
                name="closed",
                text={
                    "en": "{handle} Thanks for writing. We're closed right now and will answer as soon as we're back.",
                    "de": "{handle} Danke für die Nachricht. Gerade ist zu; wir antworten, sobald wir zurück sind.",
                },
            ),
        ),
        dispositions=("resolved", "praise", "no_answer_needed"),
        accept_within="2m",
    )
    agents = (
        Agent("ann", ("care",), 3),
        Agent("ben", ("care", "orders"), 3),
        Agent("cleo", ("orders",), 3),
        Agent("dan", ("care", "orders"), 2),
    )
    return Stage(policy, agents)


def arrive(agents: tuple[Agent, ...], catalogue: Catalogue, at: int) -> list[Outgoing]:
    """The commands with which the agents register and become ready. A repeat of them changes nothing."""
    topic = catalogue.name(ROUTING_COMMANDS)
    commands: list[Outgoing] = []
    for agent in agents:
        register = RegisterAgent(
            command_id=derive("stage", agent.name, *agent.skills, agent.capacity),
            at=at,
            actor_kind="supervisor",
            actor_id="stage",
            agent_id=agent.name,
            skills=list(agent.skills),
            groups=[],
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
