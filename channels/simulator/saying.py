"""What customers do on the simulated platforms, as the control API is told of it: the same for every channel."""

from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

from channels.simulator.hooks import Body
from channels.simulator.x_payloads import Attachment

Channel = Literal["x", "facebook", "messenger"]
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Text = Annotated[str, msgspec.Meta(max_length=100_000)]


class Speaker(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who says it."""

    id: Id
    """The platform's id; in Messenger the PSID."""
    screen_name: str | None = None
    name: str | None = None


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that a customer says or does."""

    channel: Channel
    kind: str
    account: Id
    """The platform's id of the company's account."""
    speaker: Speaker | None = msgspec.field(name="from", default=None)
    """None: Facebook does not name the author of the comment."""
    to: Id | None = None
    """X: to whom the account itself writes a direct message, in X's own inbox."""
    text: Text = ""
    item_id: Id | None = None
    """None: the platform gives one."""
    in_reply_to: Id | None = None
    """What is answered, quoted, liked or repeated."""
    thread: Id | None = None
    """Facebook: the comment under which it stands, where that is not the one that is answered."""
    post_id: Id | None = None
    """Facebook: the post under which a comment stands."""
    attachments: tuple[Attachment, ...] = ()
    ref: str | None = None
    """Messenger: what the m.me link carried."""
    at: int | None = None
    """When, in milliseconds; None: now."""
    anonymous: bool = False
    """Facebook knows who it is, and does not say."""


class Edited(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A customer changes what is there, or takes it away."""

    channel: Channel
    item_id: Id
    text: Text = ""
    at: int | None = None
    anonymous: bool = False
    """Facebook does not say whose it was."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the platform made of it: the item's id, and the body for the webhook."""

    item_id: str | None
    body: Body


class Impossible(ValueError):
    """The platform has no such thing."""
