"""The customers' messages that every measure uses: the same ones each time."""

import json
import random
from typing import Final

from engine.envelope import derive, home
from engine.interaction.commands import ReceiveMessage
from engine.policy.document import Account, Policy, Queue

PARTITIONS: Final = 16
ACCOUNT: Final = "1000000000001"
POLICY: Final = Policy(
    name="bench",
    accounts=(Account(channel="x", id=ACCOUNT, handle="AcmeCare", queue="care"),),
    queues=(Queue(name="care", skills=("care",)),),
)
AUDIT_SECRET: Final = "the secret behind the seals of the bench"
BEGIN: Final = 1_700_000_000_000
"""When the first message was posted, milliseconds; one a millisecond follows."""

AUTHORS: Final = 0.15
"""Authors for each message: each writes six or seven."""
FOLLOW_UPS: Final = 0.7
"""The part of an author's later messages that answers one of the author's own; the others begin something new."""

_WORDS: Final = ("my", "internet", "is", "down", "since", "this", "morning", "please", "look", "at", "the", "router")


def messages(count: int, seed: int = 1) -> list[ReceiveMessage]:
    """So many messages in the order in which they came, each under its author's home (`handle_id`)."""
    chance = random.Random(seed)
    authors = max(1, round(count * AUTHORS))
    posted: dict[int, list[str]] = {}
    made = []
    for number in range(count):
        author = chance.randrange(authors)
        own = posted.setdefault(author, [])
        answered = chance.choice(own) if own and chance.random() < FOLLOW_UPS else None
        item_id = str(1_900_000_000_000_000_000 + number)
        own.append(item_id)
        text = "@AcmeCare " + " ".join(chance.choices(_WORDS, k=16))
        made.append(message(author, item_id, BEGIN + number, text, answered, chance.randbytes(16)))
    return made


def message(author: int, item_id: str, at: int, text: str, answered: str | None, salt: bytes) -> ReceiveMessage:
    """One message of an author, as the webhook would have made it."""
    platform_id = str(2_000_000_000 + author)
    key = home(b"bench", "x", platform_id)
    return ReceiveMessage(
        command_id=derive("bench", item_id),
        at=at,
        actor_kind="customer",
        actor_id=key,
        channel="x",
        accounts=[ACCOUNT],
        item_id=item_id,
        visibility="public",
        posted_at=at,
        handle_id=key,
        platform_id=platform_id,
        screen_name=f"person{author}",
        name=f"Person {author}",
        text=text,
        salt=salt,
        language="en",
        in_reply_to=answered,
        raw=_raw(platform_id, item_id, at, text, answered),
    )


def _raw(platform_id: str, item_id: str, at: int, text: str, answered: str | None) -> bytes:
    """About as much as X sends for a post."""
    return json.dumps(
        {
            "id_str": item_id,
            "timestamp_ms": str(at),
            "text": text,
            "in_reply_to_status_id_str": answered,
            "lang": "en",
            "user": {"id_str": platform_id, "screen_name": f"person{platform_id}", "followers_count": 42},
            "entities": {"user_mentions": [{"id_str": ACCOUNT, "screen_name": "AcmeCare", "indices": [0, 9]}]},
            "source": '<a href="https://mobile.example">App</a>',
        }
    ).encode()
