"""The topology of compose/ on this machine: three brokers, three copies of which two must stand, two engine workers."""

import signal
from pathlib import Path

import pytest

from engine.interaction import events as e
from rejoinder.cluster import Cluster
from rejoinder.deployment import deploy, ensure_policy
from rejoinder.settings import load
from tests.brokers import brokers
from tests.log_checks import read_log
from tests.processing import POLICY, eventually, message, send, worker

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
