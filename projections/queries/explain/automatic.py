"""Why: what a rule answers or likes, and what is done to a message beside answering it."""

from engine.interaction import events as e
from projections.queries.explain.base import Circumstances, explain, posted_as

_WITHHELD = {
    "notice_sent": "the message has had a notice",
    "daily_cap": "the contact has had as many as the policy allows in a day",
    "once_per_interaction": "the platform allows one for each interaction",
    "opted_out": "the contact wants none",
    "too_old": "the message is too old",
    "not_available": "there is no way for it here",
    "not_permitted": "the platform forbids it",
}


@explain.register
def _(event: e.AutoReplyRequested, known: Circumstances) -> str:
    then = "the interaction ends with it" if event.then == "close" else "it goes to a person too"
    return (
        f"filter {event.filter} answers with {event.template} ({event.language}) in {event.visibility}: on its way to "
        f"the platform; {then}"
    )


@explain.register
def _(event: e.AutoReplied, known: Circumstances) -> str:
    return f"the automatic answer was posted{posted_as(event.item_id)}"


@explain.register
def _(event: e.AutomaticWithheld, known: Circumstances) -> str:
    by = "" if event.filter is None else f" by filter {event.filter}"
    return f"no automatic {event.what}{by}: {_WITHHELD.get(event.why, event.why)}"


@explain.register
def _(event: e.EngagementSuggested, known: Circumstances) -> str:
    return f"filter {event.filter} proposes a {event.engagement} of message {event.item_id} to the agent"


@explain.register
def _(event: e.EngagementRequested, known: Circumstances) -> str:
    who = event.agent_id or f"filter {event.filter}"
    return f"{who} asks for a {event.engagement} of message {event.item_id}: on its way to the platform"


@explain.register
def _(event: e.Engaged, known: Circumstances) -> str:
    return f"the platform took the {event.engagement} of message {event.item_id}"


@explain.register
def _(event: e.ModerationRequested, known: Circumstances) -> str:
    what = {
        "hide": f"hides comment {event.item_id}",
        "unhide": f"shows comment {event.item_id} again",
        "delete": f"deletes our answer {event.item_id}",
    }.get(event.action, f"{event.action}: {event.item_id}")
    return f"{event.agent_id} {what}: on its way to the platform"


@explain.register
def _(event: e.Moderated, known: Circumstances) -> str:
    return {
        "hide": f"the platform hid comment {event.item_id}",
        "unhide": f"the platform shows comment {event.item_id} again",
        "delete": f"the platform deleted our answer {event.item_id}; its words are erased",
    }.get(event.action, f"the platform did {event.action} to {event.item_id}")
