"""Bugs put in on purpose: a seed finds each, and finds nothing without it."""

import random
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final
from unittest import mock

import pytest

from engine.interaction.state import Item
from engine.routing import evolve
from engine.routing.events import SlotFreed
from engine.rows import Rows
from tests.simulation.checker import Violation
from tests.simulation.consumers import Metadata
from tests.simulation.faults import Faults
from tests.simulation.world import World
from topics import processor, restoring, snapshots
from topics.ends import Ends
from topics.processor import Processor
from topics.transactions import retrying

pytestmark = pytest.mark.timeout(600)

SEEDS: Final = 40
"""One of so many has to find it."""

Broken = Callable[[], AbstractContextManager[Any]]


def without_the_fence() -> AbstractContextManager[Any]:
    """Offsets are sent as by a client outside of any group: the broker can't tell a zombie."""

    def broken(call: Callable[..., Any], *arguments: Any) -> None:
        if call.__name__ == "send_offsets_to_transaction":
            places, metadata, *rest = arguments
            arguments = (places, Metadata(metadata.group, -1, "", None), *rest)
        retrying(call, *arguments)

    return mock.patch.object(processor, "retrying", broken)


def offsets_first() -> AbstractContextManager[Any]:
    """How far was read is committed before what it led to."""
    commit: Any = Processor._commit

    def broken(self: Processor, consumer: Any, producer: Any, ends: Any, positions: Any, trace: Any) -> None:
        commit(self, consumer, producer, Ends([], self._setup.catalogue), positions, trace)
        commit(self, consumer, producer, ends, positions, trace)

    return mock.patch.object(Processor, "_commit", broken)


def any_shelf() -> AbstractContextManager[Any]:
    """Whether a shelf is of this log is not checked: what it says is believed."""
    take_events: Any = restoring._take_events

    def broken(*given: Any) -> list[int]:
        take_events(*given)
        return []

    return mock.patch.object(restoring, "_take_events", broken)


def repeats_unknown() -> AbstractContextManager[Any]:
    """That a message is here already is not seen: neither by its item, nor by its command."""
    get: Any = Rows.get

    def broken(self: Rows, kind: Any, row_id: str) -> Any:
        return None if kind is Item else get(self, kind, row_id)

    return mock.patch.object(Rows, "get", broken)


def a_leak() -> AbstractContextManager[Any]:
    """A slot that is freed stays in use."""
    return mock.patch.dict(evolve._STEPS, {SlotFreed: lambda rows, event: None})


def a_row_left_out() -> AbstractContextManager[Any]:
    """A checkpoint has all rows that were changed but the first."""
    records: Any = snapshots.records

    def broken(written: snapshots.Checkpoint) -> Any:
        return records(written._replace(rows=written.rows[1:]))

    return mock.patch.object(snapshots, "records", broken)


def an_older_position() -> AbstractContextManager[Any]:
    """A checkpoint's marker says what the one before said: its rows are ahead of it."""
    checkpoint: Any = snapshots.checkpoint

    def broken(shelf: Any, position: Any, step: int) -> Any:
        before = snapshots.decoded(shelf.snapshot(), "the shelf").position
        return checkpoint(shelf, position if before.event_offset < 0 else before, step)

    return mock.patch.object(snapshots, "checkpoint", broken)


def any_rows() -> AbstractContextManager[Any]:
    """Whether the rows of a snapshot are those of the marker that was read before is not looked at again."""
    return mock.patch.object(snapshots, "_check_last", lambda *given: None)


ZOMBIES: Final = {"pause": 0.004, "pause at a point": 0.1}
OVERTAKEN: Final = {"pause while restoring": 0.3, "crash": 0.004, "shelf lost": 0.9}
LOST: Final = {"crash": 0.01, "shelf lost": 0.9}


@pytest.mark.parametrize(
    ("broken", "rates", "says"),
    [
        (without_the_fence, ZOMBIES, "sequence|digest|twice|ChainBroken|went back|another transaction"),
        (
            offsets_first,
            {"crash": 0.01, "crash at produced": 0.1, "commit lost": 0.1},
            "lost|led to no event|never answered|no policy is in force|come to rest",
        ),
        (any_shelf, {"crash": 0.01, "shelf ahead": 0.9}, "sequence|digest|ChainBroken|state of partition|led to"),
        (repeats_unknown, {"command doubled": 0.9}, "twice"),
        (a_row_left_out, LOST, "restored|snapshot of partition|ChainBroken"),
        (an_older_position, LOST, "restored|snapshot of partition|ChainBroken"),
        (any_rows, OVERTAKEN, "restored|ChainBroken"),
        (a_leak, {}, "leak|come to rest|state of partition"),
    ],
)
def test_a_bug_put_in_on_purpose_is_found(broken: Broken, rates: dict[str, float], says: str) -> None:
    for seed in range(SEEDS):
        with broken():
            found = violation_of(seed, rates)
        if found is not None:
            break
    assert found is not None, f"no seed of {SEEDS} finds it"
    assert violation_of(seed, rates) is None, "the same seed finds nothing once it is mended"
    assert re.search(says, str(found)), str(found)


def violation_of(seed: int, rates: dict[str, float]) -> Violation | None:
    try:
        World(seed, Faults(random.Random(seed), rates)).run()
    except Violation as violation:
        return violation
    return None
