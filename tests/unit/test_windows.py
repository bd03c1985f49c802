"""How far a partition was worked on, when its records end in any order: none is done twice, none is passed over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topics.windows import WIDTH, Window


def test_the_position_is_the_first_record_that_is_not_done() -> None:
    window = Window(5)
    assert (window.position, window.metadata) == (5, "")
    assert all(window.take(offset) for offset in (5, 6, 9))
    window.end(6)
    assert window.position == 5
    window.end(5)
    assert window.position == 9, "what lies between, marks of transactions, is no record"
    window.end(9)
    assert (window.position, window.metadata) == (10, "")


def test_a_successor_passes_over_what_was_done_out_of_order() -> None:
    window = Window(0)
    for offset in range(6):
        window.take(offset)
    for offset in (1, 4, 5):
        window.end(offset)
    successor = Window(window.position, window.metadata)
    assert [offset for offset in range(8) if successor.take(offset)] == [0, 2, 3, 6, 7]


def test_a_record_is_taken_up_once() -> None:
    window = Window(3)
    assert [window.take(offset) for offset in (2, 3, 3, 4)] == [False, True, False, True]


@pytest.mark.parametrize("metadata", [None, "", "somebody else's"])
def test_without_marks_nothing_was_done(metadata: str | None) -> None:
    assert Window(7, metadata).take(7)


def test_a_partition_waits_for_its_oldest_record_and_goes_on_when_much_is_done() -> None:
    window = Window(0)
    for offset in range(WIDTH):
        assert not window.is_full
        window.take(offset)
    assert window.is_full
    for offset in range(1, WIDTH):
        window.end(offset)
    assert window.is_full, "they hang on the first"
    assert len(window.metadata) < 2_000, "far below what a broker takes"
    window.end(0)
    assert window.is_clear and not window.is_full


@given(data=st.data(), gaps=st.lists(st.integers(1, 3), min_size=1, max_size=30))
def test_whoever_dies_each_record_is_done_once(data: st.DataObject, gaps: list[int]) -> None:
    """Workers die again and again; each begins where the one before it committed, with what stood beside the offset."""
    log = [sum(gaps[: n + 1]) for n in range(len(gaps))]
    done: list[int] = []
    position, metadata = 0, ""
    while position <= log[-1]:
        window = Window(position, metadata)
        taken = [offset for offset in log if window.take(offset)]
        assert not set(taken) & set(done)
        assert set(taken) | set(done) == set(log)
        order = data.draw(st.permutations(taken))
        for offset in order[: data.draw(st.integers(0 if done else 1, len(order)))] or order[:1]:
            window.end(offset)
            done.append(offset)
            position, metadata = window.position, window.metadata
        if not taken:
            position = window.position
    assert sorted(done) == log
