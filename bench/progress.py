"""What a bench tells meanwhile, on standard error: standard output has the figures alone."""

import logging
import sys

import structlog


def say(line: str) -> None:
    """One line."""
    print(f"bench: {line}", file=sys.stderr, flush=True)


def log_warnings_to_stderr() -> None:
    """The engine's own log, from warnings on."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
