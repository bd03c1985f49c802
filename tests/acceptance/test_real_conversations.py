"""The real conversations of 2017, played through the whole system: 2,403 lines, and every count and time exact."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from engine.envelope import digest, genesis, home
from projections.catalogue import PROJECTIONS
from projections.projector import Settings as ProjectorSettings
from projections.queries import reports
from projections.queries.reports import Asked
from projections.rebuild import rebuild
from rejoinder.cluster import Cluster, connect
from rejoinder.secrets import home_secret
from rejoinder.settings import Settings
from tests.conversations import Expected, Matter, account_id, expected, measured
from tests.playing import COUNTS, ROOT, play, services, traffic_of
from topics.reading import read_all

pytestmark = pytest.mark.timeout(900)


@dataclass
class Played:
    """What was played twice, with the services still up."""

    first: dict[str, Any]
    again: dict[str, Any]
    expected: Expected
    settings: Settings
    cluster: Cluster
    dsn: str


@pytest.fixture(scope="module")
def played(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("play")
    traffic = traffic_of(shared, folder)
    data = folder / "data"
    first = play(data, traffic)
    again = play(data, traffic)
    wanted = expected(shared / "data" / "x-support" / "conversations.csv")
    with services(data) as (settings, supervisor):
        cluster = connect(settings, supervisor.services.bootstrap)
        yield Played(first, again, wanted, settings, cluster, supervisor.services.dsn)


def rows(played: Played, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(played.dsn) as connection:
        return connection.execute(query).fetchall()


def test_the_counts_are_those_of_the_recording(played: Played, shared: Path) -> None:
    found = played.first
    assert (found["contacts"], found["inbound_messages"], found["interactions"]) == (696, 1308, 706)
    assert len(played.expected.matters) == 706
    assert found["replies_posted"] + found["replies_refused"] == 1070
    assert found["replies_refused"] == len(played.expected.too_long)
    assert found["replies_unmatched"] == 25
    assert set(found["unmatched"]) == played.expected.unmatched
    assert found["duplicates_ignored"] == 0
    assert found["dead_letters"] == 0
    assert found["unaccounted"] == []


def test_first_response_times_are_those_of_the_recording_to_the_second(played: Played, shared: Path) -> None:
    before_refusal = expected(shared / "data" / "x-support" / "conversations.csv", refuse=False).first_responses
    assert (len(before_refusal), sum(before_refusal)) == (664, 10_889_852)
    wanted = sorted(played.expected.first_responses)
    assert played.first["first_response_seconds"]["count"] == len(wanted)
    assert played.first["first_response_seconds"]["sum"] == sum(wanted)
    found = rows(
        played, "SELECT first_response_seconds FROM reporting.fct_interaction WHERE first_response_at IS NOT NULL"
    )
    assert sorted(round(seconds) for (seconds,) in found) == wanted


GROUPS: dict[str, Callable[[str], str]] = {
    "account": lambda company: f"x:{account_id(company)}",
    "queue": lambda company: company,
    "skill": lambda company: company,
    "agent": lambda company: f"agent-{company}",
}
"""How a company is called in each dimension: it has an account, a queue with a skill and one agent."""
NO_ZERO = {"offered", "answered", "unanswered_open", "reopened", "messages_in", "messages_out"}


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu"])
@pytest.mark.parametrize("dimension", GROUPS)
def test_each_measure_of_interactions_is_that_of_the_recording(played: Played, dimension: str, zone: str) -> None:
    cells: dict[tuple[str, str], list[Matter]] = {}
    for matter in played.expected.matters:
        cells.setdefault((_day(matter.began, zone), GROUPS[dimension](matter.account)), []).append(matter)
    found = report(played, Asked("interactions", "day", (dimension,), zone))
    assert {(f"{line['interval_start']:%Y-%m-%d}", line[dimension]) for line in found} == set(cells)
    for line in found:
        wanted = measured(cells[(f"{line['interval_start']:%Y-%m-%d}", str(line[dimension]))])
        assert {name: line[name] for name in wanted} == pytest.approx(wanted)


def test_the_whole_is_that_of_the_recording_and_has_nothing_that_the_recording_has_not(played: Played) -> None:
    wanted = measured(played.expected.matters)
    assert all(wanted[name] for name in NO_ZERO)  # else the comparison would say little
    (whole,) = report(played, Asked("interactions", "all", ()))
    assert {name: whole[name] for name in wanted} == pytest.approx(wanted)
    others = {name: value for name, value in whole.items() if name not in wanted and name != "interval_start"}
    assert {name for name, value in others.items() if value} == {"offers"}
    assert whole["offers"] == len(played.expected.matters)
    assert {line["policy"]: line["offered"] for line in report(played, Asked("interactions", "all", ("policy",)))} == {
        1: wanted["offered"]
    }


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_deliveries_and_what_came_of_them_are_those_of_the_recording(played: Played, zone: str) -> None:
    wanted = Counter(
        (_day(at, zone), f"agent-{matter.account}") for matter in played.expected.matters for at, _ in matter.answers
    )
    found = report(played, Asked("deliveries", "day", ("agent",), zone))
    assert {(f"{line['interval_start']:%Y-%m-%d}", line["agent"]): line["deliveries"] for line in found} == wanted
    (whole,) = report(played, Asked("deliveries", "all", ()))
    posted = len(played.expected.answered) - len(played.expected.too_long)
    assert {name: value for name, value in whole.items() if value} == {"deliveries": posted, "posted": posted}


def test_waits_handling_and_transitions_are_those_of_the_recording(played: Played) -> None:
    """Each interaction waits once, for its company's agent, who has it until the end of the recording."""
    matters = played.expected.matters
    posted = sum(len(matter.answers) for matter in matters)
    for line in report(played, Asked("waits", "all", ("queue", "skill"))):
        theirs = [matter for matter in matters if matter.account == line["queue"]]
        assert line["skill"] == line["queue"]
        assert (line["waits"], line["accepted"], line["left_line"], line["waiting"]) == (len(theirs), len(theirs), 0, 0)
        assert (line["offers"], line["offers_expired"], line["offers_declined"]) == (len(theirs), 0, 0)
        assert line["wait_seconds_sum"] == 0  # in recorded time the agent accepts at once
    (handled,) = report(played, Asked("handling", "all", ()))
    assert (handled["handled"], handled["going_on"]) == (len(matters), len(matters))
    for line in report(played, Asked("agents", "all")):
        theirs = [matter for matter in matters if f"agent-{matter.account}" == line["agent"]]
        assert line["answers"] == sum(len(matter.answers) for matter in theirs)
        again = sum(len(matter.moves) - len(matter.answers) for matter in theirs)
        assert (line["assigned"], line["not_accepted"]) == (len(theirs) + again, 0)
    moved = {
        line["event_type"]: line["transitions"] for line in report(played, Asked("transitions", "all", ("event_type",)))
    }
    assert moved["MessageReceived"] == moved["ContactResolved"] == moved["Queued"] == len(matters)
    assert moved["Replied"] == posted
    (whole,) = report(played, Asked("transitions", "all", ()))
    assert whole["seconds_sum"] == sum(matter.moves[-1] - matter.began for matter in matters if matter.moves)
    assert report(played, Asked("dispositions", "all")) == []


def test_agents_are_occupied_from_their_companys_first_message_on(played: Played) -> None:
    """None of the interactions ends, so each agent has all that came, to the end of the recording."""
    matters = played.expected.matters
    end = max(max([matter.began, *matter.moves]) for matter in matters)
    for line in report(played, Asked("occupancy", "all")):
        begun = [matter.began for matter in matters if f"agent-{matter.account}" == line["agent"]]
        assert line["occupied_seconds"] == end - min(begun)
        assert line["interaction_seconds"] == sum(end - at for at in begun)


def test_every_number_of_the_recording_opens_into_what_it_counts(played: Played) -> None:
    asked = Asked("interactions", "day", ("queue",), "America/New_York")
    with psycopg.connect(played.dsn) as connection:
        for line in reports.lines(connection, asked)[::20]:
            one = replace(asked, where={"queue": str(line["queue"])})
            at: Any = line["interval_start"]
            for name in ("offered", "answered", "messages_in", "first_response_seconds_sum"):
                rows: list[Any] = reports.opened(connection, one, name, at)
                assert sum(row["value"] for row in rows) == line[name]


def report(played: Played, asked: Asked) -> list[reports.Line]:
    with psycopg.connect(played.dsn) as connection:
        return reports.lines(connection, asked)


def _day(seconds: int, zone: str) -> str:
    return f"{datetime.fromtimestamp(seconds, ZoneInfo(zone)):%Y-%m-%d}"


def test_played_again_every_count_is_unchanged_and_every_post_a_repeat(played: Played) -> None:
    assert {name: played.again[name] for name in COUNTS} == {name: played.first[name] for name in COUNTS}
    assert played.again["duplicates_ignored"] == 1308


def test_every_message_and_answer_stands_under_its_own_contact_word_for_word(played: Played) -> None:
    secret = home_secret(played.settings)
    homes = {author: home(secret, "x", author) for author in set(played.expected.posts.values())}
    found = rows(played, "SELECT item_id, contact_id, direction, text FROM contact_history.timeline")
    seen = {item: (contact, text) for item, contact, _, text in found if item is not None}
    posted = {
        answer: author for answer, author in played.expected.answered.items() if answer not in played.expected.too_long
    }
    wanted = {
        item: (homes[author], played.expected.texts[item])
        for item, author in {**played.expected.posts, **posted}.items()
    }
    assert seen == wanted
    assert len(found) == len(wanted)


def test_interactions_hold_the_posts_that_the_joining_rule_says(played: Played) -> None:
    found: dict[str, set[str]] = {}
    query = "SELECT interaction_id, item_id FROM contact_history.timeline WHERE direction = 'in'"
    for interaction_id, item_id in rows(played, query):
        found.setdefault(interaction_id, set()).add(item_id)
    assert {frozenset(items) for items in found.values()} == {
        frozenset(matter.posts) for matter in played.expected.matters
    }


def test_sequences_and_digests_have_no_gap_and_no_event_stands_twice(played: Played) -> None:
    codec, ids = played.cluster.codec, set()
    chains: dict[tuple[str, str], tuple[int, bytes]] = {}
    count = 0
    for name in ("interaction.events", "routing.events"):
        topic = played.cluster.catalogue.topic(name)
        for partition in range(topic.partitions):
            for record in read_all(played.cluster.broker, topic.name, [partition], "check"):
                event = codec.decode(record.value or b"")
                key = (name, record.key.decode())
                sequence, before = chains.get(key, (0, genesis(key[1])))
                assert (event.sequence, event.previous) == (sequence + 1, before), (
                    f"{topic.name}-{partition}@{record.offset}"
                )
                chains[key] = (event.sequence, digest(*codec.split(record.value or b"")))
                ids.add(event.event_id)
                count += 1
    assert len(ids) == count == played.first["events"]


def test_the_raw_log_of_events_holds_none_of_the_customers_words(played: Played) -> None:
    segments = list((played.settings.data / "kafka").rglob("interaction.events-*/*.log"))
    assert segments
    topic = played.cluster.catalogue.topic("interaction.events")
    values = b"\n".join(
        record.value or b""
        for partition in range(topic.partitions)
        for record in read_all(played.cluster.broker, topic.name, [partition], "words")
    )
    raw = b"".join(segment.read_bytes() for segment in segments)
    words = {
        word.encode()
        for item in played.expected.posts
        for word in played.expected.texts[item].split()
        if len(word) >= 9 and not word.startswith("@")
    }
    assert len(words) > 1000
    assert [word for word in words if word in values or word in raw] == []


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda each: each.name)
def test_a_projection_that_is_built_again_equals_the_old_one_row_for_row(played: Played, projection: Any) -> None:
    settings = ProjectorSettings(played.cluster.bootstrap, played.dsn)
    with psycopg.connect(played.dsn, autocommit=True) as connection:
        from projections.builds import current_version  # noqa: PLC0415

        old = current_version(connection, projection.name)
        assert old is not None
    rebuilt = rebuild(projection, played.cluster.codec, settings)
    assert [(each.first, each.second, each.agrees) for each in rebuilt.compared] == [(old, old + 1, True)]
    assert rebuilt.switched


def test_trace_shows_a_conversation_of_six_messages_on_one_screen(played: Played) -> None:
    query = """SELECT interaction_id FROM contact_history.timeline GROUP BY interaction_id
        HAVING count(*) BETWEEN 6 AND 9 ORDER BY interaction_id LIMIT 1"""
    ((interaction_id,),) = rows(played, query)
    shown = subprocess.run(
        [sys.executable, "-m", "rejoinder", "trace", interaction_id, "--data", str(played.settings.data)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    for (text,) in rows(played, f"SELECT text FROM contact_history.timeline WHERE interaction_id = '{interaction_id}'"):
        for word in text.split():
            assert word in shown.stdout
