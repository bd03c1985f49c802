"""The tables of the projections on a real PostgreSQL: batches, offsets, versions, comments."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from engine.interaction import contact_events as ce
from engine.interaction import events as e
from engine.record import Event
from projections import builds
from projections.catalogue import BY_NAME, PROJECTIONS
from projections.comparing import differences
from projections.errors import InconsistentLog, OffsetConflict, ShapeChanged
from projections.projector import connect
from projections.records import ERASABLE, INTERACTION_EVENTS
from projections.writer import Writer
from tests.projecting import PLACES, Fed, answered
from tests.projection_log import Person, conversations
from tests.projection_stories import all_stories


@pytest.fixture
def fed(database: str) -> Iterator[Fed]:
    with connect(database) as opened:
        yield Fed(opened)


@pytest.mark.parametrize("size", [1, 7])
def test_the_size_of_the_batches_makes_no_difference(fed: Fed, size: int) -> None:
    conversations(fed.log, 20)
    all_stories(fed.log, 24)
    fed.feed(size=size)
    other = {projection.name: builds.create(fed.connection, projection) for projection in PROJECTIONS}
    writer = Writer(fed.connection, list(other.values()))
    writer.claim(PLACES)
    writer.write(fed.log.logged(), fed.log.ends)
    for projection in PROJECTIONS:
        assert differences(fed.connection, projection, 1, 2) == []
        tables = {table.name for table in projection.tables} - {"dim_queue", "dim_agent", "fct_agent_state"}
        schema = builds.schema_of(projection.name, 2)
        assert all(fed.one(f"SELECT count(*) FROM {schema}.{table}") > 0 for table in tables)


def test_a_writer_that_began_with_empty_tables_never_reads_one_from_end_to_end(fed: Fed) -> None:
    conversations(fed.log, 20)
    fed.feed(size=3)  # often enough for its plans to be kept
    fed.connection.execute("SELECT pg_stat_force_next_flush()")
    read = fed.all("SELECT relname, seq_tup_read FROM pg_stat_user_tables WHERE schemaname LIKE '%\\_v1'")
    assert {"interactions", "messages", "fct_interaction"} <= {name for name, _ in read}
    assert [name for name, rows in read if rows] == []


def test_a_difference_between_two_versions_is_found(fed: Fed) -> None:
    answered(fed.log)
    fed.feed()
    builds.create(fed.connection, BY_NAME["audit"])
    (found,) = differences(fed.connection, BY_NAME["audit"], 1, 2)
    assert (found.table, found.only_in_second) == ("events", 0)
    assert found.only_in_first > 0


def test_the_audit_trail_holds_every_event_with_its_chain(fed: Fed) -> None:
    conversations(fed.log, 20)
    fed.feed()
    events = [raw for raw in fed.log.records if raw.topic not in ERASABLE]
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
    assert fed.one("SELECT count(*) FROM pg_views WHERE schemaname = 'reporting'") == 23


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
    assert fed.one("SELECT count(*) FROM audit.event") == len([r for r in logged if r.topic not in ERASABLE])


def test_a_batch_that_fails_leaves_nothing(fed: Fed) -> None:
    person = answered(fed.log)
    fed.feed()
    before = fed.all("SELECT * FROM projector.offsets ORDER BY 1, 2, 3, 4")
    person.tell(e.Replied, delivery_id="nobody's", agent_id="a", posted_at=1, first_response=False, settled_by="echo")
    with pytest.raises(InconsistentLog, match=r"interaction\.events\[\d\]@\d+ is a Replied"):
        fed.feed()
    assert fed.all("SELECT * FROM projector.offsets ORDER BY 1, 2, 3, 4") == before


def test_what_happens_to_a_key_and_not_to_an_interaction_passes_everywhere(fed: Fed) -> None:
    """The contact need not be known: the engine passes on, notes and remembers on keys that have none."""
    facts: dict[type[Event], dict[str, Any]] = {
        ce.Forwarded: {"command": "EditMessage", "to": "somebody"},
        ce.ItemNoted: {"item_id": "1", "home": "somebody"},
        e.DeletionRemembered: {"item_id": "1", "channel": "facebook"},
        e.EditRemembered: {
            "item_id": "1",
            "channel": "facebook",
            "content_id": "somebody:e:1",
            "words": b"",
            "edited_at": 1,
            "until": 2,
        },
        e.EditForgotten: {"item_id": "1", "channel": "facebook", "content_id": "somebody:e:1"},
        ce.InvitationRefused: {"handle_id": "somebody", "why": "unknown"},
        ce.HandleLinked: {"handle_id": "somebody", "version": 1, "how": "agent"},
        ce.HandleUnlinked: {"handle_id": "somebody", "version": 1, "why": "asked"},
        ce.HomeUnlinked: {"to": "somebody", "version": 1, "why": "circle"},
        ce.ProfileRecorded: {"handle_id": "somebody", "channel": "x", "profile_id": "somebody:p"},
        ce.LanguageSet: {"language": "en"},
        ce.ContactBlocked: {},
        ce.ContactUnblocked: {},
        ce.OptedOut: {"item_id": "1"},
        e.PolicyAdopted: {"version": 1, "policy_digest": b""},
        e.EmergencyActivated: {"closure": "c", "account": "x:42"},
        e.EmergencyEnded: {"closure": "c", "account": "x:42"},
    }
    nobody = Person(fed.log, named=False)
    for kind, fields in facts.items():
        nobody.of_contact(kind, contact_id=None, **fields)
    refused = e.CommandRefused(interaction_id="never.1", command="Accept", code="unknown_interaction", reason="")
    fed.log.append(INTERACTION_EVENTS, "never", refused)
    fed.feed()
    assert fed.one("SELECT count(*) FROM audit.event") == len(facts) + 1
    assert fed.one("SELECT count(*) FROM contact_history.contact") == 0
    assert fed.one("SELECT count(*) FROM contact_history.handle") == 0


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
        builds.switch(fed.connection, [builds.Build(projection, 1)])
        fed.connection.execute("SET ROLE rejoinder_reader")
        for (view,) in fed.all(f"SELECT viewname FROM pg_views WHERE schemaname = '{name}'"):
            fed.all(f"SELECT * FROM {name}.{view} LIMIT 1")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            fed.all(f"SELECT * FROM {name}_v1.{projection.tables[0].name}")
        fed.connection.execute("RESET ROLE")
