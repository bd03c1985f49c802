"""The contact history's folds of contacts, handles and messages, without a database."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.interaction import contact_events as ce
from engine.interaction import events as e
from engine.record import Event
from projections.contact_history import actions, messages, people
from projections.contact_history.projection import profile_of

KEY = "a" * 32
OTHERS = ("b" * 32, "c" * 32)


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """What may happen on a handle's own key, in any order, links that are not in force included."""
    possible = st.one_of(
        st.just(ce.ContactCreated(contact_id=KEY, handle_id=KEY, channel="x", profile_id=f"{KEY}:p")),
        st.builds(ce.HomeLinked, to=st.sampled_from(OTHERS), version=st.integers(1, 3), how=st.just("agent")),
        st.builds(ce.HomeUnlinked, to=st.sampled_from(OTHERS), version=st.integers(1, 3), why=st.just("asked")),
    )
    events: list[Event] = draw(st.lists(possible, max_size=12))
    for number, event in enumerate(events, start=1):
        event.sequence, event.occurred_at = number, number * 1000
    return events


@given(histories())
def test_a_handle_has_one_link_in_force_at_most_and_the_others_have_their_end(events: list[Event]) -> None:
    handle = people.unknown(KEY)
    links = {link.link_id: link for event in events for link in people.move(event, handle)}
    in_force = [link for link in links.values() if link.unlinked_at is None]
    assert [link.link_id for link in in_force] == ([] if handle.link_id is None else [handle.link_id])
    assert [link.contact_id for link in in_force] in ([], [handle.contact_id])
    assert len(links) == sum(isinstance(event, ce.HomeLinked) for event in events)
    if not in_force:
        made = any(isinstance(event, ce.ContactCreated) for event in events)
        assert handle.contact_id == (KEY if made else None)
    spans = sorted((link.linked_at, link.unlinked_at) for link in links.values() if link.unlinked_at is not None)
    assert all(start < end for start, end in spans)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))


@pytest.mark.parametrize(
    ("content_id", "handle"),
    [
        (f"{KEY}:p", KEY),
        (f"{KEY}:h:{OTHERS[0]}", OTHERS[0]),
        (f"{KEY}:m:1", None),
        (f"{KEY}:m:p", None),
        (f"{KEY}:m:h:1", None),
        (f"{KEY}:n:p", None),
    ],
)
def test_names_are_told_from_words_by_their_id(content_id: str, handle: str | None) -> None:
    assert profile_of(content_id) == handle


@pytest.mark.parametrize("kind", e.EVENTS, ids=lambda kind: kind.__name__)
def test_whatever_records_a_message_or_an_action_is_asked_for_its_id(kind: type[Event]) -> None:
    """Else the fold would never look at it."""
    if messages.recorded.dispatch(kind) is not messages.recorded.dispatch(Event):
        assert kind in messages._IDS
    if actions.requested.dispatch(kind) is not actions.requested.dispatch(Event):
        assert kind in actions._KINDS


def test_words_that_were_sent_through_us_belong_to_their_delivery() -> None:
    removed = e.Moderated(delivery_id="d2", action="delete", item_id="1", content_id=f"{KEY}:r:d1", done_at=0)
    assert messages.message_id(removed) == "d1"
    assert actions.action_id(removed) == "d2"
    elsewhere = e.Moderated(delivery_id="d2", action="delete", item_id="1", content_id=f"{KEY}:o:m:1", done_at=0)
    assert messages.message_id(elsewhere) == f"{KEY}:o:m:1"
    hidden = e.Moderated(delivery_id="d2", action="hide", item_id="1", done_at=0)
    assert messages.message_id(hidden) is None
