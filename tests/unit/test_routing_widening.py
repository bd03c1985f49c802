"""Who is asked first, how long that is waited for, and when fewer skills are enough."""

from typing import Any

import pytest

from engine.bookkeeping import Timer
from engine.routing import commands as c
from engine.routing import events as e
from engine.routing.state import Agent, Bucket, Ready, Request
from engine.testing import Told
from tests.unit.builders import HOUR, MINUTE, MONDAY, SECOND, only
from tests.unit.routing_desk import Desk, offers


@pytest.fixture
def desk() -> Desk:
    return Desk()


def ask_for(desk: Desk, name: str, preferred: str, *skills: str, wait: int = MINUTE, **more: Any) -> Told:
    """An interaction whose contact was served by this agent last."""
    until = desk.story.now + 1 + wait
    return desk.ask(name, *skills, preferred=preferred, preferred_until=until, **more)


def busy(desk: Desk, name: str, *skills: str, groups: tuple[str, ...] = ()) -> None:
    """An agent who is ready and has no room."""
    desk.agent(name, *skills, groups=groups)
    desk.take(f"of-{name}", name)


def widened(told: Told) -> list[tuple[str, str]]:
    return [(event.request_id, event.why) for event in told.events if isinstance(event, e.RequestWidened)]


def timers(desk: Desk) -> list[str]:
    return [row_id for row_id, row in desk.story.rows.all() if isinstance(row, Timer)]


def test_who_served_the_contact_last_is_asked_first(desk: Desk) -> None:
    desk.agent("anna")
    desk.agent("ben", capacity=2)
    desk.take("9", "ben")
    told = ask_for(desk, "1", "ben")
    assert (told.names, offers(told)) == (["RequestQueued", "Reserved"], [("1", "ben")])
    assert timers(desk) == []


def test_it_waits_for_that_agent_alone_who_is_busy_or_away(desk: Desk) -> None:
    desk.agent("anna")
    busy(desk, "ben")
    desk.agent("cleo", ready=False)
    desk.state("cleo", "away")
    assert ask_for(desk, "1", "ben").names == ["RequestQueued"]
    assert ask_for(desk, "2", "cleo").names == ["RequestQueued"]
    assert offers(desk.agent("dora", capacity=9)) == []
    assert offers(desk.finish("of-ben", "ben")) == [("1", "ben")]
    assert offers(desk.state("cleo", "ready")) == [("2", "cleo")]
    assert timers(desk) == []


def test_after_that_time_anybody_may_have_it(desk: Desk) -> None:
    desk.agent("anna")
    busy(desk, "ben")
    ask_for(desk, "1", "ben", wait=MINUTE)
    assert desk.pass_time(MINUTE - 1).events == []
    told = desk.pass_time(1)
    assert (told.names, widened(told)) == (["RequestWidened", "Reserved"], [("1", "preferred_over")])
    assert offers(told) == [("1", "anna")]


def test_it_keeps_its_wait_when_anybody_may_have_it(desk: Desk) -> None:
    busy(desk, "ben")
    ask_for(desk, "1", "ben")
    desk.ask("2", waiting_since=desk.story.now + SECOND)
    desk.pass_time(HOUR)
    assert offers(desk.agent("anna", capacity=2)) == [("1", "anna"), ("2", "anna")]


@pytest.mark.parametrize("who", ["offline", "unknown", "unskilled", "of another group", "too small"])
def test_nobody_waits_for_who_is_not_there_or_can_not_have_it(desk: Desk, who: str) -> None:
    desk.agent("anna", "x", groups=("gold",), capacity=2)
    match who:
        case "offline":
            desk.agent("ben", "x", groups=("gold",), capacity=2, ready=False)
        case "unskilled":
            desk.agent("ben", groups=("gold",), capacity=2)
        case "of another group":
            desk.agent("ben", "x", groups=("silver",), capacity=2)
        case "too small":
            desk.agent("ben", "x", groups=("gold",), capacity=1)
    told = ask_for(desk, "1", "ben", "x", group="gold", weight=2)
    assert offers(told) == [("1", "anna")]
    queued = only(told, e.RequestQueued)
    assert (queued.preferred, queued.preferred_until) == (None, None)


def test_nobody_waits_without_a_time_or_when_it_is_over(desk: Desk) -> None:
    desk.agent("anna", capacity=2)
    busy(desk, "ben")
    assert offers(desk.ask("1", preferred="ben")) == [("1", "anna")]
    assert offers(desk.ask("2", preferred="ben", preferred_until=MONDAY - 1)) == [("2", "anna")]


def test_who_has_room_is_asked_even_if_nobody_would_wait(desk: Desk) -> None:
    desk.agent("anna")
    desk.agent("ben")
    told = desk.ask("1", preferred="ben")
    assert offers(told) == [("1", "ben")]
    assert widened(desk.end(told, "declined")) == [("1", "preferred_over")]


def test_what_waits_for_an_agent_who_goes_offline_goes_to_all_the_longest_wait_first(desk: Desk) -> None:
    busy(desk, "ben")
    ask_for(desk, "2", "ben", waiting_since=MONDAY - 1)
    ask_for(desk, "1", "ben", waiting_since=MONDAY - 2)
    ask_for(desk, "3", "ben", priority=1)
    desk.ask("4", agent="ben")
    desk.agent("anna", capacity=9)
    told = desk.state("ben", "offline")
    assert widened(told) == [("3", "preferred_over"), ("1", "preferred_over"), ("2", "preferred_over")]
    assert offers(told) == [("3", "anna"), ("1", "anna"), ("2", "anna")]
    assert timers(desk) == []


def test_what_waits_for_an_agent_who_only_pauses_goes_on_waiting(desk: Desk) -> None:
    desk.agent("anna")
    busy(desk, "ben")
    ask_for(desk, "1", "ben")
    assert desk.state("ben", "away").names == ["AgentStateChanged"]
    assert widened(desk.pass_time(MINUTE)) == [("1", "preferred_over")]


def test_what_waits_for_an_agent_who_lost_the_skill_goes_to_all(desk: Desk) -> None:
    desk.agent("anna", "x")
    busy(desk, "ben", "x")
    ask_for(desk, "1", "ben", "x")
    assert offers(desk.agent("ben", ready=False)) == [("1", "anna")]


@pytest.mark.parametrize("why", ["declined", "expired", "agent_gone"])
def test_what_that_agent_does_not_accept_goes_to_all_at_once(desk: Desk, why: str) -> None:
    desk.agent("ben")
    first = ask_for(desk, "1", "ben")
    desk.agent("anna")
    if why == "agent_gone":
        desk.state("ben", "offline")
    told = desk.end(first, why)
    assert (widened(told), offers(told)) == ([("1", "preferred_over")], [("1", "anna")])
    assert timers(desk) == []


def test_what_is_given_to_one_agent_waits_for_nobody_else(desk: Desk) -> None:
    """A transfer to an agent is no preference: it waits until it expires, whoever is offline."""
    desk.agent("anna", "x")
    desk.agent("ben", ready=False)
    told = desk.ask("1", "x", agent="ben", preferred="anna", preferred_until=MONDAY + HOUR, relax_at=MONDAY + MINUTE)
    assert (told.names, timers(desk)) == (["RequestQueued"], [])
    assert desk.pass_time(HOUR).events == []
    desk.state("ben", "away")
    assert widened(desk.state("ben", "offline")) == []
    assert offers(desk.state("ben", "ready")) == [("1", "ben")]


def test_after_a_wait_fewer_skills_are_enough(desk: Desk) -> None:
    desk.agent("anna", "x")
    told = desk.ask("1", "x", "y", relax_at=MONDAY + MINUTE, relaxed_skills=["x"], waiting_since=MONDAY - 9)
    assert offers(told) == []
    assert desk.story.advance(MONDAY + MINUTE - 1).events == []
    told = desk.story.advance(MONDAY + MINUTE)
    assert (told.names, widened(told), offers(told)) == (
        ["RequestWidened", "Reserved"],
        [("1", "relaxed")],
        [("1", "anna")],
    )
    assert only(told, e.RequestWidened).skills == ["x"]
    assert only(told, e.Reserved).waited == MINUTE + 9
    assert timers(desk) == []


def test_with_fewer_skills_it_still_wants_its_group_and_keeps_its_place(desk: Desk) -> None:
    desk.ask("1", "x", group="gold", relax_at=MONDAY + MINUTE, waiting_since=MONDAY - 9)
    desk.ask("2", group="gold", waiting_since=MONDAY - 5)
    desk.pass_time(HOUR)
    assert offers(desk.agent("anna", capacity=2)) == []
    assert offers(desk.agent("ben", groups=("gold",), capacity=2)) == [("1", "ben"), ("2", "ben")]


def test_skills_that_stay_the_same_are_no_deadline(desk: Desk) -> None:
    desk.ask("1", "x", "y", relax_at=MONDAY + MINUTE, relaxed_skills=["y", "x"])
    assert timers(desk) == []
    assert desk.pass_time(HOUR).events == []


def test_what_comes_into_line_or_back_after_its_time_is_relaxed_at_once(desk: Desk) -> None:
    desk.agent("anna")
    late = desk.ask("1", "x", relax_at=MONDAY)
    assert (widened(late), offers(late)) == ([("1", "relaxed")], [("1", "anna")])
    desk.agent("ben", "x")
    second = desk.ask("2", "x", relax_at=MONDAY + MINUTE)
    assert offers(second) == [("2", "ben")]
    assert timers(desk) == []
    assert desk.pass_time(HOUR).events == []
    desk.agent("cleo")
    back = desk.end(second, "expired")
    assert (widened(back), offers(back)) == ([("2", "relaxed")], [("2", "cleo")])


def test_an_offer_that_comes_back_before_its_time_waits_for_it(desk: Desk) -> None:
    desk.agent("anna", "x")
    first = desk.ask("1", "x", relax_at=MONDAY + MINUTE)
    desk.agent("ben")
    assert offers(desk.end(first, "declined")) == []
    assert timers(desk) == ["relax:1"]
    assert offers(desk.story.advance(MONDAY + MINUTE)) == [("1", "ben")]


@pytest.mark.parametrize("relaxed_first", [True, False])
def test_both_waits_go_on_beside_each_other(desk: Desk, relaxed_first: bool) -> None:
    busy(desk, "ben", "x")
    desk.agent("anna")
    relax, prefer = (MINUTE, HOUR) if relaxed_first else (HOUR, MINUTE)
    ask_for(desk, "1", "ben", "x", wait=prefer, relax_at=MONDAY + relax)
    order = ["relaxed", "preferred_over"] if relaxed_first else ["preferred_over", "relaxed"]
    assert [why for _, why in widened(desk.pass_time(2 * MINUTE))] == order[:1]
    assert offers(told := desk.pass_time(2 * HOUR)) == [("1", "anna")]
    assert [why for _, why in widened(told)] == order[1:]


def test_what_is_withdrawn_leaves_no_deadline_and_no_line(desk: Desk) -> None:
    busy(desk, "ben", "x")
    ask_for(desk, "1", "ben", "x", relax_at=MONDAY + HOUR)
    assert timers(desk) == ["prefer:1", "relax:1"]
    desk.when(c.WithdrawRequest, request_id="1")
    kinds = {type(row) for _, row in desk.story.rows.all()}
    assert not kinds & {Timer, Request, Bucket}
    assert {Agent, Ready} <= kinds
