"""Offers, acceptance, taking, answers, transfer and disposition."""

from typing import Any

import pytest

from engine.bookkeeping import Timer
from engine.decider import Duplicate, Refusal
from engine.delivery import Deliver
from engine.envelope import words_digest
from engine.interaction import commands as c
from engine.interaction import events as e
from engine.routing import commands as r
from engine.testing import Scenario, Told
from tests.unit.builders import (
    ACCOUNT,
    DAY,
    FIRST,
    HOME,
    HOUR,
    MINUTE,
    MONDAY,
    OFFICE,
    SALT,
    accepted,
    answering,
    by_agent,
    deletion,
    interaction,
    message,
    offered,
    only,
    outcome,
    own_post,
    queued,
    replied,
    reserve,
    rules,
    scenario,
    sent,
    state,
)


def refusal(told: Told) -> str:
    assert isinstance(told.verdict, Refusal)
    assert told.events == []
    return told.verdict.code


def lose(reservation: str = "r1", agent: str = "anna") -> c.LoseAgent:
    return c.LoseAgent(command_id="lose", at=MONDAY, interaction_id=FIRST, reservation_id=reservation, agent_id=agent)


def held() -> Scenario:
    """A held interaction, in the evening."""
    story = scenario(OFFICE, MONDAY + 12 * HOUR)
    story.when(message("m1", posted_at=story.now))
    return story


def test_a_reservation_offers_it_to_the_agent_until_the_policys_time() -> None:
    story = queued(scenario())
    told = story.when(reserve(story))
    assigned = only(told, e.Assigned)
    assert (assigned.agent_id, assigned.why, assigned.accept_by) == ("anna", "reserved", MONDAY + MINUTE)
    assert (state(story), interaction(story).accepted) == ("assigned", False)
    assert told.sent == []


def test_without_a_time_an_offer_stands() -> None:
    story = offered(scenario(rules(accept_within=None)))
    assert story.advance(MONDAY + DAY).events == []


@pytest.mark.parametrize("ended", ["taken", "elsewhere", "withdrawn", "offered"])
def test_a_reservation_that_comes_too_late_is_released_to_its_pool(ended: str) -> None:
    story = queued(scenario())
    late = reserve(story, "ben", "r9")
    commands: dict[str, Any] = {
        "taken": by_agent(c.Take), "elsewhere": own_post("o1", in_reply_to="m1"), "withdrawn": deletion("m1"),
        "offered": reserve(story),
    }  # fmt: skip
    story.when(commands[ended])
    late.pool = "another"
    told = story.when(late)
    released = only(told, e.ReservationReleased)
    assert (released.agent_id, released.why) == ("ben", state(story))
    (send,) = told.sent
    assert (send.topic, send.key) == ("routing.commands", "another")
    assert isinstance(send.record, r.EndReservation)
    assert (send.record.reservation_id, send.record.why) == ("r9", "released")


def test_a_reservation_for_an_earlier_request_is_released() -> None:
    story = queued(scenario())
    late = reserve(story, "ben", "r9")
    story.when(own_post("o1", in_reply_to="m1"))
    story.when(message("m2", in_reply_to="m1"))
    assert state(story) == "queued"
    assert story.when(late).names == ["ReservationReleased"]
    assert state(story) == "queued"


def test_an_offer_that_is_accepted_is_confirmed() -> None:
    story = offered(scenario())
    told = story.when(by_agent(c.Accept))
    assert told.names == ["Accepted"]
    (confirm,) = told.records("routing.commands")
    assert isinstance(confirm, r.ConfirmReservation)
    assert confirm.reservation_id == "r1"
    assert story.advance(MONDAY + HOUR).events == []
    assert story.when(by_agent(c.Accept)).verdict == Duplicate(FIRST)


def test_only_the_agent_who_was_offered_it_accepts_or_declines() -> None:
    for kind in (c.Accept, c.Decline):
        assert refusal(offered(scenario()).when(by_agent(kind, "ben"))) == "not_offered"
        assert refusal(queued(scenario()).when(by_agent(kind))) == "not_offered"
    assert refusal(accepted(scenario()).when(by_agent(c.Decline))) == "not_offered"


@pytest.mark.parametrize("why", ["declined", "expired", "agent_gone"])
def test_an_offer_in_vain_goes_back_with_the_same_request(why: str) -> None:
    story = offered(scenario())
    request = interaction(story).request_id
    told = {
        "declined": lambda: story.when(by_agent(c.Decline)),
        "expired": lambda: story.advance(MONDAY + MINUTE),
        "agent_gone": lambda: story.when(lose()),
    }[why]()
    again = only(told, e.QueuedAgain)
    assert (again.request_id, again.reservation_id, again.agent_id, again.why) == (request, "r1", "anna", why)
    assert told.names == ["QueuedAgain"]
    (end,) = told.records("routing.commands")
    assert isinstance(end, r.EndReservation)
    assert (end.reservation_id, end.why) == ("r1", why)
    assert (state(story), interaction(story).agent_id) == ("queued", None)
    assert [row.name for _, row in story.rows.all() if isinstance(row, Timer)] == ["expire"]
    assert story.when(reserve(story, "ben", "r2")).names == ["Assigned"]


def test_an_offer_expires_at_its_time_and_not_before() -> None:
    story = offered(scenario())
    assert story.advance(MONDAY + MINUTE - 1).events == []
    assert story.advance(MONDAY + MINUTE).names == ["QueuedAgain"]
    assert refusal(story.when(by_agent(c.Accept))) == "not_offered"


def test_who_accepted_keeps_it_though_routing_thinks_them_gone() -> None:
    story = accepted(scenario())
    assert story.when(lose()).events == []
    assert state(story) == "assigned"
    other = offered(scenario())
    assert other.when(lose("r0")).events == []


def test_an_agent_takes_what_waits_is_held_is_offered_or_was_answered_elsewhere() -> None:
    elsewhere = queued(scenario())
    elsewhere.when(own_post("o1", in_reply_to="m1"))
    stories: tuple[tuple[Scenario, list[str]], ...] = (
        (queued(scenario()), ["OccupySlot", "WithdrawRequest"]),
        (held(), []),
        (offered(scenario(), "ben"), ["OccupySlot", "EndReservation"]),
        (offered(scenario(), "anna"), ["OccupySlot", "EndReservation"]),
        (elsewhere, ["OccupySlot"]),
    )
    for story, routing in stories:
        told = story.when(by_agent(c.Take))
        assert told.names == ["Assigned"]
        assert (only(told, e.Assigned).why, only(told, e.Assigned).reservation_id) == ("taken", None)
        assert (state(story), interaction(story).agent_id, interaction(story).accepted) == ("assigned", "anna", True)
        assert sent(told, "routing.commands") == routing
        assert story.advance(story.now + 40 * DAY).events == []


def test_what_somebody_accepted_is_not_taken() -> None:
    story = accepted(scenario())
    assert refusal(story.when(by_agent(c.Take, "ben"))) == "taken"
    assert story.when(by_agent(c.Take, "anna")).verdict == Duplicate(FIRST)
    assert refusal(replied(scenario()).when(by_agent(c.Take, "ben"))) == "taken"


def test_a_supervisor_takes_over_and_the_agents_slot_is_free() -> None:
    story = accepted(scenario())
    told = story.when(by_agent(c.TakeOver, "boss"))
    assert only(told, e.Assigned).why == "taken_over"
    occupy, free = told.records("routing.commands")
    assert isinstance(occupy, r.OccupySlot)
    assert isinstance(free, r.FreeSlot)
    assert (occupy.agent_id, free.agent_id) == ("boss", "anna")
    assert refusal(story.when(by_agent(c.Reply))) == "not_assigned"


def test_only_a_supervisor_takes_over() -> None:
    assert refusal(accepted(scenario()).when(by_agent(c.TakeOver, "ben", actor_kind="agent"))) == "not_supervisor"


def test_what_ended_is_not_taken() -> None:
    story = accepted(scenario())
    story.when(by_agent(c.Disposition))
    for kind in (c.Take, c.TakeOver):
        assert refusal(story.when(by_agent(kind, "ben"))) == "not_open"


def test_an_answer_of_the_agent_goes_to_the_account_that_received_the_message() -> None:
    story = accepted(scenario())
    told = story.when(by_agent(c.Reply, text="Try   this"))
    requested = only(told, e.ReplyRequested)
    assert (requested.agent_id, requested.in_reply_to, requested.state) == ("anna", "m1", "assigned")
    assert requested.words == words_digest(SALT, "Try   this")
    (deliver,) = told.records("delivery.commands")
    assert isinstance(deliver, Deliver)
    assert (deliver.kind, deliver.text, deliver.account, deliver.in_reply_to) == ("reply", "Try   this", ACCOUNT, "m1")
    content = [(send.key, send.record) for send in told.sent if send.topic == "interaction.content"]
    assert content == [(f"{HOME}:r:{requested.delivery_id}", e.Words(text="Try   this", salt=SALT))]


def test_an_answer_goes_to_the_message_named_else_to_the_latest() -> None:
    story = accepted(scenario())
    story.when(message("m2", in_reply_to="m1"))
    assert only(story.when(by_agent(c.Reply)), e.ReplyRequested).in_reply_to == "m2"
    assert only(story.when(by_agent(c.Reply, in_reply_to="m1")), e.ReplyRequested).in_reply_to == "m1"


def test_only_the_agent_who_accepted_answers_transfers_or_ends() -> None:
    for kind, more in ((c.Reply, {}), (c.Disposition, {}), (c.Transfer, {"to_queue": "billing"})):
        assert refusal(queued(scenario()).when(by_agent(kind, **more))) == "not_assigned"
        assert refusal(offered(scenario()).when(by_agent(kind, **more))) == "not_accepted"
        assert refusal(accepted(scenario()).when(by_agent(kind, "ben", **more))) == "not_assigned"
        ended = accepted(scenario())
        ended.when(by_agent(c.Disposition))
        assert refusal(ended.when(by_agent(kind, **more))) == "not_assigned"


@pytest.mark.parametrize("kind", [c.Accept, c.Decline, c.Take, c.TakeOver, c.Reply, c.Transfer, c.Disposition])
def test_an_interaction_that_never_was_is_refused(kind: type[Any]) -> None:
    assert refusal(scenario().when(by_agent(kind))) == "unknown_interaction"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("a" * 281, "too_long"),
        ("日" * 141, "too_long"),
        ("a" * 280, None),
        ("日" * 140, None),
        ("a" * 256 + " https://example.com/" + "long" * 40, None),
        ("a" * 257 + " https://example.com/x", "too_long"),
    ],
)
def test_an_answer_has_a_text_that_fits_as_x_counts(text: str, code: str | None) -> None:
    told = accepted(scenario()).when(by_agent(c.Reply, text=text))
    if code is None:
        assert told.names == ["ReplyRequested"]
    else:
        assert refusal(told) == code


def test_the_reason_of_a_refusal_holds_none_of_the_words() -> None:
    told = accepted(scenario()).when(by_agent(c.Reply, text="hushhush " * 100))
    assert isinstance(told.verdict, Refusal)
    assert "hush" not in told.verdict.reason
    assert "280 fit" in told.verdict.reason


def test_only_a_message_of_the_customer_in_this_interaction_is_answered() -> None:
    story = accepted(scenario())
    story.when(message("m2"))
    story.when(own_post("o1", in_reply_to="m1"))
    for item in ("nothing", "m2", "o1"):
        assert refusal(story.when(by_agent(c.Reply, in_reply_to=item))) == "unknown_item"


def test_a_message_that_was_deleted_is_not_answered() -> None:
    story = accepted(scenario())
    story.when(deletion("m1"))
    assert refusal(story.when(by_agent(c.Reply))) == "deleted_item"


def test_a_public_post_on_x_is_answered_in_private_by_a_direct_message() -> None:
    told = accepted(scenario()).when(by_agent(c.Reply, visibility="private"))
    asked = only(told, e.ReplyRequested)
    assert (asked.action, asked.visibility, asked.recipient_handle) == ("message", "private", HOME)
    (deliver,) = told.records("delivery.commands")
    assert isinstance(deliver, Deliver)
    assert (deliver.channel, deliver.action, deliver.recipient) == ("x", "message", "42")


def test_the_same_answer_asked_twice_is_sent_once() -> None:
    story = accepted(scenario())
    reply = by_agent(c.Reply)
    assert story.when(reply).names == ["ReplyRequested"]
    assert (story.when(reply).events, story.when(reply).verdict) == ([], Duplicate(FIRST))


def test_a_transfer_to_a_queue_frees_the_agent_and_waits_there() -> None:
    story = accepted(scenario())
    told = story.when(by_agent(c.Transfer, to_queue="workshop", note="is broken", salt=SALT))
    assert told.names == ["Transferred", "Queued"]
    moved = only(told, e.Queued)
    assert (moved.queue, moved.pool, moved.agent, moved.why) == ("workshop", "second", None, "transferred")
    routing = [(send.key, type(send.record).__name__) for send in told.sent if send.topic == "routing.commands"]
    assert routing == [("main", "FreeSlot"), ("second", "RequestAgent")]
    transferred = only(told, e.Transferred)
    note = next(send for send in told.sent if send.topic == "interaction.content")
    assert (note.key, note.record) == (transferred.note_id, e.Words(text="is broken", salt=SALT))
    assert (state(story), interaction(story).agent_id) == ("queued", None)


def test_a_transfer_to_an_agent_is_kept_for_them_whatever_they_know() -> None:
    story = scenario()
    story.when(message("m1", text="refund"))
    story.when(by_agent(c.Take))
    moved = only(story.when(by_agent(c.Transfer, to_agent="ben")), e.Queued)
    assert (moved.queue, moved.agent, moved.skills, moved.group) == ("billing", "ben", [], None)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({}, "no_target"),
        ({"to_queue": "billing", "to_agent": "ben"}, "no_target"),
        ({"to_queue": "nowhere"}, "unknown_queue"),
    ],
)
def test_a_transfer_needs_one_target_that_exists(more: dict[str, str], code: str) -> None:
    assert refusal(accepted(scenario()).when(by_agent(c.Transfer, **more))) == code


def test_what_was_answered_can_be_transferred_too() -> None:
    assert replied(scenario()).when(by_agent(c.Transfer, to_queue="billing")).names == ["Transferred", "Queued"]


def test_a_disposition_needs_a_code_of_the_policy() -> None:
    story = accepted(scenario())
    told = story.when(by_agent(c.Disposition, code="expired"))
    assert refusal(told) == "unknown_code"
    assert isinstance(told.verdict, Refusal)
    assert "no_answer_needed, resolved" in told.verdict.reason


@pytest.mark.parametrize("begin", [accepted, replied])
def test_a_disposition_ends_it_and_frees_the_slot(begin: Any) -> None:
    story = begin(scenario())
    told = story.when(by_agent(c.Disposition))
    ended = only(told, e.Dispositioned)
    assert (ended.code, ended.agent_id, ended.state) == ("resolved", "anna", "dispositioned")
    assert sent(told, "routing.commands") == ["FreeSlot"]
    assert [row for _, row in story.rows.all() if isinstance(row, Timer)] == []


def test_an_answer_under_way_when_it_was_given_on_moves_nothing() -> None:
    story, delivery_id = answering(scenario())
    story.when(by_agent(c.Transfer, to_agent="ben"))
    assert only(story.when(outcome(delivery_id)), e.Replied).state == "queued"


def test_an_answer_under_way_does_not_take_it_from_whom_it_is_offered_to() -> None:
    story, delivery_id = answering(scenario())
    story.when(by_agent(c.Transfer, to_agent="ben"))
    story.when(reserve(story, "ben", "r2"))
    told = story.when(outcome(delivery_id))
    assert (only(told, e.Replied).state, only(told, e.Replied).first_response) == ("assigned", True)
    assert story.advance(MONDAY + MINUTE).names == ["QueuedAgain"]


def test_an_answer_of_another_does_not_make_it_answered_by_who_has_it_now() -> None:
    story, delivery_id = answering(scenario())
    story.when(by_agent(c.TakeOver, "boss"))
    assert only(story.when(outcome(delivery_id)), e.Replied).state == "assigned"
    assert interaction(story).agent_id == "boss"


def test_an_answer_under_way_when_it_ended_is_recorded() -> None:
    story, delivery_id = answering(scenario())
    story.when(by_agent(c.Disposition))
    assert only(story.when(outcome(delivery_id)), e.Replied).state == "dispositioned"
