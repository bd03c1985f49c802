"""What the projector tells (projections.observing), as metrics, health and spans."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from projections.observing import Batch, Standing
from rejoinder.observing import metrics
from rejoinder.observing.health import Health
from rejoinder.observing.workers import LOOKED_AGAIN

if TYPE_CHECKING:  # it takes long to load, and is off by default
    from rejoinder.observing.spans import Spans


class ProjectorObserver:
    """Of one projector."""

    def __init__(self, health: Health, spans: "Spans | None" = None) -> None:
        self._health = health
        self._spans = spans
        self._looked_at = 0.0
        self._shown: set[tuple[str, str]] = set()
        self._assigned = False
        self._stands = False
        health.needs("partitions", lambda: None if self._assigned else "the group has given it no partitions yet")
        health.needs("postgres", lambda: None if self._stands else "it has no connection to PostgreSQL")

    def turned(self, standing: Callable[[], Standing]) -> None:
        """The loop is alive; now and then it is looked where it stands."""
        self._health.turned(metrics.PROJECTOR)
        metrics.TURNS.labels(metrics.PROJECTOR).inc()
        now = time.monotonic()
        if now - self._looked_at >= LOOKED_AGAIN:
            self._looked_at = now
            self._show(standing())

    def assigned(self, partitions: int) -> None:
        """So many partitions are its own."""
        self._assigned = True
        metrics.PROJECTOR_PARTITIONS.set(partitions)

    def wrote(self, batch: Batch) -> None:
        """What a batch wrote."""
        metrics.PROJECTED.inc(batch.records)
        metrics.PROJECTED_BATCH.observe(batch.records)
        metrics.FOLDING.observe(batch.written.folding)
        metrics.PROJECTOR_COMMIT.observe(batch.written.committing)
        for projection, rows in batch.written.rows.items():
            metrics.ROWS.labels(projection).inc(rows)
        if self._spans is not None:
            self._spans.projected(batch.traces, batch.records, batch.begun)

    def _show(self, standing: Standing) -> None:
        self._stands = standing.connected
        for gone in self._shown - standing.behind.keys():
            metrics.PROJECTION_LAG.remove(*gone)
        for labels, records in standing.behind.items():
            metrics.PROJECTION_LAG.labels(*labels).set(records)
        self._shown = set(standing.behind)
