"""Filters: which of them a message meets, found in one pass over its text however many words they have."""

import heapq
import operator
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import ahocorasick_rs

from engine.policy.document import Filter
from engine.policy.sentiment import sentiment

# Scripts that are written without spaces, so that a word may begin and end anywhere: Thai, Lao, Myanmar, Khmer, kana,
# Han. And the variation selectors, which are marks by category but belong to the emoji before them.
_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\ufe00-\ufe0f\U00020000-\U0003ffff]"
)
_APOSTROPHES: Final = str.maketrans("\u2019\u02bc", "''")
"""Telephones write the first of these where keyboards write the plain one: don’t."""


def fold(text: str) -> str:
    """The form in which words are compared: any case, any way of writing the same character, any white space."""
    if text.isascii():
        return " ".join(text.lower().split())  # the same, and sooner
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.translate(_APOSTROPHES).split())


def bare(text: str) -> str:
    """What a message says beside handles, without punctuation and signs around it, folded.

    >>> bare("@AcmeCare “STOP!” 🙏")
    'stop'
    """
    words = (word for word in fold(text).split() if not word.lstrip(".").startswith("@"))  # .@handle is one too
    return _trimmed(_trimmed(" ".join(words))[::-1])[::-1]


def _trimmed(text: str) -> str:
    """Without the punctuation, signs and invisible characters that it begins with."""
    return text[next((at for at, each in enumerate(text) if not _is_around(each)), len(text)) :]


def _is_around(character: str) -> bool:
    return unicodedata.category(character)[0] in "PSZC" or "\ufe00" <= character <= "\ufe0f"


@dataclass(frozen=True, slots=True)
class Matched:
    """The filter that a message meets, and how the message sounds, if a filter wanted to know."""

    filter: Filter | None
    sentiment: float | None = None


@dataclass(frozen=True, slots=True)
class _Conditions:
    """A filter, ready to be held against a message."""

    filter: Filter
    any: frozenset[str]
    all: frozenset[str]
    none: frozenset[str]
    events: frozenset[str]
    accounts: frozenset[str]

    def hold(self, found: set[str], event: str, account: str) -> bool:
        """Whether all of them hold but the sentiment."""
        return (
            (not self.events or event in self.events)
            and (not self.accounts or account in self.accounts)
            and not (self.any and found.isdisjoint(self.any))
            and self.all <= found
            and found.isdisjoint(self.none)
        )

    def sounds(self, sentiment: float) -> bool:
        """Whether a text that sounds like this is what the filter looks for."""
        threshold = self.filter.threshold / 100
        return sentiment >= threshold if self.filter.sentiment == "positive" else sentiment <= -threshold


class FilterSet:
    """The policy's filters, compiled: the first whose conditions all hold decides.

    A message is held only against the filters of which one word stands in it, and those that ask for no word: ten
    thousand filters of a word each cost as much as one of ten thousand words.
    """

    def __init__(self, filters: Sequence[Filter]) -> None:
        self._filters = [_compiled(one) for one in filters]
        self._by_word: dict[str, list[int]] = {}
        self._wordless: list[int] = []
        for number, one in enumerate(self._filters):
            # Of words that have to stand there all, the longest is the rarest.
            words = one.any or sorted(one.all, key=lambda word: (len(word), word))[-1:]
            for word in words:
                self._by_word.setdefault(word, []).append(number)
            if not words:
                self._wordless.append(number)
        self._words = sorted({word for one in self._filters for word in one.any | one.all | one.none})
        self._automaton = ahocorasick_rs.AhoCorasick(self._words) if self._words else None

    def match(self, text: str, event: str, account: str) -> Matched:
        """The first filter that a message meets.

        Args:
            event: what happened, in the policy's words.
            account: to which account, `x:42`.
        """
        found = self._found(text)
        sounds: float | None = None
        for number in self._candidates(found):
            one = self._filters[number]
            if not one.hold(found, event, account):
                continue
            if one.filter.sentiment is not None:
                if sounds is None:
                    sounds = sentiment(text)
                if not one.sounds(sounds):
                    continue
            return Matched(one.filter, sounds)
        return Matched(None, sounds)

    def _candidates(self, found: set[str]) -> Iterator[int]:
        """The filters that may be met, in their order; one with several of the words comes several times."""
        lists = [self._by_word[word] for word in found if word in self._by_word]
        return heapq.merge(self._wordless, *lists) if lists else iter(self._wordless)

    def _found(self, text: str) -> set[str]:
        """The words that stand in `text` as whole words."""
        if self._automaton is None:
            return set()
        folded = fold(text)
        matches = self._automaton.find_matches_as_indexes(folded, overlapping=True)
        if not matches:
            return set()
        inside = _inside(folded)
        return {self._words[index] for index, start, end in matches if not inside[start] and not inside[end]}


def _compiled(one: Filter) -> _Conditions:
    any_of, all_of, none_of = (frozenset(map(fold, group)) for group in (one.any, one.all, one.none))
    return _Conditions(one, any_of, all_of, none_of, frozenset(one.events), frozenset(one.accounts))


def _inside(text: str) -> list[bool]:
    """For each place of `text` whether it is within a word, where none may begin or end: between two letters or
    digits."""
    joins = list(map(_joins, text))
    return [False, *map(operator.and_, joins, joins[1:]), False]


@lru_cache(maxsize=10_000)
def _joins(character: str) -> bool:
    if _UNSPACED.match(character):
        return False
    return character.isalnum() or character == "_" or unicodedata.category(character).startswith("M")
