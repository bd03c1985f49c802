"""Platforms that fail, lose answers, repeat and reorder, and a delivery worker that is killed: every answer once.

2,000 interactions on all channels, half of them answered by agents over the API and half by a rule. What was posted
is read from the simulated platforms' journal, what customers wrote from the history.
"""

import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from engine.policy.document import Account, Filter, Notice, Policy, Queue
from rejoinder import policy_file
from rejoinder.cluster import connect
from rejoinder.instance import find_instance
from rejoinder.settings import load
from tests.log_checks import read_log
from tests.playing import logs
from tests.whole import Running, running, token, until

pytestmark = [pytest.mark.timeout(3000), pytest.mark.slow]

INTERACTIONS: Final = int(os.environ.get("UNRELIABLE_INTERACTIONS", "2000"))
KILLS: Final = 10
BETWEEN_KILLS: Final = 15.0
"""Seconds: a program that dies more than five times in a minute is given up."""
AGENTS: Final = 8
ACCOUNTS: Final = 10
"""Of each kind. A platform's limits are an account's, so one account's answers go out one after the other."""
FAULTS: Final = {"fail": 0.3, "lose_answer": 0.05, "duplicate": 0.2, "reorder": 0.2, "reset_ms": 500}

SETTINGS: Final = {"x.call_timeout": "1", "meta.call_timeout": "1"}

Json = dict[str, Any]


def kinds() -> list[tuple[str, str, str]]:
    """Channel, account and what customers do there, one after the other."""
    found = []
    for number in range(ACCOUNTS):
        found += [
            ("x", f"41{number:03d}", "mention"),
            ("x", f"42{number:03d}", "direct_message"),
            ("facebook", f"43{number:03d}", "comment"),
            ("messenger", f"44{number:03d}", "message"),
        ]
    return found


def policy() -> Policy:
    accounts = tuple(
        Account(channel=channel, id=account, handle=f"care{account}", queue="care")  # type: ignore[arg-type]
        for channel, account, _ in kinds()
    )
    return Policy(
        name="unreliable",
        accounts=accounts,
        queues=(Queue(name="care"),),
        filters=(Filter(name="auto", any=("by itself",), action="answer", template="auto", then="close"),),
        notices=(Notice(name="auto", text={"en": "{handle} {name} this is automatic"}),),
        accept_within=None,
        session_idle=None,
        retry_every="1s",
        retry_for="30m",
        notice_max_age="6h",
        weights={"x": 0, "facebook": 0, "messenger": 0},
    )


def said() -> list[Json]:
    places = kinds()
    listed = []
    for number in range(INTERACTIONS):
        channel, account, kind = places[number % len(places)]
        person = str(9_000_000_000_000_000_000 + number)
        text = f"number {number} {'by itself' if number // len(places) % 2 else 'by an agent'}"
        speaker = {"id": person, "screen_name": f"p{number}" if channel == "x" else None, "name": f"Person {number}"}
        listed.append({"channel": channel, "kind": kind, "account": account, "from": speaker, "text": text})
    return listed


def answer_all(web: str, agent: str, token: str, stop: threading.Event) -> None:
    """An agent who accepts what is offered and answers what is accepted, as often as it takes: a repeat is harmless.

    What was accepted is looked up: who accepted it may have been stopped before the answer.
    """
    headers = {"Authorization": f"Bearer {token}"}
    answered: set[str] = set()
    with httpx.Client(base_url=web, headers=headers, timeout=30) as http:

        def listed(what: str) -> list[str]:
            found = http.get(f"/v1/agents/{agent}/{what}")
            return [one["interaction_id"] for one in found.json()] if found.is_success else []

        def post(what: str, where: str, body: Json) -> bool:
            key = {"Idempotency-Key": f"{what}-{where}"}
            return http.post(f"/v1/interactions/{where}/{what}", json=body, headers=key).is_success

        while not stop.is_set():
            accepted = [where for where in listed("offers") if post("accept", where, {})]
            for where in {*accepted, *listed("interactions")} - answered:
                if post("replies", where, {"text": f"Answer to {where}"}):
                    answered.add(where)
            stop.wait(0.2)


def test_every_answer_is_there_once_or_stands_with_a_person(tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    with running(tmp_path / "data", SETTINGS) as here, ExitStack() as stack:
        web, simulator = here.address("web"), here.address("simulator")
        file = tmp_path / "policy.yaml"
        file.write_text(policy_file.to_yaml(policy()))
        here.command("policy", "publish", str(file))
        platform = stack.enter_context(httpx.Client(base_url=simulator, timeout=900))
        lead = token(here, "supervisor", "lead")
        supervisor = stack.enter_context(
            httpx.Client(base_url=web, headers={"Authorization": f"Bearer {lead}"}, timeout=30)
        )
        stop = threading.Event()
        threads = []
        for number in range(AGENTS):
            agent = f"agent{number}"
            secret = token(here, "agent", agent)
            until("the token is known", 20, lambda: supervisor.get("/v1/me").status_code == 200)
            supervisor.put(f"/v1/pools/main/agents/{agent}", json={"capacity": 1}).raise_for_status()
            supervisor.put(f"/v1/pools/main/agents/{agent}/state", json={"state": "ready"}).raise_for_status()
            threads.append(threading.Thread(target=answer_all, args=(web, agent, secret, stop), daemon=True))
        platform.put("/_simulator/settings", json={"silence_ms": 1500}).raise_for_status()
        platform.put("/_simulator/faults", json={"seed": seed, **FAULTS}).raise_for_status()
        for thread in threads:
            thread.start()
        kills = stack.enter_context(_killing(here, random.Random(seed)))
        platform.post("/_simulator/customers/say", json=said()).raise_for_status()
        until(
            "all were received",
            300,
            lambda: _count(here, "SELECT count(*) FROM contact_history.interaction") >= INTERACTIONS,
        )
        asked = "SELECT count(DISTINCT interaction_id) FROM contact_history.message WHERE direction = 'out'"
        until("all were answered", 900, lambda: _count(here, asked) >= INTERACTIONS)
        until("nothing is under way", 1800, lambda: kills.is_set() and _all_is_settled(here))
        stop.set()
        for thread in threads:
            thread.join(60)
        platform.delete("/_simulator/faults")
        _check(here, platform)
        settings = load({"data": str(here.data)})
        log = read_log(connect(settings, here.instance.bootstrap))
        assert log.faults == [], logs(here.data)


def _all_is_settled(here: Running) -> bool:
    """Nothing is on its way, and whatever a rule could not settle was answered by an agent."""
    (settled,) = here.rows(
        "SELECT count(*) FILTER (WHERE status = 'pending') = 0 AND count(*) ="
        f" {INTERACTIONS} + count(*) FILTER (WHERE kind = 'answer' AND status = 'abandoned')"
        " FROM contact_history.message WHERE direction = 'out'"
    )
    return bool(settled[0])


def _count(here: Running, query: str) -> int:
    return int(here.rows(query)[0][0])


@contextmanager
def _killing(here: Running, chance: random.Random) -> Iterator[threading.Event]:
    """Kills the delivery worker again and again while other things go on."""
    done, stop = threading.Event(), threading.Event()

    def kill() -> None:
        for _ in range(KILLS):
            if stop.wait(BETWEEN_KILLS + chance.random() * 3):
                return
            os.kill(find_instance(here.data).programs["delivery"].pid, signal.SIGKILL)
        done.set()

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    try:
        yield done
    finally:
        stop.set()
        killer.join(10)


def _check(here: Running, platform: httpx.Client) -> None:
    """Each customer's message once in the history; each answer once on the platform, or with a person."""
    incoming = Counter(text for (text,) in here.rows("SELECT text FROM contact_history.message WHERE direction = 'in'"))
    assert incoming == Counter(one["text"] for one in said())
    actions = platform.get("/_simulator/journal").json()["actions"]
    posted = Counter((one["channel"], one["account"], one["target"], one["recipient"], one["text"]) for one in actions)
    doubled = [place for place, count in posted.items() if count > 1]
    assert doubled == []
    outgoing = here.rows("SELECT kind, status, reason FROM contact_history.message WHERE direction = 'out'")
    statuses = Counter(status for _, status, _ in outgoing)
    reasons = Counter(reason for _, status, reason in outgoing if status not in ("posted", "pending"))
    handed = sum(kind == "answer" and status == "abandoned" for kind, status, _ in outgoing)
    print(f"answers: {dict(statuses)}; not posted: {dict(reasons)}; on the platforms: {len(actions)}")
    assert set(statuses) <= {"posted", "abandoned", "failed"}
    assert statuses["posted"] <= len(actions) <= statuses["posted"] + statuses["abandoned"]
    assert set(reasons) <= {"undecided"}, reasons
    assert sum(statuses.values()) == INTERACTIONS + handed, "a rule's answer that is undecided goes to an agent"
