"""Commands, policies and rows for the tests of the deciders."""

import hashlib
import itertools
from datetime import datetime
from functools import cache
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from engine.decider import Decision, Verdict
from engine.interaction import commands as c
from engine.interaction import events as e
from engine.interaction.decider import InteractionDecider
from engine.interaction.state import Delivery, Interaction
from engine.policy.document import Account, Filter, Notice, Policy, Queue
from engine.policy.rules import Rules
from engine.record import Event
from engine.rows import Journal, Row, Rows
from engine.testing import Scenario, Told
from rejoinder import schema_files
from schemas import files
from schemas.codec import Codec

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

HOME: Final = hashlib.sha256(b"a customer").hexdigest()[:32]
FIRST: Final = f"{HOME}.1"
SALT: Final = bytes(range(16))
ACCOUNT: Final = "100"
OTHER_ACCOUNT: Final = "200"

_numbers = itertools.count(1)


def at(text: str, zone: str = "Europe/Berlin") -> int:
    """The instant of a local time, milliseconds: at("2026-03-02 10:00")."""
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


MONDAY: Final = at("2026-03-02 10:00")
"""A Monday in office hours."""


def account(number: str = ACCOUNT, **changes: Any) -> Account:
    fields: dict[str, Any] = {
        "channel": "x",
        "id": number,
        "handle": f"care{number}",
        "queue": "care",
        "time_zone": "Europe/Berlin",
        "notices": {"emergency": "trouble", "special_day": "feast", "closed": "closed"},
    }
    return Account(**(fields | changes))


def office(number: str = ACCOUNT, **changes: Any) -> Account:
    """An account with office hours."""
    return account(number, **({"hours": "Mo-Fr 09:00-18:00"} | changes))


def policy(*accounts: Account, **changes: Any) -> Policy:
    """A policy with a bit of everything; accounts are open round the clock if none are given."""
    fields: dict[str, Any] = {
        "name": "test",
        "accounts": accounts or (account(), account(OTHER_ACCOUNT)),
        "queues": (
            Queue(name="care"),
            Queue(name="billing", skills=("billing",), priority=3),
            Queue(name="lounge", group="gold"),
            Queue(name="workshop", pool="second"),
        ),
        "filters": (
            Filter(name="spam", any=("casino",), action="ignore"),
            Filter(name="thanks", any=("thanks",), action="attach"),
            Filter(name="money", any=("refund",), queue="billing", priority=7),
        ),
        "notices": (
            Notice(name="trouble", text={"en": "{handle} We have trouble.", "de": "{handle} Wir haben eine Störung."}),
            Notice(name="feast", text={"en": "{handle} We feast today."}),
            Notice(name="closed", text={"en": "{handle} We are closed."}),
        ),
        "dispositions": ("resolved", "no_answer_needed"),
    }
    return Policy(**(fields | changes))


def rules(*accounts: Account, version: int = 1, **changes: Any) -> Rules:
    return Rules(version, policy(*accounts, **changes))


OPEN: Final = rules()
OFFICE: Final = rules(office(), office(OTHER_ACCOUNT))


def scenario(by: Rules | None = OPEN, now: int = MONDAY, **emergencies: str) -> Scenario:
    """One contact's key. Emergencies: closure ids by account, as in x100="e1"."""
    active = {f"x:{name.removeprefix('x')}": closure for name, closure in emergencies.items()}
    return Scenario(InteractionDecider(), HOME, by, now, active)


def command_id() -> str:
    return f"command-{next(_numbers)}"


def message(item_id: str, text: str = "My phone is dead", **changes: Any) -> c.ReceiveMessage:
    fields: dict[str, Any] = {
        "command_id": f"receive-{item_id}",
        "at": MONDAY,
        "actor_kind": "customer",
        "channel": "x",
        "accounts": [ACCOUNT],
        "item_id": item_id,
        "visibility": "public",
        "posted_at": MONDAY,
        "handle_id": HOME,
        "platform_id": "42",
        "screen_name": "jo",
        "name": "Jo Doe",
        "text": text,
        "salt": SALT,
        "raw": b"{}",
    }
    return c.ReceiveMessage(**(fields | changes))


def by_agent(kind: type[Any], agent: str = "anna", interaction_id: str = FIRST, **more: Any) -> Any:
    """A command of an agent, with what it needs."""
    usual: dict[type[Any], dict[str, Any]] = {
        c.Reply: {"text": "We are on it", "salt": SALT},
        c.Disposition: {"code": "resolved"},
        c.TakeOver: {"actor_kind": "supervisor"},
    }
    fields: dict[str, Any] = {
        "command_id": command_id(),
        "at": MONDAY,
        "actor_kind": "agent",
        "actor_id": agent,
        "interaction_id": interaction_id,
        "agent_id": agent,
    }
    return kind(**(fields | usual.get(kind, {}) | more))


def reserve(story: Scenario, agent: str = "anna", reservation: str = "r1", interaction_id: str = FIRST) -> c.Reserve:
    """What routing answers to the request that stands."""
    return c.Reserve(
        command_id=command_id(),
        at=story.now,
        interaction_id=interaction_id,
        request_id=interaction(story, interaction_id).request_id or "none",
        reservation_id=reservation,
        pool="main",
        agent_id=agent,
    )


def outcome(delivery_id: str, came: str = "posted", interaction_id: str = FIRST, **changes: Any) -> c.RecordDelivery:
    fields: dict[str, Any] = {
        "command_id": command_id(),
        "at": MONDAY,
        "interaction_id": interaction_id,
        "delivery_id": delivery_id,
        "attempt": 1,
        "outcome": came,
    }
    if came == "posted":
        fields |= {"item_id": f"post-{delivery_id[:6]}", "posted_at": MONDAY}
    return c.RecordDelivery(**(fields | changes))


def own_post(item_id: str, in_reply_to: str, text: str = "We are on it", **changes: Any) -> c.RecordOwnPost:
    fields: dict[str, Any] = {
        "command_id": f"own-{item_id}",
        "at": MONDAY,
        "channel": "x",
        "account": ACCOUNT,
        "item_id": item_id,
        "in_reply_to": in_reply_to,
        "posted_at": MONDAY,
        "text": text,
        "salt": SALT,
        "raw": b"{}",
    }
    return c.RecordOwnPost(**(fields | changes))


def deletion(item_id: str) -> c.DeleteMessage:
    return c.DeleteMessage(command_id=command_id(), at=MONDAY, channel="x", item_id=item_id)


def edit(item_id: str, text: str = "It works again", edited_at: int = MONDAY, **changes: Any) -> c.EditMessage:
    fields: dict[str, Any] = {"channel": "facebook", "command_id": command_id(), "at": MONDAY, "salt": SALT}
    return c.EditMessage(item_id=item_id, text=text, edited_at=edited_at, **(fields | changes))


def queued(story: Scenario, item_id: str = "m1") -> Scenario:
    """The story goes on: a message came and waits."""
    assert "Queued" in story.when(message(item_id)).names
    return story


def offered(story: Scenario, agent: str = "anna") -> Scenario:
    queued(story)
    assert story.when(reserve(story, agent)).names == ["Assigned"]
    return story


def accepted(story: Scenario, agent: str = "anna") -> Scenario:
    offered(story, agent)
    assert story.when(by_agent(c.Accept, agent)).names == ["Accepted"]
    return story


def answering(story: Scenario, text: str = "We are on it") -> tuple[Scenario, str]:
    """An accepted interaction whose agent has asked for an answer, and the id of its delivery."""
    told = accepted(story).when(by_agent(c.Reply, text=text))
    return story, only(told, e.ReplyRequested).delivery_id


def replied(story: Scenario) -> Scenario:
    _, delivery_id = answering(story)
    assert story.when(outcome(delivery_id)).names == ["Replied"]
    return story


E = TypeVar("E", bound=Event)


def only(told: Told, kind: type[E]) -> E:
    """The one event of a type."""
    found = [event for event in told.events if isinstance(event, kind)]
    assert len(found) == 1, told.names
    return found[0]


def interaction(story: Scenario, interaction_id: str = FIRST) -> Interaction:
    row = story.rows.get(Interaction, interaction_id)
    assert row is not None
    return row


def state(story: Scenario, interaction_id: str = FIRST) -> str:
    return interaction(story, interaction_id).state


def delivery(story: Scenario, delivery_id: str) -> Delivery:
    row = story.rows.get(Delivery, delivery_id)
    assert row is not None
    return row


def sent(told: Told, topic: str) -> list[str]:
    """The names of what was sent to a topic."""
    return [type(record).__name__ for record in told.records(topic)]


def verdict_of(decision: Decision) -> Verdict:
    """The verdict of a decision that is expected to give no event."""
    try:
        event = next(decision)
    except StopIteration as end:
        result: Verdict = end.value
        return result
    raise AssertionError(f"it gave {type(event).__name__}")


def snapshot(rows: Rows, *without: type[Row]) -> list[tuple[str, str, Row]]:
    """The rows of a key, comparable; those of some types left out."""
    return [(type(row).__name__, row_id, row) for row_id, row in rows.all() if not isinstance(row, without)]


def empty_rows(key: str = HOME) -> Rows:
    return Rows(key, Journal())


@cache
def codec() -> Codec:
    """All record types under their .avsc, without a registry."""
    types = schema_files.record_types()
    return Codec.local(types, files.current())
