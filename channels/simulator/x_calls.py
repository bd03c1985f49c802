"""What every call to the simulated X goes through: whose it is, what goes wrong with it, its limits, its answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from channels.simulator import x_records as x
from channels.simulator.faults import LOOK_UP, Fate, Faults
from channels.simulator.hooks import Body, Hooks
from channels.simulator.limits import X_LIMITS, Limits, Standing
from channels.simulator.silence import BrokenOff, silence
from channels.simulator.x_credentials import account_of
from channels.simulator.x_platform import Platform
from channels.simulator.x_records import Refusal
from channels.x.items import ID

CALLS: Final = frozenset({*X_LIMITS, LOOK_UP})
PASSING: Final = ("429", "500", "503", "time_out", "reset")
"""What a chance failure is one of."""

T = TypeVar("T")


class Nothing(msgspec.Struct):
    """No body."""


@dataclass(frozen=True, slots=True)
class Done:
    """What X answers, and what it tells the webhook."""

    answer: Body
    echo: Body | None = None
    status: int = 200


@dataclass(frozen=True, slots=True)
class Calls:
    """The common part of the endpoints."""

    platform: Platform
    hooks: Hooks
    limits: Limits
    faults: Faults
    consumer_secret: str

    def account(self, request: Request) -> str | None:
        """For whom the call is made; None if it is not authorised."""
        account = account_of(self.consumer_secret, request.method, str(request.url), request.headers)
        return account if account is not None and ID.fullmatch(account) else None

    async def act(
        self, request: Request, call: str, shape: type[T], do: Callable[[str, T], Done | Refusal]
    ) -> Response:
        """A call that does something: `do` is given the account and the body."""
        account = self.account(request)
        if account is None:
            return problem(x.UNAUTHORIZED)
        raw = await request.body()
        try:
            wanted = msgspec.json.decode(raw or b"{}", type=shape)
        except (msgspec.DecodeError, ValueError):
            return problem(x.INVALID)
        if request.path_params.get("user_id", account) != account:
            return problem(x.NO_OTHER_USER)
        fate = self.faults.fate(call, account, request.url.path, raw.decode("utf-8", "replace"))
        standing = self.limits.take(account, call)
        headers = self._headers(standing, fate)
        if not standing.allowed:
            return problem(x.TOO_MANY, headers)
        if fate.before is not None:
            return await self._failed(request, fate.before, headers)
        done = do(account, wanted)
        if isinstance(done, Refusal):
            return problem(done, headers)
        await self._echo(done, fate)
        if fate.after == "answer_lost":
            return await silence(request, self.platform.switches.silence)
        if fate.after is not None:
            return problem(x.SERVER_ERROR, headers)
        return JSONResponse(done.answer, status_code=done.status, headers=headers)

    async def look(self, request: Request, find: Callable[[str], Body | Refusal]) -> Response:
        """A call that only asks."""
        account = self.account(request)
        if account is None:
            return problem(x.UNAUTHORIZED)
        fate = self.faults.fate(LOOK_UP, account, str(request.url))
        headers = self._headers(self.limits.take(account, LOOK_UP), fate)
        if fate.before is not None:
            return await self._failed(request, fate.before, headers)
        found = find(account)
        return problem(found, headers) if isinstance(found, Refusal) else JSONResponse(found, headers=headers)

    async def _echo(self, done: Done, fate: Fate) -> None:
        if done.echo is None:
            return
        if fate.echo_first:
            await self.hooks.deliver(done.echo)
        elif self.platform.switches.echoes:
            self.hooks.begin(done.echo)

    async def _failed(self, request: Request, kind: str, headers: dict[str, str]) -> Response:
        match kind:
            case "429":
                return problem(x.TOO_MANY, headers)
            case "500":
                return problem(x.SERVER_ERROR, headers)
            case "503":
                return problem(x.UNAVAILABLE, headers)
            case "time_out":
                return await silence(request, self.platform.switches.silence)
            case "reset":
                return BrokenOff()
            case _:
                return problem(x.ERRORS[kind], headers)

    def _headers(self, standing: Standing, fate: Fate) -> dict[str, str]:
        throttled = fate.before == "429"
        reset = standing.reset
        if throttled and fate.reset_ms is not None:
            reset = self.platform.switches.now() + fate.reset_ms
        return {
            "x-access-level": self.platform.switches.access_level,
            "x-rate-limit-limit": str(standing.limit),
            "x-rate-limit-remaining": "0" if throttled else str(standing.remaining),
            "x-rate-limit-reset": str(-(-reset // 1000)),
        }


def problem(refusal: Refusal, headers: Mapping[str, str] | None = None) -> Response:
    """X's problem JSON."""
    body = {"title": refusal.title, "detail": refusal.detail, "type": "about:blank", "status": refusal.status}
    return JSONResponse(
        body | dict(refusal.more), status_code=refusal.status, headers=headers, media_type="application/problem+json"
    )
