"""The topology of compose/ on this machine: three brokers, three copies of which two must stand, two engine workers."""

import signal
import threading
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from engine.interaction import events as e
from rejoinder.cluster import Cluster, catalogue_of
from rejoinder.deployment import deploy, ensure_policy
from rejoinder.settings import load
from tests.brokers import Brokers, brokers
from tests.log_checks import read_log
from tests.processing import POLICY, eventually, message, send, worker
from topics import clients
from topics.admin import Topics

PARTITIONS = 4
AUTHORS = 30


def received(cluster: Cluster) -> list[str]:
    """The posts on the log; the log has no faults."""
    log = read_log(cluster)
    assert log.faults == []
    return sorted(each.item_id for each in log.events if isinstance(each, e.MessageReceived))


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_worker_and_then_a_broker_are_killed_and_all_is_decided_once(topic_prefix: str, tmp_path: Path) -> None:
    with brokers(tmp_path / "kafka") as cluster_of_three:
        settings = load(
            {
                "kafka.bootstrap": cluster_of_three.bootstrap, "topics.prefix": topic_prefix,
                "topics.partitions": PARTITIONS, "topics.replication": 3,
            },
            environment={},
        )  # fmt: skip
        cluster, _ = deploy(settings, cluster_of_three.bootstrap)
        ensure_policy(cluster, POLICY)
        workers = {name: worker(cluster, tmp_path, PARTITIONS, name) for name in ("1", "2")}
        try:
            numbers = iter(range(100))

            def ask(times: int) -> None:
                for number in (next(numbers) for _ in range(times)):
                    send(cluster, [message(author, number) for author in range(AUTHORS)])

            ask(2)
            eventually("they have begun", lambda: len(received(cluster)) == 2 * AUTHORS)
            # What Kafka makes on its own with a copy that may be lost is mended as its message says.
            _, left = deploy(settings, cluster_of_three.bootstrap, configs=True)
            assert left == []
            ask(2)
            workers["2"].send_signal(signal.SIGKILL)
            ask(2)
            eventually("the other decides all", lambda: len(received(cluster)) >= 6 * AUTHORS, 120)
            cluster_of_three.wait_in_sync()
            cluster_of_three.kill(cluster_of_three.leader_of(cluster.catalogue.name("interaction.events"), 0))
            ask(2)
            eventually("two brokers are enough", lambda: len(received(cluster)) >= 8 * AUTHORS, 120)
        finally:
            for process in workers.values():
                process.terminate()
            ended = {name: process.wait(60) for name, process in workers.items()}
        assert ended == {"1": 0, "2": -signal.SIGKILL}
        assert received(cluster) == sorted(f"{author}-{number}" for author in range(AUTHORS) for number in range(8))


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_new_topics_are_there_for_whichever_broker_is_asked(topic_prefix: str, tmp_path: Path) -> None:
    """One of three stands still while they are made, each in turn, and hears of them later than the others."""
    with brokers(tmp_path / "kafka") as three:
        addresses = dict(zip(three.numbers, three.bootstrap.split(","), strict=True))
        for number in three.numbers:
            settings = load(
                {
                    "topics.prefix": f"{topic_prefix}{number}.",
                    "topics.partitions": PARTITIONS,
                    "topics.replication": 3,
                },
                environment={},
            )
            catalogue = catalogue_of(settings)
            others = ",".join(address for each, address in addresses.items() if each != number)
            thawed = threading.Event()
            three.freeze(number)
            later = threading.Timer(2.0, _thaw, (three, number, thawed))
            later.start()
            try:
                Topics(others, catalogue).apply()
                assert thawed.is_set()
            finally:
                later.join()
            for broker in addresses.values():
                shown = AdminClient(clients.admin(broker)).list_topics(timeout=clients.ASK_TIMEOUT).topics
                assert catalogue.topics.keys() <= shown.keys()


def _thaw(three: Brokers, number: int, thawed: threading.Event) -> None:
    three.thaw(number)
    thawed.set()
