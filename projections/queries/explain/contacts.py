"""Why: what happens to a contact and its handles."""

from engine.interaction import contact_events as ce
from projections.queries.explain.base import Circumstances, explain, platform

_HOW = {
    "private_reply": "the platform said who got the private answer",
    "ref": "an invitation was followed",
    "agent": "an agent said so",
}


@explain.register
def _(event: ce.ContactCreated, known: Circumstances) -> str:
    if event.how == "imported":
        return f"a person known from elsewhere by a handle on {platform(event.channel)}: a contact is made"
    return f"nobody was known under this handle on {platform(event.channel)}, so a contact is made"


@explain.register
def _(event: ce.ProfileRecorded, known: Circumstances) -> str:
    return f"how the handle on {platform(event.channel)} is called, or where it is reached, became known"


@explain.register
def _(event: ce.HandleLinked, known: Circumstances) -> str:
    return f"handle {event.handle_id} belongs to this contact now: {_HOW.get(event.how, event.how)}"


@explain.register
def _(event: ce.HandleUnlinked, known: Circumstances) -> str:
    return f"handle {event.handle_id} belongs to this contact no more: {_ended(event.why)}"


@explain.register
def _(event: ce.HomeLinked, known: Circumstances) -> str:
    return f"what this handle sends goes to contact {event.to} from now on: {_HOW.get(event.how, event.how)}"


@explain.register
def _(event: ce.HomeUnlinked, known: Circumstances) -> str:
    return f"what this handle sends goes to contact {event.to} no more, it stays here: {_ended(event.why)}"


@explain.register
def _(event: ce.Forwarded, known: Circumstances) -> str:
    what = f" of message {event.item_id}" if event.item_id else ""
    return f"{event.command}{what} belongs to key {event.to} and went on to it"


@explain.register
def _(event: ce.ItemNoted, known: Circumstances) -> str:
    return f"message {event.item_id} lies on key {event.home}"


@explain.register
def _(event: ce.InvitationRefused, known: Circumstances) -> str:
    why = {
        "unknown": "there is no such invitation",
        "expired": "it has expired",
        "used": "another handle has followed it before",
    }.get(event.why, event.why)
    return f"handle {event.handle_id} followed an invitation that does not hold ({why}) and stays apart"


@explain.register
def _(event: ce.LanguageSet, known: Circumstances) -> str:
    if event.language is None:
        return "the contact is addressed in the language that the platform names again"
    return f"the contact is addressed in {event.language}, whatever the platform says"


@explain.register
def _(event: ce.ContactBlocked, known: Circumstances) -> str:
    return "the contact is blocked: what it writes is kept, and goes to nobody"


@explain.register
def _(event: ce.ContactUnblocked, known: Circumstances) -> str:
    return "the contact is served again"


@explain.register
def _(event: ce.OptedOut, known: Circumstances) -> str:
    return f"message {event.item_id} asks for no more automatic answers: there are none from now on"


@explain.register
def _(event: ce.ContactErased, known: Circumstances) -> str:
    reason = {"request": "the person asked for it", "platform": "its user was deleted there"}.get(event.why, event.why)
    if event.of is not None:
        return f"with contact {event.of} this handle is forgotten: {event.contents} texts and names are gone"
    return f"the contact is forgotten ({reason}): {event.contents} texts and names are gone"


@explain.register
def _(event: ce.WordsErased, known: Circumstances) -> str:
    return "its words are erased"


def _ended(why: str) -> str:
    return {"asked": "somebody undid the link", "circle": "the two would have been linked to each other"}.get(why, why)
