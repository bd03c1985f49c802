"""What customers say in traffic: the words of the simulator's control API, and what of them can be played."""

import re
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from channels.meta.items import FEED_ITEM, MESSAGE, PERSON
from channels.simulator.saying import Said
from channels.x.items import ID

VISIBILITY: Final[dict[str, dict[str, str]]] = {
    "x": {"mention": "public", "reply": "public", "quote": "public", "direct_message": "private"},
    "facebook": {"post": "public", "comment": "public"},
    "messenger": {"message": "private", "postback": "private"},
}
"""What becomes a message of an interaction, by channel, and who can see it."""
_FORMS: Final[dict[str, tuple[re.Pattern[str], re.Pattern[str], str]]] = {
    "x": (ID, ID, "a number of up to 20 digits"),
    "facebook": (PERSON, FEED_ITEM, "letters, digits and underscores"),
    "messenger": (PERSON, MESSAGE, "ASCII signs without blanks"),
}
"""The ids of people and accounts, those of items, and how the latter look in words."""


class Unplayable(ValueError):
    """It can't be played; the message names the field, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Understood:
    """Something said, with what a line of traffic has to have."""

    item_id: str
    person: str
    body: Said


def understand(said: dict[str, Any], channel: str, at: int, *, commenter: bool) -> Understood:
    """Reads what a line says. Channel and time are those of the line.

    Raises:
        Unplayable: it lacks something, or nothing of the kind is ever part of an interaction.
    """
    for name in ("channel", "at"):
        if name in said:
            raise Unplayable(f"`said.{name}` is that of the line: leave it out of `said`")
    try:
        body = msgspec.convert({**said, "channel": channel, "at": at}, Said)
    except msgspec.ValidationError as error:
        raise Unplayable(f"`said`: {error}") from error
    kinds = VISIBILITY[channel]
    if body.kind not in kinds:
        raise Unplayable(f"`said.kind` is {body.kind!r}; of {channel} there can be {', '.join(kinds)}")
    if body.item_id is None:
        raise Unplayable("`said.item_id` is missing: give the id that it is to have on the platform")
    if body.speaker is None:
        raise Unplayable('`said.from` is missing: give the id of who says it, as {"id": "42"}')
    if commenter and channel != "messenger":
        raise Unplayable("`commenter` is for lines of messenger only: leave it out")
    _check_ids(body, body.item_id, body.speaker.id, channel)
    if body.kind in ("reply", "quote") and body.in_reply_to is None:
        raise Unplayable(f"`said.in_reply_to` is missing: a {body.kind} needs the id of a post")
    return Understood(body.item_id, body.speaker.id, body)


def _check_ids(body: Said, item_id: str, person: str, channel: str) -> None:
    people, items, form = _FORMS[channel]
    for name, value in (("account", body.account), ("from.id", person)):
        if people.fullmatch(value) is None:
            raise Unplayable(f"`said.{name}` is {value!r}, but has to be a number of up to 20 digits")
    if items.fullmatch(item_id) is None:
        raise Unplayable(f"`said.item_id` is {item_id!r}, but has to be of the form of {channel}: {form}")
