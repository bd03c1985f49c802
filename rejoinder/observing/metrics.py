"""Every metric, declared once: docs/reference/metrics.md is written from here.

A label's values are few and known beforehand: a processor, a partition, a code of ours. None holds an id, a name or a
word of anybody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
RECORDS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)
LONG: Final = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0)
"""Seconds that a restore may take."""


@dataclass(frozen=True)
class Declared:
    """A metric as it is described, and what collects it; None: a collector of the program's own does."""

    name: str
    """As it is scraped: a counter's ends with _total."""
    kind: str
    says: str
    labels: tuple[str, ...]
    programs: tuple[str, ...]
    collector: Collector | None = None

    def told(self, counts: Mapping[tuple[str, ...], int]) -> CounterMetricFamily:
        """A counter of what somebody else counts, by the values of its labels."""
        family = CounterMetricFamily(self.name, self.says, labels=self.labels)
        for values, count in counts.items():
            family.add_metric(values, count)
        return family


DECLARED: Final[list[Declared]] = []
"""All of them."""


def registry_of(program: str) -> CollectorRegistry:
    """The metrics of a program, and what its process takes of the machine."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    for each in DECLARED:
        if program in each.programs and each.collector is not None:
            registry.register(each.collector)
    return registry


class _Of:
    """Declares the metrics of some programs."""

    def __init__(self, *programs: str) -> None:
        self._programs = programs

    def counter(self, name: str, says: str, *labels: str) -> Counter:
        metric = Counter(f"rejoinder_{name}", says, labels, registry=None)
        self._declare(f"{name}_total", "counter", says, labels, metric)
        return metric

    def gauge(self, name: str, says: str, *labels: str) -> Gauge:
        metric = Gauge(f"rejoinder_{name}", says, labels, registry=None)
        self._declare(name, "gauge", says, labels, metric)
        return metric

    def histogram(self, name: str, says: str, *labels: str, buckets: Sequence[float] = SECONDS) -> Histogram:
        metric = Histogram(f"rejoinder_{name}", says, labels, buckets=buckets, registry=None)
        self._declare(name, "histogram", says, labels, metric)
        return metric

    def told(self, name: str, says: str, *labels: str) -> Declared:
        """A counter of what somebody else counts."""
        return self._declare(f"{name}_total", "counter", says, labels, None)

    def _declare(
        self, name: str, kind: str, says: str, labels: tuple[str, ...], collector: Collector | None
    ) -> Declared:
        declared = Declared(f"rejoinder_{name}", kind, says, labels, self._programs, collector)
        DECLARED.append(declared)
        return declared


ENGINE: Final = "engine"
PROJECTOR: Final = "projector"
DELIVERY: Final = "delivery"
WEB: Final = "web"
LIVE: Final = "live"
PROGRAMS: Final = (ENGINE, PROJECTOR, DELIVERY, WEB, LIVE)

_of_all = _Of(*PROGRAMS)
_of_workers = _Of(ENGINE, DELIVERY)
_of_engine = _Of(ENGINE)
_of_projector = _Of(PROJECTOR)
_of_delivery = _Of(DELIVERY)
_of_web = _Of(WEB)
_of_live = _Of(LIVE)

disable_created_metrics()  # type: ignore[no-untyped-call]  # when each series began: as many again, and nobody asks

TURNS = _of_all.counter("loop_turns", "How often a loop went round; one that stands still for long hangs.", "loop")
LAG = _of_workers.gauge(
    "lag_records",
    "How many records wait in a partition for the worker that has it; a mark of a transaction counts as one.",
    "worker", "partition",
)  # fmt: skip
PARTITIONS = _of_workers.gauge("partitions", "How many partitions the worker has.", "worker")
COMMANDS = _of_engine.counter("commands", "Commands that were decided.", "worker")
EVENTS = _of_engine.counter("events", "Events that stand in the log.", "worker")
DUPLICATES = _of_engine.counter("duplicates", "Commands that had been decided before.", "worker")
REFUSALS = _of_engine.counter("refusals", "Commands that were refused.", "worker", "code")
DEAD_LETTERS = _Of(ENGINE, DELIVERY, WEB).counter(
    "dead_letters", "Records that were kept as dead letters, by the worker or endpoint that did it.",
    "worker", "code",
)  # fmt: skip
TIMERS = _of_engine.counter("timers", "Deadlines that came.", "worker")
OVERDUE = _of_engine.gauge(
    "timers_overdue_seconds", "For how long the nearest deadline has been due; 0 if none is.", "worker"
)
BATCH = _of_engine.histogram("batch_commands", "Commands in a batch.", "worker", buckets=RECORDS)
DECIDING = _of_engine.histogram("decide_seconds", "The time in which a batch was decided.", "worker")
COMMITTING = _of_engine.histogram(
    "commit_seconds", "The time of a batch's transaction: records written, offsets sent, committed.",
    "worker",
)  # fmt: skip
SHELVING = _of_engine.histogram("state_write_seconds", "The time in which a batch's rows were written.", "worker")
ABORTS = _of_workers.counter("transactions_aborted", "Transactions that were aborted and done again.", "worker")
RESTORING = _of_workers.histogram(
    "restore_seconds", "The time in which partitions were taken, with their states.", "worker", buckets=LONG
)
RESTORE_BEGUN = _of_workers.gauge(
    "restore_begun_timestamp_seconds",
    "Since when partitions are being taken, in seconds since 1970; 0 while none are.", "worker",
)  # fmt: skip
REPLAYED = _of_workers.counter("restore_records", "Records that were replayed for that.", "worker")
REBUILT = _of_workers.counter(
    "restore_rebuilt", "Partitions whose state was not there, or of another log, and was built anew.",
    "worker",
)  # fmt: skip
STATE_BYTES = _of_engine.gauge("state_bytes", "Bytes of the state on the disk.", "worker")
STATE_KEYS = _of_engine.gauge("state_keys_in_memory", "Keys whose rows are in memory.", "worker")

PROJECTED = _of_projector.counter("projector_records", "Records of the log that were folded.")
PROJECTED_BATCH = _of_projector.histogram("projector_batch_records", "Records in a batch.", buckets=RECORDS)
ROWS = _of_projector.counter(
    "projector_rows", "Rows that were handed to PostgreSQL, those too that it had already.", "projection"
)
FOLDING = _of_projector.histogram("projector_fold_seconds", "The time in which a batch was folded into rows.")
PROJECTOR_COMMIT = _of_projector.histogram("projector_commit_seconds", "The time of a batch's commit in PostgreSQL.")
PROJECTION_LAG = _of_projector.gauge(
    "projection_lag_records",
    "How many records of this projector's partitions a projection has not folded; a mark of a transaction counts too.",
    "projection", "topic",
)  # fmt: skip
PROJECTOR_PARTITIONS = _of_projector.gauge("projector_partitions", "How many partitions the projector has.")

ATTEMPTS = _of_delivery.counter(
    "delivery_attempts",
    "Attempts whose outcome stands in the log: posted, refused, retry, undecided.", "channel", "outcome",
)  # fmt: skip
PUT_OFF = _of_delivery.counter(
    "delivery_put_off", "Attempts that are to be made again, by why: a limit, no answer, a fault.",
    "channel", "why",
)  # fmt: skip
UNDER_WAY = _of_delivery.gauge("delivery_under_way", "Attempts that are waited for.")
CALLS = _of_delivery.histogram(
    "platform_call_seconds", "The time of a call to a platform, to act or to look.", "channel", "call"
)

REQUESTS = _of_web.histogram(
    "http_request_seconds",
    "The time of a request, by its route's template; its `_count` is the number of requests.",
    "method", "route", "status",
)  # fmt: skip
WEBHOOKS = _of_web.told(
    "webhooks",
    "Webhooks: accepted (Kafka has what they say), unsigned, too_large, broken_off, unavailable (Kafka had it not, and "
    "the platform sends it again).", "platform", "outcome",
)  # fmt: skip
WEBHOOK_COMMANDS = _of_web.told("webhook_commands", "Commands that webhooks led to.", "platform")

LIVE_EVENTS = _of_live.counter("live_events", "Events of the log that were folded for the wallboard.")
LIVE_BEHIND = _of_live.gauge(
    "live_behind_records", "How many records the wallboard is behind the log; a mark of a transaction counts too."
)
LIVE_INTERACTIONS = _of_live.gauge(
    "live_interactions", "Interactions in memory: those that are open, and those that count in the window."
)
