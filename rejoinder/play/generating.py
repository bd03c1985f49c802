"""Generated traffic: a working day of two invented accounts, the same for the same seed and day."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from rejoinder.play.traffic import AgentDisposition, AgentReply, CustomerPost, Line

ZONE: Final = ZoneInfo("Europe/Berlin")
CARE: Final = ("AcmeCare", "1000000000001")
SHOP: Final = ("AcmeShop", "1000000000002")
FIRST_TWEET: Final = 1_900_000_000_000_000_000
"""Beyond 2^53, as X's ids are."""
CUSTOMERS: Final = 70
CONVERSATIONS: Final = 90
OPENS, CLOSES = time(8), time(20)

_MATTERS: Final = {
    CARE: (
        "my internet has been down since this morning 😩 any news?",
        "no signal in the whole street, is there an outage?",
        "I was charged twice this month. Can somebody look at that?",
        "the app logs me out every five minutes on my new phone",
        "how do I move my contract to a new address?",
        "router blinks red, restarted it three times already…",
        "مرحبا، هل يمكنكم مساعدتي في تفعيل الشريحة؟",
        "your hold music is great, 45 minutes of it less so",
    ),
    SHOP: (
        "wo bleibt mein Paket? Laut Verfolgung seit vier Tagen in Leipzig 📦",
        "kann ich die Jacke auch im Laden zurückgeben?",
        "hab die falsche Größe bekommen, was nun?",
        "gibt es die Lampe bald wieder? 💡",
        "the voucher code from your mail doesn't work at checkout",
        "注文のキャンセルはできますか？",
    ),
}
_ANSWERS: Final = {
    CARE: (
        "Sorry about that! Which postcode is it?",
        "Thanks for telling us. Could you give us your customer number?",
        "We've looked: it's being worked on and should be fine within two hours.",
        "Please try once more with the router off for a minute.",
        "Done! You'll get a mail about it within the hour.",
    ),
    SHOP: (
        "Das tut uns leid! Wie ist die Bestellnummer?",
        "Wir haben es an den Versand gegeben und melden uns heute noch.",
        "Das geht: bitte den Rückgabeschein aus dem Paket mitbringen.",
        "Erledigt. Die Bestätigung kommt gleich per Mail.",
        "Sorry! We've sent a new code to your address.",
    ),
}
_FOLLOW_UPS: Final = {
    CARE: ("it's 10115", "customer 4711-0815", "still nothing here, to be honest", "ok, and how long will that take?"),
    SHOP: ("0815-4711", "habe ich gerade versucht, geht leider nicht", "und wie lange dauert das?", "ok, mache ich"),
}
_THANKS: Final = ("thank you!", "danke euch 🙏", "thanks, works again")
_SPAM: Final = "free crypto for the first 100 followers, big giveaway!!!"


@dataclass(frozen=True)
class _Person:
    number: int
    name: str
    handle: str


def generate(day: date, seed: int = 1) -> list[Line]:
    """The lines of one day and the morning after, in time order."""
    chance = random.Random(seed)  # invented traffic needs no secrecy
    tweets = _Tweets()
    people = [_person(number, chance) for number in range(CUSTOMERS)]
    # X refuses the same text twice, so nobody is told the same again: each has a list of answers, used up in turn.
    answers: dict[tuple[int, tuple[str, str]], list[str]] = {}
    lines: list[tuple[datetime, int, Line]] = []
    for number in range(CONVERSATIONS):
        begins = datetime.combine(day, time(7), ZONE) + timedelta(minutes=chance.uniform(0, 14.5 * 60))
        account = chance.choice((CARE, CARE, SHOP))
        person = people[number % CUSTOMERS]
        left = answers.setdefault((person.number, account), chance.sample(_ANSWERS[account], len(_ANSWERS[account])))
        conversation = _conversation(chance, tweets, person, account, begins, left)
        lines += [(at, number, line) for at, line in conversation]
    for number in range(3):
        at = datetime.combine(day, time(10 + 3 * number), ZONE)
        lines.append((at, -1, tweets.post(_person(CUSTOMERS + number, chance), CARE, at, _SPAM, None)[1]))
    return [line for _, _, line in sorted(lines, key=lambda entry: entry[:2])]


def _person(number: int, chance: random.Random) -> _Person:
    first = chance.choice(
        ("Ada", "Ben", "Chloé", "Dara", "Emil", "Fatima", "Goran", "Hana", "Ivo", "Jun", "Kaya", "Lea")
    )
    return _Person(
        7_000_000_000_000_000_000 + number,
        f"{first} {chance.choice('BCDFGHKLMNPRSTW')}.",
        f"{first.lower().replace('é', 'e')}_{number}",
    )


def _conversation(
    chance: random.Random,
    tweets: "_Tweets",
    person: _Person,
    account: tuple[str, str],
    at: datetime,
    answers: list[str],
) -> Iterator[tuple[datetime, Line]]:
    matter = chance.choice(_MATTERS[account])
    answered, line = tweets.post(person, account, at, matter, None)
    yield at, line
    at = _opening(account, at)
    answer = ""
    turns = min(chance.choice((1, 1, 2, 2, 3)), len(answers))
    for turn, text in enumerate([answers.pop() for _ in range(turns)]):
        if turn:
            at += timedelta(minutes=chance.uniform(1, 12))
            answered, line = tweets.post(person, account, at, chance.choice(_FOLLOW_UPS[account]), answer)
            yield at, line
            at = _opening(account, at)
        at += timedelta(minutes=chance.uniform(2, 18))
        answer = tweets.next()
        reply = f"@{person.handle} {text}"
        yield at, _reply(account, at, answered, answer, reply)
    at += timedelta(minutes=chance.uniform(1, 10))
    yield at, AgentDisposition(at=_stamp(at), channel="x", account=account[0], in_reply_to=answered, code="resolved")
    if chance.random() < 0.3:
        at += timedelta(minutes=chance.uniform(1, 20))
        yield at, tweets.post(person, account, at, chance.choice(_THANKS), answer)[1]


def _opening(account: tuple[str, str], at: datetime) -> datetime:
    """When an agent can have it: at once while the account is open, else soon after it opens."""
    if account == SHOP or OPENS <= at.time() < CLOSES:
        return at
    day = at.date() if at.time() < OPENS else at.date() + timedelta(days=1)
    return datetime.combine(day, OPENS, ZONE) + timedelta(minutes=5)


def _reply(account: tuple[str, str], at: datetime, answered: str, tweet_id: str, text: str) -> AgentReply:
    return AgentReply(
        at=_stamp(at), channel="x", account=account[0], in_reply_to=answered, tweet_id=tweet_id, text=text
    )


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class _Tweets:
    """Gives out ids and builds posts as X's webhook brings them."""

    def __init__(self) -> None:
        self._count = 0

    def next(self) -> str:
        self._count += 1
        return str(FIRST_TWEET + self._count)

    def post(
        self, person: _Person, account: tuple[str, str], at: datetime, text: str, answers: str | None
    ) -> tuple[str, CustomerPost]:
        handle, account_id = account
        tweet_id = self.next()
        stamp = at.astimezone(UTC).replace(microsecond=0)
        tweet: dict[str, Any] = {
            "created_at": stamp.strftime("%a %b %d %H:%M:%S %z %Y"),
            "id_str": tweet_id,
            "text": f"@{handle} {text}",
            "truncated": False,
            "in_reply_to_status_id_str": answers,
            "in_reply_to_user_id_str": account_id if answers else None,
            "in_reply_to_screen_name": handle if answers else None,
            "user": {"id_str": str(person.number), "name": person.name, "screen_name": person.handle},
            "is_quote_status": False,
            "lang": "en" if text.isascii() else "und",
            "entities": {"user_mentions": [{"screen_name": handle, "name": handle, "id_str": account_id}]},
            "timestamp_ms": str(round(stamp.timestamp() * 1000)),
        }
        body = {"for_user_id": account_id, "user_has_blocked": False, "tweet_create_events": [tweet]}
        return tweet_id, CustomerPost(at=_stamp(at), channel="x", account=handle, body=body)
