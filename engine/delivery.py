"""The records between the decider and the worker that posts answers, and of what is asked and answered."""

from typing import Annotated, Final

from engine.interaction.commands import RecordDelivery
from engine.record import Millis, Record

UNDECIDED: Final = "undecided"
"""The reason of an outcome that leaves unknown what came of a call to the platform."""


class Deliver(Record, kw_only=True):
    """delivery.commands: make one attempt to post. Keyed `channel-account`."""

    delivery_id: Annotated[str, "the delivery; the same in each attempt"]
    attempt: Annotated[int, "which attempt, from 1"]
    interaction_id: Annotated[str, "where the outcome goes"]
    channel: Annotated[str, "x, facebook or messenger"]
    account: Annotated[str, "the platform's id of the account that answers"]
    kind: Annotated[str, "reply, notice, answer (automatic), engagement or moderation"]
    action: Annotated[
        str,
        "what to do on the platform: reply (in public), message (in private), private_answer (to a comment), retweet, "
        "like, hide, unhide or delete",
    ] = "reply"
    visibility: Annotated[str, "public or private"]
    in_reply_to: Annotated[str, "the platform's id of the message that is answered, liked, hidden or deleted"]
    recipient: Annotated[str | None, "message: the platform's id of the person"] = None
    tag: Annotated[str | None, "message: HUMAN_AGENT outside of Messenger's 24 hours, for a person's answer"] = None
    text: Annotated[str, "the text, unchanged; empty where there is none"]
    at: Annotated[Millis, "when it was asked; the posted time, in recorded time"]
    correlation_id: Annotated[str, "the first command of the chain"]


class AttemptBegun(Record, kw_only=True):
    """delivery.attempts: the worker is about to call the platform. Keyed by delivery id."""

    delivery_id: Annotated[str, "the delivery"]
    attempt: Annotated[int, "which attempt, from 1"]
    account: Annotated[str, "channel and platform id of the account: x:42"]
    begun_at: Annotated[Millis, "by the worker's wall clock"]


class AttemptEnded(Record, kw_only=True):
    """delivery.attempts: what the platform answered. Keyed by delivery id."""

    delivery_id: Annotated[str, "the delivery"]
    attempt: Annotated[int, "which attempt, from 1"]
    account: Annotated[str, "channel and platform id of the account: x:42"]
    ended_at: Annotated[Millis, "by the worker's wall clock"]
    outcome: Annotated[str, "posted, retry, refused or undecided"]
    item_id: Annotated[str | None, "posted: the platform's id"] = None


class CommandResult(Record, kw_only=True):
    """command.results: what became of a command. Kept for a day."""

    command_id: Annotated[str, "the command"]
    command: Annotated[str, "its name"]
    outcome: Annotated[str, "accepted, refused, or duplicate (ignored, because it was here before)"]
    key: Annotated[str, "the key that decided"]
    sequence: Annotated[int, "the key's sequence after it"]
    interaction_id: Annotated[str | None, "the interaction that it opened or changed"] = None
    code: Annotated[str | None, "refused: the reason in a word"] = None
    reason: Annotated[str | None, "refused: the reason as a person reads it"] = None


class DeadLetter(Record, kw_only=True):
    """dead.letters: what could not be read or decided, whole, with the reason. Kept for 30 days."""

    source_topic: Annotated[str, "where it stood; 'webhook' for one that came by HTTP"]
    source_partition: Annotated[int, "its partition; -1 for a webhook"]
    source_offset: Annotated[int, "its offset; -1 for a webhook"]
    key: Annotated[bytes | None, "its key"] = None
    value: Annotated[bytes | None, "its value"] = None
    code: Annotated[str, "the reason in a word"]
    reason: Annotated[str, "the reason as a person reads it; never the words of a message"]
    at: Annotated[Millis, "when it was put here, by the wall clock"]


class PolicyVersion(Record, kw_only=True):
    """policies: one version of the policy, for ever. Keyed by version."""

    version: Annotated[int, "1, 2, 3 …"]
    document: Annotated[bytes, "the policy, JSON"]
    published_at: Annotated[Millis, "by the wall clock"]
    published_by: Annotated[str, "who"]


class AccessToken(Record, kw_only=True):
    """access.tokens: who may use the HTTP API, as what, until when. Keyed by the token's id. Never the secret."""

    token_id: Annotated[str, "the token's id, which may be shown"]
    digest: Annotated[bytes, "SHA-256 of its secret, which has 256 random bits"]
    role: Annotated[str, "agent, supervisor, analyst, auditor or engineer"]
    subject: Annotated[str, "who uses it: for an agent the agent's name"]
    created_at: Annotated[Millis, "by the wall clock"]
    created_by: Annotated[str, "who made it"]
    expires_at: Annotated[Millis | None, "from when on it holds no more; null: until it is revoked"] = None
    revoked_at: Annotated[Millis | None, "when it was revoked"] = None


RECORDS: tuple[type[Record], ...] = (
    Deliver, AttemptBegun, AttemptEnded, CommandResult, DeadLetter, PolicyVersion, AccessToken,
)  # fmt: skip


def is_open(outcome: RecordDelivery) -> bool:
    """Whether an attempt of the delivery has no end yet: the platform could not be asked what came of its call, and
    the next attempt begins with asking."""
    return outcome.outcome == "retry" and outcome.reason == UNDECIDED
