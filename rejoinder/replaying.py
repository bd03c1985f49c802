"""Reading any part of the log again, in the order of time, for people and for other programs."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from engine.envelope import home_of, partition_of
from engine.interaction.events import MessageReceived
from engine.record import Event
from rejoinder.cluster import Cluster
from topics.catalogue import HOUR, INTERACTION_EVENTS, ROUTING_EVENTS
from topics.merging import in_order
from topics.messages import Arrived
from topics.reading import Place, offsets_at, watermarks

STREAMS: Final = {"interaction": INTERACTION_EVENTS, "routing": ROUTING_EVENTS}


@dataclass(frozen=True)
class Wanted:
    """Which part of the log. What is None does not matter."""

    streams: tuple[str, ...] = ("interaction",)
    partition: int | None = None
    from_offset: int | None = None
    to_offset: int | None = None
    """The first that is not wanted."""
    since: int | None = None
    """Milliseconds, by when it occurred."""
    until: int | None = None
    """The first moment that is not wanted."""
    key: str | None = None
    contact: str | None = None
    interaction: str | None = None
    account: str | None = None
    """Channel and id: x:42."""
    types: frozenset[str] = field(default_factory=frozenset)
    """None of them: all."""


class Replayed(NamedTuple):
    """An event of the log, as it stands there and decoded."""

    topic: str
    """In the catalogue's words."""
    record: Arrived
    key: str
    event: Event


@dataclass
class Count:
    """How far it is."""

    read: int = 0
    """Offsets that were passed."""
    of: int = 0
    chosen: int = 0


def replay(cluster: Cluster, wanted: Wanted, count: Count, told: Callable[[], None]) -> Generator[Replayed, None, None]:
    """The events of a part of the log as it is now: each key's in their order, over keys in the order of time.

    Args:
        count: kept up to date.
        told: called now and then.

    Raises:
        UnreadableRecord: a record is of a type that is newer than the code.
    """
    names = {cluster.catalogue.name(STREAMS[each]): STREAMS[each] for each in wanted.streams}
    stretches = {place: stretch for name in names for place, stretch in _stretches(cluster, name, wanted).items()}
    count.of = sum(end - start for start, end in stretches.values())
    passed = {place: start for place, (start, _) in stretches.items()}
    chosen = _Chosen(wanted)
    decoded: dict[tuple[Place, int], Event] = {}

    def time_of(place: Place, record: Arrived) -> int:
        event: Event = cluster.codec.decode(record.value or b"")
        decoded[place, record.offset] = event
        return event.occurred_at

    for place, record in in_order(cluster.broker, "replay", stretches, time_of):
        count.read += record.offset + 1 - passed[place]
        passed[place] = record.offset + 1
        event = decoded.pop((place, record.offset))
        if chosen.has(event, record):
            count.chosen += 1
            yield Replayed(names[place[0]], record, record.key.decode(), event)
        told()


def _stretches(cluster: Cluster, topic: str, wanted: Wanted) -> Mapping[Place, tuple[int, int]]:
    """Where it begins and ends in each partition that can have any of it."""
    partitions = _partitions(cluster, topic, wanted)
    found = watermarks(cluster.broker, topic, partitions)
    low = {each: first for each, (first, _) in found.items()}
    high = {each: end for each, (_, end) in found.items()}
    if wanted.since is not None and wanted.account is None:
        # An event is written after it occurred, or its writer's clock is wrong: by less than an hour.
        early = offsets_at(cluster.broker, topic, dict.fromkeys(partitions, max(0, wanted.since - HOUR)))
        low = {each: max(low[each], early[each]) for each in partitions}
    if wanted.from_offset is not None:
        low = {each: max(low[each], wanted.from_offset) for each in partitions}
    if wanted.to_offset is not None:
        high = {each: min(high[each], wanted.to_offset) for each in partitions}
    return {(topic, each): (low[each], high[each]) for each in partitions}


def _partitions(cluster: Cluster, topic: str, wanted: Wanted) -> list[int]:
    every = cluster.catalogue.topics[topic].partitions
    key = wanted.key or (None if wanted.interaction is None else home_of(wanted.interaction))
    if wanted.partition is not None:
        return [wanted.partition]
    return list(range(every)) if key is None else [partition_of(key, every)]


class _Chosen:
    """Says of each event whether it is wanted; they come in their order."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._of_account: set[str] = set()
        """The interactions with the account that is wanted, by their first message."""

    def has(self, event: Event, record: Arrived) -> bool:
        wanted = self._wanted
        if wanted.account is not None and not self._is_of_account(event, wanted.account):
            return False
        return (
            (wanted.since is None or event.occurred_at >= wanted.since)
            and (wanted.until is None or event.occurred_at < wanted.until)
            and (wanted.key is None or record.key == wanted.key.encode())
            and (wanted.contact is None or event.contact_id == wanted.contact)
            and (wanted.interaction is None or event.interaction_id == wanted.interaction)
            and (not wanted.types or type(event).__name__ in wanted.types)
        )

    def _is_of_account(self, event: Event, account: str) -> bool:
        if event.interaction_id is None:
            return getattr(event, "account", None) == account
        if isinstance(event, MessageReceived) and f"{event.channel}:{event.account}" == account:
            self._of_account.add(event.interaction_id)
        return event.interaction_id in self._of_account
