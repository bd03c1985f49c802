"""Drawing from what was seen: not more, not less, and the same for the same chance."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rejoinder.whatif.presence import Presence
from rejoinder.whatif.samples import FEW, Action, Model, Sample, Samples, chance_of, scopes_of

DID = Action("reply")
SAMPLES = st.lists(st.builds(Sample, st.integers(0, 100), st.sampled_from([DID, Action("end", "resolved"), None])))


@given(SAMPLES, st.integers())
def test_what_is_drawn_was_seen_and_was_done(samples: list[Sample], seed: int) -> None:
    found = Samples(samples).draw(Random(seed))
    assert found is None or (found in samples and found.action is not None)
    done = [each for each in samples if each.action is not None]
    if found is None and done:
        assert max(each.elapsed for each in samples if each.action is None) >= max(each.elapsed for each in done)


def test_what_was_not_seen_to_its_end_hands_its_weight_to_what_took_longer() -> None:
    """Kaplan and Meier's estimate of done 1, 3, 4 and not done by 2: 1/4, then 3/8 each."""
    samples = Samples([Sample(1, DID), Sample(2, None), Sample(3, DID), Sample(4, DID)])
    chance = Random(1)
    drawn = Counter(found.elapsed for _ in range(40_000) if (found := samples.draw(chance)) is not None)
    assert {elapsed: times / 40_000 for elapsed, times in drawn.items()} == pytest.approx(
        {1: 0.25, 3: 0.375, 4: 0.375}, abs=0.01
    )


def test_where_nothing_was_seen_to_take_longer_nothing_is_done() -> None:
    samples = Samples([Sample(1, DID), Sample(2, None)])
    chance = Random(1)
    drawn = Counter(samples.draw(chance) for _ in range(10_000))
    assert set(drawn) == {None, Sample(1, DID)}
    assert drawn[None] / 10_000 == pytest.approx(0.5, abs=0.02)
    assert Samples([]).draw(chance) is None


def test_the_nearest_scope_is_taken_of_which_enough_was_seen() -> None:
    assert scopes_of("anna", "care") == ["agent:anna queue:care", "queue:care", "agent:anna"]
    assert scopes_of("anna", None) == ["agent:anna"]
    model = Model()
    for _ in range(FEW):
        model.note("asked", ["agent:anna", "queue:care"], Sample(1, DID))
        model.note("asked", ["agent:ben", "queue:billing"], Sample(2, DID))
    model.note("asked", ["agent:cleo", "queue:care"], Sample(1, DID))
    drawn = [model.draw("asked", ["agent:anna", "queue:billing"], Random(number)) for number in range(30)]
    assert set(drawn) == {Sample(1, DID)}
    drawn = [model.draw("asked", ["agent:cleo", "queue:billing"], Random(number)) for number in range(30)]
    assert set(drawn) == {Sample(2, DID)}
    drawn = [model.draw("asked", ["agent:cleo", "queue:new"], Random(number)) for number in range(30)]
    assert set(drawn) == {Sample(1, DID), Sample(2, DID)}
    assert model.draw("offered", ["agent:anna"], Random(1)) is None
    assert (model.count("asked"), model.count("offered")) == (2 * FEW + 1, 0)


def test_a_chance_depends_on_the_seed_and_on_what_it_is_of_alone() -> None:
    one = chance_of(1, "asked", "item-1", 1).random()
    assert one == chance_of(1, "asked", "item-1", 1).random()
    others = [chance_of(2, "asked", "item-1", 1), chance_of(1, "asked", "item-1", 2), chance_of(1, "asked", "item-11")]
    assert len({one, *(each.random() for each in others)}) == 4


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.integers(0, 100), st.integers(0, 200), st.booleans())
def test_time_that_passes_in_an_agents_presence_is_counted_as_it_passed(
    lengths: list[int], start: int, delay: int, stays: bool
) -> None:
    presence, at = Presence(), 0
    for number, length in enumerate(lengths):
        presence.note(at, there=number % 2 == 0)
        at += length
    presence.note(at, there=stays)
    when = presence.after(start, delay)
    if when is None:
        assert not stays
        assert presence.elapsed(start, 10_000) < delay or presence.elapsed(start, 10_000) == 0
    else:
        assert when >= start
        assert presence.elapsed(start, when) == delay


def test_nobody_does_anything_while_they_are_not_there() -> None:
    presence = Presence()
    for at, there in ((0, True), (10, False), (20, True), (25, True), (30, False)):
        presence.note(at, there=there)
    assert presence.after(5, 7) == 22
    assert presence.after(12, 0) == 20
    assert presence.after(25, 6) is None
    assert presence.elapsed(5, 25) == 10
