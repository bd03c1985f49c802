"""Several workers of each program share the work; one that is killed, or is no more, is made up for by the others."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from engine.interaction import events as e
from rejoinder.cluster import Cluster, connect
from rejoinder.deployment import ensure_policy
from tests.instances import Up, up
from tests.log_checks import read_log
from tests.processing import POLICY, eventually

PARTITIONS = 4
KINDS = ("engine", "projector", "delivery", "web")


def say(instance: Up, number: int) -> None:
    """A customer of their own writes; our webhook has to take it."""
    author = {"id": str(1000 + number), "screen_name": f"jo{number}"}
    said = {"channel": "x", "kind": "mention", "account": "9", "from": author, "text": f"@acme hello {number}"}
    assert instance.say(said), number


def kill(instance: Up, name: str) -> None:
    os.kill(instance.programs()[name].pid, signal.SIGKILL)


def projected(database: str) -> list[str]:
    """The messages in the history, by their interaction."""
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT interaction_id FROM contact_history.message").fetchall()
    return sorted(interaction for (interaction,) in rows)


def complete(cluster: Cluster, database: str, number: int) -> Callable[[], bool]:
    """Whether so many messages are decided, each on a log without faults, and as many stand in the history."""

    def holds() -> bool:
        return len(received(cluster)) >= number and len(projected(database)) >= number

    return holds


def received(cluster: Cluster) -> list[str]:
    """The messages on the log, by their interaction."""
    events = read_log(cluster).events
    return sorted(each.interaction_id or "" for each in events if isinstance(each, e.MessageReceived))


@pytest.mark.timeout(400)
def test_workers_share_the_work_and_make_up_for_each_other(
    kafka: str, database: str, topic_prefix: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    with up(data, kafka, database, topic_prefix, "--workers", "2", partitions=PARTITIONS) as instance:
        cluster = connect(instance.settings, kafka)
        ensure_policy(cluster, POLICY)
        assert set(instance.programs()) == {*KINDS, *(f"{kind}-2" for kind in KINDS), "live", "simulator"}
        assert len({instance.address(web) for web in ("web", "web-2")}) == 1, "they share a port"
        for number in range(10):
            say(instance, number)
        for kind in KINDS:
            kill(instance, f"{kind}-2")
        for number in range(10, 30):
            say(instance, number)
        kill(instance, "web")
        for number in range(30, 40):
            say(instance, number)
        eventually("all is decided and projected", complete(cluster, database, 40), 120)
        killed = {*(f"{kind}-2" for kind in KINDS), "web"}
        eventually("all are started again", lambda: all(instance.programs()[name].restarts for name in killed))
        restarts = {name: each.restarts for name, each in instance.programs().items() if each.restarts}
        assert restarts == dict.fromkeys(killed, 1), instance.told.read_text()[-5000:]
    assert sorted(each.name for each in (data / "state").iterdir()) == [
        "interaction-1", "interaction-2", "routing-1", "routing-2",
    ]  # fmt: skip

    with up(data, kafka, database, topic_prefix, "--workers", "1", partitions=PARTITIONS) as instance:
        assert "there is no engine worker 2 any more" in instance.told.read_text()
        assert sorted(each.name for each in (data / "state").iterdir()) == ["interaction-1", "routing-1"]
        for number in range(40, 50):
            say(instance, number)
        eventually("what the others left is taken over", complete(cluster, database, 50), 120)

    assert read_log(cluster).faults == []
    decided = received(cluster)
    assert len(decided) == len(set(decided)) == 50
    assert projected(database) == decided
