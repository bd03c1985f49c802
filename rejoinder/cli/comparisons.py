"""How a rebuild is told on the terminal: its progress, and what two versions of a projection differ in."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Final, Protocol

from projections.builds import Build
from projections.comparing import Comparison, Sample, TableComparison
from projections.filling import Fill
from projections.log import Settings
from projections.projection import Projection
from projections.watching import Beginning, Stage, Watcher
from rejoinder.cli.terminal import print_json, print_table, tell
from rejoinder.progress import Pace, Progress

EVERY_SECONDS: Final = 1.0
"""How often a line of JSON tells how far it is."""
TITLES: Final[dict[Stage, str]] = {
    "filling": "Folding the log",
    "indexing": "Making the indexes",
    "comparing": "Comparing with what the views show",
    "switching": "Switching the views",
}
BEGINNINGS: Final[dict[Beginning, str]] = {
    "new": "building version {}",
    "resumed": "going on with version {}, which an earlier rebuild began",
    "anew": "building version {}; what an earlier rebuild began is dropped: other code began it, or --fresh was given",
}


class Shown(Protocol):
    """What points the views at another version."""

    def __call__(self, projection: Projection, fill: Fill, settings: Settings, watcher: Watcher) -> Build: ...


class Told:
    """Tells of a rebuild while it goes: on standard error, or as JSON lines on standard output."""

    def __init__(self, json: bool) -> None:
        self._json = json
        self._stage: Stage | None = None
        self._step: Progress | None = None
        self._pace = Pace()
        self._said = 0.0

    def begins(self, projection: str, version: int, how: Beginning) -> None:
        if self._json:
            print_json([{"projection": projection, "version": version, "begins": how}])
        else:
            tell(f"{projection}: {BEGINNINGS[how].format(version)}")

    def enters(self, stage: Stage) -> None:
        if stage == self._stage:
            return
        self._end()
        self._stage, self._said, self._pace = stage, 0.0, Pace()
        if self._json:
            print_json([{"stage": stage}])
        else:
            self._step = Progress(TITLES[stage])

    def filled(self, done: int, of: int) -> None:
        standing = self._pace.of(done, of)
        if self._step is not None:
            self._step.update(f"{standing} (records)")
        elif self._json and (done == of or time.monotonic() - self._said >= EVERY_SECONDS):
            self._said = time.monotonic()
            print_json([{"stage": self._stage, **asdict(standing)}])

    @contextmanager
    def stopping(self) -> Iterator[None]:
        """Says at the end of it what stays, if it is stopped."""
        try:
            yield
        except KeyboardInterrupt:
            self._end("stopped")
            tell("The views show what they showed, and what is filled stays: the same command goes on with it.")
            raise
        except BaseException:
            self._end("failed")
            raise
        self._end()

    def _end(self, outcome: str = "") -> None:
        if self._step is not None:
            self._step.end(outcome)
            self._step = None


def print_comparisons(compared: Sequence[Comparison], json: bool) -> None:
    """What differs, by table."""
    if json:
        print_json({**asdict(each), "agrees": each.agrees} for each in compared)
        return
    for each in compared:
        print(f"{each.projection}: versions {each.first} and {each.second} " + ("agree" if each.agrees else "differ"))
        told = [table for table in each.tables if not table.agrees or _declared(table)]
        columns = ("table", "rows", "rows now", "gone", "new", "changed", "columns")
        print_table(columns, [_line(table) for table in told])
        rows = [(table.table, *_row(sample)) for table in told for sample in table.samples]
        print_table(("table", "for instance", "is", "before → now"), rows)


def _line(table: TableComparison) -> list[object]:
    counts: list[Any] = [
        table.rows_first,
        table.rows_second,
        table.only_in_first,
        table.only_in_second,
        table.differing,
    ]
    said = [f"{name} ({count})" for name, count in table.columns.items()]
    return [table.table, *counts, ", ".join([*said, *_declared(table)])]


def _declared(table: TableComparison) -> list[str]:
    """What only one of the two declares."""
    if table.only_version is not None:
        return [f"only version {table.only_version} has the table"]
    return [
        *(["its key is another one: nothing was compared"] if table.keys_differ else []),
        *(f"{name} only before" for name in table.columns_only_in_first),
        *(f"{name} only now" for name in table.columns_only_in_second),
    ]


def _row(sample: Sample) -> tuple[str, str, str]:
    key = ", ".join(f"{name} {value}" for name, value in sample.key.items())
    found = {"only in first": "gone", "only in second": "new", "differs": "changed"}[sample.found]
    return key, found, "; ".join(f"{name}: {old} → {new}" for name, (old, new) in sample.values.items())
