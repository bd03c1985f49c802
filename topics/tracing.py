"""Traces of messages across Kafka: where in a trace a record was written stands in its header `traceparent` (W3C).

What makes the spans is given from outside. Without it, which is the default, headers are neither read nor written.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Final, Protocol

from engine.delivery import Deliver
from engine.interaction.commands import RecordDelivery
from topics.deciding import Output
from topics.headers import Headers

TRACEPARENT: Final = "traceparent"


def trace_of(headers: Headers | dict[str, str | bytes | None] | None) -> bytes | None:
    """Where in a trace a record was written, if its headers say so."""
    for name, value in headers.items() if isinstance(headers, dict) else headers or ():
        if name == TRACEPARENT and isinstance(value, bytes):
            return value
    return None


def with_trace(headers: Headers | None, trace: bytes | None) -> Headers | None:
    """The headers, and where in a trace the record was written; as they were where it belongs to none."""
    return headers if trace is None else [*(headers or ()), (TRACEPARENT, trace)]


class BatchTrace(Protocol):
    """One batch of a processor."""

    def decided(self, trace: bytes | None, outputs: Sequence[Output]) -> None:
        """What a record with this place in a trace, or deadlines, led to; told for each in the order of the batch."""

    def header(self, at: int, headers: Headers | None) -> Headers | None:
        """The headers of the `at`-th output of the batch, with its place in a trace."""

    def ended(self, error: BaseException | None = None) -> None:
        """The transaction stands; or it failed."""


class AttemptTrace(Protocol):
    """One attempt to deliver."""

    def current(self) -> AbstractContextManager[object]:
        """What is begun inside belongs to it."""

    def header(self) -> bytes:
        """The place in the trace of what it leads to."""

    def ended(self, outcome: RecordDelivery) -> None:
        """What came of it stands."""


class Tracer(Protocol):
    """Makes spans."""

    def batch(self, topic: str) -> BatchTrace:
        """A batch of a topic of commands begins."""

    def attempt(self, trace: bytes | None, deliver: Deliver) -> AttemptTrace:
        """An attempt begins that a record with this place in a trace asks for."""
