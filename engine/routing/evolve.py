"""Events of a pool into rows. Looks at nothing but its arguments."""

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from engine.envelope import derive
from engine.record import Event
from engine.routing import events as e
from engine.routing.state import (
    Agent,
    Bucket,
    Offer,
    Place,
    Request,
    Reservation,
    Slot,
    offer_id,
    place_id,
    slot_id,
)
from engine.rows import Rows


def evolve(rows: Rows, event: Event) -> None:
    """Applies one event to the rows of its pool."""
    step = _STEPS.get(type(event))
    if step is not None:
        step(rows, event)


def _agent_registered(rows: Rows, event: e.AgentRegistered) -> None:
    known = rows.get(Agent, event.agent_id)
    changes: dict[str, Any] = {"skills": event.skills, "groups": event.groups, "capacity": event.capacity}
    rows.put(event.agent_id, Agent(agent_id=event.agent_id, **changes) if known is None else replace(known, **changes))


def _agent_state_changed(rows: Rows, event: e.AgentStateChanged) -> None:
    agent = rows.get(Agent, event.agent_id)
    if agent is None:
        return
    since = {"ready_since": event.occurred_at, "free_since": event.occurred_at} if event.agent_state == "ready" else {}
    rows.put(event.agent_id, replace(agent, state=event.agent_state, **since))


def _request_queued(rows: Rows, event: e.RequestQueued) -> None:
    bucket_id = derive("bucket", *sorted(event.skills), "group", event.group or "", "agent", event.agent or "")
    if rows.get(Bucket, bucket_id) is None:
        rows.put(bucket_id, Bucket(bucket_id=bucket_id, skills=event.skills, group=event.group, agent=event.agent))
    request = Request(
        interaction_id=event.interaction_id or "",
        bucket_id=bucket_id,
        priority=event.priority,
        waiting_since=event.waiting_since,
    )
    rows.put(event.request_id, request)
    _enter(rows, event.request_id, request)


def _enter(rows: Rows, request_id: str, request: Request) -> None:
    rows.put(place_id(request_id, request), Place(request_id=request_id))
    _count(rows, request.bucket_id, 1)


def _leave(rows: Rows, request_id: str, request: Request) -> None:
    place = place_id(request_id, request)
    if rows.get(Place, place) is not None:
        rows.delete(Place, place)
        _count(rows, request.bucket_id, -1)


def _count(rows: Rows, bucket_id: str, change: int) -> None:
    bucket = rows.get(Bucket, bucket_id)
    if bucket is not None:
        rows.put(bucket_id, replace(bucket, waiting=bucket.waiting + change))


def _request_returned(rows: Rows, event: e.RequestReturned) -> None:
    request = rows.get(Request, event.request_id)
    if request is None:
        return
    refusals = request.refusals
    agent = rows.get(Agent, event.agent_id)
    if event.why == "declined" and agent is not None:
        refusals = [*refusals, refusal_of(agent)]
    back = replace(request, returned=True, refusals=refusals)
    rows.put(event.request_id, back)
    _enter(rows, event.request_id, back)


def refusal_of(agent: Agent) -> str:
    """How an agent's refusal is remembered: until the agent becomes ready anew."""
    return f"{agent.agent_id}\x1f{agent.ready_since}"


def _request_withdrawn(rows: Rows, event: e.RequestWithdrawn) -> None:
    request = rows.get(Request, event.request_id)
    if request is not None:
        _leave(rows, event.request_id, request)
        rows.delete(Request, event.request_id)


def _reserved(rows: Rows, event: e.Reserved) -> None:
    request = rows.get(Request, event.request_id)
    if request is not None:
        _leave(rows, event.request_id, request)
        rows.put(event.request_id, replace(request, offers=request.offers + 1))
    rows.put(event.reservation_id, Reservation(request_id=event.request_id, agent_id=event.agent_id))
    rows.put(
        offer_id(event.agent_id, event.reservation_id),
        Offer(reservation_id=event.reservation_id, interaction_id=event.interaction_id or ""),
    )
    _use(rows, event.agent_id, 1, event.occurred_at)


def _reservation_confirmed(rows: Rows, event: e.ReservationConfirmed) -> None:
    reservation = rows.get(Reservation, event.reservation_id)
    if reservation is None:
        return
    rows.delete(Request, reservation.request_id)
    rows.delete(Reservation, event.reservation_id)
    rows.delete(Offer, offer_id(reservation.agent_id, event.reservation_id))
    rows.put(slot_id(event.agent_id, event.interaction_id or ""), Slot(agent_id=event.agent_id))


def _reservation_ended(rows: Rows, event: e.ReservationEnded) -> None:
    reservation = rows.get(Reservation, event.reservation_id)
    if reservation is None:
        return
    if event.why == "released":
        rows.delete(Request, reservation.request_id)
    rows.delete(Reservation, event.reservation_id)
    rows.delete(Offer, offer_id(reservation.agent_id, event.reservation_id))
    _use(rows, reservation.agent_id, -1, event.occurred_at)


def _slot_occupied(rows: Rows, event: e.SlotOccupied) -> None:
    place = slot_id(event.agent_id, event.interaction_id or "")
    if rows.get(Slot, place) is None:
        rows.put(place, Slot(agent_id=event.agent_id))
        _use(rows, event.agent_id, 1, event.occurred_at)


def _slot_freed(rows: Rows, event: e.SlotFreed) -> None:
    place = slot_id(event.agent_id, event.interaction_id or "")
    if rows.get(Slot, place) is not None:
        rows.delete(Slot, place)
        _use(rows, event.agent_id, -1, event.occurred_at)


def _use(rows: Rows, agent_id: str, change: int, at: int) -> None:
    agent = rows.get(Agent, agent_id)
    if agent is None:
        agent = Agent(agent_id=agent_id, skills=[], groups=[], capacity=0)  # who took without being registered
    since = {"free_since": at} if change < 0 else {}
    rows.put(agent_id, replace(agent, used=agent.used + change, **since))


_STEPS: Final[dict[type[Event], Callable[[Rows, Any], None]]] = {
    e.AgentRegistered: _agent_registered,
    e.AgentStateChanged: _agent_state_changed,
    e.RequestQueued: _request_queued,
    e.RequestReturned: _request_returned,
    e.RequestWithdrawn: _request_withdrawn,
    e.Reserved: _reserved,
    e.ReservationConfirmed: _reservation_confirmed,
    e.ReservationEnded: _reservation_ended,
    e.SlotOccupied: _slot_occupied,
    e.SlotFreed: _slot_freed,
}
