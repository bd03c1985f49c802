"""Finding people's and agents' words: all of them, "one after the other", -not this, and those that begin so*.

PostgreSQL reads what is asked for (websearch_to_tsquery) and finds it by an index, in the configuration `simple`: words
as they stand, in lower case, of any language. A text that was erased is in no index, and so is not found.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg

from engine.errors import RejoinderError
from projections.queries.files import fetch
from projections.queries.lists import After
from projections.values import shown

LONGEST: Final = 500
"""Characters of what may be asked for."""
LONGEST_CUT: Final = 400
"""Characters of a text that are shown: its words may be of any length."""
_PREFIX: Final = "zqbeginszq"
"""Stands for the * after a word, which PostgreSQL would pass over."""
_STARRED: Final = re.compile(r'(?<=\w)\*(?=[\s")]|$)')
_BEGIN, _END = "\x01", "\x02"
_MARKED: Final = f'StartSel="{_BEGIN}", StopSel="{_END}"'
_WHOLE: Final = f"{_MARKED}, HighlightAll=true"
_PARTS: Final = f'{_MARKED}, MaxFragments=2, MinWords=6, MaxWords=24, FragmentDelimiter=" … "'


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
    cut: str


def search(connection: psycopg.Connection[Any], wanted: Wanted, after: After | None, limit: int) -> list[Hit]:
    """The texts that have what is asked for.

    Args:
        after: where the page before ended; for those that are not ranked.

    Raises:
        NothingAsked: no word is named, or only such that are not to be there.
    """
    parameters = {"text": _STARRED.sub(_PREFIX, shown(wanted.text)), "mark": _PREFIX}
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
            "marks": _BEGIN + _END,
            "short": LONGEST_CUT,
            "whole": _WHOLE,
            "parts": _PARTS,
        },
    )
    return [_hit(row) for row in found]


def _hit(row: _Found) -> Hit:
    snippet, marks = _cut(row.cut)
    fields = {name: getattr(row, name) for name in Place.__dataclass_fields__}
    return Hit(**fields, snippet=snippet, marks=marks)


def _cut(text: str) -> tuple[str, list[tuple[int, int]]]:
    """What PostgreSQL cut out, without its marks, and where those were."""
    first, *others = text.split(_BEGIN)
    snippet, marks = first, []
    for part in others:
        word, _, rest = part.partition(_END)
        marks.append((len(snippet), len(snippet) + len(word)))
        snippet += word + rest
    if len(snippet) <= LONGEST_CUT:
        return snippet, marks
    kept = [(begin, min(end, LONGEST_CUT)) for begin, end in marks if begin < LONGEST_CUT]
    return f"{snippet[:LONGEST_CUT]} …", kept
