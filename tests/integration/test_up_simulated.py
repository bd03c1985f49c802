"""`rejoinder up` with simulated platforms: both sides are there, and what customers write on each channel comes in."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from rejoinder.instance import HEALTH_KEY, find_instance
from rejoinder.settings import variable_of
from tests.processing import ROOT, eventually

SAID: list[dict[str, Any]] = [
    {"channel": "x", "kind": "mention", "account": "42", "from": {"id": "7", "screen_name": "jo"}, "text": "@acme hi"},
    {"channel": "x", "kind": "direct_message", "account": "42", "from": {"id": "7"}, "text": "hi"},
    {"channel": "facebook", "kind": "comment", "account": "77", "from": {"id": "8"}, "text": "hi", "post_id": "77_1"},
    {"channel": "messenger", "kind": "message", "account": "77", "from": {"id": "9"}, "text": "hi"},
]  # fmt: skip


@pytest.mark.timeout(240)
def test_up_starts_the_simulator_with_our_webhooks(
    kafka: str, database: str, topic_prefix: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    given = {
        "data": str(data), "kafka.bootstrap": kafka, "postgres.dsn": database, "topics.prefix": topic_prefix,
        "topics.partitions": "2", "home.secret": "s" * 32, "x.simulated": "true", "meta.simulated": "true",
    }  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **{variable_of(name): each for name, each in given.items()}}
    told = tmp_path / "told"
    with told.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "rejoinder", "up"], cwd=ROOT, env=environment, stdout=out, stderr=out
        )
    try:
        eventually(
            "everything runs", lambda: process.poll() is not None or b"The simulator plays" in told.read_bytes(), 180
        )
        assert process.poll() is None, told.read_text()
        programs = find_instance(data).programs
        web = f"http://127.0.0.1:{programs['web'].facts['port']}"
        assert f"Webhooks: {web}/webhooks/x\nWebhooks: {web}/webhooks/meta\n" in told.read_text()
        with httpx.Client(trust_env=False, timeout=30) as http:
            simulator = f"http://127.0.0.1:{programs['simulator'].facts['port']}"
            for each in SAID:
                answer = http.post(f"{simulator}/_simulator/customers/say", json=each)
                assert answer.status_code == 200, answer.text
                assert answer.json()["delivered"]
            assert http.get(f"{web}/health").json() == {"status": "ok"}
            key = programs["web"].facts[HEALTH_KEY]
            counted = http.get(f"{web}/health", headers={"Authorization": f"Bearer {key}"}).json()
            assert http.get(f"{web}/v1/me").status_code == 401
        assert (counted["commands"], counted["dead_letters"], counted["unsigned"]) == (len(SAID), 0, 0)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(60)
    assert process.returncode == 0, told.read_text()
