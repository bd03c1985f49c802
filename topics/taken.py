"""A record that the worker of deliveries took up, and what is written of it once it has come to its end."""

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import NamedTuple

from engine.delivery import AttemptEnded, DeadLetter, Deliver, is_open
from engine.envelope import home_of
from engine.interaction.commands import RecordDelivery
from schemas.codec import Codec, UnreadableRecord
from topics.catalogue import DEAD_LETTERS, DELIVERY_ATTEMPTS, INTERACTION_COMMANDS
from topics.headers import Headers
from topics.messages import Arrived
from topics.tracing import AttemptTrace, with_trace


@dataclass(frozen=True, slots=True)
class Taken:
    """With `letter` it can't be read; with `deliver` its attempt is made; with neither it was made before."""

    partition: int
    offset: int
    key: str
    deliver: Deliver | None = None
    letter: DeadLetter | None = None
    attempt: "Future[RecordDelivery] | None" = None
    trace: AttemptTrace | None = None


class Written(NamedTuple):
    """A record to be written, on a topic of topics.catalogue; partition None: that of its key."""

    topic: str
    key: str
    value: bytes
    headers: Headers | None = None
    partition: int | None = None


def letter_of(record: Arrived, topic: str, error: UnreadableRecord, at: int) -> DeadLetter:
    """What is kept of a record that can't be read."""
    return DeadLetter(
        source_topic=topic,
        source_partition=record.partition,
        source_offset=record.offset,
        key=record.key,
        value=record.value,
        code=error.code,
        reason=str(error),
        at=at,
    )


def written(taken: Taken, outcome: RecordDelivery | None, codec: Codec, at: int) -> Iterator[Written]:
    """The dead letter; or the attempt's end, if it has one, and the command that reports it."""
    deliver = taken.deliver
    if taken.letter is not None:
        yield Written(DEAD_LETTERS, taken.key, codec.encode(taken.letter))
    if deliver is None or outcome is None:
        return
    if not is_open(outcome):
        ended = AttemptEnded(
            delivery_id=deliver.delivery_id,
            attempt=deliver.attempt,
            account=f"{deliver.channel}:{deliver.account}",
            ended_at=at,
            outcome=outcome.outcome,
            item_id=outcome.item_id,
        )
        yield Written(DELIVERY_ATTEMPTS, deliver.delivery_id, codec.encode(ended), partition=taken.partition)
    headers = None if taken.trace is None else with_trace(None, taken.trace.header())
    yield Written(INTERACTION_COMMANDS, home_of(deliver.interaction_id), codec.encode(outcome), headers)
