"""Takes what was erased out of the files of PostgreSQL and Kafka, now and then, beside the projector.

Workers do the same with their own state (topics.rocks). When all of it is done at the latest, `remnants` says.
"""

import logging
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
from confluent_kafka import KafkaException

from engine.errors import RejoinderError
from projections import sweeping
from projections.catalogue import PROJECTIONS
from projections.projector import connect
from rejoinder.cluster import Cluster
from topics.catalogue import A_MONTH, ERASABLE
from topics.pushing import push

log = logging.getLogger(__name__)

LOOK: Final = 60.0
"""Seconds between two looks whether it is time."""
MARGIN: Final = timedelta(hours=1)
"""What the sweep itself, and the broker's cleaner, may take."""

POSTGRES: Final = "PostgreSQL: tables and log"


@dataclass(frozen=True)
class Remnant:
    """A place in whose files erased words still are for a while."""

    place: str
    gone_by: datetime
    """When they are gone at the latest."""


def remnants(erased_at: datetime, every: timedelta) -> list[Remnant]:
    """Where words still lie that were erased at a time, with `erasure.hours` as it is; the longest last."""
    compacted = timedelta(milliseconds=int(ERASABLE["max.compaction.lag.ms"]))
    expired = timedelta(milliseconds=int(A_MONTH["retention.ms"]) + int(A_MONTH["segment.ms"]))
    return [
        Remnant(POSTGRES, erased_at + every + MARGIN),
        Remnant("workers: their state", erased_at + every + MARGIN),
        Remnant("Kafka: interaction.content, interaction.profiles", erased_at + compacted + every + MARGIN),
        Remnant("Kafka: commands as they came in, dead letters", erased_at + expired + MARGIN),
    ]


def keep_sweeping(cluster: Cluster, dsn: str, every: timedelta, stop: threading.Event) -> None:
    """Sweeps whenever it is time, until `stop` is set. What fails is said in the log, and tried again at the next look.

    Args:
        dsn: of the owner of the tables.
        every: how long what was erased may stay.
    """
    while not stop.is_set():
        try:
            with connect(dsn, stop) as connection:
                if is_due(connection, every):
                    swept = sweeping.sweep(connection, PROJECTIONS)
                    pushed = push(cluster.broker, cluster.catalogue)
                    log.info("swept: %s; pushed %d partitions", ", ".join(swept) or "nothing was deleted", pushed)
        except (psycopg.Error, KafkaException, RejoinderError) as error:  # its own text may hold people's words
            log.error("what was erased could not be taken from the files yet: %s", type(error).__name__)
        stop.wait(LOOK)


def is_due(connection: psycopg.Connection[Any], every: timedelta) -> bool:
    """Whether some table's last sweep is so long ago, or there never was one."""
    times = [each.swept_at for each in sweeping.sweeps(connection)]
    return not times or datetime.now(UTC) - min(times) >= every
