"""The company of the shows: its accounts on three channels, its queues, its agents, and who writes to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from engine.envelope import home
from engine.policy.document import Account, ClosureKind, Filter, Notice, Policy, Queue

PAGE: Final = "2001"
OPENS, CLOSES = 8, 20
HOURS: Final = "Mo-Sa 08:00-20:00"
SUNDAY: Final = 6
BEGIN: Final = round(datetime(2026, 3, 2, tzinfo=UTC).timestamp() * 1000)
"""A Monday."""
QUEUES: Final = ("care", "billing", "complaints")
CODES: Final = ("resolved", "no_answer_needed", "passed_on")

_CLOSED: Final[dict[ClosureKind, str]] = {"closed": "closed"}
POLICY: Final = Policy(
    name="shows",
    accounts=(
        Account(channel="x", id="1001", handle="AcmeCare", queue="care", hours=HOURS, notices=_CLOSED),
        Account(channel="x", id="1002", handle="AcmeBilling", queue="billing", hours=HOURS, notices=_CLOSED),
        Account(channel="facebook", id=PAGE, handle="Acme", queue="complaints", hours=HOURS, notices=_CLOSED),
        Account(channel="messenger", id=PAGE, handle="Acme", queue="care"),
    ),
    queues=tuple(Queue(name=name, skills=(name,), answer_within="2h") for name in QUEUES),
    filters=(
        Filter(name="spam", any=("casino",), action="ignore"),
        Filter(name="hours", any=("opening hours",), action="answer", template="hours", then="close"),
    ),
    notices=(
        Notice(name="closed", text={"en": "{handle} We are back at eight, and answer you then"}),
        Notice(name="hours", text={"en": "{handle} We are there from Monday to Saturday, from eight to eight"}),
    ),
    dispositions=CODES,
)


@dataclass(frozen=True)
class Author:
    """A person who writes to one of the accounts."""

    number: int
    channel: str
    account: str
    event: str
    """How: a mention, a direct message, a comment, a message."""

    @property
    def visibility(self) -> str:
        return "private" if self.event in ("direct_message", "message") else "public"

    @property
    def platform_id(self) -> str:
        return str(3_000_000_000 + self.number)

    @property
    def home(self) -> str:
        return home(b"shows", self.channel, self.platform_id)


_WAYS: Final = (
    ("x", "1001", "mention"),
    ("x", "1002", "mention"),
    ("facebook", PAGE, "comment"),
    ("x", "1001", "mention"),
    ("messenger", PAGE, "message"),
    ("facebook", PAGE, "comment"),
    ("x", "1002", "direct_message"),
    ("messenger", PAGE, "message"),
)


def author(number: int) -> Author:
    """The `number`-th person; each has one way to write."""
    return Author(number, *_WAYS[number % len(_WAYS)])


def agents(count: int) -> Sequence[tuple[str, list[str]]]:
    """So many agents with what they know: two of the three skills, each pair in turn."""
    return [
        (f"agent{number:03d}", [QUEUES[number % len(QUEUES)], QUEUES[(number + 1) % len(QUEUES)]])
        for number in range(count)
    ]


_BY_HOUR: Final = (2, 1, 1, 1, 1, 2, 4, 7, 10, 10, 10, 10, 10, 10, 10, 10, 10, 9, 8, 7, 6, 5, 4, 3)
_ON_SUNDAYS: Final = 0.3
MOST: Final = max(_BY_HOUR)
IN_A_WEEK: Final = sum(_BY_HOUR) * (6 + _ON_SUNDAYS)


def weight(at: int) -> float:
    """How much is written at a time, in comparison: at most MOST."""
    moment = _moment(at)
    return _BY_HOUR[moment.hour] * (_ON_SUNDAYS if moment.weekday() == SUNDAY else 1)


def next_shift(at: int) -> tuple[int, bool]:
    """When the agents come or go next after a time, and whether they come."""
    moment = _moment(at)
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    while True:
        for hour, come in ((OPENS, True), (CLOSES, False)):
            then = day + timedelta(hours=hour)
            if then > moment and day.weekday() != SUNDAY:
                return round(then.timestamp() * 1000), come
        day += timedelta(days=1)


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)
