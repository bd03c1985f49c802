"""The programs of an instance, each a process of its own: `rejoinder run NAME`.

Each reads its settings from the environment that the supervisor gave it, tells that it is ready, and works until
SIGTERM or SIGINT.
"""

import logging
import signal
import sys
import threading
from types import FrameType

import structlog

from rejoinder.sections import SettingsError
from rejoinder.settings import Settings


def until_told() -> threading.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = threading.Event()

    def told(signum: int, frame: FrameType | None) -> None:
        del signum, frame
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
    return stop


def log_to_stderr(form: str = "logfmt") -> None:
    """One line an event, with its time and what it is bound to; the supervisor keeps it in a file.

    Lines of the standard library's loggers look the same, and carry the same ids.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(sort_keys=True)
        if form == "json"
        else structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"])
    )
    structlog.configure(processors=[*shared, renderer], logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name, structlog.processors.format_exc_info],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log every call's address


def bootstrap_of(settings: Settings) -> str:
    """The Kafka of a program: the supervisor told it."""
    if settings.kafka.bootstrap is None:
        raise SettingsError("a program needs kafka.bootstrap; `rejoinder up` starts programs and tells them")
    return settings.kafka.bootstrap
