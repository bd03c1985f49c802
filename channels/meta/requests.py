"""Which call of the Graph API does what is asked. Pure."""

from typing import Final

from channels.calls import Call
from channels.meta.arrival import MESSENGER
from channels.meta.items import FEED_ITEM, PERSON
from channels.outcomes import Refused
from engine.delivery import Deliver

HUMAN_AGENT: Final = "HUMAN_AGENT"
"""The one tag that we send: a person answers later than 24 hours after the customer's last message."""


def call_of(deliver: Deliver) -> Call | Refused:
    """The call, or why there is none."""
    if PERSON.fullmatch(deliver.account) is None:
        return Refused("bad_id", "The account is named by something that is no page's id.")
    if deliver.action == "message":
        return _message(deliver)
    if deliver.channel == MESSENGER:
        return Refused("not_in_messenger", "Messenger has no such action.")
    item = deliver.in_reply_to
    if FEED_ITEM.fullmatch(item) is None:
        return Refused("bad_id", "The post or comment is named by something that is no id of Facebook.")
    match deliver.action:
        case "reply":
            return Call("POST", f"/{item}/comments", {"message": deliver.text})
        case "private_answer":
            to = {"post_id" if is_post(item, deliver.account) else "comment_id": item}
            return Call("POST", f"/{deliver.account}/messages", _sent(deliver, to))
        case "like":
            return Call("POST", f"/{item}/likes", {})
        case "hide" | "unhide":
            return Call("POST", f"/{item}", {"is_hidden": deliver.action == "hide"})
        case "delete":
            return Call("DELETE", f"/{item}")
        case _:
            return Refused("not_on_facebook", "Facebook and Messenger have no such action.")


def is_post(item_id: str, page: str) -> bool:
    """Whether an item of a page's feed is a post: those are named PAGE_POST, comments POST_COMMENT."""
    return item_id.startswith(f"{page}_")


def _message(deliver: Deliver) -> Call | Refused:
    if deliver.recipient is None or PERSON.fullmatch(deliver.recipient) is None:
        return Refused("bad_id", "The person is named by something that is no id of Messenger.")
    if deliver.tag not in (None, HUMAN_AGENT):
        return Refused("bad_tag", "The message has a tag that is never sent.")
    return Call("POST", f"/{deliver.account}/messages", _sent(deliver, {"id": deliver.recipient}))


def _sent(deliver: Deliver, recipient: dict[str, str]) -> dict[str, object]:
    """The body of a message. The echo brings `metadata` back, and so tells which delivery it is of."""
    kind = {"messaging_type": "RESPONSE"} if deliver.tag is None else _tagged(deliver.tag)
    return {"recipient": recipient, **kind, "message": {"text": deliver.text, "metadata": deliver.delivery_id}}


def _tagged(tag: str) -> dict[str, str]:
    return {"messaging_type": "MESSAGE_TAG", "tag": tag}
