"""How a program is seen: its health, its server, its spans."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from rejoinder.instance import report_metrics
from rejoinder.observing.health import Health
from rejoinder.observing.metrics import registry_of
from rejoinder.observing.serving import serving
from rejoinder.settings import Settings

if TYPE_CHECKING:  # it takes long to load, and is off by default
    from rejoinder.observing.spans import Spans


@dataclass(frozen=True)
class Seen:
    """What a program tells of itself."""

    health: Health
    registry: CollectorRegistry
    spans: "Spans | None"


@contextmanager
def observed(settings: Settings, program: str, worker: str) -> Iterator[Seen]:
    """Serves a program's metrics, health and readiness, from before it connects to anything until it ends.

    Raises:
        SettingsError: the port for it can't be listened on.
    """
    health, registry = Health(settings.metrics.stalled), registry_of(program)
    with (
        serving(settings.metrics.host, settings.metrics.port, health, registry) as port,
        _spans(settings, program, worker) as spans,
    ):
        report_metrics(settings.metrics.host, port)
        yield Seen(health, registry, spans)


@contextmanager
def _spans(settings: Settings, program: str, worker: str) -> "Iterator[Spans | None]":
    if settings.tracing.exporter == "none":
        yield None
        return
    from rejoinder.observing.spans import spans_of  # noqa: PLC0415  # see above

    spans = spans_of(settings.tracing, program, worker)
    try:
        yield spans
    finally:
        spans.close()
