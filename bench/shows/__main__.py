"""`python -m bench.shows`: makes a large log, and checks what it shows; figures and claims are JSON lines.

What it does meanwhile goes to standard error. The exit code is 1 if a claim does not hold, or something failed.
"""

import argparse
import gc
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from bench import machine
from bench.measure import Measure
from bench.options import positive
from bench.progress import log_warnings_to_stderr, say
from bench.services import Services
from bench.shows import building, log, past, proof, recorded
from bench.shows.claims import Claim
from bench.shows.log import Made
from engine.errors import RejoinderError
from engine.record import COLLECT_AFTER

Lines = Iterator[Measure | Claim]

ON_THE_LOG: Final[Mapping[str, Callable[[Made], Lines]]] = {
    "project": building.first,
    "rebuild": building.again,
    "audit": proof.audited,
    "verify": past.decided_again,
}
"""What the large log shows, in this order; `rebuild` needs what `project` made."""
APART: Final[Mapping[str, Callable[[Services], Lines]]] = {"tampered": proof.tampered, "recorded": recorded.played}
"""What has logs of its own."""
FAILED: Final = 1


class _Shown:
    """What did not hold, or failed, so far."""

    def __init__(self) -> None:
        self.failed: list[str] = []

    def show(self, name: str, lines: Iterable[Measure | Claim]) -> bool:
        """Prints a show's lines; gives whether it came to its end. One that fails says so, and the others go on."""
        began = time.monotonic()
        try:
            for line in lines:
                print(line.line(), flush=True)
                if isinstance(line, Claim) and not line.holds:
                    say(f"{line.claim} DOES NOT HOLD ({line.says}): {line.detail}")
                    self.failed.append(line.claim)
        except Exception as error:  # whatever it is, the others are to go on
            if not isinstance(error, RejoinderError):
                sys.excepthook(type(error), error, error.__traceback__)
            say(f"{name} FAILED: {error}")
            self.failed.append(name)
            return False
        say(f"{name}: {time.monotonic() - began:.0f} s")
        return True


def main(arguments: Sequence[str]) -> int:
    """Shows what was asked for; gives the exit code."""
    options = _options(arguments)
    wanted = options.only or [*ON_THE_LOG, *APART]
    log_warnings_to_stderr()
    shown = _Shown()
    with Services() as services:
        sizes = {"interactions": options.interactions, "partitions": options.partitions}
        shown.show("machine", [machine.described(sizes)])
        if any(name in ON_THE_LOG for name in wanted):
            folder = services.folder.root / "large"
            folder.mkdir()
            place = services.bootstrap, services.database("shows"), folder, "large."
            with log.made(*place, options.interactions, options.partitions) as made:
                _on_the_log(shown, services, made, wanted)
        for name, show in APART.items():
            if name in wanted:
                shown.show(name, show(services))
    if shown.failed:
        say(f"failed: {', '.join(shown.failed)}")
    return FAILED if shown.failed else 0


def _on_the_log(shown: _Shown, services: Services, made: Made, wanted: Sequence[str]) -> None:
    if not shown.show("generate", log.generate(made)):
        return
    shown.show("disk", log.disk(made, services, "generated"))
    names = [name for name in ON_THE_LOG if name in wanted or (name == "project" and "rebuild" in wanted)]
    for name in names:
        shown.show(name, ON_THE_LOG[name](made))
    shown.show("disk", log.disk(made, services, "at_the_end"))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.shows", description="Shows what a large log shows.")
    parser.add_argument("--interactions", type=positive, default=20_000, help="of the large log (20000)")
    parser.add_argument("--partitions", type=positive, default=16, help="of each topic (16)")
    names = [*ON_THE_LOG, *APART]
    parser.add_argument("--only", action="append", choices=names, help="this one; can be given several times")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    gc.set_threshold(COLLECT_AFTER)
    sys.exit(main(sys.argv[1:]))
