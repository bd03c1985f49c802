"""What must still follow holds recorded time back, in whatever order the two logs are read."""

import itertools

import msgspec
import pytest

from engine.interaction import events as e
from engine.record import Event
from engine.routing import events as r
from rejoinder.play.obligations import Obligations

QUEUED = e.Queued(queue="q", pool="main", skills=[], priority=0, request_id="r1", why="received")
IN_LINE = r.RequestQueued(request_id="r1", queue="q", skills=[], priority=0, waiting_since=0)
RESERVED = r.Reserved(reservation_id="v1", request_id="r1", agent_id="ann", waited=0)
ASSIGNED = e.Assigned(agent_id="ann", reservation_id="v1", why="reserved")
ACCEPTED = e.Accepted(agent_id="ann", reservation_id="v1")


def test_each_step_of_an_offer_owes_the_next() -> None:
    owed = Obligations()
    steps = [(QUEUED, 1), (IN_LINE, 0), (RESERVED, 1), (ASSIGNED, 1), (ACCEPTED, 0)]
    for event, count in steps:
        owed.take(event)
        assert len(owed.open) == count, type(event).__name__


def test_nothing_is_owed_at_the_end_in_whatever_order_the_logs_are_read() -> None:
    for order in itertools.permutations((QUEUED, IN_LINE, RESERVED, ASSIGNED, ACCEPTED)):
        owed = Obligations()
        for event in order:
            owed.take(event)
        assert owed.open == set()


def test_an_offer_that_ended_owes_its_return_to_the_line_and_an_end_owes_the_slot() -> None:
    owed = Obligations()
    owed.take(ASSIGNED)
    owed.take(e.QueuedAgain(request_id="r1", reservation_id="v1", agent_id="ann", why="expired"))
    assert owed.open == {("return", "v1")}
    owed.take(r.RequestReturned(request_id="r1", reservation_id="v1", agent_id="ann", why="expired"))
    owed.take(e.Dispositioned(interaction_id="i", code="resolved", agent_id="ann"))
    assert owed.open == {("free", "i")}
    owed.take(r.SlotFreed(interaction_id="i", agent_id="ann", why="told"))
    assert owed.open == set()


def waiting(*more: Event, **fields: int) -> Obligations:
    """One that read of a request with deadlines, and what came after it."""
    owed = Obligations()
    for event in (QUEUED, msgspec.structs.replace(IN_LINE, interaction_id="i", **fields), *more):
        owed.take(event)
    return owed


def widened(why: str) -> r.RequestWidened:
    return r.RequestWidened(request_id="r1", why=why, skills=[])


RETURNED = r.RequestReturned(request_id="r1", reservation_id="v1", agent_id="ann", why="declined")
WITHDRAWN = r.RequestWithdrawn(request_id="r1", why="withdrawn")
OFFER_ENDED = (ASSIGNED, e.QueuedAgain(request_id="r1", reservation_id="v1", agent_id="ann", why="declined"), RETURNED)


@pytest.mark.parametrize(
    ("why", "over"),
    [
        ("preferred_over", widened("preferred_over")),
        ("preferred_over", RESERVED),
        ("preferred_over", WITHDRAWN),
        ("relaxed", widened("relaxed")),
        ("relaxed", RESERVED),
        ("relaxed", WITHDRAWN),
    ],
)
def test_a_deadline_that_has_come_owes_what_it_leads_to(why: str, over: Event) -> None:
    owed = waiting(preferred_until=10) if why == "preferred_over" else waiting(relax_at=10)
    owed.advance(9)
    assert (owed.open, owed.deadlines_of({"i"}), owed.deadlines_of({"j"})) == (set(), [10], [])
    owed.advance(10)
    assert owed.open == {(why, "r1")}
    owed.take(over)
    assert (owed.open - {("offer", "v1")}, owed.deadlines) == (set(), {})


def test_a_deadline_that_was_set_too_late_wants_the_time_told_again() -> None:
    owed = waiting(relax_at=10)
    assert (owed.is_late(9), owed.is_late(10)) == (False, True)
    owed.advance(10)
    assert not owed.is_late(10)


def test_what_comes_back_into_line_may_still_be_relaxed_but_not_once_it_was() -> None:
    owed = waiting(RESERVED, *OFFER_ENDED, preferred_until=10, relax_at=20)
    assert owed.deadlines_of({"i"}) == [20]
    owed = waiting(widened("relaxed"), RESERVED, *OFFER_ENDED, preferred_until=10, relax_at=20)
    assert owed.deadlines_of({"i"}) == []
    assert owed.open == set()
