"""When an account is open."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.policy.document import SpecialDay
from engine.policy.hours import Calendar, Closure
from tests.unit.builders import DAY, HOUR, MINUTE, account, at

OFFICE_HOURS = "Mo-Fr 09:00-18:00"


def calendar(hours: str = OFFICE_HOURS, *days: SpecialDay, **more: str) -> Calendar:
    return Calendar(account(hours=hours, special_days=days, **more))


def closed(by: Calendar, when: str, zone: str = "Europe/Berlin") -> Closure:
    found = by.closure(at(when, zone))
    assert found is not None
    return found


def is_open(by: Calendar, when: str) -> bool:
    return by.closure(at(when)) is None


def test_it_is_open_in_its_hours_and_closed_until_the_next_opening() -> None:
    office = calendar()
    assert is_open(office, "2026-03-02 09:00")
    assert is_open(office, "2026-03-02 17:59")
    assert closed(office, "2026-03-02 08:59").until == at("2026-03-02 09:00")
    assert closed(office, "2026-03-02 18:00").until == at("2026-03-03 09:00")
    assert closed(office, "2026-03-06 18:00").until == at("2026-03-09 09:00")
    assert closed(office, "2026-03-02 18:00").kind == "closed"


def test_round_the_clock_is_never_closed() -> None:
    assert all(is_open(calendar("24/7"), f"2026-{month:02}-01 03:00") for month in range(1, 13))


def test_always_closed_is_never_looked_at_again() -> None:
    assert closed(calendar("off"), "2026-03-02 10:00").until is None


def test_the_hours_are_those_of_the_accounts_time_zone() -> None:
    office = Calendar(account(hours=OFFICE_HOURS, time_zone="America/New_York"))
    assert office.closure(at("2026-03-02 09:00", "America/New_York")) is None
    assert office.closure(at("2026-03-02 09:00", "Europe/Berlin")) is not None


@pytest.mark.parametrize(
    ("before", "opening", "hours"),
    [("2026-03-28 12:00", "2026-03-30 09:00", 44), ("2026-10-24 12:00", "2026-10-26 09:00", 46)],
)
def test_the_change_of_the_clocks_moves_the_opening(before: str, opening: str, hours: int) -> None:
    until = closed(calendar(), before).until
    assert until == at(opening)
    assert until - at(before) == hours * HOUR


def test_an_hour_that_the_clocks_skip_opens_when_it_would_have_been() -> None:
    early = calendar("Mo-Su 02:30-06:00")
    assert closed(early, "2026-03-29 01:00").until == at("2026-03-29 03:00")
    assert is_open(early, "2026-03-29 03:00")


def test_public_holidays_are_those_of_the_country() -> None:
    german = calendar("Mo-Fr 09:00-18:00; PH off", holidays="DE")
    assert not is_open(german, "2026-10-03 10:00")
    assert not is_open(german, "2026-12-25 10:00")
    assert closed(german, "2026-12-24 18:00").until == at("2026-12-28 09:00")
    assert is_open(calendar("Mo-Fr 09:00-18:00; PH off", holidays="US"), "2026-05-01 10:00")
    assert not is_open(german, "2026-05-01 10:00")


def test_a_special_day_is_closed_until_midnight() -> None:
    office = calendar(OFFICE_HOURS, SpecialDay(date="2026-03-03", name="Fair"))
    fair = closed(office, "2026-03-03 10:00")
    assert (fair.kind, fair.until) == ("special_day", at("2026-03-04 00:00"))
    assert closed(office, "2026-03-03 00:00").closure_id == fair.closure_id
    assert closed(office, "2026-03-03 23:59").closure_id == fair.closure_id
    assert closed(office, "2026-03-04 00:00").kind == "closed"
    assert is_open(office, "2026-03-04 09:00")


def test_a_special_day_with_hours_is_open_in_them() -> None:
    office = calendar(OFFICE_HOURS, SpecialDay(date="2026-12-24", name="Eve", hours="10:00-14:00"))
    assert is_open(office, "2026-12-24 10:00")
    assert closed(office, "2026-12-24 09:30").until == at("2026-12-24 10:00")
    assert closed(office, "2026-12-24 09:30").kind == "special_day"
    assert closed(office, "2026-12-24 14:00").until == at("2026-12-25 00:00")


def test_a_special_day_opens_what_is_usually_closed() -> None:
    office = calendar(OFFICE_HOURS, SpecialDay(date="2026-03-07", name="Open Saturday", hours="10:00-14:00"))
    assert closed(office, "2026-03-06 19:00").until == at("2026-03-07 00:00")
    assert is_open(office, "2026-03-07 11:00")


def test_a_special_day_counts_where_it_is_usually_always_open() -> None:
    office = calendar("24/7", SpecialDay(date="2026-03-03", name="Fair"))
    assert closed(office, "2026-03-03 10:00").kind == "special_day"
    assert is_open(office, "2026-03-04 00:00")


def test_a_closed_interval_is_one_closure_and_the_next_is_another() -> None:
    office = calendar(OFFICE_HOURS, SpecialDay(date="2026-03-07", name="Fair"))
    weekend = [closed(office, when).closure_id for when in ("2026-03-06 18:00", "2026-03-08 12:00", "2026-03-09 08:59")]
    assert len(set(weekend)) == 1
    assert closed(office, "2026-03-07 12:00").closure_id not in weekend
    assert closed(office, "2026-03-09 18:00").closure_id not in weekend
    assert closed(office, "2026-03-10 18:00").closure_id != closed(office, "2026-03-09 18:00").closure_id


def test_a_closed_interval_with_comments_on_its_days_is_one_closure() -> None:
    office = calendar('Mo-Fr 09:00-18:00; Sa off "weekend"; Su off "rest"; PH off "holiday"', holidays="DE")
    ids = {closed(office, f"2026-12-{day} 20:00").closure_id for day in (24, 25, 26, 27)}
    assert len(ids) == 1
    assert closed(office, "2026-12-24 20:00").until == at("2026-12-28 09:00")


def test_closures_of_two_accounts_differ() -> None:
    one, two = (Calendar(account(number, hours=OFFICE_HOURS)) for number in ("1", "2"))
    assert closed(one, "2026-03-02 20:00").closure_id != closed(two, "2026-03-02 20:00").closure_id


HOURS = (
    OFFICE_HOURS, "24/7", "off", "Mo-Su 02:30-03:30", "Mo-Su 00:00-02:15,03:00-24:00", "Mo-Fr 20:00-02:30",
    "Mo-Fr 09:00-12:00,13:00-18:00; PH off", 'Sa off "weekend"; Mo-We 00:00-24:00', "Jun-Aug: Mo-Fr 08:00-12:00",
    "sunrise-sunset",
)  # fmt: skip
DAYS = (
    SpecialDay(date="2026-03-29", name="spring"),
    SpecialDay(date="2026-10-25", name="autumn", hours="01:00-02:30,03:30-05:00"),
    SpecialDay(date="2026-12-24", name="eve", hours="10:00-14:00"),
)
ZONES = ("Europe/Berlin", "UTC", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe")


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(HOURS),
    st.sampled_from(ZONES),
    st.booleans(),
    st.sampled_from(["2026-03-28 12:00", "2026-10-24 12:00", "2026-12-24 00:00", "2026-04-04 00:00"]),
    st.integers(0, 3 * 24 * 60),
)
def test_the_next_look_is_later_and_nothing_opens_before_it(
    hours: str, zone: str, special: bool, start: str, minutes: int
) -> None:
    """Else a deadline would come at once again and again, or an interaction would be held too long."""
    by = Calendar(account(hours=hours, time_zone=zone, holidays="DE", special_days=DAYS if special else ()))
    now = at(start, "UTC") + minutes * MINUTE
    found = by.closure(now)
    if found is None:
        return
    if found.until is not None:
        assert found.until > now
    end = min(found.until or now + 2 * DAY, now + 2 * DAY)
    shift = any(text in start for text in ("03-28", "10-24", "04-04"))
    for step in range(1, 12):
        moment = now + (end - now) * step // 12
        later = by.closure(moment)
        if not shift:
            assert later is not None
        if later is not None and found.kind == later.kind == "special_day":
            assert later.closure_id == found.closure_id


@pytest.mark.parametrize(
    ("hours", "start", "end", "hours_open"),
    [
        ("24/7", "2026-03-02 08:00", "2026-03-04 08:00", 48),
        (OFFICE_HOURS, "2026-03-06 17:00", "2026-03-09 10:00", 2),  # over a weekend
        (OFFICE_HOURS, "2026-03-07 08:00", "2026-03-08 20:00", 0),
        (OFFICE_HOURS, "2026-03-02 10:00", "2026-03-02 10:00", 0),
        (OFFICE_HOURS, "2026-03-02 12:00", "2026-03-02 10:00", 0),
        ("24/7", "2026-03-29 00:00", "2026-03-30 00:00", 23),
        ("24/7", "2026-10-25 00:00", "2026-10-26 00:00", 25),
        ("Mo-Su 00:00-24:00; Dec 25 off", "2026-03-29 00:00", "2026-03-30 00:00", 23),
        ("Mo-Su 00:00-24:00; Dec 25 off", "2026-10-25 00:00", "2026-10-26 00:00", 25),
    ],
)
def test_the_open_part_of_a_time_is_counted(hours: str, start: str, end: str, hours_open: int) -> None:
    assert calendar(hours).open_between(at(start), at(end)) == hours_open * HOUR


def test_special_days_take_the_place_of_the_hours_where_open_time_is_counted() -> None:
    days = (
        SpecialDay(date="2026-03-03", name="moving"),
        SpecialDay(date="2026-03-04", name="late", hours="12:00-14:00"),
    )
    office = calendar(OFFICE_HOURS, *days)
    assert office.open_between(at("2026-03-02 17:00"), at("2026-03-05 10:00")) == (1 + 0 + 2 + 1) * HOUR
    assert office.open_between(at("2026-03-03 10:00"), at("2026-03-04 13:00")) == HOUR
    assert office.open_between(at("2026-03-03 10:00"), at("2026-03-03 12:00")) == 0


def test_a_time_that_no_calendar_covers_is_not_counted() -> None:
    office = calendar()
    year_9999 = 253_402_300_799_000
    assert office.open_between(0, 500 * DAY) is None
    assert office.open_between(year_9999 - DAY, year_9999) is None
    assert office.open_between(-2 * DAY, -DAY) is None


@settings(max_examples=60)
@given(
    st.sampled_from([OFFICE_HOURS, "Mo-Fr 22:00-06:00", "Mo-Su 08:00-12:00,13:00-20:00; PH off", "24/7"]),
    st.booleans(),
    st.sampled_from(["2026-04-30", "2026-05-20", "2026-12-22"]),
    st.integers(0, 3 * 96),
    st.integers(0, 3 * 96),
)
def test_the_open_part_is_the_time_in_which_nothing_is_closed(
    hours: str, special: bool, day: str, begin: int, length: int
) -> None:
    by = Calendar(account(hours=hours, holidays="DE", special_days=DAYS if special else ()))
    quarter = 15 * MINUTE
    start = at(f"{day} 00:00") + begin * quarter
    open_quarters = sum(by.closure(start + number * quarter) is None for number in range(length))
    assert by.open_between(start, start + length * quarter) == open_quarters * quarter
