"""Values on their way into PostgreSQL."""

from datetime import UTC, datetime

import pytest

from projections.values import exact, moment, seconds, shown


def test_a_time_is_exact_to_the_millisecond() -> None:
    assert moment(1_509_000_000_123) == datetime(2017, 10, 26, 6, 40, 0, 123000, UTC)


@pytest.mark.parametrize(("millis", "year"), [(2**62, 9999), (-(2**62), 1)])
def test_a_time_beyond_the_calendar_is_the_nearest_that_there_is(millis: int, year: int) -> None:
    assert moment(millis).year == year


def test_seconds_have_no_rounding_error() -> None:
    assert seconds(moment(1_509_000_000_001), moment(1_509_000_000_302)) == 0.301


def test_nul_is_shown_as_its_picture_and_kept_exactly() -> None:
    assert shown("a\x00b") == "a\u2400b"
    assert exact("a\x00b") == b"a\x00b"


def test_half_a_surrogate_pair_is_shown_as_a_replacement_and_kept_exactly() -> None:
    assert shown("a\ud83d") == "a\ufffd"
    assert exact("a\ud83d") == "a\ud83d".encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("text", ["", "plain", "Grüße 😀", "tab\tand\nline", "\\x00 \\N %s ' \""])
def test_all_other_text_stays_as_it_is(text: str) -> None:
    assert shown(text) == text
    assert exact(text) is None
