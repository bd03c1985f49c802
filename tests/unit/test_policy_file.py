"""A policy file is read with the place of everything in it, and every error names line, column and field."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.policy.document import Policy
from rejoinder.policy_file import STARTER, BadPolicy, Problem, parse, read, to_yaml

GOOD = """\
name: care
accounts:
  - channel: x
    id: 0042
    handle: AcmeCare
    queue: care
    language: no
    hours: 24/7
    special_days:
      - {date: 2026-12-24, name: Christmas Eve}
queues:
  - name: care
    skills: [care]
"""


def problems(text: str) -> list[tuple[int, int, str, str]]:
    with pytest.raises(BadPolicy) as caught:
        parse(text, "policy.yaml")
    return [(each.line, each.column, each.field, each.message) for each in caught.value.problems]


def the_problem(text: str) -> tuple[int, int, str, str]:
    (found,) = problems(text)
    return found


def test_the_starter_can_be_published() -> None:
    assert parse(STARTER, "policy.yaml").accounts[0].handle == "AcmeCare"


def test_texts_need_no_quotes_where_yaml_would_see_a_number_a_date_or_a_no() -> None:
    account = parse(GOOD, "policy.yaml").accounts[0]
    assert (account.id, account.language, account.hours) == ("0042", "no", "24/7")
    assert account.special_days[0].date == "2026-12-24"


def test_what_is_written_is_read_back() -> None:
    for text in (GOOD, STARTER):
        policy = parse(text, "policy.yaml")
        assert parse(to_yaml(policy), "again") == policy


def test_a_field_twice_is_refused_with_both_lines() -> None:
    assert the_problem(GOOD + "name: other\n") == (14, 1, "name", "stands here twice; it was there in line 1 already")


def test_an_unknown_field_suggests_the_nearest_name() -> None:
    line, column, field, message = problems(GOOD.replace("handle:", "handel:"))[-1]
    assert (line, column, field) == (5, 5, "accounts[0].handel")
    assert message == "there is no such field; did you mean handle?"


def test_a_missing_field_is_named() -> None:
    assert the_problem(GOOD.replace("    handle: AcmeCare\n", "")) == (
        3, 5, "accounts[0].handle", "this field has to be there",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "field", "message"),
    [
        ("channel: x", "channel: twitter", "accounts[0].channel", "write one of facebook, messenger, x"),
        ("hours: 24/7", "hours:", "accounts[0].hours", "has no value; write one, or remove the field"),
        ("hours: 24/7", "hours: [24/7]", "accounts[0].hours", "has to be a text"),
        ("hours: 24/7", "notices: {opened: a}", "accounts[0].notices.opened", "can only be one of closed, emergency"),
        ("skills: [care]", "skills: care", "queues[0].skills", "has to be a list: each entry"),
        ("skills: [care]", "priority: high", "queues[0].priority", "has to be a whole number"),
        ("skills: [care]", "priority: 99999999999", "queues[0].priority", "has to be a number from -1000000000"),
        ("- name: care", "- care", "queues[0]", "has to hold fields and their values"),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_kind_is_named(before: str, after: str, field: str, message: str) -> None:
    text = GOOD.replace(before, after)
    if after == "- care":
        text = text.replace("    skills: [care]\n", "")
    found = the_problem(text)
    assert (found[2], message in found[3]) == (field, True)


@pytest.mark.parametrize(
    ("before", "after", "line", "field"),
    [
        ("hours: 24/7", "hours: Mo-Fry 9", 8, "accounts[0].hours"),
        ("queue: care", "queue: carre", 6, "accounts[0].queue"),
        ("name: care\naccounts", "join_recent: 72\nname: care\naccounts", 1, "join_recent"),
        ("2026-12-24", "2026-13-24", 10, "accounts[0].special_days[0].date"),
    ],
)
def test_what_makes_no_sense_is_named_with_its_place(before: str, after: str, line: int, field: str) -> None:
    found = the_problem(GOOD.replace(before, after, 1))
    assert (found[0], found[2]) == (line, field)


def test_everything_that_is_wrong_is_told_at_once_in_the_order_of_the_lines() -> None:
    found = problems(GOOD.replace("channel: x", "channel: y").replace("skills: [care]", "skill: [care]"))
    assert [each[2] for each in found] == ["accounts[0].channel", "queues[0].skill"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("name: [a", 1),
        ("name: a\n\tb: c", 2),
        ("name: a\nb: \x00", 2),
        ("a: 1\n---\nb: 2\n", 2),
        ("[" * 100_000, 1),
        ("&a [*a]", 1),
        ("? [a]\n: b\n", 1),
        ("x" * 2_000_001, 1),
        ("!!python/object:os.system {}", 1),
    ],
)
def test_what_is_no_policy_at_all_is_one_error_with_its_line(text: str, line: int) -> None:
    assert problems(text)[0][0] == line


def test_the_message_names_the_file_and_each_place(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(GOOD.replace("24/7", "never ever"))
    with pytest.raises(BadPolicy) as caught:
        read(file)
    assert f"\n{file}:8:12: accounts[0].hours: 'never ever' can't be read" in str(caught.value)


def test_a_file_that_cannot_be_read_is_one_error(tmp_path: Path) -> None:
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"name: a\nb: \xe4\n")
    for file, line in ((tmp_path / "none.yaml", 1), (tmp_path, 1), (latin, 2)):
        with pytest.raises(BadPolicy) as caught:
            read(file)
        (problem,) = caught.value.problems
        assert isinstance(problem, Problem)
        assert problem.line == line


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_text_is_a_policy_or_refused(text: str) -> None:
    try:
        assert isinstance(parse(text, "any"), Policy)
    except BadPolicy as error:
        assert error.problems
