"""What a match costs, counted in rows that are looked at: no more where more waits, or where more agents are busy."""

from collections.abc import Iterator
from typing import Any, TypeVar

from engine.routing.state import Bucket
from engine.rows import Journal, Row, Rows
from tests.unit.builders import HOUR
from tests.unit.routing_desk import Desk, offers

R = TypeVar("R", bound=Row)
SKILLS = 10


class Counting(Rows):
    """Rows that count how many of them are looked at."""

    def __init__(self) -> None:
        super().__init__("main", Journal())
        self.looks = 0

    def get(self, kind: type[R], row_id: str) -> R | None:
        self.looks += 1
        return super().get(kind, row_id)

    def walk(self, kind: type[R], prefix: str = "") -> Iterator[R]:
        for row in super().walk(kind, prefix):
            self.looks += 1
            yield row


class Hall:
    """A pool where every agent knows one of the skills, and has room for one interaction and has it."""

    def __init__(self, agents: int) -> None:
        self.desk = Desk()
        self.desk.story.rows = self.rows = Counting()
        for number in range(agents):
            self.desk.agent(f"agent{number}", f"skill{number % SKILLS}")
            self.desk.take(f"first{number}", f"agent{number}")

    def ask(self, count: int, **more: Any) -> None:
        for number in range(count):
            assert offers(self.desk.ask(f"{number}", f"skill{number % SKILLS}", **more)) == []

    def keep(self, agents: int) -> None:
        """Something is kept for each agent but the first."""
        for number in range(1, agents):
            more = {"preferred": f"agent{number}", "preferred_until": self.desk.story.now + HOUR}
            assert offers(self.desk.ask(f"kept{number}", f"skill{number % SKILLS}", **more)) == []

    def cost_of_an_end(self) -> int:
        """The first agent is done with something, and gets the next."""
        before = self.rows.looks
        assert offers(self.desk.finish("first0", "agent0")) == [("0", "agent0")]
        return self.rows.looks - before

    def cost_of_a_request(self) -> int:
        """Somebody is asked for whom one agent has room."""
        self.desk.agent("spare", "skill0")
        before = self.rows.looks
        assert offers(self.desk.ask("last", "skill0")) == [("last", "spare")]
        return self.rows.looks - before


def test_a_freed_slot_costs_no_more_where_more_waits() -> None:
    costs = set()
    for waiting in (20, 1_000):
        hall = Hall(20)
        hall.ask(waiting)
        costs.add(hall.cost_of_an_end())
    assert len(costs) == 1


def test_a_freed_slot_does_not_look_at_what_is_kept_for_others() -> None:
    costs = set()
    for kept in (0, 200):
        hall = Hall(200)
        hall.keep(kept)
        hall.ask(20)
        costs.add(hall.cost_of_an_end())
    assert len(costs) == 1


def test_a_request_does_not_look_at_agents_who_are_busy_or_know_something_else() -> None:
    costs = set()
    for agents in (20, 400):
        hall = Hall(agents)
        for number in range(agents):
            hall.desk.agent(f"idle{number}", "another skill")
        costs.add(hall.cost_of_a_request())
    assert len(costs) == 1


def test_a_request_for_which_nobody_has_room_does_not_ask_them_all() -> None:
    costs = set()
    for agents in (20, 400):
        hall = Hall(agents)
        before = hall.rows.looks
        hall.ask(10)
        costs.add(hall.rows.looks - before)
    assert len(costs) == 1


def test_no_line_stays_where_nothing_waits() -> None:
    hall = Hall(50)
    hall.keep(50)
    assert len(list(hall.rows.walk(Bucket))) == 49
    for number in range(1, 50):
        assert offers(hall.desk.finish(f"first{number}", f"agent{number}")) == [(f"kept{number}", f"agent{number}")]
    assert list(hall.rows.walk(Bucket)) == []
