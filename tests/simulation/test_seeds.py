"""Many seeds: whatever goes wrong, nothing is lost, doubled, out of order, leaked or left to wait. And it did go wrong.

SIMULATED_SEEDS says how many; FIRST_SEED where to begin.
"""

import os

import pytest

from tests.simulation.faults import EFFECTS, RATES
from tests.simulation.playing import Played, play
from tests.simulation.world import World

pytestmark = pytest.mark.timeout(1_500)

SEEDS = int(os.environ.get("SIMULATED_SEEDS", "300"))
FIRST = int(os.environ.get("FIRST_SEED", "0"))
ENOUGH = 300
"""With fewer seeds not every kind of fault may have been reached."""


@pytest.fixture(scope="module")
def played() -> Played:
    return play(range(FIRST, FIRST + SEEDS))


def test_whatever_goes_wrong_the_log_the_tables_and_the_platform_are_as_they_have_to_be(played: Played) -> None:
    assert {seed: str(why) for seed, why in played.failures.items()} == {}


@pytest.mark.skipif(SEEDS < ENOUGH, reason="too few seeds")
@pytest.mark.parametrize("kind", [*RATES, *EFFECTS])
def test_each_kind_of_fault_was_reached(played: Played, kind: str) -> None:
    assert played.seen[kind] > 0


def test_a_seed_is_played_again_as_it_was() -> None:
    traces: list[list[str]] = [[], []]
    for trace in traces:
        World(7, trace=trace.append).run()
    assert traces[0] == traces[1]
    assert len(traces[0]) > 1_000
