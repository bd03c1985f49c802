"""A collector of spans for tests: an OTLP endpoint over HTTP, as any that one would run; and a reader of metrics."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True)
class Told:
    """A span as it came over the wire."""

    service: str
    name: str
    trace: str
    span: str
    parent: str
    links: tuple[str, ...]
    """The traces of the spans that it names."""
    attributes: dict[str, str]


@dataclass
class Collector:
    """What came so far."""

    url: str
    spans: list[Told] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def take(self, body: bytes) -> None:
        self.bodies.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            about = {each.key: each.value.string_value for each in resource.resource.attributes}
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.spans.append(
                        Told(
                            about["service.name"],
                            span.name,
                            span.trace_id.hex(),
                            span.span_id.hex(),
                            span.parent_span_id.hex(),
                            tuple(link.trace_id.hex() for link in span.links),
                            {each.key: each.value.string_value for each in span.attributes},
                        )
                    )


@contextmanager
def collecting() -> Iterator[Collector]:
    """Listens as long as the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers.get("Content-Encoding") is None
            collector.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector = Collector(f"http://127.0.0.1:{server.server_address[1]}/v1/traces")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


Scraped = dict[tuple[str, frozenset[tuple[str, str]]], float]
"""The samples of a scrape, by name and labels."""


def scrape(address: str) -> Scraped:
    """What a program's /metrics says."""
    answer = httpx.get(f"http://{address}/metrics", trust_env=False, timeout=30)
    assert answer.status_code == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def sample(scraped: Scraped, name: str, **labels: str) -> float:
    """One sample; 0 if it is not there yet."""
    return scraped.get((name, frozenset(labels.items())), 0.0)


def by_label(scraped: Scraped, name: str, label: str) -> dict[str, float]:
    """The samples of a metric that are not 0, summed by one of its labels."""
    found: dict[str, float] = {}
    for (named, labels), value in scraped.items():
        if named == name and value:
            found[dict(labels)[label]] = found.get(dict(labels)[label], 0) + value
    return found
