"""Reports: every number opens into what is behind it, in any zone, by anything."""

import random
import statistics
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.interaction import events as e
from engine.record import Event
from engine.routing import events as routing
from projections.projector import connect
from projections.queries.as_of import stand
from projections.queries.reports import INTERVALS, Asked, Line, events, lines, opened, total
from projections.records import ROUTING_EVENTS
from projections.reporting.measures import Measure
from projections.reporting.reports import REPORTS
from tests.projecting import Fed, answered
from tests.projection_log import START, Log, Person
from tests.projection_stories import STORIES, asks_to_engage, mentions

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "America/Sao_Paulo")
DAYS_OF_TRAFFIC = 5
"""With the night in it in which Berlin's clocks went back, 2017-10-29."""


@pytest.fixture
def fed(database: str) -> Iterator[Fed]:
    with connect(database) as opened_connection:
        yield Fed(opened_connection)


@pytest.fixture(scope="module")
def traffic(module_database: str) -> Iterator[Fed]:
    """Some hundred conversations of all kinds over some days, agents who come and go, notices."""
    with connect(module_database) as opened_connection:
        fed = Fed(opened_connection)
        told(fed.log, 120, random.Random(1))
        fed.feed()
        yield fed


def told(log: Log, people: int, dice: random.Random) -> None:
    for agent in ("agent-1", "agent-2", "agent-3"):
        agents_days(log, agent, dice)
    for number in dice.sample(range(1, DAYS_OF_TRAFFIC * 86_400), people):  # a person's number is when it begins, too
        dice.choice((*STORIES, _answered_later, _noticed, _offered_in_vain, _withdrawn, _rare))(log, number)


def agents_days(log: Log, agent: str, dice: random.Random) -> None:
    registered = routing.AgentRegistered(agent_id=agent, skills=[], groups=[], capacity=2, occurred_at=START)
    log.append(ROUTING_EVENTS, "main", registered)
    at = START
    while at < START + DAYS_OF_TRAFFIC * 86_400_000:
        at += dice.randrange(60_000, 20 * 3_600_000)
        state = dice.choice(("ready", "ready", "away", "offline"))
        changed = routing.AgentStateChanged(agent_id=agent, agent_state=state, why="asked", occurred_at=at)
        log.append(ROUTING_EVENTS, "main", changed)


def _answered_later(log: Log, number: int) -> Person:
    person = mentions(log, number)
    person.queued(answer_by=person.at + 7_200_000)
    person.at += (number % 30) * 3_600_000
    person.accepted(f"agent-{number % 3 + 1}")
    person.tell(
        e.Replied, delivery_id=person.answer("agent-1", "Hi"), agent_id="agent-1", item_id=person.item(),
        posted_at=person.at, first_response=True, settled_by="outcome", open_for=1000 * (number % 977),
    )  # fmt: skip
    if number % 2:
        person.tell(e.Dispositioned, code="resolved", agent_id="agent-1", actor_kind="agent", actor_id="agent-1")
    return person


def _noticed(log: Log, number: int) -> Person:
    person = mentions(log, number)
    kind = ("emergency", "special_day", "closed")[number % 3]
    delivery = f"notice{number}"
    person.tell(
        e.NoticeRequested, delivery_id=delivery, closure=f"c{number}", kind=kind, template="closed", language="en",
        visibility="public", in_reply_to="1", content_id=f"{person.home}:r:{delivery}", words=b"d" * 32,
    )  # fmt: skip
    person.tell(e.OutOfHours, closure=f"c{number}", kind=kind, notice="requested")
    person.tell(e.NoticePosted, delivery_id=delivery, item_id=person.item(), posted_at=person.at)
    return person


def _offered_in_vain(log: Log, number: int) -> Person:
    person = mentions(log, number)
    person.queued("other", policy_version=2)
    reservation = person.offered("agent-3")
    person.tell(e.QueuedAgain, request_id="q", reservation_id=reservation, agent_id="agent-3", why="expired")
    return person


def _rare(log: Log, number: int) -> Person:
    """What the stories don't have, in the lives of one person."""
    person = mentions(log, number)
    person.queued()
    person.tell(e.Dispositioned, code="expired", actor_kind="timer")
    person.writes("Again", follows=f"{person.home}.1")
    person.resolved()
    person.tell(e.AutomaticWithheld, what="notice", why="daily_cap", actor_kind="policy")
    person.queued()
    reservation = person.offered("agent-3")
    person.tell(e.QueuedAgain, request_id="q", reservation_id=reservation, agent_id="agent-3", why="declined")
    person.accepted("agent-2")
    person.tell(e.Assigned, agent_id="agent-1", why="taken_over")
    person.tell(e.Dispositioned, code="spam", agent_id="agent-1", actor_kind="agent", actor_id="agent-1")
    person.writes("And again", follows=f"{person.home}.2")
    person.resolved()
    delivery = asks_to_engage(person, "favourite", agent="agent-1")
    person.tell(e.ReplyAbandoned, delivery_id=delivery, reason="undecided")
    person.tell(e.Engaged, delivery_id=asks_to_engage(person, "favourite"), engagement="favourite", item_id="1",
                done_at=person.at)  # fmt: skip
    asks_to_engage(person, "like", agent="agent-1")
    person.writes("Buy followers", action="ignore", filter="spam")
    person.tell(e.FilteredOut, filter="spam")
    person.tell(e.Dispositioned, code="filtered_out")
    return person


def _withdrawn(log: Log, number: int) -> Person:
    person = mentions(log, number)
    person.queued()
    person.tell(e.Dispositioned, code="withdrawn", actor_kind="customer")
    return person


def number_of(measure: Measure, rows: Sequence[Line]) -> float | None:
    """What a measure makes of the rows behind it."""
    values: list[Any] = [row["value"] for row in rows]
    match measure.how:
        case "count":
            return len(values)
        case "sum":
            return float(sum(values))
        case "share":
            parts: list[Any] = [row["of"] for row in rows]
            return float(sum(values) / sum(parts)) if sum(parts) else None
    if not values:
        return None
    if measure.how == "mean":
        return statistics.fmean(values)
    if len(values) == 1:
        return float(values[0])
    ordered = sorted(values)
    place = (len(ordered) - 1) * (0.5 if measure.how == "median" else 0.9)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return float(ordered[below] + (ordered[above] - ordered[below]) * (place - below))


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_every_number_is_that_of_the_rows_behind_it(traffic: Fed, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(list(REPORTS)))
    report = REPORTS[kind]
    by = tuple(data.draw(st.lists(st.sampled_from(report.dimensions), unique=True, max_size=3)))
    moments = st.none() | st.integers(0, DAYS_OF_TRAFFIC * 86_400).map(lambda s: moment(START) + timedelta(seconds=s))
    asked = Asked(
        kind, data.draw(st.sampled_from(INTERVALS)), by, data.draw(st.sampled_from(ZONES)), data.draw(moments),
        data.draw(moments),
    )  # fmt: skip
    found = lines(traffic.connection, asked)
    if not found:
        return
    line = data.draw(st.sampled_from(found))
    where = {name: None if line[name] is None else _text(line[name]) for name in by}
    at: Any = line["interval_start"]
    one = Asked(kind, asked.interval, by, asked.zone, asked.since, asked.until, where)
    for measure in report.measures:
        rows = opened(traffic.connection, one, measure.name, at)
        assert line[measure.name] == pytest.approx(number_of(measure, rows)), measure.name
        if "interaction_id" in report.shows:
            behind = {event["interaction_id"] for event in events(traffic.connection, one, measure.name, at)}
            assert behind == {row["interaction_id"] for row in rows}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def moment(millis: int) -> datetime:
    return datetime.fromtimestamp(millis / 1000, UTC)


@pytest.mark.parametrize("kind", REPORTS)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_what_can_be_summed_adds_up_to_the_whole(traffic: Fed, kind: Any, zone: str) -> None:
    whole = total(traffic.connection, Asked(kind, zone=zone))
    assert whole is not None
    for interval in INTERVALS:
        for by in (None, ()):
            found = lines(traffic.connection, Asked(kind, interval, by, zone))
            for measure in REPORTS[kind].measures:
                if measure.is_summed:
                    numbers: list[Any] = [line[measure.name] for line in found]
                    assert sum(numbers) == pytest.approx(whole[measure.name]), (interval, by, measure.name)


@pytest.mark.parametrize("kind", REPORTS)
def test_the_traffic_of_these_tests_has_every_measure(traffic: Fed, kind: Any) -> None:
    whole = total(traffic.connection, Asked(kind))
    assert whole is not None
    missing = [name for name, value in whole.items() if not value and name != "interval_start"]
    assert missing == (["target_running"] if kind == "interactions" else [])  # which the clock ended long ago


@pytest.mark.parametrize("kind", REPORTS)
@pytest.mark.parametrize("width", ["quarter_hour", "hour", "day"])
def test_the_views_have_the_numbers_of_the_reports(traffic: Fed, kind: Any, width: Any) -> None:
    summed = [measure.name for measure in REPORTS[kind].measures if measure.is_summed]
    sums = ", ".join(f"sum({name})::double precision" for name in summed)
    found = traffic.all(f"SELECT {sums} FROM reporting.{REPORTS[kind].view} WHERE width = '{width}'")
    reported: list[Any] = lines(traffic.connection, Asked(kind, width))
    assert found == [tuple(pytest.approx(sum(line[name] for line in reported)) for name in summed)]


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-01", 24)])
def test_a_day_has_the_hours_that_the_clocks_give_it(fed: Fed, day: str, hours: int) -> None:
    """One message in each hour of three days, of which the middle one is asked for; an agent, ready all the time."""
    midnight = datetime.fromisoformat(day).replace(tzinfo=BERLIN)
    begin = midnight.astimezone(UTC) - timedelta(hours=24)
    for number in range(72):
        person = Person(fed.log, number + 1)
        person.at = int((begin + timedelta(hours=number)).timestamp() * 1000)
        person.writes("Hello")
    changed = routing.AgentStateChanged(
        agent_id="a", agent_state="ready", why="asked", occurred_at=int(begin.timestamp() * 1000)
    )
    fed.log.append(ROUTING_EVENTS, "main", changed)
    fed.feed()
    by_day = lines(fed.connection, Asked("interactions", "day", (), "Europe/Berlin"))
    assert {line["interval_start"]: line["offered"] for line in by_day}[midnight] == hours
    following = midnight + timedelta(days=1)
    asked = Asked("interactions", "hour", (), "Europe/Berlin", midnight, following)
    by_hour = lines(fed.connection, asked)
    assert [line["offered"] for line in by_hour] == [1] * hours
    starts = [line["interval_start"] for line in by_hour]
    assert all(
        isinstance(start, datetime) and start.utcoffset() == start.astimezone(BERLIN).utcoffset() for start in starts
    )
    ready = lines(fed.connection, Asked("occupancy", "day", (), "Europe/Berlin"))
    assert {line["interval_start"]: line["ready_seconds"] for line in ready}[midnight] == hours * 3600
    behind = opened(fed.connection, Asked("interactions", "day", (), "Europe/Berlin"), "offered", midnight)
    assert len(behind) == hours


def test_weeks_begin_on_monday_and_months_on_the_first_of_the_zone(fed: Fed) -> None:
    for number, text in enumerate(("2026-03-01T23:30", "2026-03-02T00:30", "2026-03-31T23:30", "2026-04-01T00:30"), 1):
        person = Person(fed.log, number)
        person.at = int(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp() * 1000) - 60_000
        person.writes("Hello")
    fed.feed()

    def starts(interval: Any) -> list[str]:
        found = lines(fed.connection, Asked("interactions", interval, (), "Europe/Berlin"))
        return [f"{line['interval_start']:%m-%d} {line['offered']}" for line in found]

    assert starts("week") == ["02-23 1", "03-02 1", "03-30 2"]
    assert starts("month") == ["03-01 3", "04-01 1"]
    assert starts("day") == ["03-01 1", "03-02 1", "03-31 1", "04-01 1"]


def test_since_and_until_cut_an_agents_time(fed: Fed) -> None:
    for at, state in ((0, "ready"), (3_600_000, "away"), (7_200_000, "offline")):
        changed = routing.AgentStateChanged(agent_id="a", agent_state=state, why="asked", occurred_at=START + at)
        fed.log.append(ROUTING_EVENTS, "main", changed)
    fed.feed()
    since, until = moment(START + 1_800_000), moment(START + 5_400_000)
    whole = total(fed.connection, Asked("occupancy", since=since, until=until))
    assert whole is not None
    assert (whole["ready_seconds"], whole["away_seconds"], whole["occupancy"]) == (1800, 1800, 0)


def test_an_agents_time_is_occupied_while_there_is_an_interaction(fed: Fed) -> None:
    """Ready for ten minutes, with one interaction for two of them and with two for one of these."""
    changed = routing.AgentStateChanged(agent_id="agent-1", agent_state="ready", why="asked", occurred_at=START)
    fed.log.append(ROUTING_EVENTS, "main", changed)
    for number, accepted, ended in ((1, 120_000, 240_000), (2, 180_000, 240_000)):
        person = mentions(fed.log, number)
        person.queued()
        person.at = START + accepted - 60_000
        person.tell(e.Assigned, agent_id="agent-1", why="taken")
        person.at = START + ended - 60_000
        person.tell(e.Dispositioned, code="resolved", agent_id="agent-1")
    gone = routing.AgentStateChanged(
        agent_id="agent-1", agent_state="offline", why="asked", occurred_at=START + 600_000
    )
    fed.log.append(ROUTING_EVENTS, "main", gone)
    fed.feed()
    whole = total(fed.connection, Asked("occupancy", where={"agent": "agent-1"}))
    assert whole is not None
    assert (whole["ready_seconds"], whole["occupied_seconds"], whole["interaction_seconds"]) == (600, 120, 180)
    assert whole["occupancy"] == pytest.approx(0.2)


def test_what_asked_for_two_skills_counts_with_both_and_once_in_all(fed: Fed) -> None:
    person = mentions(fed.log, 1)
    person.tell(
        e.Queued, queue="care", pool="main", skills=["billing", "french"], priority=1, request_id="q", why="received"
    )
    answered(fed.log, 2)
    fed.feed()
    asked = Asked("waits", "all", ("skill",))
    assert [(line["skill"], line["waits"]) for line in lines(fed.connection, asked)] == [("billing", 2), ("french", 1)]
    whole = total(fed.connection, asked)
    assert whole is not None and whole["waits"] == 2
    assert len(opened(fed.connection, Asked("waits", "all", ("skill",), where={"skill": "french"}), "waits")) == 1


def test_the_events_behind_a_number_are_named_by_their_positions(fed: Fed) -> None:
    person = answered(fed.log)
    answered(fed.log, 2)
    fed.feed()
    asked = Asked("transitions", "all", (), where={"event_type": "Replied"})
    behind = events(fed.connection, asked, "transitions")
    assert [event["event_type"] for event in behind] == ["Replied", "Replied"]
    raw = {(one.topic, one.partition, one.offset): one for one in fed.log.logged()}
    record = raw[tuple(behind[0][name] for name in ("topic", "partition", "record_offset"))].record  # type: ignore[index]
    assert isinstance(record, e.Replied) and record.event_id == behind[0]["event_id"]
    life = events(fed.connection, Asked("interactions", "all", ()), "offered")
    theirs = [event["topic"] for event in life if event["interaction_id"] == person.interaction]
    assert theirs == ["interaction.events"] * 8 + ["routing.events"]


def test_reports_as_of_a_time_are_those_that_were_then(traffic: Fed, module_database: str, database: str) -> None:
    """Against projections that were fed with nothing but the events up to then."""
    then = moment(START) + timedelta(days=2, hours=3)
    with connect(database) as other, connect(module_database) as connection:
        fed = Fed(other)
        fed.log = up_to(traffic.log, then)
        fed.feed()
        stand(connection, then)
        for kind, report in REPORTS.items():
            for by in (None, ()):
                found = lines(connection, Asked(kind, "day", by, as_of=then))
                assert found and timeless(found) == timeless(lines(other, Asked(kind, "day", by)))
            asked = Asked(kind, "all", (), as_of=then)
            assert opened(connection, asked, report.measures[0].name)
            behind: list[Any] = events(connection, asked, report.measures[0].name)
            assert behind and all(event["occurred_at"] <= then for event in behind)


OF_THE_CLOCK = ("target_missed", "target_running", "service_level")


def timeless(found: list[Line]) -> list[Line]:
    """Without what depends on now, which is then in the one and today in the other."""
    return [{name: value for name, value in line.items() if name not in OF_THE_CLOCK} for line in found]


def test_as_of_a_time_a_target_runs_that_was_missed_since(fed: Fed, database: str) -> None:
    person = mentions(fed.log)
    person.queued(answer_by=person.at + 7_200_000)
    then = moment(person.at + 60_000)
    fed.feed()
    with connect(database) as connection:
        stand(connection, then)
        found = total(connection, Asked(as_of=then))
    now = total(fed.connection, Asked())
    assert found is not None and now is not None
    assert (found["target_running"], found["target_missed"], now["target_running"], now["target_missed"]) == (
        1,
        0,
        0,
        1,
    )


def up_to(log: Log, then: datetime) -> Log:
    """The log as it was: each key's events up to the first that is later."""
    limit, late = then.timestamp() * 1000, set()
    found = Log()
    for raw, logged in zip(log.records, log.logged(), strict=True):
        event = logged.record
        if not isinstance(event, Event):
            continue
        if event.occurred_at > limit:
            late.add((raw.topic, raw.key))
        if (raw.topic, raw.key) not in late:
            found.records.append(raw)
    return found
