"""X over real sockets: the simulator as a process of its own, the endpoint on uvicorn, the client between them."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from channels.delivery import Settings, Worker
from channels.lanes import Lanes
from channels.outcomes import Duplicate, Outcome, Posted, Retry, Unknown
from channels.simulator.x_credentials import user_context
from channels.webhook import wall_clock
from channels.x.client import XClient
from channels.x.signature import HEADER
from channels.x.webhook import Webhook
from engine.delivery import AttemptBegun, Deliver
from engine.interaction.commands import ReceiveMessage, RecordOwnPost
from tests.attempting import attempt_all
from tests.x_samples import ACCOUNT, CUSTOMER, OWN, SECRET, Kept, body, tweet

ITEM = tweet()["id_str"]


class Simulator:
    """The simulator as a process, which can be killed and started again with the same journal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self, *options: str) -> None:
        secret, ready = self.folder / "secret", self.folder / "ready"
        secret.write_text(SECRET + "\n")
        ready.unlink(missing_ok=True)
        journal = self.folder / "journal.jsonl"
        command = [sys.executable, "-m", "channels.simulator", "--secret-file", str(secret), "--ready-file", str(ready)]
        self.process = subprocess.Popen([*command, "--journal", str(journal), *options], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not ready.exists():
            assert self.process.poll() is None, "the simulator ended"
            assert time.monotonic() < deadline, "the simulator did not start"
            os.sched_yield()
        self.url = f"http://127.0.0.1:{ready.read_text().strip()}"

    def end(self, how: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(15)


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    running = Simulator(tmp_path)
    running.start()
    yield running
    if running.process is not None and running.process.poll() is None:
        running.end(signal.SIGKILL)


@contextlib.asynccontextmanager
async def endpoint(inbox: Kept) -> AsyncIterator[tuple[str, Webhook]]:
    """The webhook endpoint on a real socket."""
    hook = Webhook(SECRET, lambda: OWN, lambda person: f"home-{person}", inbox)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(hook.app(), log_level="error", lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/webhooks/x", hook
    finally:
        server.should_exit = True
        await serving
        listening.close()


@contextlib.asynccontextmanager
async def control(simulator: Simulator, webhook: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """The simulator's control API, and the webhook registered there."""
    async with httpx.AsyncClient(base_url=simulator.url, trust_env=False) as http:
        if webhook is not None:
            assert (await http.put("/_simulator/webhook", json={"url": webhook})).status_code == 200
        yield http


def client(simulator: Simulator, call_timeout: float = 5.0) -> XClient:
    return XClient(simulator.url, lambda account: user_context(SECRET, account), call_timeout=call_timeout)


def answer(text: str, **changes: Any) -> Deliver:
    """An answer to the customer's post."""
    whole: dict[str, Any] = {
        "delivery_id": "d1",
        "attempt": 1,
        "interaction_id": "home.1",
        "channel": "x",
        "account": ACCOUNT,
        "kind": "reply",
        "visibility": "public",
        "in_reply_to": ITEM,
        "text": text,
        "at": 1_500_000_000_000,
        "correlation_id": "c",
    }
    return Deliver(**(whole | changes))


def test_a_post_travels_in_and_its_answer_out_and_back_as_an_echo(simulator: Simulator) -> None:
    inbox = Kept()

    async def story() -> Outcome:
        async with (
            endpoint(inbox) as (url, hook),
            control(simulator, url) as http,
            client(simulator) as x,
        ):
            assert hook.counts.challenges == 1
            assert (await http.post("/_simulator/posts", json=body(tweet()))).status_code == 200
            outcome = await x.perform(answer("We are sorry 😀 ^MG"))
            while (await http.get("/_simulator/state")).json()["webhooks_pending"]:
                await asyncio.sleep(0.01)
            return outcome

    outcome = asyncio.run(story())
    received, own = (command for _, command in inbox.commands)
    assert isinstance(outcome, Posted)
    assert isinstance(received, ReceiveMessage)
    assert isinstance(own, RecordOwnPost)
    assert (own.item_id, own.text) == (outcome.item_id, "@kim We are sorry 😀 ^MG")


def test_an_unsigned_or_too_large_body_is_refused_on_a_socket_too() -> None:
    async def story() -> list[int]:
        async with endpoint(Kept()) as (url, hook), httpx.AsyncClient(trust_env=False) as http:
            unsigned = await http.post(url, json=body(tweet()))
            forged = await http.post(url, json=body(tweet()), headers={HEADER: "sha256=" + "A" * 43 + "="})
            large = await http.post(url, content=b"x" * (hook.body_limit + 1))
            assert (hook.counts.unsigned, hook.counts.too_large) == (2, 1)
            return [unsigned.status_code, forged.status_code, large.status_code]

    assert asyncio.run(story()) == [403, 403, 413]


def test_real_time_outs_and_lost_answers_are_unknown_and_a_dead_server_is_a_retry(simulator: Simulator) -> None:
    async def story() -> None:
        async with control(simulator) as http, client(simulator, call_timeout=0.5) as x:
            await http.post("/_simulator/posts?deliver=false", json=body(tweet()))
            for kind in ("time_out", "answer_lost"):
                await http.post("/_simulator/faults", json={"kind": kind})
                assert isinstance(await x.perform(answer(kind)), Unknown)
            assert await x.find(answer("time_out")) is None
            assert await x.find(answer("answer_lost")) is not None
            simulator.end(signal.SIGKILL)
            outcome = await x.perform(answer("another"))
            assert isinstance(outcome, Retry | Unknown)

    asyncio.run(story())


def test_a_killed_simulator_still_knows_every_post(simulator: Simulator) -> None:
    async def before() -> Outcome:
        async with control(simulator) as http, client(simulator) as x:
            await http.post("/_simulator/posts?deliver=false", json=body(tweet()))
            return await x.perform(answer("Hello"))

    async def after() -> tuple[Posted | None, Outcome]:
        async with client(simulator) as x:
            return await x.find(answer("Hello")), await x.perform(answer("Hello"))

    posted = asyncio.run(before())
    assert isinstance(posted, Posted)
    simulator.end(signal.SIGKILL)
    simulator.start()
    assert asyncio.run(after()) == (posted, Duplicate())


def test_the_simulator_ends_cleanly_when_it_is_told_to(simulator: Simulator) -> None:
    assert simulator.end(signal.SIGTERM) in (0, -signal.SIGTERM)


def test_a_mistaken_start_is_one_clear_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "channels.simulator", "--secret-file", str(tmp_path / "none")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "none: the file with the consumer secret can't be read" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@dataclass
class RealClock:
    """The wall clock."""

    def now(self) -> int:
        return wall_clock()

    async def sleep(self, millis: int) -> None:
        await asyncio.sleep(millis / 1000)


@dataclass
class Journal:
    """Begun attempts, in memory."""

    begun: dict[str, AttemptBegun] = field(default_factory=dict)

    async def begin(self, begun: AttemptBegun) -> None:
        self.begun[begun.delivery_id] = begun


def test_every_answer_is_posted_once_whatever_goes_wrong(simulator: Simulator) -> None:
    """Time-outs, lost answers and server errors; and a worker that died with its answers on their way."""
    delivers = [
        answer(f"Answer number {n}", delivery_id=f"d{n}", account=ACCOUNT if n % 2 else sorted(OWN)[1])
        for n in range(12)
    ]
    settings = Settings(call_within=200, look_up_pause=10)

    async def story() -> None:
        journal, clock = Journal(), RealClock()
        async with control(simulator) as http, client(simulator, call_timeout=0.3) as x:
            await http.post("/_simulator/posts?deliver=false", json=body(tweet()))
            worker = Worker({"x": x}, lambda channel, person: person, journal, clock, settings)
            for kind in ("answer_lost", "time_out", "503", "429"):
                await http.post("/_simulator/faults", json={"kind": kind})
            dying = asyncio.create_task(attempt_all(Lanes(worker), delivers))
            while len(journal.begun) < 2:
                await asyncio.sleep(0.001)
            dying.cancel()
            await asyncio.gather(dying, return_exceptions=True)
            assert journal.begun

            waiting, unfinished = delivers, dict(journal.begun)
            for _ in range(5):
                results = await attempt_all(Lanes(worker), waiting, unfinished)
                again = {result.delivery_id for result in results if result.outcome == "retry"}
                assert {result.outcome for result in results} <= {"posted", "retry"}
                waiting, unfinished = [item for item in waiting if item.delivery_id in again], {}
                for item in waiting:
                    item.attempt += 1
            assert not waiting
            posts = (await http.get("/_simulator/posts")).json()["posts"]
            assert sorted(post["text"] for post in posts) == sorted(item.text for item in delivers)

    asyncio.run(story())


def test_every_message_is_sent_once_or_a_person_looks(simulator: Simulator) -> None:
    """X takes a message twice: what had no answer is only looked for, and is not there if X never got it."""
    settings = Settings(call_within=200, look_up_pause=10)
    asked = [
        answer(f"Message {n} &", delivery_id=f"d{n}", action="message", visibility="private", recipient=CUSTOMER)
        for n in range(4)
    ]

    async def story() -> None:
        inbox = Kept()
        async with (
            endpoint(inbox) as (url, _),
            control(simulator, url) as http,
            client(simulator, call_timeout=0.3) as x,
        ):
            said = {
                "channel": "x",
                "kind": "direct_message",
                "from": {"id": CUSTOMER},
                "account": ACCOUNT,
                "text": "Hi",
            }
            assert (await http.post("/_simulator/customers/say", json=said)).status_code == 200
            worker = Worker({"x": x}, lambda channel, person: person, Journal(), RealClock(), settings)
            results = []
            for deliver, fault in zip(asked, ("answer_lost", "time_out", "503", None), strict=True):
                if fault is not None:
                    await http.post("/_simulator/faults", json={"kind": fault})
                results += await attempt_all(Lanes(worker), [deliver])
            assert [(each.outcome, each.settled_by) for each in results] == [
                ("posted", "look_up"),
                ("undecided", "look_up"),
                ("retry", "outcome"),
                ("posted", "outcome"),
            ]
            while (await http.get("/_simulator/state")).json()["webhooks_pending"]:
                await asyncio.sleep(0.01)
            received, *own = (command for _, command in inbox.commands)
            assert isinstance(received, ReceiveMessage)
            assert (received.visibility, received.event, received.text) == ("private", "direct_message", "Hi")
            assert [(each.item_id, each.text, each.visibility) for each in own if isinstance(each, RecordOwnPost)] == [
                (results[0].item_id, "Message 0 &", "private"),
                (results[3].item_id, "Message 3 &", "private"),
            ]

    asyncio.run(story())
