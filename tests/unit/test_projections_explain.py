"""Explanations: one for each type of event, readable by someone who has never seen the system."""

from typing import Any, get_type_hints

import msgspec
import pytest

from engine.interaction import events as e
from engine.record import Event
from projections.queries.explain import Circumstances, duration, explain

SAMPLES: dict[Any, Any] = {str: "word", int: 7, bool: False, bytes: b"", list[str]: ["billing"]}


def example(kind: type[Event]) -> Event:
    """An event with something in each field that has no default."""
    hints = get_type_hints(kind)
    facts = {field.name: SAMPLES[hints[field.name]] for field in msgspec.structs.fields(kind) if field.required}
    return kind(**facts)


@pytest.mark.parametrize("kind", [kind for kind in e.EVENTS], ids=lambda kind: kind.__name__)
def test_every_event_of_an_interaction_has_an_explanation(kind: type[Event]) -> None:
    unknown = explain(Event(), Circumstances())
    assert explain(example(kind), Circumstances()) != unknown


def test_waiting_in_line_is_told_with_queue_priority_skills_and_reason() -> None:
    event = e.Queued(queue="care", pool="main", skills=["billing"], priority=5, request_id="r", why="received")
    assert explain(event, Circumstances()) == "waits in queue care (priority 5, skills billing): received"


def test_an_offer_not_accepted_is_told_with_the_agent() -> None:
    event = e.QueuedAgain(request_id="r", reservation_id="s", agent_id="agent-3", why="expired")
    assert explain(event, Circumstances()) == "agent-3 did not accept in time: back to the front of the line"


def test_the_first_answer_is_told_with_its_time() -> None:
    event = e.Replied(
        delivery_id="d", agent_id="agent-3", item_id="77", posted_at=0, first_response=True, settled_by="outcome"
    )
    known = Circumstances(answered_after_seconds=725)
    expected = "agent-3's answer was posted as 77; the first answer, 12 min 5 s after the first message"
    assert explain(event, known) == expected


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.6, "1 min"), (725, "12 min 5 s"), (3600, "1 h"), (12_000, "3 h 20 min"), (187_200, "2 d 4 h")],
)
def test_a_duration_is_told_as_people_say_it(seconds: float, words: str) -> None:
    assert duration(seconds) == words
