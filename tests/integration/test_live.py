"""The wallboard on a real Kafka and PostgreSQL: it says what reporting's views say, whatever happens to it."""

import time
from pathlib import Path

import httpx
import psycopg
import pytest

from engine.envelope import partition_of
from engine.interaction import events as e
from engine.routing import events as routing
from projections.records import ROUTING_EVENTS
from projections.values import moment
from tests.collecting import sample, scrape
from tests.live_board import agrees, counting
from tests.processing import deployed
from tests.projecting import OnKafka
from tests.projection_log import PARTITIONS, START, Log, Person

MINUTE = 60_000
pytestmark = pytest.mark.timeout(240)


def talk(log: Log, numbers: range, now: int) -> None:
    """People of whom each came another way; the first event up to 40 minutes ago, the last one some minutes ago."""
    for number in numbers:
        person = Person(log, number, account=str(40 + number % 2), named=False)
        person.at = now - (10 + number % 30) * MINUTE
        person.writes("hello")
        if number % 10 == 0:
            person.tell(e.FilteredOut, filter="spam")
            person.tell(e.Dispositioned, code="filtered_out")
            continue
        person.resolved()
        person.queued(("care", "sales")[number % 2], answer_by=person.at + (number % 7) * 4 * MINUTE)
        if number % 5 == 1:
            continue
        person.tell(e.Assigned, agent_id="ann", reservation_id="r", why="reserved")
        if number % 5 == 2:
            person.tell(e.QueuedAgain, request_id="q", reservation_id="r", agent_id="ann", why="expired")
        elif number % 5 == 3:
            person.answered("ann", "hi")
        elif number % 5 == 4:
            person.tell(e.Dispositioned, code="resolved", agent_id="ann")


def agents(log: Log, now: int) -> None:
    for name, state in (("ann", "ready"), ("bob", "away"), ("kim", "offline")):
        registered = routing.AgentRegistered(agent_id=name, skills=[], groups=[], capacity=1, occurred_at=now)
        log.append(ROUTING_EVENTS, "main", registered)
        said = routing.AgentStateChanged(agent_id=name, agent_state=state, why="asked", occurred_at=now)
        log.append(ROUTING_EVENTS, "main", said)


def test_it_agrees_with_the_views_through_aborts_and_kills(
    kafka: str, database: str, topic_prefix: str, tmp_path: Path
) -> None:
    cluster = deployed(kafka, topic_prefix, PARTITIONS)
    kept = OnKafka(kafka, database, topic_prefix, cluster.codec)
    given = {
        "kafka.bootstrap": kafka, "postgres.dsn": database, "topics.prefix": topic_prefix,
        "topics.partitions": str(PARTITIONS),
    }  # fmt: skip
    now = time.time_ns() // 1_000_000
    agents(kept.log, now)
    talk(kept.log, range(1, 81), now)
    kept.publish()
    kept.project_until(kept.caught_up)
    with counting(given, tmp_path) as live:
        live.until("it counts", lambda board: board.total.waiting > 0)
        first = live.watched()
        agrees(first, database)
        assert first["total"]["opened"] > 0 and first["total"]["service_level"] not in (None, 0, 1)
        assert len(first["accounts"]) > 2 and first["agents"] == [{"pool": "main", "ready": 1, "away": 1, "offline": 1}]

        # What is aborted stands in the log before what is committed then, in each partition.
        gone = OnKafka(kafka, database, topic_prefix, cluster.codec)
        talk(gone.log, range(1_001, 1_041), now)
        gone.publish(commit=False)
        before = len(kept.log.records)
        talk(kept.log, range(81, 121), now)
        assert {partition_of(raw.key, PARTITIONS) for raw in kept.log.records[before:]} == set(range(PARTITIONS))
        kept.publish()
        waiting = first["total"]["waiting"]
        live.until("what was committed is counted", lambda board: board.total.waiting >= waiting + 15)
        kept.project_until(kept.caught_up)
        agrees(live.whole(), database)

        table = live.watch("--once", "--queue", "sales")
        assert b"sales" in table.stdout and b"care" not in table.stdout
        assert b"service level" in table.stdout and b"\x1b" not in table.stdout

        # It is killed while it reads; what comes then is known to the log only when it begins again.
        talk(kept.log, range(121, 161), now)
        kept.publish()
        live.kill()
        talk(kept.log, range(161, 201), now)
        kept.publish()
    with counting(given, tmp_path) as live:
        live.until("all is counted again", lambda board: board.total.waiting >= waiting + 45)
        again = live.whole()
        kept.project_until(kept.caught_up)
        agrees(again, database)
        for path in ("health", "ready"):
            assert httpx.get(f"http://{live.address()}/{path}", trust_env=False, timeout=30).status_code == 200
        told = scrape(live.address())
        assert sample(told, "rejoinder_live_events_total") > 300
        assert sample(told, "rejoinder_live_behind_records") == 0
        assert live.stop() == 0, live.log.read_text()
        ended = live.watch("--once")
        assert ended.returncode == 3 and b"workers.live" in ended.stderr
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT worker FROM live.wallboard").fetchall() == []


def test_in_recorded_time_windows_are_dropped_and_a_restart_shows_the_same(
    kafka: str, database: str, topic_prefix: str, tmp_path: Path
) -> None:
    cluster = deployed(kafka, topic_prefix, PARTITIONS)
    kept = OnKafka(kafka, database, topic_prefix, cluster.codec)
    given = {
        "kafka.bootstrap": kafka, "postgres.dsn": database, "topics.prefix": topic_prefix,
        "topics.partitions": str(PARTITIONS), "time.mode": "recorded",
    }  # fmt: skip
    kept.project_until(lambda connection: connection.execute("SELECT 1 FROM reporting.dim_queue") is not None)
    held = []
    with counting(given, tmp_path) as live:
        for hour in range(3):
            talk(kept.log, range(hour * 100 + 1, hour * 100 + 101), START + hour * 60 * MINUTE)
            for number in range(hour * 100 + 1, hour * 100 + 101):
                if number % 10 and number % 5 != 4:  # the others have ended
                    closed = Person(kept.log, number, named=False)
                    closed.number, closed.at = 1, START + hour * 60 * MINUTE
                    closed.tell(e.Dispositioned, code="resolved", agent_id="ann")
            kept.publish()
            begun = moment(START + hour * 60 * MINUTE)
            live.until("the hour is counted", lambda board, begun=begun: board.at >= begun)
            held.append(sample(scrape(live.address()), "rejoinder_live_interactions"))
        assert max(held) < 150, held
        kept.project_until(kept.caught_up)
        before = live.whole()
        agrees(before, database)
    with counting(given, tmp_path) as live:
        live.until("it counts again", lambda board: True)
        assert live.whole() == before
