"""A delivery worker with all that it talks to: a clock that is moved by hand, a journal, and a scripted platform."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from channels.delivery import Repeat, Settings, Worker
from channels.lanes import Lanes
from channels.outcomes import LookUpFailed, Outcome, Posted
from engine.delivery import AttemptBegun, Deliver
from engine.interaction.commands import RecordDelivery
from tests.attempting import attempt_all

NOW = 1_600_000_000_000
CALL_TIMEOUT = 20_000


@dataclass
class HandClock:
    """Sleeping moves it."""

    at: int = NOW
    slept: list[int] = field(default_factory=list)

    def now(self) -> int:
        return self.at

    async def sleep(self, millis: int) -> None:
        self.slept.append(millis)
        self.at += millis
        await asyncio.sleep(0)


@dataclass
class Platform:
    """Answers as it is told, and remembers what happened when."""

    clock: HandClock
    outcomes: list[Outcome] = field(default_factory=list)
    found: list[str | Posted | LookUpFailed | None] = field(default_factory=list)
    repeats: Repeat = "refused"
    call_timeout: int = CALL_TIMEOUT
    takes: int = 0
    """How long a call takes, in milliseconds."""
    calls: list[tuple[int, Deliver]] = field(default_factory=list)
    looks: list[int] = field(default_factory=list)
    busy: set[tuple[str, str]] = field(default_factory=set)
    most_busy: int = 0

    def repeat(self, deliver: Deliver) -> Repeat:
        return self.repeats

    async def perform(self, deliver: Deliver) -> Outcome:
        account = (deliver.channel, deliver.account)
        assert account not in self.busy, "two calls of one account at once"
        self.calls.append((self.clock.now(), deliver))
        self.busy.add(account)
        self.most_busy = max(self.most_busy, len(self.busy))
        try:
            await asyncio.sleep(0)
        finally:
            self.busy.remove(account)
        self.clock.at += self.takes
        return self.outcomes.pop(0) if self.outcomes else Posted("900")

    async def find(self, deliver: Deliver) -> Posted | None:
        self.looks.append(self.clock.now())
        result = self.found.pop(0) if self.found else None
        if isinstance(result, LookUpFailed):
            raise result
        return Posted(result) if isinstance(result, str) else result

    @property
    def called(self) -> list[str]:
        return [deliver.delivery_id for _, deliver in self.calls]


@dataclass
class Journal:
    """Takes `slow` milliseconds for each record in turn; `broken` raises."""

    clock: HandClock
    slow: list[int] = field(default_factory=list)
    broken: bool = False
    begun: list[AttemptBegun] = field(default_factory=list)

    async def begin(self, begun: AttemptBegun) -> None:
        if self.broken:
            raise ConnectionError("no broker")
        self.clock.at += self.slow.pop(0) if self.slow else 5
        self.begun.append(begun)


@dataclass
class Scene:
    """All of them."""

    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        self.clock = HandClock()
        self.platform = Platform(self.clock)
        self.journal = Journal(self.clock)
        self.worker = Worker(
            {"x": self.platform, "facebook": self.platform},
            lambda channel, platform_id: f"home-{channel}-{platform_id}",
            self.journal,
            self.clock,
            self.settings,
        )
        self.lanes = Lanes(self.worker)

    def run(self, deliver: Deliver, unfinished: AttemptBegun | None = None) -> RecordDelivery:
        return asyncio.run(self.worker.run(deliver, unfinished))

    def batch(self, *delivers: Deliver, unfinished: Mapping[str, AttemptBegun] | None = None) -> list[RecordDelivery]:
        return asyncio.run(attempt_all(self.lanes, delivers, unfinished))


def deliver(name: str = "d1", attempt: int = 1, **changes: Any) -> Deliver:
    """An answer to be posted."""
    whole: dict[str, Any] = {
        "interaction_id": "home.1",
        "channel": "x",
        "account": "42",
        "kind": "reply",
        "visibility": "public",
        "in_reply_to": "17",
        "text": f"text of {name}",
        "at": 1_500_000_000_000,
        "correlation_id": "c1",
    }
    return Deliver(delivery_id=name, attempt=attempt, **(whole | changes))


def begun(ago: int, attempt: int = 1, name: str = "d1") -> AttemptBegun:
    """An attempt that somebody began."""
    return AttemptBegun(delivery_id=name, attempt=attempt, account="x:42", begun_at=NOW - ago)
