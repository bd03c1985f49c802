"""Worlds: the same for the same policy, and for another one other only where the policy makes them so."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.interaction import commands as c
from engine.interaction import contact_events as ce
from engine.interaction import events as e
from engine.policy.document import Policy, Queue
from engine.policy.rules import encode
from engine.routing import events as r
from rejoinder.whatif.behaviour import ANSWERED, ASKED, OFFERED
from rejoinder.whatif.facts import CONTROL
from rejoinder.whatif.samples import Action, Sample
from rejoinder.whatif.simulating import Wanted, candidate_of
from rejoinder.whatif.words import Recalling, mark, mark_of
from tests.unit.builders import DAY, HOUR, MINUTE, SECOND, account, office, policy
from tests.unit.whatif_history import SINCE, USUAL, Past, Played

HOMES = tuple(f"{letter * 32}" for letter in "abcdef")
TEXTS = ("My phone is dead", "I want a refund", "thanks", "casino", "no signal here")
SHORTER = office(hours="Mo-Fr 11:00-18:00")
"""An hour less; the time begins on a Monday at ten."""


def busy(past: Past, messages: list[tuple[int, int, int]]) -> Past:
    for number, (author, minute, text) in enumerate(messages):
        past.message(HOMES[author], f"item{number}", SINCE + minute * MINUTE, text=TEXTS[text])
    return past


MESSAGES = st.lists(
    st.tuples(st.integers(0, len(HOMES) - 1), st.integers(0, 20 * 60), st.integers(0, len(TEXTS) - 1)), max_size=25
)


@settings(max_examples=40)
@given(MESSAGES, st.integers())
def test_the_same_policy_gives_the_same_world_event_for_event(messages: list[tuple[int, int, int]], seed: int) -> None:
    past = busy(Past(policy(office())), messages)
    past.agent("anna", capacity=2, skills=["billing"])
    past.agent("ben")
    baseline, candidate = past.worlds(policy(office()), seed)
    assert baseline.events == candidate.events
    assert baseline.world.dead == candidate.world.dead


def two_companies(hours: str) -> Policy:
    """Two accounts whose queues have agents of their own."""
    queues = Queue(name="care"), Queue(name="workshop", pool="second")
    return policy(office(), office("200", queue="workshop", hours=hours), queues=queues)


@settings(max_examples=40)
@given(MESSAGES, st.integers())
def test_whom_the_policy_does_not_concern_lives_as_before(messages: list[tuple[int, int, int]], seed: int) -> None:
    past = Past(two_companies("Mo-Fr 09:00-18:00"))
    for number, (author, minute, text) in enumerate(messages):
        accounts = ["100"] if author % 2 else ["200"]
        at = SINCE + minute * MINUTE
        past.message(HOMES[author], f"item{number}", at, text=TEXTS[text], accounts=accounts)
    past.agent("anna")
    past.agent("ben", pool="second")
    baseline, candidate = past.worlds(two_companies("Mo-Fr 13:00-14:00"), seed)
    for author, key in enumerate(HOMES):
        if author % 2:
            assert baseline.on(key) == candidate.on(key)
    assert baseline.on("main") == candidate.on("main")
    concerned = {author for author, minute, text in messages if author % 2 == 0 and minute < 60 and text != 3}
    if concerned:
        assert any(baseline.on(HOMES[author]) != candidate.on(HOMES[author]) for author in concerned)


def test_shorter_hours_send_more_notices_and_people_wait_longer() -> None:
    past = busy(Past(policy(office())), [(author, 5 * author, 0) for author in range(6)])
    past.agent("anna", capacity=9)
    baseline, candidate = past.worlds(policy(SHORTER))
    assert len(baseline.of(e.NoticePosted)) == 0
    assert len(candidate.of(e.NoticePosted)) == 6
    assert len(baseline.of(e.Replied)) == len(candidate.of(e.Replied)) == 6
    first = {one.interaction_id: one.posted_at for one in baseline.of(e.Replied)}
    assert all(one.posted_at > first[one.interaction_id] for one in candidate.of(e.Replied))


def test_another_seed_has_other_chances_and_the_same_one_the_same() -> None:
    past = busy(Past(), [(author, author, 0) for author in range(6)])
    past.agent("anna", capacity=9)
    once, again, other = past.world(1), past.world(1), past.world(2)
    assert once.events == again.events
    assert once.events != other.events
    assert _items(once) == _items(other)


def _items(played: Played) -> list[str]:
    return [one.item_id for one in played.of(e.MessageReceived)]


def test_an_interaction_is_accepted_answered_and_ended_after_the_times_that_were_seen() -> None:
    past = Past(seen={
        OFFERED: [Sample(7 * SECOND, Action("accept"))],
        ASKED: [Sample(2 * MINUTE, Action("reply"))],
        ANSWERED: [Sample(3 * MINUTE, Action("end", "no_answer_needed"))],
        "posted": [Sample(4 * SECOND, Action("post"))],
    })  # fmt: skip
    past.agent("anna")
    past.message(HOMES[0], "item", SINCE + HOUR)
    played = past.world()
    (accepted,), (asked,), (replied,), (ended,) = (
        played.of(kind) for kind in (e.Accepted, e.ReplyRequested, e.Replied, e.Dispositioned)
    )
    assert accepted.occurred_at == SINCE + HOUR + 7 * SECOND
    assert asked.occurred_at == accepted.occurred_at + 2 * MINUTE
    assert replied.posted_at == asked.occurred_at + 4 * SECOND
    assert (ended.occurred_at, ended.code) == (replied.posted_at + 3 * MINUTE, "no_answer_needed")
    assert played.world.dead == Counter()
    assert played.failed == {}


def test_who_writes_again_before_the_end_is_answered_again() -> None:
    past = Past(seen=USUAL | {ANSWERED: [Sample(HOUR, Action("end", "resolved"))]})
    past.agent("anna")
    past.message(HOMES[0], "one", SINCE)
    past.message(HOMES[0], "two", SINCE + 40 * MINUTE, in_reply_to="one")
    played = past.world()
    assert len(played.of(e.Replied)) == 2
    (ended,) = played.of(e.Dispositioned)
    assert ended.occurred_at > SINCE + 40 * MINUTE + HOUR


def test_who_has_answered_waits_while_the_customer_has_more_to_say() -> None:
    past = Past(seen=USUAL | {ANSWERED: [Sample(MINUTE, Action("end", "resolved"))]})
    past.agent("anna")
    past.message(HOMES[0], "one", SINCE)
    past.message(HOMES[0], "two", SINCE + 5 * HOUR, in_reply_to="one")
    assert len(past.world().of(e.Dispositioned)) == 2
    for received in past.world().of(e.MessageReceived):
        past.matters.note(replace(received, interaction_id=f"{HOMES[0]}.1", joined="opened"))
    played = past.world()
    assert len(played.of(e.Replied)) == 2
    (ended,) = played.of(e.Dispositioned)
    assert ended.occurred_at > SINCE + 5 * HOUR


def test_nobody_works_after_hours_and_goes_on_when_they_are_back() -> None:
    past = Past(seen=USUAL | {ASKED: [Sample(30 * MINUTE, Action("reply"))]}, until=SINCE + 2 * DAY)
    past.agent("anna")
    past.message(HOMES[0], "item", SINCE)
    past.state("anna", "offline", SINCE + 10 * MINUTE)
    past.state("anna", "ready", SINCE + DAY)
    (asked,) = past.world().of(e.ReplyRequested)
    assert SINCE + DAY + 20 * MINUTE < asked.occurred_at < SINCE + DAY + 21 * MINUTE


def test_an_offer_that_expires_sends_the_agent_away_for_as_long_as_was_seen() -> None:
    past = Past(seen=USUAL | {OFFERED: [Sample(60 * SECOND, None)]}, until=SINCE + 3 * HOUR)
    past.agent("anna")
    past.message(HOMES[0], "item", SINCE)
    played = past.world()
    states = [(one.agent_state, one.why) for one in played.of(r.AgentStateChanged)]
    assert states[:3] == [("ready", "asked"), ("away", "not_accepted_in_time"), ("ready", "asked")]
    away, back = (one.occurred_at for one in played.of(r.AgentStateChanged)[1:3])
    assert back - away == 10 * MINUTE
    assert played.of(e.Accepted) == []


def test_more_agents_wait_less() -> None:
    past = busy(Past(), [(author, 0, 0) for author in range(6)])
    past.agent("anna")
    few = past.world()
    past.agent("ben", capacity=5)
    many = past.world()
    assert sum(one.waited for one in many.of(r.Reserved)) < sum(one.waited for one in few.of(r.Reserved))


def test_who_answers_our_answer_joins_by_the_name_that_the_platform_gave_it() -> None:
    past = Past(seen=USUAL | {ANSWERED: []})
    past.agent("anna")
    past.message(HOMES[0], "one", SINCE)
    past.message(HOMES[0], "two", SINCE + 20 * HOUR, in_reply_to="our answer")
    past.answers.items[f"{HOMES[0]}.1", "reply"].append("our answer")
    received = past.world().of(e.MessageReceived)
    assert [one.joined for one in received] == ["opened", "thread"]
    past.answers.items.clear()
    assert [one.joined for one in past.world().of(e.MessageReceived)] == ["opened", "recent"]


def test_who_followed_an_invitation_follows_the_one_of_this_world() -> None:
    page = policy(account(channel="facebook"), account(channel="messenger"))
    past = Past(page, seen=USUAL | {ASKED: [Sample(MINUTE, Action("private", "link"))]})
    past.agent("anna")
    past.message(HOMES[0], "comment", SINCE, channel="facebook", event="comment", thread="comment")
    followed = {"channel": "messenger", "event": "message", "visibility": "private", "ref": f"{HOMES[0]}.1.{'0' * 32}"}
    past.message(HOMES[1], "in private", SINCE + HOUR, **followed)
    played = past.world()
    assert played.of(ce.InvitationRefused) == []
    (linked,) = played.of(ce.HandleLinked)
    assert (linked.interaction_id, linked.handle_id, linked.how) == (f"{HOMES[0]}.1", HOMES[1], "ref")


def test_a_comment_that_was_answered_in_private_is_again() -> None:
    past = Past(policy(account(channel="facebook"), account(channel="messenger")))
    past.agent("anna")
    past.message(HOMES[0], "comment", SINCE, channel="facebook", event="comment", thread="comment")
    assert [one.action for one in past.world().of(e.ReplyRequested)] == ["reply"]
    past.answers.recipients[f"{HOMES[0]}.1"] = HOMES[1], "42"
    played = past.world()
    assert [one.action for one in played.of(e.ReplyRequested)] == ["private_answer"]
    assert [one.handle_id for one in played.of(ce.HandleLinked)] == [HOMES[1]]


def test_a_code_that_the_policy_has_no_more_is_its_first_and_is_told() -> None:
    past = Past(seen=USUAL | {ANSWERED: [Sample(MINUTE, Action("end", "no_answer_needed"))]})
    past.agent("anna")
    past.message(HOMES[0], "item", SINCE)
    baseline, candidate = past.worlds(policy(dispositions=("done",)))
    assert [one.code for one in baseline.of(e.Dispositioned)] == ["no_answer_needed"]
    assert [one.code for one in candidate.of(e.Dispositioned)] == ["done"]
    assert candidate.failed == {"end as no_answer_needed: unknown_code": 1}


@pytest.mark.parametrize(
    ("action", "told"),
    [
        (Action("transfer", "queue:gone"), "transfer: unknown_queue"),
        (Action("engage", "applause"), "engage: unknown_engagement"),
    ],
)
def test_what_cannot_be_done_is_an_answer_instead_and_is_told(action: Action, told: str) -> None:
    past = Past(seen=USUAL | {ASKED: [Sample(MINUTE, action)]})
    past.agent("anna")
    past.message(HOMES[0], "item", SINCE)
    played = past.world()
    assert played.failed == {told: 1}
    assert len(played.of(e.Replied)) == 1
    assert [one.code for one in played.of(e.Dispositioned)] == ["resolved"]


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        (Action("transfer", "queue:billing"), e.Transferred),
        (Action("engage", "like"), e.Engaged),
        (Action("private", "link"), e.MovedToPrivate),
        (Action("private", "message"), e.MovedToPrivate),
    ],
)
def test_each_other_act_is_done(action: Action, kind: type[Any]) -> None:
    past = Past(seen=USUAL | {ASKED: [Sample(MINUTE, action)]})
    past.agent("anna")
    past.message(HOMES[0], "item", SINCE)
    played = past.world()
    assert len(played.of(kind)) == 1
    assert played.failed == {}
    assert played.world.dead == Counter()


def test_what_is_held_by_an_account_that_the_candidate_drops_is_told() -> None:
    past = busy(Past(), [(0, 0, 0)])
    baseline, candidate = past.worlds(policy(account("200")))
    assert len(baseline.of(e.MessageReceived)) == 1
    assert (baseline.world.dead, candidate.world.dead) == (Counter(), Counter({"unknown_account": 1}))


def test_emergencies_happen_or_not() -> None:
    past = busy(Past(), [(0, 5, 0)])
    past.tell(CONTROL, c.ActivateEmergency(command_id="e", at=SINCE, account="x:100"), SINCE)
    with_it, _ = past.worlds(past.policy)
    without, _ = past.worlds(past.policy, emergencies=False)
    assert [one.kind for one in with_it.of(e.OutOfHours)] == ["emergency"]
    assert without.of(e.OutOfHours) == []


def test_policies_published_within_the_time_are_the_baselines_alone() -> None:
    past = busy(Past(policy(office())), [(0, 5, 0), (1, 70, 0)])
    document = encode(policy(office(hours="Mo-Fr 13:00-18:00")))
    past.tell(CONTROL, c.PublishPolicy(command_id="p", at=SINCE + HOUR, version=2, document=document), SINCE + HOUR)
    baseline, candidate = past.worlds(policy(office()))
    assert len(baseline.of(e.PolicyAdopted)) == 2
    assert len(candidate.of(e.PolicyAdopted)) == 1
    assert [one.interaction_id for one in baseline.of(e.NoticePosted)] == [f"{HOMES[1]}.1"]
    assert candidate.of(e.NoticePosted) == []
    facts = candidate_of(past.history(), Wanted(past.policy, SINCE)).facts
    assert [type(fact.command) for fact in facts] == [c.ReceiveMessage, c.ReceiveMessage]


def test_erased_words_are_judged_by_what_was_recorded() -> None:
    past = busy(Past(), [(0, 0, 1), (1, 0, 3), (2, 0, 2), (3, 0, 0)])
    recorded = {one.item_id: one for one in past.world().of(e.MessageReceived)}
    assert [one.filter for one in recorded.values()] == ["money", "spam", "thanks", None]
    past.erased = {mark_of(one): one for one in recorded.values()}
    past.facts = [
        replace_text(fact, mark("x", fact.command.item_id)) if isinstance(fact.command, c.ReceiveMessage) else fact
        for fact in past.facts
    ]
    again = past.world()
    assert [(one.filter, one.action) for one in again.of(e.MessageReceived)] == [
        (one.filter, one.action) for one in recorded.values()
    ]
    assert [one.queue for one in again.of(e.Queued)] == ["billing", "care", "care"]
    unknown = Recalling(1, policy(filters=()), past.erased)
    assert unknown.match(mark("x", "item0"), event="mention", account="x:100").filter is None
    assert not unknown.opts_out(mark("x", "item0"))
    stopped = replace(recorded["item0"], filter="~opt_out")
    assert Recalling(1, policy(), {mark_of(stopped): stopped}).opts_out(mark("x", "item0"))
    assert unknown.opts_out("stop")


def replace_text(fact: Any, text: str) -> Any:
    return type(fact)(fact.at, fact.topic, fact.key, replace(fact.command, text=text))
