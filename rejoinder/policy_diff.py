"""What two policies differ in, field by field, as people write the fields: accounts[x:42].hours."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from engine.policy.document import Policy

ORDERED: Final = frozenset({"filters"})
"""Of these the order counts: the first that matches decides."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that differs; None: it is not there."""

    field: str
    before: Any
    after: Any


def differences(before: Policy, after: Policy) -> list[Difference]:
    """Each difference, in the order of the fields; a part that only one has is one difference."""
    return list(_of_fields(msgspec.to_builtins(before), msgspec.to_builtins(after), ""))


def _of_fields(before: Mapping[str, Any], after: Mapping[str, Any], path: str) -> Iterator[Difference]:
    for name in dict.fromkeys([*before, *after]):
        yield from _of_values(before.get(name), after.get(name), f"{path}.{name}" if path else name)


def _of_values(before: Any, after: Any, path: str) -> Iterator[Difference]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _of_fields(before, after, path)
    elif _are_parts(before) and _are_parts(after):
        yield from _of_parts(_by_name(before), _by_name(after), path)
    else:
        yield Difference(path, before, after)


def _of_parts(before: dict[str, Any], after: dict[str, Any], path: str) -> Iterator[Difference]:
    """Parts are told apart by their names, wherever they stand."""
    for name in dict.fromkeys([*before, *after]):
        here = f"{path}[{name}]"
        if name in before and name in after:
            yield from _of_fields(before[name], after[name], here)
        else:
            yield Difference(here, before.get(name), after.get(name))
    kept = [[name for name in one if name in other] for one, other in ((before, after), (after, before))]
    if path in ORDERED and kept[0] != kept[1]:
        yield Difference(f"{path} (their order)", kept[0], kept[1])


def _are_parts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(each, dict) for each in value)


def _by_name(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {_name(part): part for part in parts}


def _name(part: Mapping[str, Any]) -> str:
    """What tells a part from the others of its list: an account's id, a special day's date, else the name."""
    return f"{part['channel']}:{part['id']}" if "channel" in part else part.get("date") or part["name"]
