"""The customers and agents of a simulation: what they ask, once they see that they can."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from engine.envelope import control_key, derive, home, partition_of
from engine.interaction import commands as c
from engine.interaction import events as e
from engine.policy.document import Account, Policy, Queue
from engine.policy.rules import encode
from engine.record import Command, Event
from engine.routing import commands as r
from schemas.codec import Codec
from tests.simulation.kafka import Kafka

POLICY: Final = Policy(
    name="simulated",
    accounts=(
        Account(channel="x", id="9", handle="acme", queue="care"),
        Account(channel="messenger", id="7", handle="acme", queue="care"),
    ),
    queues=(Queue(name="care"),),
    accept_within="6s",
    expire_after=None,
    session_idle=None,
    retry_for="90s",
    retry_every="1s",
)
POOL: Final = "main"
AGENTS: Final = ("ann", "bob")
AUTHORS: Final = 4
MESSAGES: Final = 7
SALT: Final = b"0" * 16
LATE: Final = 20_000.0


@dataclass
class Matter:
    """An interaction, as its events tell."""

    state: str | None = None
    agent_id: str | None = None
    accepted: bool = False
    reservation_id: str | None = None
    answered: int = 0


@dataclass
class People:
    """Everybody outside. `partitions`: how many each topic has."""

    kafka: Kafka
    codec: Codec
    partitions: int
    matters: dict[str, Matter] = field(default_factory=dict)
    asked: int = 0
    pressing: bool = False
    """Whether agents accept whatever they are offered, and end what they have."""

    def begin(self, version: int, during: float) -> None:
        """The policy is published, the agents come, and customers write for a while, milliseconds."""
        chance = self.kafka.scheduler.chance
        for partition in range(self.partitions):
            key = control_key(partition)
            command = c.PublishPolicy(command_id=derive(key, version), at=0, version=version, document=encode(POLICY))
            self._write("interaction.commands", key, command)
        for agent in AGENTS:
            register = r.RegisterAgent(
                **self._meta("boss", agent), agent_id=agent, skills=[], groups=[], capacity=chance.randint(1, 2)
            )
            self._write("routing.commands", POOL, register)
            self.set_state(agent, "ready")
        for number in range(MESSAGES):
            self._later(chance.uniform(0, during), lambda number=number: self._message(number))  # type: ignore[misc]
        for _ in range(chance.randint(0, 4)):
            agent, state = chance.choice(AGENTS), chance.choice(("ready", "away", "offline"))
            self._later(
                chance.uniform(0, during),
                lambda agent=agent, state=state: self.set_state(agent, state),  # type: ignore[misc]
            )

    def see(self, event: Event) -> None:
        """An event is there for everybody to see: agents do what is to be done."""
        if event.interaction_id is None:
            return
        matter = self.matters.setdefault(event.interaction_id, Matter())
        matter.state = event.state or matter.state
        match event:
            case e.Assigned():
                matter.agent_id, matter.reservation_id = event.agent_id, event.reservation_id
                matter.accepted = event.reservation_id is None
                self._offered(event.interaction_id, matter)
            case e.Accepted():
                matter.accepted, matter.reservation_id = True, None
                self._soon(event.interaction_id, self._answer)
            case e.Replied() | e.ReplyFailed() | e.ReplyAbandoned():
                self._soon(event.interaction_id, self._end)
            case e.Queued() | e.QueuedAgain() | e.Dispositioned():
                matter.agent_id, matter.accepted, matter.reservation_id = None, False, None
            case _:
                return

    def press(self) -> None:
        """Whatever is left is brought to its end, and asked again for as long as it is not."""
        for agent in AGENTS:
            if any(matter.state == "queued" for matter in self.matters.values()):
                self.set_state(agent, "away")  # who declined something may have it once they are ready anew
            self.set_state(agent, "ready")
        for interaction_id, matter in self.matters.items():
            if matter.state == "dispositioned" or matter.agent_id is None:
                continue
            (self._end if matter.accepted else self._accept)(interaction_id)

    def set_state(self, agent: str, state: str) -> None:
        command = r.SetAgentState(**self._meta(agent), agent_id=agent, state=state)
        self._write("routing.commands", POOL, command)

    @property
    def is_done(self) -> bool:
        return all(matter.state == "dispositioned" for matter in self.matters.values())

    def _offered(self, interaction_id: str, matter: Matter) -> None:
        if matter.accepted:
            self._soon(interaction_id, self._answer)
            return
        choice = 0.0 if self.pressing else self.kafka.scheduler.chance.random()
        if choice < 0.7:
            self._soon(interaction_id, self._accept)
        elif choice < 0.8:
            self._soon(interaction_id, self._decline)

    def _soon(self, interaction_id: str, do: Callable[[str], None]) -> None:
        self._later(self.kafka.scheduler.chance.uniform(10, 2_000), lambda: do(interaction_id))

    def _later(self, millis: float, do: Callable[[], None]) -> None:
        self.kafka.scheduler.at(self.kafka.scheduler.now + millis, do)

    def _accept(self, interaction_id: str) -> None:
        self._by_agent(c.Accept, interaction_id)

    def _decline(self, interaction_id: str) -> None:
        self._by_agent(c.Decline, interaction_id)

    def _answer(self, interaction_id: str) -> None:
        matter = self.matters[interaction_id]
        matter.answered += 1
        text = f"answer {matter.answered} in {interaction_id}"
        self._by_agent(c.Reply, interaction_id, text=text, salt=SALT)

    def _end(self, interaction_id: str) -> None:
        self._by_agent(c.Disposition, interaction_id, code="resolved")

    def _by_agent(self, kind: type[Any], interaction_id: str, **more: Any) -> None:
        agent = self.matters[interaction_id].agent_id or AGENTS[0]
        command = kind(**self._meta(agent), interaction_id=interaction_id, agent_id=agent, **more)
        self._send("interaction.commands", interaction_id.partition(".")[0], command)

    def _message(self, number: int) -> None:
        chance, now = self.kafka.scheduler.chance, self.kafka.scheduler.wall()
        author, channel, account = chance.randrange(AUTHORS), *chance.choice((("x", "9"), ("messenger", "7")))
        key = home(b"simulated", channel, str(author))
        command = c.ReceiveMessage(
            command_id=derive("message", number),
            at=now,
            actor_kind="customer",
            actor_id=key,
            channel=channel,
            accounts=[account],
            item_id=f"item-{number}",
            visibility="public" if channel == "x" else "private",
            posted_at=now,
            handle_id=key,
            platform_id=str(author),
            screen_name=f"person{author}",
            text=f"message {number}",
            salt=SALT,
            raw=b"{}",
        )
        self._send("interaction.commands", key, command)

    def _meta(self, agent: str, about: str = "") -> dict[str, Any]:
        self.asked += 1
        return {
            "command_id": derive("asked", agent, about, self.asked),
            "at": self.kafka.scheduler.wall(),
            "actor_kind": "agent",
            "actor_id": agent,
            "reply_partition": 0,
        }

    def _send(self, topic: str, key: str, command: Command) -> None:
        """It arrives, sooner or later, and perhaps twice."""
        faults, chance = self.kafka.faults, self.kafka.scheduler.chance
        late = chance.uniform(0, LATE) if faults.happens("command late") else 0.0
        self._later(late, lambda: self._write(topic, key, command))
        if faults.happens("command doubled"):
            faults.saw("message repeated")
            self._later(chance.uniform(0, LATE), lambda: self._write(topic, key, command))

    def _write(self, topic: str, key: str, command: Command) -> None:
        place = topic, partition_of(key, self.partitions)
        self.kafka.append(place, key.encode(), self.codec.encode(command))
