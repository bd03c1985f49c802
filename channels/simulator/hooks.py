"""A simulated platform's webhook deliveries: signed, and repeated with a growing pause while they are not answered
with 200. By chance one comes twice, or after later ones."""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

import httpx

from channels.simulator.faults import Faults

Body = dict[str, object]


@dataclass(frozen=True, slots=True)
class Sealed:
    """A body as it travels."""

    raw: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of one delivery."""

    ok: bool
    attempts: int
    reason: str = ""
    answer: object = None
    """The JSON of the webhook's last answer."""

    def shown(self) -> Body:
        """As the control API tells it."""
        return {"delivered": self.ok, "attempts": self.attempts, "reason": self.reason, "answer": self.answer}


@dataclass(frozen=True, slots=True)
class Underway:
    """A delivery that has begun."""

    held: bool
    """Later ones are to come before it."""
    task: asyncio.Task[Delivered]


@dataclass(slots=True)
class _Held:
    """A delivery that waits until some later ones have come."""

    number: int
    after: int
    released: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class Hooks:
    """Sends to the webhooks of one platform."""

    http: httpx.AsyncClient
    seal: Callable[[Body], Sealed]
    urls: Callable[[Body], list[str]]
    """Where a body goes."""
    faults: Faults
    tries: int = 6
    pause: float = 0.25
    """Seconds before the second try; it doubles."""
    copies: int = 1
    """How often each body is sent, always."""
    hold: float = 0.5
    """Seconds for which one is held back at most, if no later ones come."""
    sent: int = 0
    failed: int = 0
    _begun: int = 0
    _held: list[_Held] = field(default_factory=list)
    _tasks: set[asyncio.Task[Delivered]] = field(default_factory=set)

    @property
    def pending(self) -> int:
        """Deliveries that are under way."""
        return len(self._tasks)

    def begin(self, body: Body) -> Underway:
        """Sends a body until the webhook says 200, a bounded number of times, without waiting for it."""
        urls, sealed = self.urls(body), self.seal(body)
        digest = hashlib.sha256(sealed.raw).hexdigest()
        held = bool(urls) and self.faults.chance("reorder", self.faults.rates.reorder, digest)
        twice = bool(urls) and self.faults.chance("duplicate", self.faults.rates.duplicate, digest)
        self.faults.happened.update({"reorder": int(held), "duplicate": int(twice)})
        task = self._start(self._deliver(urls, sealed, held))
        if twice:
            self._start(self._deliver(urls, sealed, held=True))
        return Underway(held, task)

    async def deliver(self, body: Body) -> Delivered:
        """The same, and waits for it."""
        return await self.begin(body).task

    async def finish(self) -> None:
        """Ends what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, delivery: Coroutine[None, None, Delivered]) -> asyncio.Task[Delivered]:
        task = asyncio.create_task(delivery)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _deliver(self, urls: list[str], sealed: Sealed, held: bool) -> Delivered:
        self._begun += 1
        number = self._begun
        if held:
            await self._wait_for_later_ones(sealed, number)
        results = [await self._send(url, sealed) for url in urls for _ in range(self.copies)]
        for waiting in self._held:
            waiting.after -= waiting.number < number
            if waiting.after <= 0:
                waiting.released.set()
        nowhere = Delivered(ok=False, attempts=0, reason="no webhook is set, or none for this account and event")
        return min(results, key=lambda result: result.ok, default=nowhere)

    async def _wait_for_later_ones(self, sealed: Sealed, number: int) -> None:
        share = self.faults.draw("reorder by", hashlib.sha256(sealed.raw).hexdigest())
        waiting = _Held(number, after=1 + int(share * 3))
        self._held.append(waiting)
        try:
            async with asyncio.timeout(self.hold):
                await waiting.released.wait()
        except TimeoutError:
            pass
        finally:
            self._held.remove(waiting)

    async def _send(self, url: str, sealed: Sealed) -> Delivered:
        reason, answer = "", None
        headers = {"content-type": "application/json", **sealed.headers}
        for attempt in range(1, self.tries + 1):
            if attempt > 1:
                await asyncio.sleep(self.pause * 2 ** (attempt - 2))
            try:
                response = await self.http.post(url, content=sealed.raw, headers=headers)
            except httpx.HTTPError as error:
                reason = f"the webhook could not be reached ({type(error).__name__})"
                continue
            answer = _json(response)
            if response.status_code == httpx.codes.OK:
                self.sent += 1
                return Delivered(ok=True, attempts=attempt, answer=answer)
            reason = f"the webhook answered with HTTP {response.status_code}"
        self.failed += 1
        return Delivered(ok=False, attempts=self.tries, reason=reason, answer=answer)


def _json(response: httpx.Response) -> object:
    try:
        return response.json()
    except ValueError:
        return None
