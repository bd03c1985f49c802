"""Brokers that die, restart, or are away for a while."""

import random
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.brokers import Brokers, brokers
from tests.faults.conftest import Fault
from tests.faults.running import Running, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

AWAY_SECONDS = 30.0
BETWEEN = (3.0, 6.0)


@pytest.mark.fault("the only broker: kill -9, and a clean restart")
def test_the_only_broker_dies_and_restarts(database: str, tmp_path: Path, fault: Fault) -> None:
    chance = random.Random(fault.seed)
    with (
        brokers(tmp_path / "kafka", 1) as kafka,
        running(kafka.bootstrap, "", tmp_path, fault.seed, dsn=database) as run,
    ):
        run.worker()
        run.goes_on()
        for end in (kafka.kill, kafka.stop, kafka.kill):
            fault.injected += 1
            time.sleep(chance.uniform(*BETWEEN))
            end()
            kafka.start()
            run.goes_on()
            fault.reached += 1
        run.rest()
        fault.over(run.check())


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Brokers]:
    """Three brokers."""
    with brokers(tmp_path / "kafka", 3) as kafka:
        yield kafka


def replicated(kafka: Brokers, database: str, folder: Path, seed: int) -> AbstractContextManager[Running]:
    """A run whose topics have three copies."""
    return running(kafka.bootstrap, "", folder, seed, dsn=database, replication=3)


@pytest.mark.fault("one of three brokers: kill -9")
def test_one_of_three_brokers_is_lost(three: Brokers, database: str, tmp_path: Path, fault: Fault) -> None:
    """Each in turn, that which leads a partition first; work goes on while it is away."""
    with replicated(three, database, tmp_path, fault.seed) as run:
        run.worker()
        run.goes_on()
        leader = three.leader_of("interaction.events", 0)
        for number in (leader, *(each for each in three.numbers if each != leader)):
            three.wait_in_sync()
            fault.injected += 1
            three.kill(number)
            run.goes_on()
            fault.reached += 1
            three.start(number)
        run.rest()
        fault.over(run.check())


@pytest.mark.fault("one of three brokers: SIGSTOP")
def test_one_of_three_brokers_does_not_answer(three: Brokers, database: str, tmp_path: Path, fault: Fault) -> None:
    with replicated(three, database, tmp_path, fault.seed) as run:
        run.worker()
        run.goes_on()
        three.wait_in_sync()
        leader = three.leader_of("interaction.events", 0)
        fault.injected += 1
        three.freeze(leader)
        run.goes_on()
        fault.reached += 1
        three.thaw(leader)
        three.wait_in_sync()
        run.rest()
        fault.over(run.check())


@pytest.mark.fault("all brokers down for 30 s")
def test_all_brokers_are_down_for_a_while(three: Brokers, database: str, tmp_path: Path, fault: Fault) -> None:
    with replicated(three, database, tmp_path, fault.seed) as run:
        worker = run.worker()
        run.goes_on()
        three.wait_in_sync()
        fault.injected += 1
        three.kill()
        time.sleep(AWAY_SECONDS)
        three.start()
        run.goes_on()
        run.rest()
        hit = worker.said("starting again from the log") + worker.said("transaction aborted") + len(worker.codes)
        fault.reached += min(1, hit)
        fault.how = f"sent again {run.sent.again} times, worker ended {len(worker.codes)} times;"
        fault.over(run.check())
