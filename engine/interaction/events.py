"""What can happen on one contact's key. Facts, ids and salted digests of words; never the words."""

from typing import Annotated

from engine.interaction.commands import Attachment
from engine.interaction.contact_events import CONTACT_EVENTS
from engine.interaction.letters import LETTER_EVENTS
from engine.record import Event, Millis, Record


class MessageReceived(Event, kw_only=True):
    """A customer's message became part of an interaction, which it opened or joined."""

    item_id: Annotated[str, "the platform's id of the post or message"]
    content_id: Annotated[str, "where its words lie in interaction.content"]
    words: Annotated[bytes, "salted digest of its text"]
    channel: Annotated[str, "x, facebook or messenger"]
    account: Annotated[str, "the platform's id of the company's account"]
    visibility: Annotated[str, "public or private"]
    handle_id: Annotated[str, "the home of the author's handle"]
    posted_at: Annotated[Millis, "the platform's time of the message"]
    in_reply_to: Annotated[str | None, "the platform's id of the post that it answers"] = None
    language: Annotated[str | None, "the language that the platform named"] = None
    joined: Annotated[
        str,
        "opened (a new interaction), thread (it holds the post answered), recent (the author's latest with "
        "that account was active lately), private (the conversation under way, or one that was invited to go on in "
        "private) or attached (a filter's `attach`)",
    ]
    follows: Annotated[str | None, "for one that opened: the author's interaction with that account before it"] = None
    filter: Annotated[
        str | None,
        "the name of the policy's filter that matched; null: none did. The engine's own: ~blocked, ~not_monitored, "
        "~opt_out",
    ] = None
    action: Annotated[str, "what the filter led to: route, answer, engage, attach or ignore"]
    event: Annotated[
        str, "what happened, in the policy's words: mention, reply, quote, direct_message, post, comment, message …"
    ] = "mention"
    thread: Annotated[str | None, "facebook: the visitor's post or top-level comment under which it stands"] = None
    attachments: Annotated[int, "how many pictures and files it has"] = 0
    edited_at: Annotated[
        Millis | None,
        "the platform's time of an edit that came before the message: words and attachments are those of the edit",
    ] = None
    sentiment: Annotated[
        float | None, "from -1 to 1, how positive it sounded; null: no filter that was tried asked for it"
    ] = None
    via: Annotated[list[str], "the homes that passed it on, where its author's handle is linked to a contact"] = []


class FilteredOut(Event, kw_only=True):
    """The keyword filter said `ignore`: the interaction ends here, and no contact is made."""

    filter: Annotated[str, "the name of the filter"]


class MessageEdited(Event, kw_only=True):
    """The customer changed a message on the platform; the words before are forgotten."""

    item_id: Annotated[str, "the platform's id of the message"]
    content_id: Annotated[str, "where its words lie, the new in place of the old"]
    words: Annotated[bytes, "salted digest of its new text"]
    edited_at: Annotated[Millis, "the platform's time"]
    attachments: Annotated[int, "how many pictures and files it has now"] = 0


class DeletionRemembered(Event, kw_only=True):
    """A message was deleted that has not arrived yet: it is removed when it does."""

    item_id: Annotated[str, "the platform's id of the message"]
    channel: Annotated[str, "x, facebook or messenger"]


class EditRemembered(Event, kw_only=True):
    """A message was changed that has not arrived yet: it gets the new words when it does."""

    item_id: Annotated[str, "the platform's id of the message"]
    channel: Annotated[str, "x, facebook or messenger"]
    content_id: Annotated[str, "where the new words lie until then"]
    words: Annotated[bytes, "salted digest of its new text"]
    edited_at: Annotated[Millis, "the platform's time"]
    attachments: Annotated[int, "how many pictures and files it has now"] = 0
    until: Annotated[Millis, "when they are forgotten if it has not come"]


class EditForgotten(Event, kw_only=True):
    """A message that was changed before it arrived never did; the words of the change are forgotten."""

    item_id: Annotated[str, "the platform's id of the message"]
    channel: Annotated[str, "x, facebook or messenger"]
    content_id: Annotated[str, "where the new words lay"]


class AutomaticWithheld(Event, kw_only=True):
    """An automatic answer or engagement was due and is not made."""

    what: Annotated[str, "notice, answer or engagement"]
    filter: Annotated[str | None, "the filter that led to it; null: a closure did"] = None
    why: Annotated[
        str,
        "notice_sent (for the same message), daily_cap, once_per_interaction, opted_out, too_old, not_available (the "
        "platform has no such thing here) or not_permitted (the platform forbids it)",
    ]


class Posting(Event, kw_only=True):
    """What every text that goes to a platform has: who gets it, by which way, in answer to what."""

    delivery_id: Annotated[str, "the delivery that is to carry it"]
    visibility: Annotated[str, "public or private"]
    action: Annotated[str, "reply (in public), message (in private) or private_answer (to a comment, once)"] = "reply"
    recipient_handle: Annotated[str | None, "message: the home of the handle that gets it"] = None
    tag: Annotated[str | None, "message: HUMAN_AGENT outside of Messenger's 24 hours"] = None
    in_reply_to: Annotated[str, "the platform's id of the message that it answers"]
    content_id: Annotated[str, "where its words lie"]
    words: Annotated[bytes, "salted digest of its text"]


class AutoReplyRequested(Posting, kw_only=True):
    """An automatic answer because of what the message says is on its way to the platform."""

    filter: Annotated[str, "the filter that led to it"]
    template: Annotated[str, "the name of the text in the policy"]
    language: Annotated[str, "the language of the text that was used"]
    then: Annotated[str, "route (to a person too), or close (once it is posted; if it can't be, to a person)"]
    disposition: Annotated[str | None, "close: the code"] = None


class AutoReplied(Event, kw_only=True):
    """The platform took the automatic answer."""

    delivery_id: Annotated[str, "the delivery that carried it"]
    item_id: Annotated[str | None, "the platform's id of the answer; null where it would not tell"] = None
    posted_at: Annotated[Millis, "when"]


class EngagementSuggested(Event, kw_only=True):
    """A filter proposes to the agent to share or like the message."""

    engagement: Annotated[str, "retweet, like or favourite"]
    item_id: Annotated[str, "the platform's id of the message"]
    filter: Annotated[str, "the filter that proposes it"]


class EngagementRequested(Event, kw_only=True):
    """A retweet, like or favourite is on its way to the platform."""

    delivery_id: Annotated[str, "the delivery that is to carry it"]
    engagement: Annotated[str, "retweet, like or favourite"]
    item_id: Annotated[str, "the platform's id of the message"]
    agent_id: Annotated[str | None, "who asked; null: a filter did"] = None
    filter: Annotated[str | None, "the filter that asked"] = None
    then: Annotated[str | None, "a filter's: route or close (once it is done; if it can't be, to a person)"] = None
    disposition: Annotated[str | None, "close: the code"] = None


class Engaged(Event, kw_only=True):
    """The platform took the retweet, like or favourite."""

    delivery_id: Annotated[str, "the delivery that carried it"]
    engagement: Annotated[str, "retweet, like or favourite"]
    item_id: Annotated[str, "the platform's id of the message"]
    agent_id: Annotated[str | None, "who asked; null: a filter did"] = None
    done_at: Annotated[Millis, "when"]


class ModerationRequested(Event, kw_only=True):
    """A comment is to be hidden or shown, or an answer of ours to be deleted."""

    delivery_id: Annotated[str, "the delivery that is to carry it"]
    action: Annotated[str, "hide, unhide or delete"]
    item_id: Annotated[str, "the platform's id of the comment or answer"]
    agent_id: Annotated[str, "who asked"]


class Moderated(Event, kw_only=True):
    """The platform hid or showed the comment, or deleted the answer; a deleted answer's words go too."""

    delivery_id: Annotated[str, "the delivery that carried it"]
    action: Annotated[str, "hide, unhide or delete"]
    item_id: Annotated[str, "the platform's id of the comment or answer"]
    content_id: Annotated[str | None, "delete: the words that were removed"] = None
    done_at: Annotated[Millis, "when"]


class MovedToPrivate(Event, kw_only=True):
    """The customer was invited to go on in private; private messages from now on join this interaction."""

    agent_id: Annotated[str, "who invited"]
    how: Annotated[str, "message (a private message was sent) or link (in the announcement)"]
    channel: Annotated[str, "where it goes on: x or messenger"]
    invitation: Annotated[
        bytes | None, "link with a reference: SHA-256 of it; who follows it is linked to this contact"
    ] = None
    until: Annotated[Millis | None, "until when the reference holds"] = None


class SessionOpened(Event, kw_only=True):
    """A private conversation between agent and customer began."""

    agent_id: Annotated[str, "the agent"]
    session: Annotated[int, "1, 2 … within the interaction"]
    idle_after: Annotated[int | None, "milliseconds without a word after which it is over; null: never"] = None


class SessionClosed(Event, kw_only=True):
    """The private conversation ended."""

    session: Annotated[int, "which"]
    why: Annotated[str, "dispositioned, inactive or given_on (to somebody else)"]


class ContactResolved(Event, kw_only=True):
    """It is known whose interaction this is."""

    how: Annotated[str, "found (by the handle) or created"]


class NoticeRequested(Posting, kw_only=True):
    """An automatic answer because of a closure was asked for; once for each contact, account and closure."""

    closure: Annotated[str, "the id of the closure"]
    kind: Annotated[str, "emergency, special_day or closed"]
    template: Annotated[str, "the name of the notice in the policy"]
    language: Annotated[str, "the language of the template that was used"]


class NoticePosted(Event, kw_only=True):
    """The platform took the notice."""

    delivery_id: Annotated[str, "the delivery that carried it"]
    item_id: Annotated[str | None, "the platform's id of the posted notice; null where it would not tell"] = None
    posted_at: Annotated[Millis, "when"]


class OutOfHours(Event, kw_only=True):
    """A closure holds the interaction back."""

    closure: Annotated[str, "the id of the closure"]
    kind: Annotated[str, "emergency, special_day or closed"]
    until: Annotated[Millis | None, "when the account is looked at again; null: when the emergency ends"] = None
    notice: Annotated[
        str,
        "requested, or why there is none: already_sent (for this contact and closure), too_old (the message), "
        "not_configured, opted_out, daily_cap, once_per_interaction, not_available, not_permitted or not_due (nobody "
        "wrote just now)",
    ]


class ClosureChanged(Event, kw_only=True):
    """The interaction is still held back, but by another closure or for another time."""

    closure: Annotated[str, "the id of the closure"]
    kind: Annotated[str, "emergency, special_day or closed"]
    until: Annotated[Millis | None, "when the account is looked at again; null: when the emergency ends"] = None


class Queued(Event, kw_only=True):
    """The interaction waits for an agent."""

    queue: Annotated[str, "the queue of the policy"]
    pool: Annotated[str, "the pool whose routing was asked"]
    skills: Annotated[list[str], "what the agent has to know, all of them"]
    group: Annotated[str | None, "the agent group that it is kept for"] = None
    agent: Annotated[str | None, "the only agent that it is kept for, after a transfer"] = None
    priority: Annotated[int, "a higher one is served first"]
    request_id: Annotated[str, "what routing is asked with"]
    expires_at: Annotated[Millis | None, "when it ends unserved; null: never"] = None
    why: Annotated[str, "received, reopened, written_again, transferred or not_answered (the automatic answer failed)"]
    weight: Annotated[int, "how much of an agent's capacity it takes"] = 1
    preferred: Annotated[str | None, "the agent who served this contact last"] = None
    preferred_until: Annotated[Millis | None, "until when it waits for that agent, unless offline"] = None
    relax_at: Annotated[Millis | None, "when fewer skills are enough"] = None
    relaxed_skills: Annotated[list[str], "which are then"] = []
    answer_by: Annotated[Millis | None, "the queue's target for the first answer"] = None


class QueuedAgain(Event, kw_only=True):
    """An offer ended without an agent, and the interaction went back to the front of its line."""

    request_id: Annotated[str, "the request that stands in line again"]
    reservation_id: Annotated[str, "the reservation that ended"]
    agent_id: Annotated[str, "the agent to whom it was offered"]
    why: Annotated[str, "expired (not accepted in time), declined or agent_gone"]


class Assigned(Event, kw_only=True):
    """An agent was found, or took it."""

    agent_id: Annotated[str, "the agent"]
    reservation_id: Annotated[str | None, "routing's reservation; null when it was taken"] = None
    accept_by: Annotated[Millis | None, "until when the agent has to accept; null: at any time"] = None
    why: Annotated[str, "reserved (by routing), taken (by the agent), taken_over, or written_again"]


class ReservationReleased(Event, kw_only=True):
    """Routing offered an agent that was no longer needed, and was told so."""

    reservation_id: Annotated[str, "the reservation"]
    pool: Annotated[str, "the pool whose routing made it"]
    agent_id: Annotated[str, "the agent who is free again"]
    why: Annotated[str, "the state that the interaction was in"]


class Accepted(Event, kw_only=True):
    """The agent accepted the offer."""

    agent_id: Annotated[str, "the agent"]
    reservation_id: Annotated[str | None, "routing's reservation"] = None


class ReplyRequested(Posting, kw_only=True):
    """An agent's answer is on its way to the platform."""

    agent_id: Annotated[str, "who wrote it"]
    after: Annotated[
        str | None, "the delivery that has to be posted first: an announcement, or the next part of a long text"
    ] = None
    part: Annotated[int, "1, 2 … of a text that is sent in parts"] = 1
    parts: Annotated[int, "of how many"] = 1
    moves: Annotated[bool, "whether the interaction goes on in private once it is posted"] = False


class ReplyReleased(Event, kw_only=True):
    """What an answer waited for is posted: it is on its way to the platform now."""

    delivery_id: Annotated[str, "the delivery that is to carry it"]


class Replied(Event, kw_only=True):
    """The platform took an agent's answer."""

    delivery_id: Annotated[str, "the delivery that carried it"]
    agent_id: Annotated[str, "who wrote it"]
    item_id: Annotated[str | None, "the platform's id of the posted answer; null where it would not tell"] = None
    posted_at: Annotated[Millis, "when"]
    first_response: Annotated[bool, "whether it is the interaction's first human answer"]
    settled_by: Annotated[str, "outcome (of the call), echo, look_up or duplicate_error"]
    open_for: Annotated[
        int | None,
        "how long the account was open from the interaction's first message to it, milliseconds, by the hours of the "
        "policy then in force; null: a person's earlier answer is known, or it can't be counted",
    ] = None


class RepliedElsewhere(Event, kw_only=True):
    """The account's own answer appeared that no delivery of ours made: somebody wrote it on the platform."""

    item_id: Annotated[str, "the platform's id of the answer"]
    in_reply_to: Annotated[
        str | None, "the platform's id of the message that it answers; a private message names none"
    ] = None
    visibility: Annotated[str, "public or private"] = "public"
    posted_at: Annotated[Millis, "the platform's time"]
    first_response: Annotated[bool, "whether it is the interaction's first human answer"]
    content_id: Annotated[str, "where its words lie"]
    words: Annotated[bytes, "salted digest of its text"]
    open_for: Annotated[
        int | None,
        "how long the account was open from the interaction's first message to it, milliseconds, by the hours of the "
        "policy then in force; null: a person's earlier answer is known, or it can't be counted",
    ] = None


class DeliveryFailed(Event, kw_only=True):
    """An attempt to post failed; it will be tried again."""

    delivery_id: Annotated[str, "the delivery"]
    attempt: Annotated[int, "which attempt that was, from 1"]
    reason: Annotated[str, "the platform's error in a word"]
    retry_at: Annotated[Millis, "when it is tried again"]


class DeliveryRetried(Event, kw_only=True):
    """The time had come to try again."""

    delivery_id: Annotated[str, "the delivery"]
    attempt: Annotated[int, "which attempt this is, from 2"]


class ReplyFailed(Event, kw_only=True):
    """The platform refused a delivery for good, or what it waited for failed; it is not tried again."""

    delivery_id: Annotated[str, "the delivery"]
    reason: Annotated[str, "the platform's error in a word"]
    detail: Annotated[str, "what a person can do about it"]


class ReplyAbandoned(Event, kw_only=True):
    """The policy's time for retries ended, or it can't be known whether the answer was posted."""

    delivery_id: Annotated[str, "the delivery"]
    reason: Annotated[str, "the last error, or undecided"]


class Transferred(Event, kw_only=True):
    """The interaction was given on."""

    from_agent: Annotated[str, "who gave it away"]
    queue: Annotated[str | None, "the queue it went to"] = None
    group: Annotated[str | None, "the agent group it is kept for"] = None
    agent: Annotated[str | None, "the agent it is kept for"] = None
    note_id: Annotated[str | None, "where the note lies in interaction.content"] = None


class MessageDeleted(Event, kw_only=True):
    """The customer deleted a message on the platform; its words go too."""

    item_id: Annotated[str, "the platform's id of the message"]
    content_id: Annotated[str, "the words that were removed"]


class CommandRefused(Event, kw_only=True):
    """An external command was refused."""

    command: Annotated[str, "the command's name"]
    code: Annotated[str, "the reason in a word"]
    reason: Annotated[str, "the reason as a person reads it; never the words of a message"]


class Dispositioned(Event, kw_only=True):
    """The interaction ended."""

    code: Annotated[
        str, "the disposition code; filtered_out, withdrawn, expired, answered and engaged are the engine's own"
    ]
    agent_id: Annotated[str | None, "who set it; null: nobody, a rule did"] = None


class PolicyAdopted(Event, kw_only=True):
    """From here on this partition decides by this version of the policy."""

    version: Annotated[int, "the version"]
    policy_digest: Annotated[bytes, "SHA-256 of the document"]


class EmergencyActivated(Event, kw_only=True):
    """An emergency began for an account, on this partition."""

    closure: Annotated[str, "the id of the closure"]
    account: Annotated[str, "channel and platform id of the account: x:42"]


class EmergencyEnded(Event, kw_only=True):
    """An emergency ended for an account, on this partition."""

    closure: Annotated[str, "the id of the closure"]
    account: Annotated[str, "channel and platform id of the account: x:42"]


EVENTS: tuple[type[Event], ...] = (
    *(
        value
        for value in globals().values()
        if isinstance(value, type) and issubclass(value, Event) and value not in (Event, Posting)
    ),
    *CONTACT_EVENTS,
    *LETTER_EVENTS,
)


class Words(Record, kw_only=True):
    """interaction.content: somebody's words, under the content id as key. A tombstone forgets them."""

    text: Annotated[str, "the text, unchanged"]
    salt: Annotated[bytes, "the salt of its digest in the event"]
    language: Annotated[str | None, "the language that the platform named"] = None
    attachments: Annotated[list[Attachment], "pictures and files"] = []


class Profile(Record, kw_only=True):
    """interaction.profiles: who a handle belongs to. A tombstone forgets it.

    Its key is `home:p`, or `home:h:handle` for a handle that is linked to another home's contact.
    """

    channel: Annotated[str, "x, facebook or messenger"]
    platform_id: Annotated[str, "the platform's id of the person"]
    screen_name: Annotated[str | None, "the handle without @"] = None
    name: Annotated[str | None, "the name that the person gave"] = None
