"""Programs that the bench runs beside itself: what they cost, when they are ready, and how far a group has read."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from bench.measure import BenchFailed
from rejoinder.children import Child, start, tail
from rejoinder.settings import READY_VARIABLE, Settings
from topics import clients
from topics.broker import Broker
from topics.reading import high_watermarks, read_all

STOP_GRACE: Final = 20.0
POLL: Final = 0.02
_TICK: Final = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """The processor time of a process, all its threads'; 0 where the system does not say (it is Linux that does)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICK


def resident_megabytes(pid: int) -> float:
    """The memory of a process that is really there. Raises BenchFailed where the system does not say."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError as error:
        raise BenchFailed(f"the memory of process {pid} can't be seen: {error.strerror}") from error
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


@contextmanager
def program(name: str, settings: Settings, folder: Path, patience: float) -> Iterator[Child]:
    """`rejoinder run NAME [WORKER]` as a process, ready; stopped at the end if it still runs.

    Raises:
        BenchFailed: it ended, or was not ready in time.
    """
    child = begin(name, settings, folder)
    try:
        await_ready(child, folder, patience)
        yield child
    finally:
        child.stop(STOP_GRACE)


def begin(name: str, settings: Settings, folder: Path) -> Child:
    """Starts one; it is not ready yet."""
    slug = name.replace(" ", "-")
    ready = _ready_file(folder, slug)
    ready.unlink(missing_ok=True)
    command = [sys.executable, "-m", "rejoinder", "run", *name.split()]
    environment = settings.environment() | {READY_VARIABLE: str(ready)}
    return start(slug, command, folder / f"{slug}.log", environment=environment)


def await_ready(child: Child, folder: Path, patience: float) -> dict[str, Any]:
    """What it tells when it is ready. Raises BenchFailed."""
    file = _ready_file(folder, child.name)
    wait_for(f"{child.name} is ready", file.exists, patience, child)
    told: dict[str, Any] = json.loads(file.read_text())
    return told


def kill(child: Child) -> None:
    """As kill -9 does, or a machine that stops."""
    child.process.send_signal(signal.SIGKILL)
    child.process.wait()


def wait_for(
    what: str, holds: Callable[[], bool], patience: float, child: Child | None = None, every: float = POLL
) -> None:
    """Until something holds. Raises BenchFailed if it never does, or if the process ends of which it is hoped."""
    deadline = time.monotonic() + patience
    while not holds():
        if child is not None and child.exit_code is not None:
            raise BenchFailed(f"{child.name} ended with {child.exit_code} before {what}: {tail(child.log, 5)}")
        if time.monotonic() > deadline:
            raise BenchFailed(f"it took more than {patience:.0f} s until {what}")
        time.sleep(every)


class Group:
    """How far a consumer group has committed a topic, asked of the broker."""

    def __init__(self, broker: Broker, group: str, topic: str, partitions: int) -> None:
        self._broker, self._topic, self._partitions = broker, topic, range(partitions)
        self._group = group
        self._admin = AdminClient(clients.admin(broker.bootstrap))

    def committed(self) -> dict[int, int]:
        """The next offset of each partition; 0 where nothing was committed."""
        asked = ConsumerGroupTopicPartitions(
            self._group, [TopicPartition(self._topic, each) for each in self._partitions]
        )
        found = self._admin.list_consumer_group_offsets([asked])[self._group].result(clients.ASK_TIMEOUT)
        return {each.partition: max(0, each.offset) for each in found.topic_partitions}

    def members(self) -> list[int]:
        """How many partitions each of its members has."""
        described = self._admin.describe_consumer_groups([self._group])[self._group].result(clients.ASK_TIMEOUT)
        return sorted(len(member.assignment.topic_partitions) for member in described.members)

    def is_at_end(self, ends: Mapping[int, int] | None = None) -> bool:
        """Whether all is committed that is on the topic, or up to given ends."""
        wanted = high_watermarks(self._broker, self._topic, self._partitions) if ends is None else ends
        here = self.committed()
        gaps = {each: end - here.get(each, 0) for each, end in wanted.items() if end > here.get(each, 0)}
        if any(gap > 1 for gap in gaps.values()):
            return False
        # What is left may be the mark of a transaction, which nobody commits.
        starts = {each: here.get(each, 0) for each in gaps}
        return next(read_all(self._broker, self._topic, gaps, "bench-gaps", starts), None) is None


def _ready_file(folder: Path, slug: str) -> Path:
    return folder / f"{slug}.ready"
