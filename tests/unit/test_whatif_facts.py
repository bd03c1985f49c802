"""What is a fact, and what follows from decisions; and both worlds side by side."""

from typing import Any

import pytest

from engine.envelope import control_key
from engine.interaction import commands as c
from engine.interaction import contact_commands as cc
from engine.interaction import events as e
from engine.record import Command
from engine.routing import commands as rc
from engine.routing import events as r
from projections.records import Logged
from rejoinder.whatif.facts import arrival_of, fact_of
from rejoinder.whatif.lives import Life, lives
from rejoinder.whatif.measuring import Measured
from rejoinder.whatif.report import Line, Spread, differing, lines_of
from tests.unit.builders import FIRST, HOME, MONDAY, SALT, by_agent, message, outcome

COMMON: dict[str, Any] = {"command_id": "x", "at": MONDAY}
OWN: dict[str, Any] = COMMON | {
    "channel": "x", "account": "100", "item_id": "own", "posted_at": MONDAY, "text": "Hi", "salt": SALT, "raw": b"{}",
}  # fmt: skip


@pytest.mark.parametrize(
    "command",
    [
        message("1"),
        c.EditMessage(**COMMON, channel="facebook", item_id="1", edited_at=1, text="Hi", salt=SALT),
        c.DeleteMessage(**COMMON, channel="x", item_id="1"),
        c.RecordReferral(**COMMON, channel="messenger", account="1", handle_id=HOME, platform_id="1", ref="r"),
        c.RecordOwnPost(**(OWN | {"command_id": "elsewhere"})),
        cc.LinkHandle(**COMMON, handle_id=HOME),
        cc.UnlinkHandle(**COMMON, handle_id=HOME),
        cc.SetLanguage(**COMMON, language="de"),
        cc.BlockContact(**COMMON),
        cc.UnblockContact(**COMMON),
        cc.ImportContact(**COMMON, channel="x", platform_id="1"),
    ],
)
def test_what_happened_outside_is_a_fact(command: Command) -> None:
    found = fact_of(HOME, command, MONDAY + 5, {"elsewhere"})
    assert found is not None
    assert (found.at, found.topic, found.key) == (MONDAY + 5, "interaction.commands", HOME)
    assert type(found.command) is type(command)
    assert getattr(found.command, "raw", b"") == b""


@pytest.mark.parametrize(
    "command",
    [
        message("1", via=[HOME]),
        message("1", correlation_id="another"),
        c.EditMessage(**COMMON, channel="x", item_id="1", edited_at=1, text="Hi", salt=SALT, correlation_id="another"),
        c.DeleteMessage(**COMMON, channel="x", item_id="1", correlation_id="another"),
        c.RecordOwnPost(**OWN),
        c.RecordOwnPost(**(OWN | {"command_id": "elsewhere", "via": [HOME]})),
        cc.UnlinkHandle(**COMMON, handle_id=HOME, why="circle"),
        cc.LinkHome(**COMMON, to=HOME, version=1, how="agent"),
        cc.NoteItem(**COMMON, item_id="1", home=HOME),
        c.AdvanceTime(**COMMON),
        c.ActivateEmergency(**COMMON, account="x:100"),
        outcome("d"),
        by_agent(c.Accept),
        by_agent(c.Reply),
        by_agent(c.Disposition),
        by_agent(c.TakeOver),
    ],
)
def test_what_follows_from_decisions_is_none(command: Command) -> None:
    assert fact_of(HOME, command, MONDAY, {"elsewhere"}) is None


def test_what_holds_for_all_partitions_is_one_fact() -> None:
    command = c.ActivateEmergency(**COMMON, account="x:100")
    assert fact_of(control_key(0), command, MONDAY, ()) is not None
    assert fact_of(control_key(1), command, MONDAY, ()) is None


def test_agents_who_come_and_go_are_facts_and_who_is_sent_away_is_none() -> None:
    came = arrival_of("main", r.AgentStateChanged(agent_id="anna", agent_state="ready", why="asked", occurred_at=7))
    assert came is not None
    assert (came.at, came.topic, came.key) == (7, "routing.commands", "main")
    assert isinstance(came.command, rc.SetAgentState)
    sent = r.AgentStateChanged(agent_id="anna", agent_state="away", why="not_accepted_in_time")
    assert arrival_of("main", sent) is None
    known = r.AgentRegistered(agent_id="anna", skills=["care"], groups=[], capacity=3)
    registered = arrival_of("main", known)
    assert registered is not None
    assert isinstance(registered.command, rc.RegisterAgent)
    assert (registered.command.skills, registered.command.capacity) == (["care"], 3)


def measured(offered: int, level: float | None, **codes: int) -> Measured:
    return Measured({("interactions", "offered"): offered, ("interactions", "service_level"): level}, codes, {})


def test_a_measure_has_its_spread_and_its_difference_run_by_run() -> None:
    runs = [measured(10, 0.5, resolved=3), measured(12, 0.7), measured(11, None)]
    others = [measured(11, 0.25, spam=1), measured(15, 0.7), measured(13, 0.5)]
    lines = {line.measure: line for line in lines_of(measured(9, 1.0), runs, others, ["interactions"])}
    assert lines["offered"] == Line(
        "interactions", "offered", 9, Spread(10, 11, 12), Spread(11, 13, 15), Spread(1, 2, 3)
    )
    assert lines["service_level"].difference == Spread(-0.25, -0.125, 0.0)
    assert lines["resolved"].baseline == Spread(0, 0, 3)
    assert lines["spam"] == Line("dispositions", "spam", 0, Spread(0, 0, 0), Spread(0, 0, 1), Spread(0, 0, 1))
    assert set(lines) == {"offered", "service_level", "resolved", "spam"}
    nothing = lines_of(measured(0, None), [measured(0, None)], [measured(0, None)], ["interactions"])
    assert nothing[1].difference == Spread(None, None, None)


def life(*states: str) -> Life:
    events = [e.Engaged(interaction_id=FIRST, state=s, delivery_id="d", engagement="like", item_id="1", done_at=1)
              for s in states]  # fmt: skip
    return Life([*events])


def test_the_interactions_that_differ_most_are_named() -> None:
    one = {"a": life("queued", "queued", "assigned"), "b": life("queued"), "c": life("queued"), "d": life("queued")}
    other = one | {"b": life("out_of_hours", "queued"), "c": life("out_of_hours", "queued"), "e": life("received")}
    found = differing(one, other, ({"a": 10.0, "b": 5.0, "d": 1.0}, {"a": 4.0, "b": 305.0, "d": 1.0}))
    assert (found.waited_longer, found.waited_shorter, found.other_ways) == (1, 1, 3)
    assert [(each.interaction_id, each.added_wait_seconds) for each in found.by_wait] == [("b", 300.0), ("a", -6.0)]
    first, second = found.by_way
    assert (first.baseline, first.candidate, first.interactions) == (("queued",), ("out_of_hours", "queued"), 2)
    assert first.example.interaction_id == "b"
    assert (second.baseline, second.candidate, second.interactions) == ((), ("received",), 1)
    assert differing(one, one, ({}, {})).by_way == ()
    assert one["a"].way == ("queued", "assigned")


def test_a_life_is_told_with_the_reason_of_each_step() -> None:
    received = e.MessageReceived(
        interaction_id=FIRST, item_id="1", content_id="c", words=b"", channel="x", account="100", visibility="public",
        handle_id=HOME, posted_at=MONDAY, joined="opened", action="route", occurred_at=MONDAY, state="received",
    )  # fmt: skip
    reserved = r.Reserved(
        interaction_id=FIRST, reservation_id="offer", request_id="r", agent_id="anna", waited=90_000
    )  # fmt: skip
    offered = e.Assigned(
        interaction_id=FIRST, agent_id="anna", reservation_id="offer", why="reserved", state="assigned"
    )
    replied = e.Replied(
        interaction_id=FIRST, agent_id="anna", delivery_id="d", posted_at=MONDAY + 120_000, first_response=True,
        settled_by="outcome", state="replied",
    )  # fmt: skip
    topics = ("interaction.events", "routing.events", "interaction.events", "interaction.events")
    log = [
        Logged(topic, 0, at, HOME, 0, b"", b"", event)
        for at, (topic, event) in enumerate(zip(topics, (received, reserved, offered, replied), strict=True))
    ]
    (found,) = lives(log).values()
    assert found.way == ("received", "assigned", "replied")
    why = [step.why for step in found.steps()]
    assert why[0].startswith("the customer wrote to x:100")
    assert why[1] == "offered to anna after 1 min 30 s in line"
    assert why[2].endswith("the first answer, 2 min after the first message")
