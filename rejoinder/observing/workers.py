"""What the processors and the delivery worker tell (topics.observing), as metrics and health."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from channels.outcomes import BROKEN_CONNECTION, RATE_LIMITED, TIME_OUT, UNREACHABLE
from engine.delivery import Deliver
from engine.interaction.commands import RecordDelivery
from rejoinder.observing import metrics
from rejoinder.observing.health import Check, Health
from topics.observing import Batch, Restored, Standing

LOOKED_AGAIN: Final = 1.0
"""After how many seconds it is looked again where a worker stands."""
SILENCE: Final = frozenset({UNREACHABLE, TIME_OUT, BROKEN_CONNECTION})


class WorkerObserver:
    """Of one worker: the interaction or the routing processor, or the delivery worker.

    state: the folder of a processor's state, which is measured when somebody asks.
    """

    def __init__(self, worker: str, health: Health, state: Path | None = None) -> None:
        self._worker = worker
        self._health = health
        self._looked_at = 0.0
        self._partitions: set[str] = set()
        if state is not None:
            metrics.STATE_BYTES.labels(worker).set_function(lambda: size_of(state))

    def turned(self, standing: Callable[[], Standing]) -> None:
        """The loop is alive; now and then it is looked where it stands."""
        self._health.turned(self._worker)
        metrics.TURNS.labels(self._worker).inc()
        now = time.monotonic()
        if now - self._looked_at >= LOOKED_AGAIN:
            self._looked_at = now
            self._show(standing())

    def restoring(self) -> None:
        """Not ready until it is restored."""
        self._health.restoring(self._worker)
        metrics.RESTORE_BEGUN.labels(self._worker).set_to_current_time()

    def restored(self, restored: Restored) -> None:
        """How long it took, and of what it was made."""
        self._health.restored(self._worker)
        metrics.RESTORE_BEGUN.labels(self._worker).set(0)
        metrics.RESTORING.labels(self._worker).observe(restored.seconds)
        metrics.REPLAYED.labels(self._worker).inc(restored.events)
        metrics.REBUILT.labels(self._worker).inc(restored.rebuilt)

    def decided(self, batch: Batch) -> None:
        """What a batch did."""
        done, worker = batch.done, self._worker
        metrics.COMMANDS.labels(worker).inc(done.commands)
        metrics.EVENTS.labels(worker).inc(done.events)
        metrics.DUPLICATES.labels(worker).inc(done.duplicates)
        metrics.TIMERS.labels(worker).inc(done.timers)
        for code, count in done.refusals.items():
            metrics.REFUSALS.labels(worker, code).inc(count)
        for code, count in done.dead_letters.items():
            metrics.DEAD_LETTERS.labels(worker, code).inc(count)
        metrics.BATCH.labels(worker).observe(done.commands)
        metrics.DECIDING.labels(worker).observe(batch.deciding)
        metrics.COMMITTING.labels(worker).observe(batch.committing)
        metrics.SHELVING.labels(worker).observe(batch.shelving)

    def aborted(self) -> None:
        """It is done again."""
        metrics.ABORTS.labels(self._worker).inc()

    def delivered(self, reported: Sequence[tuple[Deliver, RecordDelivery]], dead_letters: Sequence[str]) -> None:
        """What came of attempts."""
        for deliver, result in reported:
            metrics.ATTEMPTS.labels(deliver.channel, result.outcome).inc()
            if result.outcome == "retry":
                metrics.PUT_OFF.labels(deliver.channel, why_of(result.reason)).inc()
        for code in dead_letters:
            metrics.DEAD_LETTERS.labels(self._worker, code).inc()

    def _show(self, standing: Standing) -> None:
        partitions = {str(partition): records for partition, records in standing.behind.items()}
        for gone in self._partitions - partitions.keys():
            metrics.LAG.remove(self._worker, gone)
        for partition, records in partitions.items():
            metrics.LAG.labels(self._worker, partition).set(records)
        self._partitions = set(partitions)
        metrics.PARTITIONS.labels(self._worker).set(len(partitions))
        if self._worker == metrics.DELIVERY:
            metrics.UNDER_WAY.set(standing.under_way)
        else:
            metrics.OVERDUE.labels(self._worker).set(standing.overdue)
            metrics.STATE_KEYS.labels(self._worker).set(standing.keys)


def has_partitions(assigned: threading.Event) -> Check:
    """Whether a worker has its partitions, with their states."""
    return lambda: None if assigned.is_set() else "it has no partitions yet"


def why_of(reason: str | None) -> str:
    """Why an attempt is to be made again, in few words: a platform's own reasons are many."""
    if reason == RATE_LIMITED:
        return "limit"
    return "no_answer" if reason in SILENCE else "fault"


def size_of(folder: Path) -> int:
    """The bytes of the files in a folder, those that vanish meanwhile left out."""
    whole = 0
    for file in folder.glob("**/*"):
        try:
            whole += file.stat().st_size
        except FileNotFoundError:
            continue  # the database removes files as it likes
    return whole
