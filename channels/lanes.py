"""The accounts' lanes: one account's attempts are made one after another, several accounts' beside each other.

A lane remembers what the calls of its account showed lately, so that the next is not made for nothing: a limit that
the platform named, or that it does not answer. What is not made is reported at once, and its next time is the
decider's to set.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from channels.delivery import Worker
from channels.outcomes import BROKEN_CONNECTION, RATE_LIMITED, TIME_OUT, UNREACHABLE, Retry
from engine.delivery import AttemptBegun, Deliver, is_open
from engine.interaction.commands import RecordDelivery

TROUBLES: Final = 3
"""After how many calls of an account in a row without an answer none is made for a while."""

QUIET: Final = 10_000
"""How long that while is, in milliseconds. The first call after it is a trial: one more silence begins the next."""

LONGEST_LIMIT: Final = 900_000
"""The platforms count in windows of 15 minutes or more; after so long, in milliseconds, a limit is asked about again,
whatever was named."""

UNNAMED_LIMIT: Final = 1_000
"""How long a limit holds of which the platform did not say how long, in milliseconds: what waits already is spared,
and when the next call is made is the policy's to say."""

LIMITS: Final[Mapping[str, str]] = {"private_answer": "message", "unhide": "hide"}
"""Actions that share a platform's limit with another; each of the rest has one of its own."""

_SILENT: Final = "The platform did not answer the calls before this one; nothing was sent."

Prepare = Callable[[Deliver], Awaitable[None]]


async def _nothing(deliver: Deliver) -> None:
    """There is nothing to prepare."""


@dataclass(slots=True)
class _Lane:
    """One account's turn, and what its calls showed lately. Times are of the wall clock, in milliseconds."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    limited: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Which kinds of calls the platform takes no more of: its words, and until when."""
    troubles: int = 0
    """How many calls in a row had no answer."""
    quiet_until: int = 0

    def obstacle(self, deliver: Deliver, begun: AttemptBegun | None, now: int) -> Retry | None:
        """Why an attempt should not be made now. A limit does not keep from looking for an earlier one."""
        if now < self.quiet_until:
            return Retry(UNREACHABLE, _SILENT, self.quiet_until - now)
        detail, until = self.limited.get(_limit(deliver), ("", 0))
        return Retry(RATE_LIMITED, detail, until - now) if begun is None and now < until else None

    def learn(self, deliver: Deliver, begun: AttemptBegun | None, result: RecordDelivery, now: int) -> None:
        """Takes in what came of an attempt. An own call that had to be looked up had no answer, whatever was found."""
        if result.reason == RATE_LIMITED:
            pause = UNNAMED_LIMIT if result.retry_after is None else min(result.retry_after, LONGEST_LIMIT)
            self.limited[_limit(deliver)] = (result.detail or "", now + pause)
        silent = result.reason in (UNREACHABLE, TIME_OUT, BROKEN_CONNECTION) or is_open(result)
        if silent or (begun is None and result.settled_by == "look_up"):
            self.troubles += 1
            if self.troubles >= TROUBLES:
                self.quiet_until = now + QUIET
        else:
            self.troubles = 0


@dataclass(frozen=True, slots=True)
class Lanes:
    """Makes attempts for any number of accounts. `prepare` is awaited before each that is made."""

    worker: Worker
    prepare: Prepare = _nothing
    _lanes: defaultdict[tuple[str, str], _Lane] = field(default_factory=lambda: defaultdict(_Lane))

    async def attempt(self, deliver: Deliver, begun: AttemptBegun | None = None) -> RecordDelivery:
        """What came of one attempt, made when its account's turn comes: in the order of the calls.

        `begun` is an attempt of the same delivery that was begun by somebody and has no end. Raises what the journal
        raises; an attempt that was begun by then is settled by whoever comes next.
        """
        lane, clock = self._lanes[deliver.channel, deliver.account], self.worker.clock
        async with lane.turn:  # it is given in the order in which it was asked for
            obstacle = lane.obstacle(deliver, begun, clock.now())
            if obstacle is not None:
                return self.worker.put_off(deliver, begun, obstacle)
            await self.prepare(deliver)
            result = await self.worker.run(deliver, begun)
            lane.learn(deliver, begun, result, clock.now())
            return result


def _limit(deliver: Deliver) -> str:
    """Whose limit the call counts against."""
    return LIMITS.get(deliver.action, deliver.action)
