"""One call to a platform's API, and its answer."""

import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

import httpx
import msgspec

from channels.calls import is_loopback
from engine.errors import RejoinderError

LIMIT: Final = 1024 * 1024
"""Bytes of an answer that are read."""


class CallFailed(RejoinderError):
    """The platform did not answer, or not with something readable."""


class Rejected(RejoinderError):
    """The platform refused. The message says what to do; the platform's own words may quote a token and stay here."""


class Answer(msgspec.Struct, frozen=True):
    """What came back; headers by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: dict[str, Any]

    def __repr__(self) -> str:  # it may hold a token
        return f"Answer({self.status})"

    @property
    def good(self) -> bool:
        """Whether the platform did it."""
        return 200 <= self.status < 300 and "error" not in self.body

    def rows(self, name: str = "data") -> list[dict[str, Any]]:
        """The objects of a list in the body; none if it isn't there."""
        found = self.body.get(name)
        return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []

    def part(self, name: str = "data") -> dict[str, Any]:
        """An object in the body; an empty one if it isn't there."""
        found = self.body.get(name)
        return found if isinstance(found, dict) else {}

    def text(self, name: str) -> str | None:
        """A text of the body, or a whole number as its text."""
        return text_of(self.body, name)


def text_of(values: Mapping[str, Any], name: str) -> str | None:
    """A text, or a whole number as its text: platforms write ids both ways."""
    found = values.get(name)
    if isinstance(found, str):
        return found
    return str(found) if isinstance(found, int) and not isinstance(found, bool) else None


class Bearer(httpx.Auth):
    """A token in the header, never in the address."""

    def __init__(self, token: str) -> None:
        self._value = f"Bearer {token}"

    def auth_flow(self, request: httpx.Request) -> Any:
        """Adds the header."""
        request.headers["Authorization"] = self._value
        yield request


class Caller:
    """A platform's API. A context. `transport` replaces the network, for tests."""

    def __init__(self, platform: str, address: str, timeout: float, transport: httpx.BaseTransport | None = None):
        self._platform = platform
        self._address = address
        self._http = httpx.Client(
            base_url=address,
            timeout=timeout,
            transport=transport,
            trust_env=transport is None and not is_loopback(address),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def call(
        self,
        method: str,
        path: str,
        auth: httpx.Auth | None = None,
        *,
        form: Mapping[str, str] | None = None,
        content: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        """Makes one call. Raises CallFailed if there is no answer, or one that is no JSON object."""
        try:
            with self._http.stream(
                method,
                path,
                auth=auth,
                data=form,
                json=content,
                params=query,
                headers={"Accept-Encoding": "identity"},  # so that the limit counts what is held
            ) as response:
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > LIMIT:
                        raise CallFailed(f"{self._platform} at {self._address} answered with more than {LIMIT} bytes")
                return Answer(response.status_code, dict(response.headers), _decoded(bytes(body)))
        except httpx.HTTPError as error:
            raise CallFailed(
                f"{self._platform} at {self._address} could not be asked ({type(error).__name__}): try again"
            ) from None  # the cause holds the request, and that the token


def _decoded(body: bytes) -> dict[str, Any]:
    """The object of an answer; proxies answer with HTML, and some calls with nothing: then it is empty."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
