"""What connecting and checking an account found."""

from dataclasses import dataclass
from typing import Literal

What = Literal["credentials", "token", "permissions", "webhook", "subscription"]
State = Literal["ok", "warning", "missing"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    account: str
    what: What
    state: State
    says: str
    mend: str | None = None


def ok(account: str, what: What, says: str) -> Finding:
    """It is as it should be."""
    return Finding(account, what, "ok", says)


def warning(account: str, what: What, says: str, mend: str) -> Finding:
    """It works now."""
    return Finding(account, what, "warning", says, mend)


def missing(account: str, what: What, says: str, mend: str) -> Finding:
    """It does not work."""
    return Finding(account, what, "missing", says, mend)
