"""A client for the Graph API whose requests are answered by a function."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx

from channels.delivery import Platform
from channels.meta.client import MetaClient
from channels.outcomes import Outcome, Posted
from engine.delivery import Deliver
from tests.meta_samples import PAGE, SECRET

TOKEN = "page-token"
API = "https://graph.facebook.com/v23.0"
TEXT = "We are sorry. ^MG"
Handler = Callable[[httpx.Request], httpx.Response]
_T = TypeVar("_T")


def run(handler: Handler, act: Callable[[MetaClient], Awaitable[_T]], tokens: Callable[[str], str | None]) -> _T:
    """Does something with a client whose requests are answered by `handler`."""

    async def story() -> _T:
        transport = httpx.MockTransport(handler)
        async with MetaClient(API, tokens, SECRET, call_timeout=0.5, transport=transport) as client:
            platform: Platform = client  # it is one
            assert platform.call_timeout == 500
            return await act(client)

    return asyncio.run(story())


def known(account: str) -> str | None:
    return {PAGE: TOKEN}.get(account)


def perform(handler: Handler, wanted: Deliver, tokens: Callable[[str], str | None] = known) -> Outcome:
    return run(handler, lambda client: client.perform(wanted), tokens)


def find(handler: Handler, wanted: Deliver, tokens: Callable[[str], str | None] = known) -> Posted | None:
    return run(handler, lambda client: client.find(wanted), tokens)


def never(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"nobody should have called {request.url}")
