"""Calls of a transaction have an end, whatever the client does."""

import os
import signal
import subprocess
import sys
import time

import pytest

from topics import watchdog

STANDS = """
import os, sys, threading
from topics import watchdog

def commit_transaction(seconds):
    threading.Event().wait(60)

watchdog.GRACE = watchdog.EVERY = 0.1
"""
CALL = """
watchdog.watched(commit_transaction, 0.1)
print("it ended")
"""
FORK = """
watchdog.watched(lambda seconds: None, 0.1)
child = os.fork()
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_one_is_watched_until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    overdue: list[str] = []
    monkeypatch.setattr(watchdog, "GRACE", -1.0)  # from its beginning
    monkeypatch.setattr(watchdog, "_end", lambda call: overdue.append(call.name))
    made: list[tuple[int, float]] = []

    def send(number: int, seconds: float) -> None:
        watchdog.look()
        made.append((number, seconds))

    def fail(seconds: float) -> None:
        watchdog.look()
        raise LookupError("gone")

    watchdog.watched(send, 1, 0.2)
    assert made == [(1, 0.2)]
    with pytest.raises(LookupError, match="gone"):
        watchdog.watched(fail, 0.2)
    assert set(overdue) == {"send", "fail"}
    overdue.clear()
    watchdog.look()
    assert overdue == []


def test_one_in_time_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    overdue: list[str] = []
    monkeypatch.setattr(watchdog, "_end", lambda call: overdue.append(call.name))
    watchdog.watched(lambda seconds: watchdog.look(), 60.0)
    assert overdue == []


@pytest.mark.parametrize("before", ["", FORK], ids=["a process", "a child that was forked"])
def test_one_that_stands_ends_the_process_and_says_so(before: str) -> None:
    program = [sys.executable, "-c", STANDS + before + CALL]
    done = subprocess.run(program, check=False, capture_output=True, text=True, timeout=50)
    assert done.returncode == 1
    assert "does not end" in done.stdout
    assert "commit_transaction" in done.stdout
    assert "it ended" not in done.stdout


SLEEPER = """
import sys
from topics import watchdog

def commit_transaction(seconds):
    print("begun", flush=True)
    sys.stdin.readline()

watchdog.GRACE, watchdog.EVERY = 2.0, 0.1
watchdog.watched(commit_transaction, 0.5)
print("it ended")
"""


def test_one_that_was_due_while_the_process_was_stopped_may_still_end() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SLEEPER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGSTOP)
        time.sleep(3.5)
        process.send_signal(signal.SIGCONT)
        time.sleep(0.5)  # in which it looks
        told, _ = process.communicate("\n", timeout=50)
    assert told == "it ended\n"
    assert process.returncode == 0


def test_one_that_stands_ends_the_process_also_where_nobody_reads_what_it_says() -> None:
    reads, writes = os.pipe()
    os.close(reads)
    try:
        program = [sys.executable, "-c", STANDS + CALL]
        done = subprocess.run(program, check=False, stdout=writes, stderr=subprocess.DEVNULL, timeout=50)
    finally:
        os.close(writes)
    assert done.returncode == 1
