"""Why: the move from public to private, and the conversation there."""

from engine.interaction import events as e
from projections.queries.explain.base import Circumstances, explain, platform, until


@explain.register
def _(event: e.MovedToPrivate, known: Circumstances) -> str:
    where = f"goes on in private on {platform(event.channel)}"
    if event.how == "link":
        return f"{where}, if {known.customer} follows the link that {event.agent_id} gives{until(event.until)}"
    return f"{where}: {event.agent_id}'s private message was sent"


@explain.register
def _(event: e.ReplyReleased, known: Circumstances) -> str:
    return "what it waited for was posted: on its way to the platform"


@explain.register
def _(event: e.SessionOpened, known: Circumstances) -> str:
    return f"private conversation {event.session}: {event.agent_id} and {known.customer} are both there"


@explain.register
def _(event: e.SessionClosed, known: Circumstances) -> str:
    why = {
        "dispositioned": "the interaction ends",
        "inactive": "nobody wrote for the policy's time",
        "given_on": "it goes to somebody else",
    }.get(event.why, event.why)
    return f"private conversation {event.session} ends: {why}"
