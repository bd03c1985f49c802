"""The bodies that the simulated Meta posts to the webhook."""

import json
from collections.abc import Iterable

from channels.simulator.hooks import Body
from channels.simulator.meta_credentials import APP_ID
from channels.simulator.meta_platform import MetaPlatform
from channels.simulator.meta_records import MetaItem


def serialised(body: Body) -> bytes:
    """As Meta writes JSON, and signs it: ASCII only, all else as lower-case escapes, and slashes escaped too."""
    return json.dumps(body, separators=(",", ":")).replace("/", "\\/").encode()


def change(platform: MetaPlatform, item: MetaItem, verb: str, at: int) -> Body:
    """What became of a post or comment: add, edited, remove, hide or unhide."""
    value: Body = {"item": item.kind, "verb": verb, "post_id": item.post_id, "created_time": item.at // 1000}
    if item.kind == "comment":
        value |= {"comment_id": item.item_id, "parent_id": item.in_reply_to}
    value |= _sender(platform, item)
    if verb in ("add", "edited"):
        if item.text:
            value["message"] = item.text
        for attachment in item.attachments[:1]:
            value[{"image": "photo", "video": "video"}.get(attachment.kind, "link")] = attachment.url
        value["is_hidden"] = item.hidden
    return _feed(item.page, value, at)


def reaction(item: MetaItem, sender: Body, at: int, kind: str = "like") -> Body:
    """Somebody reacts to a post or comment; `sender` is empty or has `from`."""
    value: Body = {"item": "reaction", "verb": "add", "reaction_type": kind, "post_id": item.post_id}
    if item.kind == "comment":
        value |= {"comment_id": item.item_id, "parent_id": item.in_reply_to}
    return _feed(item.page, value | sender | {"created_time": at // 1000}, at)


def message(platform: MetaPlatform, item: MetaItem) -> Body:
    """A message, postback or referral; an own message comes back as an echo."""
    referral = {"ref": item.ref, "source": "SHORTLINK", "type": "OPEN_THREAD"}
    match item.kind:
        case "postback":
            content: Body = {"mid": item.item_id, "title": item.text, "payload": item.text}
            event: Body = {"postback": content if item.ref is None else content | {"referral": referral}}
        case "referral":
            event = {"referral": referral}
        case _:
            event = {"message": _content(item) | ({} if item.ref is None else {"referral": referral})}
    return _messaging(item, event, item.at)


def message_edited(item: MetaItem, at: int) -> Body:
    """A customer changed a message."""
    return _messaging(item, {"message_edit": {"mid": item.item_id, "text": item.text, "num_edit": 1}}, at)


def message_deleted(item: MetaItem, at: int) -> Body:
    """A customer took a message back."""
    return _messaging(item, {"message": {"mid": item.item_id, "is_deleted": True}}, at)


def receipt(page: str, person: str, kind: str, mid: str | None, at: int) -> Body:
    """What the page wrote was delivered, or read."""
    content: Body = {"watermark": at}
    if kind == "delivery" and mid is not None:
        content["mids"] = [mid]
    event: Body = {"sender": {"id": person}, "recipient": {"id": page}, "timestamp": at, kind: content}
    return _body(page, at, "messaging", event)


def merged(bodies: Iterable[Body]) -> Body:
    """One body with all entries: those of one page in one entry, as Meta gathers what happened at once."""
    entries: dict[tuple[object, str], Body] = {}
    for body in bodies:
        for entry in _entries(body):
            kind = "changes" if "changes" in entry else "messaging"
            first = entries.setdefault((entry["id"], kind), entry)
            if first is not entry:
                first[kind] = [*_listed(first, kind), *_listed(entry, kind)]
    return {"object": "page", "entry": list(entries.values())}


def fields_of(body: Body) -> set[tuple[str, str]]:
    """The pages and subscribed fields that a body tells of."""
    found: set[tuple[str, str]] = set()
    for entry in _entries(body):
        page = str(entry["id"])
        found |= {(page, "feed") for _ in _listed(entry, "changes")}
        found |= {(page, _field_of(event)) for event in _listed(entry, "messaging")}
    return found


def _field_of(event: Body) -> str:
    content = event.get("message")
    if isinstance(content, dict):
        return "message_echoes" if content.get("is_echo") else "messages"
    names = {
        "postback": "messaging_postbacks",
        "referral": "messaging_referrals",
        "message_edit": "message_edits",
        "delivery": "message_deliveries",
        "read": "message_reads",
    }
    return next(name for key, name in names.items() if key in event)


def _content(item: MetaItem) -> Body:
    content: Body = {"mid": item.item_id}
    if item.text:
        content["text"] = item.text
    if item.attachments:
        content["attachments"] = [
            {"type": attachment.kind, "payload": {"url": attachment.url}} for attachment in item.attachments
        ]
    if item.own:
        content |= {"is_echo": True, "app_id": int(APP_ID)}
        if item.delivery_id is not None:
            content["metadata"] = item.delivery_id
    elif item.in_reply_to is not None:
        content["reply_to"] = {"mid": item.in_reply_to}
    return content


def _messaging(item: MetaItem, event: Body, at: int) -> Body:
    sender, recipient = (item.page, item.person) if item.own else (item.person, item.page)
    whole = {"sender": {"id": sender}, "recipient": {"id": recipient}, "timestamp": at, **event}
    return _body(item.page, at, "messaging", whole)


def _sender(platform: MetaPlatform, item: MetaItem) -> Body:
    if item.own:
        return {"from": {"id": item.page, "name": platform.page_name(item.page)}}
    if item.author is None or item.is_anonymous:
        return {}
    return {"from": {"id": item.author.id, "name": item.author.name or item.author.id}}


def _feed(page: str, value: Body, at: int) -> Body:
    return _body(page, at // 1000, "changes", {"field": "feed", "value": value})


def _body(page: str, time: int, kind: str, event: Body) -> Body:
    return {"object": "page", "entry": [{"id": page, "time": time, kind: [event]}]}


def _entries(body: Body) -> list[Body]:
    return _listed(body, "entry")


def _listed(part: Body, name: str) -> list[Body]:
    listed = part.get(name, [])
    assert isinstance(listed, list)
    return listed
