"""Where the wallboard begins: with what PostgreSQL knows, and how far in the log that reaches, read in one transaction.

From there on the log alone counts. So a restart is exact whatever began before the window, costs one query, and reads
no more of the log than the projector is behind.
"""

from dataclasses import dataclass, field
from typing import Any

import msgspec
import psycopg
from psycopg import IsolationLevel

from projections.builds import current_version
from projections.live.floor import WINDOW, Agent
from projections.live.interactions import Interaction
from projections.queries.files import text
from projections.records import INTERACTION_EVENTS, ROUTING_EVENTS, Place
from projections.values import moment

NAME = "reporting"
"""The projection that it begins with."""
TOPICS = (INTERACTION_EVENTS, ROUTING_EVENTS)
_FETCHED = 2_000
"""Rows at a time."""


@dataclass
class Beginning:
    """What was known, and from which offsets on the log has the rest."""

    offsets: dict[Place, int]
    latest: int
    """When the last event of an interaction happened, as far as it is known; 0: none did."""
    interactions: dict[str, Interaction] = field(default_factory=dict)
    agents: dict[Agent, str] = field(default_factory=dict)


def read_beginning(connection: "psycopg.Connection[Any]", now: int | None, window: int = WINDOW) -> Beginning | None:
    """Reads it; None where there are no tables yet, or others have just taken their place.

    Args:
        connection: one in autocommit that may read the projector's positions.
        now: the end of the window; None: when the last event happened.
    """
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    try:
        version = current_version(connection, NAME)
        with connection.transaction():
            found = _read(connection, now, window)
        # Views are looked up as they are now, also in a transaction that sees the rows of before.
        return found if current_version(connection, NAME) == version else None
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return None
    finally:
        connection.isolation_level = None


def _read(connection: "psycopg.Connection[Any]", now: int | None, window: int) -> Beginning | None:
    rows = connection.execute(text("positions")).fetchall()
    offsets = {(topic, partition): upto for name, _, topic, partition, upto in rows if name == NAME}
    if not offsets:
        return None
    row = connection.execute(text("live_latest")).fetchone()
    found = Beginning(offsets, 0 if row is None or row[0] is None else int(row[0]))
    until = found.latest if now is None else now
    with connection.cursor(name="live", row_factory=psycopg.rows.dict_row) as cursor:
        cursor.itersize = _FETCHED
        cursor.execute(text("live_interactions"), {"since": moment(until - window)})
        for each in cursor:
            interaction_id: str = each.pop("interaction_id")
            found.interactions[interaction_id] = msgspec.convert(each, Interaction)
    for pool, agent, state in connection.execute(text("live_agents")):
        found.agents[pool, agent] = state
    return found
