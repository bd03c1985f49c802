"""What can be asked of one contact's key, or (control commands, on a control key) of a whole partition."""

from typing import Annotated

from engine.record import Command, Millis


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


class RecordOwnPost(Command, kw_only=True):
    """External, from a platform: the account itself posted an answer to this person (an echo, or by other means)."""

    channel: Annotated[str, "x, facebook or messenger"]
    account: Annotated[str, "the platform's id of the account"]
    item_id: Annotated[str, "the platform's id of the post"]
    in_reply_to: Annotated[str, "the platform's id of the post that it answers"]
    posted_at: Annotated[Millis, "the platform's time"]
    text: Annotated[str, "the text, unchanged"]
    salt: Annotated[bytes, "16 random bytes for the digest of the text"]
    raw: Annotated[bytes, "the platform's item as it came, JSON"]


class DeleteMessage(Command, kw_only=True):
    """External, from a platform: the customer deleted a message."""

    channel: Annotated[str, "x, facebook or messenger"]
    item_id: Annotated[str, "the platform's id of the message"]


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
    visibility: Annotated[str, "public or private"] = "public"
    text: Annotated[str, "the text, unchanged"]
    salt: Annotated[bytes, "16 random bytes for the digest of the text"]


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


class Transfer(Command, kw_only=True):
    """The assigned agent gives the interaction to another queue or agent."""

    interaction_id: Annotated[str, "the interaction"]
    agent_id: Annotated[str, "the agent who gives it away"]
    to_queue: Annotated[str | None, "the queue"] = None
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


COMMANDS: tuple[type[Command], ...] = tuple(
    value
    for value in globals().values()
    if isinstance(value, type) and issubclass(value, Command) and value is not Command
)
