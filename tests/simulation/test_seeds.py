"""Some seeds: whatever goes wrong, nothing is lost, doubled, out of order, leaked or left to wait.

SIMULATED_SEEDS says how many; FIRST_SEED where to begin. CI plays more with `make simulate`, which also sees to it that
every kind of fault was reached.
"""

import os

import pytest

from tests.simulation.playing import play
from tests.simulation.world import World

pytestmark = pytest.mark.timeout(1_500)

SEEDS = int(os.environ.get("SIMULATED_SEEDS", "100"))
FIRST = int(os.environ.get("FIRST_SEED", "0"))


def test_whatever_goes_wrong_the_log_the_tables_and_the_platform_are_as_they_have_to_be() -> None:
    played = play(range(FIRST, FIRST + SEEDS))
    assert {seed: str(why) for seed, why in played.failures.items()} == {}


def test_a_seed_is_played_again_as_it_was() -> None:
    traces: list[list[str]] = [[], []]
    for trace in traces:
        World(7, trace=trace.append).run()
    assert traces[0] == traces[1]
    assert len(traces[0]) > 1_000
