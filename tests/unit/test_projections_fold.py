"""The folds, event by event, without a database."""

from collections.abc import Callable

import pytest

from engine.interaction import events as e
from projections.reporting import fold
from projections.reporting.deliveries import is_settled, requested, settle
from projections.reporting.rows import FctDelivery, FctInteraction, FctTransition
from projections.values import moment
from tests.projection_log import Log, Person
from tests.projection_stories import (
    answered_automatically,
    asks_to_engage,
    liked_by_an_agent,
    not_answered_automatically,
    retweeted_automatically,
)
from tests.unit.folding import measured, waiting

MINUTE = 60


def folded(log: Log) -> tuple[FctInteraction, list[FctTransition]]:
    """The fact of the one interaction in a log, and its transitions."""
    transitions: list[FctTransition] = []
    deliveries: dict[str, FctDelivery] = {}
    for event, fact, first in measured(log):
        asked = requested(event, fact)
        if asked is not None:
            deliveries[asked.delivery_id] = asked
        elif is_settled(event):
            settle(event, deliveries[event.delivery_id], fact)
        made = fold.transition(event, fact, first=first)
        if made is not None:
            transitions.append(made)
    return fact, transitions


def test_first_response_is_from_the_platform_time_of_the_first_message_to_that_of_the_first_answer() -> None:
    log = Log()
    person = waiting(log)
    asked = person.at - 3 * MINUTE * 1000
    person.accepted("agent-1")
    person.posted(person.answer("agent-1", "Hi"), "agent-1", posted_at=asked + 400_000)
    person.answered("agent-1", "And more", first=False)
    fact, _ = folded(log)
    assert fact.first_response_seconds == 400
    assert fact.messages_out == 2


def test_business_time_is_that_of_the_answer_which_is_the_first_response() -> None:
    """An answer of before that comes later takes its place, with the time that it says itself."""
    log = Log()
    person = waiting(log)
    asked = person.at - 3 * MINUTE * 1000
    person.accepted("agent-1")
    for after, open_for in ((400_000, 90_500), (700_000, None), (300_000, 60_000)):
        person.tell(
            e.Replied, delivery_id=person.answer("agent-1", "Hi"), agent_id="agent-1", posted_at=asked + after,
            first_response=False, settled_by="outcome", open_for=open_for,
        )  # fmt: skip
        fact, _ = folded(log)
        seconds = 60 if after == 300_000 else 90.5
        assert (fact.first_response_seconds, fact.first_response_open_seconds) == (min(after, 400_000) / 1000, seconds)


def test_a_notice_stops_no_first_response() -> None:
    log = Log()
    person = waiting(log)
    person.tell(
        e.NoticeRequested,
        delivery_id="n",
        closure="c",
        kind="closed",
        template="closed",
        language="en",
        visibility="public",
        in_reply_to="1",
        content_id=f"{person.home}:r:n",
        words=b"",
    )
    person.tell(e.NoticePosted, delivery_id="n", item_id="9", posted_at=person.at)
    fact, _ = folded(log)
    assert fact.first_response_at is None
    assert (fact.notices_requested, fact.notices_posted, fact.messages_out) == (1, 1, 0)


@pytest.mark.parametrize("story", [answered_automatically, retweeted_automatically, liked_by_an_agent])
def test_neither_an_automatic_answer_nor_a_like_stops_the_first_response(story: Callable[[Log], Person]) -> None:
    log = Log()
    story(log)
    fact, _ = folded(log)
    assert fact.first_response_at is None
    assert fact.messages_out == 0


def test_a_persons_answer_after_an_automatic_one_is_the_first_response() -> None:
    log = Log()
    person = not_answered_automatically(log)
    person.accepted("agent-1")
    person.answered("agent-1", "Hi")
    fact, _ = folded(log)
    assert fact.first_response_by == "agent"
    assert (fact.answers_requested, fact.answers_posted, fact.answers_failed) == (1, 0, 1)


def test_an_engagement_given_up_that_turns_out_to_be_made_counts_as_made_only() -> None:
    log = Log()
    person = waiting(log)
    delivery = asks_to_engage(person, "retweet", filter="praise")
    person.tell(e.ReplyAbandoned, delivery_id=delivery, reason="undecided")
    assert folded(log)[0].engagements_failed == 1
    person.tell(e.Engaged, delivery_id=delivery, engagement="retweet", item_id="1", done_at=person.at)
    fact, _ = folded(log)
    assert (fact.engagements_failed, fact.retweets, fact.engagements_automatic) == (0, 1, 1)


def test_the_target_is_that_of_the_queue_that_it_came_to_first() -> None:
    log = Log()
    person = Person(log)
    person.writes("Hello")
    person.resolved()
    person.queued(answer_by=5_000)
    person.accepted("agent-1")
    person.queued("other", "transferred", answer_by=9_000)
    fact, _ = folded(log)
    assert fact.answer_by == moment(5_000)


def test_who_ended_it_is_told_for_rules_too() -> None:
    log = Log()
    answered_automatically(log)
    fact, _ = folded(log)
    assert (fact.disposition, fact.dispositioned_by, fact.ended_by) == ("answered", None, "policy")


def test_an_answer_made_on_the_platform_counts_as_the_first_response() -> None:
    log = Log()
    person = waiting(log)
    answered = person.at + 30_000
    person.tell(
        e.RepliedElsewhere,
        item_id="9",
        in_reply_to="1",
        posted_at=answered,
        first_response=True,
        content_id=f"{person.home}:o:9",
        words=b"",
    )
    fact, _ = folded(log)
    assert fact.first_response_by == "elsewhere"
    assert fact.first_response_seconds == 3 * MINUTE + 30


def test_a_message_that_comes_late_but_was_posted_earlier_is_the_first() -> None:
    log = Log()
    person = waiting(log)
    person.accepted("agent-1")
    person.answered("agent-1", "Hi")
    before, _ = folded(log)
    assert before.first_response_seconds is not None
    person.writes(
        "Lost on the way", joined="thread", posted_at=int(before.first_message_at.timestamp() * 1000) - 10_000
    )
    after, _ = folded(log)
    assert after.first_response_seconds == before.first_response_seconds + 10


def test_each_transition_says_how_long_the_state_before_it_lasted() -> None:
    log = Log()
    person = waiting(log)
    person.accepted("agent-1")
    person.answered("agent-1", "Hi")
    person.tell(e.Dispositioned, code="resolved", agent_id="agent-1")
    _, transitions = folded(log)
    assert [(made.from_state, made.to_state, made.seconds_in_from_state) for made in transitions] == [
        (None, "received", None),
        ("received", "contact_resolved", 2 * MINUTE),
        ("contact_resolved", "queued", MINUTE),
        ("queued", "assigned", MINUTE),
        ("assigned", "replied", 3 * MINUTE),
        ("replied", "dispositioned", MINUTE),
    ]


def test_an_offer_that_was_not_accepted_is_counted_and_is_a_transition() -> None:
    log = Log()
    person = waiting(log)
    reservation = person.offered("agent-9")
    person.tell(e.QueuedAgain, request_id="r", reservation_id=reservation, agent_id="agent-9", why="expired")
    fact, transitions = folded(log)
    assert (fact.offers, fact.offers_expired, fact.offers_declined) == (1, 1, 0)
    assert (transitions[-1].from_state, transitions[-1].to_state) == ("assigned", "queued")
    assert transitions[-1].agent_id == "agent-9"


def test_an_answer_given_up_that_turns_out_to_be_posted_counts_as_posted_only() -> None:
    log = Log()
    person = waiting(log)
    person.accepted("agent-1")
    delivery = person.answer("agent-1", "Hi")
    person.tell(e.ReplyAbandoned, delivery_id=delivery, reason="undecided")
    assert folded(log)[0].replies_abandoned == 1
    person.posted(delivery, "agent-1")
    fact, _ = folded(log)
    assert (fact.replies_requested, fact.replies_abandoned, fact.messages_out) == (1, 0, 1)


def test_an_answer_that_settles_after_the_end_changes_no_state() -> None:
    log = Log()
    person = waiting(log)
    person.accepted("agent-1")
    delivery = person.answer("agent-1", "Hi")
    person.tell(e.Dispositioned, code="resolved", agent_id="agent-1")
    person.posted(delivery, "agent-1")
    fact, transitions = folded(log)
    assert fact.state == "dispositioned"
    assert transitions[-1].event_type == "Dispositioned"
    assert fact.messages_out == 1


def test_a_filtered_interaction_is_marked() -> None:
    log = Log()
    person = Person(log)
    person.writes("Buy followers", action="ignore", filter="spam")
    person.tell(e.FilteredOut, filter="spam", contact_id=None)
    person.tell(e.Dispositioned, code="filtered_out", contact_id=None)
    fact, _ = folded(log)
    assert fact.filtered
    assert fact.contact_id is None
    assert fact.disposition == "filtered_out"
