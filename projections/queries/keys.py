"""The keys of a person: those that a name stands for, and those that are or were linked with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from projections.queries.files import fetch


@dataclass(frozen=True)
class _Key:
    home: str


def named(connection: psycopg.Connection[Any], who: str) -> list[str]:
    """The keys of the handles that `who` names: a key itself, `x:screen_name`, `@screen_name` or a screen name."""
    channel, _, name = who.rpartition(":")
    asked = {"id": who, "channel": channel or None, "name": name.lstrip("@")}
    return [row.home for row in fetch(connection, "keys_named", _Key, asked)]


def kin(connection: psycopg.Connection[Any], keys: Sequence[str]) -> list[str]:
    """The keys that are or were linked with some, directly or over others; those are among them."""
    return [row.home for row in fetch(connection, "keys_kin", _Key, {"keys": list(keys)})]
