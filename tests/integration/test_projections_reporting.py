"""The star schema and its measures."""

from collections.abc import Iterator
from typing import Any

import pytest

from engine.interaction import events as e
from engine.routing import events as routing
from projections.projector import connect
from projections.queries.reports import Asked, lines
from projections.records import ROUTING_EVENTS
from tests.projecting import Fed, answered
from tests.projection_log import Person
from tests.projection_stories import (
    all_stories,
    answered_automatically,
    given_to_a_group,
    liked_by_an_agent,
    mentions,
    moderated,
    moved_to_messenger,
    not_answered_automatically,
    retweeted_automatically,
)


@pytest.fixture
def fed(database: str) -> Iterator[Fed]:
    with connect(database) as opened:
        yield Fed(opened)


def test_no_words_lie_in_reporting_or_audit(fed: Fed) -> None:
    answered(fed.log, text="Pineapple")
    fed.feed()
    for schema in ("reporting_v1", "audit_v1"):
        for (table,) in fed.all(f"SELECT tablename FROM pg_tables WHERE schemaname = '{schema}'"):
            assert fed.one(f"SELECT count(*) FROM {schema}.{table} t WHERE t::text ILIKE '%pineapple%'") == 0


def test_agents_and_their_states_are_reported(fed: Fed) -> None:
    fed.log.append(
        ROUTING_EVENTS,
        "main",
        routing.AgentRegistered(agent_id="a", skills=["billing"], groups=[], capacity=2, occurred_at=1000),
    )
    for at, state in ((1000, "ready"), (61_000, "away")):
        changed = routing.AgentStateChanged(agent_id="a", agent_state=state, why="asked", occurred_at=at)
        fed.log.append(ROUTING_EVENTS, "main", changed)
    fed.feed()
    assert fed.all("SELECT state, seconds FROM reporting.fct_agent_state ORDER BY at") == [
        ("ready", 60),
        ("away", None),
    ]
    assert fed.one("SELECT pool, skills, capacity FROM reporting.dim_agent") == ("main", ["billing"], 2)


def test_offered_is_the_sum_of_its_parts(fed: Fed) -> None:
    answered(fed.log, 1)
    for number, code, agent in (
        (2, "expired", None),
        (3, "withdrawn", None),
        (4, "spam", "agent-1"),
        (5, "done", None),
    ):
        person = Person(fed.log, number)
        person.writes("Hello")
        person.resolved()
        person.queued()
        person.tell(e.Dispositioned, code=code, agent_id=agent)
    Person(fed.log, 6).writes("Still open")
    liked_by_an_agent(fed.log, 8)
    retweeted_automatically(fed.log, 9)
    answered_automatically(fed.log, 10)
    filtered = Person(fed.log, 7)
    filtered.writes("Spam", action="ignore", filter="spam")
    filtered.tell(e.FilteredOut, filter="spam", contact_id=None)
    filtered.tell(e.Dispositioned, code="filtered_out", contact_id=None)
    fed.feed()
    offered, *parts = fed.one(
        "SELECT sum(offered), sum(answered), sum(expired), sum(withdrawn), sum(closed_unanswered),"
        " sum(closed_automatically), sum(unanswered_open), sum(engaged_only) FROM reporting.by_day"
    )
    assert (offered, parts) == (9, [1, 1, 1, 1, 3, 1, 1])
    assert fed.one("SELECT sum(offered), sum(filtered) FROM reporting.by_quarter_hour") == (9, 1)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_happens_the_parts_make_the_whole(fed: Fed, seed: int) -> None:
    all_stories(fed.log, 24, seed)
    fed.feed()
    for view in ("by_day", "by_quarter_hour"):
        assert fed.one(
            "SELECT sum(offered - answered - engaged_only - closed_automatically - withdrawn - expired"
            f" - closed_unanswered - unanswered_open), sum(offered + filtered) FROM reporting.{view}"
        ) == (0, 24)
    assert fed.one("SELECT sum(interactions) FROM reporting.by_disposition WHERE width = 'day'") == fed.one(
        "SELECT count(*) FROM contact_history.interaction WHERE state = 'dispositioned'"
    )
    for view, kind in (("message", "kind IN ('reply', 'announcement', 'notice', 'answer')"), ("action", "true")):
        assert fed.one(f"SELECT count(*) FROM contact_history.{view} WHERE {kind}") == fed.one(
            "SELECT coalesce(sum(deliveries), 0) FROM reporting.by_delivery WHERE width = 'day' AND kind"
            f" {'NOT IN' if view == 'message' else 'IN'} ('engagement', 'moderation')"
        )


def test_what_rules_do_stops_no_first_response_and_is_counted_apart(fed: Fed) -> None:
    answered_automatically(fed.log, 1)
    retweeted_automatically(fed.log, 2)
    liked_by_an_agent(fed.log, 3)
    not_answered_automatically(fed.log, 4)
    fed.feed()
    assert fed.one(
        "SELECT sum(first_responses), sum(messages_out), sum(answers_posted), sum(retweets), sum(likes),"
        " sum(engagements_automatic), sum(deliveries_failed) FROM reporting.by_day"
    ) == (0, 0, 1, 1, 1, 1, 1)
    assert fed.all(
        "SELECT disposition, dispositioned_by, ended_by, outcome FROM reporting.fct_interaction ORDER BY 1"
    ) == [
        ("answered", None, "policy", "closed_automatically"),
        ("engaged", None, "policy", "closed_automatically"),
        ("praise", "agent-1", "agent", "engaged_only"),
        (None, None, None, "open"),
    ]


def test_a_person_who_answers_what_a_rule_answered_before_is_the_first_response(fed: Fed) -> None:
    person = not_answered_automatically(fed.log)
    person.accepted("agent-1")
    person.answered("agent-1", "Hello")
    fed.feed()
    assert fed.one("SELECT outcome, first_response_by FROM reporting.fct_interaction") == ("answered", "agent")


def test_moves_sessions_transfers_and_moderations_are_counted(fed: Fed) -> None:
    moved_to_messenger(fed.log, 1)
    given_to_a_group(fed.log, 2)
    moderated(fed.log, 3)
    fed.feed()
    assert fed.one(
        "SELECT count(moved_to_private_at), sum(sessions), sum(transfers), sum(transfers_to_group), sum(moderations)"
        " FROM reporting.fct_interaction"
    ) == (1, 1, 1, 1, 2)
    assert fed.all(
        "SELECT kind, action, outcome, deliveries FROM reporting.by_delivery WHERE width = 'day' ORDER BY 1, 2"
    ) == [
        ("moderation", "delete", "posted", 1),
        ("moderation", "hide", "posted", 1),
        ("reply", "message", "posted", 1),
        ("reply", "private_answer", "posted", 1),
        ("reply", "reply", "posted", 2),
    ]


def test_the_service_level_is_of_those_whose_target_counts(fed: Fed) -> None:
    """One met, one late, one never answered, one with time yet; rules' and customers' ends and other queues apart."""
    number = 0
    far = 32_503_680_000_000  # the year 3000: the target of what is open is compared with the clock

    def waiting(**facts: Any) -> Person:
        nonlocal number
        number += 1
        person = mentions(fed.log, number)
        person.queued(**{"answer_by": person.at + 600_000, **facts})
        return person

    for late in (0, 3_600_000):
        person = waiting()
        person.accepted("agent-1")
        person.posted(person.answer("agent-1", "Hi"), "agent-1", posted_at=person.at + late)
    waiting().tell(e.Dispositioned, code="spam", agent_id="agent-1")
    waiting(answer_by=far)
    waiting().tell(e.Dispositioned, code="withdrawn")
    waiting().tell(e.Dispositioned, code="idle", actor_kind="policy")
    waiting(answer_by=None)
    person = waiting(answer_by=None)
    person.accepted("agent-1")
    person.queued("other", "transferred", answer_by=person.at + 1)  # the first queue's target holds, and it had none
    fed.feed()
    found = lines(fed.connection, Asked(by=("queue",)))
    assert [(each["queue"], each["target_met"], each["target_missed"], each["target_running"]) for each in found] == [
        ("care", 1, 2, 1),
        ("other", 0, 0, 0),
    ]
    assert [each["service_level"] for each in found] == [pytest.approx(1 / 3), None]
