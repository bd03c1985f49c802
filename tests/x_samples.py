"""Bodies as X posts them, and parts with which the X tests run without a network."""

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings

from channels.mapping import Mapped
from channels.x.mapping import Receiver, map_body
from engine.delivery import DeadLetter
from engine.record import Command

SECRET = "consumer-secret"
ACCOUNT = "1000000000001"
OTHER_ACCOUNT = "1000000000002"
CUSTOMER = "115715"
RECEIVED_AT = 1_600_000_000_000
POSTED_AT = 1_509_487_414_000
OWN = frozenset({ACCOUNT, OTHER_ACCOUNT})

fuzzed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For tests with any input: on a fresh clone Hypothesis first spends seconds on its tables of characters, which is
no fault of the test that happens to come first; and a busy machine is none either."""

_salts = itertools.count()


def receiver(own: frozenset[str] = OWN, *, recorded: bool = True) -> Receiver:
    """A receiver whose keys can be read, and whose salts count up."""
    return Receiver(
        own_accounts=own,
        home=lambda platform_id: f"home-{platform_id}",
        salt=lambda: next(_salts).to_bytes(16, "big"),
        at=(lambda posted_at: posted_at) if recorded else (lambda posted_at: RECEIVED_AT),
        received_at=RECEIVED_AT,
    )


def tweet(**changes: Any) -> dict[str, Any]:
    """A customer's v1.1 tweet; `None` removes a field."""
    whole = {
        "created_at": "Tue Oct 31 22:03:34 +0000 2017",
        "id": 925500000000000001,
        "id_str": "925500000000000001",
        "text": "my phone is broken",
        "user": {"id": int(CUSTOMER), "id_str": CUSTOMER, "name": "Kim", "screen_name": "kim"},
        "entities": {"user_mentions": []},
        "lang": "en",
        "timestamp_ms": str(POSTED_AT),
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def mention(user: str, start: int = 0) -> dict[str, Any]:
    """Somebody named."""
    return {"id": int(user), "id_str": user, "screen_name": f"u{user}", "indices": [start, start + 5]}


def body(*tweets: Any, for_user_id: object = ACCOUNT, **more: Any) -> dict[str, Any]:
    """An Account Activity body."""
    return {"for_user_id": for_user_id, "tweet_create_events": list(tweets), **more}


def activity(event_type: str, payload: dict[str, Any], includes: dict[str, Any] | None = None) -> dict[str, Any]:
    """An X Activity API body."""
    return {
        "data": {
            "event_uuid": "-2080761390344937796",
            "filter": {"user_id": ACCOUNT},
            "event_type": event_type,
            "tag": "care",
            "payload": payload,
            "includes": includes or {},
        }
    }


def post(**changes: Any) -> dict[str, Any]:
    """A customer's v2 post."""
    whole = {
        "id": "2080761390344937796",
        "text": "my phone is broken",
        "author_id": CUSTOMER,
        "created_at": "2026-07-24T21:05:48.000Z",
        "lang": "en",
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def message(**changes: Any) -> dict[str, Any]:
    """A customer's direct message, as both of X's webhook APIs bring it; `None` removes a field."""
    data = {"text": "my phone is broken", "entities": {"hashtags": [], "symbols": [], "user_mentions": [], "urls": []}}
    data |= {name: changes.pop(name) for name in ("text", "attachment") if name in changes}
    whole = {
        "type": "message_create",
        "id": "1585823814058971140",
        "created_timestamp": str(POSTED_AT),
        "message_create": {
            "target": {"recipient_id": changes.pop("recipient_id", ACCOUNT)},
            "sender_id": changes.pop("sender_id", CUSTOMER),
            "message_data": {name: value for name, value in data.items() if value is not None},
        },
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def messages(*events: Any, for_user_id: object = ACCOUNT, **more: Any) -> dict[str, Any]:
    """An Account Activity body with direct messages."""
    users = {CUSTOMER: {"id": CUSTOMER, "name": "Kim", "screen_name": "kim", "created_timestamp": "1"}}
    return {"for_user_id": for_user_id, "direct_message_events": list(events), "users": users, **more}


def mapped(content: object, own: frozenset[str] = OWN, *, recorded: bool = True) -> Mapped:
    """What a body is mapped to."""
    return map_body(content, receiver(own, recorded=recorded))


def only(content: object, own: frozenset[str] = OWN, *, recorded: bool = True) -> tuple[str, Any]:
    """The one command with its key that a body is mapped to, and nothing else."""
    result = mapped(content, own, recorded=recorded)
    assert not result.unmapped, result.unmapped
    assert not result.ignored, result.ignored
    assert len(result.commands) == 1
    return result.commands[0]


def traffic(shared: Path) -> Iterator[dict[str, Any]]:
    """The recorded conversations, line by line."""
    script, table = shared / "tools/support_traffic.py", shared / "data/x-support/conversations.csv"
    done = subprocess.run([sys.executable, script, table], capture_output=True, text=True, check=True, encoding="utf-8")
    return map(json.loads, done.stdout.splitlines())


class Kept:
    """An inbox in memory; `broken` makes it refuse everything."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, Command]] = []
        self.letters: list[DeadLetter] = []
        self.broken = False

    async def publish(self, commands: Sequence[tuple[str, Command]]) -> None:
        if self.broken:
            raise ConnectionError("no broker")
        self.commands.extend(commands)

    async def keep(self, dead_letter: DeadLetter) -> None:
        if self.broken:
            raise ConnectionError("no broker")
        self.letters.append(dead_letter)
