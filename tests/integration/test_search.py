"""Words are found as they were asked for, whatever people write, and no more once they are erased."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from engine.interaction import events as e
from projections.projector import connect
from projections.queries.files import text
from projections.queries.lists import After
from projections.queries.search import LONGEST_CUT, Hit, NothingAsked, Wanted, search
from projections.records import INTERACTION_CONTENT
from tests.projecting import Fed, answered
from tests.projection_log import Person

NUL = "broken\x00letters swordfish"
LONG_WORD = f"before {'x' * 10_000} after swordfish"
MANY_WORDS = " ".join(f"{chr(0x10400 + at % 40)}{chr(0x10400 + at // 40 % 40)}{at}" for at in range(80_000))
HYPHENS = "a-" * 40_000 + "swordfish"
CAFE = "“Café” is closed\u2014sorry\U0001f622"
MARKS = "\x01begin\x02 <b>swordfish</b> & 'quoted' \\ \x1b[31mred"


@pytest.fixture
def fed(database: str) -> Iterator[Fed]:
    with connect(database) as opened:
        yield Fed(opened)


def found(fed: Fed, asked: str, after: After | None = None, limit: int = 100, **more: object) -> list[Hit]:
    return search(fed.connection, Wanted(asked, **more), after, limit)  # type: ignore[arg-type]


def texts(fed: Fed, asked: str) -> list[str]:
    return [hit.snippet for hit in found(fed, asked)]


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("parcel", {"My parcel is late", "A late PARCEL again", "parcels, parcel: late!"}),
        ("late parcel", {"My parcel is late", "A late PARCEL again", "parcels, parcel: late!"}),
        ('"late parcel"', {"A late PARCEL again"}),
        ("parcel -again", {"My parcel is late", "parcels, parcel: late!"}),
        ("parcels", {"parcels, parcel: late!"}),
        ("lett*", {"Two letters are lost"}),
        ("lett* or again", {"Two letters are lost", "A late PARCEL again"}),
        ("par* -la*", set()),
        ('"two lett*"', {"Two letters are lost"}),
        ("Größe", {"Die Größe stimmt nicht"}),
        ("größ*", {"Die Größe stimmt nicht"}),
        ("GRÖSSE", {"Die Größe stimmt nicht"}),
        ("cafe\u0301", {"“Café” is closed\u2014sorry\U0001f622"}),
        ("sorry", {"“Café” is closed\u2014sorry\U0001f622"}),
        ('"closed-sorry"', {"“Café” is closed\u2014sorry\U0001f622"}),
        ("4711-b", {"Order 4711-B"}),
        ("4711*", {"Order 4711-B"}),
        ("lett", set()),
        ("it's (odd | & ! <-> :*", set()),
    ],
)
def test_words_are_found_as_they_are_asked_for(fed: Fed, asked: str, wanted: set[str]) -> None:
    said = ("My parcel is late", "A late PARCEL again", "parcels, parcel: late!", "Two letters are lost")
    for number, words in enumerate((*said, "Die Größe stimmt nicht", "Order 4711-B", CAFE), 1):
        Person(fed.log, number).writes(words)
    fed.feed()
    assert set(texts(fed, asked)) == wanted


@pytest.mark.parametrize("asked", ["", "   ", "!!!", "-parcel", "-parcel -late", '""', "*"])
def test_who_names_no_word_that_is_to_be_there_is_told_so(fed: Fed, asked: str) -> None:
    fed.feed()
    with pytest.raises(NothingAsked, match="name a word"):
        found(fed, asked)


def test_both_directions_and_notes_are_found_with_where_they_stand(fed: Fed) -> None:
    person = answered(fed.log, text="Where is the swordfish?")
    person.answered("agent-1", "The swordfish is on its way", first=False)
    note = f"{person.home}:n:1"
    person.tell(e.Transferred, from_agent="agent-1", queue="fish", note_id=note)
    person.words(note, "About a swordfish")
    fed.feed()
    hits = found(fed, "swordfish")
    assert [(hit.kind, hit.author) for hit in hits] == [
        ("note", "agent-1"), ("reply", "agent-1"), ("message", "@customer_1"),
    ]  # fmt: skip
    assert {hit.interaction_id for hit in hits} == {person.interaction}
    assert {hit.contact_id for hit in hits} == {person.home}
    last = hits[-1]
    assert [last.snippet[begin:end] for begin, end in last.marks] == ["swordfish"]


def test_whatever_people_write_stops_nobody_and_is_found_by_its_words(fed: Fed) -> None:
    hostile = (NUL, LONG_WORD, MANY_WORDS, HYPHENS, MARKS, "\x00", "", "swordfish " * 5_000)
    for number, words in enumerate(hostile, 1):
        Person(fed.log, number).writes(words)
    fed.feed()
    hits = found(fed, "swordfish")
    assert len(hits) == 4  # what lies beyond 50,000 characters is not searched
    assert all(len(hit.snippet) <= LONGEST_CUT + 4 for hit in hits)
    assert all(hit.snippet[begin:end] == "swordfish" for hit in hits for begin, end in hit.marks[:5])
    assert len(found(fed, f"{chr(0x10400)}{chr(0x10400)}0")) == 1
    assert found(fed, "shark\x00fin") == []
    assert found(fed, "shark \ud800") == []
    assert found(fed, "x" * 500) == []
    kept = fed.one("SELECT count(*) FROM contact_history.words")
    assert kept == len(hostile)


def test_what_is_erased_is_not_found_any_more(fed: Fed) -> None:
    person = Person(fed.log, 1)
    said = person.writes("a rare swordfish")
    fed.feed()
    assert len(found(fed, "swordfish")) == 1
    fed.log.append(INTERACTION_CONTENT, said.content_id, None)
    fed.feed()
    assert found(fed, "swordfish") == []
    assert fed.all("SELECT * FROM contact_history.searched") == []


def test_pages_go_on_in_the_order_of_time_and_filters_hold(fed: Fed) -> None:
    for number in range(1, 8):
        person = Person(fed.log, number, account=str(40 + number % 2), channel="x" if number < 6 else "messenger")
        person.writes(f"swordfish {'swordfish ' * number}")
    fed.feed()
    whole = found(fed, "swordfish")
    assert [hit.sent_at for hit in whole] == sorted((hit.sent_at for hit in whole), reverse=True)
    pages, after = [], None
    while page := found(fed, "swordfish", after, limit=3):
        pages += page
        after = After(page[-1].sent_at, page[-1].message_id)
    assert pages == whole
    assert len(found(fed, "swordfish", account="41")) == 4
    assert len(found(fed, "swordfish", channel="messenger")) == 2
    third = whole[2].sent_at
    assert found(fed, "swordfish", since=third) == whole[:3]
    assert found(fed, "swordfish", until=third) == whole[3:]
    assert found(fed, "swordfish", since=third, until=third + timedelta(milliseconds=1)) == [whole[2]]
    ranks = [hit.rank or 0 for hit in found(fed, "swordfish", ranked=True)]
    assert ranks == sorted(ranks, reverse=True)
    assert len(set(ranks)) > 1


def test_an_index_finds_them_and_keeps_no_statistics_of_words(fed: Fed) -> None:
    person = Person(fed.log, 1)
    person.writes("Hello")
    for at in range(3_000):
        person.writes(f"word{at} again", "thread")
    fed.feed()
    fed.connection.execute("ANALYZE")
    nothing: dict[str, object] = dict.fromkeys(("account", "channel", "since", "until", "after_at", "after_id"))
    asked = {"asked": "'word7'", "ranked": False, "limit": 10, **nothing}
    explained = fed.connection.execute(b"EXPLAIN (FORMAT JSON) " + text("search"), asked).fetchone()
    assert '"words_words"' in json.dumps(explained)
    assert len(texts(fed, "word7")) == 1
    schema = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'contact_history_v%'"
    kept = fed.all(f"SELECT attname FROM pg_stats WHERE tablename = 'words_words' AND schemaname IN ({schema})")
    assert kept == []
