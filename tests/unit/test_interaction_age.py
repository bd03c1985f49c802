"""An answer that waited too long is refused, not posted."""

from typing import Any

import pytest

from engine.decider import Refusal
from engine.interaction import commands as c
from engine.policy.rules import Rules
from engine.testing import Told
from tests.unit.builders import (
    FIRST,
    HOUR,
    MINUTE,
    MONDAY,
    OPEN,
    SALT,
    accepted,
    by_agent,
    message,
    policy,
    rules,
    scenario,
    state,
)
from tests.unit.partition import Partition, names, the_result

MOVE: dict[str, Any] = {"text": "Tell us your number", "announcement": "We wrote to you", "salt": SALT}
SHORT = rules(retry_for="2s")
LONG = rules(retry_for="5h")


def asked_late(kind: type[Any], by: Rules | None, age: int, **more: Any) -> Told:
    """What becomes of what an agent asked so long ago."""
    story = accepted(scenario(by))
    story.now += age
    told = story.when(by_agent(kind, at=MONDAY, **more))
    assert state(story, FIRST) == "assigned"
    return told


@pytest.mark.parametrize(("kind", "more"), [(c.Reply, {}), (c.MoveToPrivate, MOVE)])
@pytest.mark.parametrize(("by", "limit"), [(OPEN, HOUR), (SHORT, HOUR), (LONG, 5 * HOUR)])
def test_what_is_older_than_a_post_is_tried_for_is_refused(
    kind: type[Any], more: dict[str, Any], by: Rules, limit: int
) -> None:
    assert "ReplyRequested" in asked_late(kind, by, limit, **more).names
    late = asked_late(kind, by, limit + 1, **more)
    assert (late.events, late.sent) == ([], [])
    assert isinstance(late.verdict, Refusal)
    assert (late.verdict.code, late.verdict.recorded, late.verdict.kept) == ("too_old", True, False)
    assert f"more than {limit // MINUTE} minutes ago" in late.verdict.reason


def test_who_has_the_interaction_comes_first() -> None:
    story = accepted(scenario())
    story.now += 2 * HOUR
    told = story.when(by_agent(c.Reply, "ben", at=MONDAY))
    assert isinstance(told.verdict, Refusal)
    assert told.verdict.code == "not_assigned"


def test_a_repeat_of_what_was_asked_in_time_is_a_repeat_however_late() -> None:
    partition = taken()
    asked = by_agent(c.Reply, reply_partition=0)
    partition.ask(asked)
    partition.now += 2 * HOUR
    assert the_result(partition.ask(asked)).outcome != "refused"


def test_the_refusal_is_an_event_and_whoever_waits_is_told() -> None:
    partition = taken()
    partition.now += 2 * HOUR
    outputs = partition.ask(by_agent(c.Reply, reply_partition=0))
    assert (names(outputs), the_result(outputs).code) == (["CommandRefused"], "too_old")


def test_in_recorded_time_nothing_is_old() -> None:
    partition = taken(recorded=True)
    partition.now += 999 * HOUR
    assert names(partition.ask(by_agent(c.Reply))) == ["ReplyRequested"]


def taken(**how: Any) -> Partition:
    """A partition with an interaction that anna has."""
    partition = Partition(**how)
    partition.publish(policy())
    partition.ask(message("m1"))
    assert "Assigned" in names(partition.ask(by_agent(c.Take)))
    return partition
