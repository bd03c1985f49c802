"""The words of a text, as search knows them: apart, in one case, in one way of writing each character.

PostgreSQL's own parser goes by the locale of its database: in C, which ours has, all that is not ASCII is a letter to
it, typographic quotes and emojis too, and has no case.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Final

LONGEST: Final = 50_000
"""Characters of a text that are searched. PostgreSQL refuses a text whose words and places take over a megabyte."""
_ASCII: Final = re.compile(r"[A-Za-z0-9]+")
_WITHIN: Final = frozenset({"Mn", "Mc", "Me", "Cf"})
"""What may stand within a word beside letters and digits: accents and the like, and what only joins or directs."""


def words(text: str) -> Iterator[tuple[int, int, str]]:
    """Each word with where it begins and ends in the text, and as it is searched."""
    if text.isascii():
        for found in _ASCII.finditer(text):
            yield found.start(), found.end(), found[0].lower()
        return
    for found in _any().finditer(text):
        plain = "".join(filter(_is_kept, unicodedata.normalize("NFKC", found[0]).casefold()))
        if plain:
            yield found.start(), found.end(), plain


def searchable(text: str) -> str:
    """The words of a text, with a blank between two."""
    return " ".join(word for _, _, word in words(text[:LONGEST]))[:LONGEST]


def _is_kept(letter: str) -> bool:
    return letter.isalnum() or unicodedata.category(letter)[0] == "M"


@cache
def _any() -> re.Pattern[str]:
    within = "".join(re.escape(chr(at)) for at in range(0x80, 0x10000) if unicodedata.category(chr(at)) in _WITHIN)
    return re.compile(rf"[^\W_](?:[^\W_]|[{within}])*")
