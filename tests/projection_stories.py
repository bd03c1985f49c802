"""Logs with what happens beside a public answer, in the orders in which the engine decides it."""

import random
from collections.abc import Callable, Iterator
from typing import Any

from engine.interaction import contact_events as ce
from engine.interaction import events as e
from engine.interaction.commands import Attachment
from projections.records import INTERACTION_CONTENT
from tests.projection_log import Log, Person

PICTURE = Attachment(kind="image", url="https://example.org/a.png")
PAGE = "77"


class Commenter(Person):
    """A customer under a post of the company's page, with a Messenger handle that is not known yet."""

    def __init__(self, log: Log, number: int = 1) -> None:
        super().__init__(log, number, PAGE, "facebook")
        self.messenger = Person(log, number, PAGE, "messenger", named=False)
        self.messenger.at = self.at

    def comments(self, text: str = "Where is my order?") -> e.MessageReceived:
        """The first comment, up to an agent who accepted it."""
        event = self.writes(text, event="comment", thread=f"{PAGE}_1", files=[PICTURE])
        self.resolved()
        self.queued(answer_by=self.at + 3_600_000)
        self.accepted("agent-1")
        return event

    def moves(self, how: str = "private_reply", version: int = 1) -> None:
        """The agent's private answer, which tells the Messenger handle, and the announcement after it."""
        answer = self.answer("agent-1", "Your order number?", visibility="private", action="private_answer", moves=True)
        announcement = self.answer("agent-1", "We wrote to you", after=answer)
        self.posted(answer, "agent-1")
        self.tell(ce.HandleLinked, handle_id=self.messenger.home, version=version, how=how)
        profile_id = f"{self.home}:h:{self.messenger.home}"
        self.tell(ce.ProfileRecorded, handle_id=self.messenger.home, channel="messenger", profile_id=profile_id)
        self.messenger.profile(profile_id, "Ann")
        self.tell(e.MovedToPrivate, agent_id="agent-1", how="message", channel="messenger")
        self.tell(e.ReplyReleased, delivery_id=announcement)
        self.links(version, how)
        self.posted(announcement, "agent-1", first=False)

    def links(self, version: int = 1, how: str = "private_reply") -> None:
        """On the Messenger handle's own key: what it sends goes to the commenter's contact."""
        self.messenger.at = self.at
        self.messenger.of_contact(ce.HomeLinked, contact_id=None, to=self.home, version=version, how=how)

    def chats(self, text: str = "It is 4711") -> e.MessageReceived:
        """A message by Messenger, which the handle's own key passes on."""
        self.messenger.at = self.at
        item_id = f"m_{self.at}"
        self.messenger.of_contact(
            ce.Forwarded, contact_id=None, command="ReceiveMessage", item_id=item_id, to=self.home
        )
        return self.writes(
            text,
            joined="private",
            channel="messenger",
            visibility="private",
            handle_id=self.messenger.home,
            event="message",
            via=[self.messenger.home],
        )


def moved_to_messenger(log: Log, number: int = 1) -> Commenter:
    """A comment, a private answer to it, and a conversation in Messenger up to its end."""
    person = Commenter(log, number)
    person.comments()
    person.moves()
    person.chats()
    person.tell(e.Assigned, agent_id="agent-1", why="written_again")
    person.tell(e.SessionOpened, agent_id="agent-1", session=1)
    person.posted(
        person.answer("agent-1", "It comes tomorrow", visibility="private", action="message"), "agent-1", first=False
    )
    person.tell(e.SessionClosed, session=1, why="dispositioned")
    person.tell(e.Dispositioned, code="resolved", agent_id="agent-1", actor_kind="agent", actor_id="agent-1")
    return person


def mentions(log: Log, number: int = 1, **facts: Any) -> Person:
    """A post that mentions the company, up to its contact."""
    person = Person(log, number)
    person.writes("What a great service!", **facts)
    person.resolved()
    return person


def asks_to_answer(person: Person, then: str = "close") -> str:
    """A filter's answer on its way; the delivery."""
    delivery = f"auto{person.home[:8]}{person.at}"
    content_id = f"{person.home}:r:{delivery}"
    person.tell(
        e.AutoReplyRequested,
        delivery_id=delivery,
        filter="thanks",
        template="thanks",
        language="en",
        visibility="public",
        in_reply_to="1",
        content_id=content_id,
        words=b"d" * 32,
        then=then,
        actor_kind="policy",
    )
    person.words(content_id, "Thank you!")
    return delivery


def answered_automatically(log: Log, number: int = 1) -> Person:
    """A post that a filter answers and ends."""
    person = mentions(log, number, action="answer", filter="thanks", sentiment=0.8)
    person.tell(e.AutoReplied, delivery_id=asks_to_answer(person), item_id=person.item(), posted_at=person.at)
    person.tell(e.Dispositioned, code="answered", actor_kind="policy")
    return person


def not_answered_automatically(log: Log, number: int = 1) -> Person:
    """A post that a filter would have ended with its answer, which the platform refused."""
    person = mentions(log, number, action="answer", filter="thanks")
    delivery = asks_to_answer(person)
    person.tell(e.DeliveryFailed, delivery_id=delivery, attempt=1, reason="unavailable", retry_at=person.at + 1000)
    person.tell(e.DeliveryRetried, delivery_id=delivery, attempt=2)
    person.tell(e.ReplyFailed, delivery_id=delivery, reason="not_allowed", detail="Ask X for a higher tier.")
    person.queued(why="not_answered")
    return person


def asks_to_engage(person: Person, engagement: str = "like", agent: str | None = None, **facts: Any) -> str:
    """A retweet or like of the latest message on its way; the delivery."""
    delivery = f"engage{person.home[:8]}{person.at}"
    item_id = facts.pop("item_id", "1")
    person.tell(
        e.EngagementRequested, delivery_id=delivery, engagement=engagement, item_id=item_id, agent_id=agent, **facts
    )
    return delivery


def liked_by_an_agent(log: Log, number: int = 1) -> Person:
    """A post that a filter suggested to like; the agent did, and ended it without an answer."""
    person = mentions(log, number, action="engage", filter="praise", sentiment=0.9)
    person.tell(e.EngagementSuggested, engagement="like", item_id="1", filter="praise", actor_kind="policy")
    person.queued()
    person.accepted("agent-1")
    delivery = asks_to_engage(person, agent="agent-1")
    person.tell(e.Engaged, delivery_id=delivery, engagement="like", item_id="1", agent_id="agent-1", done_at=person.at)
    person.tell(e.Dispositioned, code="praise", agent_id="agent-1", actor_kind="agent", actor_id="agent-1")
    return person


def retweeted_automatically(log: Log, number: int = 1) -> Person:
    """A post that a filter retweets and ends."""
    person = mentions(log, number, action="engage", filter="praise", sentiment=0.9)
    delivery = asks_to_engage(person, "retweet", filter="praise", then="close", actor_kind="policy")
    person.tell(e.Engaged, delivery_id=delivery, engagement="retweet", item_id="1", done_at=person.at)
    person.tell(e.Dispositioned, code="engaged", actor_kind="policy")
    return person


def edited_and_deleted(log: Log, number: int = 1) -> Person:
    """A message that the customer changed, and one that was deleted."""
    person = Person(log, number)
    first = person.writes("I ordered a lampp")
    person.resolved()
    person.queued()
    person.tell(
        e.MessageEdited,
        item_id=first.item_id,
        content_id=first.content_id,
        words=b"e" * 32,
        edited_at=person.at,
        attachments=1,
    )
    person.words(first.content_id, "I ordered a lamp", [PICTURE])
    second = person.writes("Never mind", joined="thread")
    person.tell(e.MessageDeleted, item_id=second.item_id, content_id=second.content_id)
    log.append(INTERACTION_CONTENT, second.content_id, None)
    return person


def moderated(log: Log, number: int = 1) -> Commenter:
    """A comment that was hidden, and an answer of ours that was deleted."""
    person = Commenter(log, number)
    comment = person.comments("Idiots!")
    person.tell(
        e.ModerationRequested, delivery_id=f"hide{number}", action="hide", item_id=comment.item_id, agent_id="agent-1"
    )
    person.tell(e.Moderated, delivery_id=f"hide{number}", action="hide", item_id=comment.item_id, done_at=person.at)
    answer = person.answer("agent-1", "Please be polite")
    item_id = person.posted(answer, "agent-1").item_id
    person.tell(
        e.ModerationRequested, delivery_id=f"delete{number}", action="delete", item_id=item_id, agent_id="agent-1"
    )
    person.tell(
        e.Moderated,
        delivery_id=f"delete{number}",
        action="delete",
        item_id=item_id,
        content_id=f"{person.home}:r:{answer}",
        done_at=person.at,
    )
    log.append(INTERACTION_CONTENT, f"{person.home}:r:{answer}", None)
    return person


def given_to_a_group(log: Log, number: int = 1) -> Person:
    """An interaction that its agent gave to a group, with a note."""
    person = mentions(log, number)
    person.queued()
    person.accepted("agent-1")
    note_id = f"{person.home}:n:transfer{number}"
    person.tell(e.Transferred, from_agent="agent-1", group="lawyers", note_id=note_id)
    person.words(note_id, "She mentions a lawyer")
    person.queued("legal", "transferred", group="lawyers")
    return person


STORIES: tuple[Callable[[Log, int], Person], ...] = (
    moved_to_messenger,
    answered_automatically,
    not_answered_automatically,
    liked_by_an_agent,
    retweeted_automatically,
    edited_and_deleted,
    moderated,
    given_to_a_group,
)


def all_stories(log: Log, people: int, seed: int = 1) -> None:
    """Every story some times, in any order, with what happens to contacts between them."""
    dice = random.Random(seed)
    order = [STORIES[number % len(STORIES)] for number in range(people)]
    dice.shuffle(order)
    for number, story in enumerate(order, start=101):  # the numbers before are for others in the same log
        person = story(log, number)
        for kind, facts in _about_a_contact(dice):
            person.of_contact(kind, **facts)


def _about_a_contact(dice: random.Random) -> Iterator[tuple[type[Any], dict[str, Any]]]:
    possible: list[tuple[type[Any], dict[str, Any]]] = [
        (ce.LanguageSet, {"language": "de"}),
        (ce.ContactBlocked, {}),
        (ce.ContactUnblocked, {}),
        (ce.OptedOut, {"item_id": "1"}),
        (e.DeletionRemembered, {"item_id": "2", "channel": "x"}),
        (e.EditForgotten, {"item_id": "4", "channel": "facebook", "content_id": "somebody:e:4"}),
        (ce.ItemNoted, {"item_id": "3", "home": "somebody"}),
        (ce.InvitationRefused, {"handle_id": "somebody", "why": "used"}),
    ]
    yield from dice.sample(possible, dice.randint(0, 3))
