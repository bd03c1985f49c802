"""What X's answer to a call means. Pure: action, status, headers and body in, an outcome out.

X has three forms of error: problem JSON `{title, detail, type}`, `{code, message}`, and `{"errors": [...]}` of either;
a 2xx may carry `errors` too. Only its own words for a kind of error are looked at, and none of them is passed on:
they may quote the post.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from channels.calls import LONGEST_WAIT, seconds
from channels.outcomes import RATE_LIMITED, Duplicate, Outcome, Posted, Refused, Retry, Unknown
from channels.x.items import ID

_LIMIT_CODES: Final = frozenset({88, 185})

_EVERY: Final = frozenset({"reply", "message", "retweet", "like", "hide", "unhide", "delete"})
_ON_POSTS: Final = frozenset({"reply", "retweet", "like", "hide", "unhide"})
"""The actions that need the customer's post."""

_NOT_PERMITTED: Final = Refused(
    "not_permitted", "X does not permit this account or app to post: check the app's permissions."
)
_NO_LIKES: Final = Refused(
    "not_in_tier",
    "X offers likes only in its enterprise tier, to apps with like.write: without them, like the post on X itself.",
)
_NO_HIDING: Final = Refused("not_permitted", "X lets an account hide only the answers to posts of its own.")
_FORBIDDEN: Final[Mapping[str, Outcome]] = {
    "like": _NO_LIKES,
    "hide": _NO_HIDING,
    "unhide": _NO_HIDING,
    "message": Refused(
        "not_permitted", "X does not permit this app to send direct messages: check its permissions (dm.write)."
    ),
}
"""What an error without a known word means where X forbids a call."""

_TIER_PHRASES: Final = ("client-not-enrolled", "different access level", "appropriate level of api access")


@dataclass(frozen=True, slots=True)
class _Rule:
    """One kind of error: it is known by a v1.1 number (developer.x.com, "Response codes & errors"), which X still
    sends, or by one of its phrases."""

    outcome: Outcome
    actions: frozenset[str] = _EVERY
    codes: frozenset[int] = frozenset()
    phrases: tuple[str, ...] = ()


_RULES: Final = (
    # What is wanted is so already. X refuses a second like and retweet, and does not find what was deleted.
    _Rule(Posted(None), frozenset({"retweet"}), frozenset({327}), ("already retweeted",)),
    _Rule(Posted(None), frozenset({"like"}), frozenset({139}), ("already favorited", "already liked")),
    _Rule(
        Posted(None),
        frozenset({"delete"}),
        frozenset({144}),
        ("could not find", "no status found", "resource-not-found"),
    ),
    _Rule(Duplicate(), frozenset({"reply"}), frozenset({187}), ("duplicate content",)),
    _Rule(_NO_LIKES, frozenset({"like"}), frozenset({453}), _TIER_PHRASES),
    _Rule(
        Refused("not_in_tier", "The app's tier on X does not offer this: choose another tier in X's developer portal."),
        codes=frozenset({453}),
        phrases=_TIER_PHRASES,
    ),
    _Rule(
        Refused("too_long", "The text is longer than X allows: shorten it to a weighted length of 280."),
        frozenset({"reply"}),
        frozenset({186}),
        ("too long",),
    ),
    _Rule(
        Refused("too_long", "The text is longer than X allows: shorten it to 10,000 characters."),
        frozenset({"message"}),
        frozenset({354}),
        ("too long", "over the max character limit"),
    ),
    _Rule(
        Refused("reply_not_allowed", "X allows an answer only where the author mentioned or quoted the account."),
        frozenset({"reply"}),
        phrases=("reply to this conversation is not allowed",),
    ),
    _Rule(
        Refused(
            "recipient_closed",
            "The person takes no direct messages from the account: answer in public, or ask them to write first.",
        ),
        frozenset({"message"}),
        frozenset({150, 349, 476}),
        (
            "cannot send messages to",
            "not following you",
            "permission to dm",
            "not verified to send message requests",
            "blocked",
        ),
    ),
    _Rule(
        Refused("recipient_gone", "The person is no longer on X."),
        frozenset({"message"}),
        frozenset({50, 63, 108}),
        ("could not find", "cannot find", "user has been suspended", "resource-not-found"),
    ),
    _Rule(
        Refused("author_blocks", "The author of the post has blocked the account."),
        _ON_POSTS,
        frozenset({136}),
        ("blocked from",),
    ),
    _Rule(
        Refused("message_gone", "The post was deleted, or the account may not see it."),
        _ON_POSTS,
        frozenset({144, 179, 385}),
        ("is deleted", "not visible", "could not find", "no status found", "resource-not-found"),
    ),
    _Rule(
        Refused("account_locked", "X has locked or suspended the account: unlock it on X."),
        codes=frozenset({64, 326}),
        phrases=("your account is suspended", "temporarily locked"),
    ),
)
"""The first that fits an error decides."""


def outcome_of(action: str, status: int, headers: Mapping[str, str], body: bytes, now: int) -> Outcome:
    """What the answer to the call of `action` means. `headers` by lower-case name, `now` in milliseconds."""
    decoded = decode(body)
    if 200 <= status < 300:
        return _taken(action, decoded)
    if status == 429 or _codes(decoded) & _LIMIT_CODES:
        detail = "X takes no more calls of this kind from the account for now."
        return Retry(RATE_LIMITED, detail, retry_after(headers, now))
    if status >= 500 or status in (408, 425):
        return _unable(action, status, headers)
    if status in (400, 403, 404, 409, 422):
        return _rejected(action, status, decoded)
    if status == 401:
        return Refused(
            "not_authorised", "X does not know the account's credentials: renew its access token and secret."
        )
    if status == 402:
        return Refused("no_credits", "The app has no credits on X any more: buy some in X's developer portal.")
    if 300 <= status < 400:
        return Refused("moved", f"X's address answers with a redirect (HTTP {status}): correct the API's base URL.")
    return Refused("refused", f"X refused it (HTTP {status}).")


def retry_after(headers: Mapping[str, str], now: int) -> int | None:
    """How long X asks to wait, in milliseconds: `retry-after` (seconds), or until the limit that is used up begins
    anew (epoch seconds): that of the day, where it is that one, else that of the quarter of an hour."""
    wait = seconds(headers.get("retry-after"))
    if wait is not None:
        return wait
    daily = [kind for kind in ("user", "app") if headers.get(f"x-{kind}-limit-24hour-remaining") == "0"]
    names = [f"x-{kind}-limit-24hour-reset" for kind in daily] + ["x-rate-limit-reset"]
    reset = next((reset for name in names if (reset := _epoch(headers.get(name))) is not None), None)
    return None if reset is None else min(max(reset - now, 1000), LONGEST_WAIT)


def decode(body: bytes) -> object:
    """The JSON of an answer, or None: proxies answer with HTML."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _taken(action: str, decoded: object) -> Outcome:
    data = decoded.get("data") if isinstance(decoded, dict) else None
    done = _DONE[action](data) if isinstance(data, dict) and action in _DONE else None
    if done is not None:
        return done
    if any(True for _ in _errors(decoded)):
        return _rejected(action, 200, decoded)
    return Unknown("unreadable_answer", "X said that it took the call, but not what it did.")


def _made(name: str) -> Callable[[dict[str, object]], Posted | None]:
    """The reader of an answer that tells the id of what was made."""

    def read(data: dict[str, object]) -> Posted | None:
        found = data.get(name)
        return Posted(found) if isinstance(found, str) and ID.fullmatch(found) else None

    return read


def _says(name: str, wanted: bool = True) -> Callable[[dict[str, object]], Posted | None]:
    """The reader of an answer that tells how things are now."""

    def read(data: dict[str, object]) -> Posted | None:
        return Posted(None) if data.get(name) is wanted else None

    return read


def _retweeted(data: dict[str, object]) -> Posted | None:
    """X tells the id of the retweet sometimes."""
    return (_made("rest_id")(data) or Posted(None)) if data.get("retweeted") is True else None


_DONE: Final[Mapping[str, Callable[[dict[str, object]], Posted | None]]] = {
    "reply": _made("id"),
    "message": _made("dm_event_id"),
    "retweet": _retweeted,
    "like": _says("liked"),
    "hide": _says("hidden"),
    "unhide": _says("hidden", wanted=False),
    "delete": _says("deleted"),
}
"""What `data` of a success has to say, for each action."""


def _unable(action: str, status: int, headers: Mapping[str, str]) -> Outcome:
    """An error of X's own. A message may have been sent before it, unless X says that it did not begin; anything else
    can be asked for again without harm. When a limit begins anew says nothing of it, though every answer tells that."""
    if action == "message" and status not in (425, 503):
        return Unknown("unavailable", f"X failed (HTTP {status}); it may have sent the message.")
    return Retry("unavailable", f"X is not able to answer (HTTP {status}).", seconds(headers.get("retry-after")))


def _rejected(action: str, status: int, decoded: object) -> Outcome:
    words, codes = _words(decoded), _codes(decoded)
    for rule in _RULES:
        if action in rule.actions and (codes & rule.codes or any(phrase in words for phrase in rule.phrases)):
            return rule.outcome
    if status == 403:
        return _FORBIDDEN.get(action, _NOT_PERMITTED)
    if status == 404:
        return Refused("not_found", "X knows no such address: check the API's base URL.")
    return Refused("invalid_request", f"X did not accept the call (HTTP {status}).")


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
    names = ("title", "detail", "message", "reason", "type", "required_enrollment")
    texts = (error.get(name) for error in _errors(decoded) for name in names)
    return " ".join(text.lower() for text in texts if isinstance(text, str))


def _codes(decoded: object) -> set[object]:
    return {error["code"] for error in _errors(decoded) if isinstance(error.get("code"), int)}


def _epoch(text: str | None) -> int | None:
    """A time in seconds since 1970, in milliseconds."""
    return int(text) * 1000 if text is not None and text.isascii() and text.isdigit() and len(text) <= 12 else None
