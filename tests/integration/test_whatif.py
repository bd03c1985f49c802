"""What if, on a day of the demo: real Kafka, real PostgreSQL, and nothing that is written."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from psycopg import sql
from typer.testing import CliRunner

from engine.errors import RejoinderError
from engine.interaction import events as e
from engine.record import Event
from projections.queries.reports import Asked, total
from rejoinder.cli import app
from rejoinder.cluster import Cluster, connect
from rejoinder.settings import Settings, load, variable_of
from tests.ended import Ended
from tests.integration.test_demo import POLICIES, Demo
from topics import clients
from topics.catalogue import INTERACTION_COMMANDS, INTERACTION_CONTENT, INTERACTION_EVENTS
from topics.publisher import Outgoing
from topics.reading import read_all, watermarks

PARTITIONS = 2
PREFIX = "whatif."
pytestmark = pytest.mark.timeout(600)
OPEN = "hours: Mo-Fr 08:00-20:00; Sa 09:00-16:00; PH off"


@dataclass
class Day:
    """A day of the demo that was played; none of its programs run."""

    demo: Demo
    cluster: Cluster
    settings: Settings
    events: list[Event] = field(default_factory=list)

    def call(self, *arguments: str) -> Ended:
        result = CliRunner().invoke(app, ["simulate", *arguments, "--data", str(self.demo.data)])
        if isinstance(result.exception, RejoinderError):
            return Ended(result.exception.exit_code, result.stdout, str(result.exception))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ended(result.exit_code, result.stdout, result.stderr)

    def simulate(self, policy: Path, since: str, *more: str) -> list[dict[str, Any]]:
        ended = self.call("--policy", str(policy), "--from", since, "--json", *more)
        assert ended.code == 0, ended.err
        return [json.loads(line) for line in ended.out.splitlines()]

    def policy(self, text: str) -> Path:
        file = self.demo.data.with_name("candidate.yaml")
        file.write_text(text, "utf-8")
        return file

    @property
    def recorded(self) -> str:
        return (self.demo.data / "policy.yaml").read_text("utf-8")

    def moment(self, hours: float = 0) -> str:
        """A time after the first message, before which the policy was published, as --from takes it."""
        first = min(event.occurred_at for event in self.events if isinstance(event, e.MessageReceived))
        return (datetime.fromtimestamp(first / 1000, UTC) + timedelta(hours=hours, milliseconds=1)).isoformat()

    def standing(self) -> tuple[dict[str, Any], list[Any]]:
        """How far every topic of the cluster, and every table of the database, is."""
        topics = AdminClient(clients.admin(self.cluster.bootstrap)).list_topics(timeout=30).topics
        ours = {name: topic for name, topic in topics.items() if not name.startswith("__")}
        ends = {name: watermarks(self.cluster.broker, name, sorted(topic.partitions)) for name, topic in ours.items()}
        with psycopg.connect(self.demo.given["postgres.dsn"]) as connection:
            names = connection.execute(
                "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT LIKE 'pg\\_%' ORDER BY 1, 2"
            ).fetchall()
            # What is in them, and not their size: PostgreSQL tidies up when it likes.
            contents = sql.SQL("SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {} AS t")
            tables = [
                (*name, *connection.execute(contents.format(sql.Identifier(*name))).fetchall()[0]) for name in names
            ]
        return ends, tables


@pytest.fixture(scope="module")
def day(kafka: str, module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    given = {
        "kafka.bootstrap": kafka, "postgres.dsn": module_database, "topics.prefix": PREFIX,
        "topics.partitions": str(PARTITIONS), "home.secret": "s" * 32,
    }  # fmt: skip
    demo = Demo(tmp_path_factory.mktemp("whatif") / "data", given)
    demo.play("--policy", str(POLICIES / "all-channels.yaml"))
    settings = load(dict(given))
    made = Day(demo, connect(settings, kafka), settings)
    topic = made.cluster.catalogue.topic(INTERACTION_EVENTS)
    records = read_all(made.cluster.broker, topic.name, range(topic.partitions), "test")
    made.events = [made.cluster.codec.decode(record.value or b"") for record in records]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in given.items():
            patch.setenv(variable_of(name), value)
        patch.setenv("COLUMNS", "140")
        yield made


def measures(found: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(each["report"], each["measure"]): each for each in found if each["what"] == "measure"}


def test_hours_shortened_by_two_send_more_notices_the_same_each_time_and_nothing_is_written(day: Day) -> None:
    assert day.recorded.count(OPEN.removeprefix("hours: ")) == 2
    candidate = day.policy(day.recorded.replace("Mo-Fr 08:00-20:00", "Mo-Fr 10:00-20:00"))
    before = day.standing()
    arguments = "--policy", str(candidate), "--from", day.moment(), "--runs", "2", "--seed", "7", "--json"
    one, other = day.call(*arguments), day.call(*arguments)
    assert one.code == 0, one.err
    assert one.out == other.out
    found = [json.loads(line) for line in one.out.splitlines()]
    notices = measures(found)["deliveries", "notices_closed"]
    assert notices["difference"]["low"] > 0
    assert notices["candidate"]["low"] > notices["baseline"]["high"]
    (head,) = (each for each in found if each["what"] == "simulation")
    assert head["other_ways"] > 0
    assert head["waited_longer"] > 0
    assert any(each["added_wait_seconds"] > 3_600 for each in found if each["what"] == "interaction")
    ways = [each for each in found if each["what"] == "way"]
    assert any("out_of_hours" in each["candidate"] and "out_of_hours" not in each["baseline"] for each in ways)
    assert all(step["why"] for each in ways for step in each["example"]["candidate"])
    assert "undecidable" not in str(head["nothing"])
    different = day.call(*arguments[:-2], "8", "--json")
    assert different.out != one.out
    told = day.call(*arguments[:-1])
    assert "notices_closed" in told.out
    assert "out_of_hours" in told.out
    assert day.standing() == before


def test_the_recorded_policy_changes_nothing_and_its_world_is_near_to_what_was(day: Day) -> None:
    found = day.simulate(day.policy(day.recorded), day.moment(), "--runs", "2")
    lines = measures(found)
    for line in lines.values():
        assert line["baseline"] == line["candidate"]
        assert set(line["difference"].values()) <= {0, None}
    (head,) = (each for each in found if each["what"] == "simulation")
    assert (head["other_ways"], head["waited_longer"], head["waited_shorter"]) == (0, 0, 0)
    assert head["nothing"]["baseline"] == head["nothing"]["candidate"]
    for name in ("offered", "messages_in", "filtered"):
        line = lines["interactions", name]
        assert line["baseline"]["median"] == pytest.approx(line["recorded"], rel=0.1), name
    for name in ("answered", "messages_out"):
        line = lines["interactions", name]
        assert line["baseline"]["median"] == pytest.approx(line["recorded"], rel=0.25), name


def test_what_is_called_recorded_is_what_the_reports_say(day: Day) -> None:
    lines = measures(day.simulate(day.policy(day.recorded), day.moment(2), "--to", day.moment(6), "--runs", "1"))
    since, until = (datetime.fromisoformat(day.moment(hours)) for hours in (2, 6))
    with psycopg.connect(day.demo.given["postgres.dsn"]) as connection:
        line = total(connection, Asked("interactions", "all", (), since=since, until=until))
    assert line is not None
    assert line["offered"]
    for name in ("offered", "filtered", "reopened"):
        assert lines["interactions", name]["recorded"] == line[name], name


def test_from_the_middle_of_the_day_on_it_is_as_it_stood_then(day: Day) -> None:
    found = day.simulate(day.policy(day.recorded), day.moment(5), "--runs", "2")
    lines = measures(found)
    assert lines["interactions", "offered"]["recorded"] > 0
    assert lines["interactions", "offered"]["baseline"] == lines["interactions", "offered"]["candidate"]
    (head,) = (each for each in found if each["what"] == "simulation")
    assert "undecidable" not in str(head["nothing"])
    assert head["other_ways"] == 0


def test_bad_input_is_told_in_one_error(day: Day) -> None:
    bad = day.policy(day.recorded.replace("queue: care", "queue: nowhere"))
    ended = day.call("--policy", str(bad), "--from", day.moment())
    assert (ended.code, ended.out) == (2, "")
    assert "nowhere" in ended.err
    good = day.policy(day.recorded)
    for more, told in (
        (("--from", "yesterday"), "--from is 'yesterday'"),
        (("--from", day.moment(), "--to", day.moment(-1)), "--to is not after --from"),
        (("--from", "2001-01-01"), "no policy was in force"),
        (("--from", "2101-01-01"), "nothing was recorded since"),
    ):
        ended = day.call("--policy", str(good), *more)
        assert (ended.code, ended.out) == (2, ""), more
        assert told in ended.err


def test_erased_words_are_judged_by_what_the_events_recorded(day: Day) -> None:
    received = [event for event in day.events if isinstance(event, e.MessageReceived) and event.filter == "outage"]
    assert received
    same = day.policy(day.recorded)
    before = measures(day.simulate(same, day.moment(), "--runs", "1"))
    content = day.cluster.catalogue.name(INTERACTION_CONTENT)
    with day.cluster.publisher("test") as publisher:
        publisher.publish(Outgoing(content, event.content_id, None) for event in received)
    found = day.simulate(same, day.moment(), "--runs", "1")
    (head,) = (each for each in found if each["what"] == "simulation")
    assert head["erased"] >= len(received) - 1  # the first message may be the one before the time
    for name in ("automatic_answers", "deliveries"):
        assert measures(found)["deliveries", name]["baseline"] == before["deliveries", name]["baseline"]


def test_what_is_not_kept_any_more_is_refused_with_the_time_from_which_all_is(day: Day) -> None:
    """Last in this file: what retention takes is gone."""
    topic = day.cluster.catalogue.name(INTERACTION_COMMANDS)
    ends = watermarks(day.cluster.broker, topic, range(PARTITIONS))
    gone = [TopicPartition(topic, partition, end // 2) for partition, (_, end) in ends.items()]
    admin = AdminClient(clients.admin(day.cluster.bootstrap))
    for future in admin.delete_records(gone).values():
        future.result(30)
    policy = day.policy(day.recorded)
    ended = day.call("--policy", str(policy), "--from", day.moment())
    assert ended.code == 2
    assert "facts are complete from" in ended.err
    since = ended.err.partition("complete from ")[2].split()[0]
    assert day.call("--policy", str(policy), "--from", since, "--runs", "1").code == 0
    earlier = (datetime.fromisoformat(since) - timedelta(milliseconds=1)).isoformat()
    assert day.call("--policy", str(policy), "--from", earlier).code == 2
