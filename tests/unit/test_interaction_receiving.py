"""A customer's message: the filter, the contact, joining, and writing again."""

import pytest

from engine.decider import Duplicate, Refusal
from engine.envelope import words_digest
from engine.interaction import commands as c
from engine.interaction import contact_events as ce
from engine.interaction import events as e
from engine.interaction.state import Contact, Item, Latest
from tests.unit.builders import (
    ACCOUNT,
    DAY,
    FIRST,
    HOME,
    HOUR,
    MONDAY,
    OFFICE,
    OPEN,
    OTHER_ACCOUNT,
    SALT,
    accepted,
    by_agent,
    deletion,
    interaction,
    message,
    offered,
    only,
    own_post,
    queued,
    replied,
    reserve,
    rules,
    scenario,
    sent,
    state,
)

SECOND_ONE = f"{HOME}.2"


def test_the_first_message_makes_a_contact_and_waits_for_an_agent() -> None:
    story = scenario()
    told = story.when(message("m1", language="en"))
    assert told.names == ["MessageReceived", "ContactCreated", "ContactResolved", "Queued"]
    assert [event.state for event in told.events] == ["received", "received", "contact_resolved", "queued"]
    assert {event.interaction_id for event in told.events} == {FIRST}
    received = only(told, e.MessageReceived)
    assert (received.joined, received.follows, received.action, received.filter) == ("opened", None, "route", None)
    assert received.words == words_digest(SALT, "My phone is dead")
    assert only(told, ce.ContactCreated).contact_id == HOME
    assert only(told, e.ContactResolved).how == "created"
    assert only(told, e.Queued).why == "received"
    content = {send.key: send.record for send in told.sent if send.topic == "interaction.content"}
    assert content == {
        f"{HOME}:m:m1": e.Words(text="My phone is dead", salt=SALT, language="en"),
    }
    names = {send.key: send.record for send in told.sent if send.topic == "interaction.profiles"}
    assert names == {f"{HOME}:p": e.Profile(channel="x", platform_id="42", screen_name="jo", name="Jo Doe")}
    assert sent(told, "routing.commands") == ["RequestAgent"]


def test_a_known_handle_finds_its_contact() -> None:
    story = queued(scenario())
    told = story.when(message("m2"))
    assert told.names == ["MessageReceived", "ContactResolved", "Queued"]
    assert only(told, e.ContactResolved).how == "found"
    assert only(told, e.ContactResolved).contact_id == HOME
    assert sent(told, "interaction.content") == ["Words"]


def test_a_message_that_was_here_before_is_ignored() -> None:
    story = queued(scenario())
    told = story.when(message("m1", text="in another copy", accounts=[OTHER_ACCOUNT]))
    assert (told.events, told.sent, told.verdict) == ([], [], Duplicate(FIRST))


def test_what_a_filter_ignores_ends_at_once_without_a_contact() -> None:
    story = scenario()
    told = story.when(message("m1", text="Win at the CASINO!"))
    assert told.names == ["MessageReceived", "FilteredOut", "Dispositioned"]
    assert only(told, e.Dispositioned).code == "filtered_out"
    assert only(told, e.Dispositioned).actor_kind == "policy"
    assert only(told, e.MessageReceived).filter == "spam"
    assert state(story) == "dispositioned"
    assert story.rows.get(Contact, "") is None
    assert sent(told, "routing.commands") == []
    assert sent(told, "interaction.content") == ["Words"]


def test_nothing_follows_or_joins_what_was_filtered_out() -> None:
    story = queued(scenario())
    story.when(message("spam", text="casino"))
    joined = only(story.when(message("m2", in_reply_to="unknown")), e.MessageReceived)
    assert (joined.joined, joined.interaction_id) == ("recent", FIRST)
    assert story.rows.get(Latest, f"x:{ACCOUNT}") == Latest(interaction_id=FIRST)


def test_an_ignored_message_in_a_thread_is_kept_and_asks_for_nobody() -> None:
    story = replied(scenario())
    told = story.when(message("m2", text="casino", in_reply_to="m1"))
    assert told.names == ["MessageReceived"]
    assert only(told, e.MessageReceived).action == "ignore"
    assert state(story) == "replied"


def test_a_filter_routes_to_its_queue_with_its_priority() -> None:
    request = scenario().when(message("m1", text="I want a refund")).records("routing.commands")[0]
    assert (request.queue, request.priority, request.skills) == ("billing", 7, ["billing"])  # type: ignore[attr-defined]


def test_thanks_after_the_disposition_join_the_history_and_open_nothing() -> None:
    story = replied(scenario())
    story.when(by_agent(c.Disposition))
    for item, answered in (("m2", None), ("m3", "unknown"), ("m4", "m1")):
        told = story.when(message(item, text="Thanks!", in_reply_to=answered))
        assert told.names == ["MessageReceived"]
        assert only(told, e.MessageReceived).joined == "attached"
        assert only(told, e.MessageReceived).interaction_id == FIRST
    assert state(story) == "dispositioned"


def test_thanks_to_an_answer_ask_for_nobody() -> None:
    story = replied(scenario())
    told = story.when(message("m2", text="thanks", in_reply_to="m1"))
    assert told.names == ["MessageReceived"]
    assert state(story) == "replied"


def test_thanks_of_somebody_new_are_a_message_as_any_other() -> None:
    told = scenario().when(message("m1", text="thanks"))
    assert told.names[-1] == "Queued"
    assert only(told, e.MessageReceived).action == "route"


def test_an_answer_to_ones_own_post_joins_it() -> None:
    story = queued(scenario())
    story.when(message("m2"))
    told = story.when(message("m3", in_reply_to="m1"))
    assert (told.names, told.events[0].interaction_id) == (["MessageReceived"], FIRST)
    assert only(told, e.MessageReceived).joined == "thread"


def test_an_answer_to_our_answer_joins_however_old_it_is() -> None:
    story = replied(scenario())
    answer = next(row_id for row_id, row in story.rows.all() if isinstance(row, Item) and row.author == "account")
    told = story.when(message("m2", in_reply_to=answer, posted_at=MONDAY + 90 * DAY))
    assert only(told, e.MessageReceived).joined == "thread"
    assert told.events[0].interaction_id == FIRST


def test_an_answer_to_an_answer_written_elsewhere_joins() -> None:
    story = queued(scenario())
    story.when(own_post("elsewhere", in_reply_to="m1"))
    assert only(story.when(message("m2", in_reply_to="elsewhere")), e.MessageReceived).joined == "thread"


@pytest.mark.parametrize(("after", "joined"), [(72 * HOUR, "recent"), (72 * HOUR + 1, "opened"), (-5 * HOUR, "recent")])
def test_an_answer_to_a_post_we_do_not_know_joins_what_was_active_in_72_hours(after: int, joined: str) -> None:
    story = queued(scenario())
    told = story.when(message("m2", in_reply_to="unknown", posted_at=MONDAY + after))
    assert only(told, e.MessageReceived).joined == joined


def test_a_later_message_or_answer_keeps_it_active() -> None:
    story = queued(scenario())
    story.when(message("m2", in_reply_to="m1", posted_at=MONDAY + 50 * HOUR))
    told = story.when(message("m3", in_reply_to="unknown", posted_at=MONDAY + 100 * HOUR))
    assert only(told, e.MessageReceived).joined == "recent"
    story.when(own_post("o1", in_reply_to="m1", posted_at=MONDAY + 160 * HOUR))
    told = story.when(message("m4", in_reply_to="unknown", posted_at=MONDAY + 230 * HOUR))
    assert only(told, e.MessageReceived).joined == "recent"


def test_a_post_that_answers_nothing_opens_another_that_names_the_one_before() -> None:
    story = queued(scenario())
    received = only(story.when(message("m2")), e.MessageReceived)
    assert (received.joined, received.interaction_id, received.follows) == ("opened", SECOND_ONE, FIRST)


def test_an_answer_to_another_account_does_not_join() -> None:
    story = queued(scenario())
    for item, answered in (("m2", "m1"), ("m3", "unknown")):
        received = only(story.when(message(item, accounts=[OTHER_ACCOUNT], in_reply_to=answered)), e.MessageReceived)
        assert received.interaction_id != FIRST
    received = only(story.when(message("m4", in_reply_to="m2", accounts=[ACCOUNT])), e.MessageReceived)
    assert received.interaction_id == FIRST


def test_after_the_disposition_even_an_answer_opens_a_new_one_that_names_the_previous() -> None:
    story = replied(scenario())
    story.when(by_agent(c.Disposition))
    told = story.when(message("m2", in_reply_to="m1"))
    received = only(told, e.MessageReceived)
    assert (received.joined, received.interaction_id, received.follows) == ("opened", SECOND_ONE, FIRST)
    assert told.names[-1] == "Queued"


def test_the_first_known_account_receives_it() -> None:
    story = scenario()
    received = only(story.when(message("m1", accounts=["999", OTHER_ACCOUNT, ACCOUNT])), e.MessageReceived)
    assert received.account == OTHER_ACCOUNT


def test_a_message_to_no_account_of_the_policy_is_kept_for_later() -> None:
    told = scenario().when(message("m1", accounts=["998", "999"]))
    assert isinstance(told.verdict, Refusal)
    assert (told.events, told.verdict.code, told.verdict.kept) == ([], "unknown_account", True)
    assert "x:998, x:999" in told.verdict.reason


def test_a_message_before_any_policy_is_kept_for_later() -> None:
    told = scenario(None).when(message("m1"))
    assert isinstance(told.verdict, Refusal)
    assert (told.events, told.verdict.code, told.verdict.kept) == ([], "no_policy", True)


def test_messages_that_come_while_it_waits_keep_its_place() -> None:
    story = queued(scenario())
    before = interaction(story)
    told = story.when(message("m2", in_reply_to="m1", posted_at=MONDAY + HOUR))
    assert (told.names, sent(told, "routing.commands")) == (["MessageReceived"], [])
    after = interaction(story)
    assert (after.state, after.request_id, after.latest_item) == ("queued", before.request_id, "m2")


def test_messages_that_come_while_it_is_offered_or_worked_on_change_nothing_else() -> None:
    for story in (offered(scenario()), accepted(scenario())):
        before = interaction(story)
        told = story.when(message("m2", in_reply_to="m1"))
        assert told.names == ["MessageReceived"]
        after = interaction(story)
        assert (after.state, after.agent_id, after.accepted) == ("assigned", "anna", before.accepted)


def test_whoever_answered_gets_it_again_when_the_customer_writes_again() -> None:
    story = replied(scenario())
    told = story.when(message("m2", in_reply_to="m1"))
    assert told.names == ["MessageReceived", "Assigned"]
    assigned = only(told, e.Assigned)
    assert (assigned.agent_id, assigned.why, assigned.accept_by) == ("anna", "written_again", None)
    assert (state(story), interaction(story).accepted) == ("assigned", True)
    assert sent(told, "routing.commands") == []


def test_what_was_answered_elsewhere_waits_again_when_the_customer_writes_again() -> None:
    story = queued(scenario())
    story.when(own_post("o1", in_reply_to="m1"))
    told = story.when(message("m2", in_reply_to="o1"))
    assert told.names == ["MessageReceived", "Queued"]
    assert only(told, e.Queued).why == "written_again"
    assert sent(told, "routing.commands") == ["RequestAgent"]


def test_a_second_request_is_not_the_first_one() -> None:
    story = queued(scenario())
    first = interaction(story).request_id
    story.when(own_post("o1", in_reply_to="m1"))
    story.when(message("m2", in_reply_to="o1"))
    assert interaction(story).request_id not in (None, first)


def test_writing_again_when_it_is_closed_holds_it_back_and_frees_the_slot() -> None:
    story = replied(scenario(OFFICE))
    story.now = MONDAY + 12 * HOUR
    told = story.when(message("m2", in_reply_to="m1", posted_at=story.now))
    assert told.names == ["MessageReceived", "NoticeRequested", "OutOfHours"]
    assert sent(told, "routing.commands") == ["FreeSlot"]
    assert (state(story), interaction(story).agent_id) == ("out_of_hours", None)


def test_a_deleted_message_is_recorded_and_its_words_go() -> None:
    story = accepted(scenario())
    told = story.when(deletion("m1"))
    assert told.names == ["MessageDeleted"]
    assert [(send.topic, send.key, send.record) for send in told.sent] == [
        ("interaction.content", f"{HOME}:m:m1", None)
    ]
    assert story.when(deletion("m1")).verdict == Duplicate(FIRST)
    assert state(story) == "assigned"


def test_what_waits_is_withdrawn_when_its_last_message_is_deleted() -> None:
    story = queued(scenario())
    story.when(message("m2", in_reply_to="m1"))
    assert story.when(deletion("m1")).names == ["MessageDeleted"]
    told = story.when(deletion("m2"))
    assert told.names == ["MessageDeleted", "Dispositioned"]
    assert only(told, e.Dispositioned).code == "withdrawn"
    assert sent(told, "routing.commands") == ["WithdrawRequest"]


def test_what_is_only_offered_is_withdrawn_too() -> None:
    story = offered(scenario())
    told = story.when(deletion("m1"))
    assert told.names == ["MessageDeleted", "Dispositioned"]
    assert sent(told, "routing.commands") == ["EndReservation"]


def test_what_is_held_back_is_withdrawn_too() -> None:
    story = scenario(OFFICE, MONDAY + 12 * HOUR)
    story.when(message("m1"))
    assert story.when(deletion("m1")).names == ["MessageDeleted", "Dispositioned"]


def test_the_deletion_of_an_own_post_is_refused() -> None:
    story = queued(scenario())
    story.when(own_post("o1", in_reply_to="m1"))
    verdict = story.when(deletion("o1")).verdict
    assert isinstance(verdict, Refusal)
    assert verdict.code == "own_item"


def test_a_deletion_that_comes_before_its_message_is_remembered() -> None:
    story = scenario()
    assert story.when(deletion("m1")).names == ["DeletionRemembered"]
    assert story.when(deletion("m1")).names == []
    told = story.when(message("m1"))
    assert told.names == ["MessageReceived", "MessageDeleted", "Dispositioned"]
    assert only(told, e.Dispositioned).code == "withdrawn"
    key = only(told, e.MessageReceived).content_id
    assert [send.record for send in told.sent if send.key == key][-1] is None


def test_who_is_not_served_in_time_expires() -> None:
    story = queued(scenario(rules(expire_after="2h")))
    assert story.advance(MONDAY + 2 * HOUR - 1).events == []
    told = story.advance(MONDAY + 2 * HOUR)
    assert told.names == ["Dispositioned"]
    assert only(told, e.Dispositioned).code == "expired"
    assert sent(told, "routing.commands") == ["WithdrawRequest"]


def test_what_was_accepted_does_not_expire() -> None:
    story = accepted(scenario(rules(expire_after="2h")))
    assert story.advance(MONDAY + 3 * HOUR).events == []


def test_an_offer_in_vain_does_not_begin_the_time_anew() -> None:
    story = offered(scenario(rules(expire_after="2h")))
    story.now = MONDAY + HOUR
    assert story.when(by_agent(c.Decline)).names == ["QueuedAgain"]
    assert story.when(reserve(story, "ben")).names == ["Assigned"]
    story.when(by_agent(c.Decline, "ben"))
    assert story.advance(MONDAY + 2 * HOUR).names == ["Dispositioned"]


def test_without_a_time_nothing_expires() -> None:
    assert queued(scenario(rules(expire_after=None))).advance(MONDAY + 1000 * DAY).events == []


def test_the_rules_are_those_of_the_policy() -> None:
    story = queued(scenario(rules(join_recent="1h")))
    told = story.when(message("m2", in_reply_to="unknown", posted_at=MONDAY + HOUR + 1))
    assert only(told, e.MessageReceived).joined == "opened"
    assert OPEN.join_recent == 72 * HOUR
