"""Rows of an interaction as its events change them: what every step of `evolve` needs."""

from typing import Any

from msgspec.structs import replace

from engine.bookkeeping import Timer
from engine.interaction.state import Contact, EarlyEdit, Interaction, Talks, talk_id
from engine.record import Event
from engine.rows import Rows


def current(rows: Rows, event: Event) -> Interaction:
    """The interaction that an event names."""
    interaction = rows.get(Interaction, event.interaction_id or "")
    if interaction is None:
        raise LookupError(f"event {event.event_id} names interaction {event.interaction_id}, which never began")
    return interaction


def update(rows: Rows, event: Event, **changes: Any) -> None:
    """Changes the interaction that an event names; its state and sequence follow the event."""
    changed = replace(current(rows, event), state=event.state, sequence=event.sequence, **changes)
    rows.put(event.interaction_id or "", changed)


def earliest(known: int | None, at: int) -> int:
    """The earlier of two times, of which the first may not be known."""
    return at if known is None else min(known, at)


def update_contact(rows: Rows, **changes: Any) -> None:
    """Changes the contact of the key, if it has one."""
    contact = rows.get(Contact, "")
    if contact is not None:
        rows.put("", replace(contact, **changes))


def set_timer(rows: Rows, name: str, ref: str, due: int | None) -> None:
    """Sets a deadline anew, or removes it."""
    if due is None:
        rows.delete(Timer, f"{name}:{ref}")
    else:
        rows.put(f"{name}:{ref}", Timer(name=name, ref=ref, due=due))


def drop_early_edit(rows: Rows, item_id: str) -> None:
    """An edit waits for its message no more."""
    rows.delete(EarlyEdit, item_id)
    set_timer(rows, "edit", item_id, None)


def clear_waits(rows: Rows, event: Event) -> None:
    """The interaction waits for nothing any more."""
    for name in ("accept", "closure", "expire"):
        rows.delete(Timer, f"{name}:{event.interaction_id}")


def talk(rows: Rows, channel: str, account: str, interaction_id: str) -> None:
    """The interaction goes on in private: private messages join it while it is open."""
    place = talk_id(channel, account)
    talks = rows.get(Talks, place)
    others = [] if talks is None else [one for one in talks.interactions if one != interaction_id]
    interaction = rows.get(Interaction, interaction_id)
    if interaction is not None and interaction.state != "dispositioned":
        rows.put(place, Talks(interactions=[*others, interaction_id]))


def prolong(rows: Rows, event: Event, since: int) -> None:
    """Somebody wrote: the session's silence begins anew."""
    interaction = current(rows, event)
    if interaction.in_session and interaction.idle_after is not None:
        set_timer(rows, "idle", event.interaction_id or "", since + interaction.idle_after)
