"""The delivery worker on a real Kafka and the simulated X over HTTP: killed anywhere, it posts each answer once."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka.admin import AdminClient

from engine.delivery import AttemptBegun, AttemptEnded, Deliver
from engine.envelope import home, partition_of
from engine.interaction.commands import RecordDelivery
from engine.interaction.outgoing import account_key
from rejoinder.cluster import Cluster
from rejoinder.deployment import deploy
from rejoinder.settings import Settings, load
from tests.groups import shares
from tests.log_checks import records_of
from tests.processing import ROOT, eventually, send
from topics import clients
from topics.publisher import Outgoing

SECRET = "not a secret, a test"
ACCOUNTS = ("9", "10")
ANSWERS = 6


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[str]:
    """The address of a simulated X that sends no webhooks."""
    secret, ready = tmp_path / "secret", tmp_path / "port"
    secret.write_text(SECRET)
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "channels.simulator",
        "--secret-file",
        secret,
        "--ready-file",
        ready,
        "--no-echo",
    ]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        eventually("the simulator listens", ready.exists, 30)
        yield f"http://127.0.0.1:{ready.read_text().strip()}"
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def x_settings(kafka: str, topic_prefix: str, simulator: str) -> Settings:
    return load(
        {
            "kafka.bootstrap": kafka, "topics.prefix": topic_prefix, "topics.partitions": 2, "x.api": simulator,
            "x.simulated": True, "x.consumer_secret": SECRET, "x.call_timeout": 3.0, "home.secret": SECRET * 2,
        }
    )  # fmt: skip


@pytest.fixture
def cluster(x_settings: Settings, kafka: str) -> Cluster:
    return deploy(x_settings, kafka)[0]


def worker(settings: Settings, point: str = "-", name: str = "1") -> "subprocess.Popen[bytes]":
    environment = {**os.environ, **settings.environment(), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-m", "tests.delivering", point, name], cwd=ROOT, env=environment)


def answer(number: int, attempt: int = 1, **changes: Any) -> Outgoing:
    """An answer to somebody's post, by one of two accounts."""
    account = ACCOUNTS[number % 2]
    whole: dict[str, Any] = {
        "delivery_id": f"d{number}", "interaction_id": f"{home(b'test', 'x', str(number))}.1", "channel": "x",
        "account": account, "kind": "reply", "visibility": "public", "in_reply_to": str(number),
        "text": f"answer {number}", "at": 0, "correlation_id": "c",
    }  # fmt: skip
    deliver = Deliver(attempt=attempt, **(whole | changes))
    return Outgoing("delivery.commands", account_key("x", deliver.account), deliver)


def know(simulator: str) -> None:
    """Tells the platform of the posts that are answered."""
    for number in range(ANSWERS):
        tweet = {"id_str": str(number), "text": "hi", "user": {"id_str": f"7{number}", "screen_name": f"jo{number}"},
                 "created_at": "Tue Oct 31 22:10:10 +0000 2017"}  # fmt: skip
        body = {"for_user_id": ACCOUNTS[number % 2], "tweet_create_events": [tweet]}
        httpx.post(f"{simulator}/_simulator/posts?deliver=false", json=body).raise_for_status()


def posted(simulator: str) -> list[str]:
    return sorted(post["text"] for post in httpx.get(f"{simulator}/_simulator/posts").json()["posts"])


def outcomes(cluster: Cluster) -> list[RecordDelivery]:
    return [each for each in records_of(cluster, "interaction.commands") if isinstance(each, RecordDelivery)]


@pytest.mark.parametrize("point", ["read", "attempted", "offsets", "committed"])
def test_killed_at_any_point_each_answer_is_posted_once_and_reported_once(
    cluster: Cluster, x_settings: Settings, simulator: str, point: str
) -> None:
    know(simulator)
    send(cluster, [answer(number) for number in range(ANSWERS - 1)])
    first = worker(x_settings, point)
    assert first.wait(60) == -signal.SIGKILL
    second = worker(x_settings)
    send(cluster, [answer(ANSWERS - 1)])
    try:
        eventually("all are reported", lambda: len(outcomes(cluster)) >= ANSWERS)
    finally:
        second.terminate()
        assert second.wait(30) == 0
    assert posted(simulator) == [f"answer {number}" for number in range(ANSWERS)]
    assert sorted((each.delivery_id, each.outcome) for each in outcomes(cluster)) == [
        (f"d{number}", "posted") for number in range(ANSWERS)
    ]
    assert all(each.item_id for each in outcomes(cluster))
    ended = {each.delivery_id for each in records_of(cluster, "delivery.attempts") if isinstance(each, AttemptEnded)}
    assert ended == {f"d{number}" for number in range(ANSWERS)}


def test_two_workers_share_the_accounts_and_one_takes_over_what_the_other_leaves(
    cluster: Cluster, x_settings: Settings, simulator: str
) -> None:
    """Each account's partition has one worker; the one that is killed has called the platform and not said so."""
    assert len({_partition(cluster, account) for account in ACCOUNTS}) == 2
    know(simulator)
    first, second = worker(x_settings), worker(x_settings, "attempted", "2")
    try:
        eventually("each has a partition", lambda: sorted(_shares(cluster).values()) == [1, 1])
        send(cluster, [answer(number) for number in range(ANSWERS)])
        assert second.wait(60) == -signal.SIGKILL
        eventually("all are reported", lambda: len(outcomes(cluster)) >= ANSWERS)
    finally:
        second.kill()
        first.terminate()
        assert first.wait(30) == 0
    assert posted(simulator) == [f"answer {number}" for number in range(ANSWERS)]
    assert sorted((each.delivery_id, each.outcome) for each in outcomes(cluster)) == [
        (f"d{number}", "posted") for number in range(ANSWERS)
    ]


def test_what_the_platform_takes_but_does_not_answer_is_found_there(
    cluster: Cluster, x_settings: Settings, simulator: str
) -> None:
    know(simulator)
    fault = {"kind": "answer_lost", "times": 2}
    response = httpx.post(f"{simulator}/_simulator/faults", json=fault)
    assert response.status_code == 200, response.text
    send(cluster, [answer(number) for number in range(ANSWERS)])
    process = worker(x_settings)
    try:
        eventually("all are reported", lambda: len(outcomes(cluster)) >= ANSWERS)
    finally:
        process.terminate()
        assert process.wait(30) == 0
    assert posted(simulator) == [f"answer {number}" for number in range(ANSWERS)]
    assert sorted(each.settled_by for each in outcomes(cluster)).count("look_up") == 2


def test_what_can_not_be_looked_up_stays_open_and_a_successor_finds_it(
    cluster: Cluster, x_settings: Settings, simulator: str
) -> None:
    """A message that X took without an answer, while X answers no look-up: it is not sent again, ever."""
    know(simulator)
    for fault in ({"kind": "answer_lost", "call": "message"}, {"kind": "503", "call": "look_up", "times": 5}):
        response = httpx.post(f"{simulator}/_simulator/faults", json=fault)
        assert response.status_code == 200, response.text
    message: dict[str, Any] = {"action": "message", "visibility": "private", "recipient": "70"}
    send(cluster, [answer(0, **message)])
    first = worker(x_settings)
    eventually("it is reported", lambda: len(outcomes(cluster)) == 1, 60)
    first.terminate()
    assert first.wait(30) == 0
    assert [(each.outcome, each.reason) for each in outcomes(cluster)] == [("retry", "undecided")]
    assert [type(each) for each in records_of(cluster, "delivery.attempts")] == [AttemptBegun]
    send(cluster, [answer(0, attempt=2, **message)])
    second = worker(x_settings)
    try:
        eventually("it is settled", lambda: len(outcomes(cluster)) == 2, 60)
        send(cluster, [answer(0, attempt=3, delivery_id="d9", action="like", kind="engagement", text="")])
        eventually("the worker goes on", lambda: len(outcomes(cluster)) == 3, 60)
    finally:
        second.terminate()
        assert second.wait(30) == 0
    _, settled, liked = outcomes(cluster)
    assert (settled.outcome, settled.settled_by, settled.attempt) == ("posted", "look_up", 2)
    assert (liked.outcome, liked.item_id) == ("posted", None)
    done = httpx.get(f"{simulator}/_simulator/journal").json()["actions"]
    assert [(each["action"], each["item_id"]) for each in done] == [("message", settled.item_id), ("like", None)]
    assert [type(each) for each in records_of(cluster, "delivery.attempts")] == [
        AttemptBegun, AttemptEnded, AttemptBegun, AttemptEnded,
    ]  # fmt: skip


def test_an_account_that_waits_for_its_platform_holds_up_no_other_and_nothing_is_done_again(
    cluster: Cluster, x_settings: Settings, simulator: str
) -> None:
    """Both accounts are of one partition: the others' answers end before the first one, and the worker is killed."""
    other = next(
        name for name in map(str, itertools.count(20)) if _partition(cluster, name) == _partition(cluster, "9")
    )
    know(simulator)
    httpx.post(f"{simulator}/_simulator/faults", json={"kind": "answer_lost"}).raise_for_status()
    send(cluster, [answer(0, account="9")])
    first = worker(x_settings)
    eventually("the first is called", lambda: len(attempts(cluster, AttemptBegun)) == 1)
    send(cluster, [answer(number, account=other) for number in range(1, ANSWERS)])
    eventually("the others are reported", lambda: len(outcomes(cluster)) == ANSWERS - 1)
    assert "d0" not in {each.delivery_id for each in outcomes(cluster)}
    first.kill()
    first.wait(30)
    second = worker(x_settings)
    try:
        eventually("all are reported", lambda: len(outcomes(cluster)) >= ANSWERS)
        like: dict[str, Any] = {"action": "like", "kind": "engagement", "text": "", "in_reply_to": "1"}
        send(cluster, [answer(9, account=other, **like)])
        eventually("the worker goes on", lambda: len(outcomes(cluster)) > ANSWERS)
    finally:
        second.terminate()
        assert second.wait(30) == 0
    assert sorted((each.delivery_id, each.outcome) for each in outcomes(cluster)) == [
        (f"d{number}", "posted") for number in (*range(ANSWERS), 9)
    ]
    assert len(attempts(cluster, AttemptBegun)) == ANSWERS + 1
    assert posted(simulator) == [f"answer {number}" for number in range(ANSWERS)]


def test_a_worker_that_is_told_to_stop_brings_its_calls_to_their_end(
    cluster: Cluster, x_settings: Settings, simulator: str
) -> None:
    know(simulator)
    httpx.post(f"{simulator}/_simulator/faults", json={"kind": "time_out"}).raise_for_status()
    send(cluster, [answer(0), answer(2)])
    process = worker(x_settings)
    eventually("the first is called", lambda: len(attempts(cluster, AttemptBegun)) == 1)
    process.terminate()
    assert process.wait(30) == 0
    assert [each.delivery_id for each in outcomes(cluster)] == ["d0"], "what was not begun is left to the successor"
    assert len(attempts(cluster, AttemptBegun)) == len(attempts(cluster, AttemptEnded)) == 1


def test_a_group_that_lost_its_offsets_posts_nothing_again(
    cluster: Cluster, x_settings: Settings, simulator: str
) -> None:
    """A broker forgets the offsets of a group that was away for a week; what was asked is kept for a month."""
    know(simulator)
    send(cluster, [answer(number) for number in range(ANSWERS - 1)])
    process = worker(x_settings)
    eventually("all are reported", lambda: len(outcomes(cluster)) >= ANSWERS - 1)
    process.terminate()
    assert process.wait(30) == 0
    admin = AdminClient(clients.admin(cluster.bootstrap))
    group = cluster.catalogue.name("delivery.worker")
    eventually("the group is forgotten", lambda: _forget(admin, group), 30)
    process = worker(x_settings)
    try:
        send(cluster, [answer(ANSWERS - 1)])
        eventually("the new one is reported", lambda: len(outcomes(cluster)) >= ANSWERS)
    finally:
        process.terminate()
        assert process.wait(30) == 0
    begun = [each for each in records_of(cluster, "delivery.attempts") if isinstance(each, AttemptBegun)]
    assert sorted(each.delivery_id for each in begun) == [f"d{number}" for number in range(ANSWERS)]
    assert len(outcomes(cluster)) == ANSWERS


def attempts(cluster: Cluster, kind: type[AttemptBegun] | type[AttemptEnded]) -> list[object]:
    return [each for each in records_of(cluster, "delivery.attempts") if isinstance(each, kind)]


def _partition(cluster: Cluster, account: str) -> int:
    return partition_of(account_key("x", account), cluster.catalogue.topic("delivery.commands").partitions)


def _shares(cluster: Cluster) -> dict[str, int]:
    return shares(cluster.bootstrap, cluster.catalogue.name("delivery.worker"))


def _forget(admin: AdminClient, group: str) -> bool:
    (answered,) = admin.delete_consumer_groups([group]).values()
    return answered.exception() is None
