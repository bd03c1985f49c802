"""What the Graph API's answer to a call means. Pure: what was asked, status, headers and body in, an outcome out.

Meta's errors are `{"error": {message, type, code, error_subcode, is_transient}}`. What to do follows from code and
subcode; the message, which may quote somebody's words, is looked at in two cases only, and never passed on.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from channels.calls import LONGEST_WAIT, seconds
from channels.mapping import Unreadable
from channels.meta.items import FEED_ITEM, MESSAGE, PERSON, optional_id
from channels.meta.payloads import Id, Part
from channels.outcomes import RATE_LIMITED, Duplicate, Outcome, Posted, Refused, Retry, Unknown
from engine.delivery import Deliver

TWICE: Final = frozenset({"reply", "message"})
"""What Meta would do a second time: only a clear no may lead to a second call."""
TOKEN: Final = frozenset({102, 104, 190})
"""The codes of an access token that is not accepted."""

_LIMITS: Final = frozenset({4, 9, 17, 32, 341, 613, *range(80_000, 80_015)})
_UNKNOWN_ERROR: Final = 1
_PASSING: Final = frozenset({2, 1200})
_OUTDATED: Final = frozenset({12, 2635})
_PERMISSION: Final = frozenset({3, 10, *range(200, 300)})
_NO_PRIVATE_ANSWER: Final = frozenset({10_901, 10_902, 10_903})
_SAME_TEXT: Final = 506
_ANSWERED: Final = 10_900
_GONE: Final = (100, 33)

NOT_AUTHORISED: Final = Refused(
    "not_authorised", "Meta does not accept the page's access token: renew it with `rejoinder accounts add`."
)
_BAD_SECRET: Final = Refused("bad_app_secret", "Meta does not accept the proof made with meta.app_secret: correct it.")
_OLD_API: Final = Refused("outdated_api", "Meta serves this version of its API no more: name a newer one in meta.api.")
_FORBIDDEN: Final = Refused(
    "not_permitted",
    "Meta does not permit this: the app needs pages_manage_engagement for comments and pages_messaging for messages, "
    "and the token's owner a role at the page.",
)
_WINDOW: Final = Refused(
    "window_closed",
    "The customer's last message is too old: Messenger takes answers for 24 hours, those of a person for 7 days. Wait "
    "for the customer to write again, or answer elsewhere.",
)
_UNAVAILABLE: Final = Refused(
    "person_unavailable", "The customer takes no messages of the page: blocked it, or can't be reached in Messenger."
)
_BLOCKED: Final = Refused(
    "blocked_by_platform", "Meta keeps the page or the app from this for now, because of its rules: look at the page."
)
_IS_GONE: Final = Refused("message_gone", "The post or comment was deleted, or the page may not see it.")
_NO_ANSWER: Final = Refused(
    "reply_not_allowed",
    "Facebook takes no private answer to this: it is older than 7 days, or its author allows none.",
)
_TOO_LONG: Final = Refused(
    "too_long", "The text is too long: Messenger takes fewer than 2,000 characters, a comment up to 8,000."
)

_SPECIAL: Final[Mapping[tuple[int, int | None], Refused]] = {
    (10, 2018065): _WINDOW,
    (10, 2018278): _WINDOW,
    (100, 2018001): _UNAVAILABLE,
    (200, 1545041): _UNAVAILABLE,
    _GONE: _IS_GONE,
}
"""Where the subcode says more than the code."""

_REFUSED: Final[Mapping[int, Refused]] = {
    **dict.fromkeys(TOKEN, NOT_AUTHORISED),
    **dict.fromkeys(_OUTDATED, _OLD_API),
    **dict.fromkeys(_PERMISSION, _FORBIDDEN),
    **dict.fromkeys(_NO_PRIVATE_ANSWER, _NO_ANSWER),
    368: _BLOCKED,
    551: _UNAVAILABLE,
}


class Done(Part, frozen=True):
    """What Meta tells of what it did: a comment has an id, a message its own two, the rest says that it succeeded."""

    id: Id | None = None
    message_id: str | None = None
    recipient_id: Id | None = None
    success: bool | None = None


@dataclass(frozen=True, slots=True)
class GraphError:
    """What Meta says is wrong."""

    code: int
    subcode: int | None
    is_transient: bool
    words: str


def outcome_of(deliver: Deliver, status: int, headers: Mapping[str, str], body: bytes) -> Outcome:
    """What the answer to the call for `deliver` means. `headers` by lower-case name."""
    decoded = decode(body)
    error = error_of(decoded)
    if error is not None:
        return _failed(deliver, error, status, headers)
    if 200 <= status < 300:
        return _done(deliver, decoded)
    if status == 429:
        return _limited(headers)
    if status in (503, 425) or (status >= 500 and deliver.action not in TWICE):
        return Retry("unavailable", f"Meta is not able to answer (HTTP {status}).", seconds(headers.get("retry-after")))
    if status >= 500 or status == 408:
        return Unknown("unavailable", f"Meta was not able to answer (HTTP {status}); it may have done it.")
    if status == 401:
        return NOT_AUTHORISED
    if status == 404:
        return Refused("not_found", "Meta knows no such address: check meta.api.")
    if 300 <= status < 400:
        return Refused("moved", f"Meta's address answers with a redirect (HTTP {status}): correct meta.api.")
    return Refused("refused", f"Meta refused it (HTTP {status}).")


def decode(body: bytes) -> object:
    """The JSON of an answer, or None: proxies answer with HTML."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def error_of(decoded: object) -> GraphError | None:
    """The error of an answer."""
    error = decoded.get("error") if isinstance(decoded, dict) else None
    code = _number(error.get("code")) if isinstance(error, dict) else None
    if not isinstance(error, dict) or code is None:
        return None
    message = error.get("message")
    return GraphError(
        code=code,
        subcode=_number(error.get("error_subcode")),
        is_transient=error.get("is_transient") is True,
        words=message.lower() if isinstance(message, str) else "",
    )


def regained_after(headers: Mapping[str, str]) -> int | None:
    """How long a throttle lasts, in milliseconds: Retry-After, or the longest of the minutes that
    X-Business-Use-Case-Usage estimates."""
    wait = seconds(headers.get("retry-after"))
    if wait is not None:
        return wait
    usage = decode(headers.get("x-business-use-case-usage", "").encode("utf-8", "replace"))
    minutes = max(_estimates(usage), default=0)
    return min(minutes * 60_000, LONGEST_WAIT) if minutes > 0 else None


def _estimates(usage: object) -> Iterator[int]:
    """The minutes of every use case of every business that a header tells of."""
    for cases in usage.values() if isinstance(usage, dict) else ():
        for case in cases if isinstance(cases, list) else ():
            minutes = _number(case.get("estimated_time_to_regain_access")) if isinstance(case, dict) else None
            if minutes is not None:
                yield minutes


def _failed(deliver: Deliver, error: GraphError, status: int, headers: Mapping[str, str]) -> Outcome:
    if error.code in _LIMITS:
        return _limited(headers)
    if error.code == _ANSWERED and deliver.action == "private_answer":
        return Duplicate()
    if error.code == _SAME_TEXT and deliver.action in TWICE:
        return Duplicate()
    refused = _refused(deliver, error)
    if refused is not None:
        return refused
    unclear = error.code == _UNKNOWN_ERROR or (status >= 500 and error.code not in _PASSING)
    if unclear and deliver.action in TWICE:
        # Seen with messages that were sent all the same (1/1357046): who knows no reason can't deny it either.
        return Unknown("unavailable", f"Meta reports an unclear error ({error.code}); it may have done it.")
    if unclear or error.code in _PASSING or error.is_transient:
        return Retry("unavailable", f"Meta is not able to do it now (error {error.code}).", regained_after(headers))
    return Refused("invalid_request", f"Meta did not accept it (error {error.code}).")


def _refused(deliver: Deliver, error: GraphError) -> Outcome | None:
    """A clear no, if it is one."""
    kind = (error.code, error.subcode)
    if kind == _GONE and deliver.action == "delete" and deliver.attempt > 1:
        return Posted(None)  # an attempt before, of which no answer came, did it
    if error.code == 100 and "appsecret_proof" in error.words:
        return _BAD_SECRET
    if error.code == 100 and "length of param" in error.words:
        return _TOO_LONG
    return _SPECIAL.get(kind) or _REFUSED.get(error.code)


def _done(deliver: Deliver, decoded: object) -> Outcome:
    unreadable = Unknown("unreadable_answer", "Meta said that it took it, but not in words that are known.")
    try:
        done = msgspec.convert({"success": decoded} if isinstance(decoded, bool) else decoded, Done)
        posted, sent = optional_id(done.id, FEED_ITEM, "id"), optional_id(done.message_id, MESSAGE, "message_id")
        reached = optional_id(done.recipient_id, PERSON, "recipient_id")
    except (Unreadable, msgspec.ValidationError):
        return unreadable
    match deliver.action:
        case "reply":
            return Posted(posted) if posted is not None else unreadable
        case "message":
            return Posted(sent) if sent is not None else unreadable
        case "private_answer":
            return Posted(sent, reached) if sent is not None else unreadable
        case _:
            return Posted(None) if done.success else unreadable


def _limited(headers: Mapping[str, str]) -> Retry:
    return Retry(RATE_LIMITED, "Meta takes no more calls of this page for now.", regained_after(headers))


def _number(value: object) -> int | None:
    """A code or a time as a number of at most 12 digits."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 12:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value < 10**12 else None
