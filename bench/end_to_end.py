"""How long a message takes from its publication until its assignment to an agent can be read."""

import random
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from confluent_kafka import Consumer, TopicPartition

from bench.measure import BenchFailed, Measure
from bench.progress import say
from bench.stage import prepare
from bench.workload import BEGIN, PARTITIONS, message
from engine.interaction.commands import ReceiveMessage
from engine.interaction.events import Assigned
from rejoinder.children import start
from rejoinder.cluster import Cluster
from rejoinder.play.staging import UNLIMITED, Agent, arrive
from rejoinder.settings import load
from topics import clients
from topics.catalogue import INTERACTION_COMMANDS, INTERACTION_EVENTS
from topics.publisher import Outgoing

PREFIX: Final = "e."
MESSAGES: Final = 200
PER_SECOND: Final = 50
WARM_UP: Final = 20
PATIENCE: Final = 60.0
"""Seconds until an assignment is given up."""
STOP_GRACE: Final = 15.0


@dataclass
class Assignments:
    """Reads the events as anybody else would, and notes when each key's assignment was there."""

    cluster: Cluster
    at: dict[str, float] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)

    def follow(self) -> None:
        """Until `stop` is set."""
        topic = self.cluster.catalogue.topic(INTERACTION_EVENTS)
        consumer = Consumer(clients.reader(self.cluster.bootstrap, "bench-assignments"))
        try:
            consumer.assign([TopicPartition(topic.name, number, 0) for number in range(topic.partitions)])
            while not self.stop.is_set():
                for record in consumer.consume(500, 0.005):
                    if record.error() is None and isinstance(
                        self.cluster.codec.decode(record.value() or b""), Assigned
                    ):
                        self.at.setdefault((record.key() or b"").decode(), time.perf_counter())
        finally:
            consumer.close()

    def wait(self, count: int) -> None:
        """Until so many are there. Raises BenchFailed."""
        deadline = time.perf_counter() + PATIENCE
        while len(self.at) < count:
            if time.perf_counter() > deadline:
                raise BenchFailed(f"{len(self.at)} of {count} messages were assigned in {PATIENCE:.0f} s")
            time.sleep(0.01)


def measure(bootstrap: str, logs: Path) -> list[Measure]:
    """Both processors in a process of their own; one message of a new author every 20 ms."""
    cluster = prepare(bootstrap, PREFIX, [])
    with cluster.publisher("bench") as publisher:
        publisher.publish(arrive((Agent("ann", ("care",), UNLIMITED),), cluster.catalogue, BEGIN))
    settings = load({"kafka.bootstrap": bootstrap, "topics.prefix": PREFIX, "topics.partitions": PARTITIONS})
    say(f"sending {MESSAGES} messages, {PER_SECOND} a second")
    program = [sys.executable, "-m", "rejoinder", "run", "engine"]
    child = start("engine", program, logs / "bench-engine.log", environment=settings.environment())
    assignments = Assignments(cluster)
    reading = threading.Thread(target=assignments.follow, name="bench-assignments")
    reading.start()
    try:
        _send(cluster, _new_messages(0, WARM_UP))
        assignments.wait(WARM_UP)
        sent = _send(cluster, _new_messages(WARM_UP, MESSAGES))
        assignments.wait(WARM_UP + MESSAGES)
    finally:
        assignments.stop.set()
        reading.join()
        child.stop(STOP_GRACE)
    took = sorted((assignments.at[key] - at) * 1000 for key, at in sent.items())
    detail = {"messages": MESSAGES, "per_second": PER_SECOND, "max": round(took[-1], 1)}
    return [
        Measure("end_to_end_p50", round(took[len(took) // 2], 1), "ms", detail=detail),
        Measure("end_to_end_p99", round(took[len(took) * 99 // 100], 1), "ms", detail=detail),
    ]


def _new_messages(first: int, count: int) -> list[ReceiveMessage]:
    chance = random.Random(first)
    return [
        message(author, f"e{author}", BEGIN + author, "@AcmeCare my internet is down", None, chance.randbytes(16))
        for author in range(first, first + count)
    ]


def _send(cluster: Cluster, messages: list[ReceiveMessage]) -> dict[str, float]:
    """Publishes them one by one at their times. Gives when each was handed over, by its key."""
    topic = cluster.catalogue.name(INTERACTION_COMMANDS)
    at: dict[str, float] = {}
    with cluster.publisher("bench") as publisher:
        began = time.perf_counter()
        for number, each in enumerate(messages):
            time.sleep(max(0.0, began + number / PER_SECOND - time.perf_counter()))
            at[each.handle_id] = time.perf_counter()
            publisher.send(Outgoing(topic, each.handle_id, each))
    return at
