"""`python -m bench`: prints the measures as JSON lines; what it does meanwhile goes to standard error."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import Final

from bench import decide_only, end_to_end, keywords, main_path, projecting
from bench.measure import Measure
from bench.progress import log_warnings_to_stderr, say
from bench.services import Services
from engine.errors import RejoinderError

NAMES: Final = ("main_path", "decide_only", "projector", "end_to_end", "keywords")


def main(arguments: Sequence[str]) -> None:
    """Measures what was asked for."""
    options = _options(arguments)
    log_warnings_to_stderr()
    if options.profile:
        decide_only.profile(options.messages)
        return
    with Services() as services:
        for measure in measures(services, options.only or NAMES, options.messages, options.rounds):
            print(measure.line(), flush=True)


def measures(services: Services, names: Sequence[str], messages: int, rounds: int) -> Iterator[Measure]:
    """The measures with these names, each as soon as it is there."""
    made, main_path_value = None, None
    if "main_path" in names:
        found, made = main_path.measure(services.bootstrap, messages, rounds)
        main_path_value = found[0].value
        yield from found
    if "decide_only" in names:
        yield from decide_only.measure(messages, rounds, main_path_value)
    if "projector" in names:
        if made is None:
            made = main_path.decided(services.bootstrap, messages)
        yield from projecting.measure(services.dsn, made)
    if "end_to_end" in names:
        yield from end_to_end.measure(services.bootstrap, services.folder.logs)
    if "keywords" in names:
        yield from keywords.measure(rounds)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures the engine, as JSON lines.")
    parser.add_argument("--only", action="append", choices=NAMES, help="this measure; can be given several times")
    parser.add_argument("--messages", type=_positive, default=20_000, help="customers' messages (%(default)s)")
    parser.add_argument("--rounds", type=_positive, default=3, help="runs of which the median counts (%(default)s)")
    parser.add_argument("--profile", action="store_true", help="profile decide_only on standard error, and end")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except RejoinderError as error:
        say(str(error))
        sys.exit(error.exit_code)
