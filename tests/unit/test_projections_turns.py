"""Turns: waits for an agent, and the time for which one had it; event by event, without a database."""

import pytest

from engine.interaction import events as e
from projections.reporting import fold
from projections.reporting.rows import FctInteraction, FctTurn
from projections.reporting.turns import take_turn
from tests.projection_log import Log, Person
from tests.unit.folding import measured, waiting

MINUTE = 60


def folded(log: Log) -> tuple[FctInteraction, list[FctTurn]]:
    """The fact of the one interaction in a log, and its turns."""
    turns: dict[str, FctTurn] = {}
    for event, fact, first in measured(log):
        take_turn(event, fact, turns)
        fold.transition(event, fact, first=first)
    return fact, list(turns.values())


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def person(log: Log) -> Person:
    return waiting(log)


def test_a_turn_is_a_wait_and_the_time_with_the_agent(log: Log, person: Person) -> None:
    person.accepted("agent-1")
    person.answered("agent-1", "Hi")
    person.tell(e.Dispositioned, code="resolved", agent_id="agent-1")
    fact, (turn,) = folded(log)
    assert (turn.queue, turn.skills, turn.agent_id, turn.ended_by) == ("care", ["billing"], "agent-1", "ended")
    assert (turn.wait_seconds, turn.handling_seconds, turn.offers) == (2 * MINUTE, 3 * MINUTE, 1)
    assert (fact.turns, fact.handling_seconds) == (1, 3 * MINUTE)


def test_an_offer_that_comes_to_nothing_belongs_to_the_wait(log: Log, person: Person) -> None:
    for why in ("expired", "declined", "agent_gone"):
        reservation = person.offered("agent-9")
        person.tell(e.QueuedAgain, request_id="q", reservation_id=reservation, agent_id="agent-9", why=why)
    person.accepted("agent-1")
    fact, (turn,) = folded(log)
    assert (turn.offers, turn.offers_expired, turn.offers_declined) == (4, 1, 1)
    assert (turn.wait_seconds, turn.ended_at, turn.handling_seconds) == (8 * MINUTE, None, None)
    assert fact.handling_seconds == 0


def test_who_takes_it_out_of_the_line_ends_the_wait(log: Log, person: Person) -> None:
    person.tell(e.Assigned, agent_id="agent-2", why="taken")
    _, (turn,) = folded(log)
    assert (turn.agent_id, turn.wait_seconds, turn.offers) == ("agent-2", MINUTE, 0)


def test_who_takes_it_over_has_a_turn_without_a_wait(log: Log, person: Person) -> None:
    person.accepted("agent-1")
    person.tell(e.Assigned, agent_id="agent-2", why="taken_over")
    person.tell(e.Dispositioned, code="resolved", agent_id="agent-2")
    fact, (first, second) = folded(log)
    assert (first.agent_id, first.ended_by, first.handling_seconds) == ("agent-1", "taken_over", MINUTE)
    assert (second.agent_id, second.queued_at, second.queue, second.wait_seconds) == ("agent-2", None, None, None)
    assert fact.handling_seconds == 2 * MINUTE


def test_a_transfer_ends_the_turn_and_begins_the_next_wait(log: Log, person: Person) -> None:
    person.accepted("agent-1")
    person.tell(e.Transferred, from_agent="agent-1", queue="legal")
    person.queued("legal", "transferred")
    _, (first, second) = folded(log)
    assert (first.ended_by, first.handling_seconds) == ("transferred", 2 * MINUTE)
    assert (second.queue, second.agent_id, second.ended_at) == ("legal", None, None)


def test_the_customer_who_writes_again_changes_no_turn_of_the_agent_who_has_it(log: Log, person: Person) -> None:
    person.accepted("agent-1")
    person.answered("agent-1", "Hi")
    person.writes("And?", joined="thread")
    person.tell(e.Assigned, agent_id="agent-1", why="written_again")
    _, (turn,) = folded(log)
    assert (turn.ended_at, turn.wait_seconds) == (None, 2 * MINUTE)


def test_an_answer_on_the_platform_ends_a_wait_and_takes_it_from_no_agent(log: Log, person: Person) -> None:
    elsewhere = {
        "item_id": "9",
        "posted_at": person.at,
        "first_response": True,
        "content_id": f"{person.home}:o:9",
        "words": b"",
    }
    person.tell(e.RepliedElsewhere, **elsewhere)
    person.writes("Thanks, but", joined="thread")
    person.queued(why="written_again")
    person.accepted("agent-1")
    person.tell(e.RepliedElsewhere, **elsewhere)
    _, (first, second) = folded(log)
    assert (first.agent_id, first.ended_by, first.wait_seconds) == (None, "answered_elsewhere", None)
    assert (second.agent_id, second.ended_at) == ("agent-1", None)


@pytest.mark.parametrize("accepted", [True, False])
def test_a_closure_and_the_end_end_it(log: Log, person: Person, accepted: bool) -> None:
    if accepted:
        person.accepted("agent-1")
        person.answered("agent-1", "Hi")
        person.tell(e.OutOfHours, closure="c", kind="closed", notice="not_due")
        person.tell(e.Assigned, agent_id="agent-2", why="taken")
    person.tell(e.Dispositioned, code="expired")
    _, turns = folded(log)
    assert [(turn.agent_id, turn.ended_by) for turn in turns] == (
        [("agent-1", "held_back"), ("agent-2", "ended")] if accepted else [(None, "ended")]
    )
