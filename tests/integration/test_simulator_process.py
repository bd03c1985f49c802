"""The simulator as a process of its own: both platforms on one port, with the secrets that it is given."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from channels.simulator.meta_credentials import page_token
from channels.simulator.x_credentials import app_token
from channels.x.client import auth_of
from tests.meta_samples import PAGE

X_SECRET, META_SECRET = "x-secret", "meta-secret"


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[str]:
    """The address of a running one."""
    for name, secret in (("x", X_SECRET), ("meta", META_SECRET), ("verify", "verify me")):
        (tmp_path / name).write_text(secret + "\n")
    ready = tmp_path / "ready"
    command = [
        sys.executable, "-m", "channels.simulator", "--secret-file", str(tmp_path / "x"), "--meta-secret-file",
        str(tmp_path / "meta"), "--meta-verify-token-file", str(tmp_path / "verify"), "--ready-file", str(ready),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not ready.exists():
            assert process.poll() is None, "the simulator ended"
            assert time.monotonic() < deadline, "the simulator did not start"
            threading.Event().wait(0.05)
        yield f"http://127.0.0.1:{ready.read_text().strip()}"
    finally:
        process.terminate()
        process.wait(30)


def test_both_platforms_are_there_with_the_secrets_that_were_given(simulator: str) -> None:
    with httpx.Client(base_url=simulator, trust_env=False, timeout=30) as http:
        token = {"Authorization": f"Bearer {page_token(META_SECRET, PAGE)}"}
        assert http.get("/graph/v26.0/me", headers=token).json()["id"] == PAGE
        assert http.get("/2/webhooks", auth=auth_of(app_token(X_SECRET))).status_code == 200
        assert http.get("/2/webhooks", auth=auth_of(app_token(META_SECRET))).status_code == 401


def test_a_connection_breaks_once_and_the_next_call_is_answered(simulator: str) -> None:
    with httpx.Client(base_url=simulator, trust_env=False, timeout=30) as http:
        http.post("/_simulator/faults", json={"kind": "look_up_reset", "channel": "meta"}).raise_for_status()
        token = {"Authorization": f"Bearer {page_token(META_SECRET, PAGE)}"}
        with pytest.raises(httpx.RemoteProtocolError):
            http.get(f"/graph/v26.0/{PAGE}", headers=token)
        assert http.get(f"/graph/v26.0/{PAGE}", headers=token).status_code == 200


@pytest.mark.parametrize("option", ["--secret-file", "--meta-secret-file", "--meta-verify-token-file"])
def test_a_secret_that_is_not_there_is_one_clear_sentence(tmp_path: Path, option: str) -> None:
    (tmp_path / "x").write_text(X_SECRET)
    command = [sys.executable, "-m", "channels.simulator", "--secret-file", str(tmp_path / "x")]
    done = subprocess.run(
        [*command, option, str(tmp_path / "none")], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "none: the file with" in done.stderr
    assert option in done.stderr
    assert len(done.stderr.splitlines()) == 1
