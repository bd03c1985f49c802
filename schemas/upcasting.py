"""Upcasters: what older versions of a record said, told in the shape of today, when it is read.

Avro's own resolution fills in the defaults of fields that are new, and passes over fields that are gone. An upcaster
is for what it can't say: a field that was renamed, split in two or means something else now, a record that has another
name. It is a pure function from the fields that were written to those of the next shape, and it stays for ever, as
what was written does. Records of today never pass one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

Fields = dict[str, Any]
"""A record's fields by name, as Avro gives them: records are dicts, instants are milliseconds, bytes are bytes."""
Lift = Callable[[Fields], Fields]


@dataclass(frozen=True)
class Upcaster:
    """One change that resolution can't say. Those of a record are applied in the order in which they are registered."""

    record: str
    """The full name under which it was written."""
    of: tuple[str, ...]
    """The versions to which it applies: their fingerprints, hex digits, as `rejoinder schemas list` shows them. Older
    ones too, which upcasters before this one bring here."""
    lift: Lift
    to: str | None = None
    """The full name that the record has today, where that is another."""


UPCASTERS: Final[tuple[Upcaster, ...]] = ()
"""Those of this version, oldest first. docs/how-to/release-schemas.md says when one is needed."""


def way(name: str, version: str, upcasters: Sequence[Upcaster]) -> tuple[str, tuple[Lift, ...]]:
    """What a record is today that was written under a name and a version, and the steps that bring it there."""
    steps = [each for each in upcasters if version in each.of]
    for step in steps:
        name = step.to or name
    return name, tuple(step.lift for step in steps)
