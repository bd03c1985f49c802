"""Closures hold interactions back, in their order, with one notice for each contact, account and closure."""

import pytest

from engine.bookkeeping import NEVER, Timer
from engine.decider import Send
from engine.delivery import Deliver
from engine.envelope import words_digest
from engine.interaction import commands as c
from engine.interaction import events as e
from engine.interaction.automatic import notice_salt
from engine.policy.document import SpecialDay
from engine.testing import Told
from tests.unit.builders import (
    ACCOUNT,
    DAY,
    FIRST,
    HOUR,
    MINUTE,
    MONDAY,
    OFFICE,
    OTHER_ACCOUNT,
    SALT,
    account,
    at,
    by_agent,
    deletion,
    interaction,
    message,
    office,
    only,
    outcome,
    own_post,
    queued,
    rules,
    scenario,
    sent,
    state,
)

EVENING = at("2026-03-02 20:00")
TUESDAY = at("2026-03-03 09:00")
FEAST = (SpecialDay(date="2026-03-02", name="Founders' day"),)


def words_sent(told: Told) -> list[str]:
    return [record.text for record in told.records("delivery.commands") if isinstance(record, Deliver)]


def test_closed_hours_hold_it_back_until_they_open_and_say_so() -> None:
    story = scenario(OFFICE, EVENING)
    told = story.when(message("m1", posted_at=EVENING))
    assert told.names == ["MessageReceived", "ContactCreated", "ContactResolved", "NoticeRequested", "OutOfHours"]
    held = only(told, e.OutOfHours)
    assert (held.kind, held.until, held.notice, held.state) == ("closed", TUESDAY, "requested", "out_of_hours")
    assert held.actor_kind == "policy"
    assert words_sent(told) == ["@jo We are closed."]
    assert sent(told, "routing.commands") == []


def test_when_it_opens_it_waits_for_an_agent() -> None:
    story = scenario(OFFICE, EVENING)
    story.when(message("m1", posted_at=EVENING))
    assert story.advance(TUESDAY - 1).events == []
    told = story.advance(TUESDAY)
    assert told.names == ["Queued"]
    assert only(told, e.Queued).why == "reopened"
    assert sent(told, "routing.commands") == ["RequestAgent"]
    assert [row for _, row in story.rows.all() if isinstance(row, Timer) and row.name == "closure"] == []


def test_closing_leaves_queued_ones_queued() -> None:
    story = queued(scenario(OFFICE))
    assert story.advance(EVENING).events == []
    assert story.when(message("m2", in_reply_to="m1", posted_at=EVENING)).names == ["MessageReceived"]
    assert state(story) == "queued"


@pytest.mark.parametrize(
    ("emergency", "days", "now", "kind"),
    [
        (True, FEAST, EVENING, "emergency"),
        (True, (), MONDAY, "emergency"),
        (False, FEAST, EVENING, "special_day"),
        (False, FEAST, MONDAY, "special_day"),
        (False, (), EVENING, "closed"),
    ],
)
def test_an_emergency_comes_before_a_special_day_before_the_hours(
    emergency: bool, days: tuple[SpecialDay, ...], now: int, kind: str
) -> None:
    story = scenario(rules(office(special_days=days)), now, **({"x100": "e1"} if emergency else {}))
    assert only(story.when(message("m1", posted_at=now)), e.OutOfHours).kind == kind


def test_an_emergency_of_another_account_is_none_of_ours() -> None:
    assert scenario(x200="e1").when(message("m1")).names[-1] == "Queued"


def test_one_notice_for_a_contact_account_and_closure() -> None:
    story = scenario(OFFICE, EVENING)
    story.when(message("m1", posted_at=EVENING))
    second = story.when(message("m2", posted_at=EVENING))
    assert second.names == ["MessageReceived", "ContactResolved", "OutOfHours"]
    assert only(second, e.OutOfHours).notice == "already_sent"
    third = story.when(message("m3", in_reply_to="m1", posted_at=EVENING))
    assert third.names == ["MessageReceived"]
    other = story.when(message("m4", accounts=[OTHER_ACCOUNT], posted_at=EVENING))
    assert only(other, e.OutOfHours).notice == "requested"
    story.emergencies = {f"x:{ACCOUNT}": "e1"}
    assert only(story.when(message("m5", posted_at=EVENING)), e.OutOfHours).notice == "requested"
    story.emergencies = {f"x:{ACCOUNT}": "e2"}
    assert only(story.when(message("m6", posted_at=EVENING)), e.OutOfHours).notice == "daily_cap"
    story.now = EVENING + DAY
    assert "NoticeRequested" in story.when(message("m7", posted_at=story.now)).names


def test_another_closed_evening_is_another_closure() -> None:
    story = scenario(OFFICE, EVENING)
    story.when(message("m1", posted_at=EVENING))
    story.now = EVENING + DAY
    assert "NoticeRequested" in story.when(message("m2", posted_at=story.now)).names


def test_somebody_who_is_held_and_writes_in_an_emergency_is_told_of_it() -> None:
    story = scenario(rules(office(channel="facebook")), EVENING)
    story.when(message("m1", channel="facebook", thread="m1", posted_at=EVENING))
    story.emergencies = {f"facebook:{ACCOUNT}": "e1"}
    told = story.when(message("m2", channel="facebook", thread="m1", in_reply_to="m1", posted_at=EVENING))
    assert told.names == ["MessageReceived", "NoticeRequested"]
    assert only(told, e.NoticeRequested).kind == "emergency"


def test_on_x_an_interaction_gets_one_automatic_answer_and_it_is_said_why_no_more() -> None:
    story = scenario(OFFICE, EVENING)
    story.when(message("m1", posted_at=EVENING))
    story.emergencies = {f"x:{ACCOUNT}": "e1"}
    told = story.when(message("m2", in_reply_to="m1", posted_at=EVENING))
    assert told.names == ["MessageReceived", "AutomaticWithheld"]
    assert only(told, e.AutomaticWithheld).why == "once_per_interaction"


@pytest.mark.parametrize(("age", "notice"), [(HOUR, "requested"), (HOUR + 1, "too_old")])
def test_no_notice_to_a_message_older_than_an_hour(age: int, notice: str) -> None:
    told = scenario(OFFICE, EVENING).when(message("m1", posted_at=EVENING - age))
    assert only(told, e.OutOfHours).notice == notice
    assert ("NoticeRequested" in told.names) is (notice == "requested")


def test_a_notice_that_was_too_late_for_one_message_is_sent_for_the_next() -> None:
    story = scenario(OFFICE, EVENING)
    story.when(message("m1", posted_at=EVENING - 2 * HOUR))
    assert "NoticeRequested" in story.when(message("m2", posted_at=EVENING)).names


def test_without_a_notice_in_the_policy_none_is_sent() -> None:
    told = scenario(rules(office(notices={})), EVENING).when(message("m1", posted_at=EVENING))
    assert only(told, e.OutOfHours).notice == "not_configured"


@pytest.mark.parametrize(
    ("of_message", "of_account", "words"),
    [
        ("de", "en", "@jo Wir haben eine Störung."),
        ("fr", "de", "@jo Wir haben eine Störung."),
        (None, "it", "@jo We have trouble."),
    ],
)
def test_a_notice_is_in_the_customers_language_else_the_accounts_else_the_first(
    of_message: str | None, of_account: str, words: str
) -> None:
    story = scenario(rules(account(language=of_account)), x100="e1")
    assert words_sent(story.when(message("m1", language=of_message))) == [words]


def test_a_notice_is_delivered_as_an_answer_to_the_message() -> None:
    story = scenario(OFFICE, EVENING)
    told = story.when(message("m1", posted_at=EVENING))
    requested = only(told, e.NoticeRequested)
    (deliver,) = told.records("delivery.commands")
    assert isinstance(deliver, Deliver)
    assert (deliver.kind, deliver.in_reply_to, deliver.account, deliver.attempt) == ("notice", "m1", ACCOUNT, 1)
    assert deliver.delivery_id == requested.delivery_id
    posted = story.when(outcome(requested.delivery_id, item_id="n1"))
    assert posted.names == ["NoticePosted"]
    assert state(story) == "out_of_hours"


def test_a_notice_is_no_first_response() -> None:
    story = scenario(OFFICE, EVENING)
    requested = only(story.when(message("m1", posted_at=EVENING)), e.NoticeRequested)
    story.when(outcome(requested.delivery_id, item_id="n1"))
    assert not interaction(story).answered
    story.when(by_agent(c.Take))
    reply = only(story.when(by_agent(c.Reply, at=EVENING)), e.ReplyRequested)
    assert only(story.when(outcome(reply.delivery_id)), e.Replied).first_response


def test_the_salt_of_a_message_is_nowhere_once_the_message_is_erased() -> None:
    story = scenario(OFFICE, EVENING)
    told = story.when(message("m1", posted_at=EVENING))
    content = [send for send in told.sent if send.topic == "interaction.content"]
    kept = [send.record for send in content if send.key != f"{FIRST.partition('.')[0]}:m:m1"]
    assert all(SALT not in (getattr(record, "salt", b""),) for record in kept)
    notice = next(record for record in kept if isinstance(record, e.Words))
    assert notice.salt == notice_salt(SALT)
    assert only(told, e.NoticeRequested).words == words_digest(notice.salt, notice.text)
    assert story.when(deletion("m1")).sent[0] == Send("interaction.content", content[0].key, None)


def test_an_emergency_holds_until_it_ends() -> None:
    story = scenario(x100="e1")
    assert only(story.when(message("m1")), e.OutOfHours).until is None
    timer = story.rows.get(Timer, f"closure:{FIRST}")
    assert timer is not None
    assert timer.due == NEVER
    assert story.advance(MONDAY + 365 * DAY).events == []


def test_in_an_emergency_with_routing_continued_it_is_told_and_waits() -> None:
    story = scenario(rules(account(emergency_routing="continued")), x100="e1")
    told = story.when(message("m1"))
    assert told.names[-2:] == ["NoticeRequested", "Queued"]
    assert only(told, e.NoticeRequested).kind == "emergency"


def test_an_emergency_with_routing_continued_does_not_open_closed_hours() -> None:
    story = scenario(rules(office(emergency_routing="continued")), EVENING, x100="e1")
    told = story.when(message("m1", posted_at=EVENING))
    assert (only(told, e.NoticeRequested).kind, only(told, e.OutOfHours).kind) == ("emergency", "closed")
    assert story.advance(TUESDAY).names == ["Queued"]


def test_in_an_emergency_with_routing_continued_whoever_answered_gets_it_again() -> None:
    story = scenario(rules(account(emergency_routing="continued")))
    story.when(message("m1"))
    story.when(by_agent(c.Take))
    story.when(outcome(only(story.when(by_agent(c.Reply)), e.ReplyRequested).delivery_id))
    story.emergencies = {f"x:{ACCOUNT}": "e1"}
    assert story.when(message("m2", in_reply_to="m1")).names == ["MessageReceived", "NoticeRequested", "Assigned"]


def test_a_special_day_holds_until_midnight_and_then_the_hours_do() -> None:
    story = scenario(rules(office(special_days=FEAST)), EVENING)
    assert only(story.when(message("m1", posted_at=EVENING)), e.OutOfHours).until == at("2026-03-03 00:00")
    told = story.advance(at("2026-03-03 00:00"))
    assert told.names == ["ClosureChanged"]
    changed = only(told, e.ClosureChanged)
    assert (changed.kind, changed.until, changed.state) == ("closed", TUESDAY, "out_of_hours")
    assert told.sent == []
    assert story.advance(TUESDAY).names == ["Queued"]


def test_what_is_held_can_be_taken_answered_elsewhere_or_answered_in_time() -> None:
    for command, name in ((by_agent(c.Take), "Assigned"), (own_post("o1", in_reply_to="m1"), "RepliedElsewhere")):
        story = scenario(OFFICE, EVENING)
        story.when(message("m1", posted_at=EVENING))
        assert story.when(command).names == [name]
        assert story.advance(TUESDAY + MINUTE).events == []


def test_an_account_that_the_policy_dropped_holds_until_a_policy_has_it_again() -> None:
    story = scenario(OFFICE, EVENING)
    story.when(message("m1", posted_at=EVENING))
    story.rules = rules(account(OTHER_ACCOUNT))
    told = story.advance(TUESDAY)
    assert only(told, e.ClosureChanged).closure == f"dropped:x:{ACCOUNT}"
    assert only(told, e.ClosureChanged).until is None
