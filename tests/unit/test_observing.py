"""Health, readiness, metrics and spans, without any service."""

import asyncio
import logging
import re
import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
import structlog
import yaml
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from console.app import MOUNTED, build
from engine.delivery import Deliver
from engine.interaction.commands import RecordDelivery
from rejoinder.observing import metrics
from rejoinder.observing.health import ASKED_AGAIN, Asked, Health
from rejoinder.observing.metrics import registry_of
from rejoinder.observing.serving import serving
from rejoinder.observing.spans import Spans
from rejoinder.observing.web import Observed
from rejoinder.observing.workers import WorkerObserver, why_of
from rejoinder.programs import log_to_stderr
from rejoinder.programs.delivery import logged
from rejoinder.sections import SettingsError
from rejoinder.settings import load
from tests.processing import ROOT
from topics.counting import Counts, together, total
from topics.deciding import Output
from topics.observing import Batch, Restored, Standing
from topics.tracing import TRACEPARENT, trace_of, with_trace

DELIVER = Deliver(
    delivery_id="d1", attempt=1, interaction_id="i.1", channel="x", account="9", kind="reply", visibility="public",
    in_reply_to="1", text="hello", at=0, correlation_id="c",
)  # fmt: skip
WHERE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def exported() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def spans(exported: InMemorySpanExporter) -> Iterator[Spans]:
    made = Spans("test", "1", exported)
    yield made
    made.close()


def finished(spans: Spans, exported: InMemorySpanExporter) -> list[ReadableSpan]:
    spans.close()
    return list(exported.get_finished_spans())


def test_a_loop_that_stands_still_is_an_ailment_and_one_that_restores_is_not(clock: Clock) -> None:
    health = Health(60.0, clock)
    health.started()
    health.turned("a")
    health.turned("b")
    health.restoring("b")
    clock.now = 61.0
    assert list(health.ailments()) == ["a"]
    assert list(health.missing()) == ["b", "a"]
    health.restored("b")
    health.turned("a")
    assert (health.ailments(), health.missing()) == ({}, {})


def test_it_is_not_ready_before_it_has_named_what_it_needs(clock: Clock) -> None:
    health = Health(60.0, clock)
    assert list(health.missing()) == ["start"]
    health.needs("kafka", lambda: "no broker answers")
    health.started()
    assert health.missing() == {"kafka": "no broker answers"}
    assert health.ailments() == {}


def test_a_service_is_not_asked_each_time(clock: Clock) -> None:
    said: list[str | None] = ["gone", None]
    check = Asked(lambda: said.pop(0), clock)
    assert (check(), check(), len(said)) == ("gone", "gone", 1)
    clock.now = ASKED_AGAIN
    assert check() is None


def test_a_port_that_is_taken_is_told_with_the_setting() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(SettingsError, match=r"metrics\.port"),
        serving("127.0.0.1", taken.getsockname()[1], Health(60.0), CollectorRegistry()),
    ):
        pass


def test_the_server_has_three_pages_and_no_more() -> None:
    with serving("127.0.0.1", 0, Health(60.0), registry_of("web")) as port, httpx.Client(trust_env=False) as http:
        found = {page: http.get(f"http://127.0.0.1:{port}/{page}").status_code for page in ("metrics", "health", "x")}
    assert found == {"metrics": 200, "health": 200, "x": 404}


def samples(name: str, **labels: str) -> float:
    """A sample's value, of all programs."""
    for declared in metrics.DECLARED:
        for family in declared.collector.collect() if declared.collector is not None else ():
            for sample in family.samples:
                if sample.name == name and sample.labels == labels:
                    return sample.value
    return 0.0


def test_a_batch_is_counted_by_what_it_did() -> None:
    observer = WorkerObserver("interaction", Health(60.0))
    done = Counts(commands=3, events=5, duplicates=1)
    done.refused("moved_on")
    done.refused("moved_on")
    done.kept("malformed")
    before = samples("rejoinder_events_total", worker="interaction")
    refused = samples("rejoinder_refusals_total", worker="interaction", code="moved_on")
    observer.decided(Batch(done, 0.1, 0.2, 0.3))
    assert samples("rejoinder_events_total", worker="interaction") == before + 5
    assert samples("rejoinder_refusals_total", worker="interaction", code="moved_on") == refused + 2


def test_a_partition_that_went_is_shown_no_more() -> None:
    observer = WorkerObserver("routing", Health(60.0))
    observer.turned(lambda: Standing({0: 5, 1: 7}))
    assert samples("rejoinder_lag_records", worker="routing", partition="1") == 7
    observer._looked_at = float("-inf")
    observer.turned(lambda: Standing({0: 4}))
    assert samples("rejoinder_lag_records", worker="routing", partition="0") == 4
    assert samples("rejoinder_lag_records", worker="routing", partition="1") == 0


def test_since_when_a_restore_lasts_is_shown_while_it_does() -> None:
    observer = WorkerObserver("interaction", Health(60.0))
    observer.restoring()
    assert samples("rejoinder_restore_begun_timestamp_seconds", worker="interaction") > 0
    observer.restored(Restored(2, 0.1, 3, 1))
    assert samples("rejoinder_restore_begun_timestamp_seconds", worker="interaction") == 0


def test_counts_are_taken_from_each_other_and_together() -> None:
    counts = Counts(commands=1)
    counts.refused("a")
    before = counts.copy()
    counts.commands += 2
    counts.refused("a")
    counts.refused("b")
    done = together([(counts, before), (counts, before)])
    assert (done.commands, done.refusals) == (4, {"a": 2, "b": 2})
    assert total([counts]).refusals == {"a": 2, "b": 1}


def test_a_platforms_own_reasons_never_become_labels() -> None:
    assert {why_of(reason) for reason in ("rate_limited", "unreachable", "whatever a platform says", None)} == {
        "limit",
        "no_answer",
        "fault",
    }


def test_requests_are_counted_by_template_whatever_path_is_asked_for() -> None:
    async def answer(request: Request) -> Response:
        return JSONResponse({})

    inner = Starlette(routes=[Route("/webhooks/x", answer), Mount(MOUNTED, build())])
    app = Observed(inner, {"/webhooks/x"})

    async def ask(*paths: str) -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app, False), base_url="http://test") as http:
            for path in paths:
                await http.get(path)

    asyncio.run(ask("/webhooks/x", "/v1/interactions/i.1", "/v1/no/such", "/what/ever/1", "/what/ever/2"))
    routes = {
        sample.labels["route"] for family in metrics.REQUESTS.collect() for sample in family.samples
    }  # of this process, in which other tests ask for nothing
    assert routes <= {"/webhooks/x", "/v1/interactions/{interaction}", "other"}
    assert {"/webhooks/x", "other"} <= routes


def test_a_message_without_tracing_is_written_as_ever() -> None:
    assert with_trace(None, None) is None
    assert with_trace([("a", b"b")], None) == [("a", b"b")]
    assert trace_of(with_trace([("a", b"b")], WHERE)) == WHERE
    assert trace_of(None) is None


def test_what_a_command_leads_to_carries_its_trace_on(spans: Spans, exported: InMemorySpanExporter) -> None:
    batch = spans.batch("t.interaction.commands")
    batch.decided(WHERE, [Output("interaction.events", "k", b""), Output("routing.commands", "k", b"")])
    batch.decided(None, [Output("interaction.events", "k", b"")])
    first, second, third = (trace_of(batch.header(at, None)) or b"" for at in range(3))
    batch.ended()
    assert first == second != WHERE
    assert first.split(b"-")[1] == WHERE.split(b"-")[1]
    assert third.split(b"-")[1] != WHERE.split(b"-")[1]
    own, other, whole = finished(spans, exported)
    assert own.parent is not None and f"{own.parent.span_id:016x}".encode() == WHERE.split(b"-")[2]
    assert [link.context.span_id for link in whole.links] == [own.context.span_id, other.context.span_id]


def test_a_header_that_cannot_be_read_begins_a_trace(spans: Spans, exported: InMemorySpanExporter) -> None:
    batch = spans.batch("t")
    batch.decided(b"\xff nonsense", [])
    batch.ended()
    assert finished(spans, exported)[0].parent is None


def test_a_trace_that_is_not_kept_is_kept_nowhere(exported: InMemorySpanExporter) -> None:
    spans = Spans("test", "1", exported)
    batch = spans.batch("t")
    batch.decided(WHERE[:-1] + b"0", [Output("t", "k", b"")])
    assert (trace_of(batch.header(0, None)) or b"").endswith(b"-00")
    assert finished(spans, exported) == []


def test_calls_belong_to_their_attempt_and_no_error_is_quoted(spans: Spans, exported: InMemorySpanExporter) -> None:
    attempt = spans.attempt(WHERE, DELIVER)
    with attempt.current(), pytest.raises(ValueError), spans.call("perform", DELIVER):
        raise ValueError("what somebody said")
    outcome = RecordDelivery(command_id="c", at=0, interaction_id="i.1", delivery_id="d1", attempt=1, outcome="posted")
    attempt.ended(outcome)
    call, delivered = finished(spans, exported)
    assert call.parent == delivered.context
    assert "what somebody said" not in call.to_json() + delivered.to_json()


def test_a_request_begins_a_trace_and_is_named_by_its_route(spans: Spans, exported: InMemorySpanExporter) -> None:
    assert spans.current() is None
    with spans.request("POST") as request:
        here = spans.current() or b""
        request.answered("/webhooks/x", "200")
    (span,) = finished(spans, exported)
    assert (span.name, span.parent) == ("POST /webhooks/x", None)
    assert here.split(b"-")[2] == f"{span.context.span_id:016x}".encode()


@pytest.mark.parametrize("endpoint", ["collector:4318", "ftp://collector", "http://me:secret@collector/v1/traces"])
def test_an_address_of_a_collector_is_checked(endpoint: str) -> None:
    with pytest.raises(SettingsError, match=r"tracing\.endpoint") as refused:
        load({"tracing.endpoint": endpoint}, environment={})
    assert "secret@" not in str(refused.value)


def test_programs_load_nothing_of_tracing_while_it_is_off() -> None:
    code = (
        "import sys, rejoinder.programs.engine, rejoinder.programs.web, rejoinder.programs.projector, "
        "rejoinder.programs.delivery; sys.exit(any(name.startswith('opentelemetry.sdk') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_what_is_logged_in_an_attempt_names_its_interaction(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = RecordDelivery(command_id="c", at=0, interaction_id="i.1", delivery_id="d1", attempt=1, outcome="posted")
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()

    async def attempt(deliver: Deliver, begun: object) -> RecordDelivery:
        logging.getLogger("channels.delivery").warning("what the platform did")
        structlog.get_logger().info("and we")
        return outcome

    try:
        log_to_stderr("json")
        asyncio.run(logged(attempt)(DELIVER, None))
        logging.getLogger("channels.delivery").warning("afterwards")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    first, second, third = capsys.readouterr().err.splitlines()
    assert '"interaction_id": "i.1"' in first and '"delivery_id": "d1"' in second
    assert "interaction_id" not in third


def test_every_metric_is_described_once_and_has_few_labels() -> None:
    names = [each.name for each in metrics.DECLARED]
    assert len(names) == len(set(names))
    known = {
        "worker", "partition", "code", "loop", "projection", "topic", "channel", "outcome", "why", "call", "method",
        "route", "status", "platform",
    }  # fmt: skip
    assert {label for each in metrics.DECLARED for label in each.labels} <= known
    assert all(each.says.endswith(".") and TRACEPARENT not in each.says for each in metrics.DECLARED)


def test_the_alerts_and_the_how_to_name_metrics_that_there_are() -> None:
    known = {each.name for each in metrics.DECLARED}
    rules = yaml.safe_load((ROOT / "compose" / "prometheus" / "alerts.yaml").read_text())
    asked = {
        alert["alert"]: set(re.findall(r"rejoinder_\w+", alert["expr"]))
        for group in rules["groups"]
        for alert in group["rules"]
    }
    assert all(names <= known for names in asked.values())
    assert [alert for alert, names in asked.items() if not names] == ["ProgramDown"]
    page = (ROOT / "docs" / "how-to" / "observe.md").read_text("utf-8")
    named = {re.sub(r"_bucket$", "", name) for name in re.findall(r"rejoinder_\w+", page)}
    assert named <= known
    assert all(alert in page for alert in asked)


def test_prometheus_finds_every_program_of_the_containers() -> None:
    services = yaml.safe_load((ROOT / "compose" / "compose.yaml").read_text())["services"]
    runs = {name: each for name, each in services.items() if (each.get("command") or [""])[0] == "run"}
    (job,) = yaml.safe_load((ROOT / "compose" / "prometheus" / "prometheus.yaml").read_text())["scrape_configs"]
    targets = {target for each in job["static_configs"] for target in each["targets"]}
    assert targets == {f"{name}:{each['environment']['REJOINDER_METRICS_PORT']}" for name, each in runs.items()}
