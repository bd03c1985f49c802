"""How a text sounds: VADER's word list and rules. English only: of other languages it knows next to nothing."""

import re
from functools import cache
from itertools import islice
from typing import Final

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

LONGEST: Final = 1_000
"""Characters that are looked at. VADER's cost grows with the square of the words that it knows: a text of 10,000
takes 0.3 seconds, one of 1,000 some milliseconds."""
EMOJIS: Final = 20
"""Emojis that are looked at. VADER reads each as its name, up to nine words: 2,000 of them take five seconds."""

_HANDLE: Final = re.compile(r"@\w+")
_APOSTROPHE: Final = str.maketrans("’", "'")


def sentiment(text: str) -> float:
    """From -1 (bad) to 1 (good), to four places: the same for the same text, always and everywhere.

    Handles count for nothing: to write to @Support is not to say that something is supported.
    """
    plain = _HANDLE.sub(" ", text[:LONGEST]).translate(_APOSTROPHE)  # with ’ VADER doesn't see the n't
    analyzer = _analyzer()
    beyond = next(islice((at for at, each in enumerate(plain) if each in analyzer.emojis), EMOJIS, None), None)
    return float(analyzer.polarity_scores(plain[:beyond])["compound"])


@cache
def _analyzer() -> SentimentIntensityAnalyzer:
    """With its list of words, read once and only by whom a policy asks for it."""
    return SentimentIntensityAnalyzer()
