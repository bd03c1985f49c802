"""Whether one of the account's posts is the answer that we tried to post. Pure.

A post is ours if it answers the same post and has the same text. X changes a text when it takes it: it shortens URLs
to t.co, escapes &, < and >, and puts the mentions of the conversation before it. So where the texts differ they are
compared again without these: entities unescaped, URLs as one placeholder, leading mentions dropped, NFC, white space
as one space. Two answers of the same account to the same post that differ in nothing else would be taken for each
other; X itself would refuse the second one as a duplicate.
"""

import html
import re
import unicodedata
from typing import Final

import msgspec
from twitter_text import extract_urls_with_indices

from channels.x.items import ID
from channels.x.payloads import Post

_LEADING_MENTIONS: Final = re.compile(r"^(?:\s*@\w+)+")


def find_answer(page: dict[str, object], in_reply_to: str, text: str) -> str | None:
    """The id of the post in a page of GET /2/users/:id/tweets that answers `in_reply_to` with `text`."""
    listed = page.get("data")
    answers = [post for post in map(_post, listed if isinstance(listed, list) else []) if _answers(post, in_reply_to)]
    exact = [post.id for post in answers if _text(post) == text]
    alike = [post.id for post in answers if normalised(_text(post)) == normalised(text)]
    return next(iter(exact + alike), None)


def normalised(text: str) -> str:
    """`text` without what X changes in it.

    >>> normalised("@kim see https://example.com/a  &amp; more") == normalised("see https://t.co/x & more")
    True
    """
    plain = unicodedata.normalize("NFC", html.unescape(text))
    for url in reversed(extract_urls_with_indices(plain)):
        start, end = url["indices"]
        plain = plain[:start] + "\N{LINK SYMBOL}" + plain[end:]
    return " ".join(_LEADING_MENTIONS.sub("", plain).split())


def _post(raw: object) -> Post:
    """A post; one in an unknown shape is none that we could know again."""
    try:
        return msgspec.convert(raw, Post)
    except msgspec.ValidationError:
        return Post()


def _answers(post: Post, in_reply_to: str) -> bool:
    if post.id is None or ID.fullmatch(post.id) is None:
        return False
    return any(r.type == "replied_to" and r.id == in_reply_to for r in post.referenced_tweets or [])


def _text(post: Post) -> str:
    if post.note_tweet is not None and post.note_tweet.text is not None:
        return post.note_tweet.text
    return post.text or ""
