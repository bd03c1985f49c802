"""A platform's rate limits: so many calls of one sort by one account in each window."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

QUARTER: Final = 15 * 60_000
HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR
UNLIMITED: Final = 1_000_000
"""What stands in the headers while a call has no limit."""

Window = tuple[int, int]
"""So many calls in so many milliseconds."""

X_LIMITS: Final[dict[str, tuple[Window, ...]]] = {
    "post": ((100, QUARTER),),
    "retweet": ((50, QUARTER),),
    "like": ((50, QUARTER), (1_000, DAY)),
    "message": ((15, QUARTER), (1_440, DAY)),
    "hide": ((50, QUARTER),),
    "delete": ((50, QUARTER),),
}
"""X's own, by call (docs.x.com, "Rate limits")."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a call's limits say after it was counted."""

    allowed: bool
    limit: int
    remaining: int
    reset: int
    """When the window ends, milliseconds."""


@dataclass(slots=True)
class Limits:
    """Counts the calls. A call without windows has no limit."""

    clock: Callable[[], int]
    windows: dict[str, tuple[Window, ...]] = field(default_factory=dict)
    _used: dict[tuple[str, str, int], deque[int]] = field(default_factory=dict)

    def take(self, account: str, call: str) -> Standing:
        """One more call: allowed if all its windows have room; the standing is that of the tightest."""
        now, windows = self.clock(), self.windows.get(call, ())
        used = [self._within(account, call, length, now) for _, length in windows]
        allowed = all(len(times) < limit for times, (limit, _) in zip(used, windows, strict=True))
        for times in used if allowed else ():
            times.append(now)
        standings = [
            Standing(allowed, limit, max(0, limit - len(times)), (times[0] if times else now) + length)
            for times, (limit, length) in zip(used, windows, strict=True)
        ]
        return min(
            standings, key=lambda each: each.remaining, default=Standing(True, UNLIMITED, UNLIMITED, now + QUARTER)
        )

    def _within(self, account: str, call: str, length: int, now: int) -> deque[int]:
        used = self._used.setdefault((account, call, length), deque())
        while used and used[0] <= now - length:
            used.popleft()
        return used
