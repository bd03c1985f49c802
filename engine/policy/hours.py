"""When an account is open: opening hours in OpenStreetMap's syntax, public holidays, special days."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from opening_hours import OpeningHours, State

from engine.policy.document import Account, ClosureKind, SpecialDay

MOST_CHANGES: Final = 400
"""How far to look for an opening: more than the days of a year; then it is looked at again."""
LONGEST_COUNTED: Final = 400 * 86_400_000
"""The longest time of which the open part is counted, milliseconds: a platform may name any time."""
LAST_COUNTED: Final = 253_370_764_800_000
"""And the latest, milliseconds: the year 9999, beyond which Python has no time."""


@dataclass(frozen=True, slots=True)
class Closure:
    """What holds an account's interactions back.

    `closure_id` is the same for all of one emergency, special day or closed interval: one notice is sent for each.
    `until` is when to look again (milliseconds), None: when the emergency ends, or never.
    """

    closure_id: str
    kind: ClosureKind
    until: int | None


class Calendar:
    """The hours of one account."""

    def __init__(self, account: Account) -> None:
        self._name = f"{account.channel}:{account.id}"
        self._zone = ZoneInfo(account.time_zone)
        self._always = account.hours.strip() == "24/7"
        self._hours = self._parse(account.hours, account.holidays)
        self._special: dict[date, SpecialDay] = {date.fromisoformat(day.date): day for day in account.special_days}
        self._special_hours = {
            day: self._parse(special.hours, account.holidays) for day, special in self._special.items() if special.hours
        }

    def _parse(self, hours: str, country: str | None) -> OpeningHours:
        return OpeningHours(hours, timezone=self._zone, country=country)

    def closure(self, now: int) -> Closure | None:
        """The special day or closed interval at `now` (milliseconds), or None when the account is open."""
        if self._always and not self._special:
            return None
        moment = datetime.fromtimestamp(now / 1000, UTC).astimezone(self._zone)
        today = moment.date()
        special = self._special.get(today)
        if special is not None:
            return self._special_closure(today, moment)
        if self._hours.is_open(moment):
            return None
        until = _opening(self._hours, moment)
        interval = until  # a closed interval is known by its end
        for day in self._special:  # look again when a special day begins: it may be open
            begins = _millis(self._midnight(day))
            if now < begins and (until is None or begins < until):
                until = begins
        return Closure(f"closed:{self._name}:{interval or 'always'}", "closed", until)

    def _special_closure(self, today: date, moment: datetime) -> Closure | None:
        hours = self._special_hours.get(today)
        until = _millis(self._midnight(today + timedelta(days=1)))
        if hours is not None:
            if hours.is_open(moment):
                return None
            opening = _opening(hours, moment)
            if opening is not None:
                until = min(until, opening)
        return Closure(f"special_day:{self._name}:{today.isoformat()}", "special_day", until)

    def open_between(self, start: int, end: int) -> int | None:
        """How much of a time the account was open, milliseconds; None where it is too long to be counted."""
        if end <= start:
            return 0
        if self._always and not self._special:
            return end - start
        if start < 0 or end > LAST_COUNTED or end - start > LONGEST_COUNTED:
            return None
        begins = datetime.fromtimestamp(start / 1000, UTC).astimezone(self._zone)
        ends = datetime.fromtimestamp(end / 1000, UTC).astimezone(self._zone)
        special = sorted(day for day in self._special if begins.date() <= day <= ends.date())
        counted = 0
        for day in special:
            midnight, after = self._midnight(day), self._midnight(day + timedelta(days=1))
            counted += _open_part(self._hours, begins, midnight)
            hours = self._special_hours.get(day)
            if hours is not None:
                counted += _open_part(hours, max(begins, midnight), min(after, ends))
            begins = max(begins, after)
        return counted + _open_part(self._hours, begins, ends)

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time.min, self._zone)


def _opening(hours: OpeningHours, moment: datetime) -> int | None:
    """When it opens next, milliseconds; None: never. Changes from closed to closed (a comment's, say) are passed."""
    change = hours.next_change(moment)
    for _ in range(MOST_CHANGES):
        if change is None or hours.is_open(change):
            break
        change = hours.next_change(change)
    return None if change is None else _millis(change)


def _open_part(hours: OpeningHours, begins: datetime, ends: datetime) -> int:
    """Milliseconds between two times in which it is open."""
    if _millis(ends) <= _millis(begins):
        return 0
    intervals = hours.intervals(begins, ends)
    return sum(_millis(until) - _millis(since) for since, until, state, _ in intervals if state == State.OPEN)


def _millis(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
