"""What X's answer to a POST means. Pure: status, headers and body in, an outcome out.

X has three forms of error: problem JSON `{title, detail, type}`, `{code, message}`, and `{"errors": [...]}` of either;
a 2xx may carry `errors` too. Only its own words for a kind of error are looked at, and none of them is passed on:
they may quote the post.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Final

from channels.outcomes import Duplicate, Outcome, Posted, Refused, Retry, Unknown
from channels.x.items import ID

# v1.1 error numbers, which X still sends (developer.x.com, "Response codes & errors").
_DUPLICATE_CODES: Final = frozenset({187})
_TOO_LONG_CODES: Final = frozenset({186})
_GONE_CODES: Final = frozenset({144, 385})
_LIMIT_CODES: Final = frozenset({88, 185})
_LOCKED_CODES: Final = frozenset({64, 326})

LONGEST_WAIT: Final = 24 * 3_600_000
"""The longest pause that is believed, in milliseconds: X's longest window is a day."""


def outcome_of(status: int, headers: Mapping[str, str], body: bytes, now: int) -> Outcome:
    """What the answer to POST /2/tweets means. `headers` by lower-case name, `now` in milliseconds."""
    decoded = decode(body)
    if 200 <= status < 300:
        return _taken(decoded)
    if status == 429 or _codes(decoded) & _LIMIT_CODES:
        return Retry("rate_limited", "X takes no more posts of this account for now.", retry_after(headers, now))
    if status >= 500 or status in (408, 425):
        return Retry("unavailable", f"X is not able to answer (HTTP {status}).", retry_after(headers, now))
    if status in (400, 403, 404, 409, 422):
        return _rejected(status, decoded)
    if status == 401:
        return Refused(
            "not_authorised", "X does not know the account's credentials: renew its access token and secret."
        )
    if 300 <= status < 400:
        return Refused("moved", f"X's address answers with a redirect (HTTP {status}): correct the API's base URL.")
    return Refused("refused", f"X refused the post (HTTP {status}).")


def retry_after(headers: Mapping[str, str], now: int) -> int | None:
    """How long X asks to wait, in milliseconds: `retry-after` (seconds) or `x-rate-limit-reset` (epoch seconds)."""
    wait = _number(headers.get("retry-after"))
    reset = _number(headers.get("x-rate-limit-reset"))
    if wait is not None:
        return min(wait * 1000, LONGEST_WAIT)
    if reset is not None:
        return min(max(reset * 1000 - now, 1000), LONGEST_WAIT)
    return None


def decode(body: bytes) -> object:
    """The JSON of an answer, or None: proxies answer with HTML."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def posted_id(decoded: object) -> str | None:
    """`data.id`, if it is one."""
    data = decoded.get("data") if isinstance(decoded, dict) else None
    found = data.get("id") if isinstance(data, dict) else None
    return found if isinstance(found, str) and ID.fullmatch(found) else None


def _taken(decoded: object) -> Outcome:
    item_id = posted_id(decoded)
    if item_id is not None:
        return Posted(item_id)
    if any(True for _ in _errors(decoded)):
        return _rejected(200, decoded)
    return Unknown("unreadable_answer", "X said that it took the post, but not under which id.")


def _rejected(status: int, decoded: object) -> Outcome:
    words, codes = _words(decoded), _codes(decoded)
    if "duplicate content" in words or codes & _DUPLICATE_CODES:
        return Duplicate()
    if ("too long" in words) or codes & _TOO_LONG_CODES:
        return Refused("too_long", "The text is longer than X allows: shorten it to a weighted length of 280.")
    if "reply to this conversation is not allowed" in words:
        return Refused("reply_not_allowed", "X allows an answer only where the author mentioned or quoted the account.")
    if ("reply" in words and ("deleted" in words or "not visible" in words)) or codes & _GONE_CODES:
        return Refused("message_gone", "The post that is answered was deleted, or the account may not see it.")
    if codes & _LOCKED_CODES or "suspended" in words or "locked" in words:
        return Refused("account_locked", "X has locked or suspended the account: unlock it on X.")
    if status == 403:
        return Refused("not_permitted", "X does not permit this account or app to post: check the app's permissions.")
    if status == 404:
        return Refused("not_found", "X knows no such address: check the API's base URL.")
    return Refused("invalid_request", f"X did not accept the post (HTTP {status}).")


def _errors(decoded: object) -> Iterator[dict[str, object]]:
    """The error objects of an answer, in whichever form."""
    if not isinstance(decoded, dict):
        return
    if any(name in decoded for name in ("title", "detail", "code", "message")):
        yield decoded
    listed = decoded.get("errors")
    if isinstance(listed, list):
        yield from (error for error in listed if isinstance(error, dict))


def _words(decoded: object) -> str:
    texts = (error.get(name) for error in _errors(decoded) for name in ("title", "detail", "message"))
    return " ".join(text.lower() for text in texts if isinstance(text, str))


def _codes(decoded: object) -> set[object]:
    return {error["code"] for error in _errors(decoded) if isinstance(error.get("code"), int)}


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) <= 12 else None
