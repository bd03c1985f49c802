"""Why: messages, the line, agents and their answers, and how an interaction ends."""

from engine.interaction import events as e
from engine.interaction.letters import REDRIVEN, DeadLetterSettled
from projections.queries.explain.base import Circumstances, day_and_time, duration, explain, platform, posted_as, until


@explain.register
def _(event: e.MessageReceived, known: Circumstances) -> str:
    joined = {
        "opened": "opens a new interaction",
        "thread": "joins, because it answers a post of this interaction",
        "recent": "joins, because this is the author's latest interaction with the account",
        "private": "joins, because this goes on in private with the author",
        "attached": "joins the history, and opens nothing",
    }.get(event.joined, event.joined)
    where = f" in private on {platform(event.channel)}" if event.visibility == "private" else ""
    attached = f" with {event.attachments} attachment{'s' * (event.attachments > 1)}" if event.attachments else ""
    edited = ", changed before it came" if event.edited_at is not None else ""
    follows = f" (the one before was {event.follows})" if event.follows else ""
    return f"{known.customer} wrote to {known.account}{where}{attached}{edited}: {joined}{follows}{_matched(event)}"


def _matched(event: e.MessageReceived) -> str:
    own = {
        "~blocked": "; the author is blocked, so it goes to nobody",
        "~not_monitored": f"; the policy does not look at this kind of message ({event.event}), so it goes to nobody",
        "~opt_out": "; the author wants no automatic answers",
    }
    if event.filter in own:
        return own[event.filter]
    sounds = "" if event.sentiment is None else f" (it sounds {event.sentiment:+.2f}, from -1 to 1)"
    return f"; filter {event.filter} says {event.action}{sounds}" if event.filter else ""


@explain.register
def _(event: e.MessageEdited, known: Circumstances) -> str:
    return f"{known.customer} changed message {event.item_id}; the words before are erased"


@explain.register
def _(event: e.DeletionRemembered, known: Circumstances) -> str:
    return (
        f"message {event.item_id} on {platform(event.channel)} was deleted before it came: it is removed when it does"
    )


@explain.register
def _(event: e.EditRemembered, known: Circumstances) -> str:
    return (
        f"message {event.item_id} on {platform(event.channel)} was changed before it came: it gets the new words when "
        "it does"
    )


@explain.register
def _(event: e.EditForgotten, known: Circumstances) -> str:
    return f"message {event.item_id} on {platform(event.channel)}, which was changed, never came: the words are erased"


@explain.register
def _(event: e.FilteredOut, known: Circumstances) -> str:
    return f"filter {event.filter} ends it here; no contact is made"


@explain.register
def _(event: e.ContactResolved, known: Circumstances) -> str:
    return "the contact is known by the handle" if event.how == "found" else "it belongs to the contact just made"


@explain.register
def _(event: e.NoticeRequested, known: Circumstances) -> str:
    return f"notice {event.template} ({event.language}) is sent because {_closure(event.kind)}"


@explain.register
def _(event: e.NoticePosted, known: Circumstances) -> str:
    return f"the notice was posted{posted_as(event.item_id)}"


@explain.register
def _(event: e.OutOfHours, known: Circumstances) -> str:
    notice = {
        "requested": "a notice is sent",
        "already_sent": "no notice, this contact had it already",
        "too_old": "no notice, the message is too old",
        "not_configured": "no notice is configured",
        "opted_out": "no notice, the contact wants no automatic answers",
        "daily_cap": "no notice, the contact has had as many as the policy allows in a day",
        "once_per_interaction": "no notice, the platform allows one automatic answer for each interaction",
        "not_available": "no notice, there is no way for it here",
        "not_permitted": "no notice, the platform forbids it",
        "not_due": "no notice, nobody wrote just now",
    }.get(event.notice, event.notice)
    return f"held back{until(event.until)}: {_closure(event.kind)}; {notice}"


@explain.register
def _(event: e.ClosureChanged, known: Circumstances) -> str:
    return f"still held back{until(event.until)}: {_closure(event.kind)}"


@explain.register
def _(event: e.Queued, known: Circumstances) -> str:
    skills = f", skills {', '.join(event.skills)}" if event.skills else ""
    kept = f", for {event.agent}" if event.agent else f", for group {event.group}" if event.group else ""
    why = {
        "received": "received",
        "reopened": "open again",
        "written_again": "the customer wrote again",
        "transferred": "transferred",
        "not_answered": "the automatic answer or engagement failed, so a person has to look",
    }.get(event.why, event.why)
    first = f"; {event.preferred} is asked first, who served the contact last" if event.preferred else ""
    target = f"; to be answered by {day_and_time(event.answer_by)}" if event.answer_by is not None else ""
    return f"waits in queue {event.queue} (priority {event.priority}{skills}{kept}): {why}{first}{target}"


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
    part = f", part {event.part} of {event.parts}" if event.parts > 1 else ""
    if event.after is not None:
        return f"{event.agent_id} answers in {event.visibility}{part}: waits until what comes before it is posted"
    return f"{event.agent_id} answers in {event.visibility}{part}: on its way to the platform"


@explain.register
def _(event: e.Replied, known: Circumstances) -> str:
    how = {
        "outcome": "",
        "echo": ", known by its echo",
        "look_up": ", found by look-up",
        "duplicate_error": ", known because the platform called a repeat a duplicate",
    }.get(event.settled_by, f", {event.settled_by}")
    return f"{event.agent_id}'s answer was posted{posted_as(event.item_id)}{how}{_first(known)}"


@explain.register
def _(event: e.RepliedElsewhere, known: Circumstances) -> str:
    where = " in private" if event.visibility == "private" else ""
    return f"somebody answered on the platform itself{where}{posted_as(event.item_id)}{_first(known)}"


@explain.register
def _(event: e.DeliveryFailed, known: Circumstances) -> str:
    return f"attempt {event.attempt} to post failed ({event.reason}); it is tried again"


@explain.register
def _(event: e.DeliveryRetried, known: Circumstances) -> str:
    return f"attempt {event.attempt} to post"


@explain.register
def _(event: e.ReplyFailed, known: Circumstances) -> str:
    if event.reason == "not_sent":
        return f"not sent: {event.detail}"
    return f"the platform refused it for good ({event.reason}): {event.detail}"


@explain.register
def _(event: e.ReplyAbandoned, known: Circumstances) -> str:
    if event.reason == "undecided":
        return "it can't be known whether it was posted, so it is not tried again"
    return f"given up: the time for retries ended ({event.reason})"


@explain.register
def _(event: e.Transferred, known: Circumstances) -> str:
    target = (
        f"agent {event.agent}" if event.agent
        else f"group {event.group}" if event.group
        else f"queue {event.queue}"
    )  # fmt: skip
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
        "answered": "ends: the automatic answer was posted, and the filter wants no more",
        "engaged": "ends: it was retweeted or liked, and the filter wants no more",
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


@explain.register
def _(event: DeadLetterSettled, known: Circumstances) -> str:
    done = f"put back, {len(event.put_back)} records" if event.outcome == REDRIVEN else "discarded"
    reason = "" if event.why is None else f": {event.why}"
    return f"dead letter {event.letter_partition}@{event.letter_offset} ({event.code}) is {done}{reason}"


def _closure(kind: str) -> str:
    whole = {
        "emergency": "there is an emergency at the account",
        "special_day": "it is a special day for the account",
        "closed": "the account is closed at this time",
    }
    return whole.get(kind, kind)


def _first(known: Circumstances) -> str:
    if known.answered_after_seconds is None:
        return ""
    return f"; the first answer, {duration(known.answered_after_seconds)} after the first message"
