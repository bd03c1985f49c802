"""`python -m tests.simulation`: plays seeds, and says of each that fails how to play it again."""

import argparse
import os
import signal
import sys
import threading
import time
import traceback
from typing import Final

from rejoinder.progress import step
from tests.simulation.checker import Violation
from tests.simulation.faults import EFFECTS, RATES
from tests.simulation.playing import FOR_EVER, Outcome, Played, play
from tests.simulation.world import World

ENOUGH: Final = 300
"""With fewer seeds not every kind of fault may have been reached."""
INTERRUPTED: Final = 130
"""docs/reference/exit-codes.md"""


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many")
    parser.add_argument("--jobs", type=_count, default=os.cpu_count() or 1, help="how many processes share them")
    parser.add_argument("--steps", type=int, default=FOR_EVER, help="after how many steps nothing goes wrong any more")
    parser.add_argument("--trace", action="store_true", help="show what happens; one seed only")
    given = parser.parse_args()
    if given.trace:
        return trace(given.seed, given.steps)
    return count(range(given.seed, given.seed + given.seeds), given.steps, given.jobs)


def _count(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("at least one is needed")
    return number


def trace(seed: int, steps: int) -> int:
    """Plays one seed before everybody's eyes."""
    try:
        World(seed, trace=print).run(steps)
    except Violation as violation:
        traceback.print_exception(violation)
        return 1
    return 0


def count(seeds: range, steps: int, jobs: int) -> int:
    """Plays many, and counts what went wrong in them. Ctrl-C ends it, and what was counted by then is told."""
    began, interrupted = time.monotonic(), threading.Event()
    signal.signal(signal.SIGINT, lambda *_: interrupted.set())
    with step("playing seeds") as progress:

        def told(outcome: Outcome, so_far: Played) -> None:
            if (why := outcome.violation) is not None:
                again = f"python -m tests.simulation --seed {outcome.seed} --trace"
                print(f"seed {outcome.seed}: {why}\n    play it again: {again}", flush=True)
            progress.update(f"{so_far.seeds} of {len(seeds)}, {len(so_far.failures)} failed")

        played = play(seeds, steps, max(1, min(jobs, len(seeds))), told, interrupted.is_set)
    for kind, number in sorted(played.seen.items()):
        print(f"{number:8} {kind}")
    print(f"{played.seeds} seeds in {time.monotonic() - began:.0f} s, {len(played.failures)} failed")
    if interrupted.is_set():
        return INTERRUPTED
    never = [kind for kind in (*RATES, *EFFECTS) if not played.seen[kind]] if len(seeds) >= ENOUGH else []
    if never:
        print(f"never reached, so that nothing is known of it: {', '.join(never)}")
    return 1 if played.failures or never else 0


if __name__ == "__main__":
    sys.exit(main())
