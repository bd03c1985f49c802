"""What the platforms forbid is refused with the name of the rule, unless the account has leave."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.policy.document import Account, Filter, Notice, Policy, Queue
from engine.policy.forbidden import offences
from engine.policy.validation import problems

X = "x:1"
PAGE = "facebook:2"
CHAT = "messenger:2"


def account(name: str, **changes: Any) -> Account:
    channel, number = name.split(":")
    fields: dict[str, Any] = {"channel": channel, "id": number, "handle": "acme", "queue": "care"}
    return Account(**(fields | changes))


def policy(*accounts: Account, **changes: Any) -> Policy:
    fields: dict[str, Any] = {"name": "p", "accounts": accounts, "queues": (Queue(name="care"),)}
    return Policy(**(fields | changes))


def like(engagement: str = "like", mode: str = "automatic", **changes: Any) -> Filter:
    return Filter(
        name="praise",
        sentiment="positive",
        action="engage",
        engagement=engagement,  # type: ignore[arg-type]
        mode=mode,  # type: ignore[arg-type]
        **changes,
    )


def answering(**changes: Any) -> Filter:
    return Filter(name="faq", any=("hours",), action="answer", template="n", **changes)


def notice(visibility: str = "public") -> Notice:
    return Notice(name="n", text={"en": "{handle} We are there."}, visibility=visibility)  # type: ignore[arg-type]


def rules_broken(asked: Policy) -> list[str]:
    found = list(offences(asked))
    told = [problem.message for problem in problems(asked)]
    assert told == [each.message for each in found]
    assert all(each.message.startswith(f"{each.rule.name}: {each.rule.words} (") for each in found)
    return [each.rule.name for each in found]


CLOSED = {"notices": {"closed": "n"}}
FORBIDDEN: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("x_automatic_like", X, {}, {"filters": (like(),)}),
    ("x_automatic_like", X, {}, {"filters": (like("favourite"),)}),
    ("x_automatic_direct_message", X, CLOSED, {"notices": (notice("private"),)}),
    ("x_automatic_direct_message", X, {}, {"filters": (answering(),), "notices": (notice("private"),)}),
    ("x_opt_out", X, CLOSED, {"notices": (notice(),), "opt_out": ()}),
    ("x_opt_out", X, {}, {"filters": (answering(),), "notices": (notice(),), "opt_out": ()}),
    ("facebook_private_notice", PAGE, CLOSED, {"notices": (notice("private"),)}),
    ("facebook_private_notice", PAGE, {}, {"filters": (answering(),), "notices": (notice("private"),)}),
]


@pytest.mark.parametrize(("rule", "name", "at_account", "rest"), FORBIDDEN)
def test_it_is_refused_by_name_unless_the_account_has_leave(
    rule: str, name: str, at_account: dict[str, Any], rest: dict[str, Any]
) -> None:
    asked = policy(account(name, **at_account), **rest)
    assert rules_broken(asked) == [rule]
    assert f"({name})" in problems(asked)[0].message
    assert rules_broken(policy(account(name, platform_permission="granted", **at_account), **rest)) == []


@pytest.mark.parametrize(
    ("accounts", "rest"),
    [
        ([account(X)], {"filters": (like(mode="suggest"),)}),
        ([account(X)], {"filters": (like("retweet"),)}),
        ([account(X), account(PAGE)], {"filters": (like(accounts=(PAGE,)),)}),
        ([account(X, **CLOSED)], {"notices": (notice(),)}),
        ([account(X, monitor=("direct_message",), **CLOSED)], {"notices": (notice("private"),)}),
        ([account(X)], {"filters": (answering(events=("direct_message",)),), "notices": (notice("private"),)}),
        ([account(CHAT, **CLOSED)], {"notices": (notice("private"),), "opt_out": ()}),
        ([account(X)], {"notices": (notice("private"),), "opt_out": ()}),
    ],
)
def test_what_the_platforms_allow_passes(accounts: list[Account], rest: dict[str, Any]) -> None:
    assert rules_broken(policy(*accounts, **rest)) == []


def test_a_policy_names_only_the_accounts_without_leave() -> None:
    two = (account("x:1", platform_permission="granted"), account("x:3"), account(PAGE))
    (found,) = offences(policy(*two, filters=(like(),)))
    assert (found.path, found.accounts) == (("filters", 0, "mode"), ("x:3",))


ACCOUNTS = st.builds(
    account,
    st.sampled_from([X, PAGE, CHAT]),
    platform_permission=st.sampled_from(["none", "granted"]),
    notices=st.sampled_from([{}, {"closed": "n"}]),
)
FILTERS = st.one_of(
    st.builds(like, st.sampled_from(["like", "favourite", "retweet"]), st.sampled_from(["automatic", "suggest"])),
    st.just(answering()),
)


@given(
    st.lists(ACCOUNTS, min_size=1, max_size=3, unique_by=lambda each: each.channel),
    st.lists(FILTERS, max_size=2, unique_by=lambda each: each.name),
    st.sampled_from(["public", "private"]),
    st.sampled_from([(), ("stop",)]),
)
def test_an_offence_is_always_at_an_account_of_its_platform_without_leave_and_none_is_left_where_all_have_it(
    accounts: list[Account], filters: list[Filter], visibility: str, opt_out: tuple[str, ...]
) -> None:
    asked = policy(*accounts, filters=tuple(filters), notices=(notice(visibility),), opt_out=opt_out)
    without = {f"{each.channel}:{each.id}" for each in accounts if each.platform_permission == "none"}
    for each in offences(asked):
        assert set(each.accounts) <= without
        assert all(name.startswith(each.rule.name.split("_")[0]) for name in each.accounts)
    automatic_likes = any(each.mode == "automatic" and each.engagement in ("like", "favourite") for each in filters)
    named = {each.rule.name for each in offences(asked)}
    assert ("x_automatic_like" in named) == (automatic_likes and X in without)
