"""One post, whichever generation of X's payloads brought it: read into the same plain shape.

How ids, times and texts are read is here too, for direct messages (channels.x.messages) as for posts. Everything is
pure. What can't be read raises Unreadable, which says why without a word of the post.
"""

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from channels.mapping import Unreadable, convert, cut, unbroken
from channels.x.payloads import (
    Delivery,
    Entities,
    Media,
    Post,
    PostEntities,
    PostIncludes,
    PostUser,
    Tweet,
    TweetDeletion,
)
from engine.interaction.commands import Attachment

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
ATTACHMENT_LIMIT: Final = 20
"""The most pictures and files of one message; X allows 4."""
URL_LIMIT: Final = 2_000
"""Characters of the address of a picture or file; a longer one is left out."""

_ESCAPED: Final = re.compile("&(amp|lt|gt);")
_PLAIN: Final = {"amp": "&", "lt": "<", "gt": ">"}
_KINDS: Final = {"photo": "image", "video": "video", "animated_gif": "video", "location": "location"}


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
    quotes_user: str | None
    """Whose post it quotes."""
    attachments: tuple[Attachment, ...]
    is_repost: bool


@dataclass(frozen=True, slots=True)
class Deletion:
    """A post is gone. `at` is None where X did not say when."""

    item_id: str
    author_id: str
    at: int | None


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
    quoted = tweet.quoted_status.user if tweet.quoted_status is not None else None
    media = tweet.extended_entities
    if tweet.extended_tweet is not None and tweet.extended_tweet.extended_entities is not None:
        media = tweet.extended_tweet.extended_entities
    mentions = sorted(entities.user_mentions or [], key=lambda mention: (mention.indices or [0])[:1])
    return Item(
        item_id=required_id(tweet.id_str, tweet.id, "the post"),
        author_id=required_id(tweet.user.id_str, tweet.user.id, "the post's user"),
        screen_name=cut(tweet.user.screen_name, NAME_LIMIT),
        name=cut(tweet.user.name, NAME_LIMIT),
        text=text_of(text),
        posted_at=_posted_at(tweet),
        language=cut(tweet.lang, LANGUAGE_LIMIT),
        answers_item=optional_id(tweet.in_reply_to_status_id_str, tweet.in_reply_to_status_id, "in_reply_to_status_id"),
        answers_user=optional_id(tweet.in_reply_to_user_id_str, tweet.in_reply_to_user_id, "in_reply_to_user_id"),
        mentions=_ids(mention.id_str if mention.id_str is not None else mention.id for mention in mentions),
        quotes_user=None if quoted is None else next(iter(_ids([quoted.id_str, quoted.id])), None),
        attachments=attachments_of(media.media if media is not None else None),
        is_repost=tweet.retweeted_status is not None,
    )


def item_of_post(delivery: Delivery) -> Item:
    """A v2 post (X Activity API), with the users and posts that were expanded beside it."""
    post = convert(delivery.payload, Post, "the payload of a post event")
    includes = delivery.includes or PostIncludes()
    users, others = includes.users or [], includes.tweets or []
    author_id = required_id(post.author_id, None, "the post's author_id")
    author = next((user for user in users if user.id == author_id), PostUser())
    text, entities = post.text, post.entities or PostEntities()
    if post.note_tweet is not None and post.note_tweet.text is not None:
        text = post.note_tweet.text
        entities = post.note_tweet.entities or entities
    references = {reference.type: reference.id for reference in post.referenced_tweets or []}
    answers_item = optional_id(references.get("replied_to"), None, "referenced_tweets")
    answers_user = post.in_reply_to_user_id
    if answers_user is None and answers_item is not None:
        answers_user = next((other.author_id for other in others if other.id == answers_item), None)
    quoted = references.get("quoted")
    quoted_users = [other.author_id for other in others if quoted is not None and other.id == quoted]
    if delivery.event_type.startswith("post.quote.") and delivery.filter is not None:
        quoted_users.append(delivery.filter.user_id)
    keys = set((post.attachments.media_keys if post.attachments is not None else None) or ())
    ids = {user.username.lower(): user.id for user in users if user.username is not None}
    mentions = sorted(entities.mentions or [], key=lambda mention: mention.start or 0)
    return Item(
        item_id=required_id(post.id, None, "the post"),
        author_id=author_id,
        screen_name=cut(author.username, NAME_LIMIT),
        name=cut(author.name, NAME_LIMIT),
        text=text_of(text),
        posted_at=rfc3339(post.created_at),
        language=cut(post.lang, LANGUAGE_LIMIT),
        answers_item=answers_item,
        answers_user=optional_id(answers_user, None, "in_reply_to_user_id"),
        mentions=_ids(mention.id or ids.get((mention.username or "").lower()) for mention in mentions),
        quotes_user=next(iter(_ids(quoted_users)), None),
        attachments=attachments_of(each for each in includes.media or () if _key(each) in keys),
        is_repost="retweeted" in references,
    )


def deletion_of_tweet(raw: object) -> Deletion:
    """A v1.1 deletion."""
    event = convert(raw, TweetDeletion, "a tweet_delete_events item")
    if event.status is None:
        raise Unreadable("unknown_shape", "a tweet_delete_events item has no status")
    return Deletion(
        item_id=required_id(event.status.id_str, event.status.id, "the deleted post"),
        author_id=required_id(event.status.user_id_str, event.status.user_id, "the deleted post's user"),
        at=None if event.timestamp_ms is None else millis(event.timestamp_ms),
    )


def deletion_of_post(delivery: Delivery) -> Deletion:
    """A v2 deletion. X says whose post it was in the payload, or it is the subscribed user's."""
    post = convert(delivery.payload, Post, "the payload of a deletion")
    subscribed = delivery.filter.user_id if delivery.filter is not None else None
    return Deletion(
        item_id=required_id(post.id, None, "the deleted post"),
        author_id=required_id(post.author_id or post.user_id or subscribed, None, "the deleted post's author"),
        at=None,
    )


def account_id(value: int | str | None, what: str) -> str:
    """The id of the account whose webhook this is; `what` names the field."""
    return required_id(None, value, what)


def attachments_of(media: Iterable[object] | None) -> tuple[Attachment, ...]:
    """Pictures and videos. One in an unknown shape loses only its address: the message counts all the same."""
    return tuple(attachment_of(each) for each in itertools.islice(media or (), ATTACHMENT_LIMIT))


def attachment_of(raw: object) -> Attachment:
    """One of them."""
    try:
        media = msgspec.convert(raw, Media)
    except msgspec.ValidationError:
        return Attachment(kind="other")
    variants = media.variants or (media.video_info.variants if media.video_info is not None else None) or []
    films = [variant.url for variant in variants if variant.content_type == "video/mp4"]
    # A film's other addresses are those of a picture of it.
    addresses = (*films, media.media_url_https, media.url, media.preview_image_url)
    url = next((each for each in addresses if each is not None and each.startswith("https://")), None)
    return Attachment(kind=_KINDS.get(media.type or "", "other"), url=url if url and len(url) <= URL_LIMIT else None)


def _key(raw: object) -> object:
    return raw.get("media_key") if isinstance(raw, dict) else None


def required_id(text: str | None, other: int | str | None, what: str) -> str:
    """An id that has to be there: `text`, or else `other`. Unreadable if it isn't, or is none; `what` has it."""
    found = optional_id(text, other, what)
    if found is None:
        raise Unreadable("no_id", f"{what} has no id")
    return found


def optional_id(text: str | None, other: int | str | None, what: str) -> str | None:
    """The same for one that may be absent."""
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
        return millis(tweet.timestamp_ms)
    try:
        at = datetime.strptime(tweet.created_at or "", "%a %b %d %H:%M:%S %z %Y")
    except ValueError as error:
        raise Unreadable("bad_time", "created_at is no time like 'Tue Oct 31 22:10:10 +0000 2017'") from error
    return _in_range(int(at.timestamp() * 1000))


def rfc3339(text: str | None) -> int:
    """A time in text, in milliseconds."""
    try:
        at = datetime.fromisoformat(text or "")
    except ValueError as error:
        raise Unreadable("bad_time", "created_at is no time like '2026-07-24T21:05:48.000Z'") from error
    if at.tzinfo is None:
        raise Unreadable("bad_time", "created_at has no time zone")
    return _in_range(round(at.timestamp() * 1000))


def millis(value: str | int) -> int:
    """A time in milliseconds, as text or number."""
    if isinstance(value, str):
        if re.fullmatch(r"[0-9]{1,15}", value) is None:
            raise Unreadable("bad_time", "timestamp_ms is no number of milliseconds")
        value = int(value)
    return _in_range(value)


def _in_range(at: int) -> int:
    if not EARLIEST <= at < LATEST:
        raise Unreadable("bad_time", "the time lies before 2006 or after 2099")
    return at


def text_of(text: str | None) -> str:
    """The text as it was typed; only a lone surrogate, which is half a character and fits no UTF-8, is replaced."""
    if text is None:
        raise Unreadable("no_text", "the post has no text")
    return unescaped(unbroken(text))


def unescaped(text: str) -> str:
    """A post or direct message as it was typed: X escapes &, < and > in it, once, and nothing else.

    Where X says at which characters a mention or a URL stands, it may mean the text as it was before or after. Here
    those numbers only put mentions in order, which is the same in both.

    >>> unescaped("&lt;3 &amp;amp; &copy;")
    '<3 &amp; &copy;'
    """
    return _ESCAPED.sub(lambda found: _PLAIN[found[1]], text)
