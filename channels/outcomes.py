"""What can come of one call that acts on a platform. A value, so that what to do next is decided once.

`detail` is a sentence for people. None of these carries a word of the message.
"""

from dataclasses import dataclass
from typing import Final

from engine.errors import RejoinderError

RATE_LIMITED: Final = "rate_limited"
"""The reason of a Retry that concerns all calls of the account of this kind."""
UNREACHABLE: Final = "unreachable"
"""The reason of a Retry because the platform could not be reached; nothing was sent."""
TIME_OUT: Final = "time_out"
"""The reason of an Unknown because the platform did not answer in time."""
BROKEN_CONNECTION: Final = "broken_connection"
"""The reason of an Unknown because the connection broke."""


@dataclass(frozen=True, slots=True)
class Posted:
    """The platform has it, or has done it."""

    item_id: str | None
    """The platform's id of what was posted; None where it tells none, as of a like."""
    recipient_id: str | None = None
    """Of a private answer to a comment: the platform's id of who got it, where it is known only now."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Not now; the same call may succeed later."""

    reason: str
    detail: str
    retry_after: int | None = None
    """The platform's wish, in milliseconds; None: it has none."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Never: the same call would be refused again."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request may have arrived, but its answer did not."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The platform says that this account posted the same text before."""


Outcome = Posted | Retry | Refused | Unknown | Duplicate


class LookUpFailed(RejoinderError):
    """The platform did not say what the account posted."""
