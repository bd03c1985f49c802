"""The table of the audit trail."""

from datetime import datetime
from typing import Annotated, Final

from projections.tables import Json, Row, Table


class Event(Row):
    """One row for each event of the log, with its position, its envelope and its facts; never anybody's words."""

    topic: Annotated[str, "interaction.events or routing.events"]
    partition: Annotated[int, "the partition of the topic"]
    record_offset: Annotated[int, "the offset in that partition"]
    key: Annotated[str, "the key: a home, a pool, or ~ and a partition for what concerns all of one"]
    event_type: Annotated[str, "what happened"]
    schema_id: Annotated[int, "the id of the schema that it was written with"]
    digest: Annotated[bytes, "SHA-256 over the fingerprint of its schema and its Avro bytes"]
    previous: Annotated[bytes, "the digest of the event before on this key that it names"]
    interaction_id: Annotated[str | None, "the interaction to which it happened; null for one of the key itself"]
    contact_id: Annotated[str | None, "the contact, once it is resolved"]
    state: Annotated[str | None, "the interaction's state after it"]
    occurred_at: Annotated[datetime, "when it happened, as the decider was told"]
    event_id: Annotated[str, "its id: derived from the causing input and a counter"]
    sequence: Annotated[int, "1, 2, 3 … without a gap on each key"]
    decided_at: Annotated[datetime, "when it was decided, by the processor's clock"]
    input_topic: Annotated[str, "the topic of the command that led to it; 'timer' for a deadline"]
    input_partition: Annotated[int, "the partition of that command, or of the timer"]
    input_offset: Annotated[int, "the offset of that command; -1 for a timer"]
    causation_id: Annotated[str, "the id of the command (or timer) that led to it"]
    correlation_id: Annotated[str, "the id of the first command of the whole chain"]
    actor_kind: Annotated[str, "customer, agent, supervisor, policy, timer or system"]
    actor_id: Annotated[str | None, "who among them; for a customer the handle"]
    policy_version: Annotated[int, "the version of the policy that decided; 0 before the first"]
    facts: Annotated[Json, "what the event says beyond its envelope; bytes as hex digits"]


EVENTS: Final = Table(
    "events",
    Event,
    ("topic", "partition", "record_offset"),
    (
        "interaction_id, sequence",
        "key, sequence WHERE interaction_id IS NULL",
        "decided_at WHERE event_type IN ('ContactErased', 'WordsErased', 'MessageDeleted')",
    ),
)
