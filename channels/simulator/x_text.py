"""What X makes of a text that it takes: mentions of the conversation before it, t.co links, escaped signs. Pure."""

import hashlib
import html
import re
from typing import Final

from twitter_text import extract_urls_with_indices

_SHORT: Final = re.compile(r"(?:https?://)?t\.co/", re.IGNORECASE)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_MENTION: Final = re.compile(r"(?<!\w)@(\w{1,50})", re.ASCII)


def as_posted(text: str, answered: str | None) -> str:
    """The text of a post as X gives it back. `answered` is the screen name of the author who is answered.

    >>> as_posted("Tom & you: https://example.com/a", "kim")
    '@kim Tom &amp; you: https://t.co/Wlx1Xh5RIc'
    """
    is_named = answered is None or re.match(rf"@{re.escape(answered)}\b", text, re.IGNORECASE) is not None
    return shortened(text) if is_named else f"@{answered} {shortened(text)}"


def shortened(text: str) -> str:
    """`text` with its URLs as t.co links, and all else escaped."""
    whole, end = "", 0
    for url in extract_urls_with_indices(_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)):
        start, after = url["indices"]
        if start >= end and _SHORT.match(url["url"]) is None:
            whole += escaped(text[end:start]) + _link(url["url"])
            end = after
    return whole + escaped(text[end:])


def escaped(text: str) -> str:
    """&, < and > as X writes them."""
    return html.escape(text, quote=False)


def mentions(text: str) -> list[tuple[str, int, int]]:
    """The names behind an @, and where they stand."""
    return [(found[1], found.start(), found.end()) for found in _MENTION.finditer(text)]


def _link(url: str) -> str:
    letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    digest = hashlib.sha256(url.encode("utf-8", "surrogatepass")).digest()
    return "https://t.co/" + "".join(letters[byte % len(letters)] for byte in digest[:10])
