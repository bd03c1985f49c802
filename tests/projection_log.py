"""Hand-made logs for the tests of the projections: whole records with envelope, chain and positions."""

import functools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.envelope import derive, digest, genesis, home, interaction_id, partition_of
from engine.interaction import contact_events as ce
from engine.interaction import events as e
from engine.interaction.commands import Attachment
from engine.lifecycle import CHANGES, INITIAL, after
from engine.record import Event
from engine.routing import events as routing
from projections.records import (
    INTERACTION_CONTENT,
    INTERACTION_EVENTS,
    INTERACTION_PROFILES,
    ROUTING_EVENTS,
    Logged,
    read,
)
from rejoinder.schema_files import record_types, schema_of
from schemas.codec import Codec

PARTITIONS = 4
START = 1_509_000_000_000  # recorded time: October 2017


@functools.cache
def codec() -> Codec:
    """Made once: to parse all schemas takes longer than most tests."""
    types = record_types()
    return Codec.local(types, {name: schema_of(record) for name, record in types.items()})


@dataclass
class Raw:
    """A record as Kafka would hold it."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes | None


@dataclass
class Log:
    """Appends records as the processors would write them."""

    codec: Codec = field(default_factory=codec)
    records: list[Raw] = field(default_factory=list)
    _ends: dict[tuple[str, int], int] = field(default_factory=dict)
    _chains: dict[tuple[str, str], tuple[int, bytes]] = field(default_factory=dict)
    _states: dict[str, str] = field(default_factory=dict)

    def append(self, topic: str, key: str, record: msgspec.Struct | None) -> Raw:
        """A record of the topic; an event gets its place in the key's chain."""
        if isinstance(record, Event):
            self._complete(topic, key, record)
        value = None if record is None else self.codec.encode(record)
        partition = partition_of(key, PARTITIONS)
        offset = self._ends.get((topic, partition), 0)
        self._ends[(topic, partition)] = offset + 1
        if isinstance(record, Event) and value is not None:
            self._chains[(topic, key)] = (record.sequence, digest(*self.codec.split(value)))
        raw = Raw(topic, partition, offset, key, value)
        self.records.append(raw)
        return raw

    def logged(self, since: int = 0) -> list[Logged]:
        """What a projector would read."""
        return [
            read(raw.topic, raw.partition, raw.offset, raw.key.encode(), raw.value, self.codec)
            for raw in self.records[since:]
        ]

    @property
    def ends(self) -> dict[tuple[str, int], int]:
        return dict(self._ends)

    def _complete(self, topic: str, key: str, event: Event) -> None:
        sequence, previous = self._chains.get((topic, key), (0, genesis(key)))
        event.sequence, event.previous = sequence + 1, previous
        event.event_id = event.event_id or derive(key, topic, sequence + 1)
        event.decided_at = event.decided_at or event.occurred_at + 5
        event.actor_kind = event.actor_kind or "system"
        event.input_topic = event.input_topic or "interaction.commands"
        if topic != INTERACTION_EVENTS or event.interaction_id is None:
            return
        before = self._states.get(event.interaction_id)
        name = type(event).__name__
        if before is None:
            event.state = INITIAL
        else:
            event.state = after(before, name) if name in CHANGES else before
        self._states[event.interaction_id] = event.state


class Person:
    """A customer whose events are told one after the other; time moves a minute with each."""

    def __init__(
        self, log: Log, number: int = 1, account: str = "42", channel: str = "x", *, named: bool = True
    ) -> None:
        self.log, self.account, self.channel = log, account, channel
        self.home = home(b"test", channel, str(number))
        self.platform_id = str(number)
        self.screen_name = f"customer_{number}"
        self.number = 0
        self.at = START + number * 1000
        self._items = number * 1000
        if named:
            self.profile(f"{self.home}:p")

    def profile(self, profile_id: str, name: str | None = None) -> None:
        """The names of this person's handle, kept under an id; on Facebook nobody has a screen name."""
        screen_name = self.screen_name if self.channel == "x" else None
        names = e.Profile(
            channel=self.channel,
            platform_id=self.platform_id,
            screen_name=screen_name,
            name=name or f"Customer {self.platform_id}",
        )
        self.log.append(INTERACTION_PROFILES, profile_id, names)

    @property
    def interaction(self) -> str:
        return interaction_id(self.home, self.number)

    def tell(self, kind: type[Event], /, **facts: Any) -> Event:
        self.at += 60_000
        resolved = kind is not e.MessageReceived or self.number > 1
        event = kind(
            interaction_id=facts.pop("interaction_id", self.interaction),
            contact_id=facts.pop("contact_id", self.home if resolved else None),
            occurred_at=facts.pop("occurred_at", self.at),
            **facts,
        )
        self.log.append(INTERACTION_EVENTS, self.home, event)
        return event

    def item(self) -> str:
        self._items += 1
        return str(self._items)

    def words(self, content_id: str, text: str, attachments: Sequence[Attachment] = ()) -> None:
        words = e.Words(text=text, salt=b"s" * 16, language="en", attachments=list(attachments))
        self.log.append(INTERACTION_CONTENT, content_id, words)

    def of_contact(self, kind: type[Event], /, **facts: Any) -> Event:
        """Something that happened to the contact or to the handle, apart from any interaction."""
        return self.tell(kind, interaction_id=None, **facts)

    def writes(
        self, text: str, joined: str = "opened", posted_at: int | None = None, **facts: Any
    ) -> e.MessageReceived:
        """A message, posted when it is received unless another time is given."""
        if joined == "opened":
            self.number += 1
        item = self.item()
        content_id = f"{self.home}:m:{item}"
        attachments: Sequence[Attachment] = facts.pop("files", ())
        event = self.tell(
            e.MessageReceived,
            item_id=item,
            content_id=content_id,
            words=b"d" * 32,
            channel=facts.pop("channel", self.channel),
            account=self.account,
            visibility=facts.pop("visibility", "public"),
            handle_id=facts.pop("handle_id", self.home),
            attachments=len(attachments),
            posted_at=self.at + 60_000 if posted_at is None else posted_at,
            joined=joined,
            action=facts.pop("action", "route"),
            actor_kind="customer",
            actor_id=self.home,
            **facts,
        )
        self.words(content_id, text, attachments)
        assert isinstance(event, e.MessageReceived)
        return event

    def resolved(self) -> None:
        if self.number == 1:
            self.tell(ce.ContactCreated, handle_id=self.home, channel=self.channel, profile_id=f"{self.home}:p")
        self.tell(e.ContactResolved, how="created" if self.number == 1 else "found")

    def queued(self, queue: str = "care", why: str = "received", **facts: Any) -> None:
        self.tell(
            e.Queued,
            queue=queue,
            pool="main",
            skills=["billing"],
            priority=5,
            request_id=f"q{self.at}",
            why=why,
            **facts,
        )

    def offered(self, agent: str) -> str:
        reservation = derive(self.home, "reservation", self.at)
        self.log.append(
            ROUTING_EVENTS,
            "main",
            routing.Reserved(
                interaction_id=self.interaction,
                reservation_id=reservation,
                request_id="q",
                agent_id=agent,
                waited=12_000,
                occurred_at=self.at,
            ),
        )
        self.tell(e.Assigned, agent_id=agent, reservation_id=reservation, accept_by=self.at + 120_000, why="reserved")
        return reservation

    def accepted(self, agent: str) -> None:
        self.tell(e.Accepted, agent_id=agent, reservation_id=self.offered(agent), actor_kind="agent", actor_id=agent)

    def answer(self, agent: str, text: str, **facts: Any) -> str:
        """An answer on its way; the delivery."""
        delivery = derive(self.home, "delivery", self.at)
        content_id = f"{self.home}:r:{delivery}"
        self.tell(
            e.ReplyRequested,
            delivery_id=delivery,
            agent_id=agent,
            visibility=facts.pop("visibility", "public"),
            in_reply_to=str(self._items),
            content_id=content_id,
            words=b"d" * 32,
            actor_kind="agent",
            actor_id=agent,
            **facts,
        )
        self.words(content_id, text)
        return delivery

    def posted(self, delivery: str, agent: str, *, first: bool = True, posted_at: int | None = None) -> e.Replied:
        event = self.tell(
            e.Replied,
            delivery_id=delivery,
            agent_id=agent,
            item_id=self.item(),
            posted_at=self.at if posted_at is None else posted_at,
            first_response=first,
            settled_by="outcome",
        )
        assert isinstance(event, e.Replied)
        return event

    def answered(self, agent: str, text: str, *, first: bool = True) -> None:
        self.posted(self.answer(agent, text), agent, first=first)


def conversations(log: Log, people: int, seed: int = 1) -> None:
    """A log of ordinary support conversations: 10 to 25 events a person, many people at once."""
    dice = random.Random(seed)

    def life(number: int) -> Iterator[None]:
        person = Person(log, number)
        agent = f"agent-{number % 7}"
        for turn in range(dice.randint(1, 2)):
            person.writes(f"My order {number} has not come")
            person.resolved()
            person.queued()
            yield
            if dice.random() < 0.2:
                reservation = person.offered("agent-9")
                person.tell(
                    e.QueuedAgain, request_id="q", reservation_id=reservation, agent_id="agent-9", why="expired"
                )
            person.accepted(agent)
            for _ in range(dice.randint(0, 2)):
                person.writes("Hello?", joined="thread")
                yield
            person.answered(agent, f"We are looking into it, @{person.screen_name}")
            yield
            if turn or dice.random() < 0.5:
                person.tell(e.Dispositioned, code="resolved", agent_id=agent)
            else:
                return

    lives = [life(number) for number in range(1, people + 1)]
    while lives:
        current = lives[dice.randrange(len(lives))]
        if next(current, "over") == "over":
            lives.remove(current)
