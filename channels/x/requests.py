"""Which call of X's API does what is asked. Pure."""

from channels.calls import Call
from channels.outcomes import Refused
from channels.x.items import ID
from engine.delivery import Deliver


def call_of(deliver: Deliver) -> Call | Refused:
    """The call, or why there is none."""
    named = [deliver.account, deliver.in_reply_to] + [deliver.recipient or ""] * (deliver.action == "message")
    if any(ID.fullmatch(name) is None for name in named):
        return Refused("bad_id", "An account, post or person is named by something that is no id of X.")
    item, private = deliver.in_reply_to, deliver.visibility == "private"
    match deliver.action:
        case "reply":
            return Call("POST", "/2/tweets", {"text": deliver.text, "reply": {"in_reply_to_tweet_id": item}})
        case "message":
            return Call("POST", f"/2/dm_conversations/with/{deliver.recipient}/messages", {"text": deliver.text})
        case "retweet":
            return Call("POST", f"/2/users/{deliver.account}/retweets", {"tweet_id": item})
        case "like":
            return Call("POST", f"/2/users/{deliver.account}/likes", {"tweet_id": item})
        case "hide" | "unhide":
            return Call("PUT", f"/2/tweets/{item}/hidden", {"hidden": deliver.action == "hide"})
        case "delete":
            return Call("DELETE", f"/2/dm_events/{item}" if private else f"/2/tweets/{item}")
        case _:
            return Refused("not_on_x", "X has no such action.")
