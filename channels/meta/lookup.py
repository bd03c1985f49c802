"""Whether one of the page's comments or messages is the answer that we tried to post. Pure.

It is ours if the page wrote it, not before it was asked for, in the same place and with the same text. Facebook folds
white space and may compose characters; so where no text is the very same, they are compared again without these. Two
answers of the page to the same customer that differ in nothing else would be taken for each other: the engine takes no
post for two answers.
"""

import unicodedata
from datetime import datetime

import msgspec

from channels.meta.items import MESSAGE, PERSON
from channels.meta.payloads import Part, Person


class Posting(Part, frozen=True):
    """A comment, or a message of a conversation."""

    id: str | None = None
    message: str | None = None
    author: Person | None = msgspec.field(name="from", default=None)
    created_time: str | None = None


class Cursors(Part, frozen=True):
    """Where a page of a list ends."""

    after: str | None = None


class Paging(Part, frozen=True):
    """How to go on in a list; `next` is absent at its end."""

    cursors: Cursors | None = None
    next: str | None = None


class Postings(Part, frozen=True):
    """A page of a list."""

    data: list[object] = []
    paging: Paging | None = None


class Conversation(Part, frozen=True):
    """The messages between the page and one person, the latest first."""

    messages: Postings | None = None
    participants: Postings | None = None


class Conversations(Part, frozen=True):
    """The conversations that a page has with a person: one."""

    data: list[Conversation] = []


class Answered(Part, frozen=True):
    """A comment, with the conversation in which it was answered privately."""

    private_reply_conversation: Conversation | None = None


def find_own(page: Postings, account: str, text: str, since: int) -> str | None:
    """The id of the account's posting with `text` that is not older than `since` (milliseconds)."""
    own = [posting for posting in map(_posting, page.data) if _is_own(posting, account, since)]
    exact = [posting.id for posting in own if posting.message == text]
    alike = [posting.id for posting in own if folded(posting.message or "") == folded(text)]
    return next(iter(exact + alike), None)


def other_person(conversation: Conversation, account: str) -> str | None:
    """The one who is not the page."""
    people = conversation.participants.data if conversation.participants is not None else []
    ids = [str(each["id"]) for each in people if isinstance(each, dict) and isinstance(each.get("id"), str | int)]
    others = [each for each in ids if PERSON.fullmatch(each) and each != account]
    return others[0] if len(others) == 1 else None


def next_page(page: Postings) -> str | None:
    """The cursor after which the list goes on."""
    if page.paging is None or page.paging.next is None or page.paging.cursors is None:
        return None
    return page.paging.cursors.after


def folded(text: str) -> str:
    """`text` without what Facebook changes in it.

    >>> folded("Hello  there\\n") == folded("Hello there")
    True
    """
    return " ".join(unicodedata.normalize("NFC", text).split())


def _posting(raw: object) -> Posting:
    """A posting; one in an unknown shape is none that we could know again."""
    try:
        return msgspec.convert(raw, Posting)
    except msgspec.ValidationError:
        return Posting()


def _is_own(posting: Posting, account: str, since: int) -> bool:
    if posting.id is None or MESSAGE.fullmatch(posting.id) is None or posting.author is None:
        return False
    return str(posting.author.id) == account and not _is_before(posting.created_time, since)


def _is_before(created_time: str | None, since: int) -> bool:
    """Whether it surely is; Meta writes 2026-11-23T08:55:00+0000."""
    try:
        at = datetime.fromisoformat(created_time or "")
    except ValueError:
        return False
    return at.tzinfo is not None and at.timestamp() * 1000 < since
