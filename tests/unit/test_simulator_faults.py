"""What goes wrong on the simulated platforms: faults as told, faults by chance, limits, disorder of webhooks."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.outcomes import Duplicate, LookUpFailed, Posted, Refused, Retry, Unknown
from channels.simulator import x_records
from channels.simulator.faults import Fate, Faults, Rates
from channels.simulator.limits import QUARTER, Limits
from engine.interaction.commands import ReceiveMessage
from tests.simulating import NOW, World, answer, customer, found, play, x_deliver
from tests.x_samples import ACCOUNT, OTHER_ACCOUNT, fuzzed

# --- what goes wrong ---


def test_each_fault_happens_as_often_as_told_and_then_no_more() -> None:
    async def story(world: World) -> None:
        await customer(world)
        await world.fault("429", 2)
        await world.fault("503")
        kinds = [await answer(world) for _ in range(4)]
        assert [type(kind) for kind in kinds] == [Retry, Retry, Retry, Posted]
        assert [kind.reason for kind in kinds if isinstance(kind, Retry)] == ["rate_limited"] * 2 + ["unavailable"]
        assert (await world.state())["faults"] == {"429": 2, "503": 1}

    play(story)


def test_a_fault_can_be_for_one_sort_of_call() -> None:
    async def story(world: World) -> None:
        item = (await world.say("x", "mention", "hi"))["item_id"]
        await world.fault("503", call="retweet")
        assert isinstance(await answer(world, in_reply_to=item), Posted)
        assert isinstance(await world.x.perform(x_deliver("retweet", in_reply_to=item)), Retry)
        assert isinstance(await world.x.perform(x_deliver("retweet", in_reply_to=item)), Posted)
        await world.fault("503")
        await world.fault("503", times=0)
        assert isinstance(await answer(world, "more", in_reply_to=item), Posted)

    play(story)


def test_every_permanent_error_is_one_for_the_client() -> None:
    async def story(world: World) -> None:
        await customer(world)
        for name in sorted(x_records.ERRORS):
            await world.fault(name)
            assert isinstance(await answer(world), Duplicate if name == "duplicate" else Refused), name
        assert await world.actions() == []

    play(story)


def test_a_time_out_posts_nothing_and_a_lost_answer_does() -> None:
    async def story(world: World) -> None:
        await customer(world)
        await world.fault("time_out")
        assert isinstance(await answer(world, "one"), Unknown)
        assert await found(world, "one") is None
        await world.fault("answer_lost")
        assert isinstance(await answer(world, "two"), Unknown)
        assert await found(world, "two") is not None
        assert await answer(world, "two") == Duplicate()

    play(story, World(call_timeout=0.3))


@pytest.mark.parametrize(("kind", "there"), [("reset", 0), ("time_out", 0), ("answer_lost", 1)])
def test_a_connection_that_breaks_is_one_that_breaks(kind: str, there: int) -> None:
    async def story(world: World) -> None:
        await customer(world)
        await world.put("settings", {"silence_ms": 0})
        await world.fault(kind)
        outcome = await answer(world)
        assert isinstance(outcome, Unknown)
        assert outcome.reason == "broken_connection"
        assert len(await world.actions()) == there

    play(story)


def test_the_answer_can_be_a_server_error_although_the_post_was_made() -> None:
    async def story(world: World) -> None:
        await customer(world)
        await world.fault("answer_500")
        assert isinstance(await answer(world), Retry | Unknown)
        assert await answer(world) == Duplicate()

    play(story)


def test_the_echo_can_come_before_the_answer_of_the_call() -> None:
    async def story(world: World) -> None:
        await customer(world)
        await world.fault("echo_first")
        await answer(world)
        assert len(world.commands) == 2

    play(story)


def test_a_look_up_can_fail() -> None:
    async def story(world: World) -> None:
        await world.fault("look_up_503")
        with pytest.raises(LookUpFailed):
            await found(world, "x")
        assert await found(world, "x") is None

    play(story)


# --- limits ---


def test_the_limit_is_each_accounts_and_ends_with_its_window() -> None:
    async def story(world: World) -> None:
        await customer(world)
        outcomes = [await answer(world, str(n)) for n in range(3)]
        limited = outcomes[2]
        assert [type(outcome) for outcome in outcomes] == [Posted, Posted, Retry]
        assert isinstance(limited, Retry)
        assert limited.retry_after == 15 * 60_000
        assert isinstance(await answer(world, "x", account=OTHER_ACCOUNT), Posted)
        assert isinstance(await world.x.perform(x_deliver("message")), Posted)
        world.now += 15 * 60_000
        assert isinstance(await answer(world, "2"), Posted)

    play(story, World(rate_limit=2))


def test_each_sort_of_call_has_its_own_limit() -> None:
    async def story(world: World) -> None:
        item = (await world.say("x", "mention", "hi"))["item_id"]
        await world.put("settings", {"limits": {"like": 1}})
        assert isinstance(await world.x.perform(x_deliver("like", in_reply_to=item)), Posted)
        assert isinstance(await world.x.perform(x_deliver("like", in_reply_to=item)), Retry)
        assert isinstance(await world.x.perform(x_deliver("retweet", in_reply_to=item)), Posted)
        await world.put("settings", {"limits": "documented"})
        headers = (await world.control.post("/2/tweets")).headers
        assert "x-rate-limit-limit" not in headers
        await world.put("settings", {"limits": None})
        assert isinstance(await world.x.perform(x_deliver("like", in_reply_to=item)), Posted)

    play(story)


@fuzzed
@given(st.lists(st.integers(0, QUARTER), max_size=60), st.integers(1, 5), st.integers(1, 8))
def test_no_window_ever_holds_more_than_its_limit(pauses: list[int], few: int, more: int) -> None:
    now, taken = NOW, list[int]()
    windows = ((few, QUARTER), (few + more, 4 * QUARTER))
    limits = Limits(lambda: now, {"post": windows})
    for pause in pauses:
        now += pause
        standing = limits.take(ACCOUNT, "post")
        full = any(sum(at > now - length for at in taken) >= limit for limit, length in windows)
        assert standing.allowed is not full
        if standing.allowed:
            taken.append(now)
        else:
            assert standing.remaining == 0
            assert now < standing.reset <= now + 4 * QUARTER


def test_a_limit_that_is_off_allows_everything() -> None:
    limits = Limits(lambda: NOW)
    assert all(limits.take(ACCOUNT, "post").allowed for _ in range(1000))


# --- by chance ---

CALLS = frozenset({"post", "look_up"})


def faults(rates: Rates) -> Faults:
    return Faults(frozenset({"401"}), ("429", "500", "503", "time_out", "reset"), CALLS, rates)


def fates(rates: Rates, names: list[str]) -> list[Fate]:
    drawing = faults(rates)
    return [drawing.fate("post", name) for name in names]


@fuzzed
@given(st.integers(0, 2**32), st.permutations([str(n % 6) for n in range(12)]))
def test_a_call_has_the_same_fate_whatever_else_is_called(seed: int, names: list[str]) -> None:
    rates = Rates(seed=seed, fail=0.3, lose_answer=0.2, echo_first=0.2)
    of_each: dict[str, list[Fate]] = {}
    for name, fate in zip(names, fates(rates, names), strict=True):
        of_each.setdefault(name, []).append(fate)
    assert of_each == {name: fates(rates, [name] * 2) for name in of_each}


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 1.0])
def test_as_many_calls_fail_as_was_said_and_in_every_way(share: float) -> None:
    drawn = fates(Rates(seed=1, fail=share), [str(n) for n in range(5000)])
    failed = [fate.before for fate in drawn if fate.before is not None]
    assert abs(len(failed) - share * 5000) <= 150
    assert set(failed) == (set() if share == 0 else {"429", "500", "503", "time_out", "reset"})
    lost = fates(Rates(seed=1, lose_answer=share), [str(n) for n in range(5000)])
    assert abs(sum(fate.after == "answer_lost" for fate in lost) - share * 5000) <= 150
    assert all(fate.before is None for fate in lost)


def test_a_failure_by_chance_is_one_of_those_that_were_named() -> None:
    drawn = fates(Rates(fail=1.0, kinds=("401", "503")), [str(n) for n in range(100)])
    assert {fate.before for fate in drawn} == {"401", "503"}


def test_a_look_up_fails_too_but_loses_and_doubles_nothing() -> None:
    drawing = faults(Rates(seed=1, fail=0.5, lose_answer=0.5, echo_first=1.0))
    drawn = [drawing.fate("look_up", str(n)) for n in range(200)]
    assert {fate.before is None for fate in drawn} == {True, False}
    assert not any(fate.after or fate.echo_first for fate in drawn)


def test_with_everything_going_wrong_each_answer_is_there_once_when_it_is_repeated() -> None:
    """X refuses a text twice: so calls are simply made again until one is answered."""
    chances = {"seed": 3, "fail": 0.4, "lose_answer": 0.2, "echo_first": 0.3, "duplicate": 0.5, "reorder": 0.5}

    async def story(world: World) -> None:
        await customer(world)
        await world.put("settings", {"silence_ms": 0, "hold_ms": 20})
        await world.put("faults", chances)

        async def until_answered(text: str) -> None:
            while not isinstance(await answer(world, text), Posted | Duplicate):
                pass

        await asyncio.gather(*(until_answered(f"answer {n}") for n in range(40)))
        state = await world.state()
        assert {"429", "500", "503", "time_out", "reset", "answer_lost", "echo_first"} <= set(state["faults"])
        assert min(state["faults"]["duplicate"], state["faults"]["reorder"]) > 0
        texts = sorted(action["text"] for action in await world.actions())
        assert texts == sorted(f"answer {n}" for n in range(40))
        await world.control.delete("/_simulator/faults")
        assert isinstance(await answer(world, "the last"), Posted)

    play(story)


def test_a_throttle_by_chance_ends_when_it_says() -> None:
    async def story(world: World) -> None:
        await customer(world)
        await world.put("faults", {"fail": 1.0, "reset_ms": 3000, "channel": "x"})
        outcomes = [await answer(world, str(n)) for n in range(30)]
        throttled = [each for each in outcomes if isinstance(each, Retry) and each.reason == "rate_limited"]
        assert {each.retry_after for each in throttled} == {3000}

    play(story, World(call_timeout=0.3))


# --- the order of webhooks ---


def received(world: World) -> list[str]:
    return [command.text for command in world.commands if isinstance(command, ReceiveMessage)]


def test_without_chance_what_one_person_says_arrives_in_order_and_once() -> None:
    async def story(world: World) -> None:
        for n in range(3):
            await world.say("x", "direct_message", str(n))
        said = [
            {"channel": "x", "kind": "direct_message", "account": ACCOUNT, "from": {"id": "7"}, "text": str(n)}
            for n in range(3, 20)
        ]
        told = await world.control.post("/_simulator/customers/say", json=said)
        assert all(item["delivered"] and not item["held"] for item in told.json()["items"])

    assert received(play(story)) == [str(n) for n in range(20)]


def talk(count: int) -> list[dict[str, object]]:
    """What one person says on X, in a row. The ids are given, so that the same is drawn in each run."""
    said = {"channel": "x", "kind": "direct_message", "account": ACCOUNT, "from": {"id": "7"}}
    return [{**said, "text": str(n), "item_id": str(1000 + n)} for n in range(count)]


def test_by_chance_webhooks_come_after_later_ones_and_all_come_once() -> None:
    held: set[int] = set()

    async def story(world: World) -> None:
        await world.put("settings", {"hold_ms": 60_000})  # none is to come because of the time
        await world.put("faults", {"seed": 0, "reorder": 0.3})  # of this seed the last four are not held back
        told = (await world.control.post("/_simulator/customers/say", json=talk(60))).json()["items"]
        held.update(n for n, item in enumerate(told) if item["held"])

    texts = [int(text) for text in received(play(story))]
    assert sorted(texts) == list(range(60))
    assert 8 <= len(held) <= 28
    overtaken = {n for n in range(60) if any(later > n for later in texts[: texts.index(n)])}
    assert overtaken == held


def test_by_chance_webhooks_come_twice() -> None:
    async def story(world: World) -> None:
        await world.put("settings", {"hold_ms": 20})
        await world.put("faults", {"duplicate": 0.3})
        await world.control.post("/_simulator/customers/say", json=talk(40))
        twice = (await world.state())["faults"]["duplicate"]
        assert 4 <= twice <= 24
        assert len(world.commands) == 40 + twice

    texts = received(play(story))
    assert set(texts) == {str(n) for n in range(40)}
    assert max(texts.count(text) for text in texts) == 2


def test_one_that_is_held_back_comes_even_if_nothing_follows() -> None:
    async def story(world: World) -> None:
        await world.put("settings", {"hold_ms": 10})
        await world.put("faults", {"reorder": 1.0})
        told = await world.say("x", "direct_message", "alone")
        assert (told["held"], told["delivered"]) == (True, True)

    assert received(play(story)) == ["alone"]
