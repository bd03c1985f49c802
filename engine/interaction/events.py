"""What can happen on one contact's key. Facts, ids and salted digests of words; never the words."""

from typing import Annotated

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
        "that account was active lately) or attached (a filter's `attach`)",
    ]
    follows: Annotated[str | None, "for one that opened: the author's interaction with that account before it"] = None
    filter: Annotated[str | None, "the name of the policy's filter that matched; null: none did"] = None
    action: Annotated[str, "what the filter led to: route, attach or ignore"]


class FilteredOut(Event, kw_only=True):
    """The keyword filter said `ignore`: the interaction ends here, and no contact is made."""

    filter: Annotated[str, "the name of the filter"]


class ContactCreated(Event, kw_only=True):
    """Nobody was known under this handle, so a contact was made from the available data."""

    handle_id: Annotated[str, "the home of the handle"]
    channel: Annotated[str, "the channel of the handle"]
    profile_id: Annotated[str, "where name and screen name lie in interaction.content"]


class ContactResolved(Event, kw_only=True):
    """It is known whose interaction this is."""

    how: Annotated[str, "found (by the handle) or created"]


class NoticeRequested(Event, kw_only=True):
    """An automatic answer because of a closure was asked for; once for each contact, account and closure."""

    delivery_id: Annotated[str, "the delivery that is to carry it"]
    closure: Annotated[str, "the id of the closure"]
    kind: Annotated[str, "emergency, special_day or closed"]
    template: Annotated[str, "the name of the notice in the policy"]
    language: Annotated[str, "the language of the template that was used"]
    visibility: Annotated[str, "public or private"]
    in_reply_to: Annotated[str, "the platform's id of the message that it answers"]
    content_id: Annotated[str, "where its words lie"]
    words: Annotated[bytes, "salted digest of its text"]


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
        "not_configured",
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
    why: Annotated[str, "received, reopened, written_again or transferred"]


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


class ReplyRequested(Event, kw_only=True):
    """An agent's answer is on its way to the platform."""

    delivery_id: Annotated[str, "the delivery that is to carry it"]
    agent_id: Annotated[str, "who wrote it"]
    visibility: Annotated[str, "public or private"]
    in_reply_to: Annotated[str, "the platform's id of the message that it answers"]
    content_id: Annotated[str, "where its words lie"]
    words: Annotated[bytes, "salted digest of its text"]


class Replied(Event, kw_only=True):
    """The platform took an agent's answer."""

    delivery_id: Annotated[str, "the delivery that carried it"]
    agent_id: Annotated[str, "who wrote it"]
    item_id: Annotated[str | None, "the platform's id of the posted answer; null where it would not tell"] = None
    posted_at: Annotated[Millis, "when"]
    first_response: Annotated[bool, "whether it is the interaction's first human answer"]
    settled_by: Annotated[str, "outcome (of the call), echo, look_up or duplicate_error"]


class RepliedElsewhere(Event, kw_only=True):
    """The account's own answer appeared that no delivery of ours made: somebody wrote it on the platform."""

    item_id: Annotated[str, "the platform's id of the answer"]
    in_reply_to: Annotated[str, "the platform's id of the message that it answers"]
    posted_at: Annotated[Millis, "the platform's time"]
    first_response: Annotated[bool, "whether it is the interaction's first human answer"]
    content_id: Annotated[str, "where its words lie"]
    words: Annotated[bytes, "salted digest of its text"]


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
    """The platform refused an answer or a notice for good; it is not tried again."""

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

    code: Annotated[str, "the disposition code; filtered_out, withdrawn and expired are the engine's own"]
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


EVENTS: tuple[type[Event], ...] = tuple(
    value for value in globals().values() if isinstance(value, type) and issubclass(value, Event) and value is not Event
)


class Words(Record, kw_only=True):
    """interaction.content: somebody's words, under the content id as key. A tombstone forgets them."""

    text: Annotated[str, "the text, unchanged"]
    salt: Annotated[bytes, "the salt of its digest in the event"]
    language: Annotated[str | None, "the language that the platform named"] = None


class Profile(Record, kw_only=True):
    """interaction.content: who a handle belongs to, under `home:p` as key. A tombstone forgets it."""

    channel: Annotated[str, "x, facebook or messenger"]
    platform_id: Annotated[str, "the platform's id of the person"]
    screen_name: Annotated[str | None, "the handle without @"] = None
    name: Annotated[str | None, "the name that the person gave"] = None
