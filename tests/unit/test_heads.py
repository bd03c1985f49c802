"""A request whose head has no end is refused; whatever has one is served, however its bytes come."""

import asyncio
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from rejoinder.heads import LIMIT
from tests.simulating import listening

BODY = 1_000_000
"""Above the limit of a head, and in several pieces."""


async def length(request: Request) -> Response:
    """How long the body was."""
    return PlainTextResponse(f"{len(await request.body())} bytes came")


async def answered(pieces: list[bytes], answers: int = 1) -> bytes:
    """What the server says until it closes, or has answered so many times."""
    async with listening(Starlette(routes=[Route("/", length, methods=["POST"])])) as address:
        where = urlsplit(address)
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        told = b""
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            while told.count(b"bytes came") < answers and (more := await asyncio.wait_for(reader.read(65536), 10)):
                told += more
        except ConnectionError:
            pass  # closed while we still wrote
        finally:
            writer.close()
        return told


def request(body: bytes, headers: bytes = b"") -> bytes:
    """A request with a length."""
    return b"POST / HTTP/1.1\r\nhost: here\r\n" + headers + b"content-length: %d\r\n\r\n" % len(body) + body


ENDLESS = {
    "one header": [b"POST / HTTP/1.1\r\nlong: ", *[b"x" * 4096] * (LIMIT // 4096 + 1)],
    "many headers": [b"POST / HTTP/1.1\r\n", *[b"another: header\r\n" * 256] * (LIMIT // 4096 + 1)],
    "the path": [b"POST /", *[b"x" * 4096] * (LIMIT // 4096 + 1)],
    "what follows the last chunk": [
        b"POST / HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n",
        *[b"another: header\r\n" * 256] * (LIMIT // 4096 + 1),
    ],
}


@pytest.mark.parametrize("what", sorted(ENDLESS))
def test_what_has_no_end_is_refused(what: str) -> None:
    told = asyncio.run(answered(ENDLESS[what]))
    assert told.startswith(b"HTTP/1.1 400 ")
    assert b"at most 65536 bytes" in told


def test_a_body_is_not_part_of_the_head() -> None:
    whole = request(b"x" * BODY)
    assert b"1000000 bytes came" in asyncio.run(answered([whole]))
    pieces = [whole[at : at + 50_000] for at in range(0, len(whole), 50_000)]
    assert b"1000000 bytes came" in asyncio.run(answered(pieces))


def test_a_body_in_chunks_is_taken() -> None:
    chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n"
    head = b"POST / HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n"
    assert b"819200 bytes came" in asyncio.run(answered([head, *[chunk] * 200, b"0\r\n\r\n"]))


def test_each_request_of_a_connection_has_the_whole_limit() -> None:
    """More than the limit in all, and less in each."""
    each = request(b"x", b"padding: " + b"p" * (LIMIT // 2) + b"\r\n")
    assert asyncio.run(answered([each] * 5, answers=5)).count(b"1 bytes came") == 5
