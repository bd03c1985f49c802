"""Lists, traces and counts, as the command line and the console ask for them."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from engine.interaction import contact_events as ce
from engine.interaction import events as e
from projections.catalogue import BY_NAME
from projections.projector import connect
from projections.queries.keys import kin, named
from projections.queries.lists import After, contacts, interactions
from projections.queries.measures import (
    ChannelSummary,
    Unsettled,
    by_channel,
    lag,
    summary,
    unsettled,
)
from projections.queries.trace import InteractionTrace, trace
from projections.records import INTERACTION_CONTENT, ROUTING_EVENTS
from tests.projecting import Fed, answered, plan, rows_read
from tests.projection_log import Person
from tests.projection_stories import all_stories, answered_automatically, given_to_a_group, moved_to_messenger


@pytest.fixture
def fed(database: str) -> Iterator[Fed]:
    with connect(database) as opened:
        yield Fed(opened)


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


def test_each_channel_is_counted_by_where_things_began_and_messages_by_where_they_travelled(fed: Fed) -> None:
    answered(fed.log, 1)
    moved_to_messenger(fed.log, 2)
    fed.feed()
    counted = {each.channel: each for each in by_channel(fed.connection)}
    assert list(counted) == ["x", "facebook", "messenger"]
    assert counted["x"] == ChannelSummary("x", 1, 1, 1, 0, 0, 0, 0)
    on_page, in_messenger = counted["facebook"], counted["messenger"]
    assert (on_page.interactions, on_page.moved_to_private, on_page.handles_linked) == (1, 1, 0)
    assert (in_messenger.interactions, in_messenger.handles_linked) == (0, 1)
    whole = summary(fed.connection)
    assert sum(each.messages_in for each in counted.values()) == whole.inbound_messages
    assert sum(each.answers_posted for each in counted.values()) == whole.replies_posted


def test_what_nobody_knows_of_stands_with_a_person_until_the_interaction_ends(fed: Fed) -> None:
    people = [answered(fed.log, number) for number in range(3)]
    for person in people:
        person.tell(e.ReplyAbandoned, delivery_id=person.answer("agent-1", "Again"), reason="undecided")
    people[0].tell(e.Dispositioned, code="resolved", agent_id="agent-1")
    fed.feed()
    assert unsettled(fed.connection) == [Unsettled("undecided", 2)]


def test_a_trace_reads_the_rows_of_its_person_and_not_those_of_the_others(fed: Fed) -> None:
    people = [Person(fed.log, number) for number in range(1, 1_001)]
    for person in people:
        person.writes("Hello")
        person.resolved()
    first, second, *_ = people
    second.of_contact(ce.HomeLinked, contact_id=None, to=first.home, version=2, how="agent")
    fed.feed()
    fed.connection.execute("ANALYZE")
    for name in (first.interaction, first.home, second.home, "customer_1", "customer_999"):
        keys = named(fed.connection, name)
        asked = {"id": name, "keys": keys, "kin": kin(fed.connection, keys)}
        scans = [node for node in plan(fed.connection, "trace_interactions", asked) if "Relation Name" in node]
        assert sum(map(rows_read, scans)) < 100
        ids = [told.interaction_id for told in trace(fed.connection, name)]
        scans = [node for node in plan(fed.connection, "trace_events", {"ids": ids}) if "Relation Name" in node]
        assert sum(map(rows_read, scans)) < 100


def test_lag_is_counted_for_each_projection(fed: Fed) -> None:
    answered(fed.log)
    fed.feed()
    assert {line.projection: line.behind for line in lag(fed.connection, fed.log.ends)} == dict.fromkeys(BY_NAME, 0)
    place = next(place for place in fed.log.ends if place[0] == ROUTING_EVENTS)
    ahead = {**fed.log.ends, place: fed.log.ends[place] + 3}
    behind = {line.projection: line.behind for line in lag(fed.connection, ahead)}
    assert behind == {"audit": 3, "reporting": 3, "contact_history": 0}


def test_a_contact_is_found_by_any_of_its_handles_with_all_that_they_wrote(fed: Fed) -> None:
    person = moved_to_messenger(fed.log, 1)
    answered(fed.log, 2)
    own = Person(fed.log, 3, channel="messenger")
    own.writes("Before it was linked", channel="messenger", visibility="private")
    own.resolved()
    own.of_contact(ce.HomeLinked, contact_id=None, to=person.home, version=2, how="agent")
    fed.feed()
    for name in ("ann", "CUSTOMER 1", "Customer 3"):
        assert [line.contact_id for line in contacts(fed.connection, search=name)] == [person.home]
    assert [line.handles for line in contacts(fed.connection)] == [1, 3]
    wanted = {person.interaction, own.interaction}
    for name in (person.home, person.messenger.home, own.home):
        assert {line.interaction_id for line in interactions(fed.connection, contact=name)} == wanted
        assert {told.interaction_id for told in trace(fed.connection, name)} == wanted
    assert {line.contact_id for line in interactions(fed.connection, contact=own.home)} == {person.home}
    assert interactions(fed.connection, contact="nobody") == []


def test_a_list_shows_what_is_private_and_what_is_automatic(fed: Fed) -> None:
    moved_to_messenger(fed.log, 1)
    answered_automatically(fed.log, 2)
    fed.feed()
    shown = [(line.private_channel, line.automatic_answers) for line in interactions(fed.connection)]
    assert shown == [(None, 1), ("messenger", 0)]


def test_a_trace_tells_what_happened_to_the_contact_meanwhile_and_no_more(fed: Fed) -> None:
    person = Person(fed.log)
    person.writes("Stop")
    person.resolved()
    person.of_contact(ce.OptedOut, item_id="1")
    person.queued()
    person.tell(e.Dispositioned, code="resolved", agent_id="agent-1")
    person.of_contact(ce.LanguageSet, language="de")
    fed.feed()
    (told,) = trace(fed.connection, person.interaction)
    assert [step.event for step in told.steps][3:] == ["OptedOut", "Queued", "Dispositioned"]
    assert (told.steps[3].state_before, told.steps[3].state) == (None, None)


def test_every_step_of_every_story_is_told_with_its_words(fed: Fed) -> None:
    all_stories(fed.log, 16)
    fed.feed()
    for (interaction_id,) in fed.all("SELECT interaction_id FROM contact_history.interaction"):
        (told,) = trace(fed.connection, interaction_id)
        assert not [step.event for step in told.steps if "no more than its name" in step.why]


def test_the_note_of_a_transfer_is_told_and_reads_as_erased_once_it_is(fed: Fed) -> None:
    person = given_to_a_group(fed.log)
    for text in ("She mentions a lawyer", "[erased]"):
        fed.feed()
        (told,) = trace(fed.connection, person.interaction)
        assert next(step.text for step in told.steps if step.event == "Transferred") == text
        fed.log.append(INTERACTION_CONTENT, f"{person.home}:n:transfer1", None)


def test_a_trace_as_of_a_time_tells_what_had_happened_by_then(fed: Fed) -> None:
    person = answered(fed.log)
    person.tell(e.Dispositioned, code="resolved", agent_id="agent-1")
    moved_to_messenger(fed.log, 2)
    fed.feed()
    (now,) = trace(fed.connection, person.interaction)

    def then(index: int) -> InteractionTrace:
        (told,) = trace(fed.connection, person.interaction, as_of=now.steps[index].at)
        assert told.steps == now.steps[: len(told.steps)]
        assert told.steps[-1].at == now.steps[index].at
        return told

    received, queued, offered, replied = (then(index) for index in (0, 3, 4, 7))
    assert [told.state for told in (received, queued, offered, replied)] == [
        "received",
        "queued",
        "assigned",
        "replied",
    ]
    assert (received.queue, queued.queue, queued.agent_id, offered.agent_id) == (None, "care", None, "agent-1")
    assert (offered.first_response_seconds, replied.first_response_seconds) == (None, now.first_response_seconds)
    assert (replied.disposition, then(8).disposition) == (None, "resolved")
    assert trace(fed.connection, person.interaction, as_of=now.steps[0].at - timedelta(seconds=1)) == []
    assert then(8) == now
    (whole,) = trace(fed.connection, "@customer_1", as_of=now.steps[-1].at)
    assert whole == now
