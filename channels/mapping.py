"""What the mappings of all platforms' webhooks have in common: what becomes of a body, and what can't be read."""

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Final, TypeVar

import msgspec

from engine.record import Command

ITEM_LIMIT: Final = 448 * 1024
"""The largest item, in bytes. A command with a whole item and its text beside it, which is as large again at most, so
stays below Kafka's default of 1 MiB a record."""

# What becomes of one event: a command with its key, or the reason for which it is passed over.
Result = tuple[str, Command] | str

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_T = TypeVar("_T")


class Unreadable(Exception):
    """A part of a webhook's body that can't be mapped. `code` is the reason in a word."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Unmapped:
    """A part of the body that could not be mapped, whole, with the reason (never a word of the message)."""

    code: str
    reason: str
    raw: bytes


@dataclass(slots=True)
class Mapped:
    """What became of a body: each of its events stands in exactly one of the three."""

    commands: list[tuple[str, Command]] = field(default_factory=list)
    """Key and command, in the body's order."""
    unmapped: list[Unmapped] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    """How many events were passed over, by reason."""

    def add(self, result: Result) -> None:
        """Counts a reason, or takes a command."""
        if isinstance(result, str):
            self.ignored[result] += 1
        else:
            self.commands.append(result)

    def keep(self, unreadable: Unreadable, raw: object) -> None:
        """Takes what can't be mapped."""
        self.unmapped.append(Unmapped(unreadable.code, unreadable.reason, raw_json(raw)))


def raw_json(value: object) -> bytes:
    """A decoded JSON value as bytes again: UTF-8, with a lone surrogate as the escape as which it came."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def convert(value: object, shape: type[_T], what: str) -> _T:
    """`value` as `shape`, or Unreadable with the path of the field that doesn't fit."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        reason = f"{what} has not the shape that the platform documents: {error}"
        raise Unreadable("unknown_shape", reason) from error


def unbroken(text: str) -> str:
    """The text, unchanged; only a lone surrogate, which is half a character and fits no UTF-8, is replaced."""
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def cut(text: str | None, limit: int) -> str | None:
    """The beginning of a name, or of a language tag."""
    return None if text is None else unbroken(text)[:limit]
