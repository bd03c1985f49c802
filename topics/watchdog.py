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
    """When it has to have ended, by _Awake.now."""


class _Awake:
    """A clock that stands while the process does: stopped by a signal, or with the machine under it.

    What was due meanwhile is not overdue: nothing of the client ran either, which could have given the call up.
    """

    missed = 0.0
    """For how long it stood until now, seconds."""

    @classmethod
    def now(cls) -> float:
        return time.monotonic() - cls.missed

    @classmethod
    def slept(cls, seconds: float) -> None:
        """A sleep of EVERY took so long."""
        if seconds > 2 * EVERY:
            cls.missed += seconds - EVERY


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
    _calls[thread] = _Call(call.__name__, seconds, _Awake.now() + seconds + GRACE)
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
    before = time.monotonic()
    while True:
        time.sleep(EVERY)
        now = time.monotonic()
        _Awake.slept(now - before)
        before = now
        look()


def look() -> None:
    """Ends the process if a call is overdue."""
    for call in _calls.copy().values():
        if _Awake.now() > call.due:
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
