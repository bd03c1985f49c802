"""What can go wrong between us and Kafka, in sentences for the user."""

from typing import Final

from confluent_kafka import KafkaError, KafkaException

from engine.errors import RejoinderError

PASSING: Final = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TIMED_OUT,
        KafkaError._WAIT_COORD,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
    }
)
"""Errors of reading and asking that pass by themselves: a broker starts, a leader is chosen. (`KafkaError.retriable`
tells this only of the calls of transactions.)"""

FENCED: Final = frozenset({KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH})
"""What a producer is told whose transactional id another one took since."""


def passes(error: KafkaError) -> bool:
    """Whether an error of reading or asking may be gone in a moment."""
    return error.code() in PASSING


def reason_of(error: KafkaException) -> str:
    """What Kafka's client says."""
    return str(error.args[0].str())


class KafkaUnreachable(RejoinderError):
    """Kafka can't be reached."""

    def __init__(self, bootstrap: str, reason: str) -> None:
        super().__init__(
            f"Kafka can't be reached at {bootstrap} ({reason}): start it, or correct the setting kafka.bootstrap"
        )


class KafkaRefused(RejoinderError):
    """Kafka refused a request."""

    def __init__(self, bootstrap: str, reason: str) -> None:
        super().__init__(f"Kafka at {bootstrap} (setting kafka.bootstrap) refused: {reason}")


class TopicMissing(RejoinderError):
    """A topic is not there."""

    def __init__(self, topic: str, bootstrap: str) -> None:
        super().__init__(f"the topic {topic} is not on the Kafka at {bootstrap}: run `rejoinder topics apply`")


class NotPublished(RejoinderError):
    """A record did not reach Kafka, or it is not known whether it did."""


class RegistryUnreachable(RejoinderError):
    """The schema registry can't be reached."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            f"the schema registry at {url} does not answer as it should ({reason}): "
            f"start it, or correct the setting registry.url"
        )


class Incompatible(RejoinderError):
    """A schema may not follow the ones registered before it."""


class PublishingLost(RejoinderError):
    """Others published policies at the same time, again and again."""


class RegistrationLost(RejoinderError):
    """Others registered schemas at the same time, again and again."""


class SettlingLost(RejoinderError):
    """Others settled dead letters at the same time, again and again."""
