"""What the console needs from outside. rejoinder.api brings it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

import psycopg

from engine.delivery import AccessToken, CommandResult, PolicyVersion
from engine.errors import RejoinderError
from engine.policy.document import Account
from engine.reads import PersonalRead
from engine.record import Command

T = TypeVar("T")
Topic = Literal["interaction.commands", "routing.commands"]


class NotTaken(RejoinderError):
    """Kafka does not take commands now."""


class Undecided(RejoinderError):
    """Nobody said in time what became of a command."""


class Unreadable(RejoinderError):
    """The projections can't be read now."""


class NotNoted(RejoinderError):
    """It can't be written down now who is shown something of people."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A command on its way to a decider."""

    topic: Topic
    key: str
    command: Command


@dataclass(frozen=True, slots=True)
class PolicyProblem:
    """One thing that is wrong with a policy, and where; lines and columns count from 1."""

    line: int
    column: int
    field: str
    message: str


class BadPolicy(RejoinderError):
    """The policy can't be published."""

    def __init__(self, problems: Sequence[PolicyProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__()


class Engine(Protocol):
    """The deciders."""

    @property
    def partitions(self) -> int:
        """How many partitions the commands have: what holds for all is told to each."""

    async def ask(self, asked: Sequence[Asked]) -> list[CommandResult]:
        """Sends commands and gives what became of them, in their order.

        Raises:
            NotTaken: Kafka did not take them, or not all.
            Undecided: they were sent, and not decided in time.
        """


class Reads(Protocol):
    """The projections."""

    async def read(self, query: Callable[["psycopg.Connection[Any]"], T]) -> T:
        """Runs a query on a connection that only reads, off the event loop.

        Raises:
            Unreadable: PostgreSQL can't be reached, or took too long.
        """


class Policies(Protocol):
    """The policies. The methods but `accounts` take a while, and are called off the event loop."""

    def accounts(self) -> tuple[Account, ...]:
        """The accounts of the latest version; none before the first."""

    def versions(self) -> list[PolicyVersion]:
        """Every version, the oldest first. Raises NotTaken."""

    def problems(self, text: str) -> list[PolicyProblem]:
        """What is wrong with a policy, YAML or JSON; empty: it can be published."""

    def publish(self, text: str, by: str) -> tuple[PolicyVersion, bool]:
        """Puts a policy in force; whether it is a new version. Raises BadPolicy and NotTaken."""


@dataclass(frozen=True, slots=True)
class Api:
    """All that the API is made of."""

    engine: Engine
    reads: Reads
    policies: Policies
    token: Callable[[str], AccessToken | None]
    """The token with an id, also one that holds no more."""
    home: Callable[[str, str], str]
    """The key of the person with a platform id on a channel."""
    fingerprint: Callable[[bytes], str]
    """A short keyed digest of a request, from which nobody can guess the request."""
    note: Callable[[PersonalRead], Awaitable[None]]
    """Writes down that somebody is shown something of people, and waits until that is safe. Raises NotNoted."""
    clock: Callable[[], int]
    """Milliseconds since 1970."""
