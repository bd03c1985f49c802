"""The model of agents and platforms, from events."""

from random import Random
from typing import Any

import pytest

from engine.interaction import events as e
from engine.record import Event
from engine.routing import events as r
from rejoinder.whatif.behaviour import ANSWERED, ASKED, ASKED_AGAIN, AWAY, OFFERED, POSTED
from rejoinder.whatif.learning import Learning
from rejoinder.whatif.matters import Matters
from rejoinder.whatif.samples import Action, Sample, scopes_of

FIRST = "home.1"


class Log:
    """Events, each so many milliseconds after the one before."""

    def __init__(self, since: int = 0) -> None:
        self.now = 0
        self.learning = Learning(since)
        self.ended = False
        self.state("anna", "ready")

    def tell(self, event: Event, after: int = 0, cause: str | None = None) -> None:
        self.now += after
        event.interaction_id = event.interaction_id or FIRST
        event.occurred_at, event.causation_id = self.now, cause or f"command at {self.now}"
        self.learning.take("home", event)

    def state(self, agent: str, state: str, after: int = 0, why: str = "asked") -> None:
        self.now += after
        event = r.AgentStateChanged(agent_id=agent, agent_state=state, why=why, occurred_at=self.now)
        self.learning.take("main", event)

    def seen(self, prompt: str) -> list[Sample]:
        if not self.ended:
            self.learning.end(self.now)
        self.ended = True
        return sorted(self.learning.model._seen.get((prompt, ""), []), key=lambda each: (each.elapsed, str(each)))


def queued(queue: str = "care", **more: Any) -> e.Queued:
    return e.Queued(queue=queue, pool="main", skills=[], priority=0, request_id="r", why="received", **more)


def offered(agent: str = "anna") -> e.Assigned:
    return e.Assigned(agent_id=agent, reservation_id="offer", why="reserved")


def asked(**more: Any) -> e.ReplyRequested:
    fields: dict[str, Any] = {
        "agent_id": "anna", "delivery_id": "d", "visibility": "public", "in_reply_to": "1", "content_id": "c",
        "words": b"",
    }  # fmt: skip
    return e.ReplyRequested(**(fields | more))


def posted(delivery: str = "d") -> e.Replied:
    return e.Replied(agent_id="anna", delivery_id=delivery, posted_at=0, first_response=True, settled_by="outcome")


def again(**more: Any) -> e.MessageReceived:
    fields: dict[str, Any] = {
        "item_id": "2", "content_id": "c", "words": b"", "channel": "x", "account": "9", "visibility": "public",
        "handle_id": "home", "posted_at": 0, "joined": "thread", "action": "route",
    }  # fmt: skip
    return e.MessageReceived(**(fields | more))


@pytest.fixture
def log() -> Log:
    return Log()


def test_what_an_agent_does_after_what_is_seen_with_the_time_that_it_took(log: Log) -> None:
    log.tell(queued())
    log.tell(offered(), 1)
    log.tell(e.Accepted(agent_id="anna", reservation_id="offer"), 10)
    log.tell(asked(), 100)
    log.tell(posted(), 5)
    log.tell(e.Dispositioned(code="resolved", agent_id="anna"), 1_000)
    assert log.seen(OFFERED) == [Sample(10, Action("accept"))]
    assert log.seen(ASKED) == [Sample(100, Action("reply"))]
    assert log.seen(ANSWERED) == [Sample(1_000, Action("end", "resolved"))]
    assert log.seen(POSTED) == [Sample(5, Action("post"))]
    assert set(log.learning.model._seen) >= {(ASKED, scope) for scope in (*scopes_of("anna", "care"), "")}


def test_what_was_not_seen_to_its_end_was_seen_so_far(log: Log) -> None:
    log.tell(queued())
    log.tell(offered())
    log.tell(e.QueuedAgain(request_id="r", reservation_id="offer", agent_id="anna", why="expired"), 60)
    log.tell(offered())
    log.tell(e.QueuedAgain(request_id="r", reservation_id="offer", agent_id="anna", why="declined"), 7)
    log.tell(offered())
    log.tell(e.Accepted(agent_id="anna", reservation_id="offer"), 8)
    log.tell(asked(), 9)
    log.tell(posted())
    log.tell(again(), 500)  # the customer had more to say: that says nothing of when agents end
    log.tell(e.Assigned(agent_id="anna", why="written_again"))
    log.now += 30
    assert log.seen(OFFERED) == [Sample(7, Action("decline")), Sample(8, Action("accept")), Sample(60, None)]
    assert log.seen(ANSWERED) == []
    assert log.seen(ASKED) == [Sample(9, Action("reply"))]
    assert log.seen(ASKED_AGAIN) == [Sample(30, None)]


def test_an_offer_that_an_answer_elsewhere_took_back_was_not_refused(log: Log) -> None:
    log.tell(queued())
    log.tell(offered())
    elsewhere = e.RepliedElsewhere(item_id="2", posted_at=0, first_response=True, content_id="c", words=b"")
    log.tell(elsewhere, 40)
    log.now += 1_000
    assert log.seen(OFFERED) == [Sample(40, None)]


def test_the_announcement_of_a_move_and_the_parts_of_an_answer_are_one_act(log: Log) -> None:
    log.tell(e.Assigned(agent_id="anna", why="taken"))
    moved = e.MovedToPrivate(agent_id="anna", how="link", channel="x")
    log.tell(moved, 20, cause="move")
    log.tell(asked(delivery_id="announcement"), cause="move")
    log.tell(posted("announcement"), 3)
    log.tell(asked(moves=True, delivery_id="private"), 50, cause="private")
    log.tell(asked(delivery_id="second", after="private"), cause="private")
    log.tell(posted("private"), 4)
    assert log.seen(ASKED) == [Sample(20, Action("private", "link"))]
    assert log.seen(ANSWERED) == [Sample(0, None), Sample(50, Action("private", "message"))]


def test_each_other_act(log: Log) -> None:
    log.tell(e.Assigned(agent_id="anna", why="taken"))
    log.tell(e.EngagementRequested(delivery_id="d", engagement="like", item_id="1", agent_id="anna"), 1)
    log.tell(e.Engaged(delivery_id="d", engagement="like", item_id="1", agent_id="anna", done_at=0), 1)
    log.tell(e.Transferred(from_agent="anna", queue="care", group="gold"), 2)
    log.tell(queued())
    log.tell(e.Assigned(agent_id="anna", why="taken"))
    log.tell(e.Transferred(from_agent="anna", queue="billing"), 3)
    log.tell(queued())
    assert log.seen(ASKED) == [Sample(1, Action("engage", "like")), Sample(3, Action("transfer", "queue:billing"))]
    assert log.seen(ANSWERED) == [Sample(2, Action("transfer", "group:gold"))]


def test_only_the_time_in_which_the_agent_was_there_counts(log: Log) -> None:
    log.tell(e.Assigned(agent_id="anna", why="taken"))
    log.state("anna", "offline", 100)
    log.state("anna", "away", 5_000)
    log.tell(asked(), 20)
    assert log.seen(ASKED) == [Sample(120, Action("reply"))]


def test_how_long_it_takes_until_who_did_not_accept_is_back(log: Log) -> None:
    log.state("anna", "away", why="not_accepted_in_time")
    log.state("anna", "ready", 90)
    log.state("anna", "away", 10, why="not_accepted_in_time")
    log.state("anna", "offline", 30)
    log.state("anna", "ready", 100)
    log.state("anna", "away", 10, why="not_accepted_in_time")
    log.now += 5
    assert log.learning.unaccepted == {"anna": ("main", log.now - 5)}
    assert log.seen(AWAY) == [Sample(5, None), Sample(30, None), Sample(90, Action("ready"))]


def test_what_was_long_ago_is_not_looked_at() -> None:
    log = Log(since=50)
    log.tell(e.Assigned(agent_id="anna", why="taken"))
    log.tell(asked(), 100)
    log.tell(posted(), 1)
    log.tell(e.Dispositioned(code="resolved", agent_id="anna"), 9)
    assert log.seen(ASKED) == []
    assert log.seen(ANSWERED) == [Sample(9, Action("end", "resolved"))]
    assert log.learning.model.draw(ASKED, [], Random(1)) is None


def test_mere_thanks_are_nothing_more_to_say(log: Log) -> None:
    log.tell(e.Assigned(agent_id="anna", why="taken"))
    log.tell(asked(), 5)
    log.tell(posted())
    log.tell(again(joined="attached", action="attach"), 3)
    log.tell(e.Dispositioned(code="resolved", agent_id="anna"), 4)
    assert log.seen(ANSWERED) == [Sample(7, Action("end", "resolved"))]


def test_a_matter_is_over_when_its_last_message_has_come() -> None:
    matters = Matters()
    for item, at in (("1", 10), ("2", 50), ("3", 30)):
        matters.note(again(interaction_id=FIRST, item_id=item, occurred_at=at))
    matters.note(again(interaction_id=FIRST, item_id="thanks", occurred_at=90, joined="attached"))
    assert not matters.is_over("home.7", "1", 49)
    assert matters.is_over("home.7", "1", 50)
    assert not matters.is_over(FIRST, "before the time", 49)
    assert matters.is_over("home.7", "unknown", 0)
