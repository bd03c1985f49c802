"""Errors as the API tells them: every one is JSON with a word for programs and a sentence for people."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from console.ports import NotNoted, NotTaken, Undecided, Unreadable

NOT_FOUND: Final = 404
METHOD_NOT_ALLOWED: Final = 405
_LONGEST_FIELD: Final = 100
_CODES: Final = {NOT_FOUND: "no_such_path", METHOD_NOT_ALLOWED: "no_such_method"}


class PolicyMistake(BaseModel):
    """One thing that is wrong with a policy, and where; lines and columns count from 1."""

    line: int
    column: int
    field: str
    message: str


class Error(BaseModel):
    """What went wrong."""

    code: Annotated[str, Field(description="the reason in a word")]
    reason: Annotated[str, Field(description="the reason as a person reads it")]
    field: Annotated[str | None, Field(description="the part of the request that is wrong")] = None
    command_id: Annotated[str | None, Field(description="undecided: the command, for the log")] = None
    problems: Annotated[list[PolicyMistake] | None, Field(description="bad_policy: all that is wrong")] = None


class Problem(HTTPException):
    """Ends a request with an error. Fields beyond code and reason are those of Error."""

    def __init__(self, status: int, code: str, reason: str, headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(status, reason, headers)
        self.body = {"code": code, "reason": reason, **more}


FAULT: Final = Problem(500, "fault", "The API failed; its log says where.")


def answer(problem: Problem) -> JSONResponse:
    """The response of a problem."""
    return JSONResponse(problem.body, problem.status_code, problem.headers)


def add_handlers(app: FastAPI) -> None:
    """Makes every error of the application one of ours."""

    @app.exception_handler(HTTPException)
    async def ended(request: Request, error: HTTPException) -> JSONResponse:
        if isinstance(error, Problem):
            return answer(error)
        code = _CODES.get(error.status_code, "bad_request")
        return answer(Problem(error.status_code, code, str(error.detail), dict(error.headers or {})))

    @app.exception_handler(RequestValidationError)
    async def misread(request: Request, error: RequestValidationError) -> JSONResponse:
        return answer(_of_input(error.errors()))

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        return answer(FAULT)  # the gate logs it

    @app.exception_handler(NotTaken)
    async def not_taken(request: Request, error: NotTaken) -> JSONResponse:
        return answer(Problem(503, "unavailable", "Kafka does not take it now; repeat it in a moment."))

    @app.exception_handler(NotNoted)
    async def not_noted(request: Request, error: NotNoted) -> JSONResponse:
        reason = "Kafka can't record now who is shown this, so it is not shown; repeat it in a moment."
        return answer(Problem(503, "not_recorded", reason))

    @app.exception_handler(Unreadable)
    async def unreadable(request: Request, error: Unreadable) -> JSONResponse:
        return answer(Problem(503, "unavailable", "The projections can't be read now; repeat it in a moment."))

    @app.exception_handler(Undecided)
    async def undecided(request: Request, error: Undecided) -> JSONResponse:
        reason = (
            "It was sent and is not decided yet; repeat it with the same Idempotency-Key to learn what became of it."
        )
        key = getattr(request.state, "idempotency_key", None)
        more = {} if key is None else {"headers": {"Idempotency-Key": key}}
        return answer(Problem(504, "undecided", reason, **more, command_id=getattr(request.state, "command_id", None)))


def _of_input(errors: Sequence[Any]) -> Problem:
    """The first thing that is wrong, without what was sent: it may be somebody's words."""
    first = errors[0]
    kind, place = str(first["type"]), first["loc"]
    if kind == "json_invalid":
        return Problem(422, "not_json", "The body is not JSON.", field="body")
    field = _readable(".".join(str(part) for part in place[1:]) or str(place[0]))
    return Problem(422, "bad_input", f"{field}: {first['msg']}", field=field)


def _readable(name: str) -> str:
    """A field's name as it was sent, cut, and without halves of characters, which no answer can hold."""
    return name[:_LONGEST_FIELD].encode("utf-8", "replace").decode()


def _documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": Error, "description": _DESCRIPTIONS[status]} for status in statuses}


_DESCRIPTIONS: Final = {
    400: "A token in the URL, or a request that can't be read.",
    401: "No token, or none that holds.",
    403: "The token's role may not do this.",
    404: "There is no such thing.",
    408: "The body did not come in time.",
    409: "Refused; the reason says why.",
    412: "It has moved on from the sequence of If-Match: look at it again.",
    413: "The body is too large.",
    414: "The query is too long.",
    422: "The request is wrong; `field` says where.",
    431: "The headers are too large.",
    500: "A fault of the API itself.",
    503: "Kafka or PostgreSQL can't be reached now, or there are too many live streams.",
    504: "Not decided in time. Repeat it with the same Idempotency-Key.",
}
READING: Final = _documented(400, 401, 403, 404, 408, 413, 414, 422, 431, 503)
COMMANDING: Final = READING | _documented(409, 412, 504)
