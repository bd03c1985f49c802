"""How long a text is in the eyes of a platform."""

import importlib
import re
import unicodedata
from functools import cache
from typing import Any, Final

X_LIMIT: Final = 280
"""The greatest weighted length of a post on X (twitter-text config v3, maxWeightedTweetLength)."""

_URL_LENGTH: Final = 23
"""What any URL weighs: X replaces it by a t.co one (twitter-text config v3, transformedURLLength)."""

# The ranges that weigh 1 in twitter-text config v3, without © and ®, which the library takes for emojis.
_LIGHT: Final = re.compile("[\u0000-\u00a8\u00aa-\u00ad\u00af-\u10ff\u2000-\u200d\u2010-\u201f\u2032-\u2037]*")
_LINE_END: Final = re.compile("\r\n|\r")
_ESCAPINGS: Final = 3
_LINK: Final = re.compile(r"https?://\S+")
_LEADING_MENTIONS: Final = re.compile(r"^(?:\s*@\w+)+")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
# Every URL has a dot that a part of a domain follows; a dot at the end of a sentence is none of those.
_MAY_HOLD_URL: Final = re.compile(r"\.[^\s.,!?]")


@cache
def _twitter_text() -> Any:
    """X's own rules. Their patterns take long to compile, and most programs and texts can do without: so they are
    loaded for the first text that can't."""
    return importlib.import_module("twitter_text")


def weighted_length(text: str) -> int:
    """The length of `text` as X counts it, to be compared with X_LIMIT.

    The rule is twitter-text's, config v3 (developer.x.com, "Counting characters"): after NFC, a code point weighs
    1 in the ranges of Latin to Georgian and of common punctuation, else 2; an emoji sequence 2; a URL 23. Equal to
    `twitter_text.parse_tweet(text).weightedLength` for every text; but that one spends most of a millisecond
    searching for emojis, so text which can't hold one is summed here in some microseconds. A lone surrogate
    (broken text, on which the library fails) weighs 2.

    >>> weighted_length("Moin"), weighted_length("日本語"), weighted_length("see example.com")
    (4, 6, 27)
    """
    normal = _LINE_END.sub("\n", unicodedata.normalize("NFC", text))
    if _LIGHT.fullmatch(normal) is None:
        return int(_twitter_text().parse_tweet(_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)).weightedLength)
    if _MAY_HOLD_URL.search(normal) is None:
        return len(normal)
    return _length_with_urls(normal)


def _length_with_urls(text: str) -> int:
    """The weight of a text of light characters and URLs."""
    urls = {found["indices"][0]: len(found["url"]) for found in _twitter_text().extract_urls_with_indices(text)}
    weight = cursor = 0
    for start in sorted(urls):
        if start >= cursor:
            weight += start - cursor + _URL_LENGTH
            cursor = start + urls[start]
    return weight + max(0, len(text) - cursor)


def _unescaped(text: str) -> str:
    """Without entities, however often they were escaped: who writes `&amp;` is given back `&amp;amp;`."""
    for _ in range(_ESCAPINGS):
        text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return text


def comparable(text: str) -> str:
    """`text` without what platforms change in it when they take it, so that an echo is known again.

    X escapes &, < and >, shortens URLs to t.co and puts the conversation's mentions first; all fold white space.

    >>> comparable("@kim see https://example.com/a  &amp; more") == comparable("see https://t.co/x & more")
    True
    """
    plain = unicodedata.normalize("NFC", _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", _unescaped(text)))
    words = _LEADING_MENTIONS.sub("", " ".join(map(_without_links, plain.split()))).split()
    return " ".join(words)


def _without_links(word: str) -> str:
    """A word that holds a URL is the URL alone: where in `example.com.` it ends depends on what it was made into."""
    is_link = _LINK.search(word) is not None or (
        _MAY_HOLD_URL.search(word) is not None and bool(_twitter_text().extract_urls_with_indices(word))
    )
    return "\N{LINK SYMBOL}" if is_link else word


MESSENGER_LIMIT: Final = 1_999
"""Messenger takes fewer than 2,000 characters (Send API reference); counted in UTF-16 units, to be safe."""
X_MESSAGE_LIMIT: Final = 10_000
"""Characters of a direct message on X (API reference, POST /2/dm_conversations)."""
COMMENT_LIMIT: Final = 8_000
"""Characters of a comment on a Facebook page."""

_BREAKS: Final = ("\n\n", "\n", ". ", "! ", "? ", "。", " ")


def units(text: str) -> int:
    """The length in UTF-16 units: an emoji outside of the first plane counts as two."""
    return len(text) + sum(character > "\uffff" for character in text)


def split(text: str, limit: int) -> list[str]:
    """`text` in parts of at most `limit` UTF-16 units each, broken where a reader would: between paragraphs, lines,
    sentences or words; within a word only where it is longer than a part. White space at a break is dropped.

    >>> split("One. Two three", 9)
    ['One. Two', 'three']
    """
    parts: list[str] = []
    rest = text.strip()
    while units(rest) > limit:
        end = _break(rest, _fitting(rest, limit))
        parts.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    return [*parts, rest] if rest else parts


def _fitting(text: str, limit: int) -> int:
    """How many characters of `text` fit into `limit` units."""
    taken = 0
    for index, character in enumerate(text):
        taken += 2 if character > "\uffff" else 1
        if taken > limit:
            return index
    return len(text)


def _break(text: str, most: int) -> int:
    """Where to end a part of at most `most` characters."""
    if text[most : most + 1].isspace():
        return most
    for mark in _BREAKS:
        found = text.rfind(mark, most // 2, most)
        if found > 0:
            return found + len(mark)
    end = most
    while end > most // 2 and _continues(text[end]):
        end -= 1
    return end


def _continues(character: str) -> bool:
    """Whether a character belongs to the one before: a combining mark, a joiner, a variation or skin tone."""
    return (
        unicodedata.category(character).startswith("M")
        or character in "\u200d\ufe0e\ufe0f"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
    )
