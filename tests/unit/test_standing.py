"""Which rows of a key are an interaction's."""

from rejoinder.standing import of_interaction
from tests.unit.builders import FIRST, HOME, answering, message, outcome, scenario


def test_deliveries_are_with_it_and_their_deadlines_and_nothing_of_another() -> None:
    story, delivery_id = answering(scenario())
    story.when(outcome(delivery_id, "retry", reason="unavailable"))
    story.when(message("m9", "Something else", visibility="private", event="direct_message"))
    found = {(type(row).__name__, row_id) for row_id, row in of_interaction(story.rows, FIRST)}
    assert {("Interaction", FIRST), ("Item", "m1"), ("Delivery", delivery_id)} <= found
    assert ("Timer", f"retry:{delivery_id}") in found
    other = {(type(row).__name__, row_id) for row_id, row in of_interaction(story.rows, f"{HOME}.2")}
    assert {("Interaction", f"{HOME}.2"), ("Item", "m9")} <= other
    assert not found & other
