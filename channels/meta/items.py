"""The parts of Meta's payloads that need reading: ids, times, links, and what a feed change is about.

Everything here is pure. What can't be read raises Unreadable, which says why without a word of the message.
"""

import re
from dataclasses import dataclass
from typing import Final

import msgspec

from channels.mapping import ITEM_LIMIT, Unreadable, cut, raw_json, unbroken
from channels.meta.payloads import FeedValue, Id, MessageAttachment, Referral, Time
from engine.interaction.commands import Attachment

PERSON: Final = re.compile(r"[0-9]{1,20}")
"""People and pages: numbers of up to 64 bits."""
FEED_ITEM: Final = re.compile(r"[0-9A-Za-z_]{1,200}")
"""Posts and comments: PAGE_POST and POST_COMMENT. Nothing else may become part of a key or of an address."""
MESSAGE: Final = re.compile(r"[!-~]{1,400}")
"""Messages, such as m_1fTq8oLumEyIp3Q2MR-aY7I and mid.1457764197618:41d102a3e1ae206a38: Meta promises no form."""
REF: Final = re.compile(r"[0-9A-Za-z+/=._:-]{1,2083}")
"""What an m.me link may carry (developers.facebook.com, "m.me links")."""

EARLIEST: Final = 1_072_915_200_000
"""2004-01-01: Facebook began that year. Milliseconds."""
LATEST: Final = 4_102_444_800_000
"""2100-01-01. Milliseconds."""
_SECONDS_BELOW: Final = 100_000_000_000
"""A smaller number is one of seconds: as milliseconds it would lie in the seventies."""

NAME_LIMIT: Final = 200
"""Names are cut here."""
URL_LIMIT: Final = 4_096
"""A longer address is left out."""
ATTACHMENT_LIMIT: Final = 50
"""The most attachments of a message; the rest is left out."""

COMMENT: Final = "comment"
KINDS: Final = frozenset({"image", "video", "audio", "file", "sticker", "location"})
_LINK_KINDS: Final = {"photo": "image", "video": "video"}


@dataclass(frozen=True, slots=True)
class FeedItem:
    """A post at a page, or a comment."""

    item_id: str
    is_comment: bool
    parent: str | None
    """What a comment answers: another comment, or the post."""
    thread: str
    """The post, or the top-level comment under which it stands."""
    author_id: str | None
    """None: Meta does not tell who."""
    name: str | None
    text: str
    at: int
    attachments: list[Attachment]


def feed_item(value: FeedValue, entry_time: int) -> FeedItem:
    """What a feed change is about. A visitor's post names no time of its own in some versions: the entry's holds."""
    is_comment = value.item == COMMENT
    post_id = optional_id(value.post_id, FEED_ITEM, "post_id")
    author = value.author.id if value.author is not None else None
    name = value.author.name if value.author is not None else None
    if is_comment:
        item_id = required_id(value.comment_id, FEED_ITEM, "comment_id")
        parent = optional_id(value.parent_id, FEED_ITEM, "parent_id") or post_id
        thread = item_id if parent is None or parent == post_id else parent
    else:
        item_id = thread = required_id(value.post_id, FEED_ITEM, "post_id")
        parent = None
    return FeedItem(
        item_id=item_id,
        is_comment=is_comment,
        parent=parent,
        thread=thread,
        author_id=optional_id(author if author is not None else value.sender_id, PERSON, "from"),
        name=cut(name if name is not None else value.sender_name, NAME_LIMIT),
        text=unbroken(value.message or ""),
        at=entry_time if value.created_time is None else millis(value.created_time, "created_time"),
        attachments=_feed_attachments(value),
    )


def message_attachments(listed: list[MessageAttachment] | None) -> list[Attachment]:
    """The attachments of a message. For some months Meta names each sticker twice, as image and as sticker."""
    found = [_message_attachment(attachment) for attachment in listed or []]
    stickers = {attachment.url for attachment in found if attachment.kind == "sticker"}
    return _bounded([each for each in found if each.kind != "image" or each.url is None or each.url not in stickers])


def ref_of(referral: Referral | None) -> str | None:
    """What the link carried that somebody followed. An advertisement carries nothing."""
    found = None if referral is None else referral.ref
    return found if found is not None and REF.fullmatch(found) else None


def required_id(value: Id | None, form: re.Pattern[str], what: str) -> str:
    """An id as text; `what` names the field."""
    found = optional_id(value, form, what)
    if found is None:
        raise Unreadable("no_id", f"{what} is absent")
    return found


def optional_id(value: Id | None, form: re.Pattern[str], what: str) -> str | None:
    """An id as text, or None where there is none."""
    if isinstance(value, int):
        # Not str() at once: Python refuses to write integers of thousands of digits.
        value = str(value) if 0 <= value < 10**20 else ""
    if value is not None and form.fullmatch(value) is None:
        raise Unreadable("bad_id", f"{what} is no id as Meta documents it")
    return value


def millis(value: Time, what: str) -> int:
    """A time in milliseconds, from seconds or milliseconds."""
    if isinstance(value, str):
        if re.fullmatch(r"[0-9]{1,15}", value) is None:
            raise Unreadable("bad_time", f"{what} is no number of seconds or milliseconds")
        value = int(value)
    at = value * 1000 if value < _SECONDS_BELOW else value
    if not EARLIEST <= at < LATEST:
        raise Unreadable("bad_time", f"{what} lies before 2004 or after 2099")
    return at


def raw_item(raw: object) -> bytes:
    """An item as it came. One that is too large for a record is refused."""
    content = raw_json(raw)
    if len(content) > ITEM_LIMIT:
        raise Unreadable("too_large", f"the item has more than {ITEM_LIMIT:,} bytes")
    return content


def _feed_attachments(value: FeedValue) -> list[Attachment]:
    """Pictures and videos of a post or comment; a link that leads elsewhere is kept too."""
    found = [Attachment(kind="image", url=_url(photo)) for photo in [value.photo, *(value.photos or [])] if photo]
    if value.video:
        found.append(Attachment(kind="video", url=_url(value.video)))
    if value.link:
        found.append(Attachment(kind=_LINK_KINDS.get(value.item or "", "other"), url=_url(value.link)))
    return _bounded(found)


def _message_attachment(attachment: MessageAttachment) -> Attachment:
    payload = attachment.payload if isinstance(attachment.payload, dict) else {}
    kind = attachment.type if attachment.type in KINDS else "other"
    if kind == "image" and payload.get("sticker_id") is not None:
        kind = "sticker"
    return Attachment(kind=kind or "other", url=_url(payload.get("url")) or _url(attachment.url))


def _bounded(attachments: list[Attachment]) -> list[Attachment]:
    """Each once, and not too many."""
    return list({msgspec.json.encode(each): each for each in attachments}.values())[:ATTACHMENT_LIMIT]


def _url(value: object) -> str | None:
    """An address that may be shown to be followed: no other scheme, no characters that an address hasn't."""
    if not isinstance(value, str) or len(value) > URL_LIMIT:
        return None
    return value if re.fullmatch(r"https?://[!-~]+", value) else None
