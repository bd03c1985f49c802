"""Many attempts at once: in order for each account, no more calls than a limit or a silent platform allows, in time."""

import pytest

from channels.calls import CALL_TIMEOUT
from channels.delivery import BEGIN_TRIES, TROUBLES, Settings
from channels.outcomes import LookUpFailed, Outcome, Posted, Retry, Unknown
from engine.delivery import is_open
from tests.unit.delivery_scene import Scene, begun, deliver
from topics import clients, transactions

SILENCE = Unknown("time_out", "X did not answer.")
LIMIT = Retry("rate_limited", "No more.", 9000)


def test_one_accounts_answers_are_posted_in_order_and_accounts_side_by_side() -> None:
    scene = Scene()
    delivers = [deliver(f"d{n}", account=str(n % 3)) for n in range(12)]
    results = scene.batch(*delivers)
    assert [result.delivery_id for result in results] == [item.delivery_id for item in delivers]
    for account in "012":
        called = [item.delivery_id for _, item in scene.platform.calls if item.account == account]
        assert called == [item.delivery_id for item in delivers if item.account == account]
    assert scene.platform.most_busy == 3


def test_accounts_with_the_same_id_on_two_channels_are_two() -> None:
    scene = Scene()
    scene.platform.outcomes = [LIMIT]
    results = scene.batch(deliver("d1"), deliver("d2", channel="facebook"), deliver("d3"))
    assert [result.outcome for result in results] == ["retry", "posted", "retry"]


def test_an_empty_batch_has_no_results() -> None:
    assert Scene().batch() == []


# --- limits ---


def test_a_limit_of_an_account_spares_its_other_calls_and_no_other_accounts() -> None:
    scene = Scene()
    scene.platform.outcomes = [LIMIT]
    results = scene.batch(deliver("d1"), deliver("d2"), deliver("d3", account="43"), deliver("d4"))
    assert [result.outcome for result in results] == ["retry", "retry", "posted", "retry"]
    assert {result.retry_after for result in results if result.outcome == "retry"} == {9000}
    assert len(scene.platform.calls) == 2


@pytest.mark.parametrize(
    ("limited", "spared", "called"),
    [
        ("reply", {"reply"}, {"message", "retweet", "like", "hide", "delete"}),
        ("message", {"message", "private_answer"}, {"reply", "like"}),
        ("hide", {"hide", "unhide"}, {"reply", "delete"}),
        ("like", {"like"}, {"retweet"}),
    ],
)
def test_a_limit_is_of_one_kind_of_call(limited: str, spared: set[str], called: set[str]) -> None:
    scene = Scene()
    scene.platform.outcomes = [LIMIT]
    others = [deliver(action, action=action) for action in sorted(spared | called)]
    results = scene.batch(deliver(action=limited), *others)
    assert {each.delivery_id for each in results[1:] if each.reason == "rate_limited"} == spared
    assert set(scene.platform.called) == {"d1"} | called


def test_a_limit_does_not_keep_from_looking_for_what_a_predecessor_began() -> None:
    scene = Scene()
    scene.platform.outcomes, scene.platform.found = [LIMIT], ["901"]
    _, second = scene.batch(deliver("d1"), deliver("d2"), unfinished={"d2": begun(60_000, name="d2")})
    assert (second.outcome, second.item_id) == ("posted", "901")


# --- a platform that does not answer ---


@pytest.mark.parametrize("silence", [SILENCE, Unknown("broken_connection", "."), Retry("unreachable", ".")])
def test_after_some_calls_without_an_answer_the_rest_of_the_account_is_not_made(silence: Outcome) -> None:
    scene = Scene()
    scene.platform.outcomes = [silence] * 99
    results = scene.batch(*(deliver(f"d{n}") for n in range(10)))
    assert len(scene.platform.calls) == len(scene.journal.begun) == TROUBLES
    assert {(each.outcome, each.reason) for each in results[TROUBLES:]} == {("retry", "unreachable")}


def test_a_silent_platform_is_known_by_what_had_to_be_looked_up() -> None:
    """Each of them waits until no call can be under way, found or not."""
    scene = Scene()
    scene.platform.outcomes, scene.platform.found = [SILENCE] * 99, [f"90{n}" for n in range(9)]
    results = scene.batch(*(deliver(f"d{n}") for n in range(10)))
    assert [each.outcome for each in results] == ["posted"] * TROUBLES + ["retry"] * (10 - TROUBLES)


def test_an_answer_in_between_begins_the_count_anew() -> None:
    scene = Scene()
    scene.platform.outcomes = [SILENCE, SILENCE, Posted("1"), SILENCE, Retry("unavailable", "."), SILENCE, SILENCE]
    scene.batch(*(deliver(f"d{n}") for n in range(8)))
    assert len(scene.platform.calls) == 8


def test_another_accounts_calls_go_on() -> None:
    scene = Scene()
    scene.platform.outcomes = [Retry("unreachable", ".")] * TROUBLES
    ours = [deliver(f"d{n}") for n in range(TROUBLES)]
    scene.batch(*ours)
    assert scene.batch(deliver("d8"))[0].outcome == "posted", "the next batch tries again"


def test_what_a_predecessor_began_stays_open_while_the_platform_is_silent() -> None:
    scene = Scene()
    scene.platform.found = [LookUpFailed()] * 999
    unfinished = {f"d{n}": begun(60_000, name=f"d{n}") for n in range(10)}
    results = scene.batch(*(deliver(f"d{n}") for n in range(10)), unfinished=unfinished)
    assert all(is_open(each) for each in results)
    assert (len(scene.platform.looks), scene.platform.calls) == (TROUBLES * 5, [])


def test_many_that_a_predecessor_posted_are_all_found() -> None:
    scene = Scene()
    scene.platform.found = [f"90{n}" for n in range(10)]
    unfinished = {f"d{n}": begun(60_000, name=f"d{n}") for n in range(10)}
    results = scene.batch(*(deliver(f"d{n}") for n in range(10)), unfinished=unfinished)
    assert [each.item_id for each in results] == [f"90{n}" for n in range(10)]


# --- the batch's time ---


def test_no_attempt_starts_after_the_batchs_time() -> None:
    scene = Scene(Settings(batch_for=50_000))
    scene.platform.takes = 15_000
    unfinished = {name: begun(60_000, name=name) for name in ("d8", "d9")}
    delivers = [deliver(f"d{n}") for n in range(9)] + [deliver("d9", action="like")]
    results = scene.batch(*delivers, unfinished=unfinished)
    assert [each.outcome for each in results] == ["posted"] * 4 + ["retry"] * 6
    assert {each.reason for each in results[4:8]} == {"later"}
    assert is_open(results[8])
    assert len(scene.journal.begun) == len(scene.platform.calls) == 4


def test_what_may_be_repeated_does_not_stay_open() -> None:
    scene = Scene(Settings(batch_for=0))
    scene.platform.repeats = "harmless"
    (result,) = scene.batch(deliver(), unfinished={"d1": begun(60_000)})
    assert (result.reason, is_open(result)) == ("later", False)


def test_the_longest_batch_is_shorter_than_kafkas_patience() -> None:
    settings, call = Settings(), CALL_TIMEOUT * 1000
    pauses = sum(settings.look_up_pause * 2**n for n in range(settings.look_up_tries - 1))
    look_up = settings.look_up_tries * call + pauses
    begins = BEGIN_TRIES * 2 * transactions.CALL_TIMEOUT * 1000
    # A predecessor's attempt is looked for, and made again; there is no answer, and it is looked for again.
    attempt = (settings.call_within + call) + look_up + begins + call + (settings.call_within + call) + look_up
    assert settings.batch_for + attempt < clients.MAX_POLL
