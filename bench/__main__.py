"""`python -m bench`: prints the measures as JSON lines; what it does meanwhile goes to standard error."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from bench import (
    decide_only,
    engine_events,
    frameworks,
    growth,
    keywords,
    latency,
    machine,
    memory,
    projector,
    restart,
    routing,
    scale,
)
from bench.measure import Measure
from bench.options import positive
from bench.progress import log_warnings_to_stderr, say
from bench.run import Run, Sizes
from bench.services import Services
from engine.errors import RejoinderError

TABLE: Final[Mapping[str, Callable[[Run], Iterator[Measure]]]] = {
    "engine_events": engine_events.measure,
    "peers": frameworks.measure,
    "decide_only": decide_only.measure,
    "scale": scale.measure,
    "latency": latency.measure,
    "projector": projector.measure,
    "routing": routing.measure,
    "keywords": keywords.measure,
    "growth": growth.measure,
    "memory": memory.measure,
    "restart": restart.measure,
}
"""All measures, in the order in which they are made."""
FAILED: Final = 1


def main(arguments: Sequence[str]) -> int:
    """Measures what was asked for; gives the exit code. A measure that fails says so, and the others go on."""
    options = _options(arguments)
    log_warnings_to_stderr()
    if options.profile:
        decide_only.profile(options.messages)
        return 0
    with Services() as services:
        sizes = Sizes(**{name: getattr(options, name) for name in Sizes.__dataclass_fields__})
        run, failed = Run(services, sizes), []
        _tell(run, machine.measure)
        for name in options.only or TABLE:
            began = time.monotonic()
            try:
                _tell(run, TABLE[name])
            except Exception as error:  # whatever it is, the others are to go on
                if not isinstance(error, RejoinderError):
                    sys.excepthook(type(error), error, error.__traceback__)
                say(f"{name} FAILED: {error}")
                failed.append(name)
            say(f"{name}: {time.monotonic() - began:.0f} s")
    if failed:
        say(f"failed: {', '.join(failed)}")
    return FAILED if failed else 0


def _tell(run: Run, measure: Callable[[Run], Iterator[Measure]]) -> None:
    for each in measure(run):
        run.found[each.name] = each.value
        print(each.line(), flush=True)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    sizes = Sizes()
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures the engine, as JSON lines.")
    parser.add_argument("--only", action="append", choices=tuple(TABLE), help="this one; can be given several times")
    for name, what in (
        ("messages", "customers' messages"),
        ("rounds", "runs of which the median counts"),
        ("contacts", "contacts with which a worker is started again"),
        ("long_contacts", "contacts of the log that is ten times as long"),
        ("seconds", "for which messages are sent at a steady rate"),
        ("waiting", "interactions in line"),
    ):
        option, default = f"--{name.replace('_', '-')}", getattr(sizes, name)
        parser.add_argument(option, type=positive, default=default, help=f"{what} ({default})")
    parser.add_argument("--profile", action="store_true", help="profile decide_only on standard error, and end")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
