"""Many attempts at once: in order for each account, and no more calls than a limit or a silent platform allows."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.lanes import LONGEST_LIMIT, QUIET, TROUBLES, UNNAMED_LIMIT, Lanes
from channels.outcomes import LookUpFailed, Outcome, Posted, Retry, Unknown
from engine.delivery import Deliver, is_open
from engine.interaction.commands import RecordDelivery
from tests.attempting import attempt_all
from tests.unit.delivery_scene import Scene, begun, deliver

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


def test_an_account_that_waits_for_its_platform_holds_up_no_other() -> None:
    """The first one's call does not end; the second account's attempts do, one after the other."""
    scene = Scene()
    stuck, made = asyncio.Event(), scene.platform.perform

    async def perform(deliver: Deliver) -> Outcome:
        if deliver.account == "slow":
            await stuck.wait()
        return await made(deliver)

    scene.platform.perform = perform  # type: ignore[method-assign]

    async def story() -> list[RecordDelivery]:
        waiting = asyncio.create_task(scene.lanes.attempt(deliver("d0", account="slow")))
        ended = [await scene.lanes.attempt(deliver(f"d{n}", account="quick")) for n in (1, 2)]
        assert not waiting.done()
        stuck.set()
        return [*ended, await waiting]

    assert [each.delivery_id for each in asyncio.run(story())] == ["d1", "d2", "d0"]


def test_one_that_is_called_off_gives_its_turn_to_the_next() -> None:
    scene = Scene()

    async def story() -> RecordDelivery:
        first, second = (asyncio.create_task(scene.lanes.attempt(deliver(name))) for name in ("d1", "d2"))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert asyncio.run(story()).outcome == "posted"


def test_what_has_to_be_prepared_is_before_each_attempt_that_is_made() -> None:
    scene, prepared = Scene(), list[str]()

    async def prepare(each: Deliver) -> None:
        assert each.delivery_id not in scene.platform.called
        prepared.append(each.delivery_id)

    scene.lanes = Lanes(scene.worker, prepare)
    scene.platform.outcomes = [LIMIT]
    scene.batch(deliver("d1"), deliver("d2"), deliver("d3", account="43"))
    assert prepared == ["d1", "d3"]


# --- limits ---


def test_a_limit_of_an_account_spares_its_other_calls_and_no_other_accounts() -> None:
    scene = Scene()
    scene.platform.outcomes = [LIMIT]
    results = scene.batch(deliver("d1"), deliver("d2"), deliver("d3", account="43"), deliver("d4"))
    assert [result.outcome for result in results] == ["retry", "retry", "posted", "retry"]
    waits = [result.retry_after for result in results if result.outcome == "retry" and result.retry_after]
    assert (waits[0], len(waits)) == (9000, 3)
    assert all(8900 <= wait <= 9000 for wait in waits), "what is left of the limit"
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
    assert scene.batch(deliver("d8", account="43"))[0].outcome == "posted"
    assert scene.batch(deliver("d9"))[0].reason == "unreachable"


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


def test_after_a_while_one_call_is_tried_and_one_more_silence_begins_the_next_while() -> None:
    scene = Scene()
    unreachable = Retry("unreachable", ".")
    scene.platform.outcomes = [unreachable] * (TROUBLES + 1)

    async def story() -> None:
        await attempt_all(scene.lanes, [deliver(f"d{n}") for n in range(TROUBLES)])
        spared = await scene.lanes.attempt(deliver("d7"))
        assert spared.retry_after is not None
        scene.clock.at += spared.retry_after
        await attempt_all(scene.lanes, [deliver("d8"), deliver("d9")])
        assert scene.platform.called[-1] == "d8"
        assert len(scene.platform.calls) == TROUBLES + 1
        scene.clock.at += QUIET
        after = await attempt_all(scene.lanes, [deliver("d10"), deliver("d11")])
        assert [each.outcome for each in after] == ["posted", "posted"]

    asyncio.run(story())


@pytest.mark.parametrize(("named", "holds"), [(9000, 9000), (None, UNNAMED_LIMIT), (86_400_000, LONGEST_LIMIT), (0, 0)])
def test_a_limit_holds_as_long_as_the_platform_says_but_is_asked_about_again(named: int | None, holds: int) -> None:
    scene = Scene()
    scene.platform.outcomes = [Retry("rate_limited", "No more.", named)]
    scene.batch(deliver("d1"))
    scene.clock.at += max(0, holds - 1)
    (before,) = scene.batch(deliver("d2"))
    scene.clock.at += 1
    (after,) = scene.batch(deliver("d3"))
    assert [before.outcome, after.outcome] == ["retry" if holds else "posted", "posted"]


@pytest.mark.parametrize("repeats", ["harmless", "doubled"])
def test_what_a_predecessor_began_and_may_not_be_repeated_stays_open_while_nothing_is_called(repeats: str) -> None:
    scene = Scene()
    scene.platform.repeats = repeats  # type: ignore[assignment]
    scene.platform.outcomes = [Retry("unreachable", ".")] * TROUBLES
    scene.batch(*(deliver(f"d{n}") for n in range(TROUBLES)))
    (result,) = scene.batch(deliver("d9"), unfinished={"d9": begun(60_000, name="d9")})
    assert is_open(result) == (repeats == "doubled")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([None, LIMIT, SILENCE])), max_size=30))
def test_every_order_has_one_outcome_and_an_accounts_calls_keep_their_order(
    orders: list[tuple[str, Outcome | None]],
) -> None:
    scene = Scene()
    scene.platform.outcomes = [outcome or Posted("900") for _, outcome in orders]
    delivers = [deliver(f"d{n}", account=account) for n, (account, _) in enumerate(orders)]
    results = scene.batch(*delivers)
    assert [each.delivery_id for each in results] == [each.delivery_id for each in delivers]
    for account in "abc":
        called = [each.delivery_id for _, each in scene.platform.calls if each.account == account]
        asked = [each.delivery_id for each in delivers if each.account == account]
        assert called == [each for each in asked if each in called]
        assert len(called) == len(set(called))
