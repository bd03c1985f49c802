"""Answers that never come: a connection that stays silent, or breaks."""

import asyncio
import logging

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class BrokenOff(Response):
    """The connection breaks: the head of an answer, and nothing more. The server closes what an application leaves
    unfinished."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})


async def silence(request: Request, seconds: float) -> Response:
    """Says nothing until the caller gives up; after `seconds` the connection breaks."""
    try:
        async with asyncio.timeout(seconds):
            while (await request.receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        pass
    return BrokenOff()


def expect_broken_answers() -> None:
    """The server would write an error to the log for each answer that is broken off on purpose."""
    logging.getLogger("uvicorn.error").addFilter(_is_not_on_purpose)


def _is_not_on_purpose(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith("ASGI callable returned without completing response")
