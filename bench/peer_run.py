"""Runs a peer: a program on a stream framework, in an environment of its own, on the same commands as the engine."""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from bench.measure import BenchFailed, Timing
from bench.processes import Group, cpu_seconds, wait_for
from bench.progress import say
from bench.stage import Staged
from engine.interaction.events import MessageReceived, Words
from engine.record import Record
from rejoinder.children import Child, start
from topics import clients
from topics.catalogue import INTERACTION_COMMANDS, INTERACTION_CONTENT, INTERACTION_EVENTS, SCHEMAS, Catalogue
from topics.reading import high_watermarks, read_all
from topics.schema_log import SchemaLog

ROOT: Final = Path(__file__).parents[1]
PEERS: Final = ROOT / "bench" / "peers"
PATIENCE: Final = 900.0
STOP_GRACE: Final = 5.0
ASK_EVERY: Final = 0.1
"""Seconds between two looks at how far it is."""


@dataclass(frozen=True)
class Peer:
    """A framework with its settings. `packages`: those whose versions are told."""

    name: str
    program: str
    lock: str
    packages: tuple[str, ...]
    guarantee: str


QUIX: Final = Peer(
    "quixstreams", "quix_program", "quix.txt", ("quixstreams", "confluent-kafka", "fastavro"), "exactly_once"
)
FAUST: Final = Peer("faust", "faust_program", "faust.txt", ("faust-streaming", "aiokafka", "fastavro"), "at_least_once")
FAUST_EXACTLY_ONCE: Final = Peer("faust_exactly_once", FAUST.program, FAUST.lock, FAUST.packages, "exactly_once")


def versions(peer: Peer) -> dict[str, str]:
    """Of its packages, by the lock."""
    lines = (PEERS / peer.lock).read_text().splitlines()
    pinned = dict(line.split()[0].split("==") for line in lines if "==" in line)
    return {package: pinned[package] for package in peer.packages}


def environment(peer: Peer, above: Path) -> Path:
    """The Python of a peer's environment, which is made when it is first asked for, or its lock has changed.

    Raises:
        BenchFailed: its packages can't be had.
    """
    lock = PEERS / peer.lock
    name = (
        f"{lock.stem}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}-py{sys.version_info[0]}{sys.version_info[1]}"
    )
    folder = above / name
    python = folder / "bin" / "python"
    stamp = folder / "installed"
    if stamp.exists():
        return python
    say(f"making an environment for {peer.name} in {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    options = ["--quiet", "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:", "-r", str(lock)]
    for command in ([sys.executable, "-m", "venv", str(folder)], [str(python), "-m", "pip", "install", *options]):
        made = subprocess.run(command, stdout=sys.stderr, check=False)
        if made.returncode != 0:
            raise BenchFailed(f"the environment of {peer.name} could not be made: see above; is there a network?")
    stamp.touch()
    return python


def run_peer(peer: Peer, staged: Staged, round_number: int, above: Path, logs: Path) -> Timing:
    """One run over all messages: from the first that reaches the program to the last commit.

    Exactly once, the end is when the last offset was committed; at least once, when the last record was written.

    Raises:
        BenchFailed: it ended, took too long, or wrote other than it had to.
    """
    python = environment(peer, above)
    group = f"{peer.name}-{staged.cluster.catalogue.prefix}{round_number}"
    bootstrap, expected = staged.cluster.bootstrap, staged.expected
    with (
        staged.target(f"{group}.") as target,
        tempfile.TemporaryDirectory(prefix="rejoinder-bench-") as folder,
        _own_topics_removed(bootstrap, group),
    ):
        job = _job(peer, staged, target, group, Path(folder))
        file = Path(folder) / "job.json"
        file.write_text(json.dumps(job))
        program: list[str | Path] = [python, "-m", f"bench.peers.{peer.program}", file]
        log = logs / f"bench-{peer.name}.log"
        child = start(peer.name, program, log, environment={"PYTHONPATH": str(ROOT)})
        try:
            began, cpu_began = _begun(child, Path(job["began"]))
            _await_end(peer, child, staged, target, group)
            seconds, cpu = time.time() - began, cpu_seconds(child.pid) - cpu_began
        finally:
            child.stop(STOP_GRACE)
        _check(staged, target)
    return Timing(seconds, cpu, expected.commands, expected.events)


def _job(peer: Peer, staged: Staged, target: Catalogue, group: str, folder: Path) -> dict[str, Any]:
    """What the program has to know (bench/peers/job.py)."""
    source, expected = staged.cluster.catalogue, staged.expected
    commands = source.topic(INTERACTION_COMMANDS)
    log = SchemaLog(staged.cluster.bootstrap, source.name(SCHEMAS))
    return {
        "bootstrap": staged.cluster.bootstrap,
        "group": group,
        "guarantee": peer.guarantee,
        "folder": str(folder / "state"),
        "began": str(folder / "began.json"),
        "partitions": commands.partitions,
        "topics": {
            "commands": commands.name,
            "event": target.name(INTERACTION_EVENTS),
            "words": target.name(INTERACTION_CONTENT),
        },
        "records": expected.commands,
        "messages": len(staged.messages),
        "events": expected.events,
        "others": expected.written - expected.events,
        # Without logical types, as the engine has them: making a datetime of each instant costs and is not needed.
        "schemas": {each.id: json.loads(each.text, object_hook=_without_logical_types) for each in log.load()},
        "event": _sample(staged, MessageReceived),
        "words": _sample(staged, Words),
    }


def _without_logical_types(part: dict[str, Any]) -> Any:
    return part["type"] if "logicalType" in part else part


def _sample(staged: Staged, kind: type[Record]) -> str:
    """One record of a type, as the engine writes it."""
    every = (ready for each in staged.expected.records.values() for ready in each)
    found = next(ready.value for ready in every if isinstance(ready.record, kind))
    return b64encode(found or b"").decode()


def _begun(child: Child, file: Path) -> tuple[float, float]:
    """When the first message reached the program, and its processor time then."""
    wait_for("its first message", file.exists, PATIENCE, child)
    told = json.loads(file.read_text())
    return told["at"], told["cpu"]


def _await_end(peer: Peer, child: Child, staged: Staged, target: Catalogue, group: str) -> None:
    broker, commands = staged.cluster.broker, staged.cluster.catalogue.topic(INTERACTION_COMMANDS)
    ends = high_watermarks(broker, commands.name, range(commands.partitions))
    reader = Group(broker, group, commands.name, commands.partitions)
    admin = AdminClient(clients.admin(broker.bootstrap))
    wanted = staged.expected.written

    def is_done() -> bool:
        return reader.is_at_end(ends) if peer.guarantee == "exactly_once" else _written(admin, target) >= wanted

    # An exactly-once program may end by itself after its last commit.
    wait_for("all was done", is_done, PATIENCE, None if peer.guarantee == "exactly_once" else child, ASK_EVERY)


def _written(admin: AdminClient, target: Catalogue) -> int:
    """The records on both topics, where no transaction leaves marks between them."""
    topics = [target.topic(name) for name in (INTERACTION_EVENTS, INTERACTION_CONTENT)]
    places = (TopicPartition(each.name, number) for each in topics for number in range(each.partitions))
    asked = {place: OffsetSpec.latest() for place in places}  # type: ignore[no-untyped-call]
    return sum(found.result(clients.ASK_TIMEOUT).offset for found in admin.list_offsets(asked).values())


def _check(staged: Staged, target: Catalogue) -> None:
    """Whether it wrote as many records as the engine does. Raises BenchFailed."""
    broker, expected = staged.cluster.broker, staged.expected
    for topic, wanted in (
        (INTERACTION_EVENTS, expected.events),
        (INTERACTION_CONTENT, expected.written - expected.events),
    ):
        partitions = range(target.topic(topic).partitions)
        found = sum(1 for _ in read_all(broker, target.name(topic), partitions, f"check-{target.name(topic)}"))
        if found != wanted:
            raise BenchFailed(f"{target.name(topic)} holds {found} records, and had to hold {wanted}")


@contextmanager
def _own_topics_removed(bootstrap: str, group: str) -> Iterator[None]:
    """Takes away at the end what a framework made under its group's name: changelogs and the like."""
    try:
        yield
    finally:
        admin = AdminClient(clients.admin(bootstrap))
        topics = admin.list_topics(timeout=clients.ASK_TIMEOUT).topics
        own = [name for name in topics if group in name and not name.startswith(f"{group}.")]
        for future in admin.delete_topics(own).values() if own else ():
            future.result()
