"""The control API's customers: they say, edit and delete; the platforms tell the webhooks.

POST /_simulator/customers/say     one, or a list (?batch=true: Meta's in one body for each page)
POST /_simulator/customers/edit    {channel, item_id, text}
POST /_simulator/customers/delete  {channel, item_id}
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from channels.simulator.hooks import Body, Hooks, Underway
from channels.simulator.instructions import refused, unreadable
from channels.simulator.meta_customers import MetaCustomers
from channels.simulator.meta_payloads import merged
from channels.simulator.saying import Edited, Impossible, Said, Told
from channels.simulator.x_customers import XCustomers

AT_ONCE: Final = 16
"""So many people speak at the same time when a list is said."""
LONGEST: Final = 10_000
"""The most that is said in one call."""

T = TypeVar("T")


class Customers(Protocol):
    """The customers of one platform."""

    def say(self, said: Said) -> Told: ...
    def edit(self, edited: Edited) -> Told: ...
    def delete(self, edited: Edited) -> Told: ...


@dataclass(slots=True)
class Spoken:
    """One thing said, and its delivery."""

    channel: str
    told: Told
    underway: Underway | None = None

    async def shown(self) -> Body:
        """What the control API answers."""
        shown: Body = {"item_id": self.told.item_id}
        if self.underway is None:
            return shown | {"delivered": False, "attempts": 0}
        result = await self.underway.task
        return shown | {"held": self.underway.held} | result.shown()


@dataclass(frozen=True, slots=True)
class CustomersApi:
    """The endpoints."""

    x: XCustomers
    meta: MetaCustomers
    x_hooks: Hooks
    meta_hooks: Hooks

    def routes(self) -> list[Route]:
        return [
            Route("/_simulator/customers/say", self.say, methods=["POST"]),
            Route("/_simulator/customers/edit", self.edit, methods=["POST"]),
            Route("/_simulator/customers/delete", self.delete, methods=["POST"]),
        ]

    async def say(self, request: Request) -> Response:
        """Customers say something. Answers after the webhook has it, unless ?wait=false or ?deliver=false."""
        raw = await request.body()
        is_list = raw.lstrip().startswith(b"[")
        try:
            told = msgspec.json.decode(raw, type=list[Said]) if is_list else [msgspec.json.decode(raw, type=Said)]
        except msgspec.DecodeError as error:
            return unreadable(error)
        if len(told) > LONGEST:
            return refused(f"more than {LONGEST:,} at once; say them in several calls")
        return await self._do(request, told, lambda said: said.channel, lambda customers: customers.say, is_list)

    async def edit(self, request: Request) -> Response:
        """A customer changes something."""
        return await self._change(request, lambda customers: customers.edit)

    async def delete(self, request: Request) -> Response:
        """A customer takes something away."""
        return await self._change(request, lambda customers: customers.delete)

    async def _change(self, request: Request, do: "Callable[[Customers], Callable[[Edited], Told]]") -> Response:
        try:
            edited = msgspec.json.decode(await request.body(), type=Edited)
        except msgspec.DecodeError as error:
            return unreadable(error)
        return await self._do(request, [edited], lambda each: each.channel, do, is_list=False)

    async def _do(
        self,
        request: Request,
        given: Sequence[T],
        channel_of: Callable[[T], str],
        do: "Callable[[Customers], Callable[[T], Told]]",
        is_list: bool,
    ) -> Response:
        try:
            spoken = [Spoken(channel_of(each), do(self._customers(channel_of(each)))(each)) for each in given]
        except Impossible as error:
            return refused(str(error))
        query = request.query_params
        if query.get("deliver") != "false":
            if query.get("batch") == "true":
                self._deliver_together(spoken)
            else:
                await self._deliver(spoken, given, wait=query.get("wait") != "false")
        if query.get("wait") == "false":
            ids = [{"item_id": each.told.item_id} for each in spoken]
            return JSONResponse({"items": ids} if is_list else ids[0])
        shown = await asyncio.gather(*(each.shown() for each in spoken))
        if is_list:
            return JSONResponse({"items": shown})
        failed = not shown[0]["delivered"] and query.get("deliver") != "false"
        return JSONResponse(shown[0], status_code=502 if failed else 200)

    async def _deliver(self, spoken: Sequence[Spoken], given: Sequence[object], wait: bool) -> None:
        """What one person says goes out in order, unless it is held back on purpose; people beside one another."""
        people: dict[object, list[Spoken]] = {}
        for each, what in zip(spoken, given, strict=True):
            people.setdefault((each.channel, getattr(what, "speaker", None)), []).append(each)
        slots = asyncio.Semaphore(AT_ONCE)

        async def one_person(said: list[Spoken]) -> None:
            async with slots:
                for each in said:
                    each.underway = self._hooks(each.channel).begin(each.told.body)
                    if wait and not each.underway.held:
                        await asyncio.wait([each.underway.task])

        await asyncio.gather(*(one_person(said) for said in people.values()))

    def _deliver_together(self, spoken: Sequence[Spoken]) -> None:
        """All of Meta in one body; X knows no batches."""
        of_meta = [each for each in spoken if each.channel != "x"]
        if of_meta:
            together = self.meta_hooks.begin(merged(each.told.body for each in of_meta))
            for each in of_meta:
                each.underway = together
        for each in spoken:
            if each.channel == "x":
                each.underway = self.x_hooks.begin(each.told.body)

    def _customers(self, channel: str) -> Customers:
        return self.x if channel == "x" else self.meta

    def _hooks(self, channel: str) -> Hooks:
        return self.x_hooks if channel == "x" else self.meta_hooks
