"""Says on standard error what takes long; standard output belongs to the command's answer."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TextIO

WORTH_SAYING_SECONDS: Final = 2.0
UPDATE_SECONDS: Final = 5.0


class Pace:
    """How fast something goes that is counted, from its first count on."""

    def __init__(self) -> None:
        self._began: tuple[float, int] | None = None

    def of(self, done: int, whole: int) -> "Standing":
        """Where it stands."""
        now = time.monotonic()
        began, first = self._began = self._began or (now, done)
        per_second = (done - first) / (now - began) if now > began else 0.0
        return Standing(done, whole, per_second, (whole - done) / per_second if per_second else None)


@dataclass(frozen=True)
class Standing:
    """So many of so many, how many a second, and how long it will still take: None where nothing tells yet."""

    done: int
    of: int
    per_second: float
    seconds_left: float | None

    def __str__(self) -> str:
        said = f"{self.done:,} of {self.of:,}"
        if self.seconds_left is None:
            return said
        minutes, seconds = divmod(round(self.seconds_left), 60)
        left = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
        return f"{said}, {self.per_second:,.0f} a second, {left} left"


class Progress:
    """One line that tells how far a step is: rewritten on a terminal, repeated now and then in a log."""

    def __init__(self, title: str, stream: TextIO | None = None) -> None:
        self._title = title
        self._stream = stream = stream or sys.stderr
        self._terminal = stream.isatty()
        self._began = self._said = time.monotonic()
        self._say(f"{title} …")

    def update(self, detail: str) -> None:
        """Tells how far it is: `12 of 43 MB`."""
        now = time.monotonic()
        if self._terminal or now - self._said >= UPDATE_SECONDS:
            self._said = now
            self._say(f"{self._title} … {detail}")

    def end(self, outcome: str = "") -> None:
        """Tells how long it took, where that is worth a line, or how it failed."""
        seconds = time.monotonic() - self._began
        if self._terminal or outcome or seconds >= WORTH_SAYING_SECONDS:
            self._say(f"{self._title} … {outcome or f'{seconds:.1f} s'}")
        if self._terminal:
            print(file=self._stream, flush=True)

    def _say(self, line: str) -> None:
        if self._terminal:
            print(f"\r\x1b[K{line}", end="", file=self._stream, flush=True)
        else:
            print(line, file=self._stream, flush=True)


@contextmanager
def step(title: str, stream: TextIO | None = None) -> Iterator[Progress]:
    """Says that something began, and at its end how long it took."""
    progress = Progress(title, stream)
    try:
        yield progress
    except BaseException:
        progress.end("failed")
        raise
    progress.end()
