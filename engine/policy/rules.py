"""A policy, compiled: what the deciders ask it."""

import hashlib
import re
from collections.abc import Mapping
from typing import Final

import msgspec

from engine.policy.document import Account, Notice, Policy, Queue
from engine.policy.filters import FilterSet
from engine.policy.hours import Calendar, Closure

_UNITS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION: Final = re.compile(r"(\d{1,9})\s*([smhd])")


def duration(text: str) -> int:
    """Milliseconds of `90s`, `5m`, `72h` or `30d`.

    >>> duration("72h")
    259200000
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a duration: write a whole number and s, m, h or d, as in 90s or 72h")
    return int(match[1]) * _UNITS[match[2]]


class Rules:
    """One version of a policy, ready to be asked. Built once, never changed."""

    def __init__(self, version: int, policy: Policy) -> None:
        self.version = version
        self.policy = policy
        self.filters = FilterSet(policy.filters)
        self.queues: dict[str, Queue] = {queue.name: queue for queue in policy.queues}
        self.notices: dict[str, Notice] = {notice.name: notice for notice in policy.notices}
        self.dispositions = frozenset(policy.dispositions)
        self.join_recent = duration(policy.join_recent)
        self.notice_max_age = duration(policy.notice_max_age)
        self.accept_within = None if policy.accept_within is None else duration(policy.accept_within)
        self.expire_after = None if policy.expire_after is None else duration(policy.expire_after)
        self.retry_for = duration(policy.retry_for)
        self.retry_every = duration(policy.retry_every)
        self._accounts: dict[tuple[str, str], Account] = {
            (account.channel, account.id): account for account in policy.accounts
        }
        self._calendars = {place: Calendar(account) for place, account in self._accounts.items()}

    def account(self, channel: str, account_id: str) -> Account | None:
        return self._accounts.get((channel, account_id))

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


HANDLE: Final = "{handle}"
LONGEST_HANDLE: Final = "@" + "w" * 15
"""X's handles have at most 15 characters."""


def notice_text(notice: Notice, language: str, screen_name: str | None) -> str:
    """The text of a notice to somebody: `{handle}` is the person's handle, with the @."""
    handle = "" if screen_name is None else f"@{screen_name}"
    return notice.text[language].replace(HANDLE, handle).strip()


def encode(policy: Policy) -> bytes:
    """The document as it travels and as it is digested: JSON with the fields in the order of the declaration."""
    return msgspec.json.encode(policy)


def load(version: int, document: bytes) -> Rules:
    """The rules of a document made by `encode`."""
    return Rules(version, msgspec.json.decode(document, type=Policy))


def document_digest(document: bytes) -> bytes:
    """SHA-256 of a document: what PolicyAdopted names."""
    return hashlib.sha256(document).digest()
