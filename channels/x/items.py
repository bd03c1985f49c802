"""One post, whichever generation of X's payloads brought it: read into the same plain shape.

Everything here is pure. What can't be read raises Unreadable, which says why without a word of the post.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

import msgspec

from channels.x.payloads import Delivery, Entities, Post, PostEntities, PostIncludes, PostUser, Tweet, TweetDeletion

ID: Final = re.compile(r"[0-9]{1,20}")
"""X's ids are numbers of up to 64 bits. Nothing else may become part of a key."""

EARLIEST: Final = 1_136_073_600_000
"""2006-01-01: X (then Twitter) began that year. Milliseconds."""
LATEST: Final = 4_102_444_800_000
"""2100-01-01. Milliseconds."""

NAME_LIMIT: Final = 200
"""Names are cut here. X allows 50 characters, 15 for a screen name; older ones are longer."""
LANGUAGE_LIMIT: Final = 20
"""Language tags are cut here."""

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_T = TypeVar("_T")


class Unreadable(Exception):
    """A part of a webhook's body that can't be mapped. `code` is the reason in a word."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Item:
    """A post."""

    item_id: str
    author_id: str
    screen_name: str | None
    name: str | None
    text: str
    posted_at: int
    language: str | None
    answers_item: str | None
    answers_user: str | None
    mentions: tuple[str, ...]
    """The ids of those named, in the order of the text."""
    is_repost: bool


@dataclass(frozen=True, slots=True)
class Deletion:
    """A post is gone. `at` is None where X did not say when."""

    item_id: str
    author_id: str
    at: int | None


def convert(value: object, shape: type[_T], what: str) -> _T:
    """`value` as `shape`, or Unreadable with the path of the field that doesn't fit."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise Unreadable("unknown_shape", f"{what} has not the shape that X documents: {error}") from error


def item_of_tweet(raw: object) -> Item:
    """A v1.1 post (Account Activity API)."""
    tweet = convert(raw, Tweet, "a tweet_create_events item")
    if tweet.user is None:
        raise Unreadable("no_author", "a tweet_create_events item has no user")
    text, entities = tweet.text, tweet.entities or Entities()
    if tweet.full_text is not None:
        text = tweet.full_text
    if tweet.extended_tweet is not None and tweet.extended_tweet.full_text is not None:
        text = tweet.extended_tweet.full_text
        entities = tweet.extended_tweet.entities or entities
    mentions = sorted(entities.user_mentions or [], key=lambda mention: (mention.indices or [0])[:1])
    return Item(
        item_id=_required_id(tweet.id_str, tweet.id, "the post"),
        author_id=_required_id(tweet.user.id_str, tweet.user.id, "the post's user"),
        screen_name=_cut(tweet.user.screen_name, NAME_LIMIT),
        name=_cut(tweet.user.name, NAME_LIMIT),
        text=_text(text),
        posted_at=_posted_at(tweet),
        language=_cut(tweet.lang, LANGUAGE_LIMIT),
        answers_item=_optional_id(
            tweet.in_reply_to_status_id_str, tweet.in_reply_to_status_id, "in_reply_to_status_id"
        ),
        answers_user=_optional_id(tweet.in_reply_to_user_id_str, tweet.in_reply_to_user_id, "in_reply_to_user_id"),
        mentions=_ids(mention.id_str if mention.id_str is not None else mention.id for mention in mentions),
        is_repost=tweet.retweeted_status is not None,
    )


def item_of_post(delivery: Delivery) -> Item:
    """A v2 post (X Activity API), with the users and posts that were expanded beside it."""
    post = convert(delivery.payload, Post, "the payload of a post event")
    includes = delivery.includes or PostIncludes()
    users, others = includes.users or [], includes.tweets or []
    author_id = _required_id(post.author_id, None, "the post's author_id")
    author = next((user for user in users if user.id == author_id), PostUser())
    text, entities = post.text, post.entities or PostEntities()
    if post.note_tweet is not None and post.note_tweet.text is not None:
        text = post.note_tweet.text
        entities = post.note_tweet.entities or entities
    references = {reference.type: reference.id for reference in post.referenced_tweets or []}
    answers_item = _optional_id(references.get("replied_to"), None, "referenced_tweets")
    answers_user = post.in_reply_to_user_id
    if answers_user is None and answers_item is not None:
        answers_user = next((other.author_id for other in others if other.id == answers_item), None)
    ids = {user.username.lower(): user.id for user in users if user.username is not None}
    mentions = sorted(entities.mentions or [], key=lambda mention: mention.start or 0)
    return Item(
        item_id=_required_id(post.id, None, "the post"),
        author_id=author_id,
        screen_name=_cut(author.username, NAME_LIMIT),
        name=_cut(author.name, NAME_LIMIT),
        text=_text(text),
        posted_at=_rfc3339(post.created_at),
        language=_cut(post.lang, LANGUAGE_LIMIT),
        answers_item=answers_item,
        answers_user=_optional_id(answers_user, None, "in_reply_to_user_id"),
        mentions=_ids(mention.id or ids.get((mention.username or "").lower()) for mention in mentions),
        is_repost="retweeted" in references,
    )


def deletion_of_tweet(raw: object) -> Deletion:
    """A v1.1 deletion."""
    event = convert(raw, TweetDeletion, "a tweet_delete_events item")
    if event.status is None:
        raise Unreadable("unknown_shape", "a tweet_delete_events item has no status")
    return Deletion(
        item_id=_required_id(event.status.id_str, event.status.id, "the deleted post"),
        author_id=_required_id(event.status.user_id_str, event.status.user_id, "the deleted post's user"),
        at=None if event.timestamp_ms is None else _millis(event.timestamp_ms),
    )


def deletion_of_post(delivery: Delivery) -> Deletion:
    """A v2 deletion. X says whose post it was in the payload, or it is the subscribed user's."""
    post = convert(delivery.payload, Post, "the payload of a deletion")
    subscribed = delivery.filter.user_id if delivery.filter is not None else None
    return Deletion(
        item_id=_required_id(post.id, None, "the deleted post"),
        author_id=_required_id(post.author_id or post.user_id or subscribed, None, "the deleted post's author"),
        at=None,
    )


def account_id(value: int | str | None, what: str) -> str:
    """The id of the account whose webhook this is; `what` names the field."""
    return _required_id(None, value, what)


def _required_id(text: str | None, other: int | str | None, what: str) -> str:
    found = _optional_id(text, other, what)
    if found is None:
        raise Unreadable("no_id", f"{what} has no id")
    return found


def _optional_id(text: str | None, other: int | str | None, what: str) -> str | None:
    value = text if text is not None else other
    if value is None:
        return None
    if isinstance(value, int):
        # Not str() at once: Python refuses to write integers of thousands of digits.
        value = str(value) if 0 <= value < 10**20 else ""
    if ID.fullmatch(value) is None:
        raise Unreadable("bad_id", f"{what} has an id that is not a number of up to 20 digits")
    return value


def _ids(values: Iterable[str | int | None]) -> tuple[str, ...]:
    """Those that are ids: X names suspended people with -1 or null, and their post counts all the same."""
    texts = (str(value) if isinstance(value, int) and 0 <= value < 10**20 else value for value in values)
    return tuple(text for text in texts if isinstance(text, str) and ID.fullmatch(text))


def _posted_at(tweet: Tweet) -> int:
    if tweet.timestamp_ms is not None:
        return _millis(tweet.timestamp_ms)
    try:
        at = datetime.strptime(tweet.created_at or "", "%a %b %d %H:%M:%S %z %Y")
    except ValueError as error:
        raise Unreadable("bad_time", "created_at is no time like 'Tue Oct 31 22:10:10 +0000 2017'") from error
    return _in_range(int(at.timestamp() * 1000))


def _rfc3339(text: str | None) -> int:
    try:
        at = datetime.fromisoformat(text or "")
    except ValueError as error:
        raise Unreadable("bad_time", "created_at is no time like '2026-07-24T21:05:48.000Z'") from error
    if at.tzinfo is None:
        raise Unreadable("bad_time", "created_at has no time zone")
    return _in_range(round(at.timestamp() * 1000))


def _millis(value: str | int) -> int:
    if isinstance(value, str):
        if re.fullmatch(r"[0-9]{1,15}", value) is None:
            raise Unreadable("bad_time", "timestamp_ms is no number of milliseconds")
        value = int(value)
    return _in_range(value)


def _in_range(at: int) -> int:
    if not EARLIEST <= at < LATEST:
        raise Unreadable("bad_time", "the time lies before 2006 or after 2099")
    return at


def _text(text: str | None) -> str:
    """The text, unchanged; only a lone surrogate, which is half a character and fits no UTF-8, is replaced."""
    if text is None:
        raise Unreadable("no_text", "the post has no text")
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def _cut(text: str | None, limit: int) -> str | None:
    return None if text is None else _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)[:limit]
