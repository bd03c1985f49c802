"""HTTP calls to a platform's API, as every platform's client makes them: bounded in time and size, errors as values."""

import asyncio
import ssl
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final
from urllib.parse import urlsplit

import httpx

from channels.outcomes import BROKEN_CONNECTION, TIME_OUT, UNREACHABLE, LookUpFailed, Retry, Unknown
from engine.errors import RejoinderError

CALL_TIMEOUT: Final = 20.0
"""Seconds from the start of a call until it is given up, its answer read included."""
ANSWER_LIMIT: Final = 4 * 1024 * 1024
"""The largest answer that is read, in bytes."""
LONGEST_WAIT: Final = 24 * 3_600_000
"""The longest pause that a platform is believed to want, in milliseconds: a day."""


class InvalidApiAddress(RejoinderError):
    """The base URL of a platform's API must begin with https://, or with http:// on this machine (127.0.0.1)."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `path` holds nothing but known words and the platform's ids."""

    method: str
    path: str
    body: Mapping[str, object] | None = None
    query: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the platform said."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes


class Bearer(httpx.Auth):
    """Shows an access token, which never becomes part of an address."""

    def __init__(self, token: str) -> None:
        self._value = f"Bearer {token}"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = self._value
        yield request


class _TooLarge(httpx.HTTPError):
    """The answer is larger than any that the platform documents."""


@cache
def tls(trust_env: bool) -> ssl.SSLContext:
    """What clients check certificates with; made once, since it reads all authorities' (some 30 ms).

    Args:
        trust_env: SSL_CERT_FILE and SSL_CERT_DIR may name others.
    """
    return httpx.create_ssl_context(trust_env=trust_env)


class Caller:
    """One platform's API. Use as an async context manager.

    `transport` replaces the network, for tests of the application without a socket.
    """

    def __init__(
        self, platform: str, base_url: str, call_timeout: float, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        _check_address(base_url)
        self._platform = platform
        self._seconds = call_timeout
        trust_env = transport is None and not is_loopback(base_url)
        self._http = httpx.AsyncClient(
            base_url=base_url,
            timeout=httpx.Timeout(call_timeout, connect=min(5.0, call_timeout)),
            limits=httpx.Limits(max_connections=50),
            transport=transport,
            trust_env=trust_env,
            verify=tls(trust_env),
        )

    async def __aenter__(self) -> "Caller":
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._http.aclose()

    @property
    def call_timeout(self) -> int:
        """Milliseconds after which a call has surely ended."""
        return round(self._seconds * 1000)

    async def make(self, call: Call, auth: httpx.Auth) -> Answer | Retry | Unknown:
        """Makes a call that does something. Retry: surely nothing was sent."""
        try:
            return await self._request(call, auth)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            return Retry(UNREACHABLE, f"{self._platform} could not be reached; nothing was sent.")
        except (TimeoutError, httpx.TimeoutException):
            return Unknown(TIME_OUT, f"{self._platform} did not answer in time; it may have done it.")
        except httpx.HTTPError:
            return Unknown(BROKEN_CONNECTION, f"The connection to {self._platform} broke; it may have done it.")

    async def ask(self, call: Call, auth: httpx.Auth) -> Answer:
        """Makes a call that only asks. Raises LookUpFailed without an answer."""
        try:
            return await self._request(call, auth)
        except (TimeoutError, httpx.HTTPError) as error:
            raise LookUpFailed(f"{self._platform} could not be asked ({type(error).__name__}).") from error

    async def _request(self, call: Call, auth: httpx.Auth) -> Answer:
        async with (
            asyncio.timeout(self._seconds),
            self._http.stream(call.method, call.path, json=call.body, params=call.query, auth=auth) as response,
        ):
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > ANSWER_LIMIT:
                    raise _TooLarge("the answer is too large")
            return Answer(response.status_code, response.headers, bytes(body))


def wall_clock() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def is_loopback(base_url: str) -> bool:
    """Whether an address is this machine's own."""
    parts = urlsplit(base_url)
    return parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")


def seconds(text: str | None) -> int | None:
    """A header's number of seconds in milliseconds, if it is one; at most LONGEST_WAIT."""
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= 12):
        return None
    return min(int(text) * 1000, LONGEST_WAIT)


def _check_address(base_url: str) -> None:
    """Credentials never go in the clear over a network."""
    if urlsplit(base_url).scheme != "https" and not is_loopback(base_url):
        raise InvalidApiAddress
