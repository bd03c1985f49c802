"""Which schema stands behind which id. Only deployment registers (`rejoinder topics apply`, `up`); others load.

The ids lie in a compacted topic in the registry's own format (topics.schema_log) or, with the setting
registry.url, in a registry (topics.schema_server). The subject of a schema is its record's full name.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from schemas import compatibility
from schemas.codec import identity
from schemas.files import Schema
from topics.errors import Incompatible


@dataclass(frozen=True)
class Registered:
    """One version of one subject. `deleted`: no longer in use, but what was written with it can still be read."""

    subject: str
    version: int
    id: int
    text: str
    deleted: bool = False

    @property
    def schema(self) -> Schema:
        """The schema, parsed."""
        schema: Schema = json.loads(self.text)
        return schema


class Registry(Protocol):
    """Where ids come from."""

    def load(self) -> list[Registered]:
        """All that is registered, in the order of the ids."""

    def register(self, schemas: Mapping[str, Schema]) -> list[Registered]:
        """Registers those that are not yet there and gives them, with their new ids.

        Raises Incompatible, and registers none, if one is not FULL_TRANSITIVE with the versions before it.
        """


def by_id(registered: Iterable[Registered]) -> dict[int, Schema]:
    """What schemas.codec.Codec wants."""
    return {each.id: each.schema for each in registered}


def unregistered(schemas: Mapping[str, Schema], registered: Iterable[Registered]) -> dict[str, Schema]:
    """Those that are not registered under their subject; a change of the docs alone does not count.

    Raises Incompatible if one may not follow the versions that are there.
    """
    versions: dict[str, list[Registered]] = {}
    for each in registered:
        if not each.deleted:
            versions.setdefault(each.subject, []).append(each)
    new = {
        name: schema
        for name, schema in schemas.items()
        if identity(schema) not in {identity(version.schema) for version in versions.get(name, ())}
    }
    problems = [
        problem
        for name, schema in new.items()
        for version in versions.get(name, ())
        for problem in compatibility.check_record(name, schema, version.schema, f"version {version.version}")
    ]
    if problems:
        raise Incompatible("these schemas may not be registered:\n" + "\n".join(f"  {each}" for each in problems))
    return new


def text_of(schema: Schema) -> str:
    """A schema as it is registered: on one line."""
    return json.dumps(schema, separators=(",", ":"), ensure_ascii=False)


def parsed(text: str | bytes) -> dict[str, Any] | None:
    """A JSON object, or None for anything else."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
