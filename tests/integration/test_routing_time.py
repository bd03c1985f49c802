"""Recorded time reaches routing on a real Kafka: its deadlines come when the player says so, and not before."""

import threading
from dataclasses import replace

from engine.routing.commands import RequestAgent
from engine.routing.decider import RoutingDecider
from engine.routing.events import RequestWidened
from rejoinder.cluster import Cluster
from rejoinder.play.player import time_records
from tests.log_checks import read_log
from tests.processing import agent, deployed, eventually, send, setup
from topics.catalogue import ROUTING_COMMANDS
from topics.processor import Processor
from topics.publisher import Outgoing

BEGIN = 1_500_000_000_000
"""In 2017: by the wall clock, each of its deadlines has long come."""


def request(name: str, relax_at: int) -> Outgoing:
    command = RequestAgent(
        command_id=name,
        at=BEGIN,
        request_id=name,
        interaction_id=f"{'0' * 32}.{name}",
        queue="care",
        skills=["law"],
        priority=0,
        waiting_since=BEGIN,
        relax_at=relax_at,
    )
    return Outgoing(ROUTING_COMMANDS, "main", command)


def tell_time(cluster: Cluster, at: int) -> None:
    with cluster.publisher("test") as publisher:
        publisher.publish(time_records(cluster.catalogue, ROUTING_COMMANDS, at))


def names(cluster: Cluster) -> list[str]:
    return [type(event).__name__ for event in read_log(cluster, "routing.events").events]


def test_routings_deadlines_come_when_recorded_time_has_come(kafka: str, topic_prefix: str) -> None:
    cluster = deployed(kafka, topic_prefix)
    stop = threading.Event()
    processor = Processor(replace(setup(cluster, RoutingDecider(), "1"), recorded=True))
    thread = threading.Thread(target=processor.run, args=(stop,))
    thread.start()
    try:
        send(cluster, [*agent("anna", 2), request("1", BEGIN + 20), request("2", BEGIN + 10)])
        tell_time(cluster, BEGIN + 9)
        send(cluster, [request("3", BEGIN + 30)])
        eventually("the third stands in line", lambda: names(cluster).count("RequestQueued") == 3)
        assert names(cluster).count("RequestWidened") == 0
        tell_time(cluster, BEGIN + 25)
        eventually("two are offered", lambda: names(cluster).count("Reserved") == 2)
    finally:
        stop.set()
        thread.join(30)
    log = read_log(cluster, "routing.events")
    widened = [(event.request_id, event.decided_at) for event in log.events if isinstance(event, RequestWidened)]
    assert widened == [("2", BEGIN + 10), ("1", BEGIN + 20)]
    assert log.faults == []
