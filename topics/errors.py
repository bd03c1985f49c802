"""What can go wrong between us and Kafka, in sentences for the user."""

from engine.errors import RejoinderError


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


class RegistrationLost(RejoinderError):
    """Others registered schemas at the same time, again and again."""
