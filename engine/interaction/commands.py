"""What can be asked of one contact's key, or (control commands, on a control key) of a whole partition."""

from typing import Annotated

from engine.interaction.contact_commands import CONTACT_COMMANDS
from engine.interaction.letters import LETTER_COMMANDS
from engine.record import Command, Millis, Record


class Attachment(Record, kw_only=True):
    """A picture or a file of a message. Part of somebody's words."""

    kind: Annotated[str, "image, video, audio, file, sticker, location or other"]
    url: Annotated[str | None, "where the platform keeps it; it may end"] = None


class ReceiveMessage(Command, kw_only=True):
    """External, from a platform: a customer wrote to an account."""

    channel: Annotated[str, "x, facebook or messenger"]
    accounts: Annotated[
        list[str],
        "platform ids of those it may belong to, best first: the one answered, those named in order, the one "
        "whose webhook brought it; the first that the policy knows receives it",
    ]
    item_id: Annotated[str, "the platform's id of the post or message"]
    visibility: Annotated[str, "public or private"]
    posted_at: Annotated[Millis, "the platform's time"]
    handle_id: Annotated[str, "the home of the author's handle"]
    platform_id: Annotated[str, "the platform's id of the author"]
    screen_name: Annotated[str | None, "the author's handle without @"] = None
    name: Annotated[str | None, "the author's name"] = None
    text: Annotated[str, "the text, unchanged"]
    salt: Annotated[bytes, "16 random bytes for the digest of the text"]
    language: Annotated[str | None, "the language that the platform named"] = None
    in_reply_to: Annotated[str | None, "the platform's id of the post that it answers"] = None
    raw: Annotated[bytes, "the platform's item as it came, JSON"]
    event: Annotated[
        str,
        "what happened, in the policy's words: mention, reply, quote, direct_message (x), post, comment (facebook), "
        "message or postback (messenger)",
    ] = "mention"
    thread: Annotated[
        str | None,
        "facebook: the visitor's post or the top-level comment under which it stands; those of one author are one "
        "interaction",
    ] = None
    attachments: Annotated[list[Attachment], "pictures and files"] = []
    index: Annotated[
        list[str], "the keys under which others, who don't know its author, ask whose it is; facebook"
    ] = []
    ref: Annotated[str | None, "the invitation that the customer followed"] = None
    blocked: Annotated[bool, "whether the account has blocked the author on the platform"] = False
    via: Annotated[list[str], "the homes that passed it on, in order"] = []


class EditMessage(Command, kw_only=True):
    """External, from a platform: the customer changed a message. The words before are forgotten."""

    channel: Annotated[str, "x, facebook or messenger"]
    item_id: Annotated[str, "the platform's id of the message"]
    edited_at: Annotated[Millis, "the platform's time"]
    text: Annotated[str, "the text, unchanged"]
    salt: Annotated[bytes, "16 random bytes for the digest of the text"]
    attachments: Annotated[list[Attachment], "pictures and files"] = []
    via: Annotated[list[str], "the homes that passed it on, in order"] = []


class RecordReferral(Command, kw_only=True):
    """External, from a platform: the customer followed an invitation, and has not written yet."""

    channel: Annotated[str, "messenger"]
    account: Annotated[str, "the platform's id of the account"]
    handle_id: Annotated[str, "the home of the customer's handle"]
    platform_id: Annotated[str, "the platform's id of the customer"]
    ref: Annotated[str, "the invitation"]


class RecordOwnPost(Command, kw_only=True):
    """External, from a platform: the account itself answered this person (an echo, or by other means)."""

    channel: Annotated[str, "x, facebook or messenger"]
    account: Annotated[str, "the platform's id of the account"]
    item_id: Annotated[str, "the platform's id of the post or message"]
    in_reply_to: Annotated[str | None, "the platform's id of the post that it answers; a message names none"] = None
    visibility: Annotated[str, "public or private"] = "public"
    delivery_id: Annotated[str | None, "the delivery that the platform says it came from"] = None
    posted_at: Annotated[Millis, "the platform's time"]
    text: Annotated[str, "the text, unchanged"]
    salt: Annotated[bytes, "16 random bytes for the digest of the text"]
    raw: Annotated[bytes, "the platform's item as it came, JSON"]
    via: Annotated[list[str], "the homes that passed it on, in order"] = []
    then: Annotated[list[str], "the homes that it goes on to, in order, where it is no echo"] = []


class DeleteMessage(Command, kw_only=True):
    """External, from a platform: the customer deleted a message."""

    channel: Annotated[str, "x, facebook or messenger"]
    item_id: Annotated[str, "the platform's id of the message"]
    via: Annotated[list[str], "the homes that passed it on, in order"] = []


class Reserve(Command, kw_only=True):
    """Derived, from routing: an agent is kept for the interaction."""

    interaction_id: Annotated[str, "the interaction"]
    request_id: Annotated[str, "the request that this answers"]
    reservation_id: Annotated[str, "the reservation"]
    pool: Annotated[str, "the pool whose routing made it"]
    agent_id: Annotated[str, "the agent"]


class LoseAgent(Command, kw_only=True):
    """Derived, from routing: the agent of an offer that was not yet accepted is gone."""

    interaction_id: Annotated[str, "the interaction"]
    reservation_id: Annotated[str, "the reservation"]
    agent_id: Annotated[str, "the agent"]


class Accept(Command, kw_only=True):
    """An agent accepts an offer."""

    interaction_id: Annotated[str, "the interaction"]
    agent_id: Annotated[str, "the agent"]


class Decline(Command, kw_only=True):
    """An agent declines an offer."""

    interaction_id: Annotated[str, "the interaction"]
    agent_id: Annotated[str, "the agent"]


class Take(Command, kw_only=True):
    """An agent takes an interaction that nobody has accepted."""

    interaction_id: Annotated[str, "the interaction"]
    agent_id: Annotated[str, "the agent"]


class TakeOver(Command, kw_only=True):
    """A supervisor takes an interaction from its agent."""

    interaction_id: Annotated[str, "the interaction"]
    agent_id: Annotated[str, "the supervisor, who becomes its agent"]


class Reply(Command, kw_only=True):
    """The assigned agent answers."""

    interaction_id: Annotated[str, "the interaction"]
    agent_id: Annotated[str, "the agent"]
    in_reply_to: Annotated[str | None, "the message that is answered; null: the customer's latest"] = None
    visibility: Annotated[str | None, "public or private; null: as the message that is answered"] = None
    text: Annotated[str, "the text, unchanged"]
    salt: Annotated[bytes, "16 random bytes for the digest of the text"]


class MoveToPrivate(Command, kw_only=True):
    """The assigned agent asks the customer to go on in private, and says so where the matter began.

    With a private text it is sent first, and the announcement only once it arrived; without one the announcement
    carries the link that the customer follows.
    """

    interaction_id: Annotated[str, "the interaction"]
    agent_id: Annotated[str, "the agent"]
    announcement: Annotated[str | None, "the public answer; {link} stands for the link to a private conversation"] = (
        None
    )
    text: Annotated[str | None, "the private message"] = None
    salt: Annotated[bytes, "16 random bytes for the digests"]


class Engage(Command, kw_only=True):
    """The assigned agent shares or likes a message, instead of an answer or beside it."""

    interaction_id: Annotated[str, "the interaction"]
    agent_id: Annotated[str, "the agent"]
    engagement: Annotated[str, "retweet, like or favourite"]
    item_id: Annotated[str | None, "the message; null: the customer's latest public one"] = None


class Moderate(Command, kw_only=True):
    """The assigned agent hides a comment on the company's page, shows it again, or deletes an answer of ours."""

    interaction_id: Annotated[str, "the interaction"]
    agent_id: Annotated[str, "the agent"]
    action: Annotated[str, "hide, unhide (the customer's comment) or delete (an answer of ours)"]
    item_id: Annotated[str, "the platform's id of the comment or answer"]


class RecordDelivery(Command, kw_only=True):
    """Derived, from the delivery worker: what came of one attempt to post."""

    interaction_id: Annotated[str, "the interaction"]
    delivery_id: Annotated[str, "the delivery"]
    attempt: Annotated[int, "which attempt, from 1"]
    outcome: Annotated[str, "posted, retry (it may be tried again), refused (for good) or undecided"]
    item_id: Annotated[str | None, "posted: the platform's id"] = None
    posted_at: Annotated[Millis | None, "posted: when"] = None
    settled_by: Annotated[str, "outcome, look_up or duplicate_error"] = "outcome"
    reason: Annotated[str | None, "not posted: the platform's error in a word"] = None
    detail: Annotated[str | None, "not posted: what a person can do about it"] = None
    retry_after: Annotated[int | None, "retry: the platform's wish, milliseconds"] = None
    recipient_handle: Annotated[
        str | None, "private answer to a comment, posted: the home of the handle that got it"
    ] = None
    recipient_id: Annotated[str | None, "and the platform's id of that handle"] = None


class Transfer(Command, kw_only=True):
    """The assigned agent gives the interaction to another queue, agent group or agent."""

    interaction_id: Annotated[str, "the interaction"]
    agent_id: Annotated[str, "the agent who gives it away"]
    to_queue: Annotated[str | None, "the queue"] = None
    to_group: Annotated[str | None, "the agent group"] = None
    to_agent: Annotated[str | None, "the agent"] = None
    note: Annotated[str | None, "a word to whoever gets it"] = None
    salt: Annotated[bytes, "16 random bytes for the digest of the note"] = b""


class Disposition(Command, kw_only=True):
    """The assigned agent ends the interaction with a code."""

    interaction_id: Annotated[str, "the interaction"]
    agent_id: Annotated[str, "the agent"]
    code: Annotated[str, "one of the policy's codes"]


class PublishPolicy(Command, kw_only=True):
    """Control: from here on this version decides."""

    version: Annotated[int, "the version"]
    document: Annotated[bytes, "the policy, JSON"]


class ActivateEmergency(Command, kw_only=True):
    """Control: an emergency begins for an account."""

    account: Annotated[str, "channel and platform id of the account: x:42"]


class EndEmergency(Command, kw_only=True):
    """Control: the emergency of an account ends."""

    account: Annotated[str, "channel and platform id of the account: x:42"]


class AdvanceTime(Command, kw_only=True):
    """Control, in recorded time: nothing that happened before `at` is still to come."""


COMMANDS: tuple[type[Command], ...] = (
    *(
        value
        for value in globals().values()
        if isinstance(value, type) and issubclass(value, Command) and value is not Command
    ),
    *CONTACT_COMMANDS,
    *LETTER_COMMANDS,
)
