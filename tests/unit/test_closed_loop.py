"""Interactions and routing as a closed loop: random commands, and any interleaving of what the two send each other."""

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.bookkeeping import Done, Timer
from engine.interaction import commands as c
from engine.interaction import events as e
from engine.interaction.state import Address, Interaction, PendingWords
from engine.policy.document import Policy, Queue
from engine.policy.rules import encode, load
from engine.routing import commands as r
from engine.routing import events as re
from engine.routing.evolve import evolve
from engine.routing.matching import refusal_of
from engine.routing.state import Agent, Bucket, Offer, Place, Request, Reservation, Slot, bucket_id_of
from engine.rows import Row, Rows
from tests.unit.builders import HOUR, MINUTE, SALT, SECOND, account, empty_rows, office, policy, snapshot
from tests.unit.world import CONTROL, Side, World

HOMES: Final = tuple(f"{letter * 32}" for letter in "abc")
POOLS: Final = {"anna": "main", "ben": "main", "cleo": "main", "dora": "second"}
AGENTS: Final = tuple(POOLS)
PATIENT: Final = (
    Queue(name="care", skills=("billing",), prefer_last_agent_for="1d", prefer_wait="30s", relax_after="20s"),
    Queue(name="billing", skills=("billing",), priority=3, prefer_last_agent_for="1d"),
    Queue(name="lounge", group="gold", prefer_last_agent_for="1h", relax_after="1m"),
    Queue(name="workshop", pool="second", prefer_last_agent_for="1d"),
)
"""Queues that wait for the last agent, and then for anybody."""
POLICIES: Final[dict[int, Policy]] = {
    1: policy(account("100"), account("200")),
    2: policy(office("100"), account("200"), accept_within=None, weights={"x": 2}, queues=PATIENT),
    3: policy(office("100", emergency_routing="continued"), office("200"), expire_after="2h", queues=PATIENT),
}
TEXTS: Final = ("help", "refund please", "casino", "thanks", "help refund")
DERIVED: Final = (c.Reserve, c.LoseAgent, c.RecordDelivery)


class Play:
    """Turns numbers into commands that fit the moment, more or less."""

    def __init__(self) -> None:
        self.world = World({})
        self.number = 0
        self.version = 0
        self.publish(1)
        for index, (agent, pool) in enumerate(POOLS.items()):
            skills = ["billing"] if agent in ("anna", "dora") else []
            groups = ["gold"] if agent == "ben" else []
            self.register(pool, agent, skills, groups, 1 + index % 2)
            self.set_state(agent, "ready")
        self.world.drain()

    def meta(self, agent: str | None = None, kind: str = "agent") -> dict[str, Any]:
        self.number += 1
        name = f"command-{self.number}"
        return {"command_id": name, "at": self.world.now, "actor_kind": kind, "actor_id": agent}

    def publish(self, version: int) -> None:
        """Publishes what a policy of POLICIES says, as the next version."""
        self.version += 1
        document = encode(POLICIES[version])
        self.world.policies[self.version] = load(self.version, document)
        command = c.PublishPolicy(**self.meta(kind="system"), version=self.version, document=document)
        self.world.ask(CONTROL, command)

    def register(self, pool: str, agent: str, skills: list[str], groups: list[str], capacity: int) -> None:
        command = r.RegisterAgent(**self.meta("boss"), agent_id=agent, skills=skills, groups=groups, capacity=capacity)
        self.world.ask_routing(pool, command)

    def set_state(self, agent: str, state: str) -> None:
        command = r.SetAgentState(**self.meta(agent), agent_id=agent, state=state)
        self.world.ask_routing(POOLS[agent], command)

    def open_interactions(self) -> list[tuple[str, Interaction]]:
        return [
            (row_id, row)
            for home in HOMES
            for row_id, row in self.world.interactions.deciding.state.rows(home).all()
            if isinstance(row, Interaction)
        ]

    def message(self, a: int, b: int) -> None:
        home = HOMES[a % len(HOMES)]
        earlier = [event for key, event in self.world.interactions.events if key == home]
        items = [event.item_id for event in earlier if isinstance(event, e.MessageReceived | e.RepliedElsewhere)]
        answered = items[b % len(items)] if items and b % 3 else None
        self.number += 1
        item = f"item{self.number}" if b % 7 or not items else items[0]
        command = c.ReceiveMessage(
            **self.meta(home, "customer"),
            channel="x",
            accounts=["100", "200"] if a % 2 else ["200"],
            item_id=item,
            visibility="public",
            posted_at=self.world.now - b % 5 * 20 * MINUTE,
            handle_id=home,
            platform_id=home[:3],
            text=TEXTS[b % len(TEXTS)],
            salt=SALT,
            in_reply_to=answered,
            raw=b"{}",
        )
        self.world.ask(home, command)

    def by_agent(self, kind: type[Any], a: int, b: int, **more: Any) -> None:
        """Mostly one that it fits, by the agent whose it is."""
        found = self.open_interactions()
        offered = [one for one in found if one[1].reservation_id is not None]
        held = [one for one in found if one[1].accepted]
        fitting = {c.Accept: offered, c.Decline: offered, c.Take: found, c.TakeOver: found}.get(kind, held)
        chosen = found if b % 6 == 0 else fitting
        if not chosen:
            return
        interaction_id, row = chosen[-1 - a % len(chosen)]
        agent = row.agent_id if row.agent_id is not None and b % 5 else AGENTS[b % len(AGENTS)]
        actor = "supervisor" if kind is c.TakeOver else "agent"
        command = kind(**self.meta(agent, actor), interaction_id=interaction_id, agent_id=agent, **more)
        self.world.ask(interaction_id.partition(".")[0], command)

    def outcome(self, a: int, b: int) -> None:
        if not self.world.deliveries:
            return
        index = a % len(self.world.deliveries)
        deliver = self.world.deliveries[index] if b % 5 == 0 else self.world.deliveries.pop(index)
        came = ("posted", "posted", "retry", "refused", "undecided")[b % 5]
        self.number += 1
        posted: dict[str, Any] = (
            {"item_id": f"post{self.number}", "posted_at": self.world.now} if came == "posted" else {}
        )
        command = c.RecordDelivery(
            **self.meta(kind="system"),
            interaction_id=deliver.interaction_id,
            delivery_id=deliver.delivery_id,
            attempt=deliver.attempt,
            outcome=came,
            retry_after=HOUR if b % 2 else None,
            **posted,
        )
        self.world.ask(deliver.interaction_id.partition(".")[0], command)

    def own_post(self, a: int, b: int) -> None:
        home = HOMES[a % len(HOMES)]
        earlier = [event for key, event in self.world.interactions.events if key == home]
        items = [event.item_id for event in earlier if isinstance(event, e.MessageReceived)]
        if not items:
            return
        pending = [deliver for deliver in self.world.deliveries if deliver.interaction_id.startswith(home)]
        echo = pending[b % len(pending)] if pending and b % 2 else None
        self.number += 1
        command = c.RecordOwnPost(
            **self.meta(kind="system"),
            channel="x",
            account="100",
            item_id=f"own{self.number}",
            in_reply_to=items[b % len(items)] if echo is None else echo.in_reply_to,
            posted_at=self.world.now,
            text="seen on the phone" if echo is None else echo.text,
            salt=SALT,
            raw=b"{}",
        )
        self.world.ask(home, command)

    def delete(self, a: int, b: int) -> None:
        received = [
            (key, event) for key, event in self.world.interactions.events if isinstance(event, e.MessageReceived)
        ]
        if received:
            key, event = received[(a + b) % len(received)]
            self.world.ask(key, c.DeleteMessage(**self.meta(kind="system"), channel="x", item_id=event.item_id))

    def emergency(self, a: int, b: int) -> None:
        kind = c.ActivateEmergency if b % 2 else c.EndEmergency
        self.world.ask(CONTROL, kind(**self.meta(kind="system"), account=("x:100", "x:200")[a % 2]))

    def do(self, what: str, a: int, b: int) -> None:
        agent = AGENTS[b % len(AGENTS)]
        match what:
            case "message":
                self.message(a, b)
            case "accept":
                self.by_agent(c.Accept, a, b)
            case "decline":
                self.by_agent(c.Decline, a, b)
            case "take":
                self.by_agent(c.Take, a, b)
            case "take over":
                self.by_agent(c.TakeOver, a, b)
            case "reply":
                self.by_agent(c.Reply, a, b, text=f"answer {b}", salt=SALT)
            case "transfer":
                to = (
                    {"to_queue": ("care", "billing", "lounge", "workshop")[b % 4]}
                    if a % 3
                    else {"to_agent": ("anna", "ben", "cleo")[b % 3]}
                )
                self.by_agent(c.Transfer, a, b, note="look", salt=SALT, **to)
            case "disposition":
                self.by_agent(c.Disposition, a, b, code="resolved")
            case "outcome":
                self.outcome(a, b)
            case "own post":
                self.own_post(a, b)
            case "delete":
                self.delete(a, b)
            case "emergency":
                self.emergency(a, b)
            case "publish":
                self.publish(1 + b % len(POLICIES))
            case "state":
                self.set_state(agent, ("ready", "ready", "ready", "ready", "away", "offline")[a % 6])
            case "register":
                self.register(
                    POOLS[agent], agent, [["billing"], []][a % 2], [["gold"], []][b % 2], 1 + (a + b) % 3 - (a == b)
                )
            case "wait":
                self.world.pass_time(
                    self.world.now + (SECOND, SECOND, SECOND, 20 * SECOND, 2 * MINUTE, HOUR, 12 * HOUR)[a % 7]
                )
            case "decide":
                for _ in range(1 + a % 4):
                    self.world.step(self.world.interactions if b % 2 else self.world.routing)
            case "settle":
                self.world.drain()


OFTEN: Final = ("message", "accept", "reply", "outcome", "decide", "decide", "decide")
OPS: Final = (
    *OFTEN, *OFTEN, *OFTEN, "decline", "take", "take over", "transfer", "transfer", "disposition", "own post",
    "delete", "emergency", "publish", "state", "state", "register", "wait", "wait", "settle", "settle", "settle",
)  # fmt: skip
STEPS: Final = st.lists(st.tuples(st.sampled_from(OPS), st.integers(0, 11), st.integers(0, 11)), max_size=60)


def rows_of(side: Side) -> list[Rows]:
    return list(side.deciding.state.all())


def each(rows: Rows, kind: type[Any]) -> Iterator[Any]:
    return (row for _, row in rows.all() if isinstance(row, kind))


def check_offers(world: World) -> None:
    """Every offer that was made fits: the agent was ready, had room and knew what was asked."""
    pools: dict[str, Rows] = {}
    for pool, event in world.routing.events:
        rows = pools.setdefault(pool, empty_rows(pool))
        if isinstance(event, re.Reserved):
            agent, request = rows.get(Agent, event.agent_id), rows.get(Request, event.request_id)
            assert agent is not None
            assert request is not None
            need = request.need
            assert agent.state == "ready"
            assert need.weight == 0 or agent.used + need.weight <= agent.capacity
            assert need.agent in (None, agent.agent_id)
            assert set(need.skills) <= set(agent.skills)
            assert need.group is None or need.group in agent.groups
            assert refusal_of(agent) not in request.refusals
        evolve(rows, event)


def check_routing(world: World) -> None:
    """Slots are counted right, and nobody waits for whom an agent has room."""
    for rows in rows_of(world.routing):
        agents = {agent.agent_id: agent for agent in each(rows, Agent)}
        used = Counter[str]()
        for kind in (Reservation, Slot):
            for row in each(rows, kind):
                used[row.agent_id] += row.weight
        assert {name: agent.used for name, agent in agents.items() if agent.used} == dict(+used)
        waiting = Counter[str]()
        for place in each(rows, Place):
            request = rows.get(Request, place.request_id)
            assert request is not None
            need = request.need
            waiting[bucket_id_of(need)] += 1
            for agent in agents.values():
                fits = (
                    need.agent in (None, agent.agent_id)
                    and set(need.skills) <= set(agent.skills)
                    and (need.group is None or need.group in agent.groups)
                )
                has_room = need.weight == 0 or agent.used + need.weight <= agent.capacity
                idle = agent.state == "ready" and has_room
                assert not (fits and idle and refusal_of(agent) not in request.refusals), "somebody waits for nothing"
        assert dict(waiting) == {bucket.bucket_id: bucket.waiting for bucket in each(rows, Bucket)}


def check_agreement(world: World) -> None:
    """At rest, both sides say the same of every interaction."""
    pools = {rows.key: rows for rows in rows_of(world.routing)}
    wanted = Counter[type[Row]]()
    for rows in rows_of(world.interactions):
        for row_id, row in rows.all():
            if not isinstance(row, Interaction) or row.pool is None:
                continue
            pool = pools[row.pool]
            if row.state == "queued":
                wanted[Place] += 1
                assert pool.get(Request, row.request_id or "") is not None
            elif row.reservation_id is not None:
                wanted[Reservation] += 1
                reservation = pool.get(Reservation, row.reservation_id)
                assert reservation is not None
                assert (reservation.agent_id, reservation.request_id) == (row.agent_id, row.request_id)
            elif row.accepted and pool.get(Slot, f"{row.agent_id}\x1f{row_id}") is not None:
                wanted[Slot] += 1
            else:
                taken = row.accepted and row.agent_id is not None
                assert not taken or never_queued_before_taken(world, row_id)
    found = Counter(
        type(row) for rows in pools.values() for _, row in rows.all() if type(row) in (Place, Reservation, Slot)
    )
    assert found == wanted


def never_queued_before_taken(world: World, interaction_id: str) -> bool:
    """What is taken out of hours, before any pool was asked, is counted by none, until it is queued."""
    names = [type(event).__name__ for _, event in world.interactions.events if event.interaction_id == interaction_id]
    return "Assigned" in names and ("Queued" not in names or names.index("Assigned") < names.index("Queued"))


def check_log(world: World, side: Side) -> None:
    """Sequences have no gap, ids are used once, replay leads to the same rows, deciding again to the same bytes."""
    sequences = Counter[str]()
    for key, event in side.events:
        sequences[key] += 1
        assert event.sequence == sequences[key]
    ids = Counter(event.event_id for _, event in side.events)
    assert [name for name, count in ids.items() if count > 1] == []
    left_out = (Address, PendingWords, Done)
    replayed = {rows.key: snapshot(rows, *left_out) for rows in world.replayed(side).state.all()}
    decided = {rows.key: snapshot(rows, *left_out) for rows in rows_of(side)}
    for found in (replayed, decided):
        for key, rows in found.items():
            found[key] = [row for row in rows if not (isinstance(row[2], Timer) and row[2].name == "forget")]
    assert {key: rows for key, rows in replayed.items() if rows} == {key: rows for key, rows in decided.items() if rows}
    again = [(output.topic, output.key, output.value) for output in world.again(side)]
    assert again == [(output.topic, output.key, output.value) for output in side.written]


def end_everything(play: Play) -> None:
    """A supervisor takes and ends whatever is open."""
    for interaction_id, row in play.open_interactions():
        if row.state == "dispositioned":
            continue
        home = interaction_id.partition(".")[0]
        meta: dict[str, Any] = {"interaction_id": interaction_id, "agent_id": "boss"}
        play.world.ask(home, c.TakeOver(**play.meta("boss", "supervisor"), **meta))
        play.world.ask(home, c.Disposition(**play.meta("boss"), **meta, code="resolved"))
    play.world.drain()


def play_out(steps: list[tuple[str, int, int]]) -> Play:
    play = Play()
    for step in steps:
        play.do(*step)
        check_routing(play.world)
        assert [letter.reason for letter in play.world.dead] == []
    return play


def check_all(steps: list[tuple[str, int, int]]) -> None:
    play = play_out(steps)
    world = play.world
    world.drain()
    assert [letter.reason for letter in world.dead] == []
    check_routing(world)
    check_agreement(world)
    refused = [event.command for _, event in world.interactions.events if isinstance(event, e.CommandRefused)]
    assert not {kind.__name__ for kind in DERIVED} & set(refused)
    end_everything(play)
    assert [letter.reason for letter in world.dead] == []
    assert {row.state for _, row in play.open_interactions()} <= {"dispositioned"}
    for rows in rows_of(world.routing):
        assert {agent.agent_id: agent.used for agent in each(rows, Agent) if agent.used} == {}
        left = [row for _, row in rows.all() if isinstance(row, Request | Reservation | Slot | Place | Offer)]
        assert left == []
    check_offers(world)
    for side in (world.interactions, world.routing):
        check_log(world, side)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_no_slot_is_leaked_and_nobody_waits_for_nothing_however_the_two_are_interleaved(
    steps: list[tuple[str, int, int]],
) -> None:
    check_all(steps)


@pytest.mark.parametrize("seed", range(12))
def test_the_same_holds_for_long_stories(seed: int) -> None:
    chance = random.Random(seed)
    steps = [(chance.choice(OPS), chance.randrange(12), chance.randrange(12)) for _ in range(250)]
    check_all(steps)
