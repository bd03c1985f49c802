"""What the real conversations must come to, computed from the CSV itself and from nothing of the project's."""

import csv
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

CREATED = "%a %b %d %H:%M:%S %z %Y"
THREE_DAYS = 72 * 3600
TWO_UNITS = re.compile("[^\u0000-\u10ff\u2000-\u200d\u2010-\u201f\u2032-\u2037]")
LINK = re.compile(r"https?://\S+")


@dataclass
class Matter:
    """One interaction."""

    author: str
    account: str
    began: int
    active: int
    posts: list[str] = field(default_factory=list)
    answers: list[tuple[int, str]] = field(default_factory=list)
    follows: bool = False
    """Whether the author had one with the account before."""
    lines: list[tuple[int, bool]] = field(default_factory=list)
    """When something was written, in order, and whether by the customer."""

    @property
    def moves(self) -> list[int]:
        """When the agent answered, or the customer wrote after an answer: the transitions after the first answer's."""
        found, answered = [], False
        for at, by_customer in self.lines:
            if answered or not by_customer:
                found.append(at)
            answered = not by_customer
        return found


@dataclass
class Expected:
    """The whole."""

    posts: dict[str, str] = field(default_factory=dict)
    """Author of each customer's post."""
    texts: dict[str, str] = field(default_factory=dict)
    matters: list[Matter] = field(default_factory=list)
    answered: dict[str, str] = field(default_factory=dict)
    """Author of the customer behind each answer that can be posted or is too long."""
    too_long: set[str] = field(default_factory=set)
    unmatched: set[str] = field(default_factory=set)

    @property
    def first_responses(self) -> list[int]:
        return [min(matter.answers)[0] - matter.began for matter in self.matters if matter.answers]


def account_id(name: str) -> str:
    """The stable number that the traffic gives an account."""
    return str(10**12 + zlib.crc32(name.encode()))


def weight(text: str) -> int:
    """X's length of the texts at hand: a link is 23, a character beyond the light ranges 2."""
    bare = LINK.sub("", text)
    return len(bare) + len(TWO_UNITS.findall(bare)) + 23 * len(LINK.findall(text))


def typed(text: str) -> str:
    """A customer's post as it was typed. The recording has posts as X gives them: &, < and > escaped.

    The companies' answers are played as they stand there: what the agent of the recording writes.
    """
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def expected(path: Path, refuse: bool = True) -> Expected:
    """The expectation; `refuse`: answers beyond 280 are not posted."""
    with path.open(newline="", encoding="utf-8") as file:
        rows: list[dict[str, str]] = list(csv.DictReader(file))
    rows.sort(key=lambda row: (_seconds(row), int(row["tweet_id"])))
    by_id = {row["tweet_id"]: row for row in rows}
    companies = {row["author_id"] for row in rows if row["inbound"] == "False"}
    answered_by = {row["in_response_to_tweet_id"]: row["author_id"] for row in rows if row["inbound"] == "False"}

    def account(row: dict[str, str]) -> str | None:
        parent = by_id.get(row["in_response_to_tweet_id"])
        if parent is not None and parent["inbound"] == "False":
            return str(parent["author_id"])
        named = [name for name in re.findall(r"@(\w+)", row["text"]) if name in companies]
        if named:
            return str(named[0])
        if row["tweet_id"] in answered_by:
            return str(answered_by[row["tweet_id"]])
        return account(parent) if parent is not None else None

    found = Expected()
    holder: dict[str, Matter] = {}
    latest: dict[tuple[str, str], Matter] = {}
    for row in rows:
        found.texts[row["tweet_id"]] = row["text"] if row["inbound"] == "False" else typed(row["text"])
        if row["inbound"] == "False":
            _answer(found, holder, row, refuse)
            continue
        name = account(row)
        if name is None:
            continue
        at, parent_id = _seconds(row), row["in_response_to_tweet_id"]
        key = (row["author_id"], name)
        matter = holder.get(parent_id)
        if matter is None or (matter.author, matter.account) != key:
            last = latest.get(key)
            matter = last if parent_id and last is not None and at - last.active <= THREE_DAYS else None
        if matter is None:
            matter = latest[key] = Matter(row["author_id"], name, at, at, follows=key in latest)
            found.matters.append(matter)
        matter.active = max(matter.active, at)
        matter.posts.append(row["tweet_id"])
        matter.lines.append((at, True))
        holder[row["tweet_id"]] = matter
        found.posts[row["tweet_id"]] = row["author_id"]
    return found


def _answer(found: Expected, holder: dict[str, Matter], row: dict[str, str], refuse: bool) -> None:
    matter = holder.get(row["in_response_to_tweet_id"])
    is_to_customer = row["in_response_to_tweet_id"] in found.posts
    if matter is None or matter.account != row["author_id"] or not is_to_customer:
        found.unmatched.add(row["tweet_id"])
        return
    found.answered[row["tweet_id"]] = matter.author
    if refuse and weight(row["text"]) > 280:
        found.too_long.add(row["tweet_id"])
        return
    at = _seconds(row)
    matter.answers.append((at, row["tweet_id"]))
    matter.lines.append((at, False))
    matter.active = max(matter.active, at)
    holder[row["tweet_id"]] = matter


def measured(matters: Sequence[Matter]) -> dict[str, float | None]:
    """What the report of interactions must say of these."""
    times = sorted(min(matter.answers)[0] - matter.began for matter in matters if matter.answers)
    found: dict[str, float | None] = {
        "offered": len(matters),
        "answered": len(times),
        "unanswered_open": len(matters) - len(times),
        "reopened": sum(matter.follows for matter in matters),
        "messages_in": sum(len(matter.posts) for matter in matters),
        "messages_out": sum(len(matter.answers) for matter in matters),
        "deliveries_failed": 0,  # an answer that is too long is refused before it becomes one
        "first_responses": len(times),
    }
    for name in ("first_response_seconds", "first_response_open_seconds"):  # open round the clock
        found |= {
            f"{name}_sum": sum(times),
            f"{name}_avg": sum(times) / len(times) if times else None,
            f"{name}_p50": between(times, 0.5),
            f"{name}_p90": between(times, 0.9),
        }
    return found


def between(ordered: Sequence[int], share: float) -> float | None:
    """The value at a share of the way through, in proportion between its neighbours."""
    if not ordered:
        return None
    place = (len(ordered) - 1) * share
    below = ordered[int(place)]
    return below + (ordered[min(int(place) + 1, len(ordered) - 1)] - below) * (place - int(place))


def _seconds(row: dict[str, str]) -> int:
    return int(datetime.strptime(row["created_at"], CREATED).astimezone(UTC).timestamp())
