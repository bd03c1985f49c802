"""Whatever fails and whoever dies: nothing is done twice on a platform that would do it twice."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from channels.delivery import Repeat, Worker
from channels.lanes import Lanes
from channels.outcomes import Duplicate, LookUpFailed, Outcome, Posted, Retry, Unknown
from engine.delivery import AttemptBegun, Deliver, is_open
from engine.interaction.commands import RecordDelivery
from tests.attempting import attempt_all
from tests.unit.delivery_scene import CALL_TIMEOUT, HandClock, deliver

FAULTS = ("none", "lost", "not_done", "unreachable", "unavailable", "rate_limited", "dies_before", "dies_after")
ACTIONS: dict[str, Repeat] = {"reply": "refused", "message": "doubled", "like": "harmless"}


class Died(Exception):
    """The worker was killed."""


@dataclass
class World:
    """A platform that keeps what is done to it, and the log of attempts that outlives its workers."""

    calls: list[str]
    looks: list[str]
    clock: HandClock = field(default_factory=HandClock)
    call_timeout: int = CALL_TIMEOUT
    done: list[Deliver] = field(default_factory=list)
    open: dict[str, AttemptBegun] = field(default_factory=dict)
    """The attempts that were begun and have no end."""

    def repeat(self, deliver: Deliver) -> Repeat:
        return ACTIONS[deliver.action]

    async def perform(self, deliver: Deliver) -> Outcome:
        assert self.open[deliver.delivery_id].attempt == deliver.attempt, "called before it was written down"
        fault = self.calls.pop(0) if self.calls else "none"
        if fault == "dies_before":
            raise Died
        if fault == "not_done":
            return Unknown("time_out", ".")
        if fault in ("unreachable", "unavailable", "rate_limited"):
            return Retry(fault, ".")
        if self.repeat(deliver) == "refused" and any(deliver.text == each.text for each in self.done):
            return Duplicate()
        self.done.append(deliver)
        if fault == "dies_after":
            raise Died
        return Unknown("time_out", ".") if fault == "lost" else Posted(self.item_id(deliver))

    async def find(self, deliver: Deliver) -> Posted | None:
        assert self.repeat(deliver) != "harmless", "it is of no use"
        fault = self.looks.pop(0) if self.looks else "none"
        if fault == "fails":
            raise LookUpFailed
        there = any(deliver.text == each.text for each in self.done)
        return Posted(self.item_id(deliver)) if there and fault != "lags" else None

    async def begin(self, begun: AttemptBegun) -> None:
        self.open[begun.delivery_id] = begun

    def item_id(self, deliver: Deliver) -> str:
        return f"9{deliver.delivery_id}"

    def batch(self, delivers: list[Deliver]) -> list[RecordDelivery]:
        """What came of a batch. Whoever makes it may die: then its successor makes it again."""
        while True:
            worker = Worker({"x": self}, lambda channel, platform_id: platform_id, self, self.clock)
            try:
                results = asyncio.run(attempt_all(Lanes(worker), delivers, dict(self.open)))
            except ExceptionGroup as deaths:
                assert deaths.split(Died)[1] is None
                continue
            for result in results:
                if not is_open(result):
                    self.open.pop(result.delivery_id, None)
            return results


def runs(faults: tuple[str, ...], longest: int) -> st.SearchStrategy[list[str]]:
    """Faults that come several times in a row, as they do: a single failed look-up is tried again and harms nothing."""
    run = st.tuples(st.sampled_from(faults), st.integers(1, longest))
    return st.lists(run, max_size=8).map(lambda each: [fault for fault, times in each for _ in range(times)])


@settings(max_examples=300)
@given(
    actions=st.lists(st.sampled_from(sorted(ACTIONS)), min_size=1, max_size=5),
    calls=runs(FAULTS, 4),
    looks=runs(("none", "fails", "lags"), 8),
)
def test_nothing_is_done_twice(actions: list[str], calls: list[str], looks: list[str]) -> None:
    world = World(calls, looks)
    waiting = [deliver(str(number), action=action) for number, action in enumerate(actions)]
    ends: dict[str, RecordDelivery] = {}
    for _ in range(100):
        results = world.batch(waiting)
        ends |= {result.delivery_id: result for result in results if result.outcome != "retry"}
        again = {result.delivery_id for result in results if result.outcome == "retry"}
        waiting = [
            deliver(each.delivery_id, each.attempt + 1, action=each.action)
            for each in waiting
            if each.delivery_id in again
        ]
        if not waiting:
            break
    assert len(ends) == len(actions), "every delivery ends once the faults do"
    times = Counter(each.delivery_id for each in world.done)
    for number, action in enumerate(actions):
        end = ends[str(number)]
        assert end.outcome in ("posted", "undecided"), "no text of these stands there twice"
        if end.outcome == "posted":
            assert times[str(number)] >= 1
            assert end.item_id in (f"9{number}", None)
        if ACTIONS[action] == "harmless":
            assert end.outcome == "posted"
        else:
            assert times[str(number)] <= 1


def test_the_platform_of_these_tests_does_twice_what_is_asked_twice() -> None:
    world = World([], [])
    message, answer = deliver("d1", action="message"), deliver("d2", action="reply")
    assert [world.batch([each])[0].outcome for each in (message, message, answer)] == ["posted"] * 3
    assert [each.delivery_id for each in world.done] == ["d1", "d1", "d2"]
    assert world.batch([deliver("d3", action="reply", text=answer.text)])[0].item_id == "9d3"
    assert len(world.done) == 3
