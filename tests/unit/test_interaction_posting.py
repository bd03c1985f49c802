"""What comes of answers: outcomes, retries, echoes, and answers that were written elsewhere."""

import pytest

from engine.bookkeeping import Timer
from engine.decider import Duplicate, Refusal
from engine.delivery import Deliver
from engine.interaction import commands as c
from engine.interaction import events as e
from engine.interaction.state import Item, PendingWords
from engine.testing import Scenario, Told
from engine.text import comparable
from tests.unit.builders import (
    DAY,
    FIRST,
    HOME,
    HOUR,
    MINUTE,
    MONDAY,
    SECOND,
    accepted,
    answering,
    by_agent,
    delivery,
    interaction,
    message,
    offered,
    office,
    only,
    outcome,
    own_post,
    queued,
    replied,
    rules,
    scenario,
    sent,
    state,
)


def attempts(told: Told) -> list[int]:
    return [record.attempt for record in told.records("delivery.commands") if isinstance(record, Deliver)]


def account_items(story: Scenario) -> list[str]:
    return [row_id for row_id, row in story.rows.all() if isinstance(row, Item) and row.author == "account"]


def test_what_the_platform_took_is_the_answer() -> None:
    story, delivery_id = answering(scenario())
    told = story.when(outcome(delivery_id, item_id="a1", posted_at=MONDAY + MINUTE))
    posted = only(told, e.Replied)
    assert (posted.item_id, posted.posted_at, posted.agent_id) == ("a1", MONDAY + MINUTE, "anna")
    assert (posted.first_response, posted.settled_by, posted.state) == (True, "outcome", "replied")
    assert (state(story), delivery(story, delivery_id).state, account_items(story)) == ("replied", "posted", ["a1"])
    assert told.sent == []
    assert story.rows.get(PendingWords, delivery_id) is None


def test_only_the_first_answer_is_the_first_response() -> None:
    story = replied(scenario())
    second = only(story.when(by_agent(c.Reply, text="And one more")), e.ReplyRequested).delivery_id
    assert not only(story.when(outcome(second)), e.Replied).first_response


def test_an_answer_says_how_long_the_account_was_open_since_the_first_message() -> None:
    story, delivery_id = answering(scenario(rules(office())))
    posted_at = MONDAY + DAY  # open from 10 to 18 o'clock, and from 9 to 10
    assert only(story.when(outcome(delivery_id, posted_at=posted_at)), e.Replied).open_for == 9 * HOUR
    late = only(story.when(own_post("o1", in_reply_to="m1", text="More", posted_at=posted_at + 1)), e.RepliedElsewhere)
    assert late.open_for is None
    early = only(story.when(own_post("o2", in_reply_to="m1", text="Hi", posted_at=MONDAY + HOUR)), e.RepliedElsewhere)
    assert (early.first_response, early.open_for) == (False, HOUR)


def test_an_earlier_message_that_comes_later_is_where_the_open_time_begins() -> None:
    story, delivery_id = answering(scenario(rules(office())))
    story.when(message("m0", in_reply_to="m1", posted_at=MONDAY - 30 * MINUTE))
    assert only(story.when(outcome(delivery_id, posted_at=MONDAY + HOUR)), e.Replied).open_for == 90 * MINUTE


def test_of_an_account_that_the_policy_dropped_nobody_knows_when_it_was_open() -> None:
    story, delivery_id = answering(scenario())
    story.rules = rules(office("43"))
    assert only(story.when(outcome(delivery_id)), e.Replied).open_for is None


def test_the_same_outcome_told_twice_is_one() -> None:
    story, delivery_id = answering(scenario())
    story.when(outcome(delivery_id))
    assert story.when(outcome(delivery_id)).verdict == Duplicate(FIRST)
    assert story.when(outcome(delivery_id, "refused")).events == []


def test_an_outcome_of_what_was_never_asked_is_a_fault() -> None:
    with pytest.raises(LookupError, match="never asked for"):
        queued(scenario()).when(outcome("nothing"))


def test_what_the_platform_refuses_failed_for_good() -> None:
    story, delivery_id = answering(scenario())
    told = story.when(outcome(delivery_id, "refused", reason="duplicate", detail="Say it otherwise"))
    failed = only(told, e.ReplyFailed)
    assert (failed.reason, failed.detail, failed.state) == ("duplicate", "Say it otherwise", "assigned")
    assert not interaction(story).answered
    assert story.advance(MONDAY + DAY).events == []
    assert story.when(by_agent(c.Reply, text="Otherwise", at=story.now)).names == ["ReplyRequested"]


@pytest.mark.parametrize(
    ("retry_every", "retry_for", "expected"),
    [("30s", "5m", [30, 60, 120]), ("1s", "90s", [1, 2, 4, 8, 16, 16, 16, 16])],
)
def test_a_failed_attempt_is_made_again_after_pauses_that_double_four_times_until_the_time_is_over(
    retry_every: str, retry_for: str, expected: list[int]
) -> None:
    story, delivery_id = answering(scenario(rules(retry_for=retry_for, retry_every=retry_every)))
    pauses = []
    for attempt in range(1, 20):
        told = story.when(outcome(delivery_id, "retry", attempt=attempt, reason="unreachable"))
        if told.names == ["ReplyAbandoned"]:
            break
        failed = only(told, e.DeliveryFailed)
        assert (failed.attempt, failed.reason) == (attempt, "unreachable")
        pauses.append(failed.retry_at - story.now)
        assert story.advance(failed.retry_at - 1).events == []
        again = story.advance(failed.retry_at)
        assert (again.names, attempts(again)) == (["DeliveryRetried"], [attempt + 1])
        (deliver,) = again.records("delivery.commands")
        assert isinstance(deliver, Deliver)
        assert (deliver.text, deliver.delivery_id) == ("We are on it", delivery_id)
    assert pauses == [each * SECOND for each in expected]
    assert only(told, e.ReplyAbandoned).reason == "unreachable"
    assert story.advance(MONDAY + DAY).events == []


def test_the_platforms_wish_for_a_pause_is_kept_when_it_is_longer() -> None:
    for wish, pause in ((10 * SECOND, 30 * SECOND), (10 * MINUTE, 10 * MINUTE), (None, 30 * SECOND)):
        story, delivery_id = answering(scenario())
        told = story.when(outcome(delivery_id, "retry", retry_after=wish))
        assert only(told, e.DeliveryFailed).retry_at == MONDAY + pause
    story, delivery_id = answering(scenario())
    assert story.when(outcome(delivery_id, "retry", retry_after=2 * HOUR)).names == ["ReplyAbandoned"]


def test_a_failure_told_twice_sets_one_further_attempt_at_the_first_time() -> None:
    story, delivery_id = answering(scenario())
    story.when(outcome(delivery_id, "retry"))
    story.now += 10 * SECOND
    assert story.when(outcome(delivery_id, "retry")).verdict == Duplicate(FIRST)
    assert story.advance(MONDAY + 30 * SECOND).names == ["DeliveryRetried"]
    assert story.when(outcome(delivery_id, "retry", attempt=1)).verdict == Duplicate(FIRST)


def test_what_cannot_be_known_is_never_posted_again_blindly() -> None:
    story, delivery_id = answering(scenario())
    told = story.when(outcome(delivery_id, "undecided"))
    assert only(told, e.ReplyAbandoned).reason == "undecided"
    assert told.sent == []
    assert story.advance(MONDAY + DAY).events == []


def test_what_was_abandoned_may_turn_out_to_be_posted() -> None:
    story, delivery_id = answering(scenario())
    story.when(outcome(delivery_id, "undecided"))
    posted = only(story.when(own_post("a1", in_reply_to="m1")), e.Replied)
    assert (posted.delivery_id, posted.settled_by, posted.state) == (delivery_id, "echo", "replied")


def test_the_echo_may_come_before_the_outcome() -> None:
    story, delivery_id = answering(scenario())
    told = story.when(own_post("a1", in_reply_to="m1", posted_at=MONDAY + SECOND))
    posted = only(told, e.Replied)
    assert (posted.settled_by, posted.item_id, posted.posted_at) == ("echo", "a1", MONDAY + SECOND)
    assert story.when(outcome(delivery_id, item_id="a1")).verdict == Duplicate(FIRST)
    assert account_items(story) == ["a1"]


def test_the_echo_may_come_between_two_attempts_and_ends_them() -> None:
    story, delivery_id = answering(scenario())
    story.when(outcome(delivery_id, "retry"))
    assert story.when(own_post("a1", in_reply_to="m1")).names == ["Replied"]
    assert story.advance(MONDAY + DAY).events == []


def test_the_echo_may_come_after_the_outcome() -> None:
    story, delivery_id = answering(scenario())
    story.when(outcome(delivery_id, item_id="a1"))
    assert story.when(own_post("a1", in_reply_to="m1")).events == []
    assert account_items(story) == ["a1"]


def test_the_echo_of_an_answer_whose_id_nobody_told_is_no_second_answer() -> None:
    story, delivery_id = answering(scenario())
    story.when(outcome(delivery_id, item_id=None, settled_by="duplicate_error"))
    assert story.when(own_post("a1", in_reply_to="m1")).verdict == Duplicate(FIRST)


def test_the_echo_of_a_notice_settles_the_notice() -> None:
    story = scenario(x100="e1")
    told = story.when(message("m1"))
    text = next(record.text for record in told.records("delivery.commands") if isinstance(record, Deliver))
    assert story.when(own_post("n1", in_reply_to="m1", text=text)).names == ["NoticePosted"]
    assert (state(story), interaction(story).answered) == ("out_of_hours", False)


def test_shortened_links_and_white_space_do_not_hide_an_echo() -> None:
    story, _ = answering(scenario(), "See  https://example.com/help\nplease")
    assert story.when(own_post("a1", in_reply_to="m1", text="See https://t.co/abc please")).names == ["Replied"]
    assert comparable("a https://b.c  d") == comparable("a\nhttps://t.co/x d")


def test_what_was_written_with_entities_is_known_when_it_comes_back_escaped_again() -> None:
    assert comparable("Settings &amp;gt; General &amp;amp; more") == comparable("Settings &gt; General &amp; more")


def test_what_x_escapes_and_the_mentions_it_puts_first_do_not_hide_an_echo() -> None:
    story, _ = answering(scenario(), "Q&A: see <you>")
    echo = own_post("a1", in_reply_to="m1", text="@jo @other Q&amp;A: see &lt;you&gt;")
    assert story.when(echo).names == ["Replied"]


def test_a_post_that_was_found_but_is_another_answer_is_no_second_one() -> None:
    story, first = answering(scenario())
    story.when(outcome(first, item_id="a1"))
    told = story.when(by_agent(c.Reply))
    second = only(told, e.ReplyRequested).delivery_id
    found = story.when(outcome(second, item_id="a1", settled_by="duplicate_error"))
    assert only(found, e.ReplyFailed).reason == "duplicate_text"


def test_another_attempt_is_still_of_the_time_when_it_was_asked() -> None:
    story, delivery_id = answering(scenario())
    asked = story.now
    story.when(outcome(delivery_id, "retry"))
    (again,) = story.advance(MONDAY + HOUR).records("delivery.commands")
    assert isinstance(again, Deliver)
    assert (again.attempt, again.at) == (2, asked)


@pytest.mark.parametrize(("text", "answered"), [("Something else", "m1"), ("We are on it", "m2")])
def test_other_words_or_another_message_are_no_echo(text: str, answered: str) -> None:
    story, delivery_id = answering(scenario())
    story.when(message("m2", in_reply_to="m1"))
    assert story.when(own_post("a1", in_reply_to=answered, text=text)).names == ["RepliedElsewhere"]
    assert delivery(story, delivery_id).state == "pending"


def test_an_answer_written_elsewhere_counts_and_leaves_the_line() -> None:
    story = queued(scenario())
    told = story.when(own_post("o1", in_reply_to="m1", text="From my phone", posted_at=MONDAY + MINUTE))
    elsewhere = only(told, e.RepliedElsewhere)
    assert (elsewhere.first_response, elsewhere.state, elsewhere.posted_at) == (True, "replied", MONDAY + MINUTE)
    assert sent(told, "routing.commands") == ["WithdrawRequest"]
    assert [send.key for send in told.sent if send.topic == "interaction.content"] == [f"{HOME}:o:o1"]
    assert [row for _, row in story.rows.all() if isinstance(row, Timer)] == []
    assert not only(story.when(own_post("o2", in_reply_to="m1", text="More")), e.RepliedElsewhere).first_response


def test_an_answer_written_elsewhere_withdraws_the_offer() -> None:
    story = offered(scenario())
    told = story.when(own_post("o1", in_reply_to="m1"))
    assert (told.names, sent(told, "routing.commands")) == (["RepliedElsewhere"], ["EndReservation"])
    assert (state(story), interaction(story).agent_id) == ("replied", None)
    assert story.advance(MONDAY + HOUR).events == []


def test_an_answer_written_elsewhere_does_not_take_it_from_who_accepted() -> None:
    story = accepted(scenario())
    told = story.when(own_post("o1", in_reply_to="m1"))
    assert (sent(told, "routing.commands"), state(story)) == ([], "replied")
    assert interaction(story).agent_id == "anna"
    assert only(story.when(message("m2", in_reply_to="o1")), e.Assigned).agent_id == "anna"


def test_an_answer_written_elsewhere_after_the_end_changes_nothing() -> None:
    story = accepted(scenario())
    story.when(by_agent(c.Disposition))
    assert only(story.when(own_post("o1", in_reply_to="m1")), e.RepliedElsewhere).state == "dispositioned"


def test_an_own_post_that_came_twice_is_one() -> None:
    story = queued(scenario())
    story.when(own_post("o1", in_reply_to="m1"))
    assert isinstance(story.when(own_post("o1", in_reply_to="m1")).verdict, Duplicate)


def test_an_own_post_to_what_is_not_known_is_refused() -> None:
    told = queued(scenario()).when(own_post("o1", in_reply_to="nothing"))
    assert isinstance(told.verdict, Refusal)
    assert told.verdict.code == "unknown_item"
