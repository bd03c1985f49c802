"""Bodies as Meta posts them, and parts with which the Meta tests run without a network."""

import itertools
from typing import Any

from hypothesis import strategies as st

from channels.mapping import Mapped
from channels.meta.arrival import Receiver
from channels.meta.mapping import map_body
from engine.delivery import Deliver

SECRET = "app-secret"
VERIFY_TOKEN = "verify me"
PAGE = "2000000000002"
OTHER_PAGE = "2000000000003"
PERSON = "4711"
PSID = "5000000000000001"
POST = f"{PAGE}_900"
COMMENT = "900_901"
REPLY = "900_902"
MID = "m_1fTq8oLumEyIp3Q2MR-aY7I"
POSTED_AT = 1_509_487_414_000
SENT_AT = 1_509_487_420_123
ENTRY_TIME = 1_509_487_430
RECEIVED_AT = 1_600_000_000_000
OWN = frozenset({PAGE, OTHER_PAGE})

_salts = itertools.count()


def receiver(own: frozenset[str] = OWN, *, recorded: bool = True) -> Receiver:
    """A receiver whose keys can be read, and whose salts count up."""
    return Receiver(
        own_accounts=own,
        home=lambda channel, platform_id: f"home-{channel}-{platform_id}",
        salt=lambda: next(_salts).to_bytes(16, "big"),
        at=(lambda own_time: own_time) if recorded else (lambda own_time: RECEIVED_AT),
    )


def comment(**changes: Any) -> dict[str, Any]:
    """The value of a customer's comment right under a post; `None` removes a field."""
    whole = {
        "item": "comment",
        "verb": "add",
        "comment_id": COMMENT,
        "post_id": POST,
        "parent_id": POST,
        "from": {"id": PERSON, "name": "Kim"},
        "created_time": POSTED_AT // 1000,
        "message": "my phone is broken",
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def post(**changes: Any) -> dict[str, Any]:
    """The value of a visitor's post."""
    return comment(**({"item": "post", "comment_id": None, "parent_id": None} | changes))


def message(**changes: Any) -> dict[str, Any]:
    """A customer's message."""
    return event(message={"mid": MID, "text": "my phone is broken", **changes})


def event(**content: Any) -> dict[str, Any]:
    """An event of a conversation, from the customer if nothing else is said."""
    return {"sender": {"id": PSID}, "recipient": {"id": PAGE}, "timestamp": SENT_AT, **content}


def echo(**changes: Any) -> dict[str, Any]:
    """What the page sent."""
    content = {"is_echo": True, "app_id": 1517776481860111, "mid": MID, "text": "We are sorry", **changes}
    return {"sender": {"id": PAGE}, "recipient": {"id": PSID}, "timestamp": SENT_AT, "message": content}


def feed(*values: Any, **entry: Any) -> dict[str, Any]:
    """A body with changes of a page's feed."""
    return _body("changes", [{"field": "feed", "value": value} for value in values], entry)


def talk(*events: Any, **entry: Any) -> dict[str, Any]:
    """A body with events of conversations."""
    return _body("messaging", list(events), {"time": ENTRY_TIME * 1000, **entry})


def _body(name: str, events: list[Any], entry: dict[str, Any]) -> dict[str, Any]:
    return {"object": "page", "entry": [{"id": PAGE, "time": ENTRY_TIME, name: events, **entry}]}


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


def ignored(content: object) -> dict[str, int]:
    """What a body of which nothing comes is counted as."""
    result = mapped(content)
    assert (result.commands, result.unmapped) == ([], [])
    return dict(result.ignored)


def reason(content: object) -> str:
    """Why nothing of a body can be mapped, in a word."""
    result = mapped(content)
    assert (result.commands, dict(result.ignored)) == ([], {})
    (unmapped,) = result.unmapped
    return unmapped.code


def deliver(action: str = "reply", **changes: Any) -> Deliver:
    """An attempt to do something."""
    private = action in ("message", "private_answer")
    whole: dict[str, Any] = {
        "delivery_id": "d" * 32,
        "attempt": 1,
        "interaction_id": "home.1",
        "channel": "messenger" if action == "message" else "facebook",
        "account": PAGE,
        "kind": "reply",
        "action": action,
        "visibility": "private" if private else "public",
        "in_reply_to": MID if action == "message" else COMMENT,
        "recipient": PSID if action == "message" else None,
        "text": "We are sorry. ^MG" if private or action == "reply" else "",
        "at": POSTED_AT,
        "correlation_id": "c",
    }
    return Deliver(**(whole | changes))


NAMES = ["object", "entry", "id", "time", "changes", "messaging", "standby", "field", "value", "item", "verb", "from"]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["17", PAGE, "add"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)
"""Any JSON, with names and values that Meta uses among it."""
