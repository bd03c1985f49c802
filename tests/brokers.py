"""Brokers of a test's own, which it may kill, stop and freeze: several make a cluster, one may stand behind a proxy."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ClusterMetadata

from rejoinder.children import Child, stop_all
from rejoinder.embedded.jars import ensure_jars
from rejoinder.embedded.java import find_java
from rejoinder.embedded.kafka import BROKER_SETTINGS, EmbeddedKafka, Node, new_cluster_id
from rejoinder.embedded.ports import LOOPBACK, free_ports
from rejoinder.settings import load
from tests.processing import eventually

HEAP_MEGABYTES: Final = 320
STOP_GRACE_SECONDS: Final = 30.0
SETTLE_SECONDS: Final = 90.0
ASK_SECONDS: Final = 3.0


class Brokers:
    """A cluster of embedded brokers, each a controller too, numbered from 1.

    They are started and killed from the thread that made them: a child ends with the thread that started it.
    """

    def __init__(self, folder: Path, count: int, *, proxied: tuple[int, int] | None = None) -> None:
        """`proxied`: a further port to listen on, and the port that clients who come there are told instead."""
        settings = load({"data": folder})
        java, jars = find_java(), ensure_jars(settings.cache, settings.maven.repository)
        ports = free_ports(2 * count)
        pairs = [(ports[2 * at], ports[2 * at + 1]) for at in range(count)]
        voters = ",".join(f"{at}@{LOOPBACK}:{pair[1]}" for at, pair in enumerate(pairs, start=1))
        cluster = new_cluster_id()
        self._services = {
            at: EmbeddedKafka(
                folder / f"broker{at}",
                folder / f"logs{at}",
                java=java,
                jars=jars,
                heap_megabytes=HEAP_MEGABYTES,
                node=Node(at, pair, voters, cluster, _replicated(count) | _behind(proxied, pair)),
            )
            for at, pair in enumerate(pairs, start=1)
        }
        self._children: dict[int, Child] = {}
        self.bootstrap = ",".join(f"{LOOPBACK}:{pair[0]}" for pair in pairs)
        for service in self._services.values():
            service.prepare()

    @property
    def numbers(self) -> Sequence[int]:
        """All brokers, running or not."""
        return list(self._services)

    def start(self, *numbers: int) -> None:
        """Starts some, by default all, and waits until they serve."""
        chosen = numbers or self.numbers
        for number in chosen:
            self._children[number] = self._services[number].spawn()
        for number in chosen:
            self._services[number].wait_ready(self._children[number])

    def kill(self, *numbers: int) -> None:
        """kill -9, of some or all, at once."""
        children = [self._children.pop(number) for number in numbers or list(self._children)]
        for child in children:
            child.process.kill()
        for child in children:
            child.process.wait(STOP_GRACE_SECONDS)

    def stop(self, *numbers: int) -> None:
        """Stops some, by default all, as one does for maintenance."""
        stop_all([self._children.pop(number) for number in numbers or list(self._children)], STOP_GRACE_SECONDS)

    def freeze(self, number: int) -> None:
        """SIGSTOP: it is there and doesn't answer."""
        self._children[number].process.send_signal(signal.SIGSTOP)

    def thaw(self, number: int) -> None:
        """It goes on."""
        self._children[number].process.send_signal(signal.SIGCONT)

    def leader_of(self, topic: str, partition: int) -> int:
        """Which broker leads a partition."""
        return int(self._described().topics[topic].partitions[partition].leader)

    def wait_in_sync(self) -> None:
        """Returns once every partition has all its copies on running brokers, so that the next one may be lost."""
        eventually("every partition has all its copies", self._is_in_sync, SETTLE_SECONDS)

    def _is_in_sync(self) -> bool:
        try:
            topics = self._described().topics.values()
        except KafkaException:
            return False
        every = [each for topic in topics for each in topic.partitions.values()]
        return bool(every) and all(len(each.isrs) == len(each.replicas) and each.leader > 0 for each in every)

    def _described(self) -> ClusterMetadata:
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0}).list_topics(timeout=ASK_SECONDS)


@contextmanager
def brokers(folder: Path, count: int = 3, *, proxied: tuple[int, int] | None = None) -> Iterator[Brokers]:
    """Running brokers; none is left behind. Topics of three: replication 3, of which two have to be there."""
    made = Brokers(folder, count, proxied=proxied)
    try:
        made.start()
        yield made
    finally:
        made.kill()


def _replicated(count: int) -> dict[str, str | int]:
    """What Kafka keeps for itself has as many copies as there are brokers, all but one of which have to be there."""
    names = [name for name in BROKER_SETTINGS if name.endswith("replication.factor")]
    safe = [name for name in BROKER_SETTINGS if name.endswith("min.isr")]
    return {**dict.fromkeys(names, count), **dict.fromkeys(safe, max(1, count - 1))}


def _behind(proxied: tuple[int, int] | None, ports: tuple[int, int]) -> dict[str, str | int]:
    """A second way in: who comes by it is told the proxy's address for all further connections."""
    if proxied is None:
        return {}
    inner, outer = proxied
    own, controller = (f"{LOOPBACK}:{port}" for port in ports)
    return {
        "listeners": f"BROKER://{own},PROXIED://{LOOPBACK}:{inner},CONTROLLER://{controller}",
        "advertised.listeners": f"BROKER://{own},PROXIED://{LOOPBACK}:{outer}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,BROKER:PLAINTEXT,PROXIED:PLAINTEXT",
    }
