"""`rejoinder up` with simulated platforms: both sides are there, and what customers write on each channel comes in."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from rejoinder.instance import HEALTH_KEY
from tests.instances import up

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
    with up(tmp_path / "data", kafka, database, topic_prefix) as instance:
        web = instance.address("web")
        assert f"Webhooks: {web}/webhooks/x\nWebhooks: {web}/webhooks/meta\n" in instance.told.read_text()
        assert all([instance.say(each) for each in SAID])
        with httpx.Client(trust_env=False, timeout=30) as http:
            assert http.get(f"{web}/health").json() == {"status": "ok"}
            key = instance.programs()["web"].facts[HEALTH_KEY]
            counted = http.get(f"{web}/health", headers={"Authorization": f"Bearer {key}"}).json()
            assert http.get(f"{web}/v1/me").status_code == 401
        assert (counted["commands"], counted["dead_letters"], counted["unsigned"]) == (len(SAID), 0, 0)
