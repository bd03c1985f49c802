"""Workers that die at each point of a batch, come and go, or fall asleep and wake up as zombies."""

import random
import signal
import time
from pathlib import Path

import msgspec
import pytest

from tests.faults.conftest import Fault
from tests.faults.running import Running, Worker, eventually, running
from tests.faults.worker import Orders
from topics.clients import SESSION_TIMEOUT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

POINTS = ("consumed", "decided", "produced", "offsets", "committed", "shelved", "stored")
BATCHES = 12
"""Within how many batches after its start a worker dies."""
STORM_SECONDS = 30.0
STORM_WORKERS = 4
FROZEN_SECONDS = SESSION_TIMEOUT / 1000 + 5
TAKEN = "partitions taken"


@pytest.mark.fault("SIGKILL of a worker")
@pytest.mark.parametrize("point", POINTS)
def test_a_worker_that_dies_at_a_point_of_a_batch(
    kafka: str, database: str, topic_prefix: str, tmp_path: Path, fault: Fault, point: str
) -> None:
    """Twice in the decider of interactions, twice in that of routing."""
    chance = random.Random(fault.seed)
    deciders = ("interaction", "routing", "interaction", "routing")
    fault.injected = len(deciders)
    with running(kafka, topic_prefix, tmp_path, fault.seed, dsn=database) as run:

        def orders(start: int) -> Orders:
            if start >= len(deciders):
                return run.orders
            return msgspec.structs.replace(run.orders, crash=(deciders[start], point, chance.randint(2, BATCHES)))

        worker = run.worker("1", orders)
        eventually("it has died each time", lambda: worker.codes.count(-signal.SIGKILL) >= len(deciders))
        fault.reached = worker.codes.count(-signal.SIGKILL)
        run.goes_on()
        run.rest()
        fault.over(run.check())


def fallen_asleep(run: Running, decider: str, only_deadlines: bool) -> Worker:
    """A worker that sleeps between deciding a batch and its transaction."""
    armed = run.folder / "armed"
    zombie = run.worker("1", freeze=(decider, "decided"), armed=str(armed))
    run.goes_on()
    if only_deadlines:
        run.customers.silent.set()
        run.desk.idle.set()
        run.customers.join()
        before = -1
        while before != (before := run.desk.events):
            time.sleep(1)
    armed.touch()
    eventually("it falls asleep", zombie.is_frozen)
    return zombie


@pytest.mark.fault("SIGSTOP past the session, then a zombie")
@pytest.mark.parametrize("decider", ["interaction", "routing"])
def test_a_zombie_wakes_up_amid_a_batch(
    kafka: str, database: str, topic_prefix: str, tmp_path: Path, fault: Fault, decider: str
) -> None:
    """It has decided, and begins its transaction when others have its partitions: its producer is as good as ever."""
    with running(kafka, topic_prefix, tmp_path, fault.seed, dsn=database) as run:
        fault.injected += 1
        zombie = fallen_asleep(run, decider, only_deadlines=False)
        successor = run.worker("2")
        eventually("another has its partitions", lambda: successor.said(TAKEN) >= 2)
        run.goes_on()
        time.sleep(FROZEN_SECONDS)
        zombie.signal(signal.SIGCONT)
        eventually("it was refused", lambda: refused(zombie) > 0)
        fault.reached += 1
        run.goes_on()
        run.rest()
        fault.over(run.check())


@pytest.mark.fault("SIGSTOP past the session, a deadline alone")
def test_a_zombie_wakes_up_amid_a_deadline(
    kafka: str, database: str, topic_prefix: str, tmp_path: Path, fault: Fault
) -> None:
    """There is nothing but an offer's deadline to write: no command's offset, and still it is refused."""
    with running(kafka, topic_prefix, tmp_path, fault.seed, dsn=database) as run:
        fault.injected += 1
        zombie = fallen_asleep(run, "interaction", only_deadlines=True)
        before = run.committed("interaction.processor", "interaction.commands")
        successor = run.worker("2")
        eventually("another has its partitions", lambda: successor.said(TAKEN) >= 2)
        time.sleep(FROZEN_SECONDS)
        zombie.signal(signal.SIGCONT)
        eventually("it was refused", lambda: refused(zombie) > 0)
        fault.reached += 1
        assert before
        run.rest()
        fault.over(run.check())


def refused(worker: Worker) -> int:
    """How often its transaction was not taken."""
    return worker.said("transaction aborted") + worker.said("starting again from the log")


@pytest.mark.fault("workers join and leave, told or killed")
def test_workers_come_and_go(kafka: str, database: str, topic_prefix: str, tmp_path: Path, fault: Fault) -> None:
    chance = random.Random(fault.seed)
    with running(kafka, topic_prefix, tmp_path, fault.seed, dsn=database) as run:
        names = [str(number) for number in range(1, STORM_WORKERS + 1)]
        here: dict[str, Worker] = {"1": run.worker("1")}
        began = time.monotonic()
        while time.monotonic() - began < STORM_SECONDS:
            time.sleep(chance.uniform(0.5, 3.0))
            name, fault.injected = chance.choice(names), fault.injected + 1
            if name not in here:
                here[name] = run.worker(name)
            elif chance.random() < 0.5:
                here[name].kill()
            else:
                run.take_away(here.pop(name))
        if not here:
            here["1"] = run.worker("1")
        run.goes_on()
        run.rest()
        everybody = [*here.values(), *run.gone]
        fault.reached = sum(each.said(TAKEN) for each in everybody)
        fault.over(run.check())
