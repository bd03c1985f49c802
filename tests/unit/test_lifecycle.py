"""The declaration of the lifecycle and the table compiled from it say the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statemachine.exceptions import TransitionNotAllowed

from engine.interaction.events import EVENTS
from engine.lifecycle import CHANGES, FINAL, INITIAL, LATE, TRANSITIONS, Lifecycle, NoTransition, after, diagram

STATES = sorted(state.id for state in Lifecycle.states)
EVENT_NAMES = sorted(CHANGES)


def by_machine(state: str, event: str) -> str | None:
    """The state in which python-statemachine ends, or None where it refuses."""
    machine = Lifecycle(start_value=state)
    try:
        machine.send(event)
    except TransitionNotAllowed:
        return None
    return str(next(iter(machine.configuration)).id)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("event", EVENT_NAMES)
def test_the_table_moves_and_refuses_as_the_machine_does(state: str, event: str) -> None:
    assert TRANSITIONS.get((state, event)) == by_machine(state, event)


@given(st.lists(st.sampled_from(EVENT_NAMES), max_size=20))
def test_a_walk_through_the_table_is_a_walk_of_the_machine(events: list[str]) -> None:
    machine, state = Lifecycle(), INITIAL
    for event in events:
        following = TRANSITIONS.get((state, event))
        if following is None:
            with pytest.raises(TransitionNotAllowed):
                machine.send(event)
        else:
            machine.send(event)
            state = following
        assert {one.id for one in machine.configuration} == {state}


def test_nothing_leaves_dispositioned() -> None:
    assert [move for move in TRANSITIONS if move[0] == FINAL] == []
    for event in EVENT_NAMES:
        if event in LATE:
            assert after(FINAL, event) == FINAL
        else:
            with pytest.raises(NoTransition, match=f"no transition {event} from dispositioned"):
                after(FINAL, event)


def test_every_state_is_reached_and_every_other_can_still_end() -> None:
    for state in STATES:
        reached, frontier = {state}, [state]
        while frontier:
            here = frontier.pop()
            news = {target for (source, _), target in TRANSITIONS.items() if source == here} - reached
            reached |= news
            frontier += news
        assert FINAL in reached
        if state == INITIAL:
            assert reached == set(STATES)


def test_every_transition_is_named_after_an_event() -> None:
    assert {event.__name__ for event in EVENTS} >= CHANGES


def test_an_event_that_changes_no_state_is_allowed_in_each() -> None:
    for state in STATES:
        assert after(state, "MessageReceived") == state


@pytest.mark.parametrize(
    ("state", "event", "following"),
    [
        ("received", "ContactResolved", "contact_resolved"),
        ("received", "Dispositioned", "dispositioned"),
        ("contact_resolved", "OutOfHours", "out_of_hours"),
        ("contact_resolved", "Queued", "queued"),
        ("contact_resolved", "Dispositioned", "dispositioned"),
        ("out_of_hours", "Queued", "queued"),
        ("out_of_hours", "Assigned", "assigned"),
        ("out_of_hours", "RepliedElsewhere", "replied"),
        ("out_of_hours", "Dispositioned", "dispositioned"),
        ("queued", "Assigned", "assigned"),
        ("queued", "RepliedElsewhere", "replied"),
        ("queued", "Dispositioned", "dispositioned"),
        ("assigned", "Replied", "replied"),
        ("assigned", "QueuedAgain", "queued"),
        ("assigned", "Queued", "queued"),
        ("assigned", "Dispositioned", "dispositioned"),
        ("replied", "Replied", "replied"),
        ("replied", "Assigned", "assigned"),
        ("replied", "Queued", "queued"),
        ("replied", "OutOfHours", "out_of_hours"),
        ("replied", "Dispositioned", "dispositioned"),
    ],
)
def test_the_transitions_of_the_design_are_there(state: str, event: str, following: str) -> None:
    assert after(state, event) == following


@pytest.mark.parametrize(
    ("state", "event"),
    [("received", "Queued"), ("contact_resolved", "Assigned"), ("queued", "OutOfHours"), ("received", "Replied")],
)
def test_what_the_design_does_not_have_is_refused(state: str, event: str) -> None:
    with pytest.raises(NoTransition):
        after(state, event)


def test_the_diagram_shows_every_transition() -> None:
    drawn = diagram()
    assert drawn.startswith("stateDiagram-v2")
    for (source, event), target in TRANSITIONS.items():
        arrow = f"{source} --> {target} : "
        labels = [line.strip().removeprefix(arrow) for line in drawn.splitlines() if arrow in line]
        assert event.lower() in ", ".join(labels).lower(), (source, event)
