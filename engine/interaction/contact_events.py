"""What can happen to a contact and its handles, apart from any one interaction. Ids only, never names."""

from typing import Annotated

from engine.record import Event, Millis


class ContactCreated(Event, kw_only=True):
    """Nobody was known under this handle, so a contact was made from the available data."""

    handle_id: Annotated[str, "the home of the handle"]
    channel: Annotated[str, "the channel of the handle"]
    profile_id: Annotated[str, "where name and screen name lie in interaction.profiles"]
    how: Annotated[str, "message (the person wrote) or imported"] = "message"


class ProfileRecorded(Event, kw_only=True):
    """Where one of the contact's handles is reached, or under which name, became known or changed."""

    handle_id: Annotated[str, "the home of the handle"]
    channel: Annotated[str, "the channel of the handle"]
    profile_id: Annotated[str, "where name, screen name and platform id lie in interaction.profiles"]


class HandleLinked(Event, kw_only=True):
    """Another handle belongs to this contact: what it sends from now on comes here."""

    handle_id: Annotated[str, "the home of the handle; a contact that was there is merged into this one"]
    version: Annotated[int, "counts this contact's links"]
    how: Annotated[str, "private_reply (the platform said who got it), ref (an invitation was followed) or agent"]
    invitation: Annotated[bytes | None, "ref: SHA-256 of the invitation's reference, which is used now"] = None


class HandleUnlinked(Event, kw_only=True):
    """A handle belongs to this contact no more; what it has sent so far stays here."""

    handle_id: Annotated[str, "the home of the handle"]
    version: Annotated[int, "the link that ended"]
    why: Annotated[str, "asked, or circle (the two would have been linked to each other)"]


class HomeLinked(Event, kw_only=True):
    """On a handle's own key: from now on its messages go to the contact of another key, open matters apart."""

    to: Annotated[str, "the contact's key"]
    version: Annotated[int, "the link, by the contact's count"]
    how: Annotated[str, "private_reply, ref or agent"]
    instead_of: Annotated[str | None, "the contact's key that they went to before"] = None
    instead_version: Annotated[int, "and the link that so ends"] = 0


class HomeUnlinked(Event, kw_only=True):
    """On a handle's own key: its messages stay here again."""

    to: Annotated[str, "the contact's key that they went to"]
    version: Annotated[int, "the link that ended"]
    why: Annotated[str, "asked or circle"]


class Forwarded(Event, kw_only=True):
    """On a handle's or an item's own key: what arrived went on to another key."""

    command: Annotated[str, "what it was: ReceiveMessage, RecordOwnPost …"]
    item_id: Annotated[str | None, "the platform's id of the message that it concerns"] = None
    to: Annotated[str, "the key that it went to"]
    edited_at: Annotated[Millis | None, "EditMessage: the platform's time of the change"] = None
    then: Annotated[
        list[str], "RecordOwnPost: the keys that it goes on to from there, in order, where it is no echo"
    ] = []


class ItemNoted(Event, kw_only=True):
    """On an item's own key: whose message it is."""

    item_id: Annotated[str, "the platform's id of the message"]
    home: Annotated[str, "the key that holds it"]


class InvitationRefused(Event, kw_only=True):
    """Somebody followed an invitation that does not hold; the handle stays apart."""

    handle_id: Annotated[str, "the home of the handle"]
    why: Annotated[str, "unknown, expired or used (by another handle)"]


class LanguageSet(Event, kw_only=True):
    """An agent said in which language the contact is addressed."""

    language: Annotated[str | None, "as in a notice: en; null: the platform's again"]


class ContactBlocked(Event, kw_only=True):
    """What this contact writes from now on is kept and goes to nobody."""


class ContactUnblocked(Event, kw_only=True):
    """This contact is served again."""


class OptedOut(Event, kw_only=True):
    """The contact asked for no more automatic answers; from now on there are none."""

    item_id: Annotated[str, "the message that said so"]


class ContactErased(Event, kw_only=True):
    """The person was forgotten: all words and names on this key are gone. What happened stays, without them."""

    why: Annotated[str, "request (the person's own), platform (its user was deleted there) or retention"]
    contents: Annotated[int, "how many texts and names were removed"]
    handles: Annotated[list[str], "the handles on other keys that are told"] = []
    of: Annotated[str | None, "the contact's key, where this is a handle's"] = None


class WordsErased(Event, kw_only=True):
    """One text was forgotten."""

    content_id: Annotated[str, "where it lay in interaction.content"]


CONTACT_EVENTS: tuple[type[Event], ...] = tuple(
    value for value in globals().values() if isinstance(value, type) and issubclass(value, Event) and value is not Event
)
