"""What people do in the shows' recorded time: customers write, agents accept, answer, pass on and end.

It draws from one source of chance, so the same log comes of the same size. Only what is under way is in memory.
"""

import heapq
import json
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any, Final

from bench.shows import company
from bench.shows.company import Author
from bench.shows.writing import Writing
from engine.envelope import derive, home_of
from engine.interaction import commands as c
from engine.interaction import contact_commands as cc
from engine.interaction import events as e
from engine.record import Command, Event
from engine.routing import commands as r
from engine.routing import events as re
from topics.catalogue import INTERACTION_COMMANDS, ROUTING_COMMANDS

POOL: Final = "main"
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
DAYS: Final = 100
"""Over which the interactions are spread, about."""
TICK: Final = 10 * MINUTE
"""How exactly the partitions are told the time."""
PEOPLE: Final = 0.45
"""Customers for each interaction."""
A_DAY_AND_AGENT: Final = 60
"""Interactions for each agent on a day."""
FEWEST: Final = 6
CAPACITY: Final = 4
SAID: Final = 10_000

DECLINES, LAPSES = 0.03, 0.02
"""Of the offers; the others are accepted."""
PASSES_ON, ENDS_AT_ONCE = 0.06, 0.04
"""Of those that an agent accepts; the others are answered."""
WRITES_AGAIN, MOST_ANSWERS = 0.25, 3
ADDS: Final = 0.1
"""Of the customers write once more before they are answered."""
DELETES: Final = 0.02
REFUSED: Final = 0.01
"""Of what is posted."""
MERGES: Final = 0.02
"""Of the interactions' ends: the agent finds that the customer has another handle."""
AT_LAST: Final = 4 * HOUR
"""After which an agent ends what is still there, whatever came between: else slots would be lost for ever."""
SPAM, ASKS_FOR_HOURS = 0.05, 0.05
_WORDS: Final = (
    "my", "internet", "phone", "order", "bill", "is", "was", "down", "late", "wrong", "since", "this", "morning",
    "please", "look", "at", "it", "again", "thanks", "nobody", "answers", "the", "router", "parcel", "account",
)  # fmt: skip
_ANSWERED: Final = ("Sorry", "to", "hear", "that", "we", "look", "into", "it", "and", "write", "again", "today")

Act = Callable[[int], None]


@dataclass
class _Matter:
    """An interaction that is under way."""

    author: Author
    item: str
    """The customer's first post, or our latest answer: what the customer answers next."""
    agent: str | None = None
    answers: int = 0
    passed_on: bool = False


@dataclass
class Traffic:
    """Everything that happens, in the order of its times."""

    writing: Writing
    interactions: int
    """How many are wanted: the busier each day."""
    seed: int = 1
    opened: int = 0
    """Interactions so far."""
    now: int = company.BEGIN
    _told: int = company.BEGIN
    _due: list[tuple[int, int, Act]] = field(default_factory=list)
    _open: dict[str, _Matter] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)
        self._numbers = count(1)
        self._people = max(20, round(self.interactions * PEOPLE))
        self._most_an_hour = max(1.0, self.interactions / DAYS * 7 / company.IN_A_WEEK * company.MOST)
        self._agents = company.agents(max(FEWEST, round(self.interactions / DAYS / A_DAY_AND_AGENT)))
        for events in self.writing.advance(self.now, all_=True):
            self._take(events)
        for name, skills in self._agents:
            register = self._by("boss", r.RegisterAgent, agent_id=name, skills=skills, groups=[], capacity=CAPACITY)
            self._ask(ROUTING_COMMANDS, POOL, register)
        self._soon(0, self._shift)
        self._soon(0, self._arrive)

    def until(self, opened: int, told: Callable[[int], None] = lambda opened: None) -> None:
        """Goes on until so many interactions began; what is written by then stands."""
        said = self.opened
        while self.opened < opened:
            self._step()
            if self.opened - said >= SAID:
                said = self.opened
                told(said)
        self.writing.commit()

    def go_on(self, stop: threading.Event, per_second: int) -> None:
        """Goes on at a steady rate of interactions, until told to stop."""
        began, before = time.monotonic(), self.opened
        while not stop.is_set():
            due = before + int((time.monotonic() - began) * per_second)
            if self.opened < due:
                self.until(due)
            stop.wait(0.2)

    def _step(self) -> None:
        at, _, act = heapq.heappop(self._due)
        tick = at - at % TICK
        if tick > self._told:
            self._told = self.now = tick
            for events in self.writing.advance(tick):
                self._take(events)
        self.now = at
        act(at)

    def _soon(self, after: float, act: Act) -> None:
        """`act` is done so many milliseconds from now."""
        heapq.heappush(self._due, (self.now + round(after), next(self._numbers), act))

    def _between(self, least: float, most: float) -> float:
        return self._dice.uniform(least, most)

    def _ask(self, topic: str, key: str, command: Command, author: Author | None = None) -> None:
        self._take(self.writing.ask(topic, key, command), author)

    def _by(self, agent: str, kind: type[Command], **fields: Any) -> Command:
        """A command of somebody at a desk."""
        return self._made(kind, actor_kind="agent", actor_id=agent, **fields)

    def _made(self, kind: type[Command], **fields: Any) -> Command:
        return kind(command_id=derive("shows", self.seed, next(self._numbers)), at=self.now, **fields)

    # What customers do

    def _arrive(self, at: int) -> None:
        """At the busiest hour's rate; at other hours only some of them write."""
        self._soon(self._dice.expovariate(self._most_an_hour) * HOUR, self._arrive)
        if self._dice.random() * company.MOST < company.weight(at):
            self._write(company.author(self._dice.randrange(self._people)), None)

    def _write(self, author: Author, answered: str | None) -> None:
        item = str(1_900_000_000_000_000_000 + next(self._numbers))
        text, thread = self._text(), None
        if author.channel == "facebook":
            item = f"{company.PAGE}_{item}"
            thread = answered or item
        raw = {"id": item, "text": text, "from": author.platform_id, "parent": answered, "created": self.now}
        command = self._made(
            c.ReceiveMessage,
            actor_kind="customer",
            actor_id=author.home,
            channel=author.channel,
            accounts=[author.account],
            item_id=item,
            visibility=author.visibility,
            posted_at=self.now,
            handle_id=author.home,
            platform_id=author.platform_id,
            screen_name=f"person{author.number}" if author.channel == "x" else None,
            name=f"Person {author.number}",
            text=text,
            salt=self._dice.randbytes(16),
            language="en",
            in_reply_to=answered if author.visibility == "public" else None,
            raw=json.dumps(raw).encode(),
            event="reply" if answered is not None and author.event == "mention" else author.event,
            thread=thread,
        )
        self._ask(INTERACTION_COMMANDS, author.home, command, author)

    def _text(self) -> str:
        chance = self._dice.random()
        words = self._dice.choices(_WORDS, k=self._dice.randint(6, 24))
        if chance < SPAM:
            words.append("casino")
        elif chance < SPAM + ASKS_FOR_HOURS:
            words.append("opening hours")
        return " ".join(words)

    def _write_again(self, interaction: str, at: int) -> None:
        matter = self._open.get(interaction)
        if matter is not None:
            self._write(matter.author, matter.item)

    def _delete(self, author: Author, item: str, at: int) -> None:
        command = self._made(
            c.DeleteMessage, actor_kind="customer", actor_id=author.home, channel=author.channel, item_id=item
        )
        self._ask(INTERACTION_COMMANDS, author.home, command)

    # What agents do, and the platform

    def _shift(self, at: int) -> None:
        following, come = company.next_shift(at)
        self._soon(following - at, partial(self._change, "ready" if come else "offline"))

    def _change(self, state: str, at: int) -> None:
        for name, _ in self._agents:
            self._ask(ROUTING_COMMANDS, POOL, self._by(name, r.SetAgentState, agent_id=name, state=state))
        self._shift(at)

    def _return(self, agent: str, at: int) -> None:
        if company.OPENS * HOUR <= at % DAY < company.CLOSES * HOUR:
            self._ask(ROUTING_COMMANDS, POOL, self._by(agent, r.SetAgentState, agent_id=agent, state="ready"))

    def _do(self, kind: type[Command], interaction: str, agent: str, at: int, **fields: Any) -> None:
        """What an agent does with an interaction, if it is still under way."""
        if interaction in self._open:
            command = self._by(agent, kind, interaction_id=interaction, agent_id=agent, **fields)
            self._ask(INTERACTION_COMMANDS, home_of(interaction), command)

    def _do_mine(self, kind: type[Command], interaction: str, agent: str, at: int, **fields: Any) -> None:
        """The same, if it is still this agent's."""
        if (matter := self._open.get(interaction)) is not None and matter.agent == agent:
            self._do(kind, interaction, agent, at, **fields)

    def _answer_soon(self, interaction: str, agent: str) -> None:
        text = " ".join(self._dice.choices(_ANSWERED, k=self._dice.randint(8, 20)))
        fields: dict[str, Any] = {"text": text, "salt": self._dice.randbytes(16)}
        self._soon(self._between(MINUTE, 6 * MINUTE), partial(self._do_mine, c.Reply, interaction, agent, **fields))

    def _end_soon(self, interaction: str, agent: str, after: float | None = None) -> None:
        code = self._dice.choice(company.CODES)
        after = self._between(20 * SECOND, 3 * MINUTE) if after is None else after
        self._soon(after, partial(self._do_mine, c.Disposition, interaction, agent, code=code))

    def _post(self, interaction: str, delivery: str, at: int) -> None:
        refused = self._dice.random() < REFUSED
        outcome: dict[str, Any] = {"outcome": "refused", "reason": "not_allowed", "detail": "Ask for the permission."}
        if not refused:
            item = str(1_900_000_000_000_000_000 + next(self._numbers))
            outcome = {"outcome": "posted", "item_id": item, "posted_at": at}
        command = self._made(c.RecordDelivery, interaction_id=interaction, delivery_id=delivery, attempt=1, **outcome)
        self._ask(INTERACTION_COMMANDS, home_of(interaction), command)

    # What follows of what happened

    def _take(self, events: Sequence[Event], author: Author | None = None) -> None:
        for event in events:
            interaction = event.interaction_id
            if isinstance(event, re.AgentStateChanged) and event.agent_state == "away":
                self._soon(5 * MINUTE, partial(self._return, event.agent_id))
            elif interaction is None:
                continue
            elif isinstance(event, e.MessageReceived):
                self._received(interaction, event, author)
            elif (matter := self._open.get(interaction)) is not None:
                self._follow(interaction, matter, event)

    def _received(self, interaction: str, event: e.MessageReceived, author: Author | None) -> None:
        if author is None:
            return
        if event.joined == "opened":
            self.opened += 1
            self._open[interaction] = _Matter(author, event.item_id)
            chance = self._dice.random()
            if chance < DELETES:
                self._soon(self._between(MINUTE, 10 * MINUTE), partial(self._delete, author, event.item_id))
            elif chance < DELETES + ADDS:
                self._soon(self._between(MINUTE, 5 * MINUTE), partial(self._write_again, interaction))

    def _follow(self, interaction: str, matter: _Matter, event: Event) -> None:
        match event:
            case e.Assigned(agent_id=agent, why="written_again"):
                matter.agent = agent
                self._answer_soon(interaction, agent)
                self._end_soon(interaction, agent, AT_LAST)
            case e.Assigned(agent_id=agent):
                self._offered(interaction, agent)
            case e.Accepted(agent_id=agent):
                matter.agent = agent
                self._accepted(interaction, matter, agent)
            case e.Queued() | e.OutOfHours():
                matter.agent = None
            case e.ReplyRequested() | e.NoticeRequested() | e.AutoReplyRequested():
                self._soon(self._between(300, 2_000), partial(self._post, interaction, event.delivery_id))
            case e.Replied():
                self._replied(interaction, matter, event)
            case e.ReplyFailed() | e.CommandRefused(command="Reply" | "Transfer") if matter.agent is not None:
                self._end_soon(interaction, matter.agent)
            case e.Dispositioned():
                del self._open[interaction]
                if event.agent_id is not None and self._dice.random() < MERGES:
                    self._soon(MINUTE, partial(self._merge, home_of(interaction), event.agent_id))

    def _offered(self, interaction: str, agent: str) -> None:
        chance = self._dice.random()
        if chance < LAPSES:
            return
        kind = c.Decline if chance < LAPSES + DECLINES else c.Accept
        self._soon(self._between(3 * SECOND, 40 * SECOND), partial(self._do, kind, interaction, agent))

    def _accepted(self, interaction: str, matter: _Matter, agent: str) -> None:
        self._end_soon(interaction, agent, AT_LAST)
        chance = self._dice.random()
        if chance < PASSES_ON and not matter.passed_on:
            matter.passed_on = True
            queue = self._dice.choice(company.QUEUES)
            self._soon(MINUTE, partial(self._do_mine, c.Transfer, interaction, agent, to_queue=queue))
        elif chance < PASSES_ON + ENDS_AT_ONCE:
            self._end_soon(interaction, agent)
        else:
            self._answer_soon(interaction, agent)

    def _replied(self, interaction: str, matter: _Matter, event: e.Replied) -> None:
        matter.answers += 1
        matter.item = event.item_id or matter.item
        if matter.answers < MOST_ANSWERS and self._dice.random() < WRITES_AGAIN:
            self._soon(self._between(3 * MINUTE, HOUR), partial(self._write_again, interaction))
        elif matter.agent is not None:
            self._end_soon(interaction, matter.agent)

    def _merge(self, contact: str, agent: str, at: int) -> None:
        other = company.author(self._dice.randrange(self._people))
        command = self._by(agent, cc.LinkHandle, handle_id=other.home)
        self._ask(INTERACTION_COMMANDS, contact, command)
