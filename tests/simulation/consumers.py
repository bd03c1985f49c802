"""A consumer of the simulated Kafka, with the methods of confluent_kafka's that Rejoinder calls."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from confluent_kafka import TIMESTAMP_CREATE_TIME, KafkaError, KafkaException, TopicPartition

from tests.simulation.groups import Group, Place
from tests.simulation.kafka import Kafka
from tests.simulation.scheduling import Killed, Process

CLUSTER: Final = "simulated"
NO_OFFSET: Final = -1001
LONGEST_IDLE: Final = 4.0
"""An idle consumer is woken after so many seconds at most, and not ten times a second: that is most of a run's time,
and a deadline that is decided late is a fault like any other."""
LONGEST_BUSY: Final = 0.5
AS_IDLE: Final = 0.1
"""A wait that long is one for anything at all."""

Called = Callable[[Any, list[TopicPartition]], None]


class Read(NamedTuple):
    """A message as it is read."""

    at: tuple[str, int, int]
    record: tuple[bytes, bytes | None]
    why: KafkaError | None
    written: int = 0

    def topic(self) -> str:
        return self.at[0]

    def partition(self) -> int:
        return self.at[1]

    def offset(self) -> int:
        return self.at[2]

    def key(self) -> bytes:
        return self.record[0]

    def value(self) -> bytes | None:
        return self.record[1]

    def error(self) -> KafkaError | None:
        return self.why

    def timestamp(self) -> tuple[int, int]:
        return TIMESTAMP_CREATE_TIME, self.written


class Metadata(NamedTuple):
    """What a consumer says of itself when offsets are sent."""

    group: str
    generation: int
    member_id: str
    instance: str | None


class ClusterMetadata(NamedTuple):
    """What list_topics tells."""

    cluster_id: str


class SimulatedConsumer:
    """One client."""

    def __init__(self, kafka: Kafka, process: Process, config: Mapping[str, Any]) -> None:
        self._kafka = kafka
        self._process = process
        self._is_committed = config.get("isolation.level", "read_committed") == "read_committed"
        self._tells_ends = bool(config.get("enable.partition.eof", False))
        self._group_name = str(config["group.id"])
        self._instance: str | None = config.get("group.instance.id")
        self._is_eager = config.get("partition.assignment.strategy") != "cooperative-sticky"
        self._group: Group | None = None
        self._topics: list[str] = []
        self._calls: dict[str, Called] = {}
        self._member_id = ""
        self._generation = -1
        self._held: list[Place] = []
        """What it was given by its group."""
        self._next: dict[Place, int] = {}
        self._told: dict[Place, int] = {}
        """The end of which it was told last."""
        self._paused: set[Place] = set()
        self._is_closed = False
        self._is_fenced = False

    @property
    def is_silent(self) -> bool:
        """Whether its group can't hear it."""
        return self._is_closed or self._process.is_dead or self._process.paused_until > self._kafka.scheduler.now

    # --- the group ---

    def subscribe(
        self, topics: list[str], on_assign: Called, on_revoke: Called | None = None, on_lost: Called | None = None
    ) -> None:
        self._topics = topics
        self._calls = {"assign": on_assign}
        if on_revoke is not None:
            self._calls["revoke"] = on_revoke
        if (lost := on_lost or on_revoke) is not None:
            self._calls["lost"] = lost
        self._group = self._kafka.group(self._group_name, self._is_eager)

    def fall_silent(self) -> None:
        """Its process is paused, or gone."""
        if self._group is not None and self._member_id and not self._is_fenced:
            self._group.silent(self._instance or "", self._member_id)

    def consumer_group_metadata(self) -> Metadata:
        """What the client knows: its own thread hears of a new generation, sooner or later."""
        group = self._group
        assert group is not None
        is_member = group.is_member(self._instance or "", self._member_id)
        if is_member and self._kafka.scheduler.chance.random() < 0.8:
            self._generation = group.generation
        return Metadata(self._group_name, self._generation, self._member_id, self._instance)

    def _is_behind(self) -> bool:
        """Whether the group has something to say."""
        group, instance = self._group, self._instance or ""
        if group is None or self._is_fenced:
            return self._is_fenced
        if not group.is_member(instance, self._member_id) or instance in group.waited_for:
            return True
        if group.waited_for:
            return False
        return self._generation != group.generation or group.owned(instance) != self._held

    def _serve(self) -> None:
        """Hears what became of the group, and tells the worker. Each thing that is told may take long."""
        group, instance = self._group, self._instance or ""
        if group is None or self._is_fenced:
            return
        if not self._member_id:
            self._join(group)
        elif instance not in group.members:
            self._let_go(self._held, "lost")
            self._join(group)
        elif not group.is_member(instance, self._member_id):
            self._is_fenced = True
            self._kafka.faults.saw("zombie fenced")
            return
        if instance in group.waited_for:
            self._let_go(self._held, "revoke")
            if group.is_member(instance, self._member_id) and instance in group.waited_for:
                group.let_go(instance)
        if not group.is_member(instance, self._member_id) or group.waited_for:
            return
        self._generation = group.generation
        owned = group.owned(instance)
        going = [place for place in self._held if place not in owned]
        if going:
            self._let_go(going, "revoke")
        if (group.is_member(instance, self._member_id) and group.release(instance)) or going:
            return
        coming = [place for place in owned if place not in self._held]
        if coming:
            self._held = owned
            self._tell("assign", coming)

    def _join(self, group: Group) -> None:
        places = [place for place in self._kafka.partitions if place[0] in self._topics]
        self._member_id = group.join(self._instance or "", places, self)
        self._generation = group.generation

    def _let_go(self, places: list[Place], how: str) -> None:
        if places:
            self._tell(how, places)
            self._held = [place for place in self._held if place not in places]
            self._forget(places)

    def _tell(self, what: str, places: list[Place]) -> None:
        if what in self._calls:
            self._calls[what](self, [TopicPartition(*place) for place in places])

    # --- what it reads ---

    def assign(self, places: list[TopicPartition]) -> None:
        self._next.clear()
        self._told.clear()
        self.incremental_assign(places)

    def incremental_assign(self, places: list[TopicPartition]) -> None:
        for each in places:
            self._next[each.topic, each.partition] = max(0, each.offset)

    def unassign(self) -> None:
        self._forget(list(self._next))

    def _forget(self, places: list[Place]) -> None:
        for place in places:
            self._next.pop(place, None)
            self._told.pop(place, None)
            self._paused.discard(place)

    def seek(self, place: TopicPartition) -> None:
        self._next[place.topic, place.partition] = place.offset
        self._told.pop((place.topic, place.partition), None)

    def pause(self, places: list[TopicPartition]) -> None:
        self._paused |= {(each.topic, each.partition) for each in places}

    def resume(self, places: list[TopicPartition]) -> None:
        self._paused -= {(each.topic, each.partition) for each in places}

    def consume(self, num_messages: int = 1, timeout: float = -1) -> list[Read]:
        """What there is; where there is nothing, what comes within the time."""
        scheduler = self._kafka.scheduler
        self._wait(0, None, "consume")
        found = self._look(num_messages)
        if found or timeout <= 0:
            return found
        if num_messages == 1:
            longest = LONGEST_IDLE if timeout >= AS_IDLE else LONGEST_BUSY
            timeout = max(timeout, scheduler.chance.uniform(0, longest))
        turns = self._process.turns
        self._wait(timeout, lambda: self._process.turns != turns or self._has_something(), "idle")
        return self._look(num_messages)

    def _wait(self, seconds: float, until: Callable[[], bool] | None, at: str) -> None:
        if self._process.is_dead:
            raise Killed
        self._kafka.scheduler.wait(seconds, until, at)

    def _has_something(self) -> bool:
        if self._is_behind():
            return True
        return any(self._is_readable(place) for place in self._next)

    def _is_readable(self, place: Place) -> bool:
        if self._paused and place in self._paused:
            return False
        end = self._end(place)
        return self._next[place] < end or (self._tells_ends and self._told.get(place) != end)

    def _end(self, place: Place) -> int:
        partition = self._kafka.partitions[place]
        return partition.stable if self._is_committed else len(partition.records)

    def _look(self, most: int) -> list[Read]:
        self._serve()
        if self._is_fenced:
            error = KafkaError(KafkaError._FATAL, "another client has this group.instance.id", True)
            return [Read(("", 0, 0), (b"", None), error)]
        places = [place for place in self._next if self._is_readable(place)]
        if len(places) > 1:
            self._kafka.scheduler.chance.shuffle(places)
        found: list[Read] = []
        for place in places:
            self._fetch(place, most, found)
        return found

    def _fetch(self, place: Place, most: int, found: list[Read]) -> None:
        partition, end = self._kafka.partitions[place], self._end(place)
        offset = self._next[place]
        while offset < end and len(found) < most:
            record = partition.records[offset]
            is_shown = partition.is_shown(offset) if self._is_committed else not record.is_mark
            if is_shown:
                found.append(Read((*place, offset), (record.key, record.value), None, record.at))
            offset += 1
        self._next[place] = offset
        if self._tells_ends and offset >= end and len(found) < most and self._told.get(place) != end:
            self._told[place] = end
            found.append(Read((*place, end), (b"", None), KafkaError(KafkaError._PARTITION_EOF)))

    # --- what it asks ---

    def get_watermark_offsets(self, place: TopicPartition, timeout: float = -1) -> tuple[int, int]:
        self._wait(0, None, "watermarks")
        return 0, self._end((place.topic, place.partition))

    def offsets_for_times(self, places: list[TopicPartition], timeout: float = -1) -> list[TopicPartition]:
        """The first record written then or later; -1 where there is none."""
        self._wait(0, None, "times")
        return [TopicPartition(each.topic, each.partition, self._since(each)) for each in places]

    def _since(self, place: TopicPartition) -> int:
        records = self._kafka.partitions[place.topic, place.partition].records[
            : self._end((place.topic, place.partition))
        ]
        return next((offset for offset, record in enumerate(records) if record.at >= place.offset), -1)

    def list_topics(self, topic: str = "", timeout: float = -1) -> ClusterMetadata:
        return ClusterMetadata(CLUSTER)

    def committed(self, places: list[TopicPartition], timeout: float = -1) -> list[TopicPartition]:
        """Waits until nothing is pending, as a reader of committed records does (KIP-447)."""
        group = self._kafka.group(self._group_name)
        wanted = [(each.topic, each.partition) for each in places]

        def is_settled() -> bool:
            return not any(group.pending.get(place) for place in wanted)

        self._wait(0, None, "committed")
        if not is_settled():
            self._wait(timeout, is_settled, "committed")
            if not is_settled():
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "offsets are not decided", False, True))
        found = [(place, group.offsets.get(place, (NO_OFFSET, ""))) for place in wanted]
        return [TopicPartition(*place, offset, metadata) for place, (offset, metadata) in found]

    def close(self) -> None:
        """A static member stays one until its session is over."""
        if self._is_closed or self._process.is_dead:
            return
        if self._held and not self._is_fenced:
            self._let_go(self._held, "revoke")
        self._is_closed = True
        self.fall_silent()
