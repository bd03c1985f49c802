"""The rows of one contact's key. Derived from the events, so never registered as facts of their own."""

from typing import Annotated, Final

from engine.record import Millis
from engine.rows import Ordered, Row, Rows

NEVER: Final = 2**62
"""The due time of a deadline that only something else brings forward: the end of an emergency."""


class Contact(Row, kw_only=True, frozen=True):
    """The person whose home this key is. Id: "" (one a key)."""

    contact_id: Annotated[str, "the contact"]
    created_at: Annotated[Millis, "when it was made"]


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
    contact_id: Annotated[str | None, "the contact, once it is resolved"] = None
    active_at: Annotated[Millis, "the platform's time of the last message or answer"]
    latest_item: Annotated[str, "the customer's latest message: what an answer answers"]
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
    expires_at: Annotated[Millis | None, "when it ends if nobody serves it"] = None
    closure: Annotated[str | None, "what holds it back"] = None
    filter: Annotated[str | None, "the filter that matched its first message"] = None


class Item(Row, kw_only=True, frozen=True):
    """A post or message on the platform. Id: the platform's id. It is never forgotten: platforms repeat."""

    interaction_id: Annotated[str, "the interaction that holds it"]
    author: Annotated[str, "customer or account"]
    content_id: Annotated[str, "where its words lie"]
    deleted: Annotated[bool, "whether the customer deleted it"] = False


class Noticed(Row, kw_only=True, frozen=True):
    """A notice was sent for a closure. Id: the closure."""

    delivery_id: Annotated[str, "the delivery that carries it"]


class Delivery(Row, kw_only=True, frozen=True):
    """An answer or a notice on its way. Id: the delivery's."""

    interaction_id: Annotated[str, "the interaction"]
    kind: Annotated[str, "reply or notice"]
    agent_id: Annotated[str | None, "reply: who wrote it"] = None
    visibility: Annotated[str, "public or private"]
    in_reply_to: Annotated[str, "the platform's id of the message that it answers"]
    content_id: Annotated[str, "where its words lie"]
    requested_at: Annotated[Millis, "when it was asked"]
    attempt: Annotated[int, "the attempt under way, from 1"] = 1
    state: Annotated[str, "pending, posted, failed or abandoned"] = "pending"
    item_id: Annotated[str | None, "posted: the platform's id, where it would tell"] = None

    @property
    def awaits_echo(self) -> bool:
        """Whether the platform may still tell of it: its words are kept until then."""
        return self.state in ("pending", "abandoned") or (self.state == "posted" and self.item_id is None)


class PendingWords(Ordered, kw_only=True, frozen=True):
    """The words of a delivery that is not settled, for another attempt and to know the echo. Id: the delivery's.

    Not from events, which have no words: it is read back from interaction.content.
    """

    delivery_id: Annotated[str, "the delivery"]
    text: Annotated[str, "the text"]


class Done(Row, kw_only=True, frozen=True):
    """What became of an external command, for a repeat of it. Id: the command's. Forgotten after a day."""

    sequence: Annotated[int, "the key's sequence after it"]
    interaction_id: Annotated[str | None, "the interaction that it changed"] = None
    code: Annotated[str | None, "refused: the reason in a word"] = None
    reason: Annotated[str | None, "refused: the reason as a person reads it"] = None


class Timer(Row, kw_only=True, frozen=True):
    """A deadline. Id: `name:ref`."""

    name: Annotated[str, "accept, closure, expire, retry or forget"]
    ref: Annotated[str, "the interaction, delivery or command"]
    due: Annotated[Millis, "when"]


class Chain(Row, kw_only=True, frozen=True):
    """Where the key's chain of events stands. Id: ""."""

    sequence: Annotated[int, "the last event's"]
    digest: Annotated[bytes, "the last event's"]


class PolicyInForce(Row, kw_only=True, frozen=True):
    """On a control key: the policy by which the partition decides. Id: ""."""

    version: Annotated[int, "the version"]


class Emergency(Ordered, kw_only=True, frozen=True):
    """On a control key: an emergency. Id: `channel:account`."""

    account: Annotated[str, "channel and platform id of the account: x:42"]
    closure: Annotated[str, "the id of the closure"]


ROWS: tuple[type[Row], ...] = (
    Contact, Key, Latest, Interaction, Item, Noticed, Delivery, PendingWords, Done, Timer, Chain, PolicyInForce,
    Emergency,
)  # fmt: skip


def contact_of(rows: Rows, interaction_id: str) -> str | None:
    """The contact of an interaction; None before it is resolved."""
    interaction = rows.get(Interaction, interaction_id)
    return None if interaction is None else interaction.contact_id
