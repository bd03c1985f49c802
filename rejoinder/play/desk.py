"""An account of a policy as generated traffic sees it: when it is open, and what its filters make of a text."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from engine.policy.document import Account, Filter
from engine.policy.rules import Rules

Fate = Literal["route", "answer", "close", "suggest", "attach", "ignore", "else"]
"""What a text leads to: a person, a person after an automatic answer, an automatic answer alone, a person to whom an
engagement is proposed, the history, nothing."""
SOON: Final = timedelta(minutes=5)
"""So long after the opening, and not so long that a private conversation would be over."""
LONGEST_CLOSURE: Final = timedelta(days=3)
"""Who writes before a longer one is answered by nobody: the play ends before."""
MOST_CLOSURES: Final = 10
WAKING: Final = (time(6, 30), time(22, 30))
"""When people write, by the account's clock."""
STEP: Final = timedelta(minutes=15)


@dataclass(frozen=True)
class Desk:
    """One account."""

    account: Account
    rules: Rules

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.account.time_zone)

    @property
    def idle(self) -> timedelta | None:
        """After which silence a private conversation is over."""
        milliseconds = self.rules.session_idle
        return None if milliseconds is None else timedelta(milliseconds=milliseconds)

    def looks_at(self, event: str) -> bool:
        """Whether anybody looks at what happens in this way."""
        return not self.account.monitor or event in self.account.monitor

    def filter_of(self, text: str, event: str) -> Filter | None:
        """The filter that a text meets."""
        return self.rules.match(text, event=event, account=f"{self.account.channel}:{self.account.id}").filter

    def fate(self, text: str, event: str) -> Fate:
        """What the policy makes of a text."""
        if not self.looks_at(event):
            return "ignore"
        found = self.filter_of(text, event)
        if self.rules.opts_out(text):
            return "else"
        match None if found is None else found.action:
            case None | "route":
                return "route"
            case "answer" if found is not None and found.then == "close":
                return "close"
            case "engage" if found is not None and found.mode == "suggest":
                return "suggest"
            case "answer" | "attach" | "ignore" as action:
                return action
            case _:
                return "else"

    def is_open(self, at: datetime) -> bool:
        return self.rules.closure(self.account, round(at.timestamp() * 1000), {}) is None

    def opening(self, at: datetime) -> datetime | None:
        """When an agent can have what comes at `at`: at once while the account is open, else soon after it opens.

        None: not in the time that is played.
        """
        looked = at
        for _ in range(MOST_CLOSURES):
            closure = self.rules.closure(self.account, round(looked.timestamp() * 1000), {})
            if closure is None:
                return at if looked == at else looked + (SOON if self.idle is None else min(SOON, self.idle / 5))
            if closure.until is None:
                return None
            looked = datetime.fromtimestamp(closure.until / 1000, UTC)
            if looked - at > LONGEST_CLOSURE:
                return None
        return None

    def times(self, day: date, *, is_open: bool) -> list[datetime]:
        """The quarters of an hour of a day in which people write while it is open, or while it is closed."""
        begins, ends = (datetime.combine(day, each, self.zone) for each in WAKING)
        count = (ends - begins) // STEP
        return [at for at in (begins + STEP * number for number in range(count)) if self.is_open(at) == is_open]
