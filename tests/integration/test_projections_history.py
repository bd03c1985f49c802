"""The contact history: contacts, handles and their links, interactions, messages of both directions."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.interaction import contact_events as ce
from engine.interaction import events as e
from projections.projector import connect
from projections.records import INTERACTION_CONTENT, INTERACTION_PROFILES
from tests.projecting import Fed, answered
from tests.projection_log import Person
from tests.projection_stories import (
    PAGE,
    Commenter,
    answered_automatically,
    asks_to_answer,
    asks_to_engage,
    edited_and_deleted,
    given_to_a_group,
    mentions,
    moderated,
    moved_to_messenger,
    not_answered_automatically,
)


@pytest.fixture
def fed(database: str) -> Iterator[Fed]:
    with connect(database) as opened:
        yield Fed(opened)


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
    fed.log.append(INTERACTION_PROFILES, f"{person.home}:p", None)
    fed.feed()
    assert fed.one("SELECT author, status, text FROM contact_history.timeline WHERE place = 1") == (
        "[erased]",
        "deleted",
        "[erased]",
    )
    assert fed.one("SELECT known_as FROM contact_history.contact") == "[erased]"
    assert fed.one("SELECT count(*) FROM contact_history_v1.words WHERE text LIKE '%order%'") == 0


def one_row(fed: Fed, view: str, *columns: str) -> dict[str, Any]:
    """Some columns of the only row of a view."""
    (row,) = fed.all(f"SELECT {', '.join(columns)} FROM contact_history.{view}")
    return dict(zip(columns, row, strict=True))


def test_a_comment_that_goes_on_in_messenger_is_one_interaction_of_one_contact(fed: Fed) -> None:
    person = moved_to_messenger(fed.log)
    fed.feed()
    assert fed.all(
        "SELECT kind, status, channel, visibility, author, text FROM contact_history.message ORDER BY sent_at, sequence"
    ) == [
        ("message", "received", "facebook", "public", "Customer 1", "Where is my order?"),
        ("reply", "posted", "messenger", "private", "agent-1", "Your order number?"),
        ("announcement", "posted", "facebook", "public", "agent-1", "We wrote to you"),
        ("message", "received", "messenger", "private", "Ann", "It is 4711"),
        ("reply", "posted", "messenger", "private", "agent-1", "It comes tomorrow"),
    ]
    assert one_row(
        fed, "interaction", "contact_id", "channel", "private_channel", "invited", "sessions", "in_session", "thread"
    ) == {
        "contact_id": person.home,
        "channel": "facebook",
        "private_channel": "messenger",
        "invited": True,
        "sessions": 1,
        "in_session": False,
        "thread": f"{PAGE}_1",
    }
    assert one_row(fed, "contact", "handles", "channels", "known_as", "interactions", "messages_in") == {
        "handles": 2,
        "channels": ["facebook", "messenger"],
        "known_as": "Customer 1, Ann",
        "interactions": 1,
        "messages_in": 2,
    }
    assert fed.all(
        "SELECT handle_id, contact_id, channel, name, how FROM contact_history.handle ORDER BY linked_at"
    ) == [
        (person.home, person.home, "facebook", "Customer 1", None),
        (person.messenger.home, person.home, "messenger", "Ann", "private_reply"),
    ]


def test_an_announcement_waits_until_the_private_message_is_posted(fed: Fed) -> None:
    person = Commenter(fed.log)
    person.comments()
    first = person.answer("agent-1", "In private", visibility="private", action="private_answer")
    after = person.answer("agent-1", "We wrote to you", after=first)
    fed.feed()
    statuses = "SELECT kind, status FROM contact_history.message WHERE direction = 'out' ORDER BY sequence"
    assert fed.all(statuses) == [("reply", "pending"), ("announcement", "waiting")]
    person.posted(first, "agent-1")
    person.tell(e.ReplyReleased, delivery_id=after)
    fed.feed()
    assert fed.all(statuses) == [("reply", "posted"), ("announcement", "pending")]


def test_a_link_that_is_undone_gives_the_handle_back_and_leaves_what_it_sent(fed: Fed) -> None:
    person = moved_to_messenger(fed.log)
    handle = person.messenger
    handle.of_contact(ce.HomeUnlinked, contact_id=None, to=person.home, version=9, why="asked")  # not this link
    fed.feed()
    assert fed.one("SELECT count(*) FROM contact_history.link WHERE unlinked_at IS NULL") == 1
    handle.of_contact(ce.HomeUnlinked, contact_id=None, to=person.home, version=1, why="asked")
    fed.feed()
    assert fed.one(f"SELECT contact_id FROM contact_history.handle WHERE handle_id = '{handle.home}'") is None
    assert fed.one("SELECT ended_by, unlinked_at > linked_at FROM contact_history.link") == ("asked", True)
    assert fed.one("SELECT messages_in, handles FROM contact_history.contact") == (2, 1)
    handle.number = 0
    handle.profile(f"{handle.home}:p")
    handle.writes("Something else", channel="messenger", visibility="private")
    handle.resolved()
    fed.feed()
    assert fed.all("SELECT contact_id FROM contact_history.contact ORDER BY created_at") == [
        (person.home,),
        (handle.home,),
    ]


def test_a_handle_that_goes_from_one_contact_to_another_has_both_links_with_their_times(fed: Fed) -> None:
    first, second = Person(fed.log, 1), Person(fed.log, 2)
    for person in (first, second):
        person.writes("Hello")
        person.resolved()
    moved = Person(fed.log, 3, channel="messenger", named=False)
    for number, person in enumerate((first, second), start=1):
        moved.of_contact(
            ce.HomeLinked, contact_id=None, to=person.home, version=number, how="agent", instead_version=number - 1
        )
    fed.feed(size=1)
    links = fed.all("SELECT contact_id, version, ended_by, unlinked_at FROM contact_history.link ORDER BY linked_at")
    assert [link[:3] for link in links] == [(first.home, 1, "linked"), (second.home, 2, None)]
    assert links[0][3] == fed.one("SELECT max(linked_at) FROM contact_history.link")
    assert fed.one(f"SELECT contact_id FROM contact_history.person WHERE home = '{moved.home}'") == second.home


@given(
    st.lists(st.tuples(st.sampled_from("+-"), st.integers(0, 4), st.integers(0, 4)), max_size=12),
    st.sampled_from((4, 100)),
)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_key_is_always_of_the_contact_at_the_end_of_its_links(
    fed: Fed, steps: list[tuple[str, int, int]], size: int
) -> None:
    fresh = len(fed.log.records)  # the examples share a database
    people = [Person(fed.log, fresh + number, channel="messenger") for number in range(5)]
    for person in people:
        person.writes("Hello")
        person.resolved()
    linked: dict[int, tuple[int, int]] = {}

    def path(number: int) -> list[int]:
        return [number, *(path(linked[number][0]) if number in linked else ())]

    for version, (step, handle, contact) in enumerate(steps, start=1):
        if step == "+" and handle not in path(contact):
            to = people[contact].home
            people[handle].of_contact(ce.HomeLinked, contact_id=None, to=to, version=version, how="agent")
            linked[handle] = (contact, version)
        elif step == "-" and handle in linked:
            before, of_version = linked.pop(handle)
            to = people[before].home
            people[handle].of_contact(ce.HomeUnlinked, contact_id=None, to=to, version=of_version, why="asked")
    fed.feed(size)

    wanted = {person.home: people[path(number)[-1]].home for number, person in enumerate(people)}
    homes = ", ".join(f"'{home}'" for home in wanted)
    found = f"SELECT home, contact_id FROM contact_history.person WHERE home IN ({homes})"
    assert dict(fed.all(found)) == wanted
    assert dict(fed.all(f"SELECT home, contact_id FROM contact_history.interaction WHERE home IN ({homes})")) == wanted
    roots = f"SELECT contact_id, homes, interactions FROM contact_history.contact WHERE contact_id IN ({homes})"
    assert {contact: sorted(keys) for contact, keys, _ in fed.all(roots)} == {
        root: sorted(home for home, of in wanted.items() if of == root) for root in set(wanted.values())
    }
    assert all(len(keys) == interactions for _, keys, interactions in fed.all(roots))


def test_what_is_known_of_a_contact_stands_at_the_contact(fed: Fed) -> None:
    person = Person(fed.log)
    person.of_contact(
        ce.ContactCreated, handle_id=person.home, channel="x", profile_id=f"{person.home}:p", how="imported"
    )
    person.of_contact(ce.LanguageSet, language="de")
    person.of_contact(ce.ContactBlocked)
    person.of_contact(ce.OptedOut, item_id="1")
    fed.feed()
    known = ("created_by", "language", "blocked", "opted_out", "interactions")
    assert list(one_row(fed, "contact", *known).values()) == ["imported", "de", True, True, 0]
    person.of_contact(ce.ContactUnblocked)
    person.of_contact(ce.LanguageSet, language=None)
    fed.feed()
    assert list(one_row(fed, "contact", *known).values()) == ["imported", None, False, True, 0]


def test_a_changed_message_has_its_new_words_and_pictures_and_a_deleted_one_none(fed: Fed) -> None:
    person = edited_and_deleted(fed.log)
    fed.feed()
    changed, deleted = fed.all(
        "SELECT text, edited_at IS NOT NULL, attachment_count, attachments, status, changed > sequence"
        " FROM contact_history.message ORDER BY sequence"
    )
    assert changed == (
        "I ordered a lamp",
        True,
        1,
        [{"kind": "image", "url": "https://example.org/a.png"}],
        "received",
        True,
    )
    assert deleted == ("[erased]", False, 0, None, "deleted", True)
    assert person.at / 1000 > fed.one("SELECT extract(epoch FROM max(edited_at)) FROM contact_history.message")


def test_a_picture_without_a_text_is_shown_as_one(fed: Fed) -> None:
    person = Commenter(fed.log)
    person.comments("")
    fed.feed()
    assert one_row(fed, "message", "text", "attachment_count", "event", "attachments") == {
        "text": "",
        "attachment_count": 1,
        "event": "comment",
        "attachments": [{"kind": "image", "url": "https://example.org/a.png"}],
    }
    assert fed.one("SELECT attachments, event FROM contact_history.interaction") == (1, "comment")


def test_what_was_done_to_comments_and_answers_is_told_and_a_deleted_answer_has_no_words(fed: Fed) -> None:
    moderated(fed.log)
    fed.feed()
    assert fed.all("SELECT kind, action, agent_id, status FROM contact_history.action ORDER BY sequence") == [
        ("moderation", "hide", "agent-1", "done"),
        ("moderation", "delete", "agent-1", "done"),
    ]
    assert fed.all("SELECT kind, status, text FROM contact_history.message ORDER BY sequence") == [
        ("message", "received", "Idiots!"),
        ("reply", "deleted", "[erased]"),
    ]


def test_an_automatic_answer_is_told_apart_from_a_persons(fed: Fed) -> None:
    answered_automatically(fed.log, 1)
    not_answered_automatically(fed.log, 2)
    fed.feed()
    assert fed.all(
        "SELECT kind, status, author, reason, text FROM contact_history.message"
        " WHERE direction = 'out' ORDER BY sent_at"
    ) == [
        ("answer", "posted", "automatic answer", None, "Thank you!"),
        ("answer", "failed", "automatic answer", "not_allowed", "Thank you!"),
    ]
    counts = "SELECT messages_out, automatic_answers, state FROM contact_history.interaction ORDER BY opened_at"
    assert fed.all(counts) == [(0, 1, "dispositioned"), (0, 0, "queued")]


def test_a_suggestion_stands_until_somebody_asks_for_it(fed: Fed) -> None:
    person = mentions(fed.log)
    person.tell(e.EngagementSuggested, engagement="like", item_id="1", filter="praise")
    fed.feed()
    standing = ("suggested", "suggested_item", "engagements")
    assert list(one_row(fed, "interaction", *standing).values()) == ["like", "1", 0]
    asks_to_engage(person, agent="agent-1", item_id="another")
    fed.feed()
    assert list(one_row(fed, "interaction", *standing).values()) == ["like", "1", 0]
    delivery = asks_to_engage(person, agent="agent-1")
    person.tell(e.ReplyAbandoned, delivery_id=delivery, reason="undecided")
    fed.feed()
    assert list(one_row(fed, "interaction", *standing).values()) == [None, None, 0]
    assert fed.all("SELECT status, reason FROM contact_history.action ORDER BY sequence") == [
        ("pending", None),
        ("abandoned", "undecided"),
    ]
    person.tell(e.Engaged, delivery_id=delivery, engagement="like", item_id="1", agent_id="agent-1", done_at=person.at)
    fed.feed()
    assert list(one_row(fed, "interaction", *standing).values()) == [None, None, 1]


def test_a_note_is_for_colleagues_and_no_part_of_the_conversation(fed: Fed) -> None:
    given_to_a_group(fed.log)
    fed.feed()
    note = "SELECT direction, author, visibility, channel, text FROM contact_history.message WHERE kind = 'note'"
    assert fed.one(note) == ("internal", "agent-1", None, None, "She mentions a lawyer")
    assert fed.one("SELECT count(*) FROM contact_history.timeline") == 1
    assert list(one_row(fed, "interaction", "queue", "agent_group", "skills", "agent_id").values()) == [
        "legal",
        "lawyers",
        ["billing"],
        None,
    ]


def test_an_offer_names_its_reservation_and_deadline_until_it_ends(fed: Fed) -> None:
    person = mentions(fed.log)
    person.queued(expires_at=person.at + 9, answer_by=person.at + 1)
    offer = ("state", "agent_id", "accepted", "reservation_id", "accept_by IS NOT NULL", "request_id IS NOT NULL")
    query = f"SELECT {', '.join(offer)} FROM contact_history.interaction"
    reservation = person.offered("agent-1")
    fed.feed()
    assert fed.one(query) == ("assigned", "agent-1", False, reservation, True, True)
    person.tell(e.QueuedAgain, request_id="q", reservation_id=reservation, agent_id="agent-1", why="declined")
    fed.feed()
    assert fed.one(query) == ("queued", None, False, None, False, True)
    person.accepted("agent-2")
    fed.feed()
    assert fed.one(query) == ("assigned", "agent-2", True, None, False, False)
    person.queued(answer_by=person.at)
    fed.feed()
    assert fed.one("SELECT answer_by < to_timestamp(%d / 1000.0) FROM contact_history.interaction" % person.at)  # noqa: UP031


def test_what_is_asked_is_seen_as_changed_by_sequence(fed: Fed) -> None:
    person = mentions(fed.log)
    delivery = asks_to_answer(person)
    fed.feed()
    since = fed.one("SELECT sequence FROM contact_history.interaction")
    assert fed.one(f"SELECT count(*) FROM contact_history.message WHERE changed > {since}") == 0
    person.tell(e.AutoReplied, delivery_id=delivery, item_id="9", posted_at=person.at)
    fed.feed()
    assert fed.all(f"SELECT kind, status FROM contact_history.message WHERE changed > {since}") == [
        ("answer", "posted")
    ]
    assert fed.one("SELECT sequence FROM contact_history.interaction") == since + 1


def test_names_are_forgotten_wherever_they_are_kept(fed: Fed) -> None:
    person = moved_to_messenger(fed.log)
    fed.log.append(INTERACTION_PROFILES, f"{person.home}:h:{person.messenger.home}", None)
    fed.log.append(INTERACTION_PROFILES, f"{person.home}:p", None)
    fed.feed()
    authors = "SELECT DISTINCT author FROM contact_history.message WHERE direction = 'in'"
    assert fed.all(authors) == [("[erased]",)]
    assert fed.one("SELECT customer FROM contact_history.interaction") == "[erased]"
    assert fed.one("SELECT known_as FROM contact_history.contact") == "[erased]"
    assert fed.one("SELECT count(*) FROM contact_history_v1.profiles") == 0
