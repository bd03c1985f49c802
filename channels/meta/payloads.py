"""The shapes of what Meta posts to a webhook: only the fields that are read.

Everything may be absent or null, because Meta says so of most of it, sends more without notice, and still sends what
older versions had. What is needed is asked for where it is used. Ids come as strings or as numbers, beyond 2^53 too:
both are read exactly. Times are numbers, or numbers as strings: seconds in the feed, milliseconds in Messenger.
"""

import msgspec

Id = int | str
Time = int | str


class Part(msgspec.Struct, frozen=True):
    """A part of a payload; unknown fields are passed over."""


class Entry(Part, frozen=True):
    """What happened at one page; the arrays of events are read one by one."""

    id: Id | None = None
    time: Time | None = None
    changes: list[object] | None = None
    messaging: list[object] | None = None
    standby: list[object] | None = None


# --- the page's feed ------------------------------------------------------------------------------------------------


class Change(Part, frozen=True):
    """Something changed in a field that the app is subscribed to."""

    field: str | None = None
    value: object = None


class Person(Part, frozen=True):
    """Who did it; a page too."""

    id: Id | None = None
    name: str | None = None


class FeedValue(Part, frozen=True):
    """A post, comment, reaction or share, and what happened to it. `from` is absent where Meta hides the person."""

    item: str | None = None
    verb: str | None = None
    post_id: Id | None = None
    comment_id: Id | None = None
    parent_id: Id | None = None
    author: Person | None = msgspec.field(name="from", default=None)
    sender_id: Id | None = None
    sender_name: str | None = None
    message: str | None = None
    created_time: Time | None = None
    photo: str | None = None
    photos: list[str] | None = None
    video: str | None = None
    link: str | None = None


# --- Messenger ------------------------------------------------------------------------------------------------------


class Party(Part, frozen=True):
    """The sender or the recipient."""

    id: Id | None = None


class MessageAttachment(Part, frozen=True):
    """A picture, a file, a place … `payload` is an object for most kinds."""

    type: str | None = None
    url: str | None = None
    payload: object = None


class AnsweredMessage(Part, frozen=True):
    """The message that is answered."""

    mid: str | None = None


class Referral(Part, frozen=True):
    """How somebody came to the conversation: an m.me link with `ref`, an advertisement …"""

    ref: str | None = None


class Message(Part, frozen=True):
    """A message, of either side."""

    mid: str | None = None
    text: str | None = None
    attachments: list[MessageAttachment] | None = None
    reply_to: AnsweredMessage | None = None
    referral: Referral | None = None
    metadata: str | None = None
    is_echo: bool | None = None
    is_deleted: bool | None = None


class MessageEdit(Part, frozen=True):
    """A message has new words."""

    mid: str | None = None
    text: str | None = None


class Postback(Part, frozen=True):
    """A button was pressed."""

    mid: str | None = None
    title: str | None = None
    referral: Referral | None = None


class Messaging(Part, frozen=True):
    """One event of a conversation; which one, says the field that is there."""

    sender: Party | None = None
    recipient: Party | None = None
    timestamp: Time | None = None
    message: Message | None = None
    message_edit: MessageEdit | None = None
    postback: Postback | None = None
    referral: Referral | None = None
