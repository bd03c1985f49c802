"""Keyword filters: which words stand in a text, found in one pass however many there are."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

import ahocorasick_rs

from engine.policy.document import Filter

# Scripts that are written without spaces, so that a word may begin and end anywhere: Thai, Lao, Myanmar, Khmer, kana,
# Han. And the variation selectors, which are marks by category but belong to the emoji before them.
_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\ufe00-\ufe0f\U00020000-\U0003ffff]"
)


def fold(text: str) -> str:
    """The form in which words are compared: any case, any way of writing the same character, any white space."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split())


class FilterSet:
    """The policy's filters, compiled: the first that matches decides."""

    def __init__(self, filters: Sequence[Filter]) -> None:
        self._filters = [
            (one, frozenset(map(fold, one.any)), frozenset(map(fold, one.all)), frozenset(map(fold, one.none)))
            for one in filters
        ]
        self._words = sorted({word for _, *groups in self._filters for group in groups for word in group})
        self._automaton = ahocorasick_rs.AhoCorasick(self._words) if self._words else None

    def match(self, text: str) -> Filter | None:
        """The first filter whose conditions hold, or None."""
        if not self._filters:
            return None
        found = self._found(fold(text))
        for one, any_of, all_of, none_of in self._filters:
            if any_of and found.isdisjoint(any_of):
                continue
            if all_of <= found and found.isdisjoint(none_of):
                return one
        return None

    def _found(self, text: str) -> set[str]:
        """The words that stand in `text` as whole words."""
        if self._automaton is None:
            return set()
        return {
            self._words[index]
            for index, start, end in self._automaton.find_matches_as_indexes(text, overlapping=True)
            if _is_boundary(text, start) and _is_boundary(text, end)
        }


def _is_boundary(text: str, at: int) -> bool:
    """Whether a word may begin or end here: not between two letters or digits."""
    return not (0 < at < len(text) and _joins(text[at - 1]) and _joins(text[at]))


def _joins(character: str) -> bool:
    if _UNSPACED.match(character):
        return False
    return character.isalnum() or character == "_" or unicodedata.category(character).startswith("M")
