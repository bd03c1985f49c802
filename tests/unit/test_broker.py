"""Calls of a transaction have an end, whatever the client does."""

import subprocess
import sys
import time

import pytest

from topics import broker

STANDS = """
import threading
from topics import broker

def commit_transaction(seconds):
    threading.Event().wait(60)

broker.GRACE = 0.1
broker.watched(commit_transaction, 0.1)
print("it ended")
"""


def test_one_that_ends_ends_as_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []
    monkeypatch.setattr(broker, "GRACE", 0.0)
    monkeypatch.setattr(broker, "_end", lambda call, seconds: ended.append(call))
    made: list[tuple[int, float]] = []

    def send(number: int, seconds: float) -> None:
        made.append((number, seconds))

    def fail(seconds: float) -> None:
        raise LookupError("gone")

    broker.watched(send, 1, 0.2)
    assert made == [(1, 0.2)]
    with pytest.raises(LookupError, match="gone"):
        broker.watched(fail, 0.2)
    time.sleep(0.4)
    assert ended == []  # nobody watches any more


def test_one_that_stands_ends_the_process_and_says_so() -> None:
    done = subprocess.run([sys.executable, "-c", STANDS], check=False, capture_output=True, text=True, timeout=50)
    assert done.returncode == 1
    assert "does not end" in done.stdout
    assert "commit_transaction" in done.stdout
    assert "it ended" not in done.stdout
