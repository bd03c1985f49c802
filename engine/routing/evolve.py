"""Events of a pool into rows. Looks at nothing but its arguments."""

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from engine.bookkeeping import Timer
from engine.record import Event
from engine.routing import events as e
from engine.routing.matching import refusal_of
from engine.routing.state import (
    Agent,
    Bucket,
    Need,
    Offer,
    Place,
    Ready,
    Request,
    Reservation,
    Slot,
    bucket_id_of,
    mark_of,
    offer_id,
    place_id,
    ready_ids,
    slot_id,
    under,
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
    _put_agent(rows, known, Agent(agent_id=event.agent_id, **changes) if known is None else replace(known, **changes))


def _agent_state_changed(rows: Rows, event: e.AgentStateChanged) -> None:
    agent = rows.get(Agent, event.agent_id)
    if agent is None:
        return
    since = {"ready_since": event.occurred_at, "free_since": event.occurred_at} if event.agent_state == "ready" else {}
    _put_agent(rows, agent, replace(agent, state=event.agent_state, **since))


def _put_agent(rows: Rows, before: Agent | None, agent: Agent) -> None:
    """Sets an agent, and where it stands while it is ready."""
    if before is not None and before.state == "ready":
        for place in ready_ids(before):
            rows.delete(Ready, place)
    rows.put(agent.agent_id, agent)
    if agent.state == "ready":
        for place in ready_ids(agent):
            rows.put(place, Ready(agent_id=agent.agent_id))


def _request_queued(rows: Rows, event: e.RequestQueued) -> None:
    if event.agent is not None:
        need = Need(skills=[], agent=event.agent, weight=event.weight)  # who is named needs to know nothing more
    else:
        need = Need(skills=event.skills, group=event.group, agent=event.preferred, weight=event.weight)
    request = Request(
        interaction_id=event.interaction_id or "",
        need=need,
        priority=event.priority,
        waiting_since=event.waiting_since,
        preferred_until=event.preferred_until,
        relax_at=event.relax_at,
        relaxed_skills=event.relaxed_skills,
    )
    _enter(rows, event.request_id, request)


def _enter(rows: Rows, request_id: str, request: Request) -> None:
    """Puts a request into its line, with the deadlines at which more agents may have it."""
    bucket_id = bucket_id_of(request.need)
    rows.put(request_id, request)
    rows.put(place_id(bucket_id, request_id, request), Place(request_id=request_id))
    _count(rows, request.need, bucket_id, 1)
    for name, due in (("prefer", request.preferred_until), ("relax", request.relax_at)):
        if due is not None:
            rows.put(f"{name}:{request_id}", Timer(name=name, ref=request_id, due=due))


def _leave(rows: Rows, request_id: str, request: Request) -> None:
    bucket_id = bucket_id_of(request.need)
    place = place_id(bucket_id, request_id, request)
    if rows.get(Place, place) is not None:
        rows.delete(Place, place)
        _count(rows, request.need, bucket_id, -1)
        for name in ("prefer", "relax"):
            rows.delete(Timer, f"{name}:{request_id}")


def _count(rows: Rows, need: Need, bucket_id: str, change: int) -> None:
    row_id = under(mark_of(need)) + bucket_id
    bucket = rows.get(Bucket, row_id)
    waiting = change if bucket is None else bucket.waiting + change
    if waiting > 0:
        rows.put(row_id, Bucket(bucket_id=bucket_id, need=need, waiting=waiting))
    else:
        rows.delete(Bucket, row_id)


def _request_widened(rows: Rows, event: e.RequestWidened) -> None:
    request = rows.get(Request, event.request_id)
    if request is None:
        return
    _leave(rows, event.request_id, request)
    if event.why == "relaxed":
        need = replace(request.need, skills=event.skills)
        _enter(rows, event.request_id, replace(request, need=need, relax_at=None, relaxed_skills=[]))
    else:
        need = replace(request.need, agent=None)
        _enter(rows, event.request_id, replace(request, need=need, preferred_until=None))


def _request_returned(rows: Rows, event: e.RequestReturned) -> None:
    request = rows.get(Request, event.request_id)
    if request is None:
        return
    refusals = request.refusals
    agent = rows.get(Agent, event.agent_id)
    if event.why == "declined" and agent is not None:
        refusals = [*refusals, refusal_of(agent)]
    _enter(rows, event.request_id, replace(request, returned=True, refusals=refusals))


def _request_withdrawn(rows: Rows, event: e.RequestWithdrawn) -> None:
    request = rows.get(Request, event.request_id)
    if request is not None:
        _leave(rows, event.request_id, request)
        rows.delete(Request, event.request_id)


def _reserved(rows: Rows, event: e.Reserved) -> None:
    request = rows.get(Request, event.request_id)
    weight = 1
    if request is not None:
        weight = request.need.weight
        _leave(rows, event.request_id, request)
        rows.put(event.request_id, replace(request, offers=request.offers + 1))
    reservation = Reservation(request_id=event.request_id, agent_id=event.agent_id, weight=weight)
    rows.put(event.reservation_id, reservation)
    rows.put(
        offer_id(event.agent_id, event.reservation_id),
        Offer(reservation_id=event.reservation_id, interaction_id=event.interaction_id or ""),
    )
    _use(rows, event.agent_id, weight, event.occurred_at)


def _reservation_confirmed(rows: Rows, event: e.ReservationConfirmed) -> None:
    reservation = rows.get(Reservation, event.reservation_id)
    if reservation is None:
        return
    rows.delete(Request, reservation.request_id)
    rows.delete(Reservation, event.reservation_id)
    rows.delete(Offer, offer_id(reservation.agent_id, event.reservation_id))
    slot = Slot(agent_id=event.agent_id, weight=reservation.weight)
    rows.put(slot_id(event.agent_id, event.interaction_id or ""), slot)


def _reservation_ended(rows: Rows, event: e.ReservationEnded) -> None:
    reservation = rows.get(Reservation, event.reservation_id)
    if reservation is None:
        return
    if event.why == "released":
        rows.delete(Request, reservation.request_id)
    rows.delete(Reservation, event.reservation_id)
    rows.delete(Offer, offer_id(reservation.agent_id, event.reservation_id))
    _use(rows, reservation.agent_id, -reservation.weight, event.occurred_at)


def _slot_occupied(rows: Rows, event: e.SlotOccupied) -> None:
    place = slot_id(event.agent_id, event.interaction_id or "")
    if rows.get(Slot, place) is not None:
        return
    rows.put(place, Slot(agent_id=event.agent_id, weight=event.weight))
    _use(rows, event.agent_id, event.weight - _kept_room(rows, event), event.occurred_at)


def _kept_room(rows: Rows, event: e.SlotOccupied) -> int:
    """The room that was kept to offer the agent this very interaction: the slot takes it over, so it counts once."""
    kept = 0
    for offer in rows.walk(Offer, offer_id(event.agent_id, "")):
        reservation = rows.get(Reservation, offer.reservation_id)
        if offer.interaction_id == event.interaction_id and reservation is not None:
            rows.put(offer.reservation_id, replace(reservation, weight=0))
            kept += reservation.weight
    return kept


def _slot_freed(rows: Rows, event: e.SlotFreed) -> None:
    place = slot_id(event.agent_id, event.interaction_id or "")
    slot = rows.get(Slot, place)
    if slot is not None:
        rows.delete(Slot, place)
        _use(rows, event.agent_id, -slot.weight, event.occurred_at)


def _use(rows: Rows, agent_id: str, change: int, at: int) -> None:
    known = rows.get(Agent, agent_id)
    agent = known or Agent(agent_id=agent_id, skills=[], groups=[], capacity=0)  # who took without being registered
    _put_agent(rows, known, replace(agent, used=agent.used + change, free_since=at))


_STEPS: Final[dict[type[Event], Callable[[Rows, Any], None]]] = {
    e.AgentRegistered: _agent_registered,
    e.AgentStateChanged: _agent_state_changed,
    e.RequestQueued: _request_queued,
    e.RequestWidened: _request_widened,
    e.RequestReturned: _request_returned,
    e.RequestWithdrawn: _request_withdrawn,
    e.Reserved: _reserved,
    e.ReservationConfirmed: _reservation_confirmed,
    e.ReservationEnded: _reservation_ended,
    e.SlotOccupied: _slot_occupied,
    e.SlotFreed: _slot_freed,
}
