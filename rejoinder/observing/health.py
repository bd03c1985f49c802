"""Whether a program is alive and whether it is ready.

Alive: each of its loops turned lately. A restore may take long, and has an end of its own (topics.reading.STUCK), so
a loop that restores is alive. Ready: it has said so of each part, as its partitions taken with their states, and what
it needs can be reached.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

ASKED_AGAIN: Final = 5.0
"""After how many seconds a service is asked again whether it is there; who asks us meanwhile is told what it said."""

Check = Callable[[], str | None]
"""What is missing, in a sentence; None: nothing."""


@dataclass
class Loop:
    """One loop of a program."""

    turned_at: float
    restoring: bool = False


@dataclass
class Health:
    """What is known of a program's loops, and what it has to have to be ready.

    stalled: after how many seconds without a turn a loop counts as hanging.
    """

    stalled: float
    clock: Callable[[], float] = time.monotonic
    _loops: dict[str, Loop] = field(default_factory=dict)
    _checks: dict[str, Check] = field(default_factory=dict)
    _started: bool = False

    def turned(self, loop: str) -> None:
        """A loop went round."""
        now = self.clock()
        known = self._loops.setdefault(loop, Loop(now))
        known.turned_at, known.restoring = now, False

    def restoring(self, loop: str) -> None:
        """A loop takes partitions."""
        self._loops.setdefault(loop, Loop(self.clock())).restoring = True

    def restored(self, loop: str) -> None:
        """It has taken them."""
        self.turned(loop)

    def needs(self, what: str, check: Check) -> None:
        """The program is not ready while the check names something."""
        self._checks[what] = check

    def started(self) -> None:
        """All that it needs is named: from now on it may be ready."""
        self._started = True

    def ailments(self) -> dict[str, str]:
        """What hangs, and for how long; nothing: it is alive."""
        now = self.clock()
        still = {name: now - loop.turned_at for name, loop in list(self._loops.items()) if not loop.restoring}
        return {
            name: f"its loop has not turned for {seconds:.0f} s"
            for name, seconds in still.items()
            if seconds > self.stalled
        }

    def missing(self) -> dict[str, str]:
        """What keeps it from being ready; nothing: it is."""
        if not self._started:
            return {"start": "it is starting"}
        found = {name: "it is restoring" for name, loop in list(self._loops.items()) if loop.restoring}
        for what, check in self._checks.items():
            said = check()
            if said is not None:
                found.setdefault(what, said)
        return found | self.ailments()


class Asked:
    """A check that asks a service, and not each time that it is asked itself."""

    def __init__(self, check: Check, clock: Callable[[], float] = time.monotonic) -> None:
        self._check = check
        self._clock = clock
        self._lock = threading.Lock()
        self._at: float | None = None
        self._said: str | None = None

    def __call__(self) -> str | None:
        with self._lock:
            if self._at is None or self._clock() - self._at >= ASKED_AGAIN:
                self._said = self._check()
                self._at = self._clock()
            return self._said
