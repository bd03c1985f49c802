"""What must still follow holds recorded time back, in whatever order the two logs are read."""

import itertools

from engine.interaction import events as e
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
