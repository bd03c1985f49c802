"""Deciding the past again: the same code comes to the log event for event, and other code is found out."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.decider import Context, Decision, Refusal
from engine.interaction import commands as c
from engine.interaction import events as e
from engine.interaction.decider import InteractionDecider
from engine.record import Command, Event, Record
from engine.rows import Rows
from tests.unit.builders import DAY, FIRST, HOME, MINUTE, at, codec, command_id, message, office, policy
from tests.unit.partition import CONTROL, Partition, a_day_at_work
from topics.again import Again, Difference, Recorded, Walk
from topics.apart import take_name, take_word
from topics.deciding import Output
from topics.messages import Arrived

EVENING = at("2026-03-02 20:00")
TUESDAY = at("2026-03-03 09:00")
NAMES = ("interaction.commands", "interaction.events")


class Kept(Partition):
    """One whose commands are kept, as Kafka keeps them."""

    def __init__(self, **given: Any) -> None:
        self.commands: list[Arrived] = []
        super().__init__(**given)

    def ask(self, command: Record, key: str = HOME) -> list[Output]:
        self.commands.append(Arrived(0, self.offset, key.encode(), codec().encode(command)))
        return super().ask(command, key)

    def events(self) -> list[Recorded]:
        found = [output for output in self.written if output.event is not None]
        return [
            Recorded(at, output.key, output.digest, codec().decode(output.value or b""))
            for at, output in enumerate(found)
        ]

    def again(self, decider: InteractionDecider | None = None, first: int = 0) -> Again:
        walk = Walk(decider or InteractionDecider(), codec(), {}, 0, iter(self.events()), NAMES)
        walk.deciding._policies.update(self.deciding._policies)
        return walk.run(self.commands[first:], first, lambda now: self._take_apart(walk))

    def _take_apart(self, walk: Walk) -> None:
        """All words and the last names, as they lie in their topics."""
        for output in self.written:
            record = Arrived(0, 0, output.key.encode(), output.value)
            if output.topic == "interaction.content":
                take_word(walk.deciding, record, codec())
            if output.topic == "interaction.profiles":
                take_name(walk.deciding, record, codec())


@pytest.fixture
def kept() -> Kept:
    """A day at work, its deadlines too."""
    partition = Kept()
    partition.publish(policy())
    a_day_at_work(partition)
    partition.advance(partition.now + 2 * DAY)
    partition.ask(message("m9", "One more thing", at=partition.now, posted_at=partition.now))
    return partition


class Changed(InteractionDecider):
    """One of whose rules is another."""

    def __init__(self, change: Callable[[Event], Iterator[Event]]) -> None:
        self._change = change

    def decide(self, rows: Rows, command: Command, context: Context) -> Decision:
        decision = super().decide(rows, command, context)
        while True:
            try:
                event = next(decision)
            except StopIteration as end:
                verdict: Refusal | None = end.value
                return verdict
            yield from self._change(event)


def difference(again: Again) -> Difference:
    assert again.difference is not None
    return again.difference


def test_the_same_code_comes_to_the_log_event_for_event(kept: Kept) -> None:
    again = kept.again()
    assert again.difference is None
    assert (again.commands, again.events, again.before) == (len(kept.commands), len(kept.events()), 0)


def test_from_any_command_on_that_is_still_kept(kept: Kept) -> None:
    for first in range(1, len(kept.commands) + 1):
        again = kept.again(first=first)
        assert again.difference is None, first
        assert again.before + again.events == len(kept.events())
        assert again.commands == len(kept.commands) - first


def test_in_recorded_time_the_commands_alone_say_all() -> None:
    partition = Kept(recorded=True, now=EVENING)
    partition.publish(policy(office()))
    partition.ask(message("m1", "Where is my parcel?", at=EVENING, posted_at=EVENING))
    for days in range(1, 5):
        partition.ask(c.AdvanceTime(command_id=command_id(), at=EVENING + days * DAY), CONTROL)
    again = partition.again()
    assert any(event.event.input_topic == "timer" for event in partition.events())
    assert again.difference is None
    assert again.events == len(partition.events())


def test_a_command_that_led_to_nothing_is_tried_after_the_deadline_that_came_first() -> None:
    """Its own time says that it was given before; but it was decided after, when there was nothing left to expire."""
    partition = Kept(now=EVENING)
    partition.publish(policy(office()))
    partition.ask(message("m1", "Where is my parcel?", at=EVENING, posted_at=EVENING))
    partition.advance(TUESDAY)
    assert partition.events()[-1].event.input_topic == "timer"
    reserve = c.Reserve(
        command_id=command_id(),
        at=EVENING + MINUTE,
        interaction_id=FIRST,
        request_id=partition.interaction().request_id or "",
        reservation_id="r",
        pool="main",
        agent_id="anna",
    )
    partition.ask(reserve)
    assert isinstance(partition.events()[-1].event, e.Assigned)
    assert partition.again().difference is None


def test_an_event_that_is_another_today_is_named_with_what_differs(kept: Kept) -> None:
    def change(event: Event) -> Iterator[Event]:
        if isinstance(event, e.Transferred):
            event.queue = "elsewhere"
        yield event

    found = difference(kept.again(Changed(change)))
    wanted = next(each for each in kept.events() if isinstance(each.event, e.Transferred))
    assert (found.topic, found.offset, found.key) == ("interaction.events", wanted.offset, wanted.key)
    assert found.reason == "of this Transferred, queue is 'billing', and today 'elsewhere'"


def test_an_event_that_is_missing_today_is_named(kept: Kept) -> None:
    def change(event: Event) -> Iterator[Event]:
        if not isinstance(event, e.Transferred):
            yield event

    found = difference(kept.again(Changed(change)))
    wanted = next(each for each in kept.events() if isinstance(each.event, e.Transferred))
    assert found.offset == wanted.offset
    assert "Transferred" in found.reason


def test_an_event_too_many_is_named(kept: Kept) -> None:
    class Chatty(InteractionDecider):
        def decide(self, rows: Rows, command: Command, context: Context) -> Decision:
            verdict = yield from super().decide(rows, command, context)
            if isinstance(command, c.Transfer):
                yield e.Transferred(interaction_id=command.interaction_id, from_agent="nobody")
            return verdict

    found = difference(kept.again(Chatty()))
    assert "which is not in the log" in found.reason


def test_a_log_that_was_changed_is_found_out(kept: Kept) -> None:
    events = kept.events()
    walk = Walk(InteractionDecider(), codec(), {}, 0, iter([*events[:5], *events[6:]]), NAMES)
    walk.deciding._policies.update(kept.deciding._policies)
    assert difference(walk.run(kept.commands, 0, lambda now: None)).offset in {5, 6}
