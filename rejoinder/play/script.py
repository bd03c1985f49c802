"""Writes the lines of one conversation of generated traffic, as its clock goes on."""

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from rejoinder.play.desk import Desk
from rejoinder.play.texts import FIRST_NAMES
from rejoinder.play.traffic import AgentDisposition, AgentReply, CustomerPost, CustomerSaid, Line

SHARE_OF_SILENCE: Final = 0.6
"""Of the time after which a private conversation is over, so much passes at most between two of its lines."""
PREFERRED_CODES: Final = ("resolved", "answered", "done")


@dataclass(frozen=True)
class Person:
    """A customer, by the id of the platform."""

    id: str
    name: str
    handle: str


@dataclass
class Numbers:
    """Gives out ids that no platform gives out itself on that day."""

    day: date
    count: int = 0

    def tweet(self) -> str:
        """X's ids grow with time, and are beyond 2^53. Those of the day before are never given out on the day."""
        before = datetime.combine(self.day - timedelta(days=1), time(), UTC)
        return str((round(before.timestamp() * 1000) << 20) + self.next())

    def next(self) -> int:
        self.count += 1
        return self.count

    def person(self, chance: random.Random) -> Person:
        """Somebody new."""
        number, first = self.next(), chance.choice(FIRST_NAMES)
        handle = f"{first.lower().replace('é', 'e')}_{number}"
        return Person(str(7_000_000_000_000_000_000 + number), f"{first} {chance.choice('BCDFGHKLMNPRSTW')}.", handle)


@dataclass
class Script:
    """One conversation, so far."""

    desk: Desk
    person: Person
    numbers: Numbers
    chance: random.Random
    at: datetime
    lines: list[tuple[datetime, Line]] = field(default_factory=list)
    latest: str = ""
    """The customer's latest message."""
    commenter: bool = False
    """In Messenger: the person is known by their id on Facebook."""

    def pause(self, shortest: float, longest: float, *, private: bool = False) -> None:
        """Some minutes pass; not so many that a private conversation would be over."""
        idle = self.desk.idle if private else None
        bound = longest if idle is None else min(longest, idle.total_seconds() / 60 * SHARE_OF_SILENCE)
        self.at += timedelta(minutes=self.chance.uniform(min(shortest, bound), bound))

    def post(self, text: str, answers: str | None = None, language: str = "en") -> str:
        """A post on X that names the account."""
        account, tweet_id = self.desk.account, self.numbers.tweet()
        stamp = self.at.astimezone(UTC).replace(microsecond=0)
        tweet: dict[str, Any] = {
            "created_at": stamp.strftime("%a %b %d %H:%M:%S %z %Y"),
            "id_str": tweet_id,
            "text": f"@{account.handle} {text}",
            "truncated": False,
            "in_reply_to_status_id_str": answers,
            "in_reply_to_user_id_str": account.id if answers else None,
            "in_reply_to_screen_name": account.handle if answers else None,
            "user": {"id_str": self.person.id, "name": self.person.name, "screen_name": self.person.handle},
            "is_quote_status": False,
            "lang": language,
            "entities": {
                "user_mentions": [{"screen_name": account.handle, "name": account.handle, "id_str": account.id}]
            },
            "timestamp_ms": str(round(stamp.timestamp() * 1000)),
        }
        body = {"for_user_id": account.id, "user_has_blocked": False, "tweet_create_events": [tweet]}
        self._add(CustomerPost(at=stamped(self.at), channel="x", account=account.handle, body=body))
        self.latest = tweet_id
        return tweet_id

    def say(self, kind: str, text: str, item_id: str, **more: Any) -> str:
        """Anything else that a customer says."""
        account = self.desk.account
        who = {"id": self.person.id, "name": self.person.name}
        if account.channel == "x":
            who["screen_name"] = self.person.handle
        said = {"kind": kind, "account": account.id, "from": who, "text": text, "item_id": item_id, **more}
        self._add(
            CustomerSaid(
                at=stamped(self.at),
                channel=account.channel,
                account=account.handle,
                said=said,
                commenter=self.commenter,
            )
        )
        self.latest = item_id
        return item_id

    def answer(self, text: str, visibility: str | None = None, tweet_id: str | None = None) -> None:
        """An agent answers the latest message."""
        account = self.desk.account
        self._add(
            AgentReply(
                at=stamped(self.at),
                channel=account.channel,
                account=account.handle,
                in_reply_to=self.latest,
                text=text,
                tweet_id=tweet_id,
                visibility=visibility,  # type: ignore[arg-type]
            )
        )

    def end(self, *codes: str) -> None:
        """The agent ends it, with the first of these codes that the policy has, else as what is usual."""
        policy = self.desk.rules.policy
        by_rules = {policy.session_idle_disposition, *(each.disposition for each in policy.filters)}
        usual = [code for code in policy.dispositions if code not in by_rules] or list(policy.dispositions)
        code = next((each for each in (*codes, *PREFERRED_CODES) if each in policy.dispositions), usual[0])
        account = self.desk.account
        self._add(
            AgentDisposition(
                at=stamped(self.at), channel=account.channel, account=account.handle, in_reply_to=self.latest, code=code
            )
        )

    def wait_for_an_agent(self) -> bool:
        """Until the account is open; False: nobody comes in the time that is played."""
        opening = self.desk.opening(self.at)
        self.at = opening or self.at
        return opening is not None

    def _add(self, line: Line) -> None:
        self.lines.append((self.at, line))


def stamped(at: datetime) -> str:
    """A time as it stands in a file."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
