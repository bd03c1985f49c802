"""kill -9 of every process of an instance, one after the other, while agents answer on both platforms."""

import json
import os
import random
import signal
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from projections.projector import connect as connect_database
from rejoinder import policy_file
from rejoinder.cluster import connect
from rejoinder.instance import find_instance
from rejoinder.settings import load
from tests.faults import checker
from tests.faults.conftest import Fault
from tests.faults.running import collected, differing, seen
from tests.faults.test_unreliable_platforms import SETTINGS, answer_all, policy, said
from tests.playing import logs
from tests.whole import Running, running, token, until
from topics.errors import KafkaUnreachable

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

INTERACTIONS = 120
AGENTS = 3
TOLD = 30
"""How many messages come in one go, between two deaths."""
PAUSE = (4.0, 8.0)
VICTIMS = ("engine", "delivery", "web", "projector", "postgres", "kafka", "delivery", "engine")


@pytest.mark.fault("an instance: kill -9 of each process")
def test_every_process_of_an_instance_dies(tmp_path: Path, fault: Fault) -> None:
    """Nothing is lost or doubled in the log, in the projections and on the platforms."""
    chance = random.Random(fault.seed)
    with running(tmp_path / "data", SETTINGS) as here, ExitStack() as stack:
        file = tmp_path / "policy.yaml"
        file.write_text(policy_file.to_yaml(policy()))
        here.command("policy", "publish", str(file))
        platform = stack.enter_context(httpx.Client(base_url=address(here, "simulator"), timeout=900))
        stop = threading.Event()
        agents = at_work(here, stop)
        for number, victim in enumerate(VICTIMS):
            told = said()[:INTERACTIONS][number * TOLD : (number + 1) * TOLD]
            if told:
                platform.post("/_simulator/customers/say", json=told).raise_for_status()
            time.sleep(chance.uniform(*PAUSE))
            fault.injected += 1
            pid = processes(here.data)[victim]
            os.kill(pid, signal.SIGKILL)
            until(f"{victim} is there again", 180, lambda v=victim, p=pid: processes(here.data).get(v, p) != p)
            fault.reached += 1
        until("everything is answered and settled", 600, lambda: is_settled(here, platform))
        stop.set()
        for thread in agents:
            thread.join(60)
        until("the projections have all", 180, lambda: is_projected(here))
        fault.over(check(here, platform))


def at_work(here: Running, stop: threading.Event) -> list[threading.Thread]:
    """Agents who answer whatever comes, by the HTTP API, and go on when it was away."""
    lead = {"Authorization": f"Bearer {token(here, 'supervisor', 'lead')}"}
    secrets = {f"agent{number}": token(here, "agent", f"agent{number}") for number in range(AGENTS)}
    threads = []
    with httpx.Client(base_url=address(here, "web"), headers=lead, timeout=30) as supervisor:
        until("the tokens are known", 30, lambda: supervisor.get("/v1/me").status_code == 200)
        for name in secrets:
            supervisor.put(f"/v1/pools/main/agents/{name}", json={"capacity": 1}).raise_for_status()
            supervisor.put(f"/v1/pools/main/agents/{name}/state", json={"state": "ready"}).raise_for_status()
    for name, secret in secrets.items():

        def work(name: str = name, secret: str = secret) -> None:
            while not stop.is_set():
                try:
                    answer_all(address(here, "web"), name, secret, stop)
                except (httpx.HTTPError, KeyError):
                    stop.wait(0.5)  # the API is away, or not ready: it was killed

        threads.append(threading.Thread(target=work, daemon=True))
        threads[-1].start()
    return threads


def address(here: Running, program: str) -> str:
    """Where a program listens now: its port may be another after it died."""
    return f"http://127.0.0.1:{find_instance(here.data).programs[program].facts['port']}"


def processes(data: Path) -> dict[str, int]:
    """The pid of each process of an instance."""
    return {each["name"]: each["pid"] for each in json.loads((data / "processes.json").read_text())}


def is_settled(here: Running, platform: httpx.Client) -> bool:
    """Whether every message that was kept opened its interaction, each has an answer, and nothing is on its way.

    While Kafka is away webhooks are not kept, and the simulator repeats them only for a while: those don't count.
    """
    failed = platform.get("/_simulator/state").json()["webhooks_failed"]
    ((begun, answered, pending),) = here.rows(
        "SELECT (SELECT count(*) FROM contact_history.interaction),"
        " count(DISTINCT interaction_id), count(*) FILTER (WHERE status = 'pending')"
        " FROM contact_history.message WHERE direction = 'out'"
    )
    return bool(INTERACTIONS - failed <= begun == answered and pending == 0)


def is_projected(here: Running) -> bool:
    """Whether the audit trail has grown to the log's end. Kafka may still be starting."""
    try:
        run = collected(connect(load({"data": str(here.data)}), here.instance.bootstrap))
    except KafkaUnreachable:
        return False
    return here.rows("SELECT count(*) FROM audit.event") == [(len(run.events),)]


def check(here: Running, platform: httpx.Client) -> list[checker.Violation]:
    cluster = connect(load({"data": str(here.data)}), here.instance.bootstrap)
    run = collected(cluster)
    actions = platform.get("/_simulator/journal").json()["actions"]
    with connect_database(here.instance.dsn) as connection:
        run.seen = seen(connection)
        found = [*differing(cluster, here.instance.dsn), *checker.whole(run), *checker.posts(actions)]
    print(f"{len(run.commands)} commands, {len(run.events)} events, {len(actions)} posts")
    if found:
        print(logs(here.data))
    return found
