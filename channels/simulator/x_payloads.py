"""The bodies that the simulated X posts to webhooks, as the Account Activity API has them: v1.1 objects."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from channels.simulator.hooks import Body
from channels.simulator.x_platform import Platform
from channels.simulator.x_records import Author, Message, Post
from channels.simulator.x_text import escaped, mentions, shortened

SHORT: Final = 140
"""Longer posts are cut in `text`, and whole in `extended_tweet`."""


class Attachment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A picture or the like beside a text."""

    url: str
    kind: str = "image"
    """image, video, audio or file."""


def own_post(platform: Platform, post: Post) -> Body:
    """What X sends to the account that posted: its own post."""
    tweet = _tweet(
        platform, post.tweet_id, post.account, platform.shown(post), post.created_at, in_reply_to=post.in_reply_to
    )
    return {"for_user_id": post.account, "tweet_create_events": [tweet]}


def customers_post(
    platform: Platform, account: str, tweet_id: str, author: Author, attachments: Sequence[Attachment], name: str | None
) -> Body:
    """A customer's post that names, answers or quotes the account."""
    platform.name(author.user_id, author.screen_name)
    tweet = _tweet(
        platform,
        tweet_id,
        author.user_id,
        escaped(author.text),
        author.at,
        in_reply_to=author.in_reply_to,
        named=author.mentions,
        attachments=attachments,
        name=name,
    )
    return {"for_user_id": account, "user_has_blocked": False, "tweet_create_events": [tweet]}


def quoting(platform: Platform, body: Body, quoted: str) -> Body:
    """The same post, which quotes another one."""
    tweet = _only(body)
    tweet |= {"is_quote_status": True, "quoted_status_id": int(quoted), "quoted_status_id_str": quoted}
    tweet["quoted_status"] = _known(platform, quoted)
    return body


def retweeted(platform: Platform, account: str, by: str, retweet_id: str, tweet_id: str, at: int) -> Body:
    """Somebody repeats a post: the account itself, or another user one of its posts."""
    original = _known(platform, tweet_id)
    text = f"RT @{_screen_name(platform, platform.author_of(tweet_id) or '')}: {original['text']}"
    tweet = _tweet(platform, retweet_id, by, text, at)
    tweet["retweeted_status"] = original
    return {"for_user_id": account, "tweet_create_events": [tweet]}


def liked(platform: Platform, account: str, by: str, tweet_id: str, at: int) -> Body:
    """Somebody likes a post."""
    event = {
        "id": f"{by}{tweet_id}",
        "created_at": _created_at(at),
        "timestamp_ms": at,
        "favorited_status": _known(platform, tweet_id),
        "user": _user(platform, by),
    }
    return {"for_user_id": account, "favorite_events": [event]}


def deleted(account: str, tweet_id: str, author: str, at: int) -> Body:
    """A post is gone."""
    event = {"status": {"id": tweet_id, "user_id": author}, "timestamp_ms": str(at)}
    return {"for_user_id": account, "tweet_delete_events": [event]}


def message(
    platform: Platform, account: str, sent: Message, attachments: Sequence[Attachment] = (), name: str | None = None
) -> Body:
    """A direct message, of either side."""
    text = message_text(platform, sent)
    data: Body = {
        "text": text,
        "entities": {"hashtags": [], "symbols": [], "user_mentions": [], "urls": []},
    }
    if attachments:
        data["attachment"] = {"type": "media", "media": _media(attachments[0], sent.message_id)}
    created: Body = {
        "target": {"recipient_id": sent.recipient},
        "sender_id": sent.sender,
        "message_data": data,
    }
    if sent.own:
        created["source_app_id"] = "1"
    event = {
        "type": "message_create",
        "id": sent.message_id,
        "created_timestamp": str(sent.at),
        "message_create": created,
    }
    customer = sent.recipient if sent.own else sent.sender
    users = {sent.sender: _user(platform, sent.sender), sent.recipient: _user(platform, sent.recipient)}
    if name is not None:
        users[customer]["name"] = name
    body: Body = {"for_user_id": account, "direct_message_events": [event], "users": users}
    if sent.own:
        body["apps"] = {"1": {"id": "1", "name": "Simulated app", "url": "https://example.com"}}
    return body


def message_text(platform: Platform, sent: Message) -> str:
    """A direct message's text as X gives it back. Links are shortened only in own ones, so that tests can compare
    what a customer says."""
    return shortened(sent.text) if sent.own and platform.switches.rewrites else escaped(sent.text)


def _tweet(
    platform: Platform,
    tweet_id: str,
    user_id: str,
    text: str,
    at: int,
    *,
    in_reply_to: str | None = None,
    named: Sequence[str] = (),
    attachments: Sequence[Attachment] = (),
    name: str | None = None,
) -> Body:
    """A v1.1 tweet; `text` as X writes it."""
    answered = platform.author_of(in_reply_to)
    entities: Body = {"hashtags": [], "urls": [], "symbols": [], "user_mentions": _mentions(platform, text, named)}
    media = [_media(attachment, tweet_id) for attachment in attachments]
    is_long = len(text) > SHORT
    tweet: Body = {
        "created_at": _created_at(at),
        "id": int(tweet_id),
        "id_str": tweet_id,
        "text": text[: SHORT - 1] + "…" if is_long else text,
        "truncated": is_long,
        "in_reply_to_status_id": None if in_reply_to is None else int(in_reply_to),
        "in_reply_to_status_id_str": in_reply_to,
        "in_reply_to_user_id": None if answered is None else int(answered),
        "in_reply_to_user_id_str": answered,
        "in_reply_to_screen_name": None if answered is None else _screen_name(platform, answered),
        "user": _user(platform, user_id) | ({} if name is None else {"name": name}),
        "is_quote_status": False,
        "favorited": False,
        "retweeted": False,
        "lang": "en",
        "entities": entities | ({"media": media} if media else {}),
        "timestamp_ms": str(at),
    }
    if media:
        tweet["extended_entities"] = {"media": media}
    if is_long:
        tweet["extended_tweet"] = {"full_text": text, "display_text_range": [0, len(text)], "entities": entities}
    return tweet


def _known(platform: Platform, tweet_id: str) -> Body:
    """A post that the platform has, whoever wrote it."""
    own, author = platform.posts.get(tweet_id), platform.authors.get(tweet_id)
    if own is not None:
        return _tweet(platform, tweet_id, own.account, platform.shown(own), own.created_at, in_reply_to=own.in_reply_to)
    if author is None:
        return {"id_str": tweet_id, "text": ""}
    return _tweet(
        platform,
        tweet_id,
        author.user_id,
        escaped(author.text),
        author.at,
        in_reply_to=author.in_reply_to,
        named=author.mentions,
    )


def _only(body: Body) -> Body:
    events = body["tweet_create_events"]
    assert isinstance(events, list)
    tweet: Body = events[0]
    return tweet


def _mentions(platform: Platform, text: str, named: Sequence[str]) -> list[Body]:
    """Who stands in the text, and who is named without (as where X hides the names that an answer begins with)."""
    found = [(platform.id_of(name), name, start, end) for name, start, end in mentions(text)]
    written = {user for user, *_ in found}
    hidden = [(user, _screen_name(platform, user), 0, 0) for user in named if user not in written]
    return [
        {"id": int(user), "id_str": user, "screen_name": name, "name": name, "indices": [start, end]}
        for user, name, start, end in hidden + found
        if user is not None
    ]


def _media(attachment: Attachment, item_id: str) -> Body:
    kind = {"image": "photo", "video": "video"}.get(attachment.kind, "photo")
    return {
        "id_str": item_id,
        "indices": [0, 0],
        "media_url": attachment.url,
        "media_url_https": attachment.url,
        "url": "https://t.co/media",
        "type": kind,
    }


def _user(platform: Platform, user_id: str) -> Body:
    name = _screen_name(platform, user_id)
    return {"id": int(user_id), "id_str": user_id, "name": name, "screen_name": name}


def _screen_name(platform: Platform, user_id: str) -> str:
    return platform.names.get(user_id, user_id)


def _created_at(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%a %b %d %H:%M:%S %z %Y")
