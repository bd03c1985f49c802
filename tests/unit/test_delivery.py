"""One attempt to post, with a clock that is moved by hand and a platform that keeps what it is told."""

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.delivery import Settings, Worker
from channels.outcomes import Duplicate, LookUpFailed, Outcome, Posted, Refused, Retry, Unknown
from engine.delivery import AttemptBegun, Deliver
from engine.envelope import derive
from engine.interaction.commands import RecordDelivery
from tests.x_samples import fuzzed

NOW = 1_600_000_000_000
CALL_TIMEOUT = 20_000


@dataclass
class HandClock:
    """Sleeping moves it."""

    at: int = NOW
    slept: list[int] = field(default_factory=list)

    def now(self) -> int:
        return self.at

    async def sleep(self, millis: int) -> None:
        self.slept.append(millis)
        self.at += millis
        await asyncio.sleep(0)


@dataclass
class Platform:
    """Answers as it is told, and remembers what happened when."""

    clock: HandClock
    outcomes: list[Outcome] = field(default_factory=list)
    found: list[str | LookUpFailed | None] = field(default_factory=list)
    refuses_repeats: bool = True
    call_timeout: int = CALL_TIMEOUT
    calls: list[tuple[int, str, str]] = field(default_factory=list)
    looks: list[int] = field(default_factory=list)
    busy: set[str] = field(default_factory=set)
    most_busy: int = 0

    async def post(self, account: str, in_reply_to: str, text: str) -> Outcome:
        assert account not in self.busy, "two calls of one account at once"
        self.calls.append((self.clock.now(), account, text))
        self.busy.add(account)
        self.most_busy = max(self.most_busy, len(self.busy))
        await asyncio.sleep(0)
        self.busy.remove(account)
        return self.outcomes.pop(0) if self.outcomes else Posted("900")

    async def find_own_post(self, account: str, in_reply_to: str, text: str) -> str | None:
        self.looks.append(self.clock.now())
        result = self.found.pop(0) if self.found else None
        if isinstance(result, LookUpFailed):
            raise result
        return result


@dataclass
class Journal:
    """Takes `slow` milliseconds for each record in turn; `broken` raises."""

    clock: HandClock
    slow: list[int] = field(default_factory=list)
    broken: bool = False
    begun: list[AttemptBegun] = field(default_factory=list)

    async def begin(self, begun: AttemptBegun) -> None:
        if self.broken:
            raise ConnectionError("no broker")
        self.clock.at += self.slow.pop(0) if self.slow else 5
        self.begun.append(begun)


@dataclass
class Scene:
    """A worker with all that it talks to."""

    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        self.clock = HandClock()
        self.platform = Platform(self.clock)
        self.journal = Journal(self.clock)
        self.worker = Worker(self.platform, self.journal, self.clock, self.settings)

    def run(self, deliver: Deliver, unfinished: AttemptBegun | None = None) -> RecordDelivery:
        return asyncio.run(self.worker.run(deliver, unfinished))

    def batch(self, *delivers: Deliver) -> list[RecordDelivery]:
        return asyncio.run(self.worker.run_batch(delivers, {}))


def deliver(name: str = "d1", attempt: int = 1, account: str = "42") -> Deliver:
    """An answer to be posted."""
    return Deliver(
        delivery_id=name,
        attempt=attempt,
        interaction_id="home.1",
        channel="x",
        account=account,
        kind="reply",
        visibility="public",
        in_reply_to="17",
        text=f"text of {name}",
        at=1_500_000_000_000,
        correlation_id="c1",
    )


def begun(ago: int, attempt: int = 1) -> AttemptBegun:
    """An attempt that somebody began."""
    return AttemptBegun(delivery_id="d1", attempt=attempt, account="x:42", begun_at=NOW - ago)


def test_a_posted_answer_is_recorded() -> None:
    scene = Scene()
    command = scene.run(deliver())
    assert (command.outcome, command.item_id, command.settled_by) == ("posted", "900", "outcome")
    assert command.posted_at == command.at == scene.clock.at
    assert command.command_id == derive("d1", 1, "outcome")
    assert (command.interaction_id, command.delivery_id, command.attempt) == ("home.1", "d1", 1)
    assert command.correlation_id == "c1"


def test_in_recorded_time_it_is_posted_when_it_was() -> None:
    command = Scene(Settings(recorded_time=True)).run(deliver())
    assert command.posted_at == command.at == 1_500_000_000_000


def test_nothing_is_called_before_the_beginning_is_durable() -> None:
    scene = Scene()
    scene.journal.broken = True
    with pytest.raises(ConnectionError):
        scene.run(deliver())
    assert scene.platform.calls == []


def test_an_attempt_whose_beginning_became_old_is_begun_again() -> None:
    scene = Scene(Settings(call_within=1000))
    scene.journal.slow = [1000, 999]
    assert scene.run(deliver()).outcome == "posted"
    assert len(scene.journal.begun) == 2
    ((called_at, _, _),) = scene.platform.calls
    assert called_at - scene.journal.begun[-1].begun_at < 1000


def test_a_journal_that_stays_slow_ends_in_another_try_without_a_call() -> None:
    scene = Scene(Settings(call_within=1000))
    scene.journal.slow = [5000] * 10
    command = scene.run(deliver())
    assert (command.outcome, command.reason) == ("retry", "slow_journal")
    assert scene.platform.calls == []
    assert len(scene.journal.begun) == 3


def test_a_temporary_error_is_passed_on_with_the_platforms_wish() -> None:
    scene = Scene()
    scene.platform.outcomes = [Retry("unavailable", "X is not able to answer.", 7000)]
    command = scene.run(deliver())
    assert (command.outcome, command.reason, command.retry_after) == ("retry", "unavailable", 7000)
    assert (command.detail, command.posted_at, command.item_id) == ("X is not able to answer.", None, None)


def test_a_refusal_is_passed_on() -> None:
    scene = Scene()
    scene.platform.outcomes = [Refused("too_long", "Shorten it.")]
    command = scene.run(deliver())
    assert (command.outcome, command.reason, command.detail) == ("refused", "too_long", "Shorten it.")


# --- a call that was not answered ---


def test_an_unanswered_call_is_looked_up_after_no_call_can_be_under_way() -> None:
    scene = Scene()
    scene.platform.outcomes = [Unknown("time_out", "X did not answer.")]
    scene.platform.found = ["901"]
    command = scene.run(deliver())
    assert (command.outcome, command.item_id, command.settled_by) == ("posted", "901", "look_up")
    assert scene.platform.looks[0] >= scene.journal.begun[0].begun_at + 5_000 + CALL_TIMEOUT


def test_an_unanswered_call_that_posted_nothing_may_be_made_again() -> None:
    scene = Scene()
    scene.platform.outcomes = [Unknown("time_out", "X did not answer.")]
    command = scene.run(deliver())
    assert (command.outcome, command.reason) == ("retry", "time_out")
    assert len(scene.platform.calls) == 1


# --- an attempt of a worker that died ---


def test_a_predecessors_attempt_is_looked_up_and_not_made_again() -> None:
    scene = Scene()
    scene.platform.found = ["901"]
    command = scene.run(deliver(), begun(ago=10_000))
    assert (command.outcome, command.item_id, command.settled_by) == ("posted", "901", "look_up")
    assert (scene.platform.calls, scene.journal.begun) == ([], [])
    assert scene.clock.slept == [15_000]


@pytest.mark.parametrize(("ago", "wait"), [(0, 25_000), (24_999, 1), (25_000, 0), (9_999_999, 0), (-9_999_999, 25_000)])
def test_the_wait_is_what_is_left_and_never_more_than_the_longest_call(ago: int, wait: int) -> None:
    scene = Scene()
    scene.platform.found = ["901"]
    scene.run(deliver(), begun(ago))
    assert scene.clock.slept == [wait]


def test_a_predecessors_attempt_that_posted_nothing_is_made_now() -> None:
    scene = Scene()
    assert scene.run(deliver(), begun(0)).settled_by == "outcome"
    assert len(scene.platform.calls) == 1


def test_the_platforms_duplicate_error_settles_what_the_look_up_missed() -> None:
    scene = Scene()
    scene.platform.outcomes = [Duplicate()]
    scene.platform.found = [None, None, "901"]
    command = scene.run(deliver(), begun(0))
    assert (command.outcome, command.item_id, command.settled_by) == ("posted", "901", "duplicate_error")


def test_a_duplicate_of_an_unfinished_attempt_is_posted_even_if_it_is_not_found() -> None:
    scene = Scene()
    scene.platform.outcomes = [Duplicate()]
    command = scene.run(deliver(), begun(0))
    assert (command.outcome, command.item_id, command.settled_by) == ("posted", None, "duplicate_error")


def test_where_repeats_are_not_refused_what_is_not_found_goes_to_a_person() -> None:
    scene = Scene()
    scene.platform.refuses_repeats = False
    command = scene.run(deliver(), begun(0))
    assert (command.outcome, command.reason) == ("undecided", "undecided")
    assert scene.platform.calls == []
    assert len(scene.platform.looks) == 5


def test_a_look_up_that_fails_is_tried_a_bounded_number_of_times_and_then_goes_to_a_person() -> None:
    scene = Scene()
    scene.platform.found = [LookUpFailed()] * 99
    command = scene.run(deliver(), begun(0))
    assert command.outcome == "undecided"
    assert (len(scene.platform.looks), scene.platform.calls) == (5, [])
    assert scene.clock.slept[1:] == [1000, 2000, 4000, 8000]


def test_a_look_up_that_recovers_settles() -> None:
    scene = Scene()
    scene.platform.found = [LookUpFailed(), LookUpFailed(), "901"]
    assert scene.run(deliver(), begun(0)).item_id == "901"


# --- the same text ---


def test_a_first_attempt_with_a_text_that_stood_elsewhere_is_refused() -> None:
    scene = Scene()
    scene.platform.outcomes = [Duplicate()]
    command = scene.run(deliver())
    assert (command.outcome, command.reason) == ("refused", "duplicate_text")


def test_a_first_attempt_whose_very_answer_stands_there_is_posted() -> None:
    scene = Scene()
    scene.platform.outcomes = [Duplicate()]
    scene.platform.found = ["901"]
    assert scene.run(deliver()).item_id == "901"


def test_a_later_attempt_that_is_a_duplicate_of_nothing_found_goes_to_a_person() -> None:
    scene = Scene()
    scene.platform.outcomes = [Duplicate()]
    assert scene.run(deliver(attempt=2)).outcome == "undecided"


# --- batches ---


def test_one_accounts_answers_are_posted_in_order_and_accounts_side_by_side() -> None:
    scene = Scene()
    delivers = [deliver(f"d{n}", account=str(n % 3)) for n in range(12)]
    results = scene.batch(*delivers)
    assert [result.delivery_id for result in results] == [item.delivery_id for item in delivers]
    for account in "012":
        texts = [text for _, called, text in scene.platform.calls if called == account]
        assert texts == [item.text for item in delivers if item.account == account]
    assert scene.platform.most_busy == 3


def test_a_limit_of_an_account_spares_its_other_calls_and_no_other_accounts() -> None:
    scene = Scene()
    scene.platform.outcomes = [Retry("rate_limited", "No more.", 9000)]
    results = scene.batch(deliver("d1"), deliver("d2"), deliver("d3", account="43"), deliver("d4"))
    assert [result.outcome for result in results] == ["retry", "retry", "posted", "retry"]
    assert {result.retry_after for result in results if result.outcome == "retry"} == {9000}
    assert len(scene.platform.calls) == 2


def test_an_empty_batch_has_no_results() -> None:
    assert Scene().batch() == []


OUTCOMES = st.sampled_from(
    [Posted("1"), Retry("unavailable", "."), Refused("x", "."), Unknown("time_out", "."), Duplicate()]
)
FOUND = st.sampled_from([None, "901", LookUpFailed()])


@fuzzed
@given(
    outcome=OUTCOMES,
    found=st.lists(FOUND, max_size=8),
    attempt=st.integers(1, 3),
    ago=st.none() | st.integers(-60_000, 60_000),
    slow=st.lists(st.integers(0, 8_000), max_size=4),
    repeats=st.booleans(),
)
def test_every_attempt_ends_with_one_outcome_and_at_most_one_call(
    outcome: Outcome,
    found: list[str | LookUpFailed | None],
    attempt: int,
    ago: int | None,
    slow: list[int],
    repeats: bool,
) -> None:
    scene = Scene()
    scene.platform.outcomes, scene.platform.found = [outcome], list(found)
    scene.platform.refuses_repeats, scene.journal.slow = repeats, list(slow)
    command = scene.run(deliver(attempt=attempt), None if ago is None else begun(ago, attempt))
    assert command.outcome in ("posted", "retry", "refused", "undecided")
    assert (command.outcome == "posted") == (command.posted_at is not None) == (command.reason is None)
    assert len(scene.platform.calls) <= 1
    for called_at, _, _ in scene.platform.calls:
        assert called_at - scene.journal.begun[-1].begun_at < 5_000
    assert "text of" not in repr(command)
