"""A platform whose calls are timed and followed."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from channels.delivery import Platform, Repeat
from channels.outcomes import Outcome, Posted
from engine.delivery import Deliver
from rejoinder.observing import metrics

if TYPE_CHECKING:  # it takes long to load, and is off by default
    from rejoinder.observing.spans import Spans

Call = Literal["perform", "find"]


@dataclass(frozen=True, slots=True)
class ObservedPlatform:
    """Does what the platform does, as channels.delivery.Platform says."""

    platform: Platform
    spans: "Spans | None"

    @property
    def call_timeout(self) -> int:
        return self.platform.call_timeout

    def repeat(self, deliver: Deliver) -> Repeat:
        return self.platform.repeat(deliver)

    async def perform(self, deliver: Deliver) -> Outcome:
        with self._observed("perform", deliver):
            return await self.platform.perform(deliver)

    async def find(self, deliver: Deliver) -> Posted | None:
        with self._observed("find", deliver):
            return await self.platform.find(deliver)

    @contextmanager
    def _observed(self, call: Call, deliver: Deliver) -> Iterator[None]:
        with (
            metrics.CALLS.labels(deliver.channel, call).time(),
            nullcontext() if self.spans is None else self.spans.call(call, deliver),
        ):
            yield
