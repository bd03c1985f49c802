"""What a bundle of one interaction is made of (`audit export`)."""

from dataclasses import dataclass
from typing import Any

import psycopg

from projections.queries.files import fetch


@dataclass(frozen=True)
class Position:
    """Where an event stands."""

    partition: int
    offset: int
    decided_at: int
    """Milliseconds; by the wall clock unless time is recorded."""


@dataclass(frozen=True)
class WordsKept:
    """Somebody's words."""

    content_id: str
    text: str
    exact: bytes | None
    salt: bytes

    @property
    def as_written(self) -> str:
        """The text, also where PostgreSQL can't hold it as one."""
        return self.text if self.exact is None else self.exact.decode("utf-8", "surrogatepass")


def events_around(connection: psycopg.Connection[Any], interaction_id: str) -> list[Position]:
    """The events of an interaction, and those between them on its key, in the order of their sequence."""
    return fetch(connection, "events_around", Position, {"interaction_id": interaction_id})


def words_of(connection: psycopg.Connection[Any], interaction_id: str) -> list[WordsKept]:
    """The words of an interaction's messages, as far as they are not erased."""
    return fetch(connection, "words_of", WordsKept, {"interaction_id": interaction_id})
