"""From the body of Meta's webhook to commands. Pure: the same body always gives the same commands, but for the salts.

Meta repeats deliveries, batches what happened at several pages, and keeps no order. So each event is mapped by itself;
a command's id derives from the page, the item and, of an edit, its time; what is a duplicate is decided where that
person's history is known. Some events tell of an item, but not whose it is: they go to the item's own key, where each
post and comment leaves word of who holds it (`index`).
"""

from typing import Final

from channels.mapping import Mapped, Result, Unreadable, convert
from channels.meta.arrival import Arrival, Receiver
from channels.meta.feed import map_change
from channels.meta.items import PERSON, millis, required_id
from channels.meta.messaging import map_messaging
from channels.meta.payloads import Entry

EVENT_LIMIT: Final = 5_000
"""The most events in one body. Meta sends up to 1,000; a body with more than this is kept whole as a dead letter."""


def map_body(body: object, receiver: Receiver) -> Mapped:
    """All commands that a webhook's decoded JSON body asks for. Never fails: what can't be mapped is returned so."""
    mapped = Mapped()
    try:
        entries = _entries(body)
    except Unreadable as unreadable:
        mapped.keep(unreadable, body)
        return mapped
    for raw in entries:
        try:
            _map_entry(raw, receiver, mapped)
        except Unreadable as unreadable:
            mapped.keep(unreadable, {"object": "page", "entry": [raw]})
    return mapped


def _entries(body: object) -> list[object]:
    if not isinstance(body, dict):
        raise Unreadable("not_an_object", "the body is JSON, but no object")
    if body.get("object") != "page":
        raise Unreadable("unknown_object", "the body is about something other than a page")
    entries = body.get("entry")
    if not isinstance(entries, list) or not entries:
        raise Unreadable("no_events", "the body has no entries")
    if sum(map(_size, entries)) > EVENT_LIMIT:
        raise Unreadable("too_many_events", f"the body has more than {EVENT_LIMIT:,} events")
    return entries


def _size(entry: object) -> int:
    """How many events an entry has; one that can't be read counts as one."""
    arrays = [value for value in entry.values() if isinstance(value, list)] if isinstance(entry, dict) else []
    return max(1, sum(map(len, arrays)))


def _map_entry(raw: object, receiver: Receiver, mapped: Mapped) -> None:
    entry = convert(raw, Entry, "an entry")
    page = required_id(entry.id, PERSON, "an entry's id")
    if entry.time is None:
        raise Unreadable("bad_time", "an entry has no time")
    arrival = Arrival(receiver, page, millis(entry.time, "an entry's time"))
    events = {"changes": entry.changes or [], "messaging": entry.messaging or [], "standby": entry.standby or []}
    if not any(events.values()):
        raise Unreadable("no_events", "an entry has no events")
    for name, listed in events.items():
        for event in listed:
            try:
                mapped.add(_event(name, event, arrival))
            except Unreadable as unreadable:
                mapped.keep(unreadable, {"object": "page", "entry": [{"id": page, "time": entry.time, name: [event]}]})


def _event(name: str, event: object, arrival: Arrival) -> Result:
    if name == "changes":
        return map_change(event, arrival)
    if name == "messaging":
        return map_messaging(event, arrival)
    return "standby"  # the conversation is with another app; this one only overhears it
