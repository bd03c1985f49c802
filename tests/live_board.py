"""What reporting's views say of a window, to be held against the wallboard; and the program that makes it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from projections.live.board import Board
from projections.queries.wallboard import wallboard
from rejoinder.instance import metrics_file
from rejoinder.settings import READY_VARIABLE, variable_of
from tests.processing import ROOT, eventually

QUEUES = """
SELECT f.queue,
       count(*) FILTER (WHERE f.outcome <> 'filtered' AND f.opened_at > w.since AND f.opened_at <= w.at) AS opened,
       count(*) FILTER (WHERE f.outcome = 'answered' AND f.first_response_at > w.since AND f.first_response_at <= w.at)
           AS answered,
       count(*) FILTER (WHERE f.state = 'queued') AS waiting,
       min((SELECT max(t.at) FROM reporting.fct_transition t
            WHERE t.interaction_id = f.interaction_id AND t.event_type = 'Queued')) FILTER (WHERE f.state = 'queued')
           AS oldest_waiting_since,
       count(*) FILTER (WHERE f.state = 'assigned') AS with_agents,
       count(*) FILTER (WHERE f.target = 'met' AND f.answer_by > w.since AND f.answer_by <= w.at) AS target_met,
       count(*) FILTER (WHERE f.target = 'missed' AND f.answer_by > w.since AND f.answer_by <= w.at) AS target_missed,
       count(*) FILTER (WHERE f.outcome = 'open' AND f.answer_by > w.at) AS target_running
FROM reporting.fct_interaction f, (SELECT %(since)s::timestamptz AS since, %(at)s::timestamptz AS at) w
GROUP BY f.queue ORDER BY f.queue
"""
ACCOUNTS = """
SELECT account_key, queue,
       count(*) FILTER (WHERE outcome <> 'filtered' AND opened_at > %(since)s AND opened_at <= %(at)s) AS opened,
       count(*) FILTER (WHERE outcome = 'filtered' AND opened_at > %(since)s AND opened_at <= %(at)s) AS filtered,
       count(*) FILTER (WHERE outcome = 'answered' AND first_response_at > %(since)s AND first_response_at <= %(at)s)
           AS answered
FROM reporting.fct_interaction GROUP BY 1, 2 ORDER BY 1, 2
"""
AGENTS = """
SELECT pool, count(*) FILTER (WHERE state = 'ready') AS ready, count(*) FILTER (WHERE state = 'away') AS away,
       count(*) FILTER (WHERE state = 'offline') AS offline
FROM reporting.fct_agent_state WHERE until IS NULL GROUP BY pool ORDER BY pool
"""
DERIVED = ("oldest_wait_seconds", "service_level")


def reported(database: str, since: datetime, at: datetime) -> dict[str, list[dict[str, Any]]]:
    """The lines of a board, from the views. Lines in which nothing stands are left out."""
    window = {"since": since, "at": at}
    with psycopg.connect(database, options="-c TimeZone=UTC", row_factory=psycopg.rows.dict_row) as connection:
        found = {
            "queues": connection.execute(QUEUES.encode(), window).fetchall(),
            "accounts": connection.execute(ACCOUNTS.encode(), window).fetchall(),
            "agents": connection.execute(AGENTS).fetchall(),
        }
    return {name: [line for line in lines if _holds(line)] for name, lines in found.items()}


def _holds(line: Mapping[str, Any]) -> bool:
    return any(value for name, value in line.items() if name not in ("queue", "account_key", "pool"))


def lines_of(board: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """A board as `watch --json` prints it, in the form of `reported`."""
    queues = [{name: value for name, value in line.items() if name not in DERIVED} for line in board["queues"]]
    for line in queues:
        since = line["oldest_waiting_since"]
        line["oldest_waiting_since"] = None if since is None else datetime.fromisoformat(since)
    return {"queues": queues, "accounts": board["accounts"], "agents": board["agents"]}


def agrees(board: Mapping[str, Any], database: str) -> None:
    """Fails if a board says something else than the views say of its window."""
    since, at = (datetime.fromisoformat(board[name]) for name in ("since", "at"))
    shown, wanted = lines_of(board), reported(database, since, at)
    assert shown == wanted, f"the board says {shown}, the views {wanted}"
    for line in (*board["queues"], board["total"]):
        due = line["target_met"] + line["target_missed"]
        assert line["service_level"] == (line["target_met"] / due if due else None)


class Counting:
    """A running program `live`, and the command line beside it."""

    def __init__(self, given: Mapping[str, str], folder: Path) -> None:
        self._database = given["postgres.dsn"]
        self._environment = {**os.environ, "PYTHONPATH": str(ROOT), "REJOINDER_DATA": str(folder / "none")}
        self._environment |= {variable_of(name): value for name, value in given.items()}
        self._ready = folder / "live.ready"
        self.log = folder / "live.log"
        for said in (self._ready, metrics_file(self._ready)):
            said.unlink(missing_ok=True)
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "rejoinder", "run", "live"],
                cwd=ROOT, env={**self._environment, READY_VARIABLE: str(self._ready)}, stdout=out, stderr=out,
            )  # fmt: skip

    def board(self) -> Board | None:
        """What hangs now."""
        with psycopg.connect(self._database) as connection:
            return wallboard(connection)

    def until(self, what: str, holds: Any) -> None:
        """Waits for a board with all that is in the log that is as wanted."""

        def there() -> bool:
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            board = self.board()
            return board is not None and board.behind == 0 and bool(holds(board))

        eventually(what, there, 60)

    def watch(self, *options: str) -> "subprocess.CompletedProcess[bytes]":
        """`rejoinder watch`."""
        return subprocess.run(
            [sys.executable, "-m", "rejoinder", "watch", *options],
            cwd=ROOT, env={**self._environment, "COLUMNS": "200"}, capture_output=True, timeout=60, check=False,
        )  # fmt: skip

    def whole(self) -> dict[str, Any]:
        """The board that hangs, once it is one with all that is in the log."""
        self.until("all is counted", lambda board: True)
        board = self.board()
        assert board is not None
        found: dict[str, Any] = json.loads(msgspec.json.encode(board))
        return found

    def watched(self, *options: str) -> dict[str, Any]:
        """What `watch --once --json` says."""
        done = self.watch("--once", "--json", *options)
        assert done.returncode == 0, done.stderr
        (line,) = done.stdout.splitlines()
        found: dict[str, Any] = json.loads(line)
        assert found["behind"] == 0
        return found

    def address(self) -> str:
        """Where its metrics and its health are."""
        return metrics_file(self._ready).read_text()

    def kill(self) -> None:
        """As an accident would."""
        self.process.kill()
        self.process.wait(30)

    def stop(self) -> int:
        """As the supervisor does."""
        self.process.terminate()
        return self.process.wait(30)


@contextmanager
def counting(given: Mapping[str, str], folder: Path) -> Iterator[Counting]:
    """The program until the end of the block."""
    made = Counting(given, folder)
    try:
        yield made
    finally:
        made.kill()
