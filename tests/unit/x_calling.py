"""X's client without a network, and what it is asked to do."""

from collections.abc import Callable
from typing import Any

import httpx

from channels.simulator.x_credentials import user_context
from channels.x.client import Credentials, XClient
from engine.delivery import Deliver
from tests.unit.delivery_scene import deliver
from tests.x_samples import ACCOUNT, CUSTOMER, SECRET

NOW = 1_600_000_000_000
Handler = Callable[[httpx.Request], httpx.Response]


def client(handler: Handler, credentials: Credentials | None = None) -> XClient:
    """A client whose requests are answered by `handler`."""
    context = credentials or user_context(SECRET, ACCOUNT)
    known = {ACCOUNT: context}
    return XClient(
        "https://api.x.com", known.get, clock=lambda: NOW, call_timeout=0.5, transport=httpx.MockTransport(handler)
    )


def answering(text: str = "We are sorry. ^MG", **changes: Any) -> Deliver:
    """An answer to post 17."""
    whole: dict[str, Any] = {"account": ACCOUNT, "text": text, "at": NOW}
    return deliver(**(whole | changes))


def messaging(text: str = "We are sorry. ^MG", **changes: Any) -> Deliver:
    """A direct message."""
    return answering(text, **({"action": "message", "visibility": "private", "recipient": CUSTOMER} | changes))
