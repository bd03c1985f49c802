"""A world with a page on Facebook and in Messenger, and what people write there."""

import hashlib
from typing import Any

from engine.interaction import commands as c
from engine.interaction import contact_commands as cc
from engine.interaction import events as e
from engine.policy.document import Account
from engine.record import Event
from tests.unit.builders import ACCOUNT, HOME, MONDAY, account, by_agent, command_id, message, rules
from tests.unit.world import CONTROL, World

PAGE = ACCOUNT
PSID_HOME = hashlib.sha256(b"a psid").hexdigest()[:32]
OTHER_HOME = hashlib.sha256(b"another").hexdigest()[:32]


def page(channel: str = "facebook", **changes: Any) -> Account:
    return account(PAGE, channel=channel, **changes)


def world(*accounts: Account) -> World:
    made = World({1: rules(*(accounts or (page(), page("messenger"), account("900"))))})
    made.ask(CONTROL, c.PublishPolicy(command_id="p", at=MONDAY, version=1, document=b""))
    made.drain()
    return made


def comment(item_id: str, key: str = HOME, **changes: Any) -> c.ReceiveMessage:
    fields: dict[str, Any] = {
        "channel": "facebook",
        "event": "comment",
        "accounts": [PAGE],
        "thread": item_id,
        "handle_id": key,
        "platform_id": "fb-7",
    }
    return message(item_id, **(fields | changes))


def chat(item_id: str, text: str = "Here I am", key: str = PSID_HOME, **changes: Any) -> c.ReceiveMessage:
    fields: dict[str, Any] = {
        "channel": "messenger",
        "event": "message",
        "accounts": [PAGE],
        "visibility": "private",
        "handle_id": key,
        "platform_id": "psid-7",
        "screen_name": None,
        "name": None,
    }
    return message(item_id, text, **(fields | changes))


def tell(at: World, key: str, command: Any) -> list[Event]:
    """Decides a command and all that it leads to; the events, in order."""
    before = len(at.interactions.written)
    at.ask(key, command)
    at.drain()
    assert not at.dead, [letter.reason for letter in at.dead]
    return [output.event for output in at.interactions.written[before:] if output.event is not None]


def names(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def taken(at: World, first: c.ReceiveMessage, key: str = HOME) -> str:
    """An interaction that anna works on."""
    (received, *_) = [one for one in tell(at, key, first) if isinstance(one, e.MessageReceived)]
    where = received.interaction_id or ""
    assert "Assigned" in names(tell(at, key, by_agent(c.Take, interaction_id=where)))
    return where


def linking(handle: str) -> cc.LinkHandle:
    return cc.LinkHandle(command_id=command_id(), at=MONDAY, actor_kind="agent", actor_id="a", handle_id=handle)
