"""One attempt to act on a platform, with a clock that is moved by hand and a platform that answers as it is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.delivery import Repeat, Settings
from channels.outcomes import Duplicate, LookUpFailed, Outcome, Posted, Refused, Retry, Unknown
from engine.delivery import is_open
from engine.envelope import derive
from tests.unit.delivery_scene import CALL_TIMEOUT, Scene, begun, deliver
from tests.x_samples import fuzzed


def test_a_posted_answer_is_recorded() -> None:
    scene = Scene()
    command = scene.run(deliver())
    assert (command.outcome, command.item_id, command.settled_by) == ("posted", "900", "outcome")
    assert command.posted_at == command.at == scene.clock.at
    assert command.command_id == derive("d1", 1, "outcome")
    assert (command.interaction_id, command.delivery_id, command.attempt) == ("home.1", "d1", 1)
    assert command.correlation_id == "c1"


def test_in_recorded_time_it_is_posted_when_it_was() -> None:
    command = Scene(Settings(recorded_time=True)).run(deliver())
    assert command.posted_at == command.at == 1_500_000_000_000


def test_nothing_is_called_before_the_beginning_is_durable() -> None:
    scene = Scene()
    scene.journal.broken = True
    with pytest.raises(ConnectionError):
        scene.run(deliver())
    assert scene.platform.calls == []


def test_an_attempt_whose_beginning_became_old_is_begun_again() -> None:
    scene = Scene(Settings(call_within=1000))
    scene.journal.slow = [1000, 999]
    assert scene.run(deliver()).outcome == "posted"
    assert len(scene.journal.begun) == 2
    ((called_at, _),) = scene.platform.calls
    assert called_at - scene.journal.begun[-1].begun_at < 1000


def test_a_journal_that_stays_slow_ends_in_another_try_without_a_call() -> None:
    scene = Scene(Settings(call_within=1000))
    scene.journal.slow = [5000] * 10
    command = scene.run(deliver())
    assert (command.outcome, command.reason) == ("retry", "slow_journal")
    assert scene.platform.calls == []
    assert len(scene.journal.begun) == 3


def test_a_temporary_error_is_passed_on_with_the_platforms_wish() -> None:
    scene = Scene()
    scene.platform.outcomes = [Retry("unavailable", "X is not able to answer.", 7000)]
    command = scene.run(deliver())
    assert (command.outcome, command.reason, command.retry_after) == ("retry", "unavailable", 7000)
    assert (command.detail, command.posted_at, command.item_id) == ("X is not able to answer.", None, None)


def test_a_refusal_is_passed_on() -> None:
    scene = Scene()
    scene.platform.outcomes = [Refused("too_long", "Shorten it.")]
    command = scene.run(deliver())
    assert (command.outcome, command.reason, command.detail) == ("refused", "too_long", "Shorten it.")


# --- a call that was not answered ---


def test_an_unanswered_call_is_looked_up_after_no_call_can_be_under_way() -> None:
    scene = Scene()
    scene.platform.outcomes = [Unknown("time_out", "X did not answer.")]
    scene.platform.found = ["901"]
    command = scene.run(deliver())
    assert (command.outcome, command.item_id, command.settled_by) == ("posted", "901", "look_up")
    assert scene.platform.looks[0] >= scene.journal.begun[0].begun_at + 5_000 + CALL_TIMEOUT


def test_an_unanswered_call_that_posted_nothing_may_be_made_again() -> None:
    scene = Scene()
    scene.platform.outcomes = [Unknown("time_out", "X did not answer.")]
    command = scene.run(deliver())
    assert (command.outcome, command.reason) == ("retry", "time_out")
    assert len(scene.platform.calls) == 1


# --- an attempt of a worker that died ---


def test_a_predecessors_attempt_is_looked_up_and_not_made_again() -> None:
    scene = Scene()
    scene.platform.found = ["901"]
    command = scene.run(deliver(), begun(ago=10_000))
    assert (command.outcome, command.item_id, command.settled_by) == ("posted", "901", "look_up")
    assert (scene.platform.calls, scene.journal.begun) == ([], [])
    assert scene.clock.slept == [15_000]


@pytest.mark.parametrize(("ago", "wait"), [(0, 25_000), (24_999, 1), (25_000, 0), (9_999_999, 0), (-9_999_999, 25_000)])
def test_the_wait_is_what_is_left_and_never_more_than_the_longest_call(ago: int, wait: int) -> None:
    scene = Scene()
    scene.platform.found = ["901"]
    scene.run(deliver(), begun(ago))
    assert scene.clock.slept == [wait]


def test_a_predecessors_attempt_that_posted_nothing_is_made_now() -> None:
    scene = Scene()
    assert scene.run(deliver(), begun(0)).settled_by == "outcome"
    assert len(scene.platform.calls) == 1


def test_the_platforms_duplicate_error_settles_what_the_look_up_missed() -> None:
    scene = Scene()
    scene.platform.outcomes = [Duplicate()]
    scene.platform.found = [None, None, "901"]
    command = scene.run(deliver(), begun(0))
    assert (command.outcome, command.item_id, command.settled_by) == ("posted", "901", "duplicate_error")


def test_a_duplicate_of_an_unfinished_attempt_is_posted_even_if_it_is_not_found() -> None:
    scene = Scene()
    scene.platform.outcomes = [Duplicate()]
    command = scene.run(deliver(), begun(0))
    assert (command.outcome, command.item_id, command.settled_by) == ("posted", None, "duplicate_error")


def test_where_a_repeat_would_be_doubled_what_is_not_found_goes_to_a_person() -> None:
    scene = Scene()
    scene.platform.repeats = "doubled"
    command = scene.run(deliver(), begun(0))
    assert (command.outcome, command.reason) == ("undecided", "undecided")
    assert scene.platform.calls == []
    assert len(scene.platform.looks) == 5


def test_where_a_repeat_would_be_doubled_an_unanswered_call_is_never_made_again() -> None:
    scene = Scene()
    scene.platform.repeats = "doubled"
    scene.platform.outcomes = [Unknown("time_out", "X did not answer.")]
    assert scene.run(deliver()).outcome == "undecided"
    scene.platform.outcomes, scene.platform.found = [Unknown("time_out", "X did not answer.")], [None, None, "901"]
    assert scene.run(deliver("d2")).item_id == "901"
    assert len(scene.platform.calls) == 2


@pytest.mark.parametrize("repeats", ["refused", "doubled"])
def test_a_look_up_that_fails_is_tried_a_bounded_number_of_times_and_leaves_the_attempt_open(repeats: Repeat) -> None:
    scene = Scene()
    scene.platform.repeats = repeats
    scene.platform.found = [LookUpFailed()] * 99
    command = scene.run(deliver(), begun(0))
    assert (command.outcome, command.reason, is_open(command)) == ("retry", "undecided", True)
    assert (len(scene.platform.looks), scene.platform.calls) == (5, [])
    assert scene.clock.slept[1:] == [1000, 2000, 4000, 8000]


def test_an_unanswered_call_that_can_not_be_looked_up_stays_open() -> None:
    scene = Scene()
    scene.platform.outcomes, scene.platform.found = [Unknown("time_out", "X did not answer.")], [LookUpFailed()] * 99
    assert is_open(scene.run(deliver()))


def test_what_a_repeat_would_not_change_is_simply_done_again() -> None:
    scene = Scene()
    scene.platform.repeats = "harmless"
    assert scene.run(deliver(action="like"), begun(0)).outcome == "posted"
    scene.platform.outcomes = [Unknown("time_out", "X did not answer.")]
    command = scene.run(deliver(action="like"))
    assert (command.outcome, command.reason, is_open(command)) == ("retry", "time_out", False)
    assert (scene.platform.looks, scene.clock.slept) == ([], [])


def test_a_look_up_that_recovers_settles() -> None:
    scene = Scene()
    scene.platform.found = [LookUpFailed(), LookUpFailed(), "901"]
    assert scene.run(deliver(), begun(0)).item_id == "901"


# --- the same text ---


def test_a_first_attempt_with_a_text_that_stood_elsewhere_is_refused() -> None:
    scene = Scene()
    scene.platform.outcomes = [Duplicate()]
    command = scene.run(deliver())
    assert (command.outcome, command.reason) == ("refused", "duplicate_text")


def test_a_first_attempt_whose_very_answer_stands_there_is_posted() -> None:
    scene = Scene()
    scene.platform.outcomes = [Duplicate()]
    scene.platform.found = ["901"]
    assert scene.run(deliver()).item_id == "901"


def test_a_later_attempt_that_is_a_duplicate_of_nothing_found_goes_to_a_person() -> None:
    scene = Scene()
    scene.platform.outcomes = [Duplicate()]
    assert scene.run(deliver(attempt=2)).outcome == "undecided"


def test_a_comment_that_had_its_private_answer_is_refused_with_a_reason_of_its_own() -> None:
    scene = Scene()
    scene.platform.outcomes = [Duplicate()]
    command = scene.run(deliver(action="private_answer", channel="facebook", visibility="private"))
    assert (command.outcome, command.reason) == ("refused", "already_answered")


# --- whom it reached ---


def test_a_private_answer_to_a_comment_tells_the_handle_that_it_reached() -> None:
    scene = Scene()
    scene.platform.outcomes = [Posted("m1", "PSID1")]
    command = scene.run(deliver(action="private_answer", channel="facebook"))
    assert (command.recipient_id, command.recipient_handle) == ("PSID1", "home-messenger-PSID1")
    scene.platform.outcomes, scene.platform.found = [Unknown("time_out", ".")], [Posted("m2", "PSID2")]
    command = scene.run(deliver("d2", action="private_answer", channel="facebook"))
    assert (command.item_id, command.recipient_handle) == ("m2", "home-messenger-PSID2")
    command = scene.run(deliver("d3"))
    assert (command.recipient_id, command.recipient_handle) == (None, None)


def test_a_channel_without_a_platform_is_refused_without_a_call() -> None:
    scene = Scene()
    command = scene.run(deliver(channel="messenger"))
    assert (command.outcome, command.reason) == ("refused", "no_platform")
    assert is_open(scene.run(deliver(channel="messenger"), begun(0)))
    assert (scene.platform.calls, scene.journal.begun) == ([], [])


OUTCOMES = st.sampled_from(
    [Posted("1"), Posted(None), Retry("unavailable", "."), Refused("x", "."), Unknown("time_out", "."), Duplicate()]
)
FOUND = st.sampled_from([None, "901", LookUpFailed()])


@fuzzed
@given(
    outcome=OUTCOMES,
    found=st.lists(FOUND, max_size=8),
    attempt=st.integers(1, 3),
    ago=st.none() | st.integers(-60_000, 60_000),
    slow=st.lists(st.integers(0, 8_000), max_size=4),
    repeats=st.sampled_from(["harmless", "refused", "doubled"]),
)
def test_every_attempt_ends_with_one_outcome_and_at_most_one_call(
    outcome: Outcome,
    found: list[str | Posted | LookUpFailed | None],
    attempt: int,
    ago: int | None,
    slow: list[int],
    repeats: Repeat,
) -> None:
    scene = Scene()
    scene.platform.outcomes, scene.platform.found = [outcome], list(found)
    scene.platform.repeats, scene.journal.slow = repeats, list(slow)
    command = scene.run(deliver(attempt=attempt), None if ago is None else begun(ago, attempt))
    assert command.outcome in ("posted", "retry", "refused", "undecided")
    assert (command.outcome == "posted") == (command.posted_at is not None) == (command.reason is None)
    assert len(scene.platform.calls) <= 1
    assert ago is None or repeats != "doubled" or not scene.platform.calls
    for called_at, _ in scene.platform.calls:
        assert called_at - scene.journal.begun[-1].begun_at < 5_000
    assert "text of" not in repr(command)
