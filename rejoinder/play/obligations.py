"""What the log says must still follow: while anything does, recorded time may not move on.

A deadline that comes between an offer and the acceptance that is already on its way would expire it, because the
player's clock can run hours ahead in the time that a record takes from one processor to the other. Nor may it
before routing has said what its own deadlines led to: the offers that follow from them are not seen until then.
"""

from collections.abc import Container
from dataclasses import dataclass, field
from typing import Final

from engine.interaction import events as e
from engine.routing import events as r

Duty = tuple[str, str]
WIDENED: Final = ("preferred_over", "relaxed")


@dataclass(frozen=True)
class Deadline:
    """When more agents may have what stands in line."""

    due: int
    interaction_id: str


@dataclass
class Obligations:
    """The duties that are open, by kind and id. Topics are read beside one another: an answer may be seen first."""

    open: set[Duty] = field(default_factory=set)
    deadlines: dict[Duty, Deadline] = field(default_factory=dict)
    """Routing's, of what stands in line, by why it will be widened and its request."""
    _answered: set[Duty] = field(default_factory=set)
    _relaxing: dict[str, Deadline] = field(default_factory=dict)

    def advance(self, to: int) -> None:
        """Time is told to be so late: of each deadline that has come by then it has to be seen what it led to."""
        self.open |= {duty for duty, deadline in self.deadlines.items() if deadline.due <= to}

    def is_late(self, told: int) -> bool:
        """Whether a deadline was set for a time that had been told already: the time has to be told again."""
        return any(deadline.due <= told and duty not in self.open for duty, deadline in self.deadlines.items())

    def deadlines_of(self, interactions: Container[str]) -> list[int]:
        """When more agents may have any of these interactions."""
        return [each.due for each in self.deadlines.values() if each.interaction_id in interactions]

    def take(self, record: object) -> None:
        """Notes one event of either side."""
        match record:
            case e.Queued():
                self._owe("request", record.request_id)
            case e.Assigned(reservation_id=str(reservation_id)):
                self._pay("offer", reservation_id)
                self._owe("accept", reservation_id)
            case e.Accepted(reservation_id=str(reservation_id)):
                self._pay("accept", reservation_id)
            case e.QueuedAgain():
                self._pay("accept", record.reservation_id)
                self._owe("return", record.reservation_id)
            case e.ReservationReleased():
                self._pay("offer", record.reservation_id)
            case e.Dispositioned(agent_id=str()):
                self._owe("free", record.interaction_id or "")
            case r.RequestQueued():
                self._pay("request", record.request_id)
                self._await(record)
            case r.RequestWidened():
                self._passed(record.request_id, record.why)
                if record.why == "relaxed":
                    self._relaxing.pop(record.request_id, None)
            case r.Reserved():
                self._owe("offer", record.reservation_id)
                self._passed(record.request_id, *WIDENED)
            case r.RequestReturned():
                self._pay("return", record.reservation_id)
                if record.request_id in self._relaxing:
                    self.deadlines["relaxed", record.request_id] = self._relaxing[record.request_id]
            case r.RequestWithdrawn():
                self._passed(record.request_id, *WIDENED)
                self._relaxing.pop(record.request_id, None)
            case r.SlotFreed():
                self._pay("free", record.interaction_id or "")

    def _await(self, queued: r.RequestQueued) -> None:
        interaction_id = queued.interaction_id or ""
        if queued.preferred_until is not None:
            self.deadlines["preferred_over", queued.request_id] = Deadline(queued.preferred_until, interaction_id)
        if queued.relax_at is not None:
            deadline = Deadline(queued.relax_at, interaction_id)
            self.deadlines["relaxed", queued.request_id] = self._relaxing[queued.request_id] = deadline

    def _passed(self, request_id: str, *whys: str) -> None:
        for why in whys:
            self.deadlines.pop((why, request_id), None)
            self.open.discard((why, request_id))

    def _owe(self, kind: str, what: str) -> None:
        if (kind, what) not in self._answered:
            self.open.add((kind, what))

    def _pay(self, kind: str, what: str) -> None:
        self._answered.add((kind, what))
        self.open.discard((kind, what))
