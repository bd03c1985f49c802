"""What rules say and do by themselves: how often, to whom, and what becomes of the interaction."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.interaction import commands as c
from engine.interaction import contact_commands as cc
from engine.interaction import contact_events as ce
from engine.interaction import events as e
from engine.policy.document import Filter, Notice
from engine.policy.rules import Rules
from engine.testing import Scenario
from tests.unit.builders import (
    ACCOUNT,
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    account,
    by_agent,
    command_id,
    interaction,
    message,
    office,
    only,
    outcome,
    rules,
    scenario,
    state,
)

HELLO = Notice(name="hello", text={"en": "{handle} Hello", "de": "{handle} Moin"})
EVENING = MONDAY + 10 * HOUR


def answering(then: str = "route", **changes: Any) -> Rules:
    one = Filter(name="hi", any=("hi",), action="answer", template="hello", then=then)  # type: ignore[arg-type]
    return rules(*changes.pop("accounts", (account(),)), filters=(one,), notices=(HELLO,), **changes)


def liking(mode: str, *, engagement: str = "retweet", then: str = "close", **changes: Any) -> Rules:
    one = Filter(
        name="praise",
        any=("great",),
        action="engage",
        engagement=engagement,  # type: ignore[arg-type]
        mode=mode,  # type: ignore[arg-type]
        then=then,  # type: ignore[arg-type]
    )
    return rules(account(**changes), filters=(one,))


def test_an_automatic_answer_goes_out_and_the_interaction_to_a_person_too() -> None:
    told = scenario(answering()).when(message("m1", "hi there", language="de-AT"))
    assert told.names == ["MessageReceived", "ContactCreated", "ContactResolved", "AutoReplyRequested", "Queued"]
    (deliver,) = told.records("delivery.commands")
    assert (deliver.kind, deliver.action, deliver.text) == ("answer", "reply", "@jo Moin")  # type: ignore[attr-defined]


def test_closed_with_the_answer_once_it_is_posted() -> None:
    story = scenario(answering("close"))
    told = story.when(message("m1", "hi there"))
    assert told.names[-1] == "AutoReplyRequested"
    assert state(story) == "contact_resolved"
    ended = story.when(outcome(only(told, e.AutoReplyRequested).delivery_id))
    assert ended.names == ["AutoReplied", "Dispositioned"]
    assert only(ended, e.Dispositioned).code == "answered"


@pytest.mark.parametrize("came", ["refused", "undecided", "retry"])
def test_an_answer_that_could_not_be_posted_hands_the_interaction_to_a_person(came: str) -> None:
    story = scenario(answering("close", retry_for="1m", retry_every="1m"))
    told = story.when(message("m1", "hi there"))
    delivery_id = only(told, e.AutoReplyRequested).delivery_id
    story.now = MONDAY + 2 * MINUTE
    ended = story.when(outcome(delivery_id, came, reason="rate_limited"))
    assert ended.names[-1] == "Queued"
    assert only(ended, e.Queued).why == "not_answered"


def test_an_error_is_retried_for_the_policys_duration() -> None:
    story = scenario(answering("close", retry_for="10m", retry_every="1m"))
    delivery_id = only(story.when(message("m1", "hi")), e.AutoReplyRequested).delivery_id
    for attempt, pause in ((1, 1), (2, 2), (3, 4)):
        told = story.when(outcome(delivery_id, "retry", attempt=attempt, reason="unavailable"))
        assert only(told, e.DeliveryFailed).retry_at == story.now + pause * MINUTE
        assert story.advance(story.now + pause * MINUTE).names == ["DeliveryRetried"]
    assert story.when(outcome(delivery_id, "retry", attempt=4, reason="unavailable")).names == [
        "ReplyAbandoned",
        "Queued",
    ]


def test_a_notice_comes_before_an_answer_and_a_message_gets_one_of_them() -> None:
    by = rules(
        office(),
        filters=(Filter(name="hi", any=("hi",), action="answer", template="hello", then="close"),),
        notices=(HELLO, Notice(name="closed", text={"en": "{handle} Closed"})),
    )
    told = scenario(by, EVENING).when(message("m1", "hi", posted_at=EVENING))
    assert "NoticeRequested" in told.names
    assert only(told, e.AutomaticWithheld).why == "notice_sent"
    assert told.names[-1] == "OutOfHours"


def test_an_answer_that_is_withheld_leaves_the_interaction_to_a_person() -> None:
    told = scenario(answering("close"), MONDAY + 2 * HOUR).when(message("m1", "hi", posted_at=MONDAY))
    assert told.names[-2:] == ["AutomaticWithheld", "Queued"]
    assert only(told, e.AutomaticWithheld).why == "too_old"


def test_who_opts_out_gets_no_automatic_answer_ever_again() -> None:
    story = scenario(answering())
    story.when(message("m1", "hi"))
    told = story.when(message("m2", "@care STOP!", in_reply_to="m1"))
    assert "OptedOut" in told.names
    assert only(told, e.MessageReceived).filter == "~opt_out"
    story.now += 3 * DAY
    later = story.when(message("m3", "hi", posted_at=story.now))
    assert only(later, e.AutomaticWithheld).why == "opted_out"


def test_a_stranger_who_says_stop_opts_out_and_opens_nothing_for_anybody() -> None:
    story = scenario(answering())
    told = story.when(message("m1", "stop"))
    assert "OptedOut" in told.names
    assert only(told, e.Dispositioned).code == "filtered_out"
    assert only(story.when(message("m2", "hi")), e.AutomaticWithheld).why == "opted_out"


@given(st.lists(st.integers(min_value=0, max_value=9 * HOUR), min_size=1, max_size=30), st.integers(0, 4))
def test_a_contact_never_gets_more_automatic_answers_in_a_day_than_the_policy_says(
    pauses: list[int], most: int
) -> None:
    story = scenario(answering(automatic_per_day=most))
    asked: list[int] = []
    for number, pause in enumerate(pauses):
        story.now += pause
        told = story.when(message(f"m{number}", "hi", posted_at=story.now))
        asked += [story.now for event in told.events if isinstance(event, e.AutoReplyRequested)]
        assert sum(story.now - one < DAY for one in asked) <= most
        assert told.names[-1] == "Queued"


def test_nothing_is_liked_by_itself_unless_the_policy_says_automatic() -> None:
    story = scenario(liking("suggest"))
    told = story.when(message("m1", "you are great"))
    assert only(told, e.EngagementSuggested).engagement == "retweet"
    assert told.names[-1] == "Queued"
    assert told.records("delivery.commands") == []


def test_an_automatic_retweet_ends_the_interaction_once_it_is_made() -> None:
    story = scenario(liking("automatic"))
    told = story.when(message("m1", "you are great"))
    asked = only(told, e.EngagementRequested)
    (deliver,) = told.records("delivery.commands")
    assert (deliver.action, deliver.in_reply_to) == ("retweet", "m1")  # type: ignore[attr-defined]
    ended = story.when(outcome(asked.delivery_id, item_id=None))
    assert ended.names == ["Engaged", "Dispositioned"]
    assert only(ended, e.Dispositioned).code == "engaged"
    assert not interaction(story).answered


def test_x_forbids_automatic_likes_where_no_permission_was_granted() -> None:
    told = scenario(liking("automatic", engagement="like")).when(message("m1", "you are great"))
    assert only(told, e.AutomaticWithheld).why == "not_permitted"
    assert told.names[-1] == "Queued"
    granted = liking("automatic", engagement="favourite", platform_permission="granted")
    asked = scenario(granted).when(message("m1", "you are great"))
    assert only(asked, e.EngagementRequested).engagement == "favourite"


def test_the_agents_language_comes_before_the_platforms() -> None:
    story = scenario(answering())
    story.when(message("m1", "nothing"))
    told = story.when(
        cc.SetLanguage(command_id=command_id(), at=MONDAY, actor_kind="agent", actor_id="anna", language="de")
    )
    assert told.names == ["LanguageSet"]
    assert only(story.when(message("m2", "hi", language="en")), e.AutoReplyRequested).language == "de"


def blocked(story: Scenario) -> None:
    told = story.when(cc.BlockContact(command_id=command_id(), at=MONDAY, actor_kind="supervisor", actor_id="sue"))
    assert told.names == ["ContactBlocked"]


def test_what_a_blocked_contact_writes_is_kept_and_goes_to_nobody() -> None:
    story = scenario(answering())
    story.when(message("m1", "hello"))
    blocked(story)
    told = story.when(message("m2", "hi"))
    assert told.names == ["MessageReceived", "FilteredOut", "Dispositioned"]
    assert only(told, e.MessageReceived).filter == "~blocked"
    story.when(cc.UnblockContact(command_id=command_id(), at=MONDAY, actor_kind="supervisor", actor_id="sue"))
    assert "Queued" in story.when(message("m3", "hi")).names


def test_what_nobody_monitors_goes_to_nobody() -> None:
    story = scenario(rules(account(monitor=("direct_message",))))
    told = story.when(message("m1", event="mention"))
    assert told.names == ["MessageReceived", "FilteredOut", "Dispositioned"]
    assert only(told, e.MessageReceived).filter == "~not_monitored"
    assert "Queued" in story.when(message("m2", event="direct_message", visibility="private")).names


@pytest.mark.parametrize("permission", ["none", "granted"])
def test_a_private_notice_to_a_public_post_needs_the_platforms_permission(permission: str) -> None:
    by = rules(
        office(platform_permission=permission),
        notices=(Notice(name="closed", text={"en": "Closed"}, visibility="private"),),
    )
    told = scenario(by, EVENING).when(message("m1", posted_at=EVENING))
    if permission == "none":
        assert only(told, e.OutOfHours).notice == "not_permitted"
        return
    asked = only(told, e.NoticeRequested)
    assert (asked.visibility, asked.action) == ("private", "message")


def test_private_messages_wait_in_a_queue_of_their_own() -> None:
    story = scenario(rules(account(private_queue="lounge")))
    direct = message("d1", event="direct_message", visibility="private")
    asked = only(story.when(direct), e.Queued)
    assert (asked.queue, asked.group) == ("lounge", "gold")


def test_an_imported_person_is_found_by_the_handle() -> None:
    story = scenario()
    imported = cc.ImportContact(
        command_id=command_id(), at=MONDAY, actor_kind="system", channel="x", platform_id="42", screen_name="jo",
        name="Jo Doe", language="de",
    )  # fmt: skip
    assert story.when(imported).names == ["ContactCreated", "LanguageSet"]
    assert story.when(imported).names == []
    told = story.when(message("m1"))
    assert only(told, e.ContactResolved).how == "found"
    assert "ContactCreated" not in told.names


def test_somebody_who_writes_under_a_new_name_is_known_by_it() -> None:
    story = scenario()
    story.when(message("m1"))
    told = story.when(message("m2", screen_name="joanna"))
    assert only(told, ce.ProfileRecorded).handle_id == message("m1").handle_id
    assert "ProfileRecorded" not in story.when(message("m3", screen_name="joanna")).names


def test_an_agent_engages_and_disposes() -> None:
    story = scenario()
    story.when(message("m1"))
    story.when(by_agent(c.Take))
    asked = only(story.when(by_agent(c.Engage, engagement="favourite")), e.EngagementRequested)
    told = story.when(outcome(asked.delivery_id, item_id=None))
    assert only(told, e.Engaged).agent_id == "anna"
    assert state(story) == "assigned"
    assert story.when(by_agent(c.Disposition, code="no_answer_needed")).names == ["Dispositioned"]


def test_an_answer_of_ours_is_taken_back_with_its_words() -> None:
    story = scenario()
    story.when(message("m1"))
    story.when(by_agent(c.Take))
    reply = only(story.when(by_agent(c.Reply)), e.ReplyRequested)
    story.when(outcome(reply.delivery_id, item_id="o1"))
    asked = only(story.when(by_agent(c.Moderate, action="delete", item_id="o1")), e.ModerationRequested)
    told = story.when(outcome(asked.delivery_id, item_id=None))
    assert only(told, e.Moderated).content_id == reply.content_id
    assert [send.key for send in told.sent if send.record is None] == [reply.content_id]


def test_a_message_that_is_changed_keeps_its_place_and_loses_its_old_words() -> None:
    story = scenario(rules(account(ACCOUNT, channel="facebook")))
    story.when(message("m1", channel="facebook", thread="m1"))
    edit = c.EditMessage(
        command_id="e1", at=MONDAY, channel="facebook", item_id="m1", edited_at=MONDAY + 5, text="New", salt=b"s" * 16
    )
    told = story.when(edit)
    assert told.names == ["MessageEdited"]
    assert story.when(edit).names == []
    older = c.EditMessage(
        command_id="e0", at=MONDAY, channel="facebook", item_id="m1", edited_at=MONDAY + 4, text="Older", salt=b"s" * 16
    )
    assert story.when(older).names == []
