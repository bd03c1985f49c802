"""How long a message takes from the moment at which its webhook was accepted until an agent has it.

Everything runs as it does for a user: the web program takes signed webhooks over HTTP, the engine decides, and the
projector writes rows; each is a process of its own, and all share this machine with the broker and with who asks.
"""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

import psycopg
import uvloop
from confluent_kafka import Consumer, TopicPartition
from msgspec.structs import replace

from bench.measure import BenchFailed, Measure, percentiles
from bench.processes import await_ready, begin, cpu_seconds, program, wait_for
from bench.progress import say
from bench.run import Run
from bench.workload import ACCOUNT, PARTITIONS, POLICY
from channels.x.signature import HEADER, sign
from engine.envelope import home
from engine.interaction.events import Assigned
from rejoinder.children import stop_all
from rejoinder.cluster import Cluster, wall_clock
from rejoinder.deployment import deploy, ensure_policy
from rejoinder.play.staging import UNLIMITED, Agent, arrive
from rejoinder.settings import Settings, load
from rejoinder.webhooks import WEBHOOKS
from topics import clients
from topics.catalogue import INTERACTION_EVENTS

PREFIX: Final = "l."
PER_SECOND: Final = 500
"""What is asked for."""
SLOWER: Final = (100, 250)
"""Rates that are measured before, for they show what a machine that keeps up takes."""
SLOWER_SECONDS: Final = 20
WARM_PER_SECOND: Final = 250
WARM_SECONDS: Final = 90
"""A broker that was just started compiles itself for its first minutes, with half a core: that is not its pace."""
AGENTS: Final = 200
CONNECTIONS: Final = 32
"""Over which the webhooks come; X uses several too."""
SAMPLE: Final = 50
"""Of so many messages one is looked for in PostgreSQL: to look for all would be what takes the time."""
PATIENCE: Final = 60.0
LOOK_EVERY: Final = 0.05
LOOK_FOR: Final = 20
"""The oldest of the sample that are missing: where rows come late, to look for all would be what makes them late."""
CONSUMER_SECRET: Final = "the consumer secret of the bench"
HOME_SECRET: Final = "the home secret of the bench, which is long enough"
STOP_GRACE: Final = 15.0


def measure(run: Run) -> Iterator[Measure]:
    """A steady rate of messages, each of a new author, after some seconds that don't count."""
    services, seconds = run.services, run.sizes.seconds
    folder = services.folder.root / "latency"
    folder.mkdir(exist_ok=True)
    settings = load(
        {
            "kafka.bootstrap": services.bootstrap,
            "postgres.dsn": services.database("latency"),
            "topics.prefix": PREFIX,
            "topics.partitions": PARTITIONS,
            "data": folder,
            "home.secret": HOME_SECRET,
            "x.consumer_secret": CONSUMER_SECRET,
        }
    )
    cluster, _ = deploy(settings, services.bootstrap)
    ensure_policy(cluster, replace(POLICY, accept_within=None))
    agents = tuple(Agent(f"agent{number}", ("care",), UNLIMITED) for number in range(AGENTS))
    with cluster.publisher("bench") as publisher:
        publisher.publish(arrive(agents, cluster.catalogue, wall_clock()))
    with ExitStack() as stack:
        children = {
            name: stack.enter_context(program(name, settings, folder, PATIENCE)) for name in ("engine", "projector")
        }
        web = begin("web", settings, folder)
        stack.callback(stop_all, [web], STOP_GRACE)
        port = int(await_ready(web, folder, PATIENCE)["port"])
        pids = {**{name: child.pid for name, child in children.items()}, "web": web.pid, "broker": services.kafka_pid}
        wait_for("the projector has made its tables", lambda: _is_projected(settings), PATIENCE, children["projector"])
        watch = stack.enter_context(Watch(cluster, settings))
        say(f"sending {WARM_PER_SECOND} webhooks a second for {WARM_SECONDS} s, to warm up")
        _send(port, 0, WARM_PER_SECOND, WARM_SECONDS, watch)
        watch.wait()
        lasting = {**dict.fromkeys(SLOWER, min(seconds, SLOWER_SECONDS)), PER_SECOND: seconds}
        for series, (per_second, lasts) in enumerate(lasting.items(), 1):
            watch.forget()
            before = {name: cpu_seconds(pid) for name, pid in pids.items()}
            say(f"sending {per_second} webhooks a second for {lasts} s")
            began = time.perf_counter()
            _send(port, series, per_second, lasts, watch)
            took = time.perf_counter() - began
            cores = {name: round((cpu_seconds(pid) - before[name]) / took, 2) for name, pid in pids.items()}
            watch.wait()
            yield from _told("" if per_second == PER_SECOND else f"_at_{per_second}", watch, took, cores)


def _told(rate: str, watch: "Watch", took: float, cores: dict[str, float]) -> Iterator[Measure]:
    assigned = percentiles([(watch.assigned[key] - at) * 1000 for key, at in watch.accepted.items()])
    rows = percentiles([(watch.rows[key] - watch.accepted[key]) * 1000 for key in watch.rows])
    answers = percentiles([each * 1000 for each in watch.answers])
    detail = {
        "messages": len(watch.accepted),
        "per_second": round(len(watch.accepted) / took, 1),
        "through": "webhooks over HTTP, signed",
        "agents": AGENTS,
        "partitions": PARTITIONS,
        "answer_to_the_webhook": answers,
        "cores": cores,
    }
    for name, found, more in (
        (f"latency{rate}", assigned, detail),
        (f"latency{rate}_to_row", rows, {"messages": len(watch.rows), "looked_every_ms": LOOK_EVERY * 1000}),
    ):
        for part in ("p50", "p99"):
            yield Measure(f"{name}_{part}", found[part], "ms", detail={**more, "max": found["max"]})


@dataclass
class Watch:
    """Notes when each message was accepted, when its assignment could be read, and when its row was there."""

    cluster: Cluster
    settings: Settings
    accepted: dict[str, float] = field(default_factory=dict)
    answers: list[float] = field(default_factory=list)
    assigned: dict[str, float] = field(default_factory=dict)
    wanted: dict[str, None] = field(default_factory=dict)
    """The sample, in the order in which it was accepted."""
    rows: dict[str, float] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _failures: list[BaseException] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> "Watch":
        for work in (self._read, self._look):
            thread = threading.Thread(target=self._guarded, args=(work,), name=f"bench-latency{work.__name__}")
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def accept(self, key: str, at: float, answer: float) -> None:
        """A webhook was answered with 200."""
        self.accepted[key] = at
        self.answers.append(answer)
        if len(self.accepted) % SAMPLE == 1:
            self.wanted[key] = None

    def wait(self) -> None:
        """Until everything that was accepted is assigned, and the sample is in PostgreSQL. Raises BenchFailed."""

        def is_there() -> bool:
            if self._failures:
                raise BenchFailed(f"the watch failed: {self._failures[0]}")
            return self.accepted.keys() <= self.assigned.keys() and self.wanted.keys() <= self.rows.keys()

        wait_for("every message was assigned, and its row there", is_there, PATIENCE)

    def forget(self) -> None:
        """What was so far does not count."""
        for kept in (self.accepted, self.answers, self.assigned, self.wanted, self.rows):
            kept.clear()

    def _guarded(self, work: Any) -> None:
        try:
            work()
        except BaseException as error:
            self._failures.append(error)

    def _read(self) -> None:
        topic, codec = self.cluster.catalogue.topic(INTERACTION_EVENTS), self.cluster.codec
        consumer = Consumer(clients.reader(self.cluster.bootstrap, "bench-latency"))
        try:
            consumer.assign([TopicPartition(topic.name, number, 0) for number in range(topic.partitions)])
            while not self._stop.is_set():
                for record in consumer.consume(500, 0.005):
                    if record.error() is None and isinstance(codec.decode(record.value() or b""), Assigned):
                        self.assigned.setdefault((record.key() or b"").decode(), time.perf_counter())
        finally:
            consumer.close()

    def _look(self) -> None:
        """For the rows of the sample: whose interaction has an agent."""
        dsn = self.settings.postgres.dsn
        assert dsn is not None
        query = (
            "SELECT interaction_id FROM contact_history.interaction "
            "WHERE state = 'assigned' AND interaction_id = ANY(%s)"
        )
        # Not prepared: a plan that was made for small tables would be kept.
        with psycopg.connect(dsn.get_secret_value(), autocommit=True, prepare_threshold=None) as connection:
            while not self._stop.wait(LOOK_EVERY):
                missing = [f"{key}.1" for key in islice((k for k in list(self.wanted) if k not in self.rows), LOOK_FOR)]
                if missing:
                    found = connection.execute(query, (missing,)).fetchall()
                    now = time.perf_counter()
                    for (interaction,) in found:
                        self.rows[interaction.removesuffix(".1")] = now


def _is_projected(settings: Settings) -> bool:
    """Whether there is what the watch looks at."""
    dsn = settings.postgres.dsn
    assert dsn is not None
    with psycopg.connect(dsn.get_secret_value(), autocommit=True) as connection:
        row = connection.execute("SELECT to_regclass('contact_history.interaction') IS NOT NULL").fetchone()
    return bool(row and row[0])


def _send(port: int, series: int, per_second: int, seconds: int, watch: Watch) -> None:
    """Sends webhooks at their times, over some connections that stay open."""
    bodies = [_webhook(series, number) for number in range(per_second * seconds)]
    uvloop.run(_send_all(port, per_second, bodies, watch))


async def _send_all(port: int, per_second: int, bodies: list[tuple[str, bytes]], watch: Watch) -> None:
    began = time.perf_counter() + 0.1

    async def sender(first: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for number in range(first, len(bodies), CONNECTIONS):
                key, request = bodies[number]
                await asyncio.sleep(max(0.0, began + number / per_second - time.perf_counter()))
                sent = time.perf_counter()
                writer.write(request)
                await _answered(reader)
                now = time.perf_counter()
                watch.accept(key, now, now - sent)
        finally:
            writer.close()

    await asyncio.gather(*(sender(each) for each in range(CONNECTIONS)))


async def _answered(reader: asyncio.StreamReader) -> None:
    """One answer of the web program's; raises BenchFailed if it is not 200."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.partition(b":")[2]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
    )
    body = await reader.readexactly(length)
    if not head.startswith(b"HTTP/1.1 200") or b'"commands":1' not in body.replace(b" ", b""):
        raise BenchFailed(f"a webhook was answered with {head.splitlines()[0].decode()}: {body[:200]!r}")


def _webhook(series: int, number: int) -> tuple[str, bytes]:
    """The key of a new author, and a request of theirs, signed as X signs."""
    user, item = (
        f"{3_000_000_000 + series * 100_000_000 + number}",
        f"{1_900_000_000_000_000_000 + series * 10**9 + number}",
    )
    text = "@AcmeCare my internet is down since this morning, please look at the router"
    now = datetime.now(UTC)
    tweet = {
        "id_str": item,
        "created_at": now.strftime("%a %b %d %H:%M:%S +0000 %Y"),
        "timestamp_ms": str(int(now.timestamp() * 1000)),
        "text": text,
        "lang": "en",
        "user": {"id_str": user, "screen_name": f"person{user}", "name": f"Person {user}"},
        "entities": {"user_mentions": [{"id_str": ACCOUNT, "screen_name": "AcmeCare", "indices": [0, 9]}]},
    }
    body = json.dumps({"for_user_id": ACCOUNT, "tweet_create_events": [tweet]}).encode()
    head = (
        f"POST {WEBHOOKS['x']} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n{HEADER}: {sign(CONSUMER_SECRET, body)}\r\n\r\n"
    )
    return home(HOME_SECRET.encode(), "x", user), head.encode() + body
