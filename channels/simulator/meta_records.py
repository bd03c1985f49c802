"""What the simulated Meta remembers of a post, comment or message."""

from dataclasses import dataclass
from typing import Literal

from channels.simulator.x_payloads import Attachment

Kind = Literal["post", "comment", "message", "postback", "referral"]


@dataclass(slots=True)
class Person:
    """Somebody on Facebook, or (by PSID) in Messenger."""

    id: str
    name: str | None = None


@dataclass(slots=True)
class MetaItem:
    """A post, a comment or a message of Messenger, of either side."""

    item_id: str
    kind: Kind
    page: str
    author: Person | None
    """None: somebody whom Meta does not name, or the page itself where `own`."""
    text: str
    at: int
    own: bool = False
    delivery_id: str | None = None
    """metadata of an own message."""
    in_reply_to: str | None = None
    post_id: str = ""
    """The post that a comment stands under; a post's own id."""
    person: str = ""
    """Who it is, named or not: what a commenter's PSID follows from. Of a message, the PSID."""
    is_anonymous: bool = False
    """Meta does not say who the author is."""
    attachments: tuple[Attachment, ...] = ()
    ref: str | None = None
    hidden: bool = False
    deleted: bool = False
    liked: bool = False
    """By the page."""
    answered_privately: bool = False

    @property
    def channel(self) -> str:
        return "facebook" if self.kind in ("post", "comment") else "messenger"
