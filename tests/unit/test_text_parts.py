"""Long texts in parts: nothing is lost, no part is too long, and breaks are where a reader would make them."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text import split, units

WRITTEN = st.text(st.sampled_from("ab c.\n!?éß日 \u0301👩\u200d👧\U0001f3fdמ"), max_size=300)


def bare(text: str) -> str:
    return "".join(text.split())


@given(WRITTEN, st.integers(min_value=20, max_value=60))
def test_parts_are_short_enough_and_hold_every_sign(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert all(0 < units(part) <= limit for part in parts)
    assert bare("".join(parts)) == bare(text)


@given(st.text(max_size=200), st.integers(min_value=200, max_value=300))
def test_what_fits_stays_whole(text: str, limit: int) -> None:
    if units(text.strip()) <= limit:
        assert split(text, limit) == ([text.strip()] if text.strip() else [])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two three", ["One. Two", "three"]),
        ("First line\nsecond line", ["First line", "second line"]),
        ("aaaaaaaaaaaaaaaaaaaaaaaa", ["aaaaaaaaaaaa", "aaaaaaaaaaaa"]),
    ],
)
def test_breaks_are_where_a_reader_would_make_them(text: str, parts: list[str]) -> None:
    assert split(text, 12 if len(parts[0]) > 8 else 9) == parts


def test_no_mark_is_torn_from_its_letter() -> None:
    text = "e\u0301" * 30
    for part in split(text, 21):
        assert not unicodedata.category(part[0]).startswith("M")
