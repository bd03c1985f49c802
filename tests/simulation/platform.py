"""A simulated platform: it posts, at some time while the call is under way, and tells or doesn't."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from channels.delivery import Repeat
from channels.outcomes import (
    RATE_LIMITED,
    TIME_OUT,
    UNREACHABLE,
    Duplicate,
    LookUpFailed,
    Outcome,
    Posted,
    Retry,
    Unknown,
)
from engine.delivery import Deliver
from tests.simulation.faults import Faults
from tests.simulation.scheduling import Scheduler

CALL_TIMEOUT: Final = 4_000
TIMELINE_LATE: Final = 12_000.0


@dataclass(frozen=True)
class Post:
    """What stands on the platform."""

    deliver: Deliver
    item_id: str
    shown_at: float
    """When the account's timeline has it."""


@dataclass
class SimulatedPlatform:
    """X and Messenger: the first refuses the same text again, the second posts it twice."""

    scheduler: Scheduler
    faults: Faults
    posts: list[Post] = field(default_factory=list)
    call_timeout: int = CALL_TIMEOUT

    def repeat(self, deliver: Deliver) -> Repeat:
        return "doubled" if deliver.action == "message" else "refused"

    async def perform(self, deliver: Deliver) -> Outcome:
        chance = self.scheduler.chance
        takes = chance.uniform(1, 300)
        if self.faults.happens("call refused for now"):
            await asyncio.sleep(takes / 1000)
            if chance.random() < 0.5:
                return Retry(RATE_LIMITED, "No more for now.", 3_000)
            return Retry(UNREACHABLE, "It could not be reached.")
        if self.faults.happens("call not done without an answer"):
            await asyncio.sleep(CALL_TIMEOUT / 1000)
            return Unknown(TIME_OUT, "It did not answer.")
        if self.faults.happens("call done without an answer"):
            self.scheduler.at(self.scheduler.now + chance.uniform(0, CALL_TIMEOUT), lambda: self._post(deliver))
            await asyncio.sleep(CALL_TIMEOUT / 1000)
            return Unknown(TIME_OUT, "It did not answer.")
        outcomes: list[Outcome] = []
        self.scheduler.at(self.scheduler.now + takes, lambda: outcomes.append(self._post(deliver)))
        while not outcomes:
            await asyncio.sleep(takes / 1000)
        return outcomes[0]

    async def find(self, deliver: Deliver) -> Posted | None:
        await asyncio.sleep(self.scheduler.chance.uniform(1, 300) / 1000)
        if self.faults.happens("look-up failed"):
            raise LookUpFailed("It did not say.")
        for post in self.posts:
            if self._is_same(post, deliver) and post.shown_at <= self.scheduler.now:
                self.faults.saw("settled by a look")
                return Posted(post.item_id)
        return None

    def _post(self, deliver: Deliver) -> Outcome:
        if self.repeat(deliver) == "refused" and any(self._is_same(post, deliver) for post in self.posts):
            self.faults.saw("repeat refused by the platform")
            return Duplicate()
        late = self.faults.happens("timeline late")
        shown_at = self.scheduler.now + (self.scheduler.chance.uniform(0, TIMELINE_LATE) if late else 0)
        post = Post(deliver, f"post-{len(self.posts) + 1}", shown_at)
        self.posts.append(post)
        return Posted(post.item_id)

    def _is_same(self, post: Post, deliver: Deliver) -> bool:
        return (post.deliver.channel, post.deliver.text) == (deliver.channel, deliver.text)


@dataclass(frozen=True)
class SimulatedClock:
    """The worker's clock."""

    scheduler: Scheduler

    def now(self) -> int:
        return self.scheduler.wall()

    async def sleep(self, millis: int) -> None:
        await asyncio.sleep(millis / 1000)


@dataclass(frozen=True)
class Begins:
    """Where the worker writes down that an attempt begins."""

    write: Callable[..., object]

    async def begin(self, begun: object) -> None:
        await self.write(begun)  # type: ignore[misc]
