"""Why something happened, in words: one function for each type of event, from its facts."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import singledispatch

from engine.interaction import contact_events as ce
from engine.interaction import events as e
from engine.record import Event


@dataclass(frozen=True)
class Circumstances:
    """What an explanation may need that the event itself does not say."""

    customer: str = "the customer"
    account: str = "the account"
    waited_seconds: float | None = None
    """For an offer: how long the interaction stood in line."""
    answered_after_seconds: float | None = None
    """For the first answer: how long after the customer's first message it was posted."""
    policy_version: int = 0


def duration(seconds: float) -> str:
    """A time as people say it: 45 s, 12 min 5 s, 3 h 20 min, 2 d 4 h."""
    whole = round(seconds)
    if whole < 0:
        return f"-{duration(-whole)}"
    for size, unit, smaller, small_unit in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size} {unit}" + (f" {rest} {small_unit}" if rest else "")
    return f"{whole} s"


@singledispatch
def explain(event: Event, known: Circumstances) -> str:
    """The reason, as somebody reads it who has never seen the system."""
    return "an event of which this version knows no more than its name"


@explain.register
def _(event: e.MessageReceived, known: Circumstances) -> str:
    joined = {
        "opened": "opens a new interaction",
        "thread": "joins, because it answers a post of this interaction",
        "recent": "joins, because this is the author's latest interaction with the account",
        "attached": "joins the history, and opens nothing",
    }.get(event.joined, event.joined)
    follows = f" (the one before was {event.follows})" if event.follows else ""
    matched = f"; filter {event.filter} says {event.action}" if event.filter else ""
    return f"{known.customer} wrote to {known.account}: {joined}{follows}{matched}"


@explain.register
def _(event: e.FilteredOut, known: Circumstances) -> str:
    return f"filter {event.filter} ends it here; no contact is made"


@explain.register
def _(event: ce.ContactCreated, known: Circumstances) -> str:
    return f"nobody was known under this handle on {event.channel}, so a contact is made"


@explain.register
def _(event: e.ContactResolved, known: Circumstances) -> str:
    return "the contact is known by the handle" if event.how == "found" else "it belongs to the contact just made"


@explain.register
def _(event: e.NoticeRequested, known: Circumstances) -> str:
    return f"notice {event.template} ({event.language}) is sent because {_closure(event.kind)}"


@explain.register
def _(event: e.NoticePosted, known: Circumstances) -> str:
    return f"the notice was posted{_as(event.item_id)}"


@explain.register
def _(event: e.OutOfHours, known: Circumstances) -> str:
    notice = {
        "requested": "a notice is sent",
        "already_sent": "no notice, this contact had it already",
        "too_old": "no notice, the message is too old",
        "not_configured": "no notice is configured",
    }.get(event.notice, event.notice)
    return f"held back{_until(event.until)}: {_closure(event.kind)}; {notice}"


@explain.register
def _(event: e.ClosureChanged, known: Circumstances) -> str:
    return f"still held back{_until(event.until)}: {_closure(event.kind)}"


@explain.register
def _(event: e.Queued, known: Circumstances) -> str:
    skills = f", skills {', '.join(event.skills)}" if event.skills else ""
    kept = f", for {event.agent}" if event.agent else f", for group {event.group}" if event.group else ""
    why = {
        "received": "received",
        "reopened": "open again",
        "written_again": "the customer wrote again",
        "transferred": "transferred",
    }.get(event.why, event.why)
    return f"waits in queue {event.queue} (priority {event.priority}{skills}{kept}): {why}"


@explain.register
def _(event: e.QueuedAgain, known: Circumstances) -> str:
    what = {
        "expired": f"{event.agent_id} did not accept in time",
        "declined": f"{event.agent_id} declined",
        "agent_gone": f"{event.agent_id} has gone",
    }.get(event.why, event.why)
    return f"{what}: back to the front of the line"


@explain.register
def _(event: e.Assigned, known: Circumstances) -> str:
    waited = "" if known.waited_seconds is None else f" after {duration(known.waited_seconds)} in line"
    return {
        "reserved": f"offered to {event.agent_id}{waited}",
        "taken": f"{event.agent_id} takes it",
        "taken_over": f"{event.agent_id} takes it over",
        "written_again": f"the customer wrote again: back to {event.agent_id}",
    }.get(event.why, f"{event.agent_id}: {event.why}")


@explain.register
def _(event: e.ReservationReleased, known: Circumstances) -> str:
    return f"{event.agent_id} is not needed any more (it is {event.why}) and is free again"


@explain.register
def _(event: e.Accepted, known: Circumstances) -> str:
    return f"{event.agent_id} accepts"


@explain.register
def _(event: e.ReplyRequested, known: Circumstances) -> str:
    return f"{event.agent_id} answers in {event.visibility}: on its way to the platform"


@explain.register
def _(event: e.Replied, known: Circumstances) -> str:
    how = {
        "outcome": "",
        "echo": ", known by its echo",
        "look_up": ", found by look-up",
        "duplicate_error": ", known because the platform called a repeat a duplicate",
    }.get(event.settled_by, f", {event.settled_by}")
    return f"{event.agent_id}'s answer was posted{_as(event.item_id)}{how}{_first(known)}"


@explain.register
def _(event: e.RepliedElsewhere, known: Circumstances) -> str:
    return f"somebody answered on the platform itself{_as(event.item_id)}{_first(known)}"


@explain.register
def _(event: e.DeliveryFailed, known: Circumstances) -> str:
    return f"attempt {event.attempt} to post failed ({event.reason}); it is tried again"


@explain.register
def _(event: e.DeliveryRetried, known: Circumstances) -> str:
    return f"attempt {event.attempt} to post"


@explain.register
def _(event: e.ReplyFailed, known: Circumstances) -> str:
    return f"the platform refused it for good ({event.reason}): {event.detail}"


@explain.register
def _(event: e.ReplyAbandoned, known: Circumstances) -> str:
    if event.reason == "undecided":
        return "it can't be known whether it was posted, so it is not tried again"
    return f"given up: the time for retries ended ({event.reason})"


@explain.register
def _(event: e.Transferred, known: Circumstances) -> str:
    target = f"agent {event.agent}" if event.agent else f"queue {event.queue}"
    return f"{event.from_agent} gives it on to {target}"


@explain.register
def _(event: e.MessageDeleted, known: Circumstances) -> str:
    return f"{known.customer} deleted message {event.item_id}; its words are erased"


@explain.register
def _(event: e.CommandRefused, known: Circumstances) -> str:
    return f"{event.command} refused: {event.reason}"


@explain.register
def _(event: e.Dispositioned, known: Circumstances) -> str:
    own = {
        "filtered_out": "ends: filtered out",
        "withdrawn": "ends: the customer deleted it before an answer",
        "expired": "ends: nobody answered in the policy's time",
    }
    if event.code in own and event.agent_id is None:
        return own[event.code]
    return f"{event.agent_id or 'a rule'} ends it as {event.code}"


@explain.register
def _(event: e.PolicyAdopted, known: Circumstances) -> str:
    return f"from here on version {event.version} of the policy decides"


@explain.register
def _(event: e.EmergencyActivated, known: Circumstances) -> str:
    return f"emergency {event.closure} begins for {event.account}"


@explain.register
def _(event: e.EmergencyEnded, known: Circumstances) -> str:
    return f"emergency {event.closure} ends for {event.account}"


def _closure(kind: str) -> str:
    whole = {
        "emergency": "there is an emergency at the account",
        "special_day": "it is a special day for the account",
        "closed": "the account is closed at this time",
    }
    return whole.get(kind, kind)


def _until(millis: int | None) -> str:
    if millis is None:
        return ""
    return f" until {datetime.fromtimestamp(millis / 1000, UTC):%d %B, %H:%M}"


def _as(item_id: str | None) -> str:
    return f" as {item_id}" if item_id else ""


def _first(known: Circumstances) -> str:
    if known.answered_after_seconds is None:
        return ""
    return f"; the first answer, {duration(known.answered_after_seconds)} after the first message"
