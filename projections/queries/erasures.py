"""What was erased, by whom and when: the events say it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from projections.queries.files import fetch


@dataclass(frozen=True)
class Erasure:
    """A person or a text that was erased."""

    event_id: str
    erased_at: datetime
    """When it was decided, by the clock of the worker."""
    what: str
    why: str
    actor_kind: str
    actor_id: str | None
    contents: int
    """How many texts and names went."""


def erasures(connection: psycopg.Connection[Any], limit: int = 50) -> list[Erasure]:
    """The last ones, the latest first."""
    return fetch(connection, "erasures", Erasure, {"limit": limit})
