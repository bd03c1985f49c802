"""The platforms' errors: each leads to another try, or back to the agent with a reason that a person understands.

Over HTTP on the running system; docs/reference/simulator.md lists the faults. Renewing a token of which X says that it
knows it no more needs a token that ends, which the simulator's don't: tests/unit/test_connecting_renewing.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest

from engine.policy.document import Account
from tests.acceptance.company import PATIENCE, Company, Desk, Json

pytestmark = pytest.mark.timeout(180)

UNKNOWN_OUTCOME: Final = 90.0
"""Seconds for what takes long by design: until no call can be under way any more, and the platform was asked often
enough whether it is there."""

CALLS: Final = {
    ("x", "reply"): "post",
    ("x", "message"): "message",
    ("x", "retweet"): "retweet",
    ("x", "like"): "like",
    ("facebook", "reply"): "comment",
    ("facebook", "private_answer"): "private_answer",
    ("facebook", "like"): "like",
    ("facebook", "hide"): "hide",
    ("messenger", "message"): "message",
}
"""How the simulator names the call of each action."""

Deed = tuple[str, str]
"""A channel, and what is done there."""


@dataclass
class Work:
    """An agent's interaction on one channel, on which one thing after the other is tried."""

    company: Company
    account: Account
    desk: Desk
    where: str
    item: str
    tried: int = 0

    def do(self, action: str) -> str:
        """Asks for it, with a text that was never used; the id of the try."""
        self.tried += 1
        known = {one["id"] for one in self.tries()}
        match action:
            case "reply" | "message" | "private_answer":
                visibility = "public" if action == "reply" else "private"
                self.desk.ask(self.where, "replies", text=self.text, visibility=visibility)
            case "hide":
                self.desk.ask(self.where, "moderations", action="hide", item_id=self.item)
            case _:
                self.desk.ask(self.where, "engagements", engagement=action)
        new = self.company.until(lambda: [one for one in self.tries() if one["id"] not in known], "the try is known")
        return str(new[0]["id"])

    @property
    def text(self) -> str:
        """The words of the last try, where it has any."""
        return f"Answer number {self.tried}"

    def tries(self) -> list[Json]:
        """All that was tried, and what became of it."""
        detail = self.company.detail(self.where)
        answers = [one | {"id": one["message_id"]} for one in detail["messages"] if one["direction"] == "out"]
        return answers + [one | {"id": one["action_id"]} for one in detail["actions"]]

    def became(self, what: str, *statuses: str, patience: float = PATIENCE) -> Json:
        """What became of a try."""

        def settled() -> Json | None:
            return next((one for one in self.tries() if one["id"] == what and one["status"] in statuses), None)

        return self.company.until(settled, f"{what} on {self.account.channel}: {statuses}", patience)

    def failures(self) -> list[Json]:
        """The attempts that failed and are made again."""
        return [step["facts"] for step in self.company.events(self.where) if step["event"] == "DeliveryFailed"]

    def there(self) -> int:
        """How much was done on the platform."""
        return len(self.company.journal(self.account))


def work(company: Company, channel: str) -> Work:
    """An interaction that an agent has accepted."""
    queue = company.queue()
    account = company.account(channel, queue.name)
    company.publish()
    desk = company.agent(queue)
    kind = {"x": "mention", "facebook": "comment", "messenger": "message"}[channel]
    item = company.say(account, kind, company.person())
    return Work(company, account, desk, desk.accept(), item)


@pytest.fixture(scope="module")
def works(company: Company) -> dict[str, Work]:
    """One on each channel, for all that leaves nothing behind."""
    return {channel: work(company, channel) for channel in ("x", "facebook", "messenger")}


@pytest.fixture(autouse=True)
def calm(company: Company) -> Iterator[None]:
    """Nothing goes wrong on the platforms for the tests after this one."""
    yield
    company.calm()


def side(deed: Deed) -> str:
    """The platform of a channel, as the simulator names it."""
    return "x" if deed[0] == "x" else "meta"


def next_call(company: Company, deed: Deed, kind: str, times: int = 1) -> None:
    """What goes wrong with the next call of this action."""
    company.simulate("faults", {"channel": side(deed), "call": CALLS[deed], "kind": kind, "times": times})


# --- for good: back to the agent, with a reason ---

X_ON_EVERYTHING: Final = {"400": "invalid_request", "401": "not_authorised", "suspended": "account_locked"}
META_ON_EVERYTHING: Final = {
    "10": "not_permitted",
    "190": "not_authorised",
    "200": "not_permitted",
    "368": "blocked_by_platform",
}
REFUSALS: Final[dict[Deed, dict[str, str]]] = {
    ("x", "reply"): X_ON_EVERYTHING
    | {
        "403": "not_permitted",
        "404": "message_gone",
        "gone": "message_gone",
        "not_enrolled": "not_in_tier",
        "not_summoned": "reply_not_allowed",
        "too_long": "too_long",
    },
    ("x", "message"): X_ON_EVERYTHING
    | {
        "403": "not_permitted",
        "404": "recipient_gone",
        "not_enrolled": "not_in_tier",
        "recipient_closed": "recipient_closed",
    },
    ("x", "retweet"): X_ON_EVERYTHING | {"403": "not_permitted", "404": "message_gone", "not_enrolled": "not_in_tier"},
    ("x", "like"): X_ON_EVERYTHING | {"403": "not_in_tier", "404": "message_gone", "not_enrolled": "not_in_tier"},
    ("facebook", "reply"): META_ON_EVERYTHING | {"100": "message_gone"},
    ("facebook", "private_answer"): META_ON_EVERYTHING
    | {"100": "message_gone", "551": "person_unavailable", "10903": "reply_not_allowed"},
    ("facebook", "like"): META_ON_EVERYTHING | {"100": "message_gone"},
    ("facebook", "hide"): META_ON_EVERYTHING | {"100": "message_gone"},
    ("messenger", "message"): META_ON_EVERYTHING | {"551": "person_unavailable", "2018278": "window_closed"},
}


@pytest.mark.parametrize(
    ("deed", "fault", "reason"),
    [
        pytest.param(deed, fault, reason, id=f"{' '.join(deed)} {fault}")
        for deed, faults in REFUSALS.items()
        for fault, reason in faults.items()
    ],
)
def test_what_a_platform_refuses_for_good_comes_back_to_the_agent_with_a_reason(
    company: Company, works: dict[str, Work], deed: Deed, fault: str, reason: str
) -> None:
    on = works[deed[0]]
    before = on.there()
    next_call(company, deed, fault)
    failed = on.became(on.do(deed[1]), "failed", "posted", "done", "abandoned")
    assert (failed["status"], failed["reason"]) == ("failed", reason)
    assert failed["detail"].endswith(".")
    assert " " in failed["detail"], "a sentence, not a code"
    assert on.there() == before
    detail = company.detail(on.where)
    assert (detail["agent_id"], detail["accepted"]) == (on.desk.name, True), "it stays the agent's"


# --- for a while: tried again ---

PASSING: Final[dict[str, dict[str, str]]] = {
    "x": {"429": "rate_limited", "500": "unavailable", "503": "unavailable"},
    "meta": {
        "2": "unavailable",
        "4": "rate_limited",
        "17": "rate_limited",
        "32": "rate_limited",
        "613": "rate_limited",
        "80001": "rate_limited",
        "429": "rate_limited",
        "503": "unavailable",
    },
}


@pytest.mark.parametrize(
    ("deed", "fault", "reason"),
    [
        pytest.param(deed, fault, reason, id=f"{' '.join(deed)} {fault}")
        for deed in (("x", "reply"), ("facebook", "reply"), ("messenger", "message"))
        for fault, reason in PASSING[side(deed)].items()
    ],
)
def test_what_passes_is_tried_again_until_it_is_posted_once(
    company: Company, works: dict[str, Work], deed: Deed, fault: str, reason: str
) -> None:
    on = works[deed[0]]
    before, failures = on.there(), len(on.failures())
    # By chance, but of each call: so a throttle ends after a second, and not with the platform's hour.
    company.simulate("faults", {"channel": side(deed), "fail": 1.0, "kinds": [fault], "reset_ms": 1000}, "PUT")
    what = on.do(deed[1])
    company.until(lambda: len(on.failures()) > failures, "an attempt that failed")
    company.calm()
    on.became(what, "posted")
    assert on.failures()[failures]["reason"] == reason
    assert on.there() == before + 1


@pytest.mark.parametrize(("deed", "fault"), [(("x", "retweet"), "503"), (("facebook", "like"), "2")])
def test_a_retweet_or_like_is_tried_again_too_and_done_once(company: Company, deed: Deed, fault: str) -> None:
    on = work(company, deed[0])
    next_call(company, deed, fault)
    on.became(on.do(deed[1]), "done")
    assert (len(on.failures()), on.there()) == (1, 1)


@pytest.mark.parametrize(
    ("deed", "fault"), [(("x", "reply"), "503"), (("facebook", "reply"), "2"), (("messenger", "message"), "32")]
)
def test_what_does_not_pass_in_the_policys_time_goes_back_to_the_agent(
    company: Company, deed: Deed, fault: str
) -> None:
    with company.setting(retry_for="2s"):
        on = work(company, deed[0])
        company.simulate("faults", {"channel": side(deed), "fail": 1.0, "kinds": [fault], "reset_ms": 0}, "PUT")
        given_up = on.became(on.do(deed[1]), "abandoned", "posted")
    assert (given_up["status"], given_up["reason"]) == ("abandoned", "unavailable" if fault != "32" else "rate_limited")
    assert on.there() == 0
    company.calm()
    on.became(on.do(deed[1]), "posted")  # the agent tries it once more


# --- not known: looked for, and never done twice ---


@pytest.mark.parametrize("deed", [("x", "reply"), ("facebook", "reply"), ("messenger", "message")])
def test_an_answer_whose_echo_comes_first_is_one_answer(company: Company, works: dict[str, Work], deed: Deed) -> None:
    on = works[deed[0]]
    before = on.there()
    next_call(company, deed, "echo_first")
    what = on.do(deed[1])
    on.became(what, "posted")
    assert on.there() == before + 1
    assert not [step for step in company.events(on.where) if step["event"] == "RepliedElsewhere"]


Doubts = dict[Deed, tuple[str, str, str | None]]
"""What a call meets; what becomes of it, and why."""

DOUBTS: Final[dict[str, Doubts]] = {
    "mostly done, and the answer lost": {
        ("x", "reply"): ("answer_lost", "posted", None),
        ("x", "message"): ("answer_lost", "posted", None),
        ("facebook", "reply"): ("answer_lost", "posted", None),
        ("facebook", "private_answer"): ("10900", "failed", "already_answered"),
        ("messenger", "message"): ("answer_lost", "posted", None),
    },
    "not done, which nobody knows, or refused as there already": {
        ("x", "reply"): ("duplicate", "failed", "duplicate_text"),
        ("x", "message"): ("reset", "abandoned", "undecided"),
        ("facebook", "reply"): ("reset", "abandoned", "undecided"),
        ("facebook", "private_answer"): ("reset", "posted", None),  # a second one would be refused: it is tried again
        ("messenger", "message"): ("506", "failed", "duplicate_text"),
    },
}


@pytest.mark.parametrize("doubts", DOUBTS.values(), ids=DOUBTS)
def test_what_may_be_there_is_looked_for_and_is_there_once_or_stands_with_the_agent(
    company: Company, doubts: Doubts
) -> None:
    """Each takes long by design, so they are waited for together."""
    found = {deed: work(company, deed[0]) for deed in doubts}
    for deed, (fault, _, _) in doubts.items():
        next_call(company, deed, fault)
    tries = {deed: on.do(deed[1]) for deed, on in found.items()}
    for deed, (_, status, reason) in doubts.items():
        on = found[deed]
        became = on.became(tries[deed], "posted", "failed", "abandoned", patience=UNKNOWN_OUTCOME)
        assert (became["status"], became["reason"]) == (status, reason), deed
        texts = [one["text"] for one in company.journal(on.account)]
        assert texts == ([on.text] if status == "posted" else [])
