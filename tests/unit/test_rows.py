"""Rows and their journal, compared with plain dictionaries."""

from typing import Annotated

from hypothesis import given
from hypothesis import strategies as st

from engine.rows import Journal, Ordered, Row, Rows


class Plain(Row, kw_only=True, frozen=True):
    value: Annotated[int, "a number"]


class Lined(Ordered, kw_only=True, frozen=True):
    value: Annotated[int, "a number"]


KINDS: tuple[type[Plain], type[Lined]] = (Plain, Lined)
PLACES = st.tuples(st.sampled_from(KINDS), st.sampled_from(["", "a", "a|1", "a|2", "b", "b|1"]))
STEPS = st.one_of(
    st.tuples(st.just("put"), PLACES, st.integers(0, 3)),
    st.tuples(st.just("delete"), PLACES),
    st.tuples(st.just("mark")),
    st.tuples(st.just("rollback")),
    st.tuples(st.just("commit")),
)
Model = dict[tuple[type[Row], str], Row]


@given(st.lists(STEPS, max_size=40))
def test_rows_are_a_dictionary_that_can_be_taken_back_to_any_mark(steps: list[tuple[object, ...]]) -> None:
    journal = Journal()
    rows = Rows("key", journal)
    model: Model = {}
    marks: list[tuple[int, Model]] = [(0, {})]
    for step in steps:
        match step:
            case ("put", (kind, row_id), int(value)) if isinstance(kind, type):
                row = Lined(value=value) if kind is Lined else Plain(value=value)
                rows.put(str(row_id), row)
                model[(kind, str(row_id))] = row
            case ("delete", (kind, row_id)) if isinstance(kind, type):
                rows.delete(kind, str(row_id))
                model.pop((kind, str(row_id)), None)
            case ("mark",):
                marks.append((journal.mark(), dict(model)))
            case ("rollback",):
                mark, model = marks.pop() if len(marks) > 1 else (0, dict(marks[0][1]))
                model = dict(model)
                journal.rollback(mark)
            case ("commit",):
                journal.commit()
                marks = [(0, dict(model))]
        assert {(type(row), row_id): row for row_id, row in rows.all()} == model
        for prefix in ("", "a", "a|", "c"):
            expected = sorted(row_id for kind, row_id in model if kind is Lined and row_id.startswith(prefix))
            assert list(rows.walk(Lined, prefix)) == [model[(Lined, row_id)] for row_id in expected]


def test_rows_of_two_keys_share_a_journal_and_are_taken_back_together() -> None:
    journal = Journal()
    one, two = Rows("one", journal), Rows("two", journal)
    one.put("", Plain(value=1))
    journal.commit()
    one.put("", Plain(value=2))
    two.put("", Plain(value=3))
    assert [(rows.key, place) for rows, place in journal.changed()] == [("one", (Plain, "")), ("two", (Plain, ""))]
    journal.rollback()
    assert one.get(Plain, "") == Plain(value=1)
    assert two.get(Plain, "") is None


def test_deleting_what_is_not_there_is_no_change() -> None:
    journal = Journal()
    Rows("key", journal).delete(Plain, "a")
    assert journal.mark() == 0


def test_what_changed_since_a_mark_is_told_apart() -> None:
    journal = Journal()
    rows = Rows("key", journal)
    rows.put("a", Plain(value=1))
    mark = journal.mark()
    rows.put("b", Plain(value=2))
    assert [place for _, place in journal.changed(mark)] == [(Plain, "b")]
