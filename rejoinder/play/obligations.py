"""What the log says must still follow: while anything does, recorded time may not move on.

A deadline that comes between an offer and the acceptance that is already on its way would expire it, because the
player's clock can run hours ahead in the time that a record takes from one processor to the other.
"""

from dataclasses import dataclass, field

from engine.interaction import events as e
from engine.routing import events as r

Duty = tuple[str, str]


@dataclass
class Obligations:
    """The duties that are open, by kind and id. Topics are read beside one another: an answer may be seen first."""

    open: set[Duty] = field(default_factory=set)
    _answered: set[Duty] = field(default_factory=set)

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
            case r.Reserved():
                self._owe("offer", record.reservation_id)
            case r.RequestReturned():
                self._pay("return", record.reservation_id)
            case r.SlotFreed():
                self._pay("free", record.interaction_id or "")

    def _owe(self, kind: str, what: str) -> None:
        if (kind, what) not in self._answered:
            self.open.add((kind, what))

    def _pay(self, kind: str, what: str) -> None:
        self._answered.add((kind, what))
        self.open.discard((kind, what))
