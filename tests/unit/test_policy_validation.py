"""What is wrong with a policy beyond its shape, each with the place of the field."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.policy.document import Account, Filter, Notice, Policy, Queue, SpecialDay
from engine.policy.validation import problems
from rejoinder import policy_file
from tests.unit.builders import account, office, policy

ROOT = Path(__file__).resolve().parents[2]


def test_a_right_policy_has_no_problems() -> None:
    assert problems(policy()) == []
    assert problems(policy(office(holidays="DE", special_days=(SpecialDay(date="2026-12-24", name="Eve"),)))) == []


CARE = (Queue(name="care"),)
GRANTED_PAGE = account("7", channel="facebook", notices={}, platform_permission="granted")
PAGE = account("7", channel="facebook", notices={})
CHAT = account("7", channel="messenger", notices={})
ANSWER = (Filter(name="f", any=("a",), action="answer", template="n"),)


def one_filter(**changes: Any) -> dict[str, Any]:
    return {"filters": (Filter(**({"name": "f", "any": ("a",)} | changes)),)}


def engaging(**changes: Any) -> dict[str, Any]:
    return one_filter(**({"action": "engage", "engagement": "retweet"} | changes))


def one_queue(**changes: Any) -> dict[str, Any]:
    return {"queues": (Queue(**({"name": "care"} | changes)),), "filters": ()}


def notice_of(text: str, language: str = "en", visibility: str = "public") -> dict[str, Any]:
    """A notice that a filter answers with."""
    notice = Notice(name="n", text={language: text}, visibility=visibility)  # type: ignore[arg-type]
    return {"notices": (notice,), "filters": ANSWER}


@pytest.mark.parametrize(
    ("wrong", "path", "message"),
    [
        ({"retry_every": "0s"}, ("retry_every",), "above zero"),
        ({"accept_within": "0s"}, ("accept_within",), "above zero"),
        ({"join_recent": "3 days"}, ("join_recent",), "is not a duration"),
        ({"accept_within": "soon"}, ("accept_within",), "is not a duration"),
        ({"expire_after": "x"}, ("expire_after",), "is not a duration"),
        ({"retry_for": ""}, ("retry_for",), "is not a duration"),
        ({"retry_for": "73h"}, ("retry_for",), "3d at most"),
        ({"retry_every": "1"}, ("retry_every",), "is not a duration"),
        ({"notice_max_age": "h"}, ("notice_max_age",), "is not a duration"),
        ({"queues": CARE * 2, "filters": ()}, ("queues", 1, "name"), "stands here twice"),
        ({"filters": (Filter(name="f", any=("a",)),) * 2}, ("filters", 1, "name"), "stands here twice"),
        ({"filters": (Filter(name="f"),)}, ("filters", 0), "names no condition"),
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
        (
            {"accounts": (account(special_days=(SpecialDay(date="2026-12-24", name="Eve"),) * 2),)},
            ("accounts", 0, "special_days", 1, "date"),
            "stands here twice",
        ),
        ({"name": " "}, ("name",), "1 to 100 characters"),
        ({"invitation_for": "0s"}, ("invitation_for",), "above zero"),
        ({"session_idle": "0m"}, ("session_idle",), "above zero"),
        ({"session_idle": "long"}, ("session_idle",), "is not a duration"),
        ({"session_idle_disposition": "gone"}, ("session_idle_disposition",), "there is no disposition 'gone'"),
        (
            {"session_idle": None, "session_idle_disposition": "resolved"},
            ("session_idle_disposition",),
            "without session_idle",
        ),
        ({"automatic_per_day": -1}, ("automatic_per_day",), "from 0 to 100"),
        ({"automatic_per_day": 101}, ("automatic_per_day",), "from 0 to 100"),
        ({"weights": {"x": -1}}, ("weights", "x"), "from 0 to 1000"),
        ({"opt_out": ("stop", "!?")}, ("opt_out", 1), "no letter"),
        ({"dispositions": ()}, ("dispositions",), "no agent can end"),
        ({"dispositions": ("a", "a")}, ("dispositions", 1), "stands here twice"),
        ({"dispositions": ("answered",)}, ("dispositions", 0), "the engine's own code"),
        ({"dispositions": ("engaged",)}, ("dispositions", 0), "the engine's own code"),
        ({"accounts": (account(id="@acme"),)}, ("accounts", 0, "id"), "not the handle"),
        ({"accounts": (account(handle="@acme"),)}, ("accounts", 0, "handle"), "without the @"),
        ({"accounts": (account(private_queue="q"),)}, ("accounts", 0, "private_queue"), "there is no queue 'q'"),
        ({"accounts": (account(monitor=("mention", "comment")),)}, ("accounts", 0, "monitor", 1), "no comment on x"),
        ({"accounts": (account(language="german"),)}, ("accounts", 0, "language"), "is no language"),
        (one_queue(priority=1_001), ("queues", 0, "priority"), "from -1000 to 1000"),
        (one_queue(prefer_wait="1"), ("queues", 0, "prefer_wait"), "is not a duration"),
        (one_queue(answer_within="0s"), ("queues", 0, "answer_within"), "above zero"),
        (one_queue(skills=("a", "b"), relax_after="5m"), ("queues", 0, "relax_after"), "relaxed_skills has to say"),
        (one_queue(skills=("a", "b"), relaxed_skills=("a",)), ("queues", 0, "relaxed_skills"), "relax_after has to"),
        (
            one_queue(skills=("a", "b"), relax_after="5m", relaxed_skills=("c",)),
            ("queues", 0, "relaxed_skills"),
            "some of the queue's skills",
        ),
        (
            one_queue(skills=("a",), relax_after="5m", relaxed_skills=("a",)),
            ("queues", 0, "relaxed_skills"),
            "not all of them",
        ),
        (one_filter(name="~blocked"), ("filters", 0, "name"), "the engine's own"),
        (one_filter(name=""), ("filters", 0, "name"), "1 to 100 characters"),
        (one_filter(threshold=101), ("filters", 0, "threshold"), "from 0 to 100"),
        (one_filter(priority=-1_001), ("filters", 0, "priority"), "from -1000 to 1000"),
        (one_filter(accounts=("x:100", "x:9")), ("filters", 0, "accounts", 1), "there is no account 'x:9'"),
        (one_filter(events=("mention", "comment")), ("filters", 0, "events", 1), "no comment reaches"),
        (
            one_filter(events=("direct_message",)) | {"accounts": (account(monitor=("mention",)),)},
            ("filters", 0, "events", 0),
            "no direct_message reaches",
        ),
        (one_filter(action="answer"), ("filters", 0, "action"), "answer needs template"),
        (one_filter(action="engage"), ("filters", 0, "action"), "engage needs engagement"),
        (one_filter(template="closed"), ("filters", 0, "template"), "only a filter with action: answer"),
        (one_filter(engagement="like"), ("filters", 0, "engagement"), "only a filter with action: engage"),
        (one_filter(action="answer", template="n"), ("filters", 0, "template"), "there is no notice 'n'"),
        (one_filter(mode="automatic"), ("filters", 0, "mode"), "only a filter with action: engage"),
        (one_filter(then="close"), ("filters", 0, "then"), "ignore ends at once"),
        (engaging(then="close"), ("filters", 0, "then"), "only proposed closes nothing"),
        (engaging(disposition="resolved"), ("filters", 0, "disposition"), "only a filter with then: close"),
        (
            engaging(mode="automatic", then="close", disposition="fine"),
            ("filters", 0, "disposition"),
            "there is no disposition 'fine'",
        ),
        (engaging() | {"accounts": (PAGE,)}, ("filters", 0, "engagement"), "Facebook has no retweet"),
        (
            engaging(engagement="favourite") | {"accounts": (account(), PAGE)},
            ("filters", 0, "engagement"),
            "keep facebook:7 out",
        ),
        (engaging(engagement="like") | {"accounts": (CHAT,)}, ("filters", 0, "engagement"), "nothing private"),
        (engaging(events=("direct_message",)), ("filters", 0, "engagement"), "nothing private"),
        (notice_of("{handle} Hi", "english"), ("notices", 0, "text", "english"), "is no language"),
        (notice_of(" "), ("notices", 0, "text", "en"), "an empty text"),
        (notice_of("Hi"), ("notices", 0, "text", "en"), "same text twice"),
        (notice_of("{handle} {name}" + "a" * 164), ("notices", 0, "text", "en"), "281 characters as X"),
        (notice_of("a" * 2_000) | {"accounts": (CHAT,)}, ("notices", 0, "text", "en"), "1999 fit"),
        (notice_of("😀" * 1_000) | {"accounts": (CHAT,)}, ("notices", 0, "text", "en"), "2000 characters in Messenger"),
        (
            notice_of("a" * 2_000, visibility="private") | {"accounts": (GRANTED_PAGE,)},
            ("notices", 0, "text", "en"),
            "1999 fit",
        ),
        (notice_of("a" * 8_001) | {"accounts": (PAGE,)}, ("notices", 0, "text", "en"), "8000 fit"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    wrong: dict[str, Any], path: tuple[str | int, ...], message: str
) -> None:
    if "notices" in wrong and "accounts" not in wrong:
        wrong = wrong | {"accounts": (account(notices={}),)}
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
            "x_automatic_direct_message: X allows no automatic",
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


@pytest.mark.parametrize(
    "right",
    [
        one_queue(skills=("a", "b"), relax_after="5m", relaxed_skills=("a",), priority=-1_000),
        one_filter(any=(), events=("mention",)),
        one_filter(any=(), accounts=("x:100",)),
        one_filter(any=(), sentiment="negative", threshold=0),
        engaging(),
        engaging(mode="automatic", then="close", disposition="resolved"),
        engaging(accounts=("x:100",)) | {"accounts": (account(), PAGE)},
        engaging(engagement="like") | {"accounts": (account(), PAGE, CHAT)},
        notice_of("{handle} {name}" + "a" * 163),
        notice_of("a" * 1_999) | {"accounts": (CHAT,)},
        notice_of("a" * 8_000) | {"accounts": (PAGE,)},
        notice_of("a" * 10_000) | {"accounts": (account(notices={}, monitor=("direct_message",)),)},
        {"automatic_per_day": 0, "weights": {"messenger": 0}, "opt_out": ("stop", "停止")},
    ],
)
def test_what_is_right_passes(right: dict[str, Any]) -> None:
    accounts: tuple[Account, ...] = right.get("accounts", (account(notices={}),))
    rest = {name: value for name, value in right.items() if name != "accounts"}
    assert problems(policy(*accounts, **rest)) == []


def test_the_same_page_may_stand_for_facebook_and_for_messenger() -> None:
    assert problems(policy(PAGE, CHAT)) == []


@given(st.integers(-2_000, 2_000), st.integers(-10, 110), st.integers(-10, 110))
def test_a_number_passes_if_and_only_if_it_is_within_its_bounds(priority: int, per_day: int, threshold: int) -> None:
    found = problems(
        policy(
            queues=(Queue(name="care", priority=priority),),
            filters=(Filter(name="f", any=("a",), threshold=threshold),),
            automatic_per_day=per_day,
        )
    )
    right = [-1_000 <= priority <= 1_000, 0 <= threshold <= 100, 0 <= per_day <= 100]
    assert len(found) == right.count(False)


@pytest.mark.parametrize("name", ["public-care-on-x", "facebook-page-with-private-follow-up", "messenger-chat"])
def test_the_ready_policies_can_be_published_and_the_one_for_all_channels_has_their_accounts(name: str) -> None:
    ready, together = (policy_file.read(ROOT / f"docs/policies/{each}.yaml") for each in (name, "all-channels"))
    known = {(each.channel, each.id, each.handle) for each in together.accounts}
    assert {(each.channel, each.id, each.handle) for each in ready.accounts} <= known
