"""From the engine's values to PostgreSQL's, without loss where that is possible."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST: Final = datetime(1, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


@lru_cache(maxsize=20_000)  # the same instant stands in the rows of three projections
def moment(millis: int) -> datetime:
    """Milliseconds since the epoch as a time in UTC; beyond the years 1 to 9999 the nearest that there is."""
    try:
        return _EPOCH + timedelta(milliseconds=millis)
    except OverflowError:
        return _FIRST if millis < 0 else _LAST


def moment_or_none(millis: int | None) -> datetime | None:
    return None if millis is None else moment(millis)


def seconds(start: datetime, end: datetime) -> float:
    """From one time to another, exact to the millisecond."""
    return round((end - start).total_seconds(), 3)


def storable(text: str) -> bool:
    """Whether PostgreSQL's `text` can hold it: it has no NUL and no half of a surrogate pair."""
    return "\x00" not in text and (text.isascii() or _SURROGATE.search(text) is None)


def shown(text: str) -> str:
    """The text as `text` can hold it: NUL as its picture (U+2400), half a surrogate pair as U+FFFD."""
    if text.isascii() and "\x00" not in text:
        return text  # most of it: ids and names of states
    return text if storable(text) else _SURROGATE.sub("\ufffd", text.replace("\x00", "\u2400"))


def exact(text: str) -> bytes | None:
    """The text's own bytes where `shown` had to change it, so that nothing is lost; else None."""
    return None if storable(text) else text.encode("utf-8", "surrogatepass")
