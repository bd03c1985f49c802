"""The rows of one contact's key. Derived from the events, so never registered as facts of their own."""

from typing import Annotated, ClassVar

from engine.interaction.commands import Attachment
from engine.record import Millis
from engine.rows import Ordered, Row, Rows


class Contact(Row, kw_only=True, frozen=True):
    """The person whose home this key is. Id: "" (one a key)."""

    contact_id: Annotated[str, "the contact"]
    created_at: Annotated[Millis, "when it was made"]
    language: Annotated[str | None, "the language that an agent set"] = None
    blocked: Annotated[bool, "whether what it writes goes to nobody"] = False
    opted_out: Annotated[bool, "whether it wants no automatic answers"] = False
    automatic: Annotated[list[int], "when it got automatic answers in the last 24 hours"] = []
    last_agent: Annotated[str | None, "who served it last"] = None
    last_agent_at: Annotated[Millis, "when"] = 0
    links: Annotated[int, "how many handles were ever linked to it: the version of the last"] = 0
    erased_at: Annotated[Millis | None, "when it was last forgotten"] = None


class Address(Row, kw_only=True, frozen=True):
    """Where a handle is reached. Id: the handle's.

    Not from events, which have no names: it is read back from interaction.profiles.
    """

    has_words: ClassVar[bool] = True

    channel: Annotated[str, "x, facebook or messenger"]
    platform_id: Annotated[str, "the platform's id of the person"]
    screen_name: Annotated[str | None, "the handle without @"] = None
    name: Annotated[str | None, "the person's name"] = None


class Handle(Row, kw_only=True, frozen=True):
    """A further handle of the contact, whose own key sends its messages here. Id: the handle's."""

    version: Annotated[int, "the link"]
    how: Annotated[str, "private_reply, ref or agent"]


class Link(Row, kw_only=True, frozen=True):
    """What arrives on this key belongs to the contact of another. Id: ""."""

    to: Annotated[str, "the contact's key"]
    version: Annotated[int, "the link, by that contact's count"]


class Elsewhere(Row, kw_only=True, frozen=True):
    """A post or message that another key holds. Id: the platform's id."""

    home: Annotated[str, "the key"]
    edited_at: Annotated[Millis | None, "the platform's time of the last change that was passed on"] = None
    since: Annotated[int, "the key's sequence when that became known"] = 0


class Invitation(Row, kw_only=True, frozen=True):
    """A link into a private conversation that tells who follows it. Id: SHA-256 of its reference, hex."""

    interaction_id: Annotated[str, "the interaction that goes on there"]
    until: Annotated[Millis, "until when it holds"]
    used_by: Annotated[str | None, "the handle that followed it first"] = None


class Talks(Row, kw_only=True, frozen=True):
    """The open interactions with an account that go on in private, the latest last. Id: see `talk_id`."""

    interactions: Annotated[list[str], "their ids"]


class Thread(Row, kw_only=True, frozen=True):
    """The author's interaction in a thread of a Facebook page. Id: the thread."""

    interaction_id: Annotated[str, "the latest there"]


class Removed(Row, kw_only=True, frozen=True):
    """A message that was deleted before it arrived. Id: the platform's id."""


class EarlyEdit(Row, kw_only=True, frozen=True):
    """A message that was changed before it arrived. Id: the platform's id. Ends with the message, or by a deadline."""

    channel: Annotated[str, "facebook or messenger"]
    content_id: Annotated[str, "where the new words lie"]
    edited_at: Annotated[Millis, "the platform's time of the latest change"]


class EarlyWords(Row, kw_only=True, frozen=True):
    """The words of an EarlyEdit. Id: as there.

    Not from events, which have no words: it is read back from interaction.content.
    """

    has_words: ClassVar[bool] = True

    text: Annotated[str, "the new text"]
    salt: Annotated[bytes, "of its digest"]
    attachments: Annotated[list[Attachment], "pictures and files"] = []


class Key(Row, kw_only=True, frozen=True):
    """What the whole key counts. Id: ""."""

    interactions: Annotated[int, "how many began here: the number in the last one's id"] = 0


class Latest(Row, kw_only=True, frozen=True):
    """The author's latest interaction with an account. Id: `channel:account`."""

    interaction_id: Annotated[str, "the interaction"]


class Interaction(Row, kw_only=True, frozen=True):
    """One matter of one contact with one account. Id: the interaction's."""

    state: Annotated[str, "by the lifecycle"]
    channel: Annotated[str, "x, facebook or messenger"]
    account: Annotated[str, "the platform's id of the company's account"]
    visibility: Annotated[str, "public or private"]
    handle_id: Annotated[str, "the home of the handle that opened it"] = ""
    contact_id: Annotated[str | None, "the contact, once it is resolved"] = None
    active_at: Annotated[Millis, "the platform's time of the last message or answer"]
    latest_item: Annotated[str, "the customer's latest message: what an answer answers"]
    latest_public: Annotated[str | None, "the customer's latest public one"] = None
    latest_private: Annotated[str | None, "the customer's latest private one"] = None
    private_channel: Annotated[str | None, "where its private conversation is: x or messenger"] = None
    private_handle: Annotated[str | None, "with which of the contact's handles"] = None
    private_at: Annotated[Millis | None, "the platform's time of the customer's latest private message"] = None
    invited: Annotated[bool, "whether the customer was asked to go on in private"] = False
    automatic: Annotated[int, "how many automatic answers it got"] = 0
    session: Annotated[int, "how many private conversations were opened"] = 0
    in_session: Annotated[bool, "whether the last one is open"] = False
    idle_after: Annotated[int | None, "milliseconds without a word after which it is over"] = None
    sequence: Annotated[int, "its last event's"] = 0
    opened_at: Annotated[Millis, "the platform's time of its first message"] = 0
    weight: Annotated[int, "how much of an agent's capacity it takes"] = 1
    live_items: Annotated[int, "how many of the customer's messages were not deleted"] = 1
    language: Annotated[str | None, "of the customer's latest message"] = None
    queue: Annotated[str | None, "where it waits or waited"] = None
    pool: Annotated[str | None, "whose routing was asked"] = None
    requests: Annotated[int, "how often it was queued"] = 0
    request_id: Annotated[str | None, "the request that stands in line"] = None
    reservation_id: Annotated[str | None, "the offer that an agent may accept"] = None
    agent_id: Annotated[str | None, "who has it, or to whom it is offered"] = None
    accepted: Annotated[bool, "whether the agent accepted or took it"] = False
    answered: Annotated[bool, "whether a person answered it"] = False
    answered_at: Annotated[Millis | None, "the platform's time of the earliest answer of a person"] = None
    expires_at: Annotated[Millis | None, "when it ends if nobody serves it"] = None
    closure: Annotated[str | None, "what holds it back"] = None
    filter: Annotated[str | None, "the filter that matched its first message"] = None


class Item(Row, kw_only=True, frozen=True):
    """A post or message on the platform. Id: the platform's id. It is never forgotten: platforms repeat."""

    interaction_id: Annotated[str, "the interaction that holds it"]
    author: Annotated[str, "customer or account"]
    content_id: Annotated[str, "where its words lie"]
    channel: Annotated[str, "x, facebook or messenger"] = "x"
    visibility: Annotated[str, "public or private"] = "public"
    posted_at: Annotated[Millis, "the platform's time"] = 0
    deleted: Annotated[bool, "whether it was deleted"] = False
    erased: Annotated[bool, "whether its words were erased: no later change of it brings any back"] = False
    edited_at: Annotated[Millis | None, "the platform's time of the latest change"] = None
    privately_answered: Annotated[bool, "facebook: whether its one private answer was asked for"] = False


class Note(Row, kw_only=True, frozen=True):
    """A note to whoever gets a transfer. Id: where its words lie in interaction.content."""

    interaction_id: Annotated[str, "the interaction"]


class Noticed(Row, kw_only=True, frozen=True):
    """A notice was sent for a closure. Id: the closure."""

    delivery_id: Annotated[str, "the delivery that carries it"]


class Delivery(Row, kw_only=True, frozen=True):
    """An answer or a notice on its way. Id: the delivery's."""

    interaction_id: Annotated[str, "the interaction"]
    kind: Annotated[str, "reply, notice, answer (automatic), engagement or moderation"]
    action: Annotated[
        str, "reply (in public), message (in private), private_answer, retweet, like, hide, unhide or delete"
    ] = "reply"
    agent_id: Annotated[str | None, "who asked; null: a rule did"] = None
    engagement: Annotated[str | None, "engagement: retweet, like or favourite"] = None
    after: Annotated[str | None, "the delivery that has to be posted first"] = None
    recipient_handle: Annotated[str | None, "message: the handle that gets it"] = None
    tag: Annotated[str | None, "message: HUMAN_AGENT outside of Messenger's 24 hours"] = None
    followed_by: Annotated[str | None, "the delivery that waits for this one"] = None
    then: Annotated[str | None, "of a rule: route or close"] = None
    disposition: Annotated[str | None, "close: the code"] = None
    moves: Annotated[bool, "whether the interaction moves to private once it is posted"] = False
    removes: Annotated[str | None, "delete: where the words of the answer lie that it deletes"] = None
    visibility: Annotated[str, "public or private"]
    in_reply_to: Annotated[str, "the platform's id of the message that it answers or concerns"]
    content_id: Annotated[str | None, "where its words lie; null: it has none"] = None
    requested_at: Annotated[Millis, "when it was asked"]
    attempt: Annotated[int, "the attempt under way, from 1"] = 1
    state: Annotated[str, "waiting (for another to be posted), pending, posted, failed or abandoned"] = "pending"
    item_id: Annotated[str | None, "posted: the platform's id, where it would tell"] = None

    @property
    def awaits_echo(self) -> bool:
        """Whether the platform may still tell of it: its words are kept until then."""
        if self.content_id is None:
            return False
        return self.state in ("waiting", "pending", "abandoned") or (self.state == "posted" and self.item_id is None)


class PendingWords(Ordered, kw_only=True, frozen=True):
    """The words of a delivery that is not settled, for another attempt and to know the echo. Id: the delivery's.

    Not from events, which have no words: it is read back from interaction.content.
    """

    has_words: ClassVar[bool] = True

    delivery_id: Annotated[str, "the delivery"]
    text: Annotated[str, "the text"]


ROWS: tuple[type[Row], ...] = (
    Contact, Address, Handle, Link, Elsewhere, Invitation, Talks, Thread, Removed, EarlyEdit, EarlyWords, Key, Latest,
    Interaction, Item, Note, Noticed, Delivery, PendingWords,
)  # fmt: skip


def talk_id(channel: str, account: str) -> str:
    """What private conversations with an account are found by: a page is one on Facebook and in Messenger."""
    return f"x:{account}" if channel == "x" else f"meta:{account}"


def contact_of(rows: Rows, interaction_id: str) -> str | None:
    """The contact of an interaction; None before it is resolved."""
    interaction = rows.get(Interaction, interaction_id)
    return None if interaction is None else interaction.contact_id
