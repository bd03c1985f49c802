"""What is wrong with a policy beyond its shape: names that don't exist, hours that can't be read."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from opening_hours import OpeningHours, ParserError, UnknownCountryError  # type: ignore[attr-defined]

from engine.policy.document import Account, Policy
from engine.policy.rules import HANDLE, LONGEST_HANDLE, duration
from engine.text import X_LIMIT, weighted_length

_ABOVE_ZERO = frozenset({"accept_within", "expire_after", "retry_every"})
"""Of no length, an offer or a wait would end as it begins, and a refused post be tried again without a pause."""
_RESERVED_CODES = frozenset({"filtered_out", "withdrawn", "expired"})


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `path` leads to the field: ("accounts", 0, "hours")."""

    path: tuple[str | int, ...]
    message: str


def problems(policy: Policy) -> list[Problem]:
    """All that is wrong with a policy whose shape is right; empty when it can be published."""
    return [*_durations(policy), *_names(policy), *_accounts(policy), *_filters(policy), *_notices(policy)]


def _durations(policy: Policy) -> Iterator[Problem]:
    names = ("join_recent", "notice_max_age", "accept_within", "expire_after", "retry_for", "retry_every")
    for name in names:
        value = getattr(policy, name)
        if value is not None:
            try:
                millis = duration(value)
            except ValueError as error:
                yield Problem((name,), str(error))
            else:
                if millis == 0 and name in _ABOVE_ZERO:
                    yield Problem((name,), "it has to be above zero")


def _names(policy: Policy) -> Iterator[Problem]:
    for kind in ("queues", "filters", "notices"):
        seen: set[str] = set()
        for index, part in enumerate(getattr(policy, kind)):
            if part.name in seen:
                yield Problem((kind, index, "name"), f"{part.name!r} stands here twice; give each a name of its own")
            seen.add(part.name)
    for index, code in enumerate(policy.dispositions):
        if code in _RESERVED_CODES:
            yield Problem(("dispositions", index), f"{code!r} is the engine's own code; choose another name")


def _accounts(policy: Policy) -> Iterator[Problem]:
    queues = {queue.name for queue in policy.queues}
    notices = {notice.name for notice in policy.notices}
    seen: set[tuple[str, str]] = set()
    for index, account in enumerate(policy.accounts):
        path = ("accounts", index)
        if (account.channel, account.id) in seen:
            yield Problem((*path, "id"), f"account {account.id!r} on {account.channel} stands here twice")
        seen.add((account.channel, account.id))
        if account.queue not in queues:
            yield Problem((*path, "queue"), f"there is no queue {account.queue!r}; the queues are {_list(queues)}")
        for kind, name in account.notices.items():
            if name not in notices:
                yield Problem((*path, "notices", kind), f"there is no notice {name!r}; there are {_list(notices)}")
        yield from _calendar(account, path)


def _calendar(account: Account, path: tuple[str | int, ...]) -> Iterator[Problem]:
    try:
        ZoneInfo(account.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a name like Europe is a folder
        yield Problem((*path, "time_zone"), f"{account.time_zone!r} is no time zone; write one like Europe/Berlin")
    if account.holidays is not None:
        try:
            OpeningHours("24/7", country=account.holidays)
        except UnknownCountryError:
            yield Problem((*path, "holidays"), f"{account.holidays!r} is no country code; write one like DE")
    yield from _hours(account.hours, (*path, "hours"))
    for index, day in enumerate(account.special_days):
        here = (*path, "special_days", index)
        try:
            date.fromisoformat(day.date)
        except ValueError:
            yield Problem((*here, "date"), f"{day.date!r} is no date; write one like 2026-12-24")
        if day.hours is not None:
            yield from _hours(day.hours, (*here, "hours"))


def _hours(hours: str, path: tuple[str | int, ...]) -> Iterator[Problem]:
    try:
        OpeningHours(hours)
    except ParserError:
        yield Problem(path, f"{hours!r} can't be read as opening hours; write them like Mo-Fr 09:00-18:00; PH off")


def _filters(policy: Policy) -> Iterator[Problem]:
    queues = {queue.name for queue in policy.queues}
    for index, one in enumerate(policy.filters):
        if not (one.any or one.all or one.none):
            yield Problem(("filters", index), f"filter {one.name!r} names no words; give it any, all or none")
        for group in ("any", "all", "none"):
            for place, word in enumerate(getattr(one, group)):
                if not word.strip():
                    yield Problem(("filters", index, group, place), "an empty word stands in every text; remove it")
        if one.queue is not None and one.queue not in queues:
            yield Problem(
                ("filters", index, "queue"), f"there is no queue {one.queue!r}; the queues are {_list(queues)}"
            )


def _notices(policy: Policy) -> Iterator[Problem]:
    on_x = {name for account in policy.accounts if account.channel == "x" for name in account.notices.values()}
    for index, notice in enumerate(policy.notices):
        if not notice.text:
            yield Problem(("notices", index, "text"), f"notice {notice.name!r} has no text; write it for a language")
        if notice.visibility == "private" and notice.name in on_x:
            yield Problem(
                ("notices", index, "visibility"),
                "an account on X can send no private notice: X allows no automatic direct message before the "
                "customer's own; make it public",
            )
        for language, text in notice.text.items() if notice.name in on_x else ():
            if HANDLE not in text:
                yield Problem(
                    ("notices", index, "text", language),
                    f"X refuses the same text twice within hours: begin it with {HANDLE}, the customer's handle",
                )
            length = weighted_length(text.replace(HANDLE, LONGEST_HANDLE))
            if length > X_LIMIT:
                yield Problem(("notices", index, "text", language), f"{length} characters as X counts; {X_LIMIT} fit")


def _list(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"
