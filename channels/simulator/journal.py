"""The journal: everything that was done on the simulated platforms through their APIs, in order.

It is what tests ask whether an answer is there once.
"""

from dataclasses import dataclass, field

import msgspec


class Action(msgspec.Struct, frozen=True):
    """One thing done."""

    n: int
    """Its number, from 1."""
    channel: str
    action: str
    """reply, message, private_answer, retweet, like, hide, unhide or delete."""
    account: str
    target: str | None
    """The post, comment or message that it was done to."""
    recipient: str | None
    """message, private_answer: the platform id of the person."""
    text: str
    """As it was sent, before the platform changed anything."""
    item_id: str | None
    """What it made."""
    at: int
    delivery_id: str | None = None
    """Messenger's metadata."""
    tag: str | None = None


@dataclass(slots=True)
class Journal:
    """In memory."""

    actions: list[Action] = field(default_factory=list)

    def add(
        self,
        channel: str,
        action: str,
        account: str,
        at: int,
        *,
        target: str | None = None,
        recipient: str | None = None,
        text: str = "",
        item_id: str | None = None,
        delivery_id: str | None = None,
        tag: str | None = None,
    ) -> None:
        """Notes one more."""
        n = len(self.actions) + 1
        self.actions.append(Action(n, channel, action, account, target, recipient, text, item_id, at, delivery_id, tag))
