"""Finding people's and agents' words: all of them, "one after the other", -not this, and those that begin so*.

What is asked for is put into the words in which texts are searched (projections.wording); PostgreSQL reads that
(websearch_to_tsquery, `simple`) and finds it by an index. A text that was erased is in none, and so is not found.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg

from engine.errors import RejoinderError
from projections.queries.files import fetch
from projections.queries.lists import After
from projections.wording import words

LONGEST: Final = 500
"""Characters of what may be asked for."""
LONGEST_CUT: Final = 400
"""Characters of a text that are shown."""
BEFORE: Final = 120
"""So many of them before the first word that was asked for, at most."""
_PREFIX: Final = "zqbeginszq"
"""Stands for the * after a word, which PostgreSQL would pass over."""
_PIECE: Final = re.compile(r'-?"[^"]*"?|\S+')


class NothingAsked(RejoinderError):
    """What was asked for names no word that is to be there."""

    def __init__(self) -> None:
        super().__init__(
            "nothing is asked for that could be found: name a word that is to be there, not only such that are not"
        )


@dataclass(frozen=True)
class Wanted:
    """What is searched for, and where; what is None counts not."""

    text: str
    account: str | None = None
    channel: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    ranked: bool = False
    """The best first, else the latest sent."""


@dataclass(frozen=True)
class Place:
    """A message or note that has what was asked for."""

    message_id: str
    interaction_id: str
    contact_id: str | None
    channel: str | None
    account: str
    direction: str
    kind: str
    author: str | None
    sent_at: datetime
    rank: float | None
    """How well it fits, where the best come first."""


@dataclass(frozen=True)
class Hit(Place):
    """The same with the part of its text that has it."""

    snippet: str
    marks: list[tuple[int, int]]
    """Where in the snippet what was asked for begins and ends, in characters."""


@dataclass(frozen=True)
class _Asked:
    query: str
    indexed: str
    nodes: int


@dataclass(frozen=True)
class _Found(Place):
    text: str


def search(connection: psycopg.Connection[Any], wanted: Wanted, after: After | None, limit: int) -> list[Hit]:
    """The texts that have what is asked for.

    Args:
        after: where the page before ended; for those that are not ranked.

    Raises:
        NothingAsked: no word is named, or only such that are not to be there.
    """
    pieces = list(_pieces(wanted.text))
    parameters = {"text": " ".join(str(piece) for piece in pieces), "mark": _PREFIX}
    (asked,) = fetch(connection, "search_asked", _Asked, parameters)
    if not asked.nodes or asked.indexed in ("", "T"):
        raise NothingAsked()
    found = fetch(
        connection,
        "search",
        _Found,
        {
            "asked": asked.query,
            "account": wanted.account,
            "channel": wanted.channel,
            "since": wanted.since,
            "until": wanted.until,
            "ranked": wanted.ranked,
            "after_at": after.at if after else None,
            "after_id": after.id if after else None,
            "limit": limit,
        },
    )
    named = [word for piece in pieces if not piece.excluded for word in piece.words]
    whole = frozenset(word for word in named if not word.endswith(_PREFIX))
    begun = tuple(word.removesuffix(_PREFIX) for word in named if word.endswith(_PREFIX))
    return [_hit(row, whole, begun) for row in found]


@dataclass(frozen=True)
class _Piece:
    """A word that is asked for, or several one after the other; `or` between two has no words."""

    words: tuple[str, ...]
    excluded: bool = False

    def __str__(self) -> str:
        if not self.words:
            return "or"
        sign = "-" if self.excluded else ""
        return f'{sign}"{" ".join(self.words)}"'


def _pieces(text: str) -> Iterable[_Piece]:
    """What is asked for, in the words in which texts are searched."""
    for piece in _PIECE.findall(text):
        if piece.casefold() == "or":
            yield _Piece(())
            continue
        named = [word for part in piece.split() for word in _asked(part)]
        if named:
            yield _Piece(tuple(named), piece.startswith("-"))


def _asked(part: str) -> list[str]:
    """The words of a part; after the last one a star stands for whatever goes on."""
    found = [word for _, _, word in words(part)]
    if found and part.rstrip('"').endswith("*"):
        found[-1] += _PREFIX
    return found


def _hit(row: _Found, whole: frozenset[str], begun: tuple[str, ...]) -> Hit:
    marks = [(begin, end) for begin, end, word in words(row.text) if word in whole or word.startswith(begun)]
    snippet, inside = _cut(row.text, marks)
    return Hit(**{name: getattr(row, name) for name in Place.__dataclass_fields__}, snippet=snippet, marks=inside)


def _cut(text: str, marks: list[tuple[int, int]]) -> tuple[str, list[tuple[int, int]]]:
    """The part of a text around the first mark, and the marks in it."""
    if len(text) <= LONGEST_CUT:
        return text, marks
    begin = max(0, min(marks[0][0] - BEFORE, len(text) - LONGEST_CUT)) if marks else 0
    before = "… " if begin else ""
    end = begin + LONGEST_CUT
    after = " …" if end < len(text) else ""
    moved = len(before) - begin
    inside = [(first + moved, min(last, end) + moved) for first, last in marks if begin <= first < end]
    return f"{before}{text[begin:end]}{after}", inside
