"""The routing decider: one pool's agents and its line.

It owns the slots, so an agent is never given two interactions for one: a slot is reserved with an offer, and is
free again only when the interaction says so.

After each decision nobody waits for whom a ready agent has room: what comes into a line is offered at once, and an
agent who gets room is filled. Thus a line drains in its order.
"""

from collections.abc import Callable, Generator, Iterable
from typing import Any, Final

from engine.bookkeeping import Timer
from engine.decider import Context, Decision, Duplicate, Refusal, Send
from engine.envelope import derive, home_of
from engine.interaction.commands import LoseAgent, Reserve
from engine.record import Command, Event
from engine.routing import commands as c
from engine.routing import events as e
from engine.routing.evolve import evolve
from engine.routing.matching import agent_for, has_room, is_worth_waiting_for, kept_for, next_for
from engine.routing.state import (
    Agent,
    Need,
    Offer,
    Place,
    Request,
    Reservation,
    Slot,
    bucket_id_of,
    offer_id,
    place_id,
    slot_id,
)
from engine.rows import Rows

INTERACTION: Final = "interaction.commands"
STATES: Final = ("ready", "away", "offline")
Events = Generator[Event, None, None]


class RoutingDecider:
    """Runs the functions of this package; keeps nothing itself."""

    name = "routing"

    def decide(self, rows: Rows, command: Command, context: Context) -> Decision:
        return _DECIDE[type(command)](rows, command, context)

    def fire(self, rows: Rows, timer: Timer, context: Context) -> Decision:
        return _FIRE[timer.name](rows, timer, context)

    def evolve(self, rows: Rows, event: Event) -> None:
        evolve(rows, event)

    def apply(self, rows: Rows, event: Event, command: Command | None, context: Context) -> Iterable[Send]:
        evolve(rows, event)
        return list(_follow(rows, event))

    def state_after(self, rows: Rows, event: Event) -> str | None:
        return None

    def refused(self, command: Command, refusal: Refusal) -> Event:
        return e.CommandRefused(command=type(command).__name__, code=refusal.code, reason=refusal.reason)


def _register(rows: Rows, command: c.RegisterAgent, context: Context) -> Decision:
    if command.capacity < 0:
        return Refusal("bad_capacity", f"a capacity of {command.capacity} is below zero")
    known = rows.get(Agent, command.agent_id)
    wanted = (command.skills, command.groups, command.capacity)
    if known is not None and (known.skills, known.groups, known.capacity) == wanted:
        return Duplicate()
    yield e.AgentRegistered(
        agent_id=command.agent_id, skills=command.skills, groups=command.groups, capacity=command.capacity
    )
    yield from _give_up(rows, context, command.agent_id)
    yield from _fill(rows, context, command.agent_id)
    return None


def _set_state(rows: Rows, command: c.SetAgentState, context: Context) -> Decision:
    agent = rows.get(Agent, command.agent_id)
    if agent is None:
        return Refusal("unknown_agent", f"there is no agent {command.agent_id} in this pool; register it first")
    if command.state not in STATES:
        return Refusal("unknown_state", f"{command.state!r} is no agent state; there are {', '.join(STATES)}")
    if agent.state == command.state:
        return Duplicate()
    yield e.AgentStateChanged(agent_id=command.agent_id, agent_state=command.state, why="asked")
    yield from _give_up(rows, context, command.agent_id)
    yield from _fill(rows, context, command.agent_id)
    return None


def _request(rows: Rows, command: c.RequestAgent, context: Context) -> Decision:
    if rows.get(Request, command.request_id) is not None:
        return Duplicate(command.interaction_id)
    preferred = _asked_first(rows, command, context)
    relaxes = command.agent is None and set(command.relaxed_skills) != set(command.skills)
    yield e.RequestQueued(
        interaction_id=command.interaction_id,
        request_id=command.request_id,
        queue=command.queue,
        skills=command.skills,
        group=command.group,
        agent=command.agent,
        priority=command.priority,
        waiting_since=command.waiting_since,
        weight=command.weight,
        preferred=preferred,
        preferred_until=None if preferred is None else command.preferred_until or context.now,
        relax_at=command.relax_at if relaxes else None,
        relaxed_skills=command.relaxed_skills if relaxes and command.relax_at is not None else [],
    )
    yield from _offer(rows, context, command.request_id)
    return None


def _asked_first(rows: Rows, command: c.RequestAgent, context: Context) -> str | None:
    """The agent who served the contact last, if they can have it at once, or soon enough to be waited for."""
    agent = None if command.preferred is None else rows.get(Agent, command.preferred)
    need = Need(skills=command.skills, group=command.group, weight=command.weight)
    if command.agent is not None or agent is None or not is_worth_waiting_for(agent, need):
        return None
    waits = command.preferred_until is not None and command.preferred_until > context.now
    return agent.agent_id if waits or has_room(agent, need) else None


def _withdraw(rows: Rows, command: c.WithdrawRequest, context: Context) -> Decision:
    request = rows.get(Request, command.request_id)
    yield e.RequestWithdrawn(
        interaction_id=None if request is None else request.interaction_id,
        request_id=command.request_id,
        why="unknown" if request is None else "withdrawn",
    )
    return None


def _confirm(rows: Rows, command: c.ConfirmReservation, context: Context) -> Decision:
    reservation = rows.get(Reservation, command.reservation_id)
    if reservation is None:
        raise LookupError(f"reservation {command.reservation_id} was confirmed, but it had ended")
    request = rows.get(Request, reservation.request_id)
    yield e.ReservationConfirmed(
        interaction_id=None if request is None else request.interaction_id,
        reservation_id=command.reservation_id,
        agent_id=reservation.agent_id,
    )
    return None


def _end(rows: Rows, command: c.EndReservation, context: Context) -> Decision:
    reservation = rows.get(Reservation, command.reservation_id)
    if reservation is None:
        yield e.ReservationEnded(reservation_id=command.reservation_id, agent_id="", why="unknown")
        return None
    agent_id, request_id = reservation.agent_id, reservation.request_id
    request = rows.get(Request, request_id)
    interaction_id = None if request is None else request.interaction_id
    yield e.ReservationEnded(
        interaction_id=interaction_id, reservation_id=command.reservation_id, agent_id=agent_id, why=command.why
    )
    agent = rows.get(Agent, agent_id)
    if command.why == "expired" and agent is not None and agent.state == "ready":
        yield e.AgentStateChanged(agent_id=agent_id, agent_state="away", why="not_accepted_in_time")
    if command.why != "released" and request is not None:
        yield e.RequestReturned(
            interaction_id=interaction_id,
            request_id=request_id,
            reservation_id=command.reservation_id,
            agent_id=agent_id,
            why=command.why,
        )
    # The agent may be ready again, and what has waited longer than this comes first.
    yield from _fill(rows, context, agent_id)
    if _waits(rows, request_id):
        yield from _offer(rows, context, request_id)
    return None


def _occupy(rows: Rows, command: c.OccupySlot, context: Context) -> Decision:
    yield e.SlotOccupied(interaction_id=command.interaction_id, agent_id=command.agent_id, weight=command.weight)
    return None


def _free(rows: Rows, command: c.FreeSlot, context: Context) -> Decision:
    occupied = rows.get(Slot, slot_id(command.agent_id, command.interaction_id)) is not None
    yield e.SlotFreed(
        interaction_id=command.interaction_id, agent_id=command.agent_id, why="told" if occupied else "unknown"
    )
    yield from _fill(rows, context, command.agent_id)
    return None


def _offer(rows: Rows, context: Context, request_id: str) -> Events:
    """Offers a request that came into line, or came back, to the agent who is to have it."""
    request = rows.get(Request, request_id)
    if request is None:
        return
    if request.preferred_until is not None and request.returned:
        yield _widen(request_id, request, "preferred_over")  # they did not want it
    if request.relax_at is not None and request.relax_at <= context.now:
        yield _widen(request_id, request, "relaxed")
    request = rows.get(Request, request_id)
    agent = None if request is None else agent_for(rows, request)
    if request is not None and agent is not None:
        yield _reserve(context, request_id, request, agent)


def _waits(rows: Rows, request_id: str) -> bool:
    """Whether a request stands in line."""
    request = rows.get(Request, request_id)
    return (
        request is not None and rows.get(Place, place_id(bucket_id_of(request.need), request_id, request)) is not None
    )


def _fill(rows: Rows, context: Context, agent_id: str) -> Events:
    """Offers an agent what waits for it, while there is room."""
    while True:
        agent = rows.get(Agent, agent_id)
        if agent is None or agent.state != "ready":
            return
        found = next_for(rows, agent)
        if found is None:
            return
        yield _reserve(context, *found, agent)


def _give_up(rows: Rows, context: Context, agent_id: str) -> Events:
    """What is kept for an agent who went offline, or does not fit any more, goes to all."""
    agent = rows.get(Agent, agent_id)
    if agent is None:
        return
    for request_id, request in kept_for(rows, agent):
        if not is_worth_waiting_for(agent, request.need):
            yield _widen(request_id, request, "preferred_over")
            yield from _offer(rows, context, request_id)


def _preferred_over(rows: Rows, timer: Timer, context: Context) -> Decision:
    """It waited long enough for the agent who served the contact last."""
    yield from _widen_waiting(rows, timer, context, "preferred_over")
    return None


def _relaxed(rows: Rows, timer: Timer, context: Context) -> Decision:
    """It waited long enough for an agent who knows everything."""
    yield from _widen_waiting(rows, timer, context, "relaxed")
    return None


def _widen_waiting(rows: Rows, timer: Timer, context: Context, why: str) -> Events:
    request = rows.get(Request, timer.ref)
    if request is not None:
        yield _widen(timer.ref, request, why)
        yield from _offer(rows, context, timer.ref)


def _widen(request_id: str, request: Request, why: str) -> e.RequestWidened:
    return e.RequestWidened(
        interaction_id=request.interaction_id,
        request_id=request_id,
        why=why,
        skills=request.relaxed_skills if why == "relaxed" else request.need.skills,
    )


def _reserve(context: Context, request_id: str, request: Request, agent: Agent) -> e.Reserved:
    return e.Reserved(
        interaction_id=request.interaction_id,
        reservation_id=derive(request_id, "offer", request.offers + 1),
        request_id=request_id,
        agent_id=agent.agent_id,
        waited=max(0, context.now - request.waiting_since),
    )


def _follow(rows: Rows, event: Event) -> Iterable[Send]:
    match event:
        case e.Reserved():
            reserve = Reserve(
                command_id=derive(event.event_id, "reserve"),
                at=event.decided_at,
                correlation_id=event.correlation_id,
                interaction_id=event.interaction_id or "",
                request_id=event.request_id,
                reservation_id=event.reservation_id,
                pool=rows.key,
                agent_id=event.agent_id,
            )
            yield Send(INTERACTION, home_of(reserve.interaction_id), reserve)
        case e.AgentStateChanged(agent_state="offline"):
            for offer in rows.walk(Offer, offer_id(event.agent_id, "")):
                lose = LoseAgent(
                    command_id=derive(event.event_id, "lose", offer.reservation_id),
                    at=event.decided_at,
                    correlation_id=event.correlation_id,
                    interaction_id=offer.interaction_id,
                    reservation_id=offer.reservation_id,
                    agent_id=event.agent_id,
                )
                yield Send(INTERACTION, home_of(offer.interaction_id), lose)
        case _:
            return


_DECIDE: Final[dict[type[Command], Callable[[Rows, Any, Context], Decision]]] = {
    c.RegisterAgent: _register,
    c.SetAgentState: _set_state,
    c.RequestAgent: _request,
    c.WithdrawRequest: _withdraw,
    c.ConfirmReservation: _confirm,
    c.EndReservation: _end,
    c.OccupySlot: _occupy,
    c.FreeSlot: _free,
}
_FIRE: Final[dict[str, Callable[[Rows, Timer, Context], Decision]]] = {
    "prefer": _preferred_over,
    "relax": _relaxed,
}
