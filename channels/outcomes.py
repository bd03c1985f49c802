"""What can come of one call that posts an answer, on any platform. A value, so that what to do next is decided once.

`detail` is a sentence for people. None of these carries a word of the message.
"""

from dataclasses import dataclass

from engine.errors import RejoinderError


@dataclass(frozen=True, slots=True)
class Posted:
    """The platform has it."""

    item_id: str


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
    """The platform did not say which posts the account made."""
