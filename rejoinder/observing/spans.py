"""Spans of a message's whole way, by OpenTelemetry: webhook, decisions, delivery, the platform's call, projections.

Imported only where tracing is on: the library takes a quarter of a second, and off nothing of it is needed.

A message keeps one trace over all processes: each step is a child of the one that wrote the record. A batch, which
has many parents, is a trace of its own with links to what it held (the first MOST_LINKS of it). What comes by
deadlines begins a trace of its own.

Attributes are ids and codes. No error's text is recorded: it may quote somebody.
"""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from engine.delivery import Deliver
from engine.interaction.commands import RecordDelivery
from rejoinder.sections import Tracing
from topics.deciding import Output
from topics.headers import Headers
from topics.tracing import TRACEPARENT, with_trace

MOST_LINKS: Final = 128
EXPORT_TIMEOUT: Final = 5.0
"""Seconds until one try to export is given up; below the supervisor's patience with a program that ends."""
_W3C: Final = TraceContextTextMapPropagator()
_KAFKA: Final = {"messaging.system": "kafka", "messaging.operation.type": "process"}

Attributes = Mapping[str, AttributeValue]


class Spans:
    """Makes the spans of one program, and hands them to an exporter in a thread of its own."""

    def __init__(self, program: str, worker: str, exporter: SpanExporter, ratio: float = 1.0) -> None:
        self._provider = TracerProvider(
            # Whoever begins a trace draws lots; the others follow.
            sampler=ParentBased(TraceIdRatioBased(ratio)),
            resource=Resource.create({"service.name": f"rejoinder-{program}", "service.instance.id": worker}),
            span_limits=SpanLimits(max_links=MOST_LINKS),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("rejoinder")

    def close(self) -> None:
        """Exports what is left."""
        self._provider.shutdown()

    def begin(self, name: str, parent: bytes | None, kind: SpanKind, attributes: Attributes, at: int) -> Span:
        """A span of a message, under where its record was written."""
        return self._tracer.start_span(name, _context(parent), kind, attributes, start_time=at)

    def whole(self, name: str, parts: Sequence[SpanContext], attributes: Attributes, at: int) -> Span:
        """A span of a batch, with links to its parts."""
        links = [Link(part) for part in parts[:MOST_LINKS]]
        return self._tracer.start_span(name, Context(), SpanKind.CONSUMER, attributes, links, at)

    def batch(self, topic: str) -> "_Batch":
        """As topics.tracing.Tracer says."""
        return _Batch(self, topic, time.time_ns())

    def attempt(self, trace: bytes | None, deliver: Deliver) -> "_Attempt":
        """As topics.tracing.Tracer says."""
        attributes = _KAFKA | _of(deliver)
        return _Attempt(self.begin("deliver", trace, SpanKind.CONSUMER, attributes, time.time_ns()))

    def projected(self, traces: Sequence[bytes], records: int, begun: int) -> None:
        """A batch that the projector wrote, and of each trace in it a span as long as the batch."""
        now, parts = time.time_ns(), []
        for each in traces:
            part = self.begin("project", each, SpanKind.CONSUMER, _KAFKA, begun)
            part.end(now)
            parts.append(part.get_span_context())
        self.whole("project batch", parts, _KAFKA | {"messaging.batch.message_count": records}, begun).end(now)

    @contextmanager
    def request(self, method: str) -> Iterator["_Request"]:
        """A request that comes in. It begins a trace, whatever its headers say: outsiders don't choose ours."""
        with _current(self._tracer.start_span(method, Context(), SpanKind.SERVER), ends=True) as span:
            yield _Request(span, method)

    @contextmanager
    def call(self, call: str, deliver: Deliver) -> Iterator[None]:
        """A call to a platform."""
        name = f"{deliver.channel} {call}"
        with _current(self._tracer.start_span(name, None, SpanKind.CLIENT, _of(deliver)), ends=True):
            yield

    @staticmethod
    def current() -> bytes | None:
        """Where in a trace a record is written now."""
        here = trace.get_current_span().get_span_context()
        return _header(here) if here.is_valid else None


def spans_of(settings: Tracing, program: str, worker: str) -> Spans:
    """Spans as the settings want them."""
    exporter: SpanExporter = (
        OTLPSpanExporter(endpoint=settings.endpoint, timeout=EXPORT_TIMEOUT)
        if settings.exporter == "otlp"
        else ConsoleSpanExporter(out=sys.stderr, formatter=lambda span: span.to_json(indent=None) + "\n")
    )
    return Spans(program, worker, exporter, settings.ratio)


@dataclass(slots=True)
class _Batch:
    """One batch of a processor: topics.tracing.BatchTrace."""

    spans: Spans
    topic: str
    begun: int
    last: int = 0
    """When the last decision ended."""
    parts: list[SpanContext] = field(default_factory=list)
    headers: list[bytes] = field(default_factory=list)
    """By output."""

    def decided(self, trace: bytes | None, outputs: Sequence[Output]) -> None:
        now = time.time_ns()
        span = self.spans.begin("decide", trace, SpanKind.CONSUMER, self._about(outputs), self.last or self.begun)
        span.end(now)
        self.last = now
        self.parts.append(span.get_span_context())
        self.headers += [_header(span.get_span_context())] * len(outputs)

    def header(self, at: int, headers: Headers | None) -> Headers | None:
        return with_trace(headers, self.headers[at])

    def ended(self, error: BaseException | None = None) -> None:
        attributes: dict[str, AttributeValue] = {
            **_KAFKA,
            "messaging.destination.name": self.topic,
            "messaging.batch.message_count": len(self.parts),
        }
        span = self.spans.whole("decide batch", self.parts, attributes, self.begun)
        if error is not None:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(Status(StatusCode.ERROR))
        span.end()

    def _about(self, outputs: Sequence[Output]) -> dict[str, AttributeValue]:
        events = [output.event for output in outputs if output.event is not None]
        about: dict[str, AttributeValue] = {**_KAFKA, "messaging.destination.name": self.topic}
        if events:
            about["rejoinder.command_id"] = events[0].causation_id
            about["rejoinder.events"] = [type(event).__name__ for event in events]
            about["rejoinder.interaction_id"] = next(
                (event.interaction_id for event in events if event.interaction_id), ""
            )
        return about


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One attempt to deliver: topics.tracing.AttemptTrace."""

    span: Span

    def current(self) -> AbstractContextManager[object]:
        return _current(self.span, ends=False)

    def header(self) -> bytes:
        return _header(self.span.get_span_context())

    def ended(self, outcome: RecordDelivery) -> None:
        self.span.set_attribute("rejoinder.outcome", outcome.outcome)
        self.span.end()


@dataclass(frozen=True, slots=True)
class _Request:
    """A request that came in."""

    span: Span
    method: str

    def answered(self, route: str, status: str) -> None:
        """By which route, and how."""
        self.span.update_name(f"{self.method} {route}")
        self.span.set_attributes({"http.request.method": self.method, "http.route": route})
        if status.isdecimal():
            self.span.set_attribute("http.response.status_code", int(status))


def _current(span: Span, ends: bool) -> AbstractContextManager[Span]:
    """What is begun inside belongs to the span. An exception that passes through leaves nothing of itself there."""
    return trace.use_span(span, end_on_exit=ends, record_exception=False, set_status_on_exception=False)


def _of(deliver: Deliver) -> dict[str, AttributeValue]:
    return {
        "rejoinder.channel": deliver.channel,
        "rejoinder.action": deliver.action,
        "rejoinder.delivery_id": deliver.delivery_id,
        "rejoinder.attempt": deliver.attempt,
        "rejoinder.interaction_id": deliver.interaction_id,
    }


def _context(parent: bytes | None) -> Context:
    """A record's place in a trace; one that can't be read is none."""
    if parent is None:
        return Context()
    return _W3C.extract({TRACEPARENT: parent.decode("latin-1")}, Context())


def _header(here: SpanContext) -> bytes:
    return f"00-{here.trace_id:032x}-{here.span_id:016x}-{here.trace_flags:02x}".encode()
