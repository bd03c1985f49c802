"""The API without Kafka and PostgreSQL: an engine that keeps what it was asked, for tests of what stands before it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, TypeVar

import httpx
from starlette.applications import Starlette

from console import tokens
from console.access import ROLES
from console.app import MOUNTED, build
from console.gate import Gate
from console.ports import Api, Asked, PolicyProblem, Undecided, Unreadable
from engine.delivery import AccessToken, CommandResult, PolicyVersion
from engine.envelope import home
from engine.policy.document import Account
from engine.reads import PersonalRead

NOW = 1_700_000_000_000
T = TypeVar("T")
APPLICATION = build()
"""Built once: it takes longer than a hundred requests."""


@dataclass
class Kept:
    """An engine that accepts everything, and keeps it."""

    partitions: int = 3
    asked: list[Asked] = field(default_factory=list)
    outcome: str = "accepted"
    code: str | None = None
    silent: bool = False

    async def ask(self, asked: Sequence[Asked]) -> list[CommandResult]:
        if self.silent:
            raise Undecided()
        self.asked += asked
        return [
            CommandResult(
                command_id=each.command.command_id,
                command=type(each.command).__name__,
                outcome=self.outcome,
                key=each.key,
                sequence=7,
                interaction_id=getattr(each.command, "interaction_id", None),
                code=self.code,
                reason=self.code and "because",
            )
            for each in asked
        ]


class Closed:
    """Projections that can't be read."""

    async def read(self, query: Callable[[Any], T]) -> T:
        raise Unreadable()


class OneAccount:
    """A policy with one account."""

    def accounts(self) -> tuple[Account, ...]:
        return (Account(channel="x", id="9", handle="acme", queue="care"),)

    def versions(self) -> list[PolicyVersion]:
        return []

    def problems(self, text: str) -> list[PolicyProblem]:
        return []

    def publish(self, text: str, by: str) -> tuple[PolicyVersion, bool]:
        return PolicyVersion(version=1, document=b"{}", published_at=NOW, published_by=by), True


@dataclass
class Desk:
    """An API in memory, and a token of each role."""

    engine: Kept = field(default_factory=Kept)
    known: dict[str, AccessToken] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    now: int = NOW
    body_time: float = 30.0
    noted: list[PersonalRead] = field(default_factory=list)

    def __post_init__(self) -> None:
        for role in ROLES:
            self.texts[role] = self.token(role, f"the-{role}")

    def token(self, role: str, subject: str, expires_at: int | None = None) -> str:
        """A new token's text."""
        record, text = tokens.make(role, subject, NOW, "a test", expires_at)
        self.known[record.token_id] = record
        return text

    async def note(self, read: PersonalRead) -> None:
        self.noted.append(read)

    def api(self) -> Api:
        """Its ports."""
        return Api(
            engine=self.engine,
            reads=Closed(),
            policies=OneAccount(),
            token=self.known.get,
            home=lambda channel, platform_id: home(b"test", channel, platform_id),
            fingerprint=lambda said: sha256(said).hexdigest()[:12],
            note=self.note,
            clock=lambda: self.now,
        )

    def app(self) -> Starlette:
        """The application, mounted as in the web program."""
        api = self.api()
        APPLICATION.state.api = api
        app = Starlette()
        app.mount(MOUNTED, Gate(APPLICATION, api, self.body_time))
        return app

    def call(
        self, method: str, path: str, token: str | None, headers: Mapping[str, str | bytes] | None = None, **more: Any
    ) -> httpx.Response:
        """One request; an exception inside the application fails the test."""
        given: dict[str, Any] = dict(headers or {}) | ({} if token is None else {"Authorization": f"Bearer {token}"})

        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(self.app())
            async with httpx.AsyncClient(transport=transport, base_url=f"http://api{MOUNTED}") as client:
                return await client.request(method, path, headers=given, **more)

        return asyncio.run(run())
