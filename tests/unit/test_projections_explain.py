"""Explanations: one for each type of event, readable by someone who has never seen the system."""

import functools
import types
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.interaction import contact_events as ce
from engine.interaction import events as e
from engine.record import Event
from projections.queries.explain import Circumstances, duration, explain

VALUES: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=20),
    int: st.integers(-(2**62), 2**62),
    float: st.floats(-1, 1),
    bool: st.booleans(),
    bytes: st.binary(max_size=32),
    list[str]: st.lists(st.text(max_size=20), max_size=3),
    types.NoneType: st.none(),
}


@functools.cache
def events_of(kind: type[Event]) -> st.SearchStrategy[Event]:
    """Any event of a type, with whatever may stand in its fields."""
    hints = get_type_hints(kind)
    own = [field.name for field in msgspec.structs.fields(kind) if field.name not in Event.__struct_fields__]
    return st.builds(kind, **{name: _values(hints[name]) for name in own})


@functools.cache
def _values(hint: Any) -> st.SearchStrategy[Any]:
    members = get_args(hint) if get_origin(hint) in (types.UnionType, Union) else (hint,)
    return st.one_of([VALUES[member] for member in members])


@pytest.mark.parametrize("kind", e.EVENTS, ids=lambda kind: kind.__name__)
@given(st.data())
@settings(max_examples=20)
def test_every_event_of_an_interaction_has_an_explanation_whatever_it_says(kind: type[Event], data: Any) -> None:
    why = explain(data.draw(events_of(kind)), Circumstances())
    assert why
    assert why != explain(Event(), Circumstances())


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (
            e.AutomaticWithheld(what="answer", filter="thanks", why="daily_cap"),
            "no automatic answer by filter thanks: the contact has had as many as the policy allows in a day",
        ),
        (
            e.AutomaticWithheld(what="notice", why="opted_out"),
            "no automatic notice: the contact wants none",
        ),
        (
            e.EngagementRequested(delivery_id="d", engagement="like", item_id="7", filter="praise"),
            "filter praise asks for a like of message 7: on its way to the platform",
        ),
        (
            e.MovedToPrivate(agent_id="ann", how="link", channel="messenger", until=0),
            "goes on in private on Messenger, if the customer follows the link that ann gives until 01 January, 00:00",
        ),
        (
            e.Moderated(delivery_id="d", action="delete", item_id="7", done_at=0),
            "the platform deleted our answer 7; its words are erased",
        ),
        (
            ce.HandleLinked(handle_id="ab12", version=1, how="private_reply"),
            "handle ab12 belongs to this contact now: the platform said who got the private answer",
        ),
        (
            e.Dispositioned(code="answered"),
            "ends: the automatic answer was posted, and the filter wants no more",
        ),
        (e.Dispositioned(code="answered", agent_id="ann"), "ann ends it as answered"),
        (e.Transferred(from_agent="ann", group="lawyers"), "ann gives it on to group lawyers"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Event) else "",
)
def test_an_event_is_told_as_a_person_reads_it(event: Event, told: str) -> None:
    assert explain(event, Circumstances()) == told


def test_a_private_message_with_pictures_is_told_as_such() -> None:
    event = e.MessageReceived(
        item_id="1",
        content_id="home:m:1",
        words=b"",
        channel="messenger",
        account="77",
        visibility="private",
        handle_id="home",
        posted_at=0,
        joined="private",
        action="route",
        filter="praise",
        sentiment=0.5,
        attachments=2,
    )
    assert explain(event, Circumstances()) == (
        "the customer wrote to the account in private on Messenger with 2 attachments: joins, because this goes on in "
        "private with the author; filter praise says route (it sounds +0.50, from -1 to 1)"
    )


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
