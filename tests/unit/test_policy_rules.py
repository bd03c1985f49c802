"""Durations, the rules made of a document, and what is wrong with one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.policy.document import Account, Filter, Notice, Policy, Queue, SpecialDay
from engine.policy.rules import document_digest, duration, encode, load
from engine.policy.validation import problems
from tests.unit.builders import DAY, HOUR, MINUTE, MONDAY, SECOND, account, office, policy

UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}


@given(st.integers(0, 10**9 - 1), st.sampled_from(sorted(UNITS)), st.sampled_from(["", " "]))
def test_a_duration_is_a_number_and_a_unit(number: int, unit: str, space: str) -> None:
    assert duration(f" {number}{space}{unit} ") == number * UNITS[unit]


@pytest.mark.parametrize("text", ["", "5", "h", "1.5h", "-1s", "1h30m", "5 min", "1H", "∞d"])
def test_what_is_no_duration_says_how_one_is_written(text: str) -> None:
    with pytest.raises(ValueError, match="write a whole number and s, m, h or d"):
        duration(text)


def test_a_document_survives_its_travel() -> None:
    document = encode(policy())
    rules = load(7, document)
    assert (rules.version, rules.policy) == (7, policy())
    assert document_digest(document) == document_digest(encode(rules.policy))
    assert rules.account("x", "100") == account()
    assert rules.account("facebook", "100") is None


def test_the_rules_have_the_times_in_milliseconds() -> None:
    rules = load(1, encode(policy(accept_within=None, expire_after=None)))
    assert (rules.accept_within, rules.expire_after) == (None, None)
    rules = load(1, encode(policy()))
    assert (rules.accept_within, rules.expire_after, rules.join_recent) == (MINUTE, 30 * DAY, 72 * HOUR)
    assert (rules.notice_max_age, rules.retry_for, rules.retry_every) == (HOUR, HOUR, 30 * SECOND)


def test_an_emergency_in_which_routing_continues_holds_nothing_back() -> None:
    emergencies = {"x:100": "e1"}
    for routing, held in (("held", "e1"), ("continued", None)):
        one = account(emergency_routing=routing)
        rules = load(1, encode(policy(one)))
        told, holding = (method(one, MONDAY, emergencies) for method in (rules.closure, rules.holding))
        assert told is not None
        assert told.closure_id == "e1"
        assert (None if holding is None else holding.closure_id) == held


def test_a_right_policy_has_no_problems() -> None:
    assert problems(policy()) == []
    assert problems(policy(office(holidays="DE", special_days=(SpecialDay(date="2026-12-24", name="Eve"),)))) == []


CARE = (Queue(name="care"),)


@pytest.mark.parametrize(
    ("wrong", "path", "message"),
    [
        ({"retry_every": "0s"}, ("retry_every",), "above zero"),
        ({"accept_within": "0s"}, ("accept_within",), "above zero"),
        ({"join_recent": "3 days"}, ("join_recent",), "is not a duration"),
        ({"accept_within": "soon"}, ("accept_within",), "is not a duration"),
        ({"expire_after": "x"}, ("expire_after",), "is not a duration"),
        ({"retry_for": ""}, ("retry_for",), "is not a duration"),
        ({"retry_every": "1"}, ("retry_every",), "is not a duration"),
        ({"notice_max_age": "h"}, ("notice_max_age",), "is not a duration"),
        ({"queues": CARE * 2, "filters": ()}, ("queues", 1, "name"), "stands here twice"),
        ({"filters": (Filter(name="f", any=("a",)),) * 2}, ("filters", 1, "name"), "stands here twice"),
        ({"filters": (Filter(name="f"),)}, ("filters", 0), "names no words"),
        ({"filters": (Filter(name="f", none=("a", " ")),)}, ("filters", 0, "none", 1), "an empty word"),
        ({"filters": (Filter(name="f", any=("a",), queue="q"),)}, ("filters", 0, "queue"), "there is no queue 'q'"),
        ({"dispositions": ("ok", "withdrawn")}, ("dispositions", 1), "the engine's own code"),
        ({"accounts": (account(), account())}, ("accounts", 1, "id"), "stands here twice"),
        ({"accounts": (account(queue="q"),)}, ("accounts", 0, "queue"), "there is no queue 'q'"),
        ({"accounts": (account(notices={"closed": "n"}),)}, ("accounts", 0, "notices", "closed"), "no notice 'n'"),
        ({"accounts": (account(time_zone="Berlin"),)}, ("accounts", 0, "time_zone"), "is no time zone"),
        ({"accounts": (account(time_zone="../x"),)}, ("accounts", 0, "time_zone"), "is no time zone"),
        ({"accounts": (account(time_zone="Europe"),)}, ("accounts", 0, "time_zone"), "is no time zone"),
        ({"accounts": (account(holidays="Germany"),)}, ("accounts", 0, "holidays"), "is no country code"),
        ({"accounts": (account(hours="nine to five"),)}, ("accounts", 0, "hours"), "can't be read as opening hours"),
        (
            {"accounts": (account(special_days=(SpecialDay(date="24.12.2026", name="Eve"),)),)},
            ("accounts", 0, "special_days", 0, "date"),
            "is no date",
        ),
        (
            {"accounts": (account(special_days=(SpecialDay(date="2026-12-24", name="Eve", hours="?"),)),)},
            ("accounts", 0, "special_days", 0, "hours"),
            "can't be read as opening hours",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    wrong: dict[str, Any], path: tuple[str | int, ...], message: str
) -> None:
    accounts: tuple[Account, ...] = wrong.get("accounts", ())
    rest = {name: value for name, value in wrong.items() if name != "accounts"}
    found = problems(policy(*accounts, **rest))
    assert [problem.path for problem in found] == [path]
    assert message in found[0].message


@pytest.mark.parametrize(
    ("notice", "path", "message"),
    [
        (Notice(name="closed", text={}), ("notices", 0, "text"), "has no text"),
        (
            Notice(name="closed", text={"en": "{handle}" + "a" * 265}),
            ("notices", 0, "text", "en"),
            "281 characters as X",
        ),
        (Notice(name="closed", text={"en": "We are closed"}), ("notices", 0, "text", "en"), "same text twice"),
        (
            Notice(name="closed", text={"en": "{handle} Hi"}, visibility="private"),
            ("notices", 0, "visibility"),
            "can send no private notice",
        ),
    ],
)
def test_a_notice_has_to_be_postable(notice: Notice, path: tuple[str | int, ...], message: str) -> None:
    found = problems(policy(account(notices={"closed": "closed"}), notices=(notice,)))
    assert [problem.path for problem in found] == [path]
    assert message in found[0].message


def test_every_problem_is_found_at_once() -> None:
    wrong = Policy(name="p", accounts=(account(queue="a", time_zone="b", hours="c"),), queues=(), retry_for="d")
    assert len(problems(wrong)) >= 4
