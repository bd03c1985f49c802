"""How much of an agent's capacity something takes, and that it is counted once."""

import pytest

from engine.routing import commands as c
from engine.routing.state import Reservation, Slot
from tests.unit.routing_desk import HOME, Desk, offers


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_heavier_one_takes_more_room(desk: Desk) -> None:
    desk.agent("anna", capacity=4)
    assert offers(desk.ask("1", weight=3)) == [("1", "anna")]
    assert desk.used("anna") == 3
    assert offers(desk.ask("2", weight=2)) == []
    assert offers(desk.ask("3", weight=1)) == [("3", "anna")]
    assert desk.used("anna") == 4


def test_what_does_not_fit_waits_until_enough_is_free(desk: Desk) -> None:
    desk.agent("anna", capacity=3)
    for name in "12":
        desk.accept(desk.ask(name, weight=1))
    desk.ask("3", weight=2)
    desk.ask("4", weight=3)
    assert offers(desk.finish("1", "anna")) == [("3", "anna")]
    assert desk.used("anna") == 3


def test_what_weighs_nothing_needs_a_ready_agent_and_no_room(desk: Desk) -> None:
    desk.agent("anna", ready=False)
    desk.take("9", "anna", weight=5)
    assert offers(desk.ask("1", weight=0)) == []
    desk.ask("2", weight=0)
    desk.ask("3", weight=1)
    assert offers(desk.state("anna", "ready")) == [("1", "anna"), ("2", "anna")]
    assert desk.used("anna") == 5


def test_what_weighs_nothing_goes_round(desk: Desk) -> None:
    desk.agent("anna", capacity=0)
    desk.agent("ben", capacity=0)
    assert [offers(desk.ask(name, weight=0))[0][1] for name in "1234"] == ["anna", "ben", "anna", "ben"]


@pytest.mark.parametrize("ends", ["declined", "expired", "released", "agent_gone"])
def test_an_offer_that_ends_frees_all_that_it_took(desk: Desk, ends: str) -> None:
    desk.agent("anna", capacity=5)
    desk.accept(desk.ask("1", weight=2))
    told = desk.ask("2", weight=3)
    assert desk.used("anna") == 5
    if ends == "agent_gone":
        desk.state("anna", "offline")
    desk.end(told, ends)
    assert desk.used("anna") == 2
    desk.finish("1", "anna")
    desk.finish("1", "anna")
    assert desk.used("anna") == 0


def test_what_an_agent_takes_that_is_offered_to_them_is_counted_once(desk: Desk) -> None:
    desk.agent("anna", capacity=3)
    told = desk.ask("1", weight=2)
    desk.take("1", "anna", weight=2)
    assert desk.used("anna") == 2
    assert offers(desk.ask("2", weight=1)) == [("2", "anna")]
    desk.end(told, "released")
    assert desk.used("anna") == 3
    desk.finish("1", "anna")
    assert desk.used("anna") == 1


def test_in_whatever_order_the_slot_and_the_offer_of_the_same_end(desk: Desk) -> None:
    """The offer may still be on its way to the interaction when the agent is done with it already."""
    desk.agent("anna", capacity=2)
    told = desk.ask("1", weight=2)
    desk.take("1", "anna", weight=2)
    desk.when(c.WithdrawRequest, request_id="1")
    desk.finish("1", "anna")
    assert desk.used("anna") == 0
    desk.end(told, "released")
    assert desk.used("anna") == 0
    assert not [row for _, row in desk.story.rows.all() if isinstance(row, Reservation | Slot)]


def test_what_another_agent_takes_is_counted_for_both_until_the_offer_ends(desk: Desk) -> None:
    desk.agent("anna", capacity=2)
    desk.agent("ben", capacity=2, ready=False)
    told = desk.ask("1", weight=2)
    desk.take("1", "ben", weight=2)
    assert (desk.used("anna"), desk.used("ben")) == (2, 2)
    desk.end(told, "released")
    assert (desk.used("anna"), desk.used("ben")) == (0, 2)


def test_who_grows_gets_what_was_too_heavy(desk: Desk) -> None:
    desk.agent("anna", capacity=1)
    assert offers(desk.ask("1", weight=2)) == []
    assert offers(desk.agent("anna", capacity=2, ready=False)) == [("1", "anna")]


def test_the_slot_of_an_accepted_offer_is_its_interactions(desk: Desk) -> None:
    desk.agent("anna", capacity=2)
    desk.accept(desk.ask("1", weight=2))
    slot = desk.story.rows.get(Slot, f"anna\x1f{HOME}.1")
    assert slot == Slot(agent_id="anna", weight=2)
