"""Apache Kafka as a part of Rejoinder: one KRaft node on this machine, its data in one folder.

Several of them make a cluster, whose nodes know each other by their ports: for tests of what one broker can't show.
"""

import base64
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from rejoinder.children import Child, neutral_environment, start
from rejoinder.embedded.ports import LOOPBACK, accepts, free_ports
from rejoinder.embedded.service import ServiceError, wait_until
from rejoinder.files import write_atomically

NODE_ID: Final = 1
METADATA_TIMEOUT_SECONDS: Final = 2.0
FORMAT_TIMEOUT_SECONDS: Final = 120
HEAP_MEGABYTES: Final = 768
SHORT_LIVED: Final = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""For a Java that is over before it would be any quicker by compiling well."""

# What differs from Kafka's defaults, and why.
BROKER_SETTINGS: Final[Mapping[str, str | int]] = {
    "process.roles": "broker,controller",
    "node.id": NODE_ID,
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "BROKER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,BROKER:PLAINTEXT",
    # Topics come from the catalogue only: a misspelt name is an error, not a topic.
    "auto.create.topics.enable": "false",
    # One node can hold one copy.
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 8,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 8,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    # A group's first member need not wait for others.
    "group.initial.rebalance.delay.ms": 0,
    # Until a dead writer's transaction is aborted every read_committed reader waits; the default looks every 10 s.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
    # Kept beyond the longest stop of an instance: a week of holidays must not make a group start from nothing.
    "offsets.retention.minutes": 525_600,
    "num.network.threads": 2,
    "num.io.threads": 4,
    "log.cleaner.dedupe.buffer.size": 16_777_216,
    # What is too old is gone within a minute, and not within five.
    "log.retention.check.interval.ms": 60_000,
    # A broker that was killed may register again once its session has ended; the default waits 9 s.
    "broker.session.timeout.ms": 3000,
    "broker.heartbeat.interval.ms": 500,
}

LOG4J_CONFIG: Final = """\
Configuration:
  Properties:
    Property: {name: layout, value: "%d{ISO8601} %-5p %c{1}: %m%n"}
  Appenders:
    RollingFile:
      name: file
      fileName: "FOLDER/kafka.log"
      filePattern: "FOLDER/kafka.log.%i"
      PatternLayout: {pattern: "${layout}"}
      Policies: {SizeBasedTriggeringPolicy: {size: "10 MB"}}
      DefaultRolloverStrategy: {max: 3}
  Loggers:
    Root: {level: WARN, AppenderRef: {ref: file}}
    Logger:
      - {name: kafka.server, level: INFO}
      - {name: org.apache.kafka.common.config.AbstractConfig, level: ERROR}
"""


@dataclass(frozen=True)
class Node:
    """A node's place in its cluster."""

    id: int
    ports: tuple[int, int]
    """Where clients and where controllers reach it; they stay the same, since others know them."""
    voters: str
    """All controllers, as `id@host:port,…`."""
    cluster: str
    """The id of the cluster, which its first nodes have to agree on."""
    settings: Mapping[str, str | int] = field(default_factory=dict)
    """In what it differs from a single node."""


class EmbeddedKafka:
    """The service; see rejoinder.embedded.service.Service."""

    name = "kafka"
    stop_grace_seconds = 30.0

    def __init__(
        self,
        folder: Path,
        logs: Path,
        *,
        java: Path,
        jars: Path,
        heap_megabytes: int = HEAP_MEGABYTES,
        node: Node | None = None,
    ) -> None:
        """`folder` is Kafka's own, `logs` where it writes what happens, `java` and `jars` what runs it.

        node: its place among others; None: it is alone.
        """
        self._node = node
        self._folder = folder
        self._logs = logs
        self._java = java
        self._jars = jars
        self._heap_megabytes = heap_megabytes
        self._data = folder / "data"
        self._properties = folder / "server.properties"
        self._log4j = folder / "log4j2.yaml"
        self._ports_file = folder / "ports"
        self._port = 0

    @property
    def bootstrap(self) -> str:
        """`host:port`, known once it is prepared. The same at each start unless somebody else has taken the port."""
        return f"{LOOPBACK}:{self._port}"

    def prepare(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._logs.mkdir(parents=True, exist_ok=True)
        self._port, controller = free_ports(2, self._last_ports()) if self._node is None else self._node.ports
        write_atomically(self._ports_file, f"{self._port} {controller}\n")
        write_atomically(self._properties, self._properties_text(controller))
        write_atomically(self._log4j, LOG4J_CONFIG.replace("FOLDER", str(self._logs)))
        if not (self._data / "meta.properties").exists():
            self._format()

    def spawn(self) -> Child:
        return start(
            self.name,
            [
                *self._jvm(),
                *(f"-Xmx{self._heap_megabytes}m", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"),
                *("-XX:+ExitOnOutOfMemoryError", "kafka.Kafka", self._properties),
            ],
            self._logs / "kafka.out",
        )

    def wait_ready(self, child: Child) -> None:
        wait_until(lambda: accepts(self._port), child)
        # One client for all tries: making one costs more than asking. It is silent, as an early try may fail.
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        wait_until(lambda: _knows_brokers(admin), child)

    def _last_ports(self) -> tuple[int, ...]:
        try:
            return tuple(int(port) for port in self._ports_file.read_text().split())
        except (FileNotFoundError, ValueError):
            return ()

    def _properties_text(self, controller: int) -> str:
        settings: dict[str, str | int | Path] = {
            **BROKER_SETTINGS,
            "listeners": f"BROKER://{self.bootstrap},CONTROLLER://{LOOPBACK}:{controller}",
            "advertised.listeners": f"BROKER://{self.bootstrap}",
            "controller.quorum.voters": f"{NODE_ID}@{LOOPBACK}:{controller}",
            "log.dirs": self._data,
        }
        if self._node is not None:
            settings |= {"node.id": self._node.id, "controller.quorum.voters": self._node.voters, **self._node.settings}
        return "".join(f"{name}={_escaped(str(value))}\n" for name, value in settings.items())

    def _jvm(self) -> list[str | Path]:
        return [self._java, "-cp", f"{self._jars}/*", f"-Dlog4j2.configurationFile={self._log4j.as_uri()}"]

    def _format(self) -> None:
        # An attempt that was interrupted leaves files but no meta.properties, which is written last; so it is safe.
        cluster = new_cluster_id() if self._node is None else self._node.cluster
        answer = subprocess.run(
            [*self._jvm(), *SHORT_LIVED, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", self._properties],
            env=neutral_environment(),
            capture_output=True,
            text=True,
            timeout=FORMAT_TIMEOUT_SECONDS,
            check=False,
        )
        if answer.returncode != 0:
            raise ServiceError(f"Kafka could not prepare {self._data}: {answer.stderr or answer.stdout}")


def _knows_brokers(admin: AdminClient) -> bool:
    try:
        return bool(admin.list_topics(timeout=METADATA_TIMEOUT_SECONDS).brokers)
    except KafkaException:
        return False


def new_cluster_id() -> str:
    """A random id as Kafka writes them: base64url of a UUID. It may not begin with a dash."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\")
