"""What every call to the simulated Graph API goes through: whose it is, what goes wrong with it, its answer."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from channels.simulator import meta_errors as errors
from channels.simulator.faults import LOOK_UP, Fate, Faults
from channels.simulator.hooks import Body, Hooks
from channels.simulator.limits import Limits, Standing
from channels.simulator.meta_credentials import app_of, is_proof, page_of
from channels.simulator.meta_errors import GraphError
from channels.simulator.meta_platform import MetaPlatform
from channels.simulator.silence import BrokenOff, silence

CALLS: Final = frozenset({"comment", "like", "message", "private_answer", "hide", "delete", LOOK_UP})
PASSING: Final = ("32", "500", "503", "2", "time_out", "reset")
"""What a chance failure is one of."""
ALL_CALLS: Final = "call"
"""The name under which a page's limit counts all of its calls."""

Parameters = dict[str, object]


@dataclass(frozen=True, slots=True)
class Done:
    """What Meta answers, and what it tells the webhook."""

    answer: Body
    echo: Body | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a page, or the app itself."""

    page: str | None
    app: str | None
    token: str


@dataclass(frozen=True, slots=True)
class MetaCalls:
    """The common part of the endpoints."""

    platform: MetaPlatform
    hooks: Hooks
    limits: Limits
    faults: Faults
    app_secret: str

    async def act(
        self,
        request: Request,
        call: Callable[[Parameters], str],
        do: Callable[[str, Parameters], Done | GraphError],
    ) -> Response:
        """A page's call that does something. `call` names it by its parameters; `do` is given page and parameters."""
        parameters = await parameters_of(request)
        page = self.page(request, parameters)
        if parameters is None or isinstance(page, GraphError):
            return errors.answer(page if isinstance(page, GraphError) else errors.BAD_PARAMETER)
        name, known = call(parameters), json.dumps(parameters, sort_keys=True)
        fate = self.faults.fate(name, page, request.url.path, known)
        standing = self.limits.take(page, ALL_CALLS)
        headers = self._headers(page, standing, fate)
        if not standing.allowed:
            return errors.answer(errors.TOO_MANY, headers)
        if fate.before is not None:
            return await self._failed(request, fate.before, headers)
        done = do(page, parameters)
        if isinstance(done, GraphError):
            return errors.answer(done, headers)
        await self._echo(done, fate)
        if fate.after == "answer_lost":
            return await silence(request, self.platform.switches.silence)
        if fate.after is not None:
            return errors.answer(errors.SERVER_ERROR, headers)
        return JSONResponse(done.answer, headers=headers)

    async def look(self, request: Request, find: Callable[[str, Parameters], Body | GraphError]) -> Response:
        """A page's call that only asks."""
        parameters = await parameters_of(request)
        page = self.page(request, parameters)
        if parameters is None or isinstance(page, GraphError):
            return errors.answer(page if isinstance(page, GraphError) else errors.BAD_PARAMETER)
        fate = self.faults.fate(LOOK_UP, page, str(request.url))
        headers = self._headers(page, self.limits.take(page, ALL_CALLS), fate)
        if fate.before is not None:
            return await self._failed(request, fate.before, headers)
        found = find(page, parameters)
        return errors.answer(found, headers) if isinstance(found, GraphError) else JSONResponse(found, headers=headers)

    def caller(self, request: Request, parameters: Parameters | None) -> Caller | GraphError:
        """Who calls, by the token in the header or among the parameters; or why nobody known."""
        given = parameters or {}
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        token = bearer if scheme in ("Bearer", "OAuth") else str(given.get("access_token", ""))
        if not token:
            return errors.NO_TOKEN
        page, app = page_of(self.app_secret, token), app_of(self.app_secret, token)
        if page is None and app is None:
            return errors.BAD_TOKEN
        proof = given.get("appsecret_proof")
        if proof is not None and not is_proof(self.app_secret, token, str(proof)):
            return errors.BAD_PROOF
        return Caller(page, app, token)

    def page(self, request: Request, parameters: Parameters | None) -> str | GraphError:
        """The page that calls."""
        caller = self.caller(request, parameters)
        if isinstance(caller, GraphError):
            return caller
        return errors.NO_PERMISSION if caller.page is None else caller.page

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
                return errors.answer(errors.TOO_MANY, headers)
            case "500":
                return errors.answer(errors.SERVER_ERROR, headers)
            case "503":
                return Response("<html>Service Unavailable</html>", 503, headers, "text/html")
            case "time_out":
                return await silence(request, self.platform.switches.silence)
            case "reset":
                return BrokenOff()
            case _:
                return errors.answer(errors.ERRORS[kind], headers)

    def _headers(self, page: str, standing: Standing, fate: Fate) -> dict[str, str]:
        """How much of its limit a page has used, in percent; of a throttle also when it ends, in minutes."""
        throttled = not standing.allowed or fate.before in errors.THROTTLES
        used = 100 if throttled else 100 * (standing.limit - standing.remaining) // standing.limit
        wait = fate.reset_ms if fate.reset_ms is not None else standing.reset - self.platform.switches.now()
        usage = {"call_count": used, "total_cputime": 0, "total_time": 0}
        minutes = {"type": "pages", "estimated_time_to_regain_access": wait // 60_000 if throttled else 0}
        return {
            "x-app-usage": json.dumps(usage),
            "x-business-use-case-usage": json.dumps({page: [usage | minutes]}),
        }


async def parameters_of(request: Request) -> Parameters | None:
    """What stands in the query, a form or a JSON body: Meta takes all three. None: it can't be read."""
    given: Parameters = dict(request.query_params)
    raw = await request.body()
    try:
        if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return given | {name: _json_or_text(value) for name, value in parse_qsl(raw.decode())}
        return given | (msgspec.json.decode(raw, type=dict[str, object]) if raw else {})
    except (msgspec.DecodeError, ValueError):
        return None


def _json_or_text(value: str) -> object:
    """Objects travel as JSON within a form."""
    try:
        return json.loads(value) if value.startswith("{") else value
    except ValueError:
        return value
