"""The base types of every record that travels: how a struct's fields are declared and documented.

Each field is `Annotated[type, "what it is"]`; `rejoinder schemas generate` writes the .avsc files from
these declarations, so a record's shape and its documentation have one home.
"""

from typing import Annotated, Final

import msgspec


class Timestamp:
    """Marks an int as an instant, in the .avsc `timestamp-millis`."""


TIMESTAMP: Final = Timestamp()

COLLECT_AFTER: Final = 100_000
"""New objects after which a program that handles records by the thousand lets Python look for garbage in circles.
Records and rows form none, and the more of them are in memory, the longer it looks: with Python's own 700 it took a
fifth of the engine's time and a tenth of a rebuild's, and found nothing."""

Millis = Annotated[int, TIMESTAMP]
"""An instant: milliseconds since 1970-01-01T00:00Z."""


class Record(msgspec.Struct, kw_only=True, gc=False):
    """Anything that is written to Kafka: an event, a command, a content or a delivery record."""


class Event(Record, kw_only=True):
    """What every event carries: the envelope. A decider fills the first two fields (and the actor, where it is not the
    command's), the processor the rest.

    The chain: `previous` is the digest (see engine.envelope.digest) of the event before on the same key, and of
    the key itself for the first, so that nothing can be changed, removed or reordered unnoticed.
    """

    interaction_id: Annotated[str | None, "the interaction to which this happened; null for one of the key itself"] = (
        None
    )
    contact_id: Annotated[str | None, "the contact, once it is resolved"] = None
    state: Annotated[
        str | None, "the interaction's state after it, by the lifecycle; null for one of the key itself"
    ] = None
    occurred_at: Annotated[Millis, "when it happened, as the decider was told"] = 0
    event_id: Annotated[str, "derived from the causing input and a counter: deciding again gives the same"] = ""
    sequence: Annotated[int, "1, 2, 3 … without a gap on each key"] = 0
    decided_at: Annotated[Millis, "when it was decided, by the processor's clock"] = 0
    input_topic: Annotated[str, "the topic of the command that led to it; 'timer' for a deadline"] = ""
    input_partition: Annotated[int, "the partition of that command, or of the timer"] = 0
    input_offset: Annotated[int, "the offset of that command; -1 for a timer"] = 0
    causation_id: Annotated[str, "the id of the command (or timer) that led to it"] = ""
    correlation_id: Annotated[str, "the id of the first command of the whole chain"] = ""
    actor_kind: Annotated[str, "customer, agent, supervisor, policy, timer or system"] = ""
    actor_id: Annotated[str | None, "who among them; for a customer the handle id"] = None
    policy_version: Annotated[int, "the version of the policy that decided; 0 before the first"] = 0
    previous: Annotated[bytes, "SHA-256 over the event before on this key"] = b""


class Command(Record, kw_only=True):
    """What every command carries."""

    command_id: Annotated[
        str, "derived from its author and idempotency key, or from what caused it: a repeat has the same"
    ]
    at: Annotated[Millis, "when it was asked: by the wall clock, or in recorded time"]
    actor_kind: Annotated[str, "customer, agent, supervisor, policy, timer or system"] = "system"
    actor_id: Annotated[str | None, "who among them"] = None
    correlation_id: Annotated[str | None, "the first command of the chain; null: this one"] = None
    reply_partition: Annotated[int | None, "partition of command.results where the asker waits; null: nobody does"] = (
        None
    )
    expected_sequence: Annotated[int | None, "refuse if the key has moved on from this sequence"] = None
