"""The shapes of what X posts to a webhook, of both generations: only the fields that are read.

Everything may be absent or null, because X says so of most of it and sends more without notice; what is needed is
asked for where it is used. Ids come as strings and, in the older generation, as numbers too, beyond 2^53: both are
read exactly, and the string wins.
"""

import msgspec


class Part(msgspec.Struct, frozen=True):
    """A part of a payload; unknown fields are passed over."""


# --- Account Activity API: v1.1 objects ------------------------------------------------------------------------


class User(Part, frozen=True):
    """Who wrote a post."""

    id: int | str | None = None
    id_str: str | None = None
    name: str | None = None
    screen_name: str | None = None


class UserMention(Part, frozen=True):
    """Somebody named in a post; `indices` say where."""

    id: int | str | None = None
    id_str: str | None = None
    screen_name: str | None = None
    indices: list[int] | None = None


class Entities(Part, frozen=True):
    """What X found in a post's text."""

    user_mentions: list[UserMention] | None = None


class MediaEntities(Part, frozen=True):
    """The pictures and videos of a post."""

    media: list[object] | None = None


class Variant(Part, frozen=True):
    """A video in one size."""

    content_type: str | None = None
    url: str | None = None


class VideoInfo(Part, frozen=True):
    """A video."""

    variants: list[Variant] | None = None


class Media(Part, frozen=True):
    """A picture or video, of either generation."""

    type: str | None = None
    media_url_https: str | None = None
    video_info: VideoInfo | None = None
    url: str | None = None
    preview_image_url: str | None = None
    variants: list[Variant] | None = None


class ExtendedTweet(Part, frozen=True):
    """The whole of a post of more than 140 characters."""

    full_text: str | None = None
    entities: Entities | None = None
    extended_entities: MediaEntities | None = None


class QuotedTweet(Part, frozen=True):
    """The post that another one quotes."""

    user: User | None = None


class Tweet(Part, frozen=True):
    """A post."""

    id: int | str | None = None
    id_str: str | None = None
    text: str | None = None
    full_text: str | None = None
    truncated: bool | None = None
    extended_tweet: ExtendedTweet | None = None
    entities: Entities | None = None
    extended_entities: MediaEntities | None = None
    user: User | None = None
    created_at: str | None = None
    timestamp_ms: str | int | None = None
    lang: str | None = None
    in_reply_to_status_id: int | str | None = None
    in_reply_to_status_id_str: str | None = None
    in_reply_to_user_id: int | str | None = None
    in_reply_to_user_id_str: str | None = None
    retweeted_status: dict[str, object] | None = None
    quoted_status: QuotedTweet | None = None


class DeletedStatus(Part, frozen=True):
    """Which post was deleted, and whose it was."""

    id: int | str | None = None
    id_str: str | None = None
    user_id: int | str | None = None
    user_id_str: str | None = None


class TweetDeletion(Part, frozen=True):
    """A post was deleted."""

    status: DeletedStatus | None = None
    timestamp_ms: str | int | None = None


class Target(Part, frozen=True):
    """To whom a direct message goes."""

    recipient_id: str | int | None = None


class MessageAttachment(Part, frozen=True):
    """What is attached to a direct message: `media`, or the location itself."""

    type: str | None = None
    media: dict[str, object] | None = None


class MessageData(Part, frozen=True):
    """What a direct message says."""

    text: str | None = None
    attachment: MessageAttachment | None = None


class MessageCreate(Part, frozen=True):
    """A direct message."""

    target: Target | None = None
    sender_id: str | int | None = None
    message_data: MessageData | None = None


class MessageEvent(Part, frozen=True):
    """That a direct message was sent."""

    type: str | None = None
    id: str | int | None = None
    created_timestamp: str | int | None = None
    message_create: MessageCreate | None = None


class MessageUser(Part, frozen=True):
    """Who takes part in a direct message: the older generation's form, or the newer one's in `data`."""

    name: str | None = None
    screen_name: str | None = None
    data: "PostUser | None" = None


class Activity(Part, frozen=True):
    """The frame of an Account Activity body; the arrays of events are read one by one."""

    for_user_id: str | int | None = None
    user_has_blocked: bool | str | None = None
    users: dict[str, object] | None = None


# --- X Activity API: v2 objects ---------------------------------------------------------------------------------


class Reference(Part, frozen=True):
    """Another post that this one answers, quotes or repeats."""

    type: str | None = None
    id: str | None = None


class Mention(Part, frozen=True):
    """Somebody named in a post; `start` says where."""

    id: str | None = None
    username: str | None = None
    start: int | None = None


class PostEntities(Part, frozen=True):
    """What X found in a post's text."""

    mentions: list[Mention] | None = None


class NoteTweet(Part, frozen=True):
    """The whole of a post of more than 280 characters."""

    text: str | None = None
    entities: PostEntities | None = None


class PostAttachments(Part, frozen=True):
    """What is attached to a post, by keys of what was expanded."""

    media_keys: list[str] | None = None


class Post(Part, frozen=True):
    """A post."""

    id: str | None = None
    text: str | None = None
    author_id: str | None = None
    user_id: str | None = None
    created_at: str | None = None
    lang: str | None = None
    in_reply_to_user_id: str | None = None
    referenced_tweets: list[Reference] | None = None
    entities: PostEntities | None = None
    note_tweet: NoteTweet | None = None
    attachments: PostAttachments | None = None


class PostUser(Part, frozen=True):
    """An expanded user."""

    id: str | None = None
    username: str | None = None
    name: str | None = None


class PostIncludes(Part, frozen=True):
    """What X expanded beside a post."""

    users: list[PostUser] | None = None
    tweets: list[Post] | None = None
    media: list[object] | None = None


class DirectMessage(Part, frozen=True):
    """A direct message, as the look-up lists it."""

    id: str | None = None
    text: str | None = None
    sender_id: str | None = None
    created_at: str | None = None
    dm_conversation_id: str | None = None


class Messages(Part, frozen=True):
    """The payload of dm.received and dm.sent: the older generation's events and users."""

    direct_message_events: list[object] | None = None
    users: dict[str, object] | None = None


class Filter(Part, frozen=True):
    """What the subscription asked for."""

    user_id: str | None = None


class Delivery(Part, frozen=True):
    """One event of the X Activity API. `payload` is read once its type is known."""

    event_type: str
    filter: Filter | None = None
    payload: dict[str, object] | None = None
    includes: PostIncludes | None = None
