"""Whether the account has posted what we tried to post: an answer or a direct message. Pure.

An answer is ours if it answers the same post and has the same text; a message, if it is in the conversation with the
same person, from our account, and has the same text. X changes a text when it takes it: it shortens URLs to t.co,
escapes &, < and >, and puts the mentions of the conversation before it. So where the texts differ they are compared
again without these: entities unescaped, URLs as one placeholder, leading mentions dropped, NFC, white space as one
space. Two answers of the same account to the same post that differ in nothing else would be taken for each other; X
itself would refuse the second one as a duplicate. Of messages it would not: so the latest one counts, and none that
was sent before ours was asked for.
"""

from collections.abc import Iterable, Iterator

import msgspec

from channels.mapping import Unreadable
from channels.x.items import ID, rfc3339
from channels.x.payloads import DirectMessage, Post
from engine.text import comparable


def find_answer(page: dict[str, object], in_reply_to: str, text: str) -> str | None:
    """The id of the post in a page of GET /2/users/:id/tweets that answers `in_reply_to` with `text`."""
    posts = (_post(raw) for raw in _listed(page))
    return _same(((post.id, _text(post)) for post in posts if _answers(post, in_reply_to)), text)


def find_message(page: dict[str, object], sender: str, text: str, since: int) -> str | None:
    """The id of the message in a page of GET /2/dm_conversations/with/:id/dm_events that `sender` sent with `text`.

    `since`, in milliseconds: none that is older.
    """
    messages = (_message(raw) for raw in _listed(page))
    sent = (each for each in messages if each.sender_id == sender and (sent_at(each) or since) >= since)
    return _same(((each.id, each.text or "") for each in sent), text)


def goes_back_to(page: dict[str, object]) -> int | None:
    """The time of the oldest message of a page, in milliseconds; None if it tells none."""
    times = (sent_at(_message(raw)) for raw in _listed(page))
    return min((at for at in times if at is not None), default=None)


def sent_at(message: DirectMessage) -> int | None:
    """When a message was sent, in milliseconds, if X says it."""
    try:
        return rfc3339(message.created_at)
    except Unreadable:
        return None


def _same(items: Iterable[tuple[str | None, str]], text: str) -> str | None:
    """The first id whose text is the same, or else alike."""
    known = [(item_id, shown) for item_id, shown in items if item_id is not None and ID.fullmatch(item_id)]
    exact = (item_id for item_id, shown in known if shown == text)
    wanted = comparable(text)
    alike = (item_id for item_id, shown in known if comparable(shown) == wanted)
    return next(exact, None) or next(alike, None)


def _listed(page: dict[str, object]) -> Iterator[object]:
    listed = page.get("data")
    yield from listed if isinstance(listed, list) else ()


def _post(raw: object) -> Post:
    """A post; one in an unknown shape is none that we could know again."""
    try:
        return msgspec.convert(raw, Post)
    except msgspec.ValidationError:
        return Post()


def _message(raw: object) -> DirectMessage:
    """The same for a message."""
    try:
        return msgspec.convert(raw, DirectMessage)
    except msgspec.ValidationError:
        return DirectMessage()


def _answers(post: Post, in_reply_to: str) -> bool:
    return any(r.type == "replied_to" and r.id == in_reply_to for r in post.referenced_tweets or [])


def _text(post: Post) -> str:
    if post.note_tweet is not None and post.note_tweet.text is not None:
        return post.note_tweet.text
    return post.text or ""
