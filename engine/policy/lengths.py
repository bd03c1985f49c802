"""Whether an automatic text fits, wherever it may be sent and whatever its reader is called."""

from collections.abc import Iterable, Iterator
from typing import Final

from engine.policy.document import Channel, Visibility
from engine.policy.reach import Reached
from engine.policy.rules import HANDLE, LONGEST_HANDLE, NAME, NAME_LIMIT
from engine.text import COMMENT_LIMIT, MESSENGER_LIMIT, X_LIMIT, X_MESSAGE_LIMIT, units, weighted_length

_LONGEST_NAME_ON_X: Final = "名" * 50
"""A name there has at most 50 characters, of which each may count twice."""
_LONGEST_NAME: Final = "\U00020000" * NAME_LIMIT
"""Each two units of UTF-16."""


def too_long(text: str, visibility: Visibility, answered: Iterable[Reached]) -> Iterator[str]:
    """What to say of a text that doesn't fit, for each place where it doesn't."""
    places: set[tuple[Channel, bool]] = {
        (each.account.channel, each.private or visibility == "private") for each in answered
    }
    for channel, private in sorted(places):
        length, limit, where = _measured(text, channel, private)
        if length > limit:
            yield f"{length} characters {where}, with the longest handle and name; {limit} fit"


def _measured(text: str, channel: Channel, private: bool) -> tuple[int, int, str]:
    """The length of a text with the longest handle and name, how much fits, and where."""
    if channel == "x":
        whole = text.replace(HANDLE, LONGEST_HANDLE).replace(NAME, _LONGEST_NAME_ON_X)
        if private:
            return len(whole), X_MESSAGE_LIMIT, "in a direct message on X"
        return weighted_length(whole), X_LIMIT, "as X counts"
    whole = text.replace(HANDLE, "").replace(NAME, _LONGEST_NAME)
    if private:  # an answer to a comment in private is a message of Messenger too
        return units(whole), MESSENGER_LIMIT, "in Messenger"
    return units(whole), COMMENT_LIMIT, "in a comment on Facebook"
