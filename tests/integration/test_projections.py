"""The projections on a real PostgreSQL, and fed from a real Kafka."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from engine.interaction import events as e
from engine.routing import events as routing
from projections import builds, offsets
from projections.catalogue import BY_NAME, PROJECTIONS
from projections.errors import InconsistentLog, OffsetConflict, ProjectionError, ShapeChanged, UnreadableRecord
from projections.projector import Projector, Settings, connect
from projections.queries.lists import After, contacts, interactions
from projections.queries.measures import lag, report, summary
from projections.queries.trace import trace
from projections.rebuild import rebuild
from projections.records import INTERACTION_CONTENT, INTERACTION_EVENTS, ROUTING_EVENTS, Place
from projections.writer import Writer
from tests.projection_log import PARTITIONS, Log, Person, conversations

Connection = psycopg.Connection[Any]
TOPICS = (INTERACTION_EVENTS, INTERACTION_CONTENT, ROUTING_EVENTS)
PLACES: list[Place] = [(topic, partition) for topic in TOPICS for partition in range(PARTITIONS)]


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    with connect(database) as opened:
        yield opened


class Fed:
    """A log and the projections that were fed with it, batch by batch, without Kafka."""

    def __init__(self, connection: Connection) -> None:
        self.log = Log()
        self.connection = connection
        self.writer = Writer(connection, [builds.ensure(connection, projection) for projection in PROJECTIONS])
        self.writer.claim(PLACES)
        self._done = 0

    def feed(self, size: int = 10_000) -> None:
        logged = self.log.logged(self._done)
        for start in range(0, len(logged), size):
            batch = logged[start : start + size]
            self.writer.write(batch, {(one.topic, one.partition): one.offset + 1 for one in batch})
        self._done = len(self.log.records)

    def one(self, query: str) -> Any:
        row = self.connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0] if len(row) == 1 else row

    def all(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query.encode()).fetchall()


@pytest.fixture
def fed(connection: Connection) -> Fed:
    return Fed(connection)


def answered(log: Log, number: int = 1, text: str = "Where is my order?") -> Person:
    person = Person(log, number)
    person.writes(text)
    person.resolved()
    person.queued()
    person.accepted("agent-1")
    person.answered("agent-1", "On its way")
    return person


def test_the_timeline_holds_both_directions_in_the_order_sent(fed: Fed) -> None:
    person = answered(fed.log)
    late = person.at + 300_000
    person.writes("Thanks", joined="thread", posted_at=late)
    person.writes("Posted before that", joined="thread", posted_at=late - 1000)
    fed.feed()
    assert fed.all("SELECT place, direction, author, status, text FROM contact_history.timeline ORDER BY place") == [
        (1, "in", "@customer_1", "received", "Where is my order?"),
        (2, "out", "agent-1", "posted", "On its way"),
        (3, "in", "@customer_1", "received", "Posted before that"),
        (4, "in", "@customer_1", "received", "Thanks"),
    ]


@pytest.mark.parametrize("text", ["NUL \x00 inside", "tab\t \\N \\. \"quoted\" 'too' %s\r\n", "😀 العربية", ""])
def test_words_are_kept_as_they_are(fed: Fed, text: str) -> None:
    answered(fed.log, text=text)
    fed.feed()
    shown, exact = fed.one("SELECT text, exact FROM contact_history.message WHERE direction = 'in'")
    assert shown == text.replace("\x00", "\u2400")
    assert (exact.decode() if exact is not None else shown) == text


def test_erased_words_and_names_read_as_erased(fed: Fed) -> None:
    person = answered(fed.log)
    fed.feed()
    event = fed.log.logged()[1].record
    assert isinstance(event, e.MessageReceived)
    person.tell(e.MessageDeleted, item_id=event.item_id, content_id=event.content_id)
    fed.log.append(INTERACTION_CONTENT, event.content_id, None)
    fed.log.append(INTERACTION_CONTENT, f"{person.home}:p", None)
    fed.feed()
    assert fed.one("SELECT author, status, text FROM contact_history.timeline WHERE place = 1") == (
        "[erased]",
        "deleted",
        "[erased]",
    )
    assert fed.one("SELECT known_as FROM contact_history.contact") == "[erased]"
    assert fed.one("SELECT count(*) FROM contact_history_v1.words WHERE text LIKE '%order%'") == 0


def test_the_size_of_the_batches_makes_no_difference(fed: Fed, postgres: str, database: str) -> None:
    conversations(fed.log, 40)
    fed.feed(size=7)
    other = {projection.name: builds.create(fed.connection, projection) for projection in PROJECTIONS}
    writer = Writer(fed.connection, list(other.values()))
    writer.claim(PLACES)
    logged = fed.log.logged()
    writer.write(logged, fed.log.ends)
    for projection in PROJECTIONS:
        assert builds.differences(fed.connection, projection, 1, 2) == []
        counted = fed.one(f"SELECT count(*) FROM {builds.schema_of(projection.name, 2)}.{projection.tables[0].name}")
        assert counted > 0


def test_a_difference_between_two_versions_is_found(fed: Fed) -> None:
    answered(fed.log)
    fed.feed()
    builds.create(fed.connection, BY_NAME["audit"])
    (found,) = builds.differences(fed.connection, BY_NAME["audit"], 1, 2)
    assert (found.table, found.only_in_second) == ("events", 0)
    assert found.only_in_first > 0


def test_the_audit_trail_holds_every_event_with_its_chain(fed: Fed) -> None:
    conversations(fed.log, 20)
    fed.feed()
    events = [raw for raw in fed.log.records if raw.topic != INTERACTION_CONTENT]
    assert fed.one("SELECT count(*) FROM audit.event") == len(events)
    assert fed.all("SELECT * FROM audit.chain_fault") == []
    fed.connection.execute("DELETE FROM audit_v1.events WHERE event_type = 'Queued' AND sequence = 4")
    assert fed.one("SELECT count(*), min(reason) FROM audit.chain_fault") == (20, "sequence 5 follows 3")


def test_facts_are_json_and_hold_bytes_as_hex_digits(fed: Fed) -> None:
    answered(fed.log)
    fed.feed()
    facts = fed.one("SELECT facts FROM audit.event WHERE event_type = 'MessageReceived'")
    assert facts["words"] == (b"d" * 32).hex()
    assert facts["joined"] == "opened"
    assert "event_id" not in facts


def test_no_words_lie_in_reporting_or_audit(fed: Fed) -> None:
    answered(fed.log, text="Pineapple")
    fed.feed()
    for schema in ("reporting_v1", "audit_v1"):
        for (table,) in fed.all(f"SELECT tablename FROM pg_tables WHERE schemaname = '{schema}'"):
            assert fed.one(f"SELECT count(*) FROM {schema}.{table} t WHERE t::text ILIKE '%pineapple%'") == 0


def test_agents_and_their_states_are_reported(fed: Fed) -> None:
    fed.log.append(
        ROUTING_EVENTS,
        "main",
        routing.AgentRegistered(agent_id="a", skills=["billing"], groups=[], capacity=2, occurred_at=1000),
    )
    for at, state in ((1000, "ready"), (61_000, "away")):
        changed = routing.AgentStateChanged(agent_id="a", agent_state=state, why="asked", occurred_at=at)
        fed.log.append(ROUTING_EVENTS, "main", changed)
    fed.feed()
    assert fed.all("SELECT state, seconds FROM reporting.fct_agent_state ORDER BY at") == [
        ("ready", 60),
        ("away", None),
    ]
    assert fed.one("SELECT pool, skills, capacity FROM reporting.dim_agent") == ("main", ["billing"], 2)


def test_offered_is_the_sum_of_its_parts(fed: Fed) -> None:
    answered(fed.log, 1)
    for number, code, agent in (
        (2, "expired", None),
        (3, "withdrawn", None),
        (4, "spam", "agent-1"),
        (5, "done", None),
    ):
        person = Person(fed.log, number)
        person.writes("Hello")
        person.resolved()
        person.queued()
        person.tell(e.Dispositioned, code=code, agent_id=agent)
    Person(fed.log, 6).writes("Still open")
    filtered = Person(fed.log, 7)
    filtered.writes("Spam", action="ignore", filter="spam")
    filtered.tell(e.FilteredOut, filter="spam", contact_id=None)
    filtered.tell(e.Dispositioned, code="filtered_out", contact_id=None)
    fed.feed()
    offered, *parts = fed.one(
        "SELECT sum(offered), sum(answered), sum(expired), sum(withdrawn), sum(closed_unanswered),"
        " sum(closed_automatically), sum(unanswered_open), sum(filtered) FROM reporting.by_day"
    )
    assert (offered, parts) == (6, [1, 1, 1, 1, 1, 1, 1])
    assert fed.one("SELECT sum(offered) FROM reporting.by_quarter_hour") == 6


def test_every_table_view_and_column_is_commented(fed: Fed) -> None:
    names = [*BY_NAME, *(builds.schema_of(name, 1) for name in BY_NAME), "projector"]
    bare = fed.connection.execute(
        "SELECT n.nspname, c.relname, a.attname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum >= 0 AND NOT a.attisdropped"
        " WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'v') AND col_description(c.oid, a.attnum) IS NULL"
        " UNION ALL SELECT n.nspname, c.relname, NULL FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'v') AND obj_description(c.oid, 'pg_class') IS NULL",
        (names, names),
    ).fetchall()
    assert bare == []
    assert fed.one("SELECT count(*) FROM pg_views WHERE schemaname = 'reporting'") == 11


def test_a_zombie_writes_nothing(fed: Fed, database: str) -> None:
    answered(fed.log)
    with connect(database) as other:
        zombie = Writer(other, [builds.ensure(other, projection) for projection in PROJECTIONS])
        zombie.claim(PLACES)
        logged, ends = fed.log.logged(), fed.log.ends
        fed.feed()
        with pytest.raises(OffsetConflict, match="another projector"):
            zombie.write(logged, ends)
    assert fed.one("SELECT messages_in FROM contact_history.interaction") == 1
    assert fed.one("SELECT count(*) FROM audit.event") == len([r for r in logged if r.topic != INTERACTION_CONTENT])


def test_a_batch_that_fails_leaves_nothing(fed: Fed) -> None:
    person = answered(fed.log)
    fed.feed()
    before = fed.all("SELECT * FROM projector.offsets ORDER BY 1, 2, 3, 4")
    person.tell(e.Replied, delivery_id="nobody's", agent_id="a", posted_at=1, first_response=False, settled_by="echo")
    with pytest.raises(InconsistentLog, match=r"interaction\.events\[\d\]@\d+ is a Replied"):
        fed.feed()
    assert fed.all("SELECT * FROM projector.offsets ORDER BY 1, 2, 3, 4") == before


def test_tables_made_by_other_code_are_refused(fed: Fed) -> None:
    fed.connection.execute("UPDATE projector.builds SET shape = 'older' WHERE projection = 'reporting'")
    with pytest.raises(ShapeChanged, match="rejoinder projections rebuild reporting"):
        builds.ensure(fed.connection, BY_NAME["reporting"])


def test_the_reader_may_read_the_views_and_nothing_else(fed: Fed, database: str) -> None:
    answered(fed.log)
    fed.feed()
    if fed.one("SELECT count(*) FROM pg_roles WHERE rolname = 'rejoinder_reader'") == 0:
        fed.connection.execute("CREATE ROLE rejoinder_reader")
    for name, projection in BY_NAME.items():
        builds.switch(fed.connection, builds.Build(projection, 1))
        fed.connection.execute("SET ROLE rejoinder_reader")
        for (view,) in fed.all(f"SELECT viewname FROM pg_views WHERE schemaname = '{name}'"):
            fed.all(f"SELECT * FROM {name}.{view} LIMIT 1")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            fed.all(f"SELECT * FROM {name}_v1.{projection.tables[0].name}")
        fed.connection.execute("RESET ROLE")


def test_lists_go_on_where_the_page_before_ended(fed: Fed) -> None:
    for number in range(1, 6):
        answered(fed.log, number)
    fed.feed()
    first = interactions(fed.connection, limit=3)
    rest = interactions(fed.connection, limit=3, after=After(first[-1].opened_at, first[-1].interaction_id))
    assert [line.customer for line in first + rest] == [f"@customer_{number}" for number in (5, 4, 3, 2, 1)]
    assert interactions(fed.connection, state="queued") == []
    assert [line.known_as for line in contacts(fed.connection, search="@CUSTOMER_4")] == ["@customer_4"]


def test_a_trace_is_found_by_every_name_and_tells_each_step(fed: Fed) -> None:
    person = answered(fed.log)
    answered(fed.log, 2)
    fed.feed()
    by_id = trace(fed.connection, person.interaction)
    for name in (person.home, "@customer_1", "customer_1", "x:customer_1", "x:@Customer_1"):
        assert trace(fed.connection, name) == by_id
    assert trace(fed.connection, "messenger:customer_1") == trace(fed.connection, "nobody") == []
    (told,) = by_id
    assert [(step.event, step.state) for step in told.steps] == [
        ("MessageReceived", "received"),
        ("ContactCreated", "received"),
        ("ContactResolved", "contact_resolved"),
        ("Queued", "queued"),
        ("Assigned", "assigned"),
        ("Accepted", "assigned"),
        ("ReplyRequested", "assigned"),
        ("Replied", "replied"),
    ]
    assert told.steps[0].text == "Where is my order?"
    assert told.steps[4].why == "offered to agent-1 after 12 s in line"
    assert told.steps[7].why.endswith("the first answer, 6 min after the first message")


def test_the_summary_counts_the_whole(fed: Fed) -> None:
    answered(fed.log, 1)
    person = answered(fed.log, 2)
    person.tell(e.ReplyFailed, delivery_id=person.answer("agent-1", "Too long"), reason="too_long", detail="shorten it")
    fed.feed()
    counted = summary(fed.connection)
    assert (counted.contacts, counted.interactions, counted.interactions_by_state) == (2, 2, {"replied": 2})
    assert (counted.inbound_messages, counted.replies_posted, counted.replies_refused) == (2, 2, 1)
    assert (counted.first_response_seconds.count, counted.first_response_seconds.sum) == (2, 720)
    assert counted.chain_faults == 0
    (day,) = report(fed.connection, "interactions", "day")
    assert getattr(day, "offered") == 2  # noqa: B009  # one of three kinds of line


def test_lag_is_counted_for_each_projection(fed: Fed) -> None:
    answered(fed.log)
    fed.feed()
    assert {line.projection: line.behind for line in lag(fed.connection, fed.log.ends)} == dict.fromkeys(BY_NAME, 0)
    place = next(place for place in fed.log.ends if place[0] == ROUTING_EVENTS)
    ahead = {**fed.log.ends, place: fed.log.ends[place] + 3}
    behind = {line.projection: line.behind for line in lag(fed.connection, ahead)}
    assert behind == {"audit": 3, "reporting": 3, "contact_history": 0}


class OnKafka:
    """A log that is really on Kafka, in one transaction for each call of `publish`."""

    def __init__(self, bootstrap: str, database: str, prefix: str) -> None:
        self.settings = Settings(bootstrap, database, prefix=prefix, kafka={"session.timeout.ms": 6000})
        self.log = Log()
        self._done = 0
        admin = AdminClient({"bootstrap.servers": bootstrap})
        for future in admin.create_topics([NewTopic(prefix + topic, PARTITIONS, 1) for topic in TOPICS]).values():
            future.result(timeout=30)
        self._producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": f"{prefix}test"})
        self._producer.init_transactions(30)

    def publish(self, *, commit: bool = True) -> None:
        self._producer.begin_transaction()
        for raw in self.log.records[self._done :]:
            self._producer.produce(self.settings.prefix + raw.topic, raw.value, raw.key, raw.partition)
        self._producer.flush(30)
        if commit:
            self._producer.commit_transaction(30)
            self._done = len(self.log.records)
        else:
            self._producer.abort_transaction(30)

    def project_until(self, reached: Callable[[Connection], bool]) -> None:
        """Runs a projector until the tables say that it is done."""
        stop = threading.Event()
        failed: list[BaseException] = []

        def work() -> None:
            try:
                Projector(PROJECTIONS, self.log.codec, self.settings).run(stop)
            except BaseException as error:
                failed.append(error)
                stop.set()

        thread = threading.Thread(target=work)
        thread.start()
        try:
            with connect(self.settings.dsn) as connection:
                for _ in range(600):
                    if stop.wait(0.05) or self._is(reached, connection):
                        break
                else:
                    pytest.fail("the projector did not get there within 30 s")
        finally:
            stop.set()
            thread.join(30)
        if failed:
            raise failed[0]

    @staticmethod
    def _is(reached: Callable[[Connection], bool], connection: Connection) -> bool:
        try:
            return reached(connection)
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            return False  # the projector has not made its tables yet

    def caught_up(self, connection: Connection) -> bool:
        return {one.projection for one in lag(connection, {}) if one.partitions} == set(BY_NAME) and (
            connection.execute("SELECT count(*) FROM audit.event").fetchone()
            == (sum(raw.topic != INTERACTION_CONTENT for raw in self.log.records[: self._done]),)
            and connection.execute("SELECT count(*) FROM contact_history.words").fetchone()
            == (len({raw.key for raw in self.log.records[: self._done] if raw.key.count(":") == 2}),)
        )


@pytest.fixture
def on_kafka(kafka: str, database: str, topic_prefix: str) -> OnKafka:
    return OnKafka(kafka, database, topic_prefix)


def test_a_projector_reads_what_is_committed_and_goes_on_where_it_stopped(on_kafka: OnKafka) -> None:
    conversations(on_kafka.log, 10)
    on_kafka.publish(commit=False)
    on_kafka.publish()
    on_kafka.project_until(on_kafka.caught_up)
    answered(on_kafka.log, 99)
    on_kafka.publish()
    on_kafka.project_until(on_kafka.caught_up)
    with connect(on_kafka.settings.dsn) as connection:
        counted = summary(connection)
    assert (counted.contacts, counted.chain_faults) == (11, 0)


def test_the_offsets_pass_the_markers_of_transactions(on_kafka: OnKafka) -> None:
    """Else a lag would never end: the last offset of each partition is a marker."""
    answered(on_kafka.log)
    on_kafka.publish()
    ends = {place: end + 1 for place, end in on_kafka.log.ends.items()}
    on_kafka.project_until(lambda connection: bool(lag(connection, ends)) and not any(
        line.behind for line in lag(connection, ends)
    ) and on_kafka.caught_up(connection))  # fmt: skip


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_a_projection_built_again_from_the_log_is_the_same_row_for_row(on_kafka: OnKafka, name: str) -> None:
    conversations(on_kafka.log, 15)
    on_kafka.publish()
    on_kafka.project_until(on_kafka.caught_up)
    build = rebuild(BY_NAME[name], on_kafka.log.codec, on_kafka.settings, keep_old=True)
    with connect(on_kafka.settings.dsn) as connection:
        assert build.version == 2
        assert builds.current_version(connection, name) == 2
        assert builds.differences(connection, BY_NAME[name], 1, 2) == []
        assert offsets.positions(connection, name, 1) == offsets.positions(connection, name, 2)
        builds.drop(connection, name, 1)
    answered(on_kafka.log, 99)
    on_kafka.publish()
    on_kafka.project_until(on_kafka.caught_up)


def test_a_projection_that_is_dropped_is_built_anew_by_the_running_projector(on_kafka: OnKafka) -> None:
    conversations(on_kafka.log, 5)
    on_kafka.publish()
    on_kafka.project_until(on_kafka.caught_up)
    dropped: list[bool] = []

    def after_the_drop(connection: Connection) -> bool:
        if not dropped:
            builds.drop(connection, "reporting")
            dropped.append(True)
            answered(on_kafka.log, 99)
            on_kafka.publish()
        counted = connection.execute("SELECT count(*) FROM reporting.fct_interaction").fetchone()
        return counted == connection.execute("SELECT count(*) FROM contact_history.interaction").fetchone() and (
            on_kafka.caught_up(connection)
        )

    on_kafka.project_until(after_the_drop)


def test_a_projector_survives_the_loss_of_its_connection(on_kafka: OnKafka) -> None:
    conversations(on_kafka.log, 5)
    on_kafka.publish()
    on_kafka.project_until(on_kafka.caught_up)
    cut: list[bool] = []

    def after_the_cut(connection: Connection) -> bool:
        if not cut:
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            connection.execute(f"{others} AND datname = current_database()".encode())
            cut.append(True)
            answered(on_kafka.log, 99)
            on_kafka.publish()
        return on_kafka.caught_up(connection)

    on_kafka.project_until(after_the_cut)


def test_an_unreadable_record_stops_the_projector_with_its_position(on_kafka: OnKafka) -> None:
    raw = on_kafka.log.append(INTERACTION_EVENTS, "some-key", e.FilteredOut(filter="f"))
    raw.value = b"not in the wire format"
    on_kafka.publish()
    with pytest.raises(UnreadableRecord, match=rf"interaction\.events\[{raw.partition}\]@0 "):
        on_kafka.project_until(lambda connection: False)


def test_a_database_that_is_not_there_is_named_without_its_password(on_kafka: OnKafka) -> None:
    settings = replace(on_kafka.settings, dsn="postgresql://somebody:secret@127.0.0.1:1/nowhere")
    stop = threading.Event()
    stop.set()
    with pytest.raises(ProjectionError, match=r"127\.0\.0\.1:1/nowhere can't be reached") as caught:
        connect(settings.dsn, stop)
    assert "secret" not in str(caught.value)
