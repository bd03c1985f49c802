"""Calls that may not stand for ever: one that does ends the process."""

import os
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any, Final, NamedTuple

import structlog

log = structlog.get_logger()

GRACE: Final = 4.0
"""Seconds that a call of a transaction may take beyond its own time-out."""
EVERY: Final = 0.5
"""How often the calls under way are looked at, seconds."""


class _Call(NamedTuple):
    """A watched call that is under way."""

    name: str
    seconds: float
    due: float
    """When it has to have ended, by time.monotonic."""


_calls: Final[dict[int, _Call]] = {}
"""By the thread that makes it."""


def watched(call: Callable[..., None], *given: Any) -> None:
    """Makes a call whose last argument is its time-out in seconds. One that goes on beyond that ends the process.

    librdkafka does not always heed the time-out (its issues 5456 and 5511): where the group's coordinator went away,
    sending offsets was seen to stand for minutes. Such a client can be neither used nor freed, so there is nothing to
    begin again with but a new process (docs/adr/0032-a-call-that-stands.md).
    """
    _watchdog()
    thread, seconds = threading.get_ident(), given[-1]
    _calls[thread] = _Call(call.__name__, seconds, time.monotonic() + seconds + GRACE)
    try:
        call(*given)
    finally:
        del _calls[thread]


@cache
def _watchdog() -> threading.Thread:
    """The one thread of a process that looks. (Two first calls at once may start two, which does no harm.) One for
    each call took a hundred times as long to start as all of `watched` takes."""
    thread = threading.Thread(target=_watch, name="watchdog", daemon=True)
    thread.start()
    return thread


def _watch() -> None:
    while True:
        time.sleep(EVERY)
        look()


def look() -> None:
    """Ends the process if a call is overdue."""
    for call in _calls.copy().values():
        if time.monotonic() > call.due:
            _end(call)


def _end(call: _Call) -> None:
    """As kill -9 would: what is under way is aborted when the process is started again."""
    try:
        log.critical(
            "a call of Kafka's client does not end: this process does, and whoever supervises it has to start it again",
            call=call.name,
            seconds=call.seconds + GRACE,
        )
    finally:
        os._exit(1)


def _forked() -> None:
    """A child has neither its parent's threads nor their calls."""
    _calls.clear()
    _watchdog.cache_clear()


os.register_at_fork(after_in_child=_forked)
