"""The tables of the contact history."""

from datetime import datetime
from typing import Annotated, Final

from projections.tables import Row, Table


class Contact(Row):
    """One row for each person."""

    contact_id: Annotated[str, "the contact: the home of the handle for which it was made"]
    created_at: Annotated[datetime, "when it was made"]


class Handle(Row):
    """One row for each identity of a contact on a channel."""

    handle_id: Annotated[str, "the handle: a keyed hash of channel and platform id"]
    contact_id: Annotated[str, "the contact"]
    channel: Annotated[str, "x, facebook or messenger"]
    profile_id: Annotated[str, "where its name and screen name lie in interaction.content"]
    linked_at: Annotated[datetime, "when it became this contact's"]


class Interaction(Row):
    """One row for each interaction, as it stands."""

    interaction_id: Annotated[str, "the interaction"]
    contact_id: Annotated[str | None, "the contact; null for one that a filter ended"]
    handle_id: Annotated[str, "the handle of the author"]
    channel: Annotated[str, "x, facebook or messenger"]
    account: Annotated[str, "the platform's id of the company's account"]
    visibility: Annotated[str, "public or private"]
    state: Annotated[str, "by the lifecycle"]
    state_since: Annotated[datetime, "since when it is in this state"]
    queue: Annotated[str | None, "the queue where it waits or waited last"]
    priority: Annotated[int | None, "its priority there"]
    agent_id: Annotated[str | None, "who has it, or to whom it is offered; after the end who had it last"]
    accepted: Annotated[bool, "whether that agent accepted or took it"]
    closure: Annotated[str | None, "the closure that holds it back"]
    held_until: Annotated[datetime | None, "when the account is looked at again, where a closure holds it back"]
    opened_at: Annotated[datetime, "when its first message was received"]
    last_activity_at: Annotated[datetime, "the platform's time of its latest message or answer"]
    messages_in: Annotated[int, "the customer's messages"]
    messages_out: Annotated[int, "posted answers of people; notices don't count"]
    disposition: Annotated[str | None, "the code with which it ended"]
    dispositioned_at: Annotated[datetime | None, "when it ended"]
    follows: Annotated[str | None, "the author's interaction with that account before it"]
    filter: Annotated[str | None, "the filter that matched its first message"]
    sequence: Annotated[int, "the sequence of the latest event on its key that this row reflects"]


class Message(Row):
    """One row for each message of either direction: customers' messages, answers, notices, own posts made elsewhere."""

    message_id: Annotated[str, "the delivery's id for answers and notices, else the content id"]
    interaction_id: Annotated[str, "the interaction"]
    direction: Annotated[str, "in (from the customer) or out (from the company)"]
    kind: Annotated[str, "message, reply, notice, or own_post (an answer made on the platform itself)"]
    status: Annotated[str, "received, pending, posted, failed, abandoned or deleted"]
    author_id: Annotated[str | None, "the handle, or the agent; null for notices and own posts"]
    visibility: Annotated[str | None, "public or private; null where the platform didn't say"]
    item_id: Annotated[str | None, "the platform's id; null until it is posted"]
    in_reply_to: Annotated[str | None, "the platform's id of the message that it answers"]
    content_id: Annotated[str, "where its words lie"]
    sent_at: Annotated[datetime, "the platform's time; until it is posted when it was asked for"]
    recorded_at: Annotated[datetime, "when it was first recorded"]
    sequence: Annotated[int, "of the event that recorded it: orders messages of the same time on one key"]
    reason: Annotated[str | None, "why it was not posted, in a word"]
    detail: Annotated[str | None, "why it was not posted, as a person reads it"]


class Words(Row):
    """One row for each text that is kept; a text that was erased has none."""

    content_id: Annotated[str, "its id in interaction.content"]
    text: Annotated[str, "the text; NUL, which text can't hold, as its picture U+2400"]
    exact: Annotated[bytes | None, "the text in UTF-8 where `text` had to differ from it; else null"]
    language: Annotated[str | None, "the language that the platform named"]
    salt: Annotated[bytes, "the salt of its digest in the event"]


class Profile(Row):
    """One row for each handle whose names are kept; one that was forgotten has none."""

    handle_id: Annotated[str, "the handle"]
    channel: Annotated[str, "x, facebook or messenger"]
    platform_id: Annotated[str, "the platform's id of the person"]
    screen_name: Annotated[str | None, "the handle without @"]
    name: Annotated[str | None, "the name that the person gave"]


CONTACTS: Final = Table("contacts", Contact, ("contact_id",))
HANDLES: Final = Table("handles", Handle, ("handle_id",), ("contact_id",))
INTERACTIONS: Final = Table(
    "interactions", Interaction, ("interaction_id",), ("contact_id", "opened_at, interaction_id")
)
MESSAGES: Final = Table("messages", Message, ("message_id",), ("interaction_id",))
WORDS: Final = Table("words", Words, ("content_id",))
PROFILES: Final = Table("profiles", Profile, ("handle_id",), ("lower(screen_name)",))
