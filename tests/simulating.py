"""The simulator, webhook endpoints to which it delivers, and the real clients, on sockets in this process."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from channels.calls import tls
from channels.meta import webhook as meta_webhook
from channels.meta.client import MetaClient
from channels.outcomes import Outcome, Posted
from channels.simulator.app import create_app
from channels.simulator.meta_credentials import page_token
from channels.simulator.x_credentials import user_context
from channels.webhook import Inbox
from channels.x import webhook as x_webhook
from channels.x.client import XClient
from engine.delivery import Deliver
from engine.record import Command
from rejoinder.heads import BoundedHeads
from tests import meta_samples, x_samples
from tests.x_samples import Kept

NOW = 1_600_000_000_000
PERSON: Final = {"id": "115715", "screen_name": "kim", "name": "Kim"}
CALL_TIMEOUT = 5.0
ITEM: str = x_samples.tweet()["id_str"]


class World:
    """Everything in one event loop; the clock stands still until it is moved."""

    def __init__(self, journal: Path | None = None, call_timeout: float = CALL_TIMEOUT, **options: Any) -> None:
        self.inbox = Kept()
        self.now = NOW
        self.journal = journal
        self.options = options
        self.call_timeout = call_timeout
        self.x_endpoint = x_webhook.Webhook(
            x_samples.SECRET, lambda: x_samples.OWN, lambda person: f"home-x-{person}", self._inbox, recorded_time=True
        )
        self.meta_endpoint = meta_webhook.Webhook(
            meta_samples.SECRET,
            meta_samples.VERIFY_TOKEN,
            lambda: meta_samples.OWN,
            lambda channel, person: f"home-{channel}-{person}",
            self._inbox,
            recorded_time=True,
        )

    @property
    def _inbox(self) -> Inbox:
        return self.inbox

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["World"]:
        """Both servers, and the clients."""
        hooks = Starlette(routes=[*self.x_endpoint.routes(), *self.meta_endpoint.routes()])
        async with contextlib.AsyncExitStack() as stack:
            self.hooks_url = await stack.enter_async_context(listening(hooks))
            given: dict[str, Any] = {
                "webhook": f"{self.hooks_url}/webhooks/x",
                "meta_webhook": f"{self.hooks_url}/webhooks/meta",
                "webhook_pause": 0.001,
                "journal": self.journal,
                "clock": lambda: self.now,
                "app_secret": meta_samples.SECRET,
                "verify_token": meta_samples.VERIFY_TOKEN,
            }
            app = create_app(x_samples.SECRET, **(given | self.options))
            self.url = await stack.enter_async_context(listening(app))
            self.control = await stack.enter_async_context(
                httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=30, verify=tls(False))
            )
            self.x = await stack.enter_async_context(self.x_client())
            self.meta = await stack.enter_async_context(self.meta_client())
            yield self

    def x_client(self, secret: str = x_samples.SECRET) -> XClient:
        """The client as it posts on X."""
        return XClient(
            self.url,
            lambda account: user_context(secret, account),
            call_timeout=self.call_timeout,
            clock=lambda: self.now,
        )

    def meta_client(self, secret: str = meta_samples.SECRET) -> MetaClient:
        """The client as it posts on Facebook."""
        return MetaClient(
            f"{self.url}/graph/v23.0",
            lambda page: page_token(secret, page),
            secret,
            call_timeout=self.call_timeout,
        )

    async def put(self, path: str, content: object) -> None:
        """An instruction that has to be taken."""
        answer = await self.control.put(f"/_simulator/{path}", json=content)
        assert answer.status_code == 200, answer.text

    async def fault(self, kind: str, times: int = 1, channel: str = "x", call: str | None = None) -> None:
        """What the next calls meet."""
        fault = {"kind": kind, "times": times, "channel": channel, "call": call}
        answer = await self.control.post("/_simulator/faults", json=fault)
        assert answer.status_code == 200, answer.text

    async def say(
        self, channel: str, kind: str, text: str = "", speaker: dict[str, str] | None = PERSON, **more: Any
    ) -> dict[str, Any]:
        """A customer says something, and the webhook takes it."""
        account = x_samples.ACCOUNT if channel == "x" else meta_samples.PAGE
        said = {"channel": channel, "kind": kind, "account": account, "from": speaker, "text": text, **more}
        answer = await self.control.post("/_simulator/customers/say", json=said)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def change(self, what: str, **given: Any) -> dict[str, Any]:
        """A customer edits or deletes something."""
        answer = await self.control.post(f"/_simulator/customers/{what}", json=given)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def actions(self, **query: str) -> list[dict[str, Any]]:
        """What was done through the APIs."""
        answer = await self.control.get("/_simulator/journal", params=query)
        listed: list[dict[str, Any]] = answer.json()["actions"]
        return listed

    async def items(self, channel: str) -> list[dict[str, Any]]:
        """What stands on a platform."""
        answer = await self.control.get("/_simulator/items", params={"channel": channel})
        listed: list[dict[str, Any]] = answer.json()["items"]
        return listed

    async def state(self) -> dict[str, Any]:
        """The counts, once no webhook is under way."""
        while True:
            state: dict[str, Any] = (await self.control.get("/_simulator/state")).json()
            if not state["webhooks_pending"]:
                return state
            await asyncio.sleep(0.005)

    @property
    def commands(self) -> list[Command]:
        """What came out of the webhooks, in order."""
        return [command for _, command in self.inbox.commands]


def x_deliver(action: str = "reply", **changes: Any) -> Deliver:
    """An attempt to do something on X."""
    whole: dict[str, Any] = {
        "delivery_id": "d" * 32,
        "attempt": 1,
        "interaction_id": "home.1",
        "channel": "x",
        "account": x_samples.ACCOUNT,
        "kind": "reply",
        "action": action,
        "visibility": "private" if action == "message" else "public",
        "in_reply_to": "17",
        "recipient": PERSON["id"] if action == "message" else None,
        "text": "We are sorry. ^MG" if action in ("message", "reply") else "",
        "at": NOW,
        "correlation_id": "c",
    }
    return Deliver(**(whole | changes))


async def customer(world: World, **changes: Any) -> httpx.Response:
    """Somebody posts on X, as recorded traffic does."""
    return await world.control.post("/_simulator/posts", json=x_samples.body(x_samples.tweet(**changes)))


async def answer(world: World, text: str = "We are sorry. ^MG", **changes: Any) -> Outcome:
    """The account answers that post."""
    return await world.x.perform(x_deliver(text=text, **({"in_reply_to": ITEM} | changes)))


async def found(world: World, text: str) -> Posted | None:
    """That answer, as X shows it."""
    return await world.x.find(x_deliver(text=text, in_reply_to=ITEM))


def play(story: Callable[[World], Awaitable[None]], world: World | None = None) -> World:
    """Plays a story in a world of its own."""
    world = world or World()

    async def run() -> None:
        async with world.running():
            await story(world)

    asyncio.run(run())
    return world


class _Prompt(uvicorn.Server):
    """Ends when it is told to. uvicorn's own looks ten times a second whether it is, and waits as long again; with two
    servers for each test that was a third of a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.told = asyncio.Event()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.told.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self.server_state.tasks:  # a call that is never answered, say: it has its second, and is cancelled
            return await super().shutdown(sockets)
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        for server in self.servers:
            await server.wait_closed()
        await self.lifespan.shutdown()


@contextlib.asynccontextmanager
async def listening(app: ASGIApp) -> AsyncIterator[str]:
    """An application on a port of this machine."""
    bound = socket.create_server(("127.0.0.1", 0))
    server = _Prompt(uvicorn.Config(app, http=BoundedHeads, log_level="error", timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        while not server.started:
            await asyncio.sleep(0.005)
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.told.set()
        await serving
        bound.close()
