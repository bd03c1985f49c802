"""Pages: a cursor is the time and id of a page's last line, in letters that a URL takes as they are."""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from console.problems import Problem
from projections.queries.lists import After

T = TypeVar("T")


def page_of(found: Sequence[T], limit: int, place: Callable[[T], tuple[datetime, str]]) -> tuple[list[T], str | None]:
    """A page, and where the next begins: `found` has one line more than the page if there is one."""
    lines = list(found[:limit])
    return lines, _cursor(*place(lines[-1])) if len(found) > limit else None


def place_of(cursor: str | None) -> After | None:
    """Where a page begins. Raises Problem for what is no cursor of ours."""
    if cursor is None:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        at, _, last = text.partition(" ")
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None or "\x00" in last:
            raise ValueError
        return After(moment, last)
    except (ValueError, binascii.Error, OverflowError):
        raise Problem(422, "bad_input", "after: is no cursor; take `next` of the page before", field="after") from None


def _cursor(at: datetime, last: str) -> str:
    return base64.urlsafe_b64encode(f"{at.isoformat()} {last}".encode()).rstrip(b"=").decode()
