"""A policy, compiled: what the deciders ask it."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from engine.policy.document import Account, Notice, Policy, Queue
from engine.policy.filters import FilterSet, Matched, bare, fold
from engine.policy.hours import Calendar, Closure

_UNITS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION: Final = re.compile(r"(\d{1,9})\s*([smhd])", re.ASCII)


LONGEST_RETRY: Final = 3 * 86_400_000
"""Milliseconds for which a post may be tried again at most, so that the words of what is on its way need not be looked
for further back than a week (topics.apart)."""


def duration(text: str) -> int:
    """Milliseconds of `90s`, `5m`, `72h` or `30d`.

    >>> duration("72h")
    259200000
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a duration: write a whole number and s, m, h or d, as in 90s or 72h")
    return int(match[1]) * _UNITS[match[2]]


def _duration_or_none(text: str | None) -> int | None:
    return None if text is None else duration(text)


@dataclass(frozen=True, slots=True)
class QueueTimes:
    """The times of a queue, milliseconds; None: never."""

    prefer_for: int | None
    """Whoever served the contact within this time is asked first."""
    prefer_wait: int
    """How long an interaction waits for that agent."""
    relax_after: int | None
    """After which wait fewer skills are enough."""
    answer_within: int | None
    """The target for the first answer."""


class Rules:
    """One version of a policy, ready to be asked. Built once, never changed."""

    def __init__(self, version: int, policy: Policy) -> None:
        self.version = version
        self.policy = policy
        self.queues: dict[str, Queue] = {queue.name: queue for queue in policy.queues}
        self.notices: dict[str, Notice] = {notice.name: notice for notice in policy.notices}
        self.dispositions = frozenset(policy.dispositions)
        self.join_recent = duration(policy.join_recent)
        self.notice_max_age = duration(policy.notice_max_age)
        self.accept_within = _duration_or_none(policy.accept_within)
        self.expire_after = _duration_or_none(policy.expire_after)
        self.automatic_per_day = policy.automatic_per_day
        self.invitation_for = duration(policy.invitation_for)
        self.session_idle = _duration_or_none(policy.session_idle)
        self.session_idle_disposition = policy.session_idle_disposition
        self.retry_for = duration(policy.retry_for)
        self.retry_every = duration(policy.retry_every)
        self._filters = FilterSet(policy.filters)
        self._opt_out = frozenset(map(bare, policy.opt_out)) - {""}
        begins = sorted({word.split()[0] for word in self._opt_out})
        self._may_opt_out = re.compile("|".join(map(re.escape, begins))).search if begins else None
        self._weights = {str(channel): weight for channel, weight in policy.weights.items()}
        self._times = {queue.name: _times(queue) for queue in policy.queues}
        self._accounts: dict[tuple[str, str], Account] = {
            (account.channel, account.id): account for account in policy.accounts
        }
        self._own = {(_platform(account.channel), account.id) for account in policy.accounts}
        self._calendars = {place: Calendar(account) for place, account in self._accounts.items()}

    def account(self, channel: str, account_id: str) -> Account | None:
        return self._accounts.get((channel, account_id))

    def is_own(self, channel: str, platform_id: str) -> bool:
        """Whether somebody on a channel is one of our accounts. A page is the same on Facebook and in Messenger."""
        return (_platform(channel), platform_id) in self._own

    def match(self, text: str, *, event: str, account: str) -> Matched:
        """The first filter that a message meets, and how it sounds if a filter wanted to know.

        Args:
            event: what happened, in the policy's words.
            account: to which account, `x:42`.
        """
        return self._filters.match(text, event, account)

    def opts_out(self, text: str) -> bool:
        """Whether a message asks for no more automatic answers: it says one of the policy's words and nothing else."""
        # Of nearly every message a look for the words' beginnings is enough to see that it does not ask.
        return self._may_opt_out is not None and bool(self._may_opt_out(fold(text))) and bare(text) in self._opt_out

    def weight(self, channel: str) -> int:
        """How much of an agent's capacity an interaction on a channel takes."""
        return self._weights.get(channel, 1)

    def queue_of(self, account: Account, visibility: str) -> str:
        """The name of the queue of what arrives at an account."""
        return (account.private_queue if visibility == "private" else None) or account.queue

    def timing(self, queue: str) -> QueueTimes:
        """The times of one of the policy's queues."""
        return self._times[queue]

    def wording(self, notice: Notice, spoken: Sequence[str | None]) -> str:
        """Which of a notice's languages to use: the first of those spoken that it has, else its first.

        One spoken is had as it stands, else as its language without the country (`de-AT` as `de`, and `de` as
        `de-AT`), in any case.
        """
        written = {_tag(language): language for language in reversed(notice.text)}
        primary = {_primary(tag): language for tag, language in written.items()}
        for language in spoken:
            if language is not None:
                tag = _tag(language)
                found = written.get(tag) or written.get(_primary(tag)) or primary.get(_primary(tag))
                if found is not None:
                    return found
        return next(iter(notice.text))

    def closure(self, account: Account, now: int, emergencies: Mapping[str, str]) -> Closure | None:
        """What holds the account's interactions back at `now`: an emergency before a special day before hours.

        Args:
            emergencies: closure ids by `channel:account`.
        """
        emergency = emergencies.get(f"{account.channel}:{account.id}")
        if emergency is not None:
            return Closure(emergency, "emergency", None)
        return self._calendars[(account.channel, account.id)].closure(now)

    def holding(self, account: Account, now: int, emergencies: Mapping[str, str]) -> Closure | None:
        """As `closure`, but an emergency in which routing continues holds nothing back."""
        held = emergencies if account.emergency_routing == "held" else {}
        return self.closure(account, now, held)

    def open_between(self, channel: str, account_id: str, start: int, end: int) -> int | None:
        """How much of a time (milliseconds) an account was open by its hours and special days, emergencies apart.

        None where the policy doesn't have the account, or the time is too long to be counted.
        """
        calendar = self._calendars.get((channel, account_id))
        return None if calendar is None else calendar.open_between(start, end)


def _times(queue: Queue) -> QueueTimes:
    return QueueTimes(
        prefer_for=_duration_or_none(queue.prefer_last_agent_for),
        prefer_wait=duration(queue.prefer_wait),
        relax_after=_duration_or_none(queue.relax_after),
        answer_within=_duration_or_none(queue.answer_within),
    )


def _platform(channel: str) -> str:
    return "meta" if channel in ("facebook", "messenger") else channel


_OLD_TAGS: Final = {"in": "id", "iw": "he", "ji": "yi"}
"""X still names Indonesian, Hebrew and Yiddish as ISO 639 did before 1989."""


def _tag(language: str) -> str:
    """A language's name in the form in which names are compared; Facebook writes de_DE."""
    tag = language.replace("_", "-").lower()
    primary, _, rest = tag.partition("-")
    return _OLD_TAGS.get(primary, primary) + (f"-{rest}" if rest else "")


def _primary(tag: str) -> str:
    return tag.partition("-")[0]


HANDLE: Final = "{handle}"
NAME: Final = "{name}"
LONGEST_HANDLE: Final = "@" + "w" * 15
"""X's handles have at most 15 characters."""
NAME_LIMIT: Final = 80

_PLACEHOLDER: Final = re.compile(r" ?\{(handle|name)\}")
# A person may be called whatever they like; what would be a mention, a hashtag or a link must not be in our mouth.
_NOT_A_NAME: Final = re.compile(r"[@＠#＃]|/|\w\.\w\w")


def notice_text(notice: Notice, language: str, screen_name: str | None, name: str | None = None) -> str:
    """The text of a notice to somebody: `{handle}` is the person's handle, with the @, `{name}` the name.

    What is not known leaves no gap. Other braces stay as they are.
    """
    handle = _plain(screen_name or "")
    known = {"handle": handle and f"@{handle}", "name": shown_name(name)}

    def fill(found: re.Match[str]) -> str:
        value = known[found[1]]
        return (" " if found[0].startswith(" ") else "") + value if value else ""

    return _PLACEHOLDER.sub(fill, notice.text[language]).strip()


def shown_name(name: str | None) -> str:
    """A person's name as it may stand in a text of ours; empty where it is unknown, or no name but a message."""
    plain = _plain(name or "")
    return "" if _NOT_A_NAME.search(plain) else plain


def _plain(text: str) -> str:
    """On one line, without what steers a screen (control characters, changes of direction), and of a bounded length."""
    visible = "".join(each for each in " ".join(text[: 4 * NAME_LIMIT].split()) if not _is_steering(each))
    return visible[:NAME_LIMIT].strip()


def _is_steering(character: str) -> bool:
    """Whether a character shows nothing itself; the joiners, which emojis and some scripts need, don't count."""
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") and character not in "\u200c\u200d"


def encode(policy: Policy) -> bytes:
    """The document as it travels and as it is digested: JSON with the fields in the order of the declaration."""
    return msgspec.json.encode(policy)


def load(version: int, document: bytes) -> Rules:
    """The rules of a document made by `encode`."""
    return Rules(version, msgspec.json.decode(document, type=Policy))


def document_digest(document: bytes) -> bytes:
    """SHA-256 of a document: what PolicyAdopted names."""
    return hashlib.sha256(document).digest()
