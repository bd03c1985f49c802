"""What the simulated X remembers of posts and messages, and the words of its refusals."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

DUPLICATE_WINDOW: Final = 12 * 3_600_000
"""Within this time (milliseconds) an account can't post the same text again. X does not publish its own."""


class Author(msgspec.Struct, frozen=True):
    """A customer's post that the simulator was told of: whose it is, and what else its rules ask for."""

    user_id: str
    screen_name: str
    text: str = ""
    at: int = 0
    in_reply_to: str | None = None
    mentions: tuple[str, ...] = ()
    """The ids of those named."""
    quotes: str | None = None
    """The account whose post is quoted."""


class Recorded(msgspec.Struct, frozen=True):
    """An answer of recorded traffic: when it is posted it gets this id and time."""

    account: str
    in_reply_to: str
    text: str
    tweet_id: str
    at: int


class Post(msgspec.Struct, frozen=True):
    """A post that was made through the API. The text as it was sent."""

    tweet_id: str
    account: str
    text: str
    in_reply_to: str | None
    created_at: int


class Message(msgspec.Struct, frozen=True):
    """A direct message, of either side. The text as it was sent."""

    message_id: str
    sender: str
    recipient: str
    text: str
    at: int
    own: bool
    """It was sent through the API."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call is not done: X's status, title and detail."""

    status: int
    title: str
    detail: str
    more: Mapping[str, object] = field(default_factory=dict)
    """Further fields of the answer."""


DUPLICATE: Final = Refusal(403, "Forbidden", "You are not allowed to create a Tweet with duplicate content.")
TOO_LONG: Final = Refusal(400, "Invalid Request", "Your Tweet text is too long. Shorten it and try again.")
GONE: Final = Refusal(403, "Forbidden", "You attempted to reply to a Tweet that is deleted or not visible to you.")
NOT_SUMMONED: Final = Refusal(
    403,
    "Forbidden",
    "Reply to this conversation is not allowed because you have not been mentioned or otherwise engaged by the author "
    "of the post you are replying to.",
)
NOT_ENROLLED: Final = Refusal(
    403,
    "Client Forbidden",
    "When authenticating requests to the X API v2 endpoints, you must use keys and tokens from a developer App that "
    "is attached to a Project with the appropriate level of access.",
    {"reason": "client-not-enrolled", "required_enrollment": "Appropriate Level of API Access"},
)
MESSAGE_TOO_LONG: Final = Refusal(400, "Invalid Request", "The text of the message is too long.")
MESSAGE_EMPTY: Final = Refusal(400, "Invalid Request", "The message has neither text nor attachments.")
RECIPIENT_CLOSED: Final = Refusal(403, "Forbidden", "You do not have permission to DM one or more participants.")
NO_TWEET: Final = Refusal(404, "Not Found Error", "Could not find tweet with that id.")
NO_MESSAGE: Final = Refusal(404, "Not Found Error", "Could not find a message of yours with that id.")
ALREADY_RETWEETED: Final = Refusal(403, "Forbidden", "You have already retweeted this Tweet.", {"code": 327})
NOT_HIDEABLE: Final = Refusal(403, "Forbidden", "You may only hide replies in conversations that you started.")
NO_OTHER_USER: Final = Refusal(403, "Forbidden", "The id in the path must be that of the authenticating user.")
UNAUTHORIZED: Final = Refusal(401, "Unauthorized", "Unauthorized")
INVALID: Final = Refusal(400, "Invalid Request", "One or more parameters to your request was invalid.")
TOO_MANY: Final = Refusal(429, "Too Many Requests", "Too Many Requests")
SERVER_ERROR: Final = Refusal(500, "Internal Server Error", "Something is broken.")
UNAVAILABLE: Final = Refusal(503, "Service Unavailable", "Service Unavailable")
WRONG_TOKEN: Final = Refusal(
    403,
    "Unsupported Authentication",
    "Authenticating with this kind of token is forbidden for this endpoint.",
    {"type": "https://api.twitter.com/2/problems/unsupported-authentication"},
)

ERRORS: Final[dict[str, Refusal]] = {
    "400": INVALID,
    "401": UNAUTHORIZED,
    "403": Refusal(403, "Forbidden", "You are not permitted to perform this action."),
    "404": NO_TWEET,
    "suspended": Refusal(403, "Forbidden", "Your account is suspended and is not permitted to access this feature."),
    "not_enrolled": NOT_ENROLLED,
    "not_summoned": NOT_SUMMONED,
    "gone": GONE,
    "duplicate": DUPLICATE,
    "too_long": TOO_LONG,
    "recipient_closed": RECIPIENT_CLOSED,
}
"""X's permanent errors, by the names under which the control API provokes them."""
