"""From the body of X's webhook to commands. Pure: the same body always gives the same commands, but for the salt.

X repeats deliveries, and sends one for each subscribed account in a conversation, in any order. So a command's id
derives from the receiving account and the item, and the key from the person: what is a duplicate, and to which
account a post belongs, is decided where that person's history is known.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from channels.mapping import Mapped, Result, Unreadable, convert, raw_json
from channels.x.items import (
    Deletion,
    Item,
    account_id,
    deletion_of_post,
    deletion_of_tweet,
    item_of_post,
    item_of_tweet,
)
from channels.x.messages import Message, message_of, message_of_payload
from channels.x.payloads import Activity, Delivery, Messages
from engine.envelope import derive
from engine.interaction.commands import DeleteMessage, ReceiveMessage, RecordOwnPost

CHANNEL: Final = "x"
EVENT_LIMIT: Final = 1_000
"""The most events in one body. X sends one, or a few; a body with more is kept whole as a dead letter."""
ACCOUNT_LIMIT: Final = 50
"""The most candidates for the account of one post."""

IGNORED_ARRAYS: Final[Mapping[str, str]] = {
    "favorite_events": "favourite",
    "follow_events": "follow",
    "unfollow_events": "follow",
    "block_events": "block",
    "unblock_events": "block",
    "mute_events": "mute",
    "unmute_events": "mute",
    "direct_message_indicate_typing_events": "typing",
    "direct_message_mark_read_events": "read",
    "user_event": "revoked",
}
"""Account Activity arrays that say nothing of a customer's matter, and what they are counted as."""

IGNORED_TYPES: Final[Mapping[str, str]] = {
    "like.": "favourite",
    "follow.": "follow",
    "unfollow.": "follow",
    "block.": "block",
    "unblock.": "block",
    "mute.": "mute",
    "unmute.": "mute",
    "profile.": "profile",
    "spaces.": "space",
    "news.": "news",
    "post.repost.": "repost",
    "dm.read": "read",
    "dm.indicate_typing": "typing",
    "oauth.": "revoked",
}
"""The same for X Activity event types, by how they begin."""

POST_TYPES: Final = frozenset({"post.create", "post.mention.create", "post.reply.create", "post.quote.create"})
DELETE_TYPES: Final = frozenset({"post.delete", "post.mention.delete", "post.reply.delete", "post.quote.delete"})
MESSAGE_TYPES: Final = frozenset({"dm.received", "dm.sent"})

_FRAME: Final = frozenset({"for_user_id", "user_has_blocked", "users", "apps"})


@dataclass(frozen=True, slots=True)
class Receiver:
    """What the mapping needs to know of this installation and this moment."""

    own_accounts: frozenset[str]
    """The platform ids of the company's accounts; the account whose webhook it is always counts as one."""
    home: Callable[[str], str]
    """The key of the person with this platform id on X."""
    salt: Callable[[], bytes]
    """16 random bytes, new at each call."""
    at: Callable[[int], int]
    """The time of a command, from the post's own time: that time in recorded time, else the time of receipt."""
    received_at: int
    """By the wall clock, in milliseconds: the time of a deletion of which X does not say when it was."""


@dataclass(frozen=True, slots=True)
class _Arrival:
    """Where an event arrived."""

    receiver: Receiver
    for_user_id: str
    author_blocked: bool = False

    def is_own(self, platform_id: str) -> bool:
        return platform_id == self.for_user_id or platform_id in self.receiver.own_accounts

    def command_id(self, item_id: str, kind: str) -> str:
        return derive(CHANNEL, self.for_user_id, item_id, kind)


def map_body(body: object, receiver: Receiver) -> Mapped:
    """All commands that a webhook's decoded JSON body asks for. Never fails: what can't be mapped is returned so."""
    mapped = Mapped()
    try:
        if not isinstance(body, dict):
            raise Unreadable("not_an_object", "the body is JSON, but no object")
        if "data" in body:
            _map_x_activity(body, receiver, mapped)
        else:
            _map_account_activity(body, receiver, mapped)
    except Unreadable as unreadable:
        mapped.keep(unreadable, body)
    return mapped


def _map_account_activity(body: dict[str, object], receiver: Receiver, mapped: Mapped) -> None:
    if "for_user_id" not in body and body.keys() == {"user_event"}:
        mapped.add("revoked")  # the only event that names no account: a user withdrew the app's permission
        return
    frame = convert(body, Activity, "the body")
    arrival = _Arrival(
        receiver=receiver,
        for_user_id=account_id(frame.for_user_id, "for_user_id"),
        # X documents a boolean and sends the string "false" too.
        author_blocked=frame.user_has_blocked in (True, "true"),
    )
    events = [(name, event) for name, value in body.items() if name not in _FRAME for event in _events(name, value)]
    if not events:
        raise Unreadable("no_events", "the body has no events")
    if len(events) > EVENT_LIMIT:
        raise Unreadable("too_many_events", f"the body has more than {EVENT_LIMIT:,} events")
    users = frame.users or {}
    for name, event in events:
        try:
            mapped.add(_account_activity_event(name, event, users, arrival))
        except Unreadable as unreadable:
            beside = {field: body[field] for field in body.keys() & _FRAME}
            mapped.keep(unreadable, {**beside, "for_user_id": arrival.for_user_id, name: [event]})


def _events(name: str, value: object) -> list[object]:
    if isinstance(value, list):
        return value
    if name in IGNORED_ARRAYS:
        return [value]
    raise Unreadable("unknown_shape", "the body has a field beside for_user_id that is no array of events")


def _account_activity_event(name: str, event: object, users: Mapping[str, object], arrival: _Arrival) -> Result:
    if name in IGNORED_ARRAYS:
        return IGNORED_ARRAYS[name]
    if name == "tweet_create_events":
        return _post(item_of_tweet(event), event, arrival)
    if name == "tweet_delete_events":
        return _deletion(deletion_of_tweet(event), arrival)
    if name == "direct_message_events":
        return _message(message_of(event, users), event, arrival)
    raise Unreadable("unknown_event", "the body has an array of events that X does not document")


def _map_x_activity(body: dict[str, object], receiver: Receiver, mapped: Mapped) -> None:
    deliveries = body["data"] if isinstance(body["data"], list) else [body["data"]]
    if not deliveries:
        raise Unreadable("no_events", "the body has no events")
    if len(deliveries) > EVENT_LIMIT:
        raise Unreadable("too_many_events", f"the body has more than {EVENT_LIMIT:,} events")
    for raw in deliveries:
        try:
            delivery = convert(raw, Delivery, "the body's data")
            if delivery.event_type in MESSAGE_TYPES:
                _map_messages(delivery, receiver, mapped)
            else:
                mapped.add(_x_activity_event(delivery, receiver))
        except Unreadable as unreadable:
            mapped.keep(unreadable, {"data": raw})


def _x_activity_event(delivery: Delivery, receiver: Receiver) -> Result:
    kind = delivery.event_type
    for beginning, reason in IGNORED_TYPES.items():
        if kind.startswith(beginning):
            return reason
    if kind.startswith("chat."):
        raise Unreadable("encrypted", "X encrypts this conversation: it can be read and answered on X only")
    if kind not in POST_TYPES and kind not in DELETE_TYPES:
        raise Unreadable("unknown_event", "the event_type is none that X documents")
    arrival = _arrival(delivery, receiver)
    if kind in DELETE_TYPES:
        return _deletion(deletion_of_post(delivery), arrival)
    return _post(item_of_post(delivery), delivery.payload, arrival)


def _map_messages(delivery: Delivery, receiver: Receiver, mapped: Mapped) -> None:
    """dm.received and dm.sent: their payload holds an array of the older generation, or one message of the newer."""
    arrival = _arrival(delivery, receiver)
    payload = convert(delivery.payload, Messages, "the payload of a direct message")
    if payload.direct_message_events is None:
        mapped.add(_message(message_of_payload(delivery, arrival.for_user_id), delivery.payload, arrival))
        return
    if not 1 <= len(payload.direct_message_events) <= EVENT_LIMIT:
        raise Unreadable("bad_events", f"the payload has no direct_message_events, or more than {EVENT_LIMIT:,}")
    for event in payload.direct_message_events:
        try:
            mapped.add(_message(message_of(event, payload.users or {}), event, arrival))
        except Unreadable as unreadable:
            alone = {"direct_message_events": [event], "users": payload.users}
            about = {"event_type": delivery.event_type, "filter": {"user_id": arrival.for_user_id}}
            mapped.keep(unreadable, {"data": {**about, "payload": alone}})


def _arrival(delivery: Delivery, receiver: Receiver) -> _Arrival:
    subscribed = delivery.filter.user_id if delivery.filter is not None else None
    return _Arrival(receiver=receiver, for_user_id=account_id(subscribed, "filter.user_id"))


def _post(item: Item, raw: object, arrival: _Arrival) -> Result:
    if item.is_repost:
        return "repost"
    if arrival.is_own(item.author_id):
        return _own_post(item, raw, arrival)
    return _customer_post(item, raw, arrival)


def _customer_post(item: Item, raw: object, arrival: _Arrival) -> Result:
    receiver = arrival.receiver
    handle_id = receiver.home(item.author_id)
    return handle_id, ReceiveMessage(
        command_id=arrival.command_id(item.item_id, "message"),
        at=receiver.at(item.posted_at),
        actor_kind="customer",
        actor_id=handle_id,
        channel=CHANNEL,
        accounts=_accounts(item, arrival),
        item_id=item.item_id,
        visibility="public",
        posted_at=item.posted_at,
        handle_id=handle_id,
        platform_id=item.author_id,
        screen_name=item.screen_name,
        name=item.name,
        text=item.text,
        salt=receiver.salt(),
        language=item.language,
        in_reply_to=item.answers_item,
        raw=raw_json(raw),
        event=_event(item, arrival),
        attachments=list(item.attachments),
        blocked=arrival.author_blocked,
    )


def _event(item: Item, arrival: _Arrival) -> str:
    """What happened, in the policy's words."""
    if item.answers_item is not None:
        return "reply"
    return "quote" if item.quotes_user is not None and arrival.is_own(item.quotes_user) else "mention"


def _accounts(item: Item, arrival: _Arrival) -> list[str]:
    """To whom it may belong, best first: the own account answered, those named (own ones first), the own one quoted,
    the receiving one."""
    answered = [item.answers_user] if item.answers_user is not None and arrival.is_own(item.answers_user) else []
    quoted = [item.quotes_user] if item.quotes_user is not None and arrival.is_own(item.quotes_user) else []
    named = sorted([*item.mentions, *quoted], key=lambda account: not arrival.is_own(account))
    others = list(dict.fromkeys([*answered, *named]))
    if arrival.for_user_id in others[:ACCOUNT_LIMIT]:
        return others[:ACCOUNT_LIMIT]
    return [*others[: ACCOUNT_LIMIT - 1], arrival.for_user_id]


def _own_post(item: Item, raw: object, arrival: _Arrival) -> Result:
    if item.answers_item is None or item.answers_user is None:
        return "own_post"
    if arrival.is_own(item.answers_user):
        return "own_thread"
    receiver = arrival.receiver
    return receiver.home(item.answers_user), RecordOwnPost(
        command_id=arrival.command_id(item.item_id, "own_post"),
        at=receiver.at(item.posted_at),
        channel=CHANNEL,
        account=item.author_id,
        item_id=item.item_id,
        in_reply_to=item.answers_item,
        posted_at=item.posted_at,
        text=item.text,
        salt=receiver.salt(),
        raw=raw_json(raw),
    )


def _message(message: Message, raw: object, arrival: _Arrival) -> Result:
    """A direct message: a customer's, or one that an own account sent to a customer."""
    receiver = arrival.receiver
    if arrival.is_own(message.sender_id):
        if arrival.is_own(message.recipient_id):
            return "own_thread"
        return receiver.home(message.recipient_id), RecordOwnPost(
            command_id=arrival.command_id(message.item_id, "own_post"),
            at=receiver.at(message.sent_at),
            channel=CHANNEL,
            account=message.sender_id,
            item_id=message.item_id,
            visibility="private",
            posted_at=message.sent_at,
            text=message.text,
            salt=receiver.salt(),
            raw=raw_json(raw),
        )
    if not arrival.is_own(message.recipient_id):
        raise Unreadable("not_ours", "a direct message is neither from nor to an account of ours")
    handle_id = receiver.home(message.sender_id)
    return handle_id, ReceiveMessage(
        command_id=arrival.command_id(message.item_id, "message"),
        at=receiver.at(message.sent_at),
        actor_kind="customer",
        actor_id=handle_id,
        channel=CHANNEL,
        accounts=[message.recipient_id],
        item_id=message.item_id,
        visibility="private",
        posted_at=message.sent_at,
        handle_id=handle_id,
        platform_id=message.sender_id,
        screen_name=message.screen_name,
        name=message.name,
        text=message.text,
        salt=receiver.salt(),
        raw=raw_json(raw),
        event="direct_message",
        attachments=list(message.attachments),
        blocked=arrival.author_blocked,
    )


def _deletion(deletion: Deletion, arrival: _Arrival) -> Result:
    if arrival.is_own(deletion.author_id):
        return "own_post_deleted"
    receiver = arrival.receiver
    handle_id = receiver.home(deletion.author_id)
    return handle_id, DeleteMessage(
        command_id=arrival.command_id(deletion.item_id, "deletion"),
        at=receiver.received_at if deletion.at is None else receiver.at(deletion.at),
        actor_kind="customer",
        actor_id=handle_id,
        channel=CHANNEL,
        item_id=deletion.item_id,
    )
