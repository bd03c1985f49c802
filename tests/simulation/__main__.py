"""`python -m tests.simulation`: plays seeds, and says of each that fails how to play it again."""

import argparse
import sys
import time
import traceback

from tests.simulation.checker import Violation
from tests.simulation.playing import play
from tests.simulation.world import World


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many, one after the other")
    parser.add_argument("--steps", type=int, default=1_000_000, help="after how many steps nothing goes wrong any more")
    parser.add_argument("--trace", action="store_true", help="show what happens; one seed only")
    given = parser.parse_args()
    return trace(given.seed, given.steps) if given.trace else count(given.seed, given.seeds, given.steps)


def trace(seed: int, steps: int) -> int:
    """Plays one seed before everybody's eyes."""
    try:
        World(seed, trace=print).run(steps)
    except Violation as violation:
        traceback.print_exception(violation)
        return 1
    return 0


def count(first: int, seeds: int, steps: int) -> int:
    """Plays many, and counts what went wrong in them."""

    def failed(seed: int, why: Violation) -> None:
        print(f"seed {seed}: {why}\n    play it again: python -m tests.simulation --seed {seed} --trace", flush=True)

    began = time.monotonic()
    played = play(range(first, first + seeds), steps, failed)
    for kind, number in sorted(played.seen.items()):
        print(f"{number:8} {kind}")
    print(f"{seeds} seeds in {time.monotonic() - began:.0f} s, {len(played.failures)} failed")
    return 1 if played.failures else 0


if __name__ == "__main__":
    sys.exit(main())
