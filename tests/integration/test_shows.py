"""The shows on a small log: it is one that the engine would have written, and each claim would notice what it is of."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bench.measure import Measure
from bench.shows import building, past, proof
from bench.shows.claims import Claim
from bench.shows.log import Made, made
from bench.shows.reader import Reader
from engine.interaction.decider import InteractionDecider
from engine.routing.decider import RoutingDecider
from projections import builds
from projections.catalogue import PROJECTIONS
from projections.filling import replay
from projections.projector import connect
from rejoinder.auditing import verify as audit
from rejoinder.verifying import DECIDERS, verify
from tests.log_checks import entries_of
from tests.processing import ROOT, eventually, message, send, setup
from tests.threads import in_threads
from topics.catalogue import INTERACTION_EVENTS, ROUTING_EVENTS
from topics.processor import Processor

INTERACTIONS = 60
PARTITIONS = 2


@pytest.fixture(scope="module")
def log(kafka: str, module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """A few dozen interactions, with everything that came of them, and their projections."""
    folder = tmp_path_factory.mktemp("shows")
    with made(kafka, module_database, folder, "shown.", INTERACTIONS, PARTITIONS) as found:
        found.traffic.until(INTERACTIONS)
        found.writing.check()
        _project(found)
        yield found


def _project(log: Made) -> None:
    settings = building.places_of(log)
    ends = building.ends_by_projection(settings, PARTITIONS)
    with connect(settings.dsn) as connection:
        first = [builds.ensure(connection, projection) for projection in PROJECTIONS]
        replay(first, connection, log.cluster.codec, settings, ends, lambda _: None)


def claims(lines: Iterator[Measure | Claim]) -> dict[str, Claim]:
    return {line.claim: line for line in lines if isinstance(line, Claim)}


def broken(lines: Iterator[Measure | Claim]) -> dict[str, Any]:
    """The claims that don't hold, with what was found."""
    return {name: claim.detail for name, claim in claims(lines).items() if not claim.holds}


def test_the_log_has_what_people_do(log: Made) -> None:
    kinds = log.writing.kinds
    assert kinds["MessageReceived"] > INTERACTIONS
    assert kinds["Dispositioned"] > INTERACTIONS * 0.8
    assert kinds["Replied"] > INTERACTIONS * 0.5
    assert kinds["OutOfHours"] and kinds["NoticePosted"] and kinds["Assigned"] and kinds["ContactCreated"]


def test_decided_again_it_is_the_same_and_a_changed_rule_is_named(log: Made) -> None:
    assert claims(past.decided_again(log)).keys() == {
        "verify_identical", "verify_all", "verify_changed", "verify_changed_says",
    }  # fmt: skip
    assert broken(past.decided_again(log)) == {}


def test_a_rule_that_is_changed_for_good_breaks_the_claim(log: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DECIDERS, "interaction", past.Changed)
    monkeypatch.setattr("os.cpu_count", lambda: 1)  # this process alone knows of the change
    assert broken(past.decided_again(log)).keys() >= {"verify_identical", "verify_all"}


def test_each_event_is_under_a_seal(log: Made) -> None:
    assert broken(proof.audited(log)) == {}
    checked = audit(log.cluster, proof.trusted(log.cluster))
    assert set(checked.heads) == {"interaction-1", "routing-1"}


def test_keys_of_others_break_the_claim(log: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "AUDIT_SECRET", "another secret")
    assert "audit_no_fault" in broken(proof.audited(log))


def test_every_row_is_there_and_one_that_is_not_breaks_the_claim(log: Made) -> None:
    assert broken(building.as_written(log, "now")) == {}
    with psycopg.connect(log.dsn) as connection:
        connection.execute("DELETE FROM audit_v1.events WHERE sequence = 1 AND key = '~0'")
        connection.commit()
    assert broken(building.as_written(log, "now")).keys() == {"now_events"}


def test_an_engine_goes_on_where_the_log_ends(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    """A real worker takes its state from the log, which checks each chain, and decides what comes next."""
    with made(kafka, None, tmp_path, topic_prefix, 20, PARTITIONS) as log:
        log.traffic.until(20)
        now, events = log.traffic.now, log.writing.events
    cluster = log.cluster
    messages = [message(author, 0, at=now, posted_at=now, accounts=["1001"]) for author in range(5)]
    send(cluster, messages)
    workers = [replace(setup(cluster, each, "2"), recorded=True) for each in (InteractionDecider(), RoutingDecider())]
    with in_threads(*(Processor(each).run for each in workers)):
        eventually("the messages are received", lambda: events_of(log) >= events + 2 * len(messages))
    places = [(name, each) for name in DECIDERS for each in range(PARTITIONS)]
    found = list(verify(log.settings, kafka, places, 1))
    assert [each.difference for each in found] == [None] * len(places)
    assert sum(each.events for each in found) == events_of(log)


def events_of(log: Made) -> int:
    cluster = log.cluster
    return sum(len(entries_of(cluster, name)) for name in (INTERACTION_EVENTS, ROUTING_EVENTS))


class Gap:
    """What somebody does while a reader reads."""

    def __init__(self, dsn: str, statement: str) -> None:
        self._dsn = dsn
        self._statement = statement

    def seen(self) -> list[str]:
        reader = Reader()
        with reader.reading(self._dsn), psycopg.connect(self._dsn, autocommit=True) as connection:
            connection.execute(self._statement.encode())
        assert reader.seen.answers
        assert reader.claim("reader").holds == (not reader.seen.faults)
        return reader.seen.faults


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("SELECT 1", None),
        ("DROP VIEW contact_history.interaction CASCADE", "UndefinedTable"),
        ("DELETE FROM reporting_v1.fct_interaction", "totals"),
        ("DELETE FROM audit_v1.events", "trace"),
    ],
)
def test_a_reader_sees_each_gap(
    kafka: str, database: str, topic_prefix: str, tmp_path: Path, statement: str, what: str | None
) -> None:
    with made(kafka, database, tmp_path, topic_prefix, 30, PARTITIONS) as log:
        log.traffic.until(30)
        _project(log)
    faults = Gap(database, statement).seen()
    assert (faults == []) if what is None else any(what in fault for fault in faults)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_all_of_it_holds_where_it_is_small() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "bench.shows", "--interactions", "400", "--partitions", "4"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert all(line["holds"] for line in lines if "claim" in line)
    names = {line.get("claim", line.get("name")) for line in lines}
    assert {"project", "rebuild_audit", "rebuild_audit_agrees", "verify", "audit", "audit_swapped", "reader"} <= names
