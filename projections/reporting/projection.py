"""The star schema: facts of interactions, turns, transitions, deliveries and agents' states, and their dimensions."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from engine.interaction import events as e
from engine.record import Event
from engine.routing import events as routing
from projections.projection import views_of
from projections.records import INTERACTION_EVENTS, ROUTING_EVENTS, Logged, nothing_before
from projections.reporting import rows as r
from projections.reporting.deliveries import is_settled, requested, settle
from projections.reporting.fold import measure, opened, transition
from projections.reporting.turns import last_turn, may_go_on, take_turn
from projections.reporting.views import statements
from projections.tables import Store, Table
from projections.values import moment, shown

# functools' own look-up costs more than the most of what is called.
_measure_of = cache(measure.dispatch)
_request_of = cache(requested.dispatch)
_turn_of = cache(take_turn.dispatch)


class Reporting:
    """Facts for analysts. Without words and names: it stays whole when a person is forgotten."""

    name = "reporting"
    topics: tuple[str, ...] = (INTERACTION_EVENTS, ROUTING_EVENTS)
    tables: tuple[Table[Any], ...] = (
        r.FCT_INTERACTION,
        r.FCT_TURN,
        r.FCT_TRANSITION,
        r.FCT_DELIVERY,
        r.FCT_AGENT_STATE,
        r.DIM_ACCOUNT,
        r.DIM_QUEUE,
        r.DIM_AGENT,
    )
    views = views_of("reporting") + statements()

    def fold(self, store: Store, batch: Sequence[Logged]) -> None:
        facts, transitions = _fold_interactions(store, [one for one in batch if one.topic == INTERACTION_EVENTS])
        registered = _fold_agents(store, [logged for logged in batch if logged.topic == ROUTING_EVENTS])
        _add_dimensions(store, facts, transitions, registered)


def _fold_interactions(
    store: Store, batch: Sequence[Logged]
) -> tuple[Iterable[r.FctInteraction], Sequence[r.FctTransition]]:
    events = [(logged, logged.record) for logged in batch if isinstance(logged.record, Event)]
    facts = store.load(r.FCT_INTERACTION, {event.interaction_id for _, event in events if event.interaction_id})
    deliveries = store.load(r.FCT_DELIVERY, {event.delivery_id for _, event in events if is_settled(event)})
    turns = store.load(r.FCT_TURN, {last_turn(fact) for fact in facts.values() if may_go_on(fact)})
    turns_before = {turn_id: copy.copy(turn) for turn_id, turn in turns.items()}
    transitions = []
    for logged, event in events:
        if not event.interaction_id:
            continue
        fact = facts.get(event.interaction_id)
        first = fact is None
        if fact is None:
            if isinstance(event, e.MessageReceived) and event.joined == "opened":
                fact = facts[event.interaction_id] = opened(event)
            elif isinstance(event, e.CommandRefused):
                continue  # refused because there is no such interaction
            else:
                raise nothing_before(logged, "interaction", event.interaction_id)
        _measure_of(type(event))(event, fact)
        asked = _request_of(type(event))(event, fact)
        if asked is not None:
            deliveries[asked.delivery_id] = asked
        elif is_settled(event):
            if event.delivery_id not in deliveries:
                raise nothing_before(logged, "delivery", event.delivery_id)
            settle(event, deliveries[event.delivery_id], fact)
        _turn_of(type(event))(event, fact, turns)
        made = transition(event, fact, first=first)
        if made is not None:
            transitions.append(made)
    store.save(r.FCT_INTERACTION, facts)
    store.save(r.FCT_DELIVERY, deliveries)
    store.append(r.FCT_TURN, [turn for turn_id, turn in turns.items() if turn_id not in turns_before])
    changed = [turn for turn_id, turn in turns.items() if turns_before.get(turn_id, turn) != turn]
    store.upsert(r.FCT_TURN, changed)
    store.append(r.FCT_TRANSITION, transitions)
    return facts.values(), transitions


def _add_dimensions(
    store: Store,
    facts: Iterable[r.FctInteraction],
    transitions: Sequence[r.FctTransition],
    registered: Mapping[str, r.DimAgent],
) -> None:
    """Dimensions have rows for all that facts name. Many partitions name the same, so only what is missing is added.

    Several workers write them at once. One statement a table, always in this order and in that of the keys, keeps
    any two from waiting for each other.
    """
    accounts = {fact.account_key: r.DimAccount(fact.account_key, *fact.account_key.split(":", 1)) for fact in facts}
    store.fill(r.DIM_ACCOUNT, accounts)
    store.fill(r.DIM_QUEUE, {made.queue: r.DimQueue(made.queue) for made in transitions if made.queue is not None})
    agents = {made.agent_id for made in transitions if made.agent_id is not None}
    named = {agent: r.DimAgent(agent, None, None, None, None) for agent in agents}
    store.fill(r.DIM_AGENT, named, known=registered)


def _fold_agents(store: Store, batch: Sequence[Logged]) -> dict[str, r.DimAgent]:
    """Agents' states, from the events of their pool; gives the agents that were registered."""
    registered: dict[str, r.DimAgent] = {}
    states = []
    for logged in batch:
        event = logged.record
        if isinstance(event, routing.AgentRegistered):
            skills, groups = [shown(skill) for skill in event.skills], [shown(group) for group in event.groups]
            registered[event.agent_id] = r.DimAgent(event.agent_id, logged.key, skills, groups, event.capacity)
        elif isinstance(event, routing.AgentStateChanged):
            at = moment(event.occurred_at)
            states.append(r.FctAgentState(logged.key, event.sequence, event.agent_id, event.agent_state, event.why, at))
    store.append(r.FCT_AGENT_STATE, states)
    return registered
