"""Who is offered what: skills, group, priority, capacity, state, and the longest wait first."""

import pytest

from engine.decider import Duplicate, Refusal
from engine.interaction.commands import LoseAgent, Reserve
from engine.routing import commands as c
from engine.routing import events as e
from engine.routing.state import Request
from tests.unit.builders import MINUTE, MONDAY
from tests.unit.routing_desk import HOME, Desk, offers


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_request_is_offered_to_a_ready_agent_at_once(desk: Desk) -> None:
    desk.agent("anna")
    told = desk.ask("1", waiting_since=MONDAY - MINUTE)
    assert told.names == ["RequestQueued", "Reserved"]
    (reserve,) = told.records("interaction.commands")
    assert isinstance(reserve, Reserve)
    reserved = told.events[1]
    assert isinstance(reserved, e.Reserved)
    assert (reserve.interaction_id, reserve.request_id, reserve.agent_id) == (f"{HOME}.1", "1", "anna")
    assert (reserve.reservation_id, reserve.pool) == (reserved.reservation_id, "main")
    assert told.sent[0].key == HOME
    assert reserved.waited == desk.story.now - (MONDAY - MINUTE)


def test_a_request_waits_for_an_agent_who_becomes_ready(desk: Desk) -> None:
    desk.agent("anna", ready=False)
    assert desk.ask("1").names == ["RequestQueued"]
    assert offers(desk.state("anna", "away")) == []
    assert offers(desk.state("anna", "ready")) == [("1", "anna")]


def test_an_agent_has_to_know_all_that_is_asked(desk: Desk) -> None:
    desk.agent("anna", "billing")
    desk.agent("ben", "english", "billing", "law")
    assert offers(desk.ask("1", "billing", "english")) == [("1", "ben")]
    assert offers(desk.ask("2", "billing", "english")) == []
    assert offers(desk.ask("3", "law")) == []


def test_an_agent_of_another_group_is_not_offered_it(desk: Desk) -> None:
    desk.agent("anna", groups=("silver",))
    assert offers(desk.ask("1", group="gold")) == []
    assert offers(desk.agent("ben", groups=("gold", "silver"))) == [("1", "ben")]


def test_what_is_kept_for_an_agent_goes_to_no_other(desk: Desk) -> None:
    desk.agent("anna")
    assert offers(desk.ask("1", agent="ben")) == []
    assert offers(desk.agent("ben")) == [("1", "ben")]


def test_an_agent_is_offered_as_much_as_fits(desk: Desk) -> None:
    for name in "1234":
        desk.ask(name)
    assert offers(desk.agent("anna", capacity=3)) == [("1", "anna"), ("2", "anna"), ("3", "anna")]
    assert desk.used("anna") == 3


def test_an_agent_without_capacity_is_offered_nothing_until_it_grows(desk: Desk) -> None:
    desk.ask("1")
    assert offers(desk.agent("anna", capacity=0)) == []
    assert offers(desk.agent("anna", capacity=1, ready=False)) == [("1", "anna")]


def test_who_learns_is_offered_what_waited_for_it(desk: Desk) -> None:
    desk.ask("1", "billing")
    desk.agent("anna")
    assert offers(desk.agent("anna", "billing", ready=False)) == [("1", "anna")]


def test_a_higher_priority_comes_first_and_in_one_the_longest_wait(desk: Desk) -> None:
    desk.ask("low", priority=-1, waiting_since=MONDAY - 90)
    desk.ask("late", priority=5, waiting_since=MONDAY - 10)
    desk.ask("early", priority=5, waiting_since=MONDAY - 50)
    desk.ask("high", priority=6, waiting_since=MONDAY)
    told = desk.agent("anna", capacity=9)
    assert [request for request, _ in offers(told)] == ["high", "early", "late", "low"]


def test_the_order_holds_across_lines_of_different_skills(desk: Desk) -> None:
    desk.ask("a", "x", waiting_since=MONDAY - 10)
    desk.ask("b", "y", waiting_since=MONDAY - 30)
    desk.ask("c", waiting_since=MONDAY - 20)
    desk.ask("d", "y", priority=1, waiting_since=MONDAY)
    told = desk.agent("anna", "x", "y", capacity=9)
    assert [request for request, _ in offers(told)] == ["d", "b", "c", "a"]


def test_the_least_busy_is_offered_it_and_among_those_the_longest_idle(desk: Desk) -> None:
    desk.agent("anna", capacity=2)
    desk.agent("ben", capacity=2)
    desk.agent("cleo", capacity=2)
    assert [offers(desk.ask(name))[0][1] for name in "1234"] == ["anna", "ben", "cleo", "anna"]


def test_what_was_not_accepted_in_time_stands_in_front_and_the_agent_goes_away(desk: Desk) -> None:
    desk.agent("anna")
    first = desk.ask("1")
    desk.ask("2", waiting_since=MONDAY - MINUTE)
    told = desk.end(first, "expired")
    assert told.names == ["ReservationEnded", "AgentStateChanged", "RequestReturned"]
    changed = told.events[1]
    assert isinstance(changed, e.AgentStateChanged)
    assert (changed.agent_state, changed.why, desk.used("anna")) == ("away", "not_accepted_in_time", 0)
    assert offers(desk.agent("ben", capacity=2)) == [("1", "ben"), ("2", "ben")]


def test_what_expired_is_offered_to_another_at_once(desk: Desk) -> None:
    desk.agent("anna")
    first = desk.ask("1")
    desk.agent("ben")
    assert offers(desk.end(first, "expired")) == [("1", "ben")]


def test_the_agent_who_let_it_expire_may_have_it_when_ready_again(desk: Desk) -> None:
    desk.agent("anna")
    desk.end(desk.ask("1"), "expired")
    assert offers(desk.state("anna", "ready")) == [("1", "anna")]


def test_who_went_away_or_offline_meanwhile_stays_so_when_an_offer_expires(desk: Desk) -> None:
    for state in ("away", "offline"):
        desk.agent(state)
        told = desk.ask(state)
        desk.state(state, state)
        assert "AgentStateChanged" not in desk.end(told, "expired").names
        desk.when(c.WithdrawRequest, request_id=state)


def test_a_higher_priority_still_comes_before_what_stands_in_front(desk: Desk) -> None:
    desk.agent("anna")
    desk.end(desk.ask("1"), "expired")
    desk.ask("2", priority=1)
    assert offers(desk.agent("ben", capacity=2)) == [("2", "ben"), ("1", "ben")]


def test_who_declined_is_not_offered_it_again_until_ready_anew(desk: Desk) -> None:
    desk.agent("anna")
    told = desk.end(desk.ask("1"), "declined")
    assert told.names == ["ReservationEnded", "RequestReturned"]
    assert offers(desk.ask("2")) == [("2", "anna")]
    desk.state("anna", "away")
    desk.when(c.RegisterAgent, agent_id="anna", skills=[], groups=[], capacity=2)
    assert offers(desk.state("anna", "ready")) == [("1", "anna")]


def test_who_declined_is_offered_the_next_in_line(desk: Desk) -> None:
    desk.agent("anna")
    first = desk.ask("1")
    desk.ask("2")
    assert offers(desk.end(first, "declined")) == [("2", "anna")]


def test_what_one_declined_goes_to_another(desk: Desk) -> None:
    desk.agent("anna")
    first = desk.ask("1")
    desk.agent("ben")
    second = desk.end(first, "declined")
    assert offers(second) == [("1", "ben")]
    assert offers(desk.end(second, "declined")) == []
    assert offers(desk.agent("cleo")) == [("1", "cleo")]


def test_an_agent_who_goes_offline_loses_the_offers_and_the_interaction_decides(desk: Desk) -> None:
    desk.agent("anna", capacity=2)
    first = desk.ask("1")
    second = desk.ask("2")
    desk.when(
        c.ConfirmReservation,
        reservation_id=next(event.reservation_id for event in first.events if isinstance(event, e.Reserved)),
    )
    told = desk.state("anna", "offline")
    (lose,) = told.records("interaction.commands")
    assert isinstance(lose, LoseAgent)
    assert (lose.interaction_id, lose.agent_id) == (f"{HOME}.2", "anna")
    assert desk.used("anna") == 2
    told = desk.end(second, "agent_gone")
    assert told.names == ["ReservationEnded", "RequestReturned"]
    assert desk.used("anna") == 1


def test_an_agent_who_is_away_keeps_the_offers(desk: Desk) -> None:
    desk.agent("anna")
    desk.ask("1")
    assert desk.state("anna", "away").sent == []
    assert desk.used("anna") == 1


def test_a_confirmed_slot_is_used_until_it_is_freed(desk: Desk) -> None:
    desk.agent("anna")
    told = desk.ask("1")
    reserved = told.events[1]
    assert isinstance(reserved, e.Reserved)
    assert desk.when(c.ConfirmReservation, reservation_id=reserved.reservation_id).names == ["ReservationConfirmed"]
    assert desk.used("anna") == 1
    assert offers(desk.ask("2")) == []
    told = desk.when(c.FreeSlot, interaction_id=f"{HOME}.1", agent_id="anna")
    assert (told.names, offers(told)) == (["SlotFreed", "Reserved"], [("2", "anna")])
    assert desk.used("anna") == 1
    assert desk.story.rows.get(Request, "1") is None


def test_a_slot_is_freed_once(desk: Desk) -> None:
    desk.agent("anna")
    desk.when(c.OccupySlot, interaction_id=f"{HOME}.1", agent_id="anna")
    desk.when(c.OccupySlot, interaction_id=f"{HOME}.1", agent_id="anna")
    assert desk.used("anna") == 1
    whys = []
    for _ in range(2):
        (freed,) = desk.when(c.FreeSlot, interaction_id=f"{HOME}.1", agent_id="anna").events
        assert isinstance(freed, e.SlotFreed)
        whys.append(freed.why)
    assert (whys, desk.used("anna")) == (["told", "unknown"], 0)


def test_what_an_agent_takes_counts_even_beyond_the_capacity(desk: Desk) -> None:
    desk.agent("anna")
    desk.ask("1")
    desk.when(c.OccupySlot, interaction_id=f"{HOME}.9", agent_id="anna")
    assert desk.used("anna") == 2
    desk.when(c.FreeSlot, interaction_id=f"{HOME}.9", agent_id="anna")
    assert offers(desk.ask("2")) == []


def test_a_withdrawn_request_is_offered_to_nobody(desk: Desk) -> None:
    desk.ask("1")
    assert desk.when(c.WithdrawRequest, request_id="1").names == ["RequestWithdrawn"]
    assert offers(desk.agent("anna")) == []
    (unknown,) = desk.when(c.WithdrawRequest, request_id="1").events
    assert isinstance(unknown, e.RequestWithdrawn)
    assert unknown.why == "unknown"


def test_what_is_withdrawn_while_it_is_offered_frees_the_slot_when_the_offer_is_released(desk: Desk) -> None:
    desk.agent("anna")
    told = desk.ask("1")
    desk.when(c.WithdrawRequest, request_id="1")
    assert desk.used("anna") == 1
    assert desk.end(told, "released").names == ["ReservationEnded"]
    assert desk.used("anna") == 0


def test_a_released_offer_frees_the_agent_for_the_next(desk: Desk) -> None:
    desk.agent("anna")
    first = desk.ask("1")
    desk.ask("2")
    told = desk.end(first, "released")
    assert offers(told) == [("2", "anna")]
    assert desk.end(first, "released").names == ["ReservationEnded"]


def test_the_same_request_twice_is_one(desk: Desk) -> None:
    desk.ask("1")
    assert isinstance(desk.ask("1").verdict, Duplicate)
    assert len(offers(desk.agent("anna", capacity=5))) == 1


def test_an_agent_in_no_pool_or_a_state_that_is_none_is_refused(desk: Desk) -> None:
    desk.agent("anna")
    for told, code in (
        (desk.state("ben", "ready"), "unknown_agent"),
        (desk.state("anna", "asleep"), "unknown_state"),
        (desk.agent("cleo", capacity=-1, ready=False), "bad_capacity"),
    ):
        assert isinstance(told.verdict, Refusal)
        assert told.verdict.code == code
    assert isinstance(desk.state("anna", "ready").verdict, Duplicate)


def test_what_stands_in_front_comes_before_a_longer_wait_in_another_line(desk: Desk) -> None:
    desk.agent("anna", "x")
    desk.end(desk.ask("1", "x"), "expired")
    desk.ask("2", waiting_since=MONDAY - MINUTE)
    assert [request for request, _ in offers(desk.agent("ben", "x", capacity=2))] == ["1", "2"]


def test_who_is_ready_again_before_a_lost_offer_ends_serves_the_longest_wait_first(desk: Desk) -> None:
    desk.agent("anna")
    first = desk.ask("1")
    desk.ask("2")
    second = desk.end(first, "declined")
    assert offers(second) == [("2", "anna")]
    desk.state("anna", "offline")
    desk.state("anna", "ready")  # who may have "1" again, and has no room for it yet
    assert offers(desk.end(second, "agent_gone")) == [("1", "anna")]
