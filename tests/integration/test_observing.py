"""What runs can be seen: metrics that say what the log says, one trace over all processes, health and readiness."""

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import msgspec
import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from engine.delivery import AttemptEnded, CommandResult, DeadLetter, Deliver
from engine.interaction.commands import RecordDelivery, Transfer
from engine.interaction.decider import InteractionDecider
from engine.interaction.events import PolicyAdopted
from engine.policy.document import Account, Filter, Notice, Policy, Queue
from engine.record import Event
from rejoinder.cluster import Cluster
from rejoinder.instance import DataFolder, find_instance
from rejoinder.observing.health import Health
from rejoinder.observing.metrics import registry_of
from rejoinder.observing.serving import serving
from rejoinder.observing.spans import Spans
from rejoinder.observing.workers import WorkerObserver, has_partitions
from rejoinder.settings import variable_of
from tests.collecting import Collector, Scraped, by_label, collecting, sample, scrape
from tests.log_checks import entries_of, read_log, records_of
from tests.processing import ROOT, agent, deployed, eventually, message, send, setup
from tests.threads import in_threads
from topics import clients
from topics.counting import Counts
from topics.observing import Batch, Restored, Standing
from topics.processor import Processor
from topics.publisher import Outgoing
from topics.shelves import MemoryShelf, Shelf
from topics.transactions import Abort

PROGRAMS = ("delivery", "engine", "projector", "web")
WHERE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
WORD = "zwetschgendatschi"
"""Stands in what the customer says, and nowhere else."""
POLICY = Policy(
    name="test",
    accounts=(Account(channel="x", id="42", handle="acme", queue="care"),),
    queues=(Queue(name="care"),),
    filters=(Filter(name="outage", any=("outage",), action="answer", template="outage", then="route"),),
    notices=(Notice(name="outage", text={"en": "We are on it, and a person answers soon."}),),
)


@dataclass
class Running:
    """An instance that runs, and what it told to a collector."""

    cluster: Cluster
    data: Path
    collector: Collector

    def address(self, program: str) -> str:
        return find_instance(self.data).programs[program].metrics

    def scrape(self, program: str) -> Scraped:
        return scrape(self.address(program))


@pytest.fixture
def running(kafka: str, database: str, topic_prefix: str, tmp_path: Path) -> Iterator[Running]:
    data, told = tmp_path / "data", tmp_path / "told"
    cluster = deployed(kafka, topic_prefix, 2, POLICY)
    with collecting() as collector:
        given = {
            "data": str(data), "kafka.bootstrap": kafka, "postgres.dsn": database, "topics.prefix": topic_prefix,
            "topics.partitions": "2", "home.secret": "s" * 32, "x.simulated": "true",
            "tracing.exporter": "otlp", "tracing.endpoint": collector.url, "log.format": "json", "workers.live": "0",
        }  # fmt: skip
        variables = {variable_of(name): each for name, each in given.items()}
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OTEL_BSP_SCHEDULE_DELAY": "200", **variables}
        with told.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "rejoinder", "up"], cwd=ROOT, env=environment, stdout=out, stderr=out
            )
        try:
            eventually(
                "everything runs",
                lambda: process.poll() is not None or b"The simulator plays" in told.read_bytes(),
                180,
            )
            assert process.poll() is None, told.read_text()
            yield Running(cluster, data, collector)
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(60)
    assert process.returncode == 0, told.read_text()
    assert json.loads((data / "metrics-targets.json").read_text()) == []


def say(running: Running) -> None:
    """A customer says something that is answered at once, and then goes to an agent."""
    simulator = find_instance(running.data).programs["simulator"].facts["port"]
    said = {
        "channel": "x", "kind": "mention", "account": "42", "from": {"id": "7", "screen_name": "jo"},
        "text": f"@acme outage of my {WORD}",
    }  # fmt: skip
    answer = httpx.post(
        f"http://127.0.0.1:{simulator}/_simulator/customers/say", json=said, trust_env=False, timeout=30
    )
    assert answer.status_code == 200, answer.text


def spoil(running: Running) -> None:
    """What is refused, what can't be read, and what nobody signed."""
    transfer = Transfer(
        command_id="t1", at=0, actor_kind="agent", actor_id="ann", interaction_id="nobody.1", agent_id="ann",
        to_queue="care", reply_partition=0,
    )  # fmt: skip
    send(running.cluster, [Outgoing("interaction.commands", "nobody", transfer)])
    producer = Producer(clients.producer(running.cluster.bootstrap, "test"))
    producer.produce(running.cluster.catalogue.name("interaction.commands"), b"no record", b"k", 0)
    assert producer.flush(30) == 0
    web = find_instance(running.data).programs["web"].facts["port"]
    answer = httpx.post(f"http://127.0.0.1:{web}/webhooks/x", content=b"{}", trust_env=False, timeout=30)
    assert answer.status_code == 403


def settled(running: Running) -> bool:
    """Whether the answer is posted and known, the agent has the interaction, and all of it is projected."""
    names = {type(event).__name__ for event in read_log(running.cluster).events}
    if not {"AutoReplied", "Assigned"} <= names:
        return False
    engine, projector = running.scrape("engine"), running.scrape("projector")
    refused = by_label(engine, "rejoinder_refusals_total", "code")
    dead = by_label(engine, "rejoinder_dead_letters_total", "code")
    read = sample(projector, "rejoinder_projector_records_total")
    return bool(refused) and bool(dead) and read == projected(running.cluster)


def projected(cluster: Cluster) -> int:
    return sum(
        len(entries_of(cluster, topic))  # tombstones too: the projector writes some itself, so that Kafka compacts
        for topic in ("interaction.events", "routing.events", "interaction.content", "interaction.profiles")
    )


@pytest.mark.timeout(400)
def test_what_an_instance_tells_is_what_it_did(running: Running) -> None:
    cluster = running.cluster
    send(cluster, agent("ann"))
    spoil(running)
    say(running)
    eventually("all is decided, answered and projected", lambda: settled(running), 120)

    engine, delivery, web = running.scrape("engine"), running.scrape("delivery"), running.scrape("web")
    for worker in ("interaction", "routing"):
        written = len(read_log(cluster, f"{worker}.events").events)
        assert sample(engine, "rejoinder_events_total", worker=worker) == written
        assert sample(engine, "rejoinder_restore_seconds_count", worker=worker) == 1
        assert sample(engine, "rejoinder_restore_rebuilt_total", worker=worker) == 2
        assert sample(engine, "rejoinder_partitions", worker=worker) == 2
        assert sample(engine, "rejoinder_state_bytes", worker=worker) > 0
    letters = Counter(each.code for each in records_of(cluster, "dead.letters") if isinstance(each, DeadLetter))
    assert by_label(engine, "rejoinder_dead_letters_total", "code") == letters
    results = [each for each in records_of(cluster, "command.results") if isinstance(each, CommandResult)]
    refused = Counter(each.code for each in results if each.outcome == "refused")
    assert by_label(engine, "rejoinder_refusals_total", "code") == refused
    assert refused
    ended = [each for each in records_of(cluster, "delivery.attempts") if isinstance(each, AttemptEnded)]
    assert by_label(delivery, "rejoinder_delivery_attempts_total", "outcome") == Counter(e.outcome for e in ended)
    assert sample(delivery, "rejoinder_platform_call_seconds_count", channel="x", call="perform") == len(ended) == 1
    assert sample(web, "rejoinder_webhooks_total", platform="x", outcome="unsigned") == 1
    accepted = sample(web, "rejoinder_webhooks_total", platform="x", outcome="accepted")
    route = {"method": "POST", "route": "/webhooks/x"}
    assert sample(web, "rejoinder_http_request_seconds_count", status="200", **route) == accepted > 0
    assert sample(web, "rejoinder_http_request_seconds_count", status="403", **route) == 1

    targets = json.loads(DataFolder(running.data).targets.read_text())
    assert {each["labels"]["program"]: each["targets"] for each in targets} == {
        program: [running.address(program)] for program in PROGRAMS
    }
    for program in PROGRAMS:
        for path in ("health", "ready"):
            answer = httpx.get(f"http://{running.address(program)}/{path}", trust_env=False, timeout=60)
            assert (answer.status_code, answer.json()) == (200, {"status": "ok"}), program

    eventually("the message's trace is told", lambda: way_of(running.collector) != {}, 60)
    eventually("its end is told too", lambda: steps_of(running.collector) >= ENDS, 60)
    trace = [span for span in running.collector.spans if span.trace == message_trace(running.collector)]
    assert {span.service for span in trace} == {f"rejoinder-{program}" for program in PROGRAMS}
    assert [span.name for span in trace if not span.parent] == ["POST /webhooks/x"]
    known = {span.span for span in trace}
    assert all(span.parent in known for span in trace if span.parent)
    assert any(message_trace(running.collector) in span.links for span in running.collector.spans)
    said = b"".join(running.collector.bodies).lower()
    logged = b"".join(file.read_bytes() for file in (running.data / "logs").glob("*.log")).lower()
    assert WORD.encode() not in said + logged
    assert all(json.loads(line)["event"] for line in (running.data / "logs" / "engine.log").read_text().splitlines())


ENDS = {
    ("POST /webhooks/x", ""),
    ("decide", "interaction.commands"),
    ("decide", "routing.commands"),
    ("deliver", ""),
    ("x perform", ""),
    ("project", ""),
}
"""The steps of a message's way."""


def message_trace(collector: Collector) -> str:
    """The trace of the customer's message: the one in which it was delivered."""
    return next((span.trace for span in collector.spans if span.name == "deliver"), "")


def way_of(collector: Collector) -> dict[str, str]:
    trace = message_trace(collector)
    return {span.span: span.name for span in collector.spans if span.trace == trace}


def steps_of(collector: Collector) -> set[tuple[str, str]]:
    """The steps of the message's trace, each with the topic that it read, without the prefix."""
    return {
        (span.name, span.attributes.get("messaging.destination.name", "").partition(".")[2])
        for span in collector.spans
        if span.trace == message_trace(collector)
    }


@contextmanager
def engine_at(cluster: Cluster, held: threading.Event, hangs: threading.Event) -> Iterator[str]:
    """The address of an interaction processor in this process.

    It is held while it takes its partitions until the one event is set, and in a batch while the other is not.
    """

    def shelves(partition: int) -> Shelf:
        assert held.wait(60)
        return MemoryShelf()

    def point(name: str) -> None:
        if name == "decided":
            assert hangs.wait(60)

    health = Health(stalled=1.5)
    observer = WorkerObserver("interaction", health)
    processor = Processor(setup(cluster, InteractionDecider(), "1", point, shelves, observer))
    health.needs("interaction", has_partitions(processor.assigned))
    health.started()
    with serving("127.0.0.1", 0, health, registry_of("engine")) as port, in_threads(processor.run):
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            held.set()
            hangs.set()


class Noting:
    """Notes what a processor tells."""

    def __init__(self) -> None:
        self.done = Counts()
        self.aborts = 0

    def decided(self, batch: Batch) -> None:
        self.done.add(batch.done, Counts())

    def aborted(self) -> None:
        self.aborts += 1

    def turned(self, standing: Callable[[], Standing]) -> None:
        assert min(standing().behind.values(), default=0) >= 0

    def restoring(self) -> None:
        pass

    def restored(self, restored: Restored) -> None:
        assert restored.partitions == restored.rebuilt

    def delivered(self, reported: Sequence[tuple[Deliver, RecordDelivery]], dead_letters: Sequence[str]) -> None:
        raise AssertionError("a processor delivers nothing")


def test_what_an_aborted_transaction_did_is_not_counted(kafka: str, topic_prefix: str) -> None:
    cluster, noting, seen = deployed(kafka, topic_prefix, 2), Noting(), Counter[str]()

    def point(name: str) -> None:
        seen[name] += 1
        if name == "offsets" and seen[name] <= 2:
            raise Abort("a test wants it")

    send(cluster, [message(author, number) for author in range(4) for number in range(3)])
    with in_threads(Processor(setup(cluster, InteractionDecider(), "1", point, observer=noting)).run):
        eventually("all is told", lambda: noting.done.events == len(read_log(cluster).events) > 12)
    assert noting.aborts == 2
    assert noting.done.commands == len(records_of(cluster, "interaction.commands"))


def written(cluster: Cluster) -> tuple[list[Event], list[set[str]]]:
    """The events of people, without what depends on the topic's name, and the names of all events' headers."""
    topic = cluster.catalogue.topic("interaction.events")
    reader = Consumer(clients.reader(cluster.bootstrap, "headers"))
    reader.assign([TopicPartition(topic.name, partition, 0) for partition in range(topic.partitions)])
    try:
        wanted, found = len(read_log(cluster).events), list[Message]()

        def read() -> bool:
            found.extend(reader.consume(100, 0.2))
            return len(found) == wanted

        eventually("all is read", read)
    finally:
        reader.close()
    events = [cluster.codec.decode(each.value() or b"") for each in found]
    plain = [
        msgspec.structs.replace(each, input_topic="", previous=b"")
        for each in events
        if not isinstance(each, PolicyAdopted)  # the test publishes it twice
    ]
    return sorted(plain, key=lambda each: each.event_id), [{pair[0] for pair in each.headers() or []} for each in found]


def test_a_traced_message_leads_to_the_same_events(kafka: str, topic_prefix: str) -> None:
    exporter, found = InMemorySpanExporter(), []
    spans = Spans("engine", "1", exporter)
    for prefix, tracer in ((f"{topic_prefix}on.", spans), (f"{topic_prefix}off.", None)):
        cluster = deployed(kafka, prefix, 2)
        with cluster.publisher("test", lambda: WHERE) as publisher:
            sent = [message(1, number) for number in range(3)]
            publisher.publish(Outgoing(cluster.catalogue.name(each.topic), each.key, each.record) for each in sent)
        whole = replace(setup(cluster, InteractionDecider(), "1"), tracer=tracer, clock=lambda: 1_700_000_000_000)
        with in_threads(Processor(whole).run):
            eventually("all is decided", lambda cluster=cluster: len(read_log(cluster).events) > 9)  # type: ignore[misc]
        found.append(written(cluster))
    spans.close()
    (traced, headers_on), (untraced, headers_off) = found
    assert traced == untraced
    assert not any("traceparent" in names for names in headers_off)
    assert len(traced) >= 9 and all("traceparent" in names for names in headers_on)
    decided = [span for span in exporter.get_finished_spans() if span.name == "decide"]
    assert sum(span.parent is not None for span in decided) == 3


def asked(address: str, path: str) -> tuple[int, dict[str, str]]:
    answer = httpx.get(f"{address}/{path}", trust_env=False, timeout=30)
    return answer.status_code, answer.json().get("why", {})


def test_ready_only_after_the_restore_and_unwell_while_the_loop_hangs(kafka: str, topic_prefix: str) -> None:
    cluster = deployed(kafka, topic_prefix, 2)
    held, hangs = threading.Event(), threading.Event()
    hangs.set()
    with engine_at(cluster, held, hangs) as address:
        eventually("it restores", lambda: asked(address, "ready") == (503, {"interaction": "it is restoring"}))
        assert asked(address, "health") == (200, {})
        held.set()
        eventually("it is ready", lambda: asked(address, "ready")[0] == 200)
        assert asked(address, "health") == (200, {})
        hangs.clear()
        send(cluster, [message(1, 1)])
        eventually("its loop is seen to hang", lambda: asked(address, "health")[0] == 503)
        status, why = asked(address, "ready")
        assert (status, list(why)) == (503, ["interaction"])
        hangs.set()
        eventually("it is well again", lambda: asked(address, "ready")[0] == 200)
