"""Generated traffic and its stage: for each ready policy, and for others."""

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Final

import msgspec
import pytest

from engine.policy.document import Account, Filter, Policy, Queue
from engine.policy.rules import Rules
from rejoinder import policy_file
from rejoinder.play.desk import Desk
from rejoinder.play.generating import CONVERSATIONS, day_for, generate
from rejoinder.play.staging import for_policy
from rejoinder.play.traffic import Answer, CustomerSaid, End, Post, Traffic, encode, read, understand

READY: Final = sorted((Path(__file__).parents[2] / "docs" / "policies").glob("*.yaml"))
DAY: Final = date(2026, 11, 18)

every_ready_policy = pytest.mark.parametrize("file", READY, ids=lambda file: file.stem)


def traffic_of(policy: Policy, day: date = DAY, seed: int = 1) -> Traffic:
    return understand("generated", "generated", enumerate(generate(policy, day, seed), 1))


def ready(name: str) -> Policy:
    return policy_file.read(next(file for file in READY if file.stem == name))


def first_posts(traffic: Traffic) -> list[Post]:
    """The first line of each person."""
    found: dict[str, Post] = {}
    for post in traffic.posts:
        found.setdefault(post.author, post)
    return list(found.values())


@every_ready_policy
def test_it_is_the_same_for_the_same_policy_day_and_seed_and_can_be_read_in_its_order(
    file: Path, tmp_path: Path
) -> None:
    policy = policy_file.read(file)
    lines = generate(policy, DAY)
    assert lines == generate(policy, DAY)
    assert lines != generate(policy, DAY, seed=2)
    assert lines != generate(policy, date(2026, 11, 11))
    path = tmp_path / "generated.jsonl"
    path.write_text("".join(f"{encode(line)}\n" for line in lines), "utf-8")
    found = read(path)  # refuses what is not in the order of time
    assert found.steps == traffic_of(policy).steps
    assert found.unmatched == ()
    assert CONVERSATIONS * 0.9 <= len(first_posts(found)) <= CONVERSATIONS * 1.2


@every_ready_policy
def test_it_fits_the_accounts_the_events_and_the_dispositions_of_the_policy(file: Path) -> None:
    policy = policy_file.read(file)
    found = traffic_of(policy)
    known = {(account.channel, account.handle): account for account in policy.accounts}
    assert {key: account.id for key, account in known.items()} == found.accounts
    for post in found.posts:
        account = known[post.channel, post.line.account]
        kind = "mention" if post.said is None else post.said.kind
        assert not account.monitor or kind in account.monitor
    assert {step.line.code for step in found.steps if isinstance(step, End)} <= set(policy.dispositions)


@every_ready_policy
def test_nobody_is_told_the_same_twice_in_public_on_x_and_no_comment_is_answered_in_private_twice(file: Path) -> None:
    found = traffic_of(policy_file.read(file))
    on_x = [(answer.line.account, answer.line.text) for answer in found.answers if answer.has_recorded_id]
    assert len(set(on_x)) == len(on_x)
    ids = [answer.line.tweet_id for answer in found.answers if answer.has_recorded_id]
    assert len({*ids, *(post.item_id for post in found.posts)}) == len(ids) + len(found.posts)
    in_private = [
        answer.answered.item_id
        for answer in found.answers
        if answer.line.channel == "facebook" and answer.visibility == "private"
    ]
    assert len(set(in_private)) == len(in_private)


@every_ready_policy
def test_agents_answer_while_the_account_is_open_or_what_came_before_it_closed(file: Path) -> None:
    policy = policy_file.read(file)
    rules = Rules(1, policy)
    accounts = {(account.channel, account.handle): account for account in policy.accounts}
    latest: dict[str, Post] = {}
    for step in traffic_of(policy).steps:
        if isinstance(step, Post):
            latest[step.author] = step
        elif isinstance(step, Answer):
            account = accounts[step.line.channel, step.line.account]
            asked = latest[step.author]
            assert asked.item_id == step.line.in_reply_to
            closure = rules.closure(account, asked.at, {})
            assert closure is None or (closure.until is not None and closure.until < step.at)


@every_ready_policy
def test_no_private_conversation_is_silent_for_so_long_that_it_would_be_over_before_its_next_line(file: Path) -> None:
    policy = policy_file.read(file)
    rules = Rules(1, policy)
    assert rules.session_idle is not None
    accounts = {(account.channel, account.handle): account for account in policy.accounts}
    begun: dict[str, int] = {}
    """When the silence of each conversation that goes on began."""
    for step in traffic_of(policy).steps:
        where = step if isinstance(step, Post) else step.answered
        if where.visibility == "public" or where.said is None:
            continue
        desk = Desk(accounts[where.channel, where.line.account], rules)
        if isinstance(step, Post) and desk.fate(where.said.text, where.said.kind) == "attach":
            continue  # a thank-you after the end
        if step.author in begun:
            assert step.at - begun[step.author] < rules.session_idle
        begun[step.author] = step.at
        if isinstance(step, Post):
            # Out of hours an agent has it when the account opens, and the silence begins then.
            closure = rules.closure(desk.account, step.at, {})
            if closure is not None and closure.until is not None:
                begun[step.author] = closure.until
        elif isinstance(step, End):
            del begun[step.author]


def test_the_default_policy_has_something_of_everything() -> None:
    policy = ready("all-channels")
    found = traffic_of(policy)
    kinds = Counter((post.channel, "mention" if post.said is None else post.said.kind) for post in found.posts)
    assert {"mention", "direct_message"} == {kind for channel, kind in kinds if channel == "x"}
    assert {"comment", "post"} == {kind for channel, kind in kinds if channel == "facebook"}
    assert {"message", "postback"} == {kind for channel, kind in kinds if channel == "messenger"}
    rules = Rules(1, policy)
    desks = {(account.channel, account.handle): Desk(account, rules) for account in policy.accounts}
    fates, closed = Counter[str](), 0
    for post in first_posts(found):
        desk = desks[post.channel, post.line.account]
        text = post.said.text if post.said is not None else post.line.body["tweet_create_events"][0]["text"]  # type: ignore[union-attr]
        fates[desk.fate(text, "mention" if post.said is None else post.said.kind)] += 1
        closed += rules.closure(desk.account, post.at, {}) is not None
    assert {"route", "answer", "close", "suggest", "ignore"} <= set(fates)
    assert closed >= len(desks)


@pytest.mark.parametrize("name", ["all-channels", "facebook-page-with-private-follow-up"])
def test_who_was_answered_in_private_goes_on_in_messenger_after_it(name: str) -> None:
    steps = traffic_of(ready(name)).steps
    answered = {
        step.author: step.at
        for step in steps
        if isinstance(step, Answer) and step.line.channel == "facebook" and step.visibility == "private"
    }
    following = {
        step.author: step.at
        for step in reversed(steps)
        if isinstance(step, Post) and isinstance(step.line, CustomerSaid) and step.line.commenter
    }
    assert len(answered) >= 3
    assert all(following[author] > at for author, at in answered.items())


def test_a_page_without_messenger_answers_in_public_only() -> None:
    whole = ready("all-channels")
    policy = msgspec.structs.replace(
        whole, accounts=tuple(account for account in whole.accounts if account.channel == "facebook")
    )
    found = traffic_of(policy)
    assert {answer.visibility for answer in found.answers} == {"public"}


@pytest.mark.parametrize("hours", ["24/7", "Mo-Fr 02:00-05:00", "off", "We 10:00-11:00"])
def test_any_hours_can_be_played(hours: str) -> None:
    accounts = tuple(
        Account(channel=channel, id="42", handle="acme", queue="all", hours=hours, time_zone="Asia/Tokyo")
        for channel in ("x", "facebook", "messenger")
    )
    policy = Policy(name="any", accounts=accounts, queues=(Queue(name="all"),))
    found = traffic_of(policy, day_for(policy, date(2026, 11, 20)))
    assert len(found.accounts) == 3
    assert bool(found.answers) == (hours != "off")


def test_a_day_is_played_on_which_the_account_opens_and_on_the_next_too() -> None:
    account = Account(
        channel="x", id="42", handle="acme", queue="all", hours="Mo-Fr 08:00-20:00; PH off", time_zone="Europe/Berlin",
        holidays="DE",
    )  # fmt: skip
    policy = Policy(name="any", accounts=(account,), queues=(Queue(name="all"),))
    assert day_for(policy, date(2026, 11, 20)) == date(2026, 11, 18)
    assert day_for(policy, date(2026, 11, 18)) == date(2026, 11, 11)  # today is not over
    assert day_for(policy, date(2025, 1, 3)) == date(2024, 12, 18)  # two Wednesdays were holidays
    assert day_for(policy, date(2026, 5, 15)) == date(2026, 5, 6)  # the day after the latest was Ascension


@every_ready_policy
def test_every_queue_can_be_served(file: Path) -> None:
    policy = policy_file.read(file)
    agents = for_policy(policy).agents
    for queue in policy.queues:
        able = [
            agent
            for agent in agents
            if agent.pool == queue.pool
            and set(queue.skills) <= set(agent.skills)
            and queue.group in (None, *agent.groups)
            and agent.capacity >= max([1, *policy.weights.values()])
        ]
        assert len(able) >= 2, queue.name


def test_each_pool_has_agents_of_its_own_who_are_not_all_alike() -> None:
    queues = (
        Queue(name="care", skills=("care",)),
        Queue(name="network", skills=("care", "network"), group="seniors"),
        Queue(name="sales", pool="shop", skills=("sales",)),
    )
    account = Account(channel="x", id="42", handle="acme", queue="care")
    agents = for_policy(Policy(name="two", accounts=(account,), queues=queues, weights={"x": 3})).agents
    assert [agent.name for agent in agents] == [
        "ann", "ben", "cleo", "dan", "ann-shop", "ben-shop", "cleo-shop", "dan-shop",
    ]  # fmt: skip
    assert [(agent.skills, agent.groups) for agent in agents[:4]] == [
        (("care", "network"), ("seniors",)), (("care", "network"), ("seniors",)), (("care", "network"), ()),
        (("care",), ()),
    ]  # fmt: skip
    assert {agent.skills for agent in agents[4:]} == {("sales",)}


def test_what_a_policy_makes_of_a_text_decides_what_it_is_used_for() -> None:
    account = Account(channel="messenger", id="42", handle="acme", queue="all")
    drop = Filter(name="drop", any=("invoice", "router", "contract", "number"), action="ignore")
    policy = Policy(name="drop", accounts=(account,), queues=(Queue(name="all"),), filters=(drop,))
    found = traffic_of(policy)
    desk = Desk(account, Rules(1, policy))
    answered = {answer.answered.item_id for answer in found.answers}
    for post in found.posts:
        assert post.said is not None
        assert (post.item_id in answered) <= (desk.fate(post.said.text, post.said.kind) != "ignore")
