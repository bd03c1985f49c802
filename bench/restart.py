"""From kill -9 of a worker to the first event of its successor, however many contacts and however long the log."""

import shutil
import time
from collections.abc import Iterator
from statistics import median
from typing import Final

from confluent_kafka import Consumer, TopicPartition

from bench.measure import BenchFailed, Measure
from bench.population import PATIENCE, Population
from bench.processes import STOP_GRACE, await_ready, begin, kill, wait_for
from bench.progress import say
from bench.run import Run
from rejoinder.children import Child
from topics import clients
from topics.catalogue import INTERACTION_EVENTS, INTERACTION_SNAPSHOTS
from topics.reading import high_watermarks

LENGTH: Final = 10
STRIDE: Final = 2_000
"""Messages that a worker decides before it is killed."""


def measure(run: Run) -> Iterator[Measure]:
    """With all contacts, and with fewer at two lengths of their log; on the machine where it died and on a new one."""
    rounds = run.sizes.rounds
    for contacts, name in ((run.sizes.contacts, "restart"), (run.sizes.long_contacts, "restart_fewer")):
        population = run.population(contacts)
        here, anew = _restarts(population, rounds)
        yield _told(name, here, population)
        yield _told(f"{name}_new_machine", anew, population, median(here), name)
    fewer, anew_fewer = median(here), median(anew)
    population = run.population(run.sizes.long_contacts, LENGTH)
    here, anew = _restarts(population, rounds)
    yield _told("restart_long_log", here, population, fewer, "restart_fewer")
    yield _told("restart_long_log_new_machine", anew, population, anew_fewer, "restart_fewer_new_machine")


def _told(
    name: str, seconds: list[float], population: Population, other: float | None = None, against: str | None = None
) -> Measure:
    detail = {
        "contacts": population.contacts,
        "events": population.events,
        "snapshot_records": _records_of_snapshots(population),
        "read_from_the_log_in": round(population.read_in, 1),
        "rounds": [round(each, 2) for each in seconds],
    }
    value = median(seconds)
    return Measure(name, round(value, 2), "s", None if other is None else round(value / other, 2), against, detail)


def _restarts(population: Population, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds from the death to the first new event: on the same machine in some rounds, and once on a new one."""
    child = begin("engine", population.settings, population.logs)
    here: list[float] = []
    try:
        await_ready(child, population.logs, PATIENCE)
        for number in range(rounds):
            _work(population, number)
            seconds, child = _killed(population, child, number)
            here.append(seconds)
        _work(population, rounds)
        anew, child = _killed(population, child, rounds, new_machine=True)
    finally:
        child.stop(STOP_GRACE)
    return here, [anew]


def _work(population: Population, number: int) -> None:
    """Lets the worker decide something, until all of it is committed, so that it is warm."""
    population.ask(population.messages(STRIDE, number))
    wait_for("the worker has decided what was asked", population.group().is_at_end, PATIENCE, every=0.1)


def _killed(population: Population, child: Child, number: int, new_machine: bool = False) -> tuple[float, Child]:
    """Kills it amid its work, and starts another; gives the seconds to the first event that was not there before."""
    cluster = population.cluster
    topic = cluster.catalogue.topic(INTERACTION_EVENTS)
    partitions = range(topic.partitions)
    message = population.messages(1, 9_000 + number)
    before = high_watermarks(cluster.broker, topic.name, partitions)
    population.ask(population.messages(STRIDE, 8_000 + number))
    wait_for(
        "it works", lambda: high_watermarks(cluster.broker, topic.name, partitions) != before, PATIENCE, child, 0.0
    )
    kill(child)
    began = time.perf_counter()
    ends = high_watermarks(cluster.broker, topic.name, partitions)
    if new_machine:
        shutil.rmtree(population.settings.data / "state")
        began = time.perf_counter()
    population.ask(message)  # if all else was decided already
    successor = begin("engine", population.settings, population.logs)
    consumer = Consumer(clients.reader(cluster.bootstrap, "bench-restart"))
    try:
        consumer.assign([TopicPartition(topic.name, partition, end) for partition, end in ends.items()])
        while True:
            if any(record.error() is None for record in consumer.consume(1, 0.05)):
                break
            if successor.exit_code is not None or time.perf_counter() - began > PATIENCE:
                raise BenchFailed("the successor wrote no event")
    except BaseException:
        successor.stop(STOP_GRACE)
        raise
    finally:
        consumer.close()
    seconds = time.perf_counter() - began
    say(f"killed, and the first event after {seconds:.2f} s{' on a new machine' if new_machine else ''}")
    return seconds, successor


def _records_of_snapshots(population: Population) -> int:
    """How many there are: with none, a new machine reads the whole log."""
    topic = population.cluster.catalogue.topic(INTERACTION_SNAPSHOTS)
    return sum(high_watermarks(population.cluster.broker, topic.name, range(topic.partitions)).values())
