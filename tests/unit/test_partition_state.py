"""A partition's state with hardly any memory, and one with all of it: nobody can tell them apart."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.bookkeeping import Timer
from engine.rows import Ordered, Row
from topics import state as state_module
from topics.shelves import MemoryShelf, Position
from topics.state import PartitionState


class Plain(Row, kw_only=True, frozen=True):
    value: int


class Lined(Ordered, kw_only=True, frozen=True):
    value: int


KINDS: tuple[Any, ...] = (Plain, Lined)
PLACES = st.tuples(st.sampled_from("abcd"), st.sampled_from(["", "a", "a|1", "b"]))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), PLACES, st.sampled_from(KINDS), st.integers(0, 3)),
        st.tuples(st.just("delete"), PLACES, st.sampled_from((*KINDS, Timer))),
        st.tuples(st.just("timer"), PLACES, st.integers(0, 30)),
        st.tuples(st.just("due"), st.integers(0, 20)),
        st.tuples(st.just("commit")),
        st.tuples(st.just("rollback")),
    ),
    max_size=60,
)
Model = dict[tuple[str, type[Row], str], Row]


@pytest.fixture(autouse=True, params=[-1, 2, 256], ids=["row_by_row", "some_keys_whole", "whole_keys"])
def _few_at_once(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setattr(state_module, "NEAREST", 2)
    monkeypatch.setattr(state_module, "TOGETHER", request.param)


@given(STEPS)
def test_whatever_is_in_memory_the_rows_and_deadlines_are_the_same(steps: list[tuple[Any, ...]]) -> None:
    shelf = MemoryShelf()
    state = PartitionState(shelf, most_keys=1)
    model: Model = {}
    committed: Model = {}
    given_out: set[tuple[str, str, int]] = set()
    given_out_before: set[tuple[str, str, int]] = set()
    """By the last commit: a processor has dropped or moved those, or will never be asked again."""
    for step in steps:
        match step:
            case ("put", (key, row_id), kind, value):
                state.rows(key).put(row_id, kind(value=value))
                model[key, kind, row_id] = kind(value=value)
            case ("delete", (key, row_id), kind):
                state.rows(key).delete(kind, row_id)
                model.pop((key, kind, row_id), None)
            case ("timer", (key, row_id), due):
                timer = Timer(name="t", ref=row_id, due=due)
                state.rows(key).put(row_id, timer)
                model[key, Timer, row_id] = timer
                given_out.discard((key, row_id, due))
            case ("due", now):
                found = [(timer.due, rows.key, timer.ref) for rows, timer in state.due(now)]
                expected = sorted(
                    (row.due, key, row_id)
                    for (key, kind, row_id), row in model.items()
                    if isinstance(row, Timer) and row.due <= now
                )
                assert found == sorted(found)
                assert set(found) <= set(expected)
                assert set(expected) - set(found) <= {(due, key, ref) for key, ref, due in given_out}
                given_out |= {(key, ref, due) for due, key, ref in found}
            case ("commit",):
                state.commit(Position(cluster="c", event_offset=len(model), digest=b""))
                committed, given_out_before = dict(model), set(given_out)
                assert len(state._keys) <= 1
            case ("rollback",):
                state.rollback()
                model = dict(committed)
                given_out = set(given_out_before)
        for key in "abcd":
            for (at, kind, row_id), row in model.items():
                if at == key:
                    assert state.rows(key).get(kind, row_id) == row
            lined = sorted(row_id for at, kind, row_id in model if at == key and kind is Lined)
            assert list(state.rows(key).walk(Lined)) == [model[key, Lined, row_id] for row_id in lined]
    timers = {(key, row_id): row for (key, kind, row_id), row in model.items() if kind is Timer}
    assert {(rows.key, timer.ref): timer for rows, timer in state.named("")} == {
        place: timer for place, timer in timers.items() if place[1].startswith(":")
    }
    state.commit()
    every = {(rows.key, type(row), row_id): row for rows in state.all() for row_id, row in rows.all()}
    assert every == model
    again = PartitionState(shelf, most_keys=1)
    assert {(rows.key, type(row), row_id): row for rows in again.all() for row_id, row in rows.all()} == model


def test_only_the_nearest_deadlines_stay_in_memory() -> None:
    state = PartitionState(most_keys=1)
    for due in range(100):
        state.rows("k").put(str(due), Timer(name="t", ref=str(due), due=due))
    state.commit()
    assert len(state._deadlines) <= 8
    assert [timer.due for _, timer in state.due(1000)] == list(range(100))


def test_the_rows_of_a_key_that_was_not_used_lately_are_not_in_memory() -> None:
    state = PartitionState(most_keys=3)
    for number in range(20):
        state.rows(str(number)).put("", Plain(value=number))
    state.commit()
    assert set(state._keys) == {"17", "18", "19"}
    assert [state.rows(str(number)).get(Plain, "") for number in (0, 19)] == [Plain(value=0), Plain(value=19)]


def test_what_was_looked_for_in_vain_is_not_remembered_for_ever() -> None:
    state = PartitionState()
    rows = state.rows("k")
    for number in range(50):
        assert rows.get(Plain, str(number)) is None
        rows.put(f"x{number}", Plain(value=1))
        rows.delete(Plain, f"x{number}")
    state.commit()
    assert (len(rows._absent), len(rows._rows)) == (0, 0)


def test_a_key_with_few_rows_is_asked_for_once_and_one_with_many_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_module, "TOGETHER", 2)
    shelf = MemoryShelf()
    state = PartitionState(shelf)
    for number in range(3):
        state.rows("many").put(str(number), Plain(value=number))
        state.rows("few").put(str(number % 2), Plain(value=number % 2))
    state.commit()
    again = PartitionState(shelf)
    assert [again.rows("few").get(Plain, each) for each in ("0", "1", "2")] == [Plain(value=0), Plain(value=1), None]
    assert [again.rows("many").get(Plain, each) for each in ("2", "3")] == [Plain(value=2), None]
    assert (again.rows("few")._shelf, again.rows("many")._shelf) == (None, shelf)
