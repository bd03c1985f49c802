"""What every explanation is given, and how it says times and names."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import singledispatch
from typing import Final

from engine.record import Event

_CHANNELS: Final = {"x": "X", "facebook": "Facebook", "messenger": "Messenger"}


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


@singledispatch
def explain(event: Event, known: Circumstances) -> str:
    """The reason, as somebody reads it who has never seen the system."""
    return "an event of which this version knows no more than its name"


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


def day_and_time(millis: int) -> str:
    """An instant as people write it, in UTC."""
    try:
        return f"{datetime.fromtimestamp(millis / 1000, UTC):%d %B, %H:%M}"
    except (OverflowError, ValueError, OSError):
        return "a time beyond all calendars"


def until(millis: int | None) -> str:
    """` until …`, or nothing."""
    return "" if millis is None else f" until {day_and_time(millis)}"


def platform(channel: str) -> str:
    """A channel as people call it."""
    return _CHANNELS.get(channel, channel)


def posted_as(item_id: str | None) -> str:
    """` as …`, or nothing where the platform would not tell."""
    return f" as {item_id}" if item_id else ""
