"""Transactions of which the worker does not learn what became of them."""

import random
import time
from pathlib import Path

import pytest

from rejoinder.embedded.ports import LOOPBACK, free_ports
from tests.brokers import brokers
from tests.faults.conftest import Fault
from tests.faults.proxy import END_TXN, TXN_OFFSET_COMMIT, Loss, proxy
from tests.faults.running import eventually, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

TIMES = 4
SILENT_TIMES = 2


@pytest.mark.fault("the end of a transaction")
@pytest.mark.parametrize(
    ("call", "loss"),
    [
        pytest.param(END_TXN, Loss.ANSWER, id="answer lost"),
        pytest.param(END_TXN, Loss.SILENCE, id="answer never comes"),
        pytest.param(END_TXN, Loss.REQUEST, id="request lost"),
        pytest.param(TXN_OFFSET_COMMIT, Loss.ANSWER, id="answer about offsets lost"),
    ],
)
def test_what_became_of_a_transaction_is_unknown(
    database: str, tmp_path: Path, fault: Fault, call: int, loss: Loss
) -> None:
    chance = random.Random(fault.seed)
    inner, outer = free_ports(2)
    with (
        brokers(tmp_path / "kafka", 1, proxied=(inner, outer)) as kafka,
        proxy(outer, inner) as between,
        running(kafka.bootstrap, "", tmp_path, fault.seed, dsn=database, via=f"{LOOPBACK}:{outer}") as run,
    ):
        run.worker()
        run.goes_on()
        for _ in range(SILENT_TIMES if loss is Loss.SILENCE else TIMES):
            time.sleep(chance.uniform(0.5, 1.5))
            fault.injected += 1
            between.lose(call, loss)
            eventually("it is lost", lambda: between.waiting == 0)
            run.goes_on()  # a call is tried five times for eight seconds
        fault.reached = between.lost[(call, loss)]
        run.rest()
        fault.over(run.check())
