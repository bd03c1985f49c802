"""A large log on a Kafka of the shows' own, and how it grew while it was made."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.measure import Measure
from bench.progress import say
from bench.services import Services
from bench.shows import company
from bench.shows.claims import Claim
from bench.shows.traffic import Traffic
from bench.shows.writing import Writing
from rejoinder.cluster import Cluster
from rejoinder.deployment import deploy, ensure_policy
from rejoinder.settings import Settings, load

AUDIT_SECRET: Final = "the secret behind the seals of the shows"
HOME_SECRET: Final = "the home secret of the shows, which is long enough"
KINDS: Final = (
    "Accepted", "Assigned", "AutoReplied", "ContactCreated", "Dispositioned", "FilteredOut", "HandleLinked",
    "MessageDeleted", "MessageReceived", "NoticePosted", "OutOfHours", "Queued", "QueuedAgain", "Replied",
    "ReplyFailed", "SessionOpened", "Transferred",
)  # fmt: skip
"""Without one of these the log would show little."""


@dataclass(frozen=True)
class Made:
    """A log, who wrote it and can go on, and a database for its projections."""

    cluster: Cluster
    settings: Settings
    folder: Path
    dsn: str
    partitions: int
    writing: Writing
    traffic: Traffic

    @property
    def prefix(self) -> str:
        return self.settings.topics.prefix


@contextmanager
def made(
    bootstrap: str, dsn: str | None, folder: Path, prefix: str, interactions: int, partitions: int, seed: int = 1
) -> Iterator[Made]:
    """Topics under a prefix of their own, on which nothing is yet but the policy. A context: see Writing.

    dsn: a database for its projections, if they are wanted.
    folder: for the deciders' rows, and for the programs that read it.
    """
    settings = load(
        {
            "kafka.bootstrap": bootstrap,
            "postgres.dsn": dsn,
            "topics.prefix": prefix,
            "topics.partitions": partitions,
            "data": folder,
            "home.secret": HOME_SECRET,
            "audit.secret": AUDIT_SECRET,
            "time.mode": "recorded",
        }
    )
    cluster, _ = deploy(settings, bootstrap)
    ensure_policy(cluster, company.POLICY, company.BEGIN)
    with Writing(cluster, AUDIT_SECRET, folder / "state") as writing:
        yield Made(cluster, settings, folder, dsn or "", partitions, writing, Traffic(writing, interactions, seed))


def generate(log: Made) -> Iterator[Measure | Claim]:
    """All interactions, with what is asked of them and what comes of it."""
    traffic, writing, began = log.traffic, log.writing, time.monotonic()

    def told(opened: int) -> None:
        rate = writing.events / (time.monotonic() - began)
        say(f"{opened} interactions, {writing.events} events, {rate:.0f} events/s, {_peak_megabytes():.0f} MB at most")

    halfway = traffic.interactions // 2
    traffic.until(halfway, told)
    half = _peak_megabytes()
    traffic.until(traffic.interactions, told)
    seconds = time.monotonic() - began
    writing.check()
    days = (traffic.now - company.BEGIN) / 86_400_000
    detail = {
        "interactions": traffic.opened,
        "events": writing.events,
        "commands": writing.commands,
        "seconds": round(seconds, 1),
        "recorded_days": round(days, 1),
        "memory_mb_at_half": round(half),
        "memory_mb": round(_peak_megabytes()),
        "kinds": dict(sorted(writing.kinds.items())),
    }
    yield Measure("generate", round(writing.events / seconds), "events/s", detail=detail)
    missing = [kind for kind in KINDS if not writing.kinds[kind]]
    yield Claim("mixed", "the log has a bit of everything", not missing, {"missing": missing})


def disk(log: Made, services: Services, when: str) -> Iterator[Measure]:
    """What Kafka and PostgreSQL have on the disk by now."""
    kafka, postgres = (_megabytes(each) for each in (services.folder.kafka, services.folder.postgres))
    state = _megabytes(log.folder)
    detail = {"kafka": round(kafka), "postgres": round(postgres), "state": round(state), "events": log.writing.events}
    yield Measure(f"disk_{when}", round(kafka + postgres + state), "MB", detail=detail)


def _peak_megabytes() -> float:
    """The most memory that this process had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _megabytes(folder: Path) -> float:
    """What lies in a folder; files that go away meanwhile count nothing."""
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.stat().st_blocks * 512
        except FileNotFoundError:
            continue
    return total / 2**20
