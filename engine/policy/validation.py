"""What is wrong with a policy beyond its shape: names that don't exist, hours that can't be read, texts that are too
long for a platform, and what the platforms forbid."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from opening_hours import OpeningHours, ParserError, UnknownCountryError  # type: ignore[attr-defined]

from engine.policy import forbidden, reach
from engine.policy.document import Account, Filter, Notice, Policy, Queue
from engine.policy.filters import bare, fold
from engine.policy.lengths import too_long
from engine.policy.rules import HANDLE, LONGEST_RETRY, duration

Path = tuple[str | int, ...]

_ABOVE_ZERO: Final = frozenset(
    {
        "accept_within",
        "expire_after",
        "retry_every",
        "invitation_for",
        "session_idle",
        "prefer_last_agent_for",
        "relax_after",
        "answer_within",
    }
)
"""Of no length, an offer or a wait would end as it begins, and a refused post be tried again without a pause."""
_TIMES: Final = (
    "join_recent",
    "notice_max_age",
    "accept_within",
    "expire_after",
    "invitation_for",
    "session_idle",
    "retry_for",
    "retry_every",
)
_TIMES_OF_QUEUES: Final = ("prefer_last_agent_for", "prefer_wait", "relax_after", "answer_within")
_RESERVED_CODES: Final = frozenset({"filtered_out", "withdrawn", "expired", "answered", "engaged"})
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
_ACCOUNT_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_X_HANDLE: Final = re.compile(r"\w{1,20}", re.ASCII)
_LONGEST_NAME: Final = 100
_HIGHEST_PRIORITY: Final = 1_000
_HIGHEST_WEIGHT: Final = 1_000
_MOST_AUTOMATIC: Final = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `path` leads to the field: ("accounts", 0, "hours")."""

    path: Path
    message: str


def problems(policy: Policy) -> list[Problem]:
    """All that is wrong with a policy whose shape is right; empty when it can be published."""
    return [
        *_times(policy, _TIMES, ()),
        *_numbers(policy),
        *_names(policy),
        *_endings(policy),
        *(problem for index, one in enumerate(policy.accounts) for problem in _account(policy, one, index)),
        *(problem for index, one in enumerate(policy.queues) for problem in _queue(one, ("queues", index))),
        *(problem for index, one in enumerate(policy.filters) for problem in _filter(policy, one, ("filters", index))),
        *(problem for index, one in enumerate(policy.notices) for problem in _notice(policy, one, ("notices", index))),
        *(Problem(each.path, each.message) for each in forbidden.offences(policy)),
    ]


def _times(part: Policy | Queue, names: Collection[str], path: Path) -> Iterator[Problem]:
    for name in names:
        value = getattr(part, name)
        if value is not None:
            try:
                millis = duration(value)
            except ValueError as error:
                yield Problem((*path, name), str(error))
            else:
                if millis == 0 and name in _ABOVE_ZERO:
                    yield Problem((*path, name), "it has to be above zero")
                if name == "retry_for" and millis > LONGEST_RETRY:
                    yield Problem((*path, name), "it has to be 3d at most")


def _numbers(policy: Policy) -> Iterator[Problem]:
    yield from _between(policy.automatic_per_day, 0, _MOST_AUTOMATIC, ("automatic_per_day",))
    for channel, weight in policy.weights.items():
        yield from _between(weight, 0, _HIGHEST_WEIGHT, ("weights", channel))
    for index, word in enumerate(policy.opt_out):
        if not bare(word):
            yield Problem(("opt_out", index), f"{word!r} has no letter and no number; write a word")


def _between(number: int, low: int, high: int, path: Path) -> Iterator[Problem]:
    if not low <= number <= high:
        yield Problem(path, f"it has to be from {low} to {high}")


def _names(policy: Policy) -> Iterator[Problem]:
    yield from _name(policy.name, ("name",))
    for kind in ("queues", "filters", "notices"):
        seen: set[str] = set()
        for index, part in enumerate(getattr(policy, kind)):
            path = (kind, index, "name")
            if part.name in seen:
                yield Problem(path, f"{part.name!r} stands here twice; give each a name of its own")
            seen.add(part.name)
            yield from _name(part.name, path)
            if kind == "filters" and part.name.startswith("~"):
                yield Problem(path, "names that begin with ~ are the engine's own; choose another")


def _name(name: str, path: Path) -> Iterator[Problem]:
    if not name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME:
        yield Problem(path, f"a name has 1 to {_LONGEST_NAME} characters that can be seen")


def _endings(policy: Policy) -> Iterator[Problem]:
    """With which codes interactions end."""
    if not policy.dispositions:
        yield Problem(("dispositions",), "without a code no agent can end an interaction; write one")
    for index, code in enumerate(policy.dispositions):
        if code in _RESERVED_CODES:
            yield Problem(("dispositions", index), f"{code!r} is the engine's own code; choose another name")
        elif code in policy.dispositions[:index]:
            yield Problem(("dispositions", index), f"{code!r} stands here twice")
        yield from _name(code, ("dispositions", index))
    if policy.session_idle_disposition is not None:
        path = ("session_idle_disposition",)
        yield from _known(policy.session_idle_disposition, "disposition", policy.dispositions, path)
        if policy.session_idle is None:
            yield Problem(path, "no conversation is ever over without session_idle; write how long, or remove this")


def _known(name: str | None, kind: str, names: Collection[str], path: Path) -> Iterator[Problem]:
    """A name that something else of the policy has to have."""
    if name is not None and name not in names:
        there = ", ".join(sorted(names)) or "none"
        yield Problem(path, f"there is no {kind} {name!r}; there are: {there}")


def _account(policy: Policy, account: Account, index: int) -> Iterator[Problem]:
    path = ("accounts", index)
    if any(reach.key(each) == reach.key(account) for each in policy.accounts[:index]):
        yield Problem((*path, "id"), f"account {account.id!r} on {account.channel} stands here twice")
    if _ACCOUNT_ID.fullmatch(account.id) is None:
        yield Problem((*path, "id"), "an id is what the platform calls the account: digits, mostly; not the handle")
    if account.channel == "x" and _X_HANDLE.fullmatch(account.handle) is None:
        yield Problem((*path, "handle"), f"{account.handle!r} is no handle on X; write it without the @")
    yield from _name(account.handle, (*path, "handle"))
    queues = {queue.name for queue in policy.queues}
    yield from _known(account.queue, "queue", queues, (*path, "queue"))
    yield from _known(account.private_queue, "queue", queues, (*path, "private_queue"))
    for kind, name in account.notices.items():
        yield from _known(name, "notice", {notice.name for notice in policy.notices}, (*path, "notices", kind))
    possible = reach.EVENTS[account.channel]
    for place, event in enumerate(account.monitor):
        if event not in possible:
            yield Problem(
                (*path, "monitor", place), f"there is no {event} on {account.channel}; there are: {', '.join(possible)}"
            )
    yield from _language(account.language, (*path, "language"))
    yield from _calendar(account, path)


def _calendar(account: Account, path: Path) -> Iterator[Problem]:
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
    seen: set[str] = set()
    for index, day in enumerate(account.special_days):
        here = (*path, "special_days", index)
        try:
            date.fromisoformat(day.date)
        except ValueError:
            yield Problem((*here, "date"), f"{day.date!r} is no date; write one like 2026-12-24")
        if day.date in seen:
            yield Problem((*here, "date"), f"{day.date} stands here twice")
        seen.add(day.date)
        if day.hours is not None:
            yield from _hours(day.hours, (*here, "hours"))


def _hours(hours: str, path: Path) -> Iterator[Problem]:
    try:
        OpeningHours(hours)
    except ParserError:
        yield Problem(path, f"{hours!r} can't be read as opening hours; write them like Mo-Fr 09:00-18:00; PH off")


def _language(language: str, path: Path) -> Iterator[Problem]:
    if _LANGUAGE.fullmatch(language) is None:
        yield Problem(path, f"{language!r} is no language; write one like en, de or pt-BR")


def _queue(queue: Queue, path: Path) -> Iterator[Problem]:
    yield from _times(queue, _TIMES_OF_QUEUES, path)
    yield from _between(queue.priority, -_HIGHEST_PRIORITY, _HIGHEST_PRIORITY, (*path, "priority"))
    if queue.relax_after is not None and not queue.relaxed_skills:
        yield Problem((*path, "relax_after"), "relaxed_skills has to say which skills are enough then")
    if queue.relaxed_skills:
        here = (*path, "relaxed_skills")
        if queue.relax_after is None:
            yield Problem(here, "relax_after has to say after which wait they are enough")
        if not set(queue.relaxed_skills) < set(queue.skills):
            yield Problem(here, "they have to be some of the queue's skills, and not all of them")


def _filter(policy: Policy, one: Filter, path: Path) -> Iterator[Problem]:
    if not (one.any or one.all or one.none or one.sentiment or one.events or one.accounts):
        yield Problem(
            path, f"filter {one.name!r} names no condition; give it any, all, none, sentiment, events or accounts"
        )
    for group in ("any", "all", "none"):
        for place, word in enumerate(getattr(one, group)):
            if not fold(word):
                yield Problem((*path, group, place), "an empty word stands in every text; remove it")
    yield from _between(one.threshold, 0, 100, (*path, "threshold"))
    accounts = [reach.key(account) for account in policy.accounts]
    for place, name in enumerate(one.accounts):
        yield from _known(name, "account", accounts, (*path, "accounts", place))
    if all(name in accounts for name in one.accounts):
        yield from _events(policy, one, path)
    yield from _known(one.queue, "queue", {queue.name for queue in policy.queues}, (*path, "queue"))
    if one.priority is not None:
        yield from _between(one.priority, -_HIGHEST_PRIORITY, _HIGHEST_PRIORITY, (*path, "priority"))
    yield from _action(policy, one, path)


def _events(policy: Policy, one: Filter, path: Path) -> Iterator[Problem]:
    """Each has to be something that can happen at the filter's accounts and is looked at there."""
    reached = {each.event for each in reach.of_filter(policy, one)}
    for place, event in enumerate(one.events):
        if event not in reached:
            yield Problem((*path, "events", place), f"no {event} reaches the accounts that the filter is for")


def _action(policy: Policy, one: Filter, path: Path) -> Iterator[Problem]:
    """What the action needs, and what only another one has."""
    for name, action in (("template", "answer"), ("engagement", "engage")):
        given = getattr(one, name) is not None
        if one.action == action and not given:
            yield Problem((*path, "action"), f"{action} needs {name}")
        elif given and one.action != action:
            yield Problem((*path, name), f"only a filter with action: {action} has it")
    yield from _known(one.template, "notice", {notice.name for notice in policy.notices}, (*path, "template"))
    if one.mode == "automatic" and one.action != "engage":
        yield Problem((*path, "mode"), "only a filter with action: engage has it")
    if one.then == "close" and one.action not in ("answer", "engage"):
        yield Problem((*path, "then"), "only a filter with action: answer or engage closes; ignore ends at once")
    if one.then == "close" and one.action == "engage" and one.mode == "suggest":
        yield Problem((*path, "then"), "what is only proposed closes nothing; write mode: automatic, or then: route")
    if one.disposition is not None and one.then != "close":
        yield Problem((*path, "disposition"), "only a filter with then: close has it")
    yield from _known(one.disposition, "disposition", policy.dispositions, (*path, "disposition"))
    if one.engagement is not None:
        yield from _engagement(policy, one, (*path, "engagement"))


def _engagement(policy: Policy, one: Filter, path: Path) -> Iterator[Problem]:
    public = [each for each in reach.of_filter(policy, one) if not each.private]
    on_facebook = next((each for each in public if each.account.channel == "facebook"), None)
    if not public:
        yield Problem(path, "no public message reaches the filter, and nothing private can be shared or liked")
    elif on_facebook is not None and one.engagement != "like":
        yield Problem(
            path,
            f"Facebook has no {one.engagement}; write like, or keep {reach.key(on_facebook.account)} out with accounts",
        )


def _notice(policy: Policy, notice: Notice, path: Path) -> Iterator[Problem]:
    if not notice.text:
        yield Problem((*path, "text"), f"notice {notice.name!r} has no text; write it for a language")
    answered = reach.of_notice(policy, notice.name)
    in_public_on_x = notice.visibility == "public" and any(
        each.account.channel == "x" and not each.private for each in answered
    )
    for language, text in notice.text.items():
        here = (*path, "text", language)
        yield from _language(language, here)
        if not text.strip():
            yield Problem(here, "an empty text can't be posted")
        elif in_public_on_x and HANDLE not in text:
            yield Problem(
                here, f"X refuses the same text twice within hours: begin it with {HANDLE}, the customer's handle"
            )
        for message in too_long(text, notice.visibility, answered):
            yield Problem(here, message)
