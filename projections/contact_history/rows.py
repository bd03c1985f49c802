"""The tables of the contact history."""

from datetime import datetime
from typing import Annotated, Final

from projections.tables import Json, Row, Table


class Contact(Row):
    """One row for each contact that was made; one that was merged into another keeps its row."""

    contact_id: Annotated[str, "the contact: the home of the handle for which it was made"]
    created_at: Annotated[datetime, "when it was made"]
    created_by: Annotated[str, "message (the person wrote) or imported"]
    language: Annotated[str | None, "the language that an agent set; null: the platform's"]
    blocked: Annotated[bool, "whether what it writes goes to nobody"]
    opted_out: Annotated[bool, "whether it wants no automatic answers"]
    erased_at: Annotated[datetime | None, "when the person was last forgotten; null: never"]


class Handle(Row):
    """One row for each identity of a person on a channel, as it stands."""

    handle_id: Annotated[str, "the handle: a keyed hash of channel and platform id"]
    contact_id: Annotated[str | None, "the contact to which it is linked, else the one made for it; null: none is"]
    channel: Annotated[str | None, "x, facebook or messenger; null: nothing of its own says"]
    profile_id: Annotated[
        str | None, "where its own names lie in interaction.profiles; null: no contact was made for it"
    ]
    linked_at: Annotated[datetime, "since when it is this contact's"]
    link_id: Annotated[str | None, "the link to a contact elsewhere; null: there is none"]
    version: Annotated[int | None, "that link, by that contact's count"]
    how: Annotated[str | None, "how it was linked there: private_reply, ref or agent"]


class Link(Row):
    """One row for each link of a handle to a contact elsewhere, those that ended included."""

    link_id: Annotated[str, "the handle, and the sequence of the event that linked it"]
    handle_id: Annotated[str, "the handle"]
    contact_id: Annotated[str, "the contact to which it was linked"]
    version: Annotated[int, "the link, by that contact's count"]
    how: Annotated[str, "private_reply (the platform said who got it), ref (an invitation was followed) or agent"]
    linked_at: Annotated[datetime, "from when on what it sends went there"]
    unlinked_at: Annotated[datetime | None, "until when; null: it does still"]
    ended_by: Annotated[str | None, "asked, circle, or linked (to another contact)"]


class Interaction(Row):
    """One row for each interaction, as it stands."""

    interaction_id: Annotated[str, "the interaction"]
    home: Annotated[str, "the key where it began, and stays: the contact's at that time"]
    contact_id: Annotated[str | None, "the contact at the time; null for one that was ended before it was looked up"]
    handle_id: Annotated[str, "the handle of the author"]
    channel: Annotated[str, "where it began: x, facebook or messenger"]
    account: Annotated[str, "the platform's id of the company's account"]
    visibility: Annotated[str, "whether it began in public or private"]
    event: Annotated[str, "what opened it: mention, reply, quote, direct_message, post, comment, message …"]
    thread: Annotated[str | None, "facebook: the visitor's post or top-level comment under which it stands"]
    state: Annotated[str, "by the lifecycle"]
    state_since: Annotated[datetime, "since when it is in this state"]
    queue: Annotated[str | None, "the queue where it waits or waited last"]
    agent_group: Annotated[str | None, "the agent group that it was kept for there"]
    kept_for: Annotated[str | None, "the only agent that it was kept for there, after a transfer"]
    skills: Annotated[list[str], "what the agent has to know, all of them"]
    priority: Annotated[int | None, "its priority there"]
    request_id: Annotated[str | None, "the request that stands in line or was answered with the offer"]
    expires_at: Annotated[datetime | None, "when it ends if it still waits in line; null: never"]
    answer_by: Annotated[datetime | None, "the target for its first answer, of the queue that it first came to"]
    agent_id: Annotated[str | None, "who has it, or to whom it is offered; after the end who had it last"]
    accepted: Annotated[bool, "whether that agent accepted or took it"]
    reservation_id: Annotated[str | None, "the offer that the agent may accept"]
    accept_by: Annotated[datetime | None, "until when; null: at any time, or nothing is offered"]
    closure: Annotated[str | None, "the closure that holds it back"]
    held_until: Annotated[datetime | None, "when the account is looked at again, where a closure holds it back"]
    private_channel: Annotated[str | None, "where its private conversation is: x or messenger; null: it has none"]
    invited: Annotated[bool, "whether the customer was asked to go on in private"]
    sessions: Annotated[int, "how many private conversations with an agent were opened"]
    in_session: Annotated[bool, "whether the last one is open"]
    suggested: Annotated[str | None, "the engagement that a filter proposes and nobody has asked for: retweet, like …"]
    suggested_item: Annotated[str | None, "the platform's id of the message to engage with"]
    engagements: Annotated[int, "retweets, likes and favourites that the platform took"]
    automatic_answers: Annotated[int, "posted answers of filters; notices of closures don't count"]
    opened_at: Annotated[datetime, "when its first message was received"]
    last_activity_at: Annotated[datetime, "the platform's time of its latest message or answer"]
    messages_in: Annotated[int, "the customer's messages"]
    messages_out: Annotated[int, "posted answers of people; notices and automatic answers don't count"]
    attachments: Annotated[int, "pictures and files of the customer's messages, as they were when they came"]
    disposition: Annotated[str | None, "the code with which it ended"]
    dispositioned_at: Annotated[datetime | None, "when it ended"]
    follows: Annotated[str | None, "the author's interaction with that account before it"]
    filter: Annotated[str | None, "the filter that matched its first message"]
    sequence: Annotated[int, "the sequence of the latest event on its key that this row reflects"]


class Message(Row):
    """One row for each message of either direction, and each agent's note to whoever got the interaction next."""

    message_id: Annotated[str, "the delivery's id for what was sent through us, else the content id"]
    interaction_id: Annotated[str, "the interaction"]
    direction: Annotated[str, "in (from the customer), out (from the company) or internal (a note)"]
    kind: Annotated[
        str,
        "message, reply, announcement (a public answer that waits for the private message of which it tells), notice "
        "(of a closure), answer (of a filter), own_post (made on the platform itself) or note",
    ]
    status: Annotated[
        str, "received, waiting (for another to be posted), pending, posted, failed, abandoned, deleted, or noted"
    ]
    author_id: Annotated[str | None, "the handle, or the agent; null for what is automatic and for own posts"]
    visibility: Annotated[str | None, "public or private; null for notes"]
    channel: Annotated[str | None, "in: where it came; see the view for the others"]
    event: Annotated[str | None, "in: mention, reply, quote, direct_message, post, comment, message, postback"]
    item_id: Annotated[str | None, "the platform's id; null until it is posted"]
    in_reply_to: Annotated[str | None, "the platform's id of the message that it answers"]
    content_id: Annotated[str, "where its words lie"]
    attachment_count: Annotated[int, "how many pictures and files it has"]
    filter: Annotated[str | None, "in: the filter that matched it; answer: the filter that led to it"]
    sent_at: Annotated[datetime, "the platform's time; until it is posted when it was asked for"]
    edited_at: Annotated[datetime | None, "the platform's time of the customer's last change"]
    recorded_at: Annotated[datetime, "when it was first recorded"]
    sequence: Annotated[int, "of the event that recorded it: orders messages of the same time on one key"]
    changed: Annotated[int, "of the latest event that changed it: what is above N is new since N"]
    reason: Annotated[str | None, "why it was not posted, in a word"]
    detail: Annotated[str | None, "why it was not posted, as a person reads it"]


class Action(Row):
    """One row for each retweet, like or favourite, and each comment hidden or shown and answer deleted."""

    action_id: Annotated[str, "the delivery that carries it"]
    interaction_id: Annotated[str, "the interaction"]
    kind: Annotated[str, "engagement or moderation"]
    action: Annotated[str, "retweet, like or favourite; hide, unhide or delete"]
    item_id: Annotated[str, "the platform's id of the message"]
    agent_id: Annotated[str | None, "who asked; null: a filter did"]
    filter: Annotated[str | None, "the filter that asked"]
    status: Annotated[str, "pending, done, failed or abandoned"]
    requested_at: Annotated[datetime, "when it was asked for"]
    done_at: Annotated[datetime | None, "when the platform took it"]
    sequence: Annotated[int, "of the event that recorded it"]
    changed: Annotated[int, "of the latest event that changed it"]
    reason: Annotated[str | None, "why it was not done, in a word"]
    detail: Annotated[str | None, "why it was not done, as a person reads it"]


class Words(Row):
    """One row for each text that is kept; a text that was erased has none."""

    content_id: Annotated[str, "its id in interaction.content"]
    text: Annotated[str, "the text; NUL, which text can't hold, as its picture U+2400"]
    searched: Annotated[str, "its words, with a blank between two, in one case: those that are searched"]
    exact: Annotated[bytes | None, "the text in UTF-8 where `text` had to differ from it; else null"]
    language: Annotated[str | None, "the language that the platform named"]
    attachments: Annotated[Json | None, "its pictures and files, each with kind and url; null: none"]
    salt: Annotated[bytes, "the salt of its digest in the event"]


class Profile(Row):
    """One row for each place where names of a handle are kept: its own key, or that of a contact it is linked to."""

    profile_id: Annotated[str, "its id in interaction.content"]
    handle_id: Annotated[str, "the handle"]
    channel: Annotated[str, "x, facebook or messenger"]
    platform_id: Annotated[str, "the platform's id of the person"]
    screen_name: Annotated[str | None, "the handle without @"]
    name: Annotated[str | None, "the name that the person gave"]
    called: Annotated[str, "what people call it: @screen_name, else the name, else the platform's id"]


CONTACTS: Final = Table("contacts", Contact, ("contact_id",), ("created_at, contact_id",))
HANDLES: Final = Table("handles", Handle, ("handle_id",), ("contact_id",))
LINKS: Final = Table("links", Link, ("link_id",), ("handle_id", "contact_id"))
INTERACTIONS: Final = Table(
    "interactions",
    Interaction,
    ("interaction_id",),
    ("home", "opened_at, interaction_id", "agent_id WHERE dispositioned_at IS NULL"),
)
MESSAGES: Final = Table(
    "messages",
    Message,
    ("message_id",),
    # The second: a person's messages in the order sent. The views have the same expression.
    ("interaction_id, changed", "split_part(interaction_id, '.', 1), sent_at"),
)
ACTIONS: Final = Table("actions", Action, ("action_id",), ("interaction_id, changed",))
WORDS: Final = Table(
    "words",
    Words,
    ("content_id",),
    words="to_tsvector('simple', searched)",
    personal=("text", "searched", "exact", "attachments"),
)
PROFILES: Final = Table(
    "profiles",
    Profile,
    ("profile_id",),
    ("handle_id", "lower(screen_name)"),
    personal=("platform_id", "screen_name", "name", "called"),
)
