"""One person over all channels: what belongs together now and at every time before, page by page."""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.interaction import contact_events as ce
from engine.interaction import events as e
from engine.record import Event
from projections.contact_history.projection import profile_of
from projections.projector import connect
from projections.queries.history import History, NoSuchMessage, history
from projections.records import INTERACTION_CONTENT, INTERACTION_EVENTS, INTERACTION_PROFILES
from tests.projecting import Fed, answered, plan, rows_read
from tests.projection_log import START, Log, Person
from tests.projection_stories import moved_to_messenger

MINUTE = 60_000
LATER = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def fed(module_database: str) -> Iterator[Fed]:
    with connect(module_database) as opened:
        yield Fed(opened)


@pytest.fixture(scope="module")
def numbers() -> Iterator[int]:
    return itertools.count(1)


def moment(millis: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=millis)


def links(contact: Person, handle: Person, version: int, at: int) -> None:
    """A person says that a handle, and the contact that it may have, is part of a contact."""
    contact.at = handle.at = at
    by = {"actor_kind": "agent", "actor_id": "kim"}
    contact.of_contact(ce.HandleLinked, handle_id=handle.home, version=version, how="agent", **by)
    handle.of_contact(ce.HomeLinked, contact_id=None, to=contact.home, version=version, how="agent")


def parts(contact: Person, handle: Person, version: int, at: int) -> None:
    contact.at = handle.at = at
    by = {"actor_kind": "supervisor", "actor_id": "lee"}
    contact.of_contact(ce.HandleUnlinked, handle_id=handle.home, version=version, why="asked", **by)
    handle.of_contact(ce.HomeUnlinked, contact_id=None, to=contact.home, version=version, why="asked")


def told(found: History) -> tuple[str, set[str], list[tuple[str, str, datetime]]]:
    messages = [(line.message_id, line.status, line.sent_at) for line in found.messages]
    return found.contact_id, {handle.handle_id for handle in found.handles}, messages


def page_by_page(fed: Fed, key: str, as_of: datetime | None, limit: int) -> History | None:
    """All pages as one."""
    whole = page = history(fed.connection, key, as_of, None, limit)
    while page is not None and page.next is not None and whole is not None:
        assert len(page.messages) == limit
        page = history(fed.connection, key, as_of, page.next, limit)
        assert page is not None
        matters = {each.interaction_id: each for each in (*whole.interactions, *page.interactions)}
        ordered = sorted(matters.values(), key=lambda each: (each.opened_at, each.interaction_id))
        whole = replace(whole, messages=whole.messages + page.messages, interactions=ordered, next=None)
    return whole


@dataclass
class Life:
    """Some people's lives, as a test tells them: each thing that happens has a time of its own."""

    log: Log
    people: list[Person]
    linked: dict[int, tuple[int, int]] = field(default_factory=dict)
    """By handle the contact, and the version of the link."""
    versions: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    pending: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    received: dict[int, list[e.MessageReceived]] = field(default_factory=lambda: defaultdict(list))
    done: int = 0

    def end(self, who: int) -> int:
        while who in self.linked:
            who = self.linked[who][0]
        return who

    def happens(self, what: str, one: int, other: int, at: int) -> None:
        self.done += 1  # so that no two have the same moment, from which ids follow
        person, millis = self.people[one], START + at * MINUTE + self.done
        where = self.people[self.end(one)]
        where.at = millis
        match what:
            case "writes":
                is_first = where.number == 0
                joined = "opened" if where.number % 2 == 0 else "thread"
                event = where.writes(f"says {at}", joined, handle_id=person.home, posted_at=millis)
                self.received[self.end(one)].append(event)
                if is_first:
                    where.resolved()
                elif joined == "opened":
                    where.tell(e.ContactResolved, how="found")
                if joined == "opened":
                    where.queued()
                    where.accepted("kim")
            case "answers" if where.number:
                self.pending[self.end(one)].append(where.answer("kim", f"answers {at}"))
            case "posts" if self.pending[self.end(one)]:
                where.posted(self.pending[self.end(one)].pop(), "kim", first=False, posted_at=millis + other * MINUTE)
            case "deletes" if self.received[self.end(one)]:
                gone = self.received[self.end(one)].pop()
                where.tell(
                    e.MessageDeleted,
                    interaction_id=gone.interaction_id,
                    item_id=gone.item_id,
                    content_id=gone.content_id,
                )
                self.log.append(INTERACTION_CONTENT, gone.content_id, None)
            case "links" if where.number and one not in self.linked and self.end(other) != one:
                into = self.end(other)
                if self.people[into].number:
                    self.versions[into] += 1
                    self.linked[one] = (into, self.versions[into])
                    links(self.people[into], person, self.versions[into], millis)
            case "parts" if one in self.linked:
                into, version = self.linked.pop(one)
                parts(self.people[into], person, version, millis)
            case _:
                return


@dataclass
class Naive:
    """What the events up to a time say, taken one after the other."""

    created: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    linked: dict[str, str] = field(default_factory=dict)
    of: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By message its key and its interaction."""
    messages: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    """By message when it was sent, its sequence, its status."""
    resolved: set[str] = field(default_factory=set)

    def take(self, key: str, event: Event) -> None:
        if event.interaction_id is not None and event.contact_id is not None:
            self.resolved.add(event.interaction_id)
        match event:
            case ce.ContactCreated():
                self.created.add(key)
                self.known.add(key)
            case ce.HomeLinked():
                self.linked[key] = event.to
                self.known.add(key)
            case ce.HomeUnlinked():
                self.linked.pop(key, None)
            case e.MessageReceived():
                self._add(event.content_id, key, event, event.posted_at, "received")
            case e.ReplyRequested():
                self._add(event.delivery_id, key, event, event.occurred_at, "pending")
            case e.Replied():
                _, sequence, _ = self.messages[event.delivery_id]
                self.messages[event.delivery_id] = (event.posted_at, sequence, "posted")
            case e.MessageDeleted():
                sent, sequence, _ = self.messages[event.content_id]
                self.messages[event.content_id] = (sent, sequence, "deleted")
            case _:
                return

    def _add(self, message: str, key: str, event: Event, sent: int, status: str) -> None:
        self.messages[message] = (sent, event.sequence, status)
        self.of[message] = (key, event.interaction_id or "")

    @property
    def is_round(self) -> bool:
        """Whether some are linked to each other: with clocks that differ so much there is no right answer."""
        for key in self.linked:
            passed = {key}
            while (following := self.linked.get(key)) is not None:
                if following in passed:
                    return True
                passed.add(key := following)
        return False

    def end(self, key: str) -> str:
        while key in self.linked:
            key = self.linked[key]
        return key

    def person(self, key: str) -> tuple[str, set[str], list[tuple[str, str, datetime]]] | None:
        contact = self.end(key)
        if contact not in self.created or key not in self.known:
            return None
        homes = {each for each in self.known if self.end(each) == contact}
        mine = [name for name, (home, matter) in self.of.items() if home in homes and matter in self.resolved]
        ordered = sorted(mine, key=lambda name: (*self.messages[name][:2], name))
        return contact, homes, [(name, self.messages[name][2], moment(self.messages[name][0])) for name in ordered]


def naive(chains: Mapping[str, list[Event]], millis: int) -> Naive:
    """Of each key the events up to the first that is later."""
    found = Naive()
    for key, events in chains.items():
        for event in itertools.takewhile(lambda event: event.occurred_at <= millis, events):
            found.take(key, event)
    return found


HAPPENS = st.tuples(
    st.sampled_from(["writes", "writes", "answers", "posts", "deletes", "links", "links", "parts"]),
    st.integers(0, 3),
    st.integers(0, 3),
    st.integers(0, 40),
)


@settings(max_examples=50)
@given(
    happens=st.lists(HAPPENS, min_size=4, max_size=40),
    times=st.lists(st.integers(0, 50), min_size=2, max_size=3),
    limit=st.sampled_from([1, 3, 7]),
    in_order=st.booleans(),
)
def test_at_every_time_a_person_is_what_the_events_up_to_then_say(
    fed: Fed,
    numbers: Iterator[int],
    happens: list[tuple[str, int, int, int]],
    times: list[int],
    limit: int,
    in_order: bool,
) -> None:
    life = Life(fed.log, [Person(fed.log, next(numbers)) for _ in range(4)])
    begun = len(fed.log.records)
    if in_order:
        ats = sorted(at for *_, at in happens)
        happens = [(what, one, other, at) for (what, one, other, _), at in zip(happens, ats, strict=True)]
    for what, one, other, at in [("writes", who, 0, 0) for who in range(4)] + happens:
        life.happens(what, one, other, at)
    fed.feed()
    chains: dict[str, list[Event]] = defaultdict(list)
    for logged in fed.log.logged(begun):
        if isinstance(logged.record, Event) and logged.topic == INTERACTION_EVENTS:
            chains[logged.key].append(logged.record)
    for person in life.people:
        for at in times:
            millis = START + at * MINUTE + MINUTE // 2 * (at % 2)
            found, wanted = page_by_page(fed, person.home, moment(millis), limit), naive(chains, millis)
            assert wanted.is_round or (found and told(found)) == wanted.person(person.home)
        now, end = page_by_page(fed, person.home, None, limit), page_by_page(fed, person.home, LATER, 10_000)
        assert now == (end and replace(end, as_of=None))
        assert (now and told(now)) == naive(chains, 1 << 60).person(person.home)


def test_merges_and_their_ends_are_told_with_when_and_by_whom(fed: Fed, numbers: Iterator[int]) -> None:
    ann, other = answered(fed.log, next(numbers)), answered(fed.log, next(numbers))
    begun = max(ann.at, other.at)
    links(ann, other, 1, begun)
    parts(ann, other, 1, begun + 10 * MINUTE)
    fed.feed()
    for key in (ann.home, other.home):
        apart = history(fed.connection, key)
        assert apart is not None
        assert apart.contact_id == key
        assert [(line.linked, line.handle_id, line.contact_id, line.actor_id) for line in apart.links] == [
            (True, other.home, ann.home, "kim"), (False, other.home, ann.home, "lee"),
        ]  # fmt: skip
        together = history(fed.connection, key, moment(begun + 5 * MINUTE))
        assert together is not None
        assert together.contact_id == ann.home
        assert len(together.messages) == 4
        assert [line.linked for line in together.links] == [True]
        before = history(fed.connection, key, moment(begun))
        assert before is not None
        assert (before.contact_id, len(before.messages), before.links) == (key, 2, [])
    assert history(fed.connection, ann.home, moment(START - MINUTE)) is None
    assert history(fed.connection, "nobody") is None
    with pytest.raises(NoSuchMessage, match="can't begin after"):
        history(fed.connection, ann.home, after=f"{other.home}:m:{other._items}")


def test_what_was_merged_into_one_that_was_merged_itself_is_part_of_the_last(fed: Fed, numbers: Iterator[int]) -> None:
    first, second, third = (answered(fed.log, next(numbers)) for _ in range(3))
    begun = max(first.at, second.at, third.at)
    links(second, first, 1, begun)
    links(third, second, 1, begun + 10 * MINUTE)
    parts(third, second, 1, begun + 20 * MINUTE)
    fed.feed()
    for at, who, count in ((5, second, 4), (15, third, 6), (25, second, 4), (None, second, 4)):
        found = history(fed.connection, first.home, None if at is None else moment(begun + at * MINUTE))
        assert found is not None
        assert (found.contact_id, len(found.messages), len(found.handles)) == (who.home, count, count // 2)


def test_one_view_over_channels_where_what_was_erased_reads_so(database: str) -> None:
    with connect(database) as connection:
        fed = Fed(connection)
        person = moved_to_messenger(fed.log)
        fed.feed()
        whole = history(connection, person.messenger.home)
        assert whole is not None
        assert whole.contact_id == person.home
        assert {handle.channel for handle in whole.handles} == {"facebook", "messenger"}
        assert {line.channel for line in whole.messages} == {"facebook", "messenger"}
        assert [line.direction for line in whole.messages].count("out") == 3
        assert whole.messages[0].text == "Where is my order?"
        kept = {raw.key for raw in fed.log.records if raw.topic in (INTERACTION_CONTENT, INTERACTION_PROFILES)}
        for key in kept:
            fed.log.append(INTERACTION_CONTENT if profile_of(key) is None else INTERACTION_PROFILES, key, None)
        fed.feed()
        for as_of in (None, LATER):
            gone = history(connection, person.home, as_of)
            assert gone is not None
            assert {line.text for line in gone.messages} == {"[erased]"}
            assert len(gone.messages) == len(whole.messages)
            assert gone.known_as == "[erased]"
            assert not any(name in repr(gone) for name in ("Ann", "Customer"))


def test_a_page_costs_the_same_however_many_messages_lie_before_it(database: str) -> None:
    with connect(database) as connection:
        fed = Fed(connection)
        people = [Person(fed.log, number) for number in (1, 2, 3)]
        for person in people:
            person.writes("Hello")
            person.resolved()
            for _ in range(3_000):
                person.writes("Hello?", "thread")
        links(people[0], people[1], 1, people[0].at)
        fed.feed()
        connection.execute("ANALYZE")
        whole = history(connection, people[0].home, limit=10_000)
        assert whole is not None
        assert (len(whole.messages), whole.next) == (6_002, None)
        read = []
        for place in (0, 3_000, 5_900):
            last = whole.messages[place]
            sent = {"after_at": last.sent_at, "after_sequence": 0, "after_id": ""}
            homes = [person.home for person in people[:2]]
            nodes = list(plan(connection, "history_page", {"keys": homes, "limit": 50, **sent}))
            assert [node for node in nodes if "split_part" in node.get("Index Name", "")]
            scans = [node for node in nodes if node.get("Relation Name") == "messages"]
            assert "Seq Scan" not in {node["Node Type"] for node in scans}
            read.append(sum(map(rows_read, scans)))
        assert max(read) <= 2 * 150
