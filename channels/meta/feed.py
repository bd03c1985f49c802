"""From a change in a page's feed to a command: visitors' posts, comments, the page's own comments."""

from collections.abc import Mapping
from typing import Final

from channels.mapping import Result, Unreadable, convert
from channels.meta.arrival import FACEBOOK, Arrival
from channels.meta.items import COMMENT, FeedItem, feed_item, raw_item
from channels.meta.payloads import Change, FeedValue
from engine.envelope import derive
from engine.interaction.commands import DeleteMessage, EditMessage, ReceiveMessage, RecordOwnPost

POSTS: Final = frozenset({"post", "status", "photo", "video", "link", "note"})
ADD: Final = frozenset({"add"})
EDIT: Final = frozenset({"edited", "edit", "update"})
REMOVE: Final = frozenset({"remove", "delete"})

IGNORED_ITEMS: Final[Mapping[str, str]] = {
    "reaction": "reaction",
    "like": "reaction",
    "share": "share",
    "mention": "mention",
    **dict.fromkeys(
        ("album", "connection", "coupon", "event", "experience", "group", "milestone", "offer", "page", "picture",
         "platform-story", "photo-album", "profile", "question", "rating", "relationship-status", "story", "tag",
         "timeline cover"),
        "other_item",
    ),
}  # fmt: skip
"""Items of the feed that are nobody's matter, and what they are counted as."""

IGNORED_VERBS: Final[Mapping[str, str]] = {
    "hide": "hidden",
    "unhide": "shown",
    **dict.fromkeys(("block", "unblock", "mute", "unmute", "follow"), "other_verb"),
}
"""What may happen to a post or comment without changing its words."""


def map_change(raw: object, arrival: Arrival) -> Result:
    """What becomes of one change."""
    change = convert(raw, Change, "a change")
    if change.field is None:
        raise Unreadable("unknown_shape", "a change names no field")
    if change.field != "feed":
        return "other_field"
    value = convert(change.value, FeedValue, "the value of a feed change")
    kind, verb = value.item or "", value.verb or ""
    if kind in IGNORED_ITEMS:
        return IGNORED_ITEMS[kind]
    if kind != COMMENT and kind not in POSTS:
        raise Unreadable("unknown_event", "the item of a feed change is none that Meta documents")
    if verb in IGNORED_VERBS:
        return IGNORED_VERBS[verb]
    if verb not in ADD | EDIT | REMOVE:
        raise Unreadable("unknown_event", "the verb of a feed change is none that Meta documents")
    item = feed_item(value, arrival.time)
    if verb in ADD and arrival.is_own(item.author_id):
        return _own_comment(item, change.value, arrival)
    if verb in ADD:
        return _post(item, change.value, arrival)
    return _edit(item, change.value, arrival) if verb in EDIT else _removal(item, arrival)


def _post(item: FeedItem, raw: object, arrival: Arrival) -> Result:
    """A visitor's post, or a comment. Where Meta hides the author, it belongs to a nameless one of this thread."""
    receiver = arrival.receiver
    platform_id = item.author_id or f"thread:{item.thread}"
    handle_id = receiver.home(FACEBOOK, platform_id)
    return handle_id, ReceiveMessage(
        command_id=derive(FACEBOOK, arrival.page, item.item_id, "message"),
        at=arrival.at(item.at),
        actor_kind="customer",
        actor_id=handle_id,
        channel=FACEBOOK,
        accounts=[arrival.page],
        item_id=item.item_id,
        visibility="public",
        posted_at=item.at,
        handle_id=handle_id,
        platform_id=platform_id,
        name=None if item.author_id is None else item.name,
        text=item.text,
        salt=receiver.salt(),
        in_reply_to=item.parent,
        raw=raw_item(raw),
        event="comment" if item.is_comment else "post",
        thread=item.thread,
        attachments=item.attachments,
        # Under the thread's key too: of an own comment Facebook may name no more than the thread.
        index=list(dict.fromkeys((arrival.item_key(item.item_id), arrival.item_key(item.thread)))),
    )


def _own_comment(item: FeedItem, raw: object, arrival: Arrival) -> Result:
    """A page's own comment names what it answers, but not whom."""
    if item.parent is None or item.author_id is None:
        return "own_post"
    return arrival.item_key(item.parent), RecordOwnPost(
        command_id=derive(FACEBOOK, arrival.page, item.item_id, "own_post"),
        at=arrival.at(item.at),
        channel=FACEBOOK,
        account=item.author_id,
        item_id=item.item_id,
        in_reply_to=item.parent,
        posted_at=item.at,
        text=item.text,
        salt=arrival.receiver.salt(),
        raw=raw_item(raw),
    )


def _edit(item: FeedItem, raw: object, arrival: Arrival) -> Result:
    if arrival.is_own(item.author_id):
        return "own_post_edited"
    raw_item(raw)  # for its limit
    # created_time stays that of the first version where Meta sends it so: then the entry's time tells edits apart.
    edited_at = max(item.at, arrival.time)
    handle_id = _customer(item, arrival)
    return handle_id or arrival.item_key(item.item_id), EditMessage(
        command_id=derive(FACEBOOK, arrival.page, item.item_id, "edit", edited_at),
        at=arrival.at(edited_at),
        actor_kind="customer",
        actor_id=handle_id,
        channel=FACEBOOK,
        item_id=item.item_id,
        edited_at=edited_at,
        text=item.text,
        salt=arrival.receiver.salt(),
        attachments=item.attachments,
    )


def _removal(item: FeedItem, arrival: Arrival) -> Result:
    """Gone, by its author or by a moderator of the page. Meta does not say of whom `from` tells: where that is the
    page, it may be a customer's comment all the same, and its words have to go."""
    handle_id = _customer(item, arrival)
    return handle_id or arrival.item_key(item.item_id), DeleteMessage(
        command_id=derive(FACEBOOK, arrival.page, item.item_id, "deletion"),
        at=arrival.at(arrival.time),
        actor_kind="system" if handle_id is None else "customer",
        actor_id=handle_id,
        channel=FACEBOOK,
        item_id=item.item_id,
    )


def _customer(item: FeedItem, arrival: Arrival) -> str | None:
    """The customer's handle, where Meta tells of one."""
    if item.author_id is None or arrival.is_own(item.author_id):
        return None
    return arrival.receiver.home(FACEBOOK, item.author_id)
