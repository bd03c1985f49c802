"""The star schema: facts of interactions, transitions, deliveries and agents' states, and their dimensions."""

from collections.abc import Iterable, Sequence
from typing import Any

from engine.interaction import events as e
from engine.record import Event
from engine.routing import events as routing
from projections.records import INTERACTION_EVENTS, ROUTING_EVENTS, Logged, nothing_before
from projections.reporting import rows as r
from projections.reporting.deliveries import is_settled, requested, settle
from projections.reporting.fold import measure, opened, transition
from projections.tables import Store, Table
from projections.values import moment, shown


class Reporting:
    """Facts for analysts. Without words and names: it stays whole when a person is forgotten."""

    name = "reporting"
    topics: tuple[str, ...] = (INTERACTION_EVENTS, ROUTING_EVENTS)
    tables: tuple[Table[Any], ...] = (
        r.FCT_INTERACTION,
        r.FCT_TRANSITION,
        r.FCT_DELIVERY,
        r.FCT_AGENT_STATE,
        r.DIM_ACCOUNT,
        r.DIM_QUEUE,
        r.DIM_AGENT,
    )

    def fold(self, store: Store, batch: Sequence[Logged]) -> None:
        _fold_interactions(store, [logged for logged in batch if logged.topic == INTERACTION_EVENTS])
        _fold_agents(store, [logged for logged in batch if logged.topic == ROUTING_EVENTS])


def _fold_interactions(store: Store, batch: Sequence[Logged]) -> None:
    events = [(logged, logged.record) for logged in batch if isinstance(logged.record, Event)]
    facts = store.load(r.FCT_INTERACTION, {event.interaction_id for _, event in events if event.interaction_id})
    deliveries = store.load(r.FCT_DELIVERY, {event.delivery_id for _, event in events if is_settled(event)})
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
        measure(event, fact)
        asked = requested(event, fact)
        if asked is not None:
            deliveries[asked.delivery_id] = asked
        elif is_settled(event):
            if event.delivery_id not in deliveries:
                raise nothing_before(logged, "delivery", event.delivery_id)
            settle(event, deliveries[event.delivery_id], fact)
        made = transition(event, fact, first=first)
        if made is not None:
            transitions.append(made)
    store.upsert(r.FCT_INTERACTION, list(facts.values()))
    store.upsert(r.FCT_DELIVERY, list(deliveries.values()))
    store.append(r.FCT_TRANSITION, transitions)
    _add_dimensions(store, facts.values(), transitions)


def _add_dimensions(store: Store, facts: Iterable[r.FctInteraction], transitions: Sequence[r.FctTransition]) -> None:
    """Dimensions have rows for all that facts name. Many partitions name the same, so only what is missing is added."""
    accounts = {fact.account_key: r.DimAccount(fact.account_key, *fact.account_key.split(":", 1)) for fact in facts}
    store.add_missing(r.DIM_ACCOUNT, list(accounts.values()))
    queues = sorted({made.queue for made in transitions if made.queue is not None})
    store.add_missing(r.DIM_QUEUE, [r.DimQueue(queue) for queue in queues])
    agents = sorted({made.agent_id for made in transitions if made.agent_id is not None})
    store.add_missing(r.DIM_AGENT, [r.DimAgent(agent, None, None, None, None) for agent in agents])


def _fold_agents(store: Store, batch: Sequence[Logged]) -> None:
    """Agents and their states, from the events of their pool."""
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
    store.upsert(r.DIM_AGENT, list(registered.values()))
    store.append(r.FCT_AGENT_STATE, states)
