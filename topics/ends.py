"""Where the records of a transaction come to stand in the log."""

from collections.abc import Iterator
from dataclasses import dataclass

from confluent_kafka import KafkaError, Message
from msgspec.structs import replace

from engine.envelope import partition_of
from topics.catalogue import Catalogue, Topic
from topics.deciding import Output
from topics.shelves import Position
from topics.transactions import OnDelivery


@dataclass(slots=True)
class End:
    """The last record of a transaction in one partition of a topic."""

    digest: bytes
    offset: int = -1
    """Known once the broker has it."""

    def told(self, error: KafkaError | None, message: Message) -> None:
        """The broker has it; or not, then the transaction fails."""
        if error is None:
            self.offset = message.offset() or 0


class Ends:
    """The records of a transaction with their places, and where in the log each partition's last one comes to stand.

    Only the last ones are asked for: a call for each record would cost more than all else that is done for it here.
    """

    def __init__(self, outputs: list[Output], catalogue: Catalogue) -> None:
        self._outputs = outputs
        self._topics = [catalogue.topic(output.topic) for output in outputs]
        self._places = [
            (topic.name, partition_of(output.key, topic.partitions))
            for output, topic in zip(outputs, self._topics, strict=True)
        ]
        self._last = {place: at for at, place in enumerate(self._places)}
        self._ends = {place: End(outputs[at].digest) for place, at in self._last.items()}

    def records(self) -> Iterator[tuple[Output, Topic, int, OnDelivery | None]]:
        """Each record with its topic, its partition, and what is to be called once the broker has it."""
        for at, (output, topic, place) in enumerate(zip(self._outputs, self._topics, self._places, strict=True)):
            yield output, topic, place[1], self._ends[place].told if self._last[place] == at else None

    def events(self) -> list[tuple[str, int, list[Output], End]]:
        """The events by topic (the catalogue's word) and partition, in their order, with where the last one stands."""
        found: dict[tuple[str, int], list[Output]] = {}
        for output, place in zip(self._outputs, self._places, strict=True):
            if output.event is not None:
                events = found.get(place)
                if events is None:
                    events = found[place] = []
                events.append(output)
        return [(events[0].topic, place[1], events, self._ends[place]) for place, events in sorted(found.items())]

    def of(self, topic: str, partition: int) -> End | None:
        """The last record in a partition, if there was one."""
        return self._ends.get((topic, partition))

    def after(
        self, position: Position, partition: int, events: str, content: str | None, profiles: str | None
    ) -> Position:
        """How much of the log a partition's state reflects once this stands. None: there is no such topic."""
        event, words = self.of(events, partition), self.of(content or "", partition)
        if event is not None:
            position = replace(position, event_offset=event.offset, digest=event.digest)
        if words is not None:
            position = replace(position, content_offset=words.offset)
        names = self.of(profiles or "", partition)
        return position if names is None else replace(position, profiles_offset=names.offset)
