"""The wallboard's fold, held against a recomputation of everything from reporting's own facts."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.interaction import events as e
from engine.record import Event
from engine.routing import events as routing
from projections.live.board import Board
from projections.live.floor import WINDOW, Floor
from projections.live.interactions import Interaction
from projections.records import INTERACTION_EVENTS, ROUTING_EVENTS
from projections.reporting.fold import measure, opened, transition
from projections.reporting.rows import FctInteraction
from projections.values import moment
from tests.projection_log import START, Log, Person

MINUTE = 60_000
QUEUES = ("care", "sales")
MAY: dict[str | None, tuple[str, ...]] = {
    None: ("write",),
    "received": ("resolve", "resolve", "filter"),
    "contact_resolved": ("queue", "queue", "queue", "hold", "close", "elsewhere"),
    "out_of_hours": ("queue", "withdraw", "expire", "answer", "elsewhere", "write"),
    "queued": ("offer", "offer", "offer", "answer", "elsewhere", "withdraw", "expire", "close", "write"),
    "assigned": ("answer", "answer", "again", "queue", "end", "elsewhere", "withdraw"),
    "replied": ("answer", "queue", "hold", "end", "end", "write", "elsewhere"),
    "dispositioned": ("write", "write", "answer", "elsewhere"),
}
"""What may happen to somebody's latest interaction in each of its states."""


@dataclass
class Whole:
    """Every fact that reporting has, of all time, and what else the board counts by."""

    facts: dict[str, FctInteraction] = field(default_factory=dict)
    queued_at: dict[str, int] = field(default_factory=dict)
    late: dict[str, int] = field(default_factory=dict)
    """When interactions were first answered that the floor had forgotten before."""

    def fold(self, event: Event) -> None:
        name = event.interaction_id or ""
        first = name not in self.facts
        if first:
            assert isinstance(event, e.MessageReceived)
            self.facts[name] = opened(event)
        fact = self.facts[name]
        measure(event, fact)
        transition(event, fact, first=first)
        if isinstance(event, e.Queued):
            self.queued_at[name] = event.occurred_at

    def figures(self, now: int) -> Counter[tuple[Any, ...]]:
        """All that a board says, as counts by what, queue and account."""
        found = Counter[tuple[Any, ...]]()
        since, until = moment(now - WINDOW), moment(now)
        for name, fact in self.facts.items():
            outcome = outcome_of(fact)
            if since < fact.opened_at <= until:
                found["filtered" if fact.filtered else "opened", fact.queue, fact.account_key] += 1
            if name in self.late:
                found["answered", None, None] += now - WINDOW < self.late[name] <= now
            elif outcome == "answered" and fact.first_response_at and since < fact.first_response_at <= until:
                found["answered", fact.queue, fact.account_key] += 1
            if fact.state in ("queued", "assigned"):
                found[fact.state, fact.queue] += 1
            target = target_of(fact, outcome, until)
            if target == "running" or (target and fact.answer_by and since < fact.answer_by <= until):
                found[target, fact.queue] += 1
        return +found

    def oldest(self, queue: str) -> int | None:
        """Since when the longest waits."""
        waiting = (name for name, fact in self.facts.items() if (fact.state, fact.queue) == ("queued", queue))
        return min((self.queued_at[name] for name in waiting), default=None)


def outcome_of(fact: FctInteraction) -> str:
    """As reporting.fct_interaction has it."""
    if fact.filtered:
        return "filtered"
    if fact.first_response_at is not None:
        return "answered"
    if fact.disposition is None:
        return "open"
    if fact.disposition in ("withdrawn", "expired"):
        return fact.disposition
    return "closed_automatically" if fact.dispositioned_by is None else "closed_unanswered"


def target_of(fact: FctInteraction, outcome: str, until: Any) -> str | None:
    """As reporting.fct_interaction has it, at a time."""
    if outcome in ("filtered", "closed_automatically", "withdrawn") or fact.answer_by is None:
        return None
    if fact.first_response_at is not None and fact.first_response_at <= fact.answer_by:
        return "met"
    return "running" if outcome == "open" and fact.answer_by > until else "missed"


def figures_of(board: Board) -> Counter[tuple[Any, ...]]:
    """A board in the form of Whole.figures."""
    found = Counter[tuple[Any, ...]]()
    for account in board.accounts:
        where = (account.queue, account.account_key)
        found["opened", *where] += account.opened
        found["filtered", *where] += account.filtered
        found["answered", *where] += account.answered
    for line in board.queues:
        found["queued", line.queue] += line.waiting
        found["assigned", line.queue] += line.with_agents
        found["met", line.queue] += line.target_met
        found["missed", line.queue] += line.target_missed
        found["running", line.queue] += line.target_running
    return +found


def act(person: Person, action: str, state: str | None, whole: Whole, spread: int) -> None:
    """Something happens to the person's latest interaction."""
    if action == "write":
        joined = "opened" if state in (None, "dispositioned") else "thread"
        person.writes("hello", joined=joined)
        return
    fact = whole.facts[person.interaction]
    posted_at = person.at - spread * MINUTE
    first = fact.first_response_at is None
    match action:
        case "resolve":
            person.tell(e.ContactResolved, how="found")
        case "filter":
            person.tell(e.FilteredOut, filter="spam")
            person.tell(e.Dispositioned, code="filtered_out")
        case "hold":
            person.tell(e.OutOfHours, closure="c", kind="closed", notice="too_old")
        case "close":
            person.tell(e.Dispositioned, code="answered")
        case "queue":
            target = None if spread == 0 else person.at + spread * 5 * MINUTE
            person.queued(QUEUES[spread % 2], answer_by=target)
        case "offer":
            person.tell(e.Assigned, agent_id="ann", reservation_id="r", why="reserved")
        case "again":
            person.tell(e.QueuedAgain, request_id="q", reservation_id="r", agent_id="ann", why="expired")
        case "answer":
            person.posted("d", "ann", first=first, posted_at=posted_at)
        case "elsewhere":
            person.tell(
                e.RepliedElsewhere, item_id="i", posted_at=posted_at, first_response=first, content_id="c", words=b""
            )
        case "withdraw":
            person.tell(e.Dispositioned, code="withdrawn")
        case "expire":
            person.tell(e.Dispositioned, code="expired")
        case "end":
            person.tell(e.Dispositioned, code="resolved", agent_id="ann")


STEPS = st.lists(
    st.tuples(
        st.integers(1, 3),  # who
        st.integers(0, 41),  # what
        st.integers(0, 6),  # minutes until then
        st.integers(0, 5),  # how far from it a platform's time or a target lies
        st.booleans(),  # whether the board is looked at
    ),
    max_size=50,
)


@settings(max_examples=150)
@given(STEPS)
def test_a_board_says_what_all_facts_of_all_time_say(steps: list[tuple[int, int, int, int, bool]]) -> None:
    log, floor, whole = Log(), Floor(), Whole()
    people = {number: Person(log, number, account=str(40 + number % 2), named=False) for number in range(1, 4)}
    now = START + 10 * MINUTE
    for who, what, minutes, spread, looked_at in steps:
        now += minutes * MINUTE
        person = people[who]
        person.at = now - 2 * MINUTE  # each event moves it on by a minute
        fact = whole.facts.get(person.interaction)
        done = len(log.records)
        state = None if fact is None else fact.state
        act(person, MAY[state][what % len(MAY[state])], state, whole, spread)
        for logged in log.logged(done):
            event = logged.record
            if isinstance(event, Event):
                known = event.interaction_id in floor._counted or event.interaction_id in floor._idle
                if isinstance(event, e.Replied | e.RepliedElsewhere) and event.first_response and not known:
                    whole.late[event.interaction_id or ""] = event.posted_at
                whole.fold(event)
                floor.fold(INTERACTION_EVENTS, logged.key, event)
        if looked_at:
            check(floor.board(now), whole, now)
    check(floor.board(now), whole, now)


def check(board: Board, whole: Whole, now: int) -> None:
    """Fails where a board differs from the whole."""
    assert figures_of(board) == whole.figures(now)
    for line in board.queues:
        oldest = whole.oldest(line.queue) if line.queue else None
        assert line.oldest_waiting_since == (None if oldest is None else moment(oldest))
        due = line.target_met + line.target_missed
        assert line.service_level == (line.target_met / due if due else None)
    total = board.total
    assert (total.opened, total.waiting, total.answered) == (
        sum(line.opened for line in board.accounts),
        sum(line.waiting for line in board.queues),
        sum(line.answered for line in board.accounts),
    )


def test_an_answer_at_the_last_moment_is_in_time_and_what_a_rule_ended_has_no_target() -> None:
    each = Interaction("x:9", "replied", START, "care", answer_by=START, first_response_at=START)
    assert each.target(START) == "met"
    assert replace(each, first_response_at=START + 1).target(START) == "missed"
    assert replace(each, first_response_at=None).target(START) == "missed"
    assert replace(each, first_response_at=None).target(START - 1) == "running"
    ended = replace(each, first_response_at=None, disposition="answered")
    assert (ended.target(START), replace(ended, by_agent=True).target(START)) == (None, "missed")


def test_what_has_ended_is_forgotten_after_the_window_and_what_is_open_is_not() -> None:
    log, floor = Log(), Floor()
    for number in range(1, 101):
        person = Person(log, number, named=False)
        person.at = START
        person.writes("hello")
        person.resolved()
        person.queued(answer_by=START + 5 * MINUTE)
        if number <= 90:
            person.accepted("ann")
            person.answered("ann", "hi")
            person.tell(e.Dispositioned, code="resolved", agent_id="ann")
    for logged in log.logged():
        if isinstance(logged.record, Event):
            floor.fold(logged.topic, logged.key, logged.record)
    assert floor.size == 100
    assert floor.board(START + WINDOW).total.opened == 100
    later = floor.board(START + 2 * WINDOW)
    assert (floor.size, later.total.waiting, later.total.opened) == (10, 10, 0)
    assert later.total.oldest_wait_seconds == (2 * WINDOW - 4 * MINUTE) / 1000


def test_agents_are_counted_by_what_they_said_last() -> None:
    floor = Floor(agents={("main", "ann"): "ready", ("night", "kim"): "offline"})
    registered = routing.AgentRegistered(agent_id="bob", skills=[], groups=[], capacity=1)
    floor.fold(ROUTING_EVENTS, "main", registered)
    floor.fold(ROUTING_EVENTS, "main", routing.AgentRegistered(agent_id="ann", skills=[], groups=[], capacity=2))
    away = routing.AgentStateChanged(agent_id="ann", agent_state="away", why="asked")
    floor.fold(ROUTING_EVENTS, "main", away)
    found = [(line.pool, line.ready, line.away, line.offline) for line in floor.board(START).agents]
    assert found == [("main", 0, 1, 1), ("night", 0, 0, 1)]


def test_one_queue_is_a_part_of_the_board() -> None:
    log, floor = Log(), Floor()
    for number, queue in enumerate(("care", "care", "sales"), 1):
        person = Person(log, number, named=False)
        person.writes("hello")
        person.resolved()
        person.queued(queue)
    for logged in log.logged():
        if isinstance(logged.record, Event):
            floor.fold(logged.topic, logged.key, logged.record)
    board = floor.board(START + 10 * MINUTE)
    part = board.of_queue("care")
    assert (part.total.waiting, [line.queue for line in part.accounts]) == (2, ["care"])
    assert board.of_queue("nothing").total.waiting == 0
