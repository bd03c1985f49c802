"""Processors on a real Kafka for tests: deployment under a prefix, commands, and a worker as a process of its own.

Run as a program it is a worker: `python -m tests.processing STATE BOOTSTRAP PREFIX PARTITIONS INSTANCE [POINT COUNT
[SIGNAL]]`; it kills itself with SIGKILL, or another signal, the COUNT-th time that it comes to POINT. The environment
says after how many changes it makes a checkpoint: UNSAVED.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from confluent_kafka import Consumer

from engine.decider import Decider
from engine.envelope import derive, home
from engine.interaction.commands import ReceiveMessage
from engine.interaction.decider import InteractionDecider
from engine.policy.document import Account, Policy, Queue
from engine.routing.commands import RegisterAgent, SetAgentState
from engine.routing.decider import RoutingDecider
from rejoinder.cluster import Cluster, connect, wall_clock
from rejoinder.deployment import deploy, ensure_policy
from rejoinder.programs.engine import state_folder
from rejoinder.settings import Settings, load
from rejoinder.signing import WriterKey
from tests.threads import in_threads
from topics import clients, policies, saving
from topics.observing import UNOBSERVED, Observer
from topics.processor import Processor, Setup
from topics.publisher import Outgoing
from topics.restoring import Log
from topics.sealing import writer_name
from topics.shelves import Shelf

ROOT = Path(__file__).parent.parent
AUDIT_SECRET = b"the secret behind the writers' keys"
POLICY = Policy(
    name="test",
    accounts=(Account(channel="x", id="9", handle="acme", queue="care"),),
    queues=(Queue(name="care"),),
)


def log_of(cluster: Cluster, snapshots: bool = False) -> Log:
    """Where the interactions' log is, as restoring wants to know it: with or without the snapshots."""
    names = (cluster.catalogue.name(f"interaction.{each}") for each in ("events", "content", "commands"))
    return Log(
        cluster.broker,
        Consumer(clients.reader(cluster.bootstrap, "cluster")).list_topics().cluster_id,
        *names,
        profiles=cluster.catalogue.name("interaction.profiles"),
        snapshots=cluster.catalogue.name("interaction.snapshots") if snapshots else None,
    )


def settings_of(bootstrap: str, prefix: str, partitions: int) -> Settings:
    """The settings of a test's own topics."""
    return load({"kafka.bootstrap": bootstrap, "topics.prefix": prefix, "topics.partitions": partitions})


def deployed(bootstrap: str, prefix: str, partitions: int = 2, policy: Policy = POLICY) -> Cluster:
    """A cluster with topics, schemas and a policy of the test's own."""
    cluster, _ = deploy(settings_of(bootstrap, prefix, partitions), bootstrap)
    ensure_policy(cluster, policy)
    return cluster


def message(author: int, number: int, **changes: object) -> Outgoing:
    """A customer's `number`-th message."""
    key = home(b"test", "x", str(author))
    fields: dict[str, object] = {
        "command_id": derive("test", author, number),
        "at": 1_700_000_000_000 + number,
        "actor_kind": "customer",
        "actor_id": key,
        "channel": "x",
        "accounts": ["9"],
        "item_id": f"{author}-{number}",
        "visibility": "public",
        "posted_at": 1_700_000_000_000 + number,
        "handle_id": key,
        "platform_id": str(author),
        "screen_name": f"person{author}",
        "text": f"message {number} of {author}",
        "salt": b"0" * 16,
        "raw": b"{}",
    }
    return Outgoing("interaction.commands", key, ReceiveMessage(**(fields | changes)))  # type: ignore[arg-type]


def agent(name: str, capacity: int = 1) -> list[Outgoing]:
    """An agent who registers and becomes ready."""
    register = RegisterAgent(command_id=f"{name}-1", at=0, agent_id=name, skills=[], groups=[], capacity=capacity)
    ready = SetAgentState(command_id=f"{name}-2", at=0, agent_id=name, state="ready")
    return [Outgoing("routing.commands", "main", register), Outgoing("routing.commands", "main", ready)]


def send(cluster: Cluster, commands: list[Outgoing]) -> None:
    """Publishes commands under the cluster's prefix."""
    with cluster.publisher("test") as publisher:
        publisher.publish(
            Outgoing(cluster.catalogue.name(each.topic), each.key, each.record, each.partition_key) for each in commands
        )


def setup(
    cluster: Cluster,
    decider: Decider,
    instance: str,
    point: Callable[[str], None] | None = None,
    shelves: Callable[[int], Shelf] | None = None,
    observer: Observer = UNOBSERVED,
) -> Setup:
    """A processor's setup on the wall clock. Without shelves its state is in memory."""
    known = policies.rules(cluster.broker, cluster.catalogue, cluster.codec)
    return Setup(
        broker=cluster.broker,
        catalogue=cluster.catalogue,
        codec=cluster.codec,
        decider=decider,
        instance=instance,
        signer=WriterKey(AUDIT_SECRET, writer_name(decider.name, instance)),
        policies=known,
        clock=wall_clock,
        observer=observer,
        **({} if point is None else {"point": point}),  # type: ignore[arg-type]
        **({} if shelves is None else {"shelves": shelves}),  # type: ignore[arg-type]
    )


@contextmanager
def working(
    cluster: Cluster, instance: str = "1", routing: bool = False, state: Path | None = None
) -> Iterator[list[Processor]]:
    """Processors in threads of this process, with their state in a folder or in memory."""
    folders = ExitStack()
    deciders: list[Decider] = [InteractionDecider()]
    if routing:
        deciders.append(RoutingDecider())

    def processor(decider: Decider) -> Processor:
        if state is None:
            return Processor(setup(cluster, decider, instance))
        folder = folders.enter_context(closing(state_folder(state, decider, instance)))
        return Processor(setup(cluster, decider, instance, shelves=folder.shelf))

    processors = [processor(decider) for decider in deciders]
    with folders, in_threads(*(each.run for each in processors)):
        yield processors


def worker(
    cluster: Cluster, state: Path, partitions: int, instance: str, *crash: str, **environment: str
) -> "subprocess.Popen[bytes]":
    """A worker as a process of its own, with its state in a folder under `state`."""
    arguments = [str(state), cluster.bootstrap, cluster.catalogue.prefix, str(partitions), instance, *crash]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.processing", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )


def eventually(what: str, holds: Callable[[], bool], seconds: float = 60) -> None:
    """Waits until something holds, with an end."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"in {seconds:.0f} s it did not happen that {what}")
        time.sleep(0.1)


def main() -> None:
    """The worker."""
    state, bootstrap, prefix, partitions, instance, *crash = sys.argv[1:]
    cluster = connect(settings_of(bootstrap, prefix, int(partitions)), bootstrap)
    seen: Counter[str] = Counter()

    def point(name: str) -> None:
        seen[name] += 1
        if crash and name == crash[0] and seen[name] == int(crash[1]):
            os.kill(os.getpid(), int(crash[2]) if crash[2:] else signal.SIGKILL)

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    saving.UNSAVED = saving.UNSAVED_BUSY = int(os.environ.get("UNSAVED", saving.UNSAVED))  # type: ignore[misc]
    decider = InteractionDecider()
    with closing(state_folder(Path(state), decider, instance)) as folder:
        Processor(setup(cluster, decider, instance, point, folder.shelf)).run(stop)


if __name__ == "__main__":
    main()
