"""What two policies differ in."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.policy.document import Filter, Policy
from rejoinder.policy_diff import Difference, differences
from tests.unit.builders import account, office, policy


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (policy(), policy(), []),
        (policy(join_recent="1h"), policy(join_recent="2h"), [("join_recent", "1h", "2h")]),
        (policy(session_idle=None), policy(), [("session_idle", None, "30m")]),
        (policy(account()), policy(office()), [("accounts[x:100].hours", "24/7", "Mo-Fr 09:00-18:00")]),
        (
            policy(account(notices={})),
            policy(account(notices={"closed": "a"})),
            [("accounts[x:100].notices.closed", None, "a")],
        ),
        (policy(weights={"x": 1}), policy(weights={"x": 2}), [("weights.x", 1, 2)]),
        (policy(opt_out=("a",)), policy(opt_out=("a", "b")), [("opt_out", ("a",), ("a", "b"))]),
        (policy(account("1"), account("2")), policy(account("2"), account("1")), []),
    ],
)
def test_each_difference_is_named_by_its_field(
    before: Policy, after: Policy, found: list[tuple[str, Any, Any]]
) -> None:
    assert differences(before, after) == [Difference(*each) for each in found]


def test_a_part_that_only_one_has_is_one_difference() -> None:
    (gone,) = differences(policy(account("1"), account("2")), policy(account("1")))
    assert (gone.field, gone.before["id"], gone.after) == ("accounts[x:2]", "2", None)


def filters(*names: str) -> tuple[Filter, ...]:
    return tuple(Filter(name=name, any=(name,)) for name in names)


def test_the_order_of_filters_counts() -> None:
    (found,) = differences(policy(filters=filters("a", "b", "c")), policy(filters=filters("c", "a", "b")))
    assert found == Difference("filters (their order)", ["a", "b", "c"], ["c", "a", "b"])


CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "retry_for": st.sampled_from(["1h", "2h"]),
        "accept_within": st.sampled_from([None, "60s", "5m"]),
        "dispositions": st.lists(st.sampled_from("abc"), min_size=1).map(tuple),
        "weights": st.dictionaries(st.sampled_from(["x", "messenger"]), st.integers(0, 2)),
        "filters": st.lists(st.sampled_from("abc"), unique=True).map(lambda names: filters(*names)),
    },
)


@given(CHANGES, CHANGES)
def test_there_is_a_difference_if_and_only_if_they_differ_and_back_it_is_turned_round(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    before, after = policy(**one), policy(**other)
    found = differences(before, after)
    assert (found == []) == (before == after)
    back = {(each.field, repr(each.after), repr(each.before)) for each in differences(after, before)}
    assert back == {(each.field, repr(each.before), repr(each.after)) for each in found}
