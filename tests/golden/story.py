"""The story behind the golden logs: whatever can happen, at least once, decided by the real deciders.

All people and all words are invented. What comes of it depends on nothing but the code, so that the same code writes
the same log. A scene that leads to a new type of record goes where it belongs, or at the end.
"""

import hashlib
from collections import Counter
from typing import Any, Final

from msgspec.structs import replace

from engine.delivery import AccessToken, AttemptBegun, AttemptEnded, Deliver, PolicyVersion
from engine.envelope import derive, home_of
from engine.interaction import commands as c
from engine.interaction import contact_commands as cc
from engine.interaction import events as e
from engine.interaction import letters
from engine.interaction.state import Interaction
from engine.policy.document import Filter, Notice, Policy, Queue, SpecialDay
from engine.policy.rules import encode
from engine.reads import Noted, PersonalRead
from engine.record import Command, Event, Record
from engine.routing import commands as rc
from engine.seals import FIRST, Covered, Seal, Statement, Writer, leaf, marks, root
from rejoinder.golden import Entry
from rejoinder.signing import WriterKey
from tests.unit.builders import ACCOUNT, DAY, HOUR, MINUTE, MONDAY, SECOND, account, at, codec, message, office, outcome
from tests.unit.world import CONTROL, Side, World
from topics.deciding import Output

EVENING: Final = at("2026-03-02 20:00")
TUESDAY: Final = at("2026-03-03 09:00")
SALT: Final = bytes(range(16))
POOL: Final = "main"
AGENTS: Final = ("anna", "ben")


def business(hours: str = "Mo-Fr 09:00-18:00") -> Policy:
    """The policy: a bit of everything."""
    closed = {"emergency": "trouble", "special_day": "feast", "closed": "closed"}
    feast = SpecialDay(date="2026-03-04", name="Founders' day")
    return Policy(
        name="golden",
        accounts=(
            office(hours=hours, special_days=(feast,), notices=closed),
            account(channel="facebook"),
            account(channel="messenger"),
        ),
        queues=(
            Queue(name="care", answer_within="1h", prefer_last_agent_for="1d"),
            Queue(name="billing", skills=("billing",), priority=3, relax_after="10m"),
            Queue(name="workshop", pool="second"),
        ),
        filters=(
            Filter(name="spam", any=("casino",), action="ignore"),
            Filter(name="thanks", any=("thanks",), action="attach"),
            Filter(name="hi", any=("hello there",), action="answer", template="hello", then="close"),
            Filter(name="praise", any=("splendid",), action="engage", engagement="retweet"),
            Filter(name="fame", any=("hooray",), action="engage", engagement="retweet", mode="automatic", then="close"),
            Filter(name="money", any=("refund",), queue="billing", priority=7),
            Filter(name="tools", any=("screwdriver",), queue="workshop"),
        ),
        notices=(
            Notice(name="trouble", text={"en": "{handle} We have trouble."}),
            Notice(name="feast", text={"en": "{handle} We feast today."}),
            Notice(name="closed", text={"en": "{handle} We are closed."}),
            Notice(name="hello", text={"en": "{handle} Hello to you."}),
        ),
        dispositions=("resolved", "no_answer_needed"),
    )


class Story(World):
    """A world that keeps all that would stand in Kafka, in the order in which it came about."""

    def __init__(self) -> None:
        self.log: list[Entry] = []
        self._ends: Counter[str] = Counter()
        self._numbers = 0
        self.published: dict[int, Policy] = {}
        super().__init__({})

    def put(self, topic: str, key: str, record: Record) -> None:
        """A record that no decider writes."""
        self._keep(topic, key, codec().encode(record))

    def _keep(self, topic: str, key: str, value: bytes | None) -> None:
        self.log.append(Entry(topic, 0, self._ends[topic], key, value))
        self._ends[topic] += 1

    def _write(self, side: Side, outputs: list[Output]) -> None:
        kind, _, *rest = side.inputs[-1]
        if kind == "command":
            key, command, source = rest
            self.put(source.topic, key, command)
        for output in outputs:
            if output.topic not in ("interaction.commands", "routing.commands"):  # they are kept when they are decided
                self._keep(output.topic, output.key, output.value)
        super()._write(side, outputs)

    def new_id(self) -> str:
        self._numbers += 1
        return derive("golden", self._numbers)

    def tell(self, key: str, command: Command) -> list[Event]:
        """Decides a command of now, and all that it leads to; the events of interactions, in order."""
        before = len(self.interactions.written)
        self.ask(key, replace(command, command_id=self.new_id(), at=self.now))
        self.drain()
        return [output.event for output in self.interactions.written[before:] if output.event is not None]

    def route(self, command: Command) -> None:
        """Decides a command to routing, and all that it leads to."""
        self.ask_routing(POOL, replace(command, command_id=self.new_id(), at=self.now))
        self.drain()

    def publish(self, policy: Policy) -> None:
        version = len(self.published) + 1
        self.published[version] = policy
        document = encode(policy)
        known = PolicyVersion(version=version, document=document, published_at=self.now, published_by="olga")
        self.put("policies", str(version), known)
        self.tell(CONTROL, c.PublishPolicy(command_id="", at=0, version=version, document=document))

    def writes(self, who: str, item: str, text: str, **more: Any) -> str:
        """Somebody writes; the interaction that it belongs to then."""
        fields = {"posted_at": self.now, "handle_id": key_of(who), "platform_id": f"id-of-{who}", "screen_name": who}
        told = self.tell(key_of(who), message(item, text, **(fields | {"name": who.title()} | more)))
        (received, *_) = [event for event in told if isinstance(event, e.MessageReceived)]
        return received.interaction_id or ""

    def comments(self, who: str, item: str, text: str, **more: Any) -> str:
        """Under a post of the page."""
        more = {"event": "comment", "thread": item} | more
        return self.writes(who, item, text, channel="facebook", screen_name=None, **more)

    def chats(self, who: str, item: str, text: str, **more: Any) -> str:
        """By Messenger, where nobody has a name."""
        more = {"event": "message", "visibility": "private", "name": None} | more
        return self.writes(who, item, text, channel="messenger", screen_name=None, **more)

    def works(self, kind: type[Any], where: str, agent: str | None = None, **more: Any) -> list[Event]:
        """What the agent who has an interaction, or another one, does with it."""
        who = agent or self.row(where).agent_id or "anna"
        actor = "supervisor" if kind is c.TakeOver else "agent"
        fields: dict[str, Any] = {"interaction_id": where, "agent_id": who, "actor_kind": actor, "actor_id": who}
        return self.tell(home_of(where), kind(command_id="", at=0, reply_partition=0, **fields, **more))

    def row(self, where: str) -> Interaction:
        row = self.interactions.deciding.state.rows(home_of(where)).get(Interaction, where)
        assert row is not None
        return row

    def came(self, deliver: Deliver, what: str = "posted", **more: Any) -> list[Event]:
        """An attempt to post, and what came of it."""
        name = f"{deliver.channel}:{deliver.account}"
        asked: dict[str, Any] = {"delivery_id": deliver.delivery_id, "attempt": deliver.attempt, "account": name}
        self.put("delivery.attempts", deliver.delivery_id, AttemptBegun(**asked, begun_at=self.now))
        item = f"post-{deliver.delivery_id[:6]}" if what == "posted" and deliver.text else None
        posted_at = self.now if what == "posted" else None
        fields: dict[str, Any] = {"attempt": deliver.attempt, "interaction_id": deliver.interaction_id}
        fields |= {"item_id": item, "posted_at": posted_at}
        told = self.tell(home_of(deliver.interaction_id), outcome(deliver.delivery_id, what, **(fields | more)))
        ended = AttemptEnded(**asked, ended_at=self.now, outcome=what, item_id=item)
        self.put("delivery.attempts", deliver.delivery_id, ended)
        return told

    def all_posted(self) -> None:
        """What is on its way arrives."""
        while self.deliveries:
            self.came(self.deliveries.pop(0))

    def answered(self, where: str, text: str, **more: Any) -> None:
        self.works(c.Reply, where, text=text, salt=SALT, **more)
        self.all_posted()

    def passes(self, time: int) -> None:
        """Time passes; who did not accept in it went away, and comes back."""
        self.pass_time(self.now + time)
        self.drain()
        for name in AGENTS:
            self.route(rc.SetAgentState(command_id="", at=0, agent_id=name, state="ready"))


def key_of(who: str) -> str:
    return hashlib.sha256(who.encode()).hexdigest()[:32]


def told() -> Story:
    """The whole story."""
    story = Story()
    for scene in (
        people_come_to_work,
        an_answer_that_is_tried_twice,
        offers_that_come_to_nothing,
        what_filters_do,
        what_is_done_about_a_contact,
        from_a_comment_to_messenger,
        what_fails,
        what_comes_early,
        closed,
        what_is_forgotten,
        the_end,
    ):
        scene(story)
    return story


def people_come_to_work(story: Story) -> None:
    story.publish(business())
    for name in AGENTS:
        story.route(rc.RegisterAgent(command_id="", at=0, agent_id=name, skills=[], groups=["gold"], capacity=20))
        story.route(rc.SetAgentState(command_id="", at=0, agent_id=name, state="ready"))
    story.route(rc.SetAgentState(command_id="", at=0, agent_id="nobody", state="ready"))


def an_answer_that_is_tried_twice(story: Story) -> None:
    picture = c.Attachment(kind="image", url="https://example.org/a.png")
    where = story.writes("ann", "a1", "Where is my parcel?", attachments=[picture], language="en")
    story.works(c.Accept, where, "carl")  # it is not his
    story.works(c.Accept, where)
    story.works(c.Reply, where, text="On its way", salt=SALT)
    story.came(story.deliveries.pop(), "retry", reason="unavailable", retry_after=1_000)
    story.passes(MINUTE)
    story.all_posted()
    delivery_id = next(entry.key for entry in story.log if entry.topic == "delivery.attempts")
    story.works(c.Moderate, where, action="delete", item_id=f"post-{delivery_id[:6]}")
    story.all_posted()
    story.writes("ann", "a2", "And now?", in_reply_to="a1")
    story.works(c.Engage, where, engagement="favourite")
    story.all_posted()
    story.tell(key_of("ann"), c.DeleteMessage(command_id="", at=0, channel="x", item_id="a2"))
    story.answered(where, "It comes tomorrow")
    own = c.RecordOwnPost(
        command_id="", at=0, channel="x", account=ACCOUNT, item_id="own-1", in_reply_to="a1", posted_at=story.now,
        text="Written on the platform", salt=SALT, raw=b"{}",
    )  # fmt: skip
    story.tell(key_of("ann"), own)
    story.works(c.Disposition, where, code="resolved")
    story.writes("ann", "a3", "thanks", in_reply_to="a1")
    story.passes(HOUR)
    story.writes("ann", "a4", "It is broken", screen_name="ann_lee")  # whoever served her is asked first


def offers_that_come_to_nothing(story: Story) -> None:
    where = story.writes("bob", "b1", "My router is dead")
    story.works(c.Decline, where)
    story.passes(2 * MINUTE)  # not accepted in time
    agent = story.row(where).agent_id or ""
    story.route(rc.SetAgentState(command_id="", at=0, agent_id=agent, state="offline"))
    story.route(rc.SetAgentState(command_id="", at=0, agent_id=agent, state="ready"))
    story.works(c.Accept, where)
    story.works(c.TakeOver, where, "sue")
    story.works(c.Transfer, where, to_queue="billing", note="A regular", salt=SALT)
    story.passes(10 * MINUTE + 30 * SECOND)  # fewer skills are enough by now
    story.works(c.Accept, where)
    story.works(c.Disposition, where, code="resolved")
    line = story.writes("dora", "d1", "A screwdriver is missing")
    story.works(c.Take, line, "anna")  # out of a line in which nobody serves
    # Taken while routing looks for somebody: the offer is not needed any more.
    key, name = key_of("emil"), {"platform_id": "id-of-emil", "screen_name": "emil", "name": "Emil"}
    given = {"command_id": story.new_id(), "at": story.now, "handle_id": key, "posted_at": story.now}
    story.ask(key, message("e1", "Nothing works", **given, **name))
    story.step(story.interactions)
    fields: dict[str, Any] = {"actor_kind": "agent", "actor_id": "anna", "agent_id": "anna"}
    story.ask(key, c.Take(command_id=story.new_id(), at=story.now, interaction_id=f"{key}.1", **fields))
    story.step(story.interactions)
    story.drain()


def what_filters_do(story: Story) -> None:
    story.writes("spammer", "f1", "Come to our casino")
    story.writes("fred", "f2", "hello there")
    story.all_posted()
    story.writes("gina", "f3", "hello there", posted_at=story.now - 3 * HOUR)  # too old for an answer
    story.writes("hans", "f4", "You are splendid")
    story.writes("ida", "f5", "hooray")
    story.all_posted()


def what_is_done_about_a_contact(story: Story) -> None:
    key = key_of("ann")
    by_agent: dict[str, Any] = {"command_id": "", "at": 0, "actor_kind": "agent", "actor_id": "anna"}
    by_boss = by_agent | {"actor_kind": "supervisor", "actor_id": "sue"}
    story.tell(key, cc.SetLanguage(**by_agent, language="de"))
    story.tell(key, cc.BlockContact(**by_boss))
    story.tell(key, cc.UnblockContact(**by_boss))
    story.writes("kim", "k1", "stop")
    imported = cc.ImportContact(command_id="", at=0, channel="x", platform_id="7", screen_name="lea", name="Lea")
    story.tell(key_of("lea"), imported)
    story.tell(key, cc.LinkHandle(**by_agent, handle_id=key_of("lea")))
    story.writes("lea", "l1", "Me again")
    story.tell(key, cc.UnlinkHandle(**by_agent, handle_id=key_of("lea")))


def from_a_comment_to_messenger(story: Story) -> None:
    where = story.comments("mia", "m1", "Where is my order?", index=[derive("item", "m1")])
    story.works(c.Take, where, "anna")
    story.works(c.Moderate, where, action="hide", item_id="m1")
    story.all_posted()
    story.works(c.MoveToPrivate, where, text="Your number?", announcement="I wrote to you", salt=SALT)
    private = story.deliveries.pop()
    story.came(private, recipient_handle=key_of("mia-m"), recipient_id="psid-1")
    story.all_posted()
    story.chats("mia-m", "mm1", "It is 4711", platform_id="psid-1")
    story.answered(where, "Thank you")
    story.works(c.Disposition, where, code="resolved")
    other = story.comments("nora", "n1", "I want to cancel")
    story.works(c.Take, other, "ben")
    story.works(c.MoveToPrivate, other, announcement="Write to us: {link}", salt=SALT)
    ref = story.deliveries[-1].text.partition("?ref=")[2]
    story.all_posted()
    for who, item in (("nora-m", "nm1"), ("stranger", "s1")):
        followed = c.RecordReferral(
            command_id="", at=0, channel="messenger", account=ACCOUNT, handle_id=key_of(who),
            platform_id=f"id-of-{who}", ref=ref,
        )  # fmt: skip
        story.tell(key_of(who), followed)
        story.chats(who, item, "Here I am")
    edit = c.EditMessage(
        command_id="", at=0, channel="facebook", item_id="n1", edited_at=story.now + 1, text="Never mind", salt=SALT
    )
    story.tell(key_of("nora"), edit)
    story.passes(31 * MINUTE)  # nobody writes: the conversation is over


def what_fails(story: Story) -> None:
    where = story.comments("otto", "o1", "No answer?")
    story.works(c.Take, where, "anna")
    for what in ("refused", "undecided"):
        story.works(c.Reply, where, text=f"It was {what}", salt=SALT)
        story.came(story.deliveries.pop(), what, reason="gone", detail="It is gone.", item_id=None, posted_at=None)


def what_comes_early(story: Story) -> None:
    key, item_key = key_of("paul"), derive("item", "p1")
    edited: dict[str, Any] = {"command_id": "", "at": 0, "channel": "facebook", "edited_at": story.now, "salt": SALT}
    story.tell(item_key, c.EditMessage(item_id="p1", text="Changed already", **edited))
    story.comments("paul", "p1", "As it was", index=[item_key])
    story.tell(key, c.EditMessage(item_id="p2", text="It never comes", **edited))
    story.tell(key, c.DeleteMessage(command_id="", at=0, channel="facebook", item_id="p3"))


def closed(story: Story) -> None:
    story.passes(EVENING - story.now)
    where = story.writes("rita", "r1", "Anybody there?")
    story.all_posted()
    story.tell(CONTROL, c.ActivateEmergency(command_id="", at=0, account=f"x:{ACCOUNT}"))
    story.all_posted()
    story.passes(MINUTE)
    story.tell(CONTROL, c.EndEmergency(command_id="", at=0, account=f"x:{ACCOUNT}"))
    story.publish(business("Mo-Fr 08:00-18:00"))
    story.passes(TUESDAY - story.now)
    story.works(c.Take, where, "anna")
    story.answered(where, "We are back")
    story.passes(4 * DAY)


def what_is_forgotten(story: Story) -> None:
    """One text, then a whole person; and who was shown what."""
    key = key_of("quinn")
    by_boss: dict[str, Any] = {"command_id": "", "at": 0, "actor_kind": "supervisor", "actor_id": "sue"}
    where = story.comments("quinn", "q1", "My password is swordfish")
    story.tell(key, cc.EraseWords(**by_boss, content_id=f"{key}:m:q1"))
    story.tell(key, cc.EraseContact(**by_boss))
    read = PersonalRead(
        at=story.now, actor_id="ina", role="agent", door="api", what="read_interaction", interactions=[where]
    )
    story.put("audit.reads", "ina", Noted(statement=codec().encode(read), signature=b""))


def the_end(story: Story) -> None:
    """What no customer leads to."""
    settled = letters.SettleDeadLetter(
        command_id="", at=0, letter_partition=0, letter_offset=0, outcome="discarded", code="no_command",
        source_topic="interaction.commands", source_partition=0, source_offset=3, why="a test",
    )  # fmt: skip
    no_command: Any = e.Words(text="These words went astray", salt=SALT)
    story.ask(key_of("ann"), no_command)  # it becomes a dead letter
    story.tell(CONTROL, settled)
    late = letters.DecideDeadline(command_id="", at=0, decider="interaction", name="expire", ref=f"{key_of('ann')}.1")
    story.tell(key_of("ann"), late)
    story.tell(CONTROL, c.AdvanceTime(command_id="", at=0))
    token = AccessToken(
        token_id="t1", digest=b"d" * 32, role="analyst", subject="ina", created_at=MONDAY, created_by="olga",
        expires_at=MONDAY + DAY,
    )  # fmt: skip
    story.put("access.tokens", "t1", token)
    _seal(story)


def _seal(story: Story) -> None:
    """As if all had come about in one transaction."""
    writer = "interaction-1"
    key = WriterKey(b"golden", writer)
    sides = [("interaction.events", story.interactions), ("routing.events", story.routing)]
    events = {topic: [each for each in side.written if each.event is not None] for topic, side in sides}
    leaves = [leaf(topic, 0, each.key, each.digest) for topic, found in events.items() for each in found]
    covered = [Covered(topic=topic, partition=0, count=len(each), last=len(each) - 1) for topic, each in events.items()]
    statement = codec().encode(
        Statement(
            writer=writer,
            number=1,
            previous=FIRST,
            at=story.now + SECOND,
            covered=covered,
            root=root(leaves),
            marks=marks(leaves),
        )
    )
    story.put("audit.seals", writer, Seal(statement=statement, signature=key.sign(statement)))
    story.put("audit.writers", writer, Writer(writer=writer, public_key=key.public_key, since=0, at=MONDAY))
