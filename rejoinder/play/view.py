"""What the player sees of an instance: the events and results, read as they are committed."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from engine.delivery import CommandResult, DeadLetter
from engine.interaction import contact_events as ce
from engine.interaction import events as e
from engine.record import Event
from rejoinder.cluster import Cluster
from rejoinder.play.obligations import Obligations
from topics import clients
from topics.catalogue import COMMAND_RESULTS, DEAD_LETTERS, INTERACTION_EVENTS, ROUTING_EVENTS
from topics.errors import passes
from topics.reading import high_watermarks

BATCH = 2_000
FROM_THE_BEGINNING = (INTERACTION_EVENTS, ROUTING_EVENTS)
WAIT = 0.05
GATHER = 0.002


@dataclass
class Seen:
    """Everything that was seen, by what the player asks for."""

    interactions: dict[tuple[str, str], str] = field(default_factory=dict)
    """The interaction of each platform item, by channel and id."""
    states: dict[str, str] = field(default_factory=dict)
    agents: dict[str, str] = field(default_factory=dict)
    """Who accepted each interaction."""
    offers: dict[str, e.Assigned] = field(default_factory=dict)
    """The offer of each interaction that was not accepted yet."""
    requested: dict[str, str] = field(default_factory=dict)
    """The delivery that each command asked for."""
    settled: dict[str, str] = field(default_factory=dict)
    """What came of each delivery of an agent: posted, failed or abandoned."""
    under_way: dict[str, str] = field(default_factory=dict)
    """The deliveries, automatic ones too, of which it is not known yet what came, with their interactions."""
    linked: set[str] = field(default_factory=set)
    """The keys of handles whose messages go to a contact elsewhere."""
    retries: dict[str, int] = field(default_factory=dict)
    """When each delivery that failed for now is tried again, in recorded time."""
    refused: dict[str, str] = field(default_factory=dict)
    """Commands that were refused, with the code: for ever in the log."""
    results: dict[str, CommandResult] = field(default_factory=dict)
    """What was answered to commands since the player began."""
    ended: set[str] = field(default_factory=set)
    """Interactions that were dispositioned."""
    owed: Obligations = field(default_factory=Obligations)
    buried: int = 0
    """Dead letters since the player began."""
    events: int = 0

    def take(self, record: object, key: str = "") -> None:
        """Notes one record."""
        self.owed.take(record)
        self._note_delivery(record)
        match record:
            case e.MessageReceived():
                self.interactions[record.channel, record.item_id] = record.interaction_id or ""
            case ce.HomeLinked():
                self.linked.add(key)
            case ce.HomeUnlinked():
                self.linked.discard(key)
            case e.Assigned(reservation_id=str()):
                self.offers[record.interaction_id or ""] = record
            case e.Assigned():
                self._accepted(record.interaction_id or "", record.agent_id)
            case e.Accepted():
                self._accepted(record.interaction_id or "", record.agent_id)
            case e.Queued() | e.QueuedAgain() | e.OutOfHours():
                self.agents.pop(record.interaction_id or "", None)
                self.offers.pop(record.interaction_id or "", None)
            case e.ReplyRequested():
                self.requested[record.causation_id] = record.delivery_id
            case e.DeliveryFailed():
                self.retries[record.delivery_id] = record.retry_at
            case e.DeliveryRetried() | e.NoticePosted() | e.AutoReplied() | e.Engaged() | e.Moderated():
                self.retries.pop(record.delivery_id, None)
            case e.Replied():
                self._settle(record.delivery_id, "posted")
            case e.ReplyFailed():
                self._settle(record.delivery_id, "failed")
            case e.ReplyAbandoned():
                self._settle(record.delivery_id, "abandoned")
            case e.CommandRefused():
                self.refused[record.causation_id] = record.code
            case e.Dispositioned():
                self.ended.add(record.interaction_id or "")
            case CommandResult():
                self.results[record.command_id] = record
            case DeadLetter():
                self.buried += 1
        if isinstance(record, Event):
            self.events += 1
            if record.interaction_id is not None and record.state is not None:
                self.states[record.interaction_id] = record.state

    def is_placed(self, item: tuple[str, str]) -> bool:
        """Whether a customer's message is part of an interaction, and all that it led to by itself is done."""
        where = self.interactions.get(item)
        if where is None or self.states.get(where) == "received":
            return False
        # One whose contact is known and no more waits for the automatic answer that ends it.
        return where not in self.under_way.values() and self.states.get(where) != "contact_resolved"

    def _note_delivery(self, record: object) -> None:
        match record:
            case e.Posting() | e.EngagementRequested() | e.ModerationRequested():
                self.under_way[record.delivery_id] = record.interaction_id or ""
            case e.Replied() | e.NoticePosted() | e.AutoReplied() | e.Engaged() | e.Moderated():
                self.under_way.pop(record.delivery_id, None)
            case e.ReplyFailed() | e.ReplyAbandoned():
                self.under_way.pop(record.delivery_id, None)

    def _settle(self, delivery_id: str, how: str) -> None:
        self.retries.pop(delivery_id, None)
        self.settled[delivery_id] = how

    def _accepted(self, interaction_id: str, agent_id: str) -> None:
        self.offers.pop(interaction_id, None)
        self.agents[interaction_id] = agent_id


class View:
    """Keeps a `Seen` up to date from a thread, and lets tasks wait for what they need to see."""

    def __init__(self, cluster: Cluster, on_offer: Callable[[e.Assigned], None]) -> None:
        self.seen = Seen()
        self._cluster = cluster
        self._on_offer = on_offer
        self._stop = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._seen_at = self._loop.time()
        self._waiting: dict[asyncio.Future[None], Callable[[Seen], bool]] = {}
        self._failure: str | None = None
        self.caught_up = asyncio.Event()
        self._thread = threading.Thread(target=self._follow, name="view", daemon=True)
        self._thread.start()

    async def until(self, condition: Callable[[Seen], bool], patience: float, what: str) -> None:
        """Waits until a condition holds of what was seen.

        Raises:
            TimeoutError: nothing at all was seen for `patience` seconds, and it does not hold.
            RuntimeError: the view can't be read any more.
        """
        while not condition(self.seen):
            if self._failure is not None:
                raise RuntimeError(self._failure)
            await self._wait(condition, patience, what)

    async def _wait(self, condition: Callable[[Seen], bool], patience: float, what: str) -> None:
        """Returns once it held. Hundreds wait at a time, and to wake a task for nothing costs far more than a look."""
        held, since = self._loop.create_future(), self._loop.time()
        self._waiting[held] = condition
        try:
            while not held.done():
                quiet = self._loop.time() - max(since, self._seen_at)
                if quiet >= patience:
                    raise TimeoutError(f"{what}, and nothing happened for {patience:.0f} s")
                await asyncio.wait([held], timeout=patience - quiet)
        finally:
            del self._waiting[held]

    async def close(self) -> None:
        """Ends the thread."""
        self._stop.set()
        await asyncio.to_thread(self._thread.join)

    def _follow(self) -> None:
        try:
            self._read()
        except (KafkaException, RuntimeError) as error:
            self._loop.call_soon_threadsafe(self.fail, f"the player can't read events any more: {error}")

    def _read(self) -> None:
        catalogue = self._cluster.catalogue
        consumer = Consumer(clients.reader(self._cluster.bootstrap, "player-view") | {"enable.partition.eof": True})
        places: list[TopicPartition] = []
        ends: set[tuple[str, int]] = set()
        for topic in map(catalogue.topic, (*FROM_THE_BEGINNING, COMMAND_RESULTS, DEAD_LETTERS)):
            for partition in range(topic.partitions):
                offset = 0
                if topic.name in map(catalogue.name, FROM_THE_BEGINNING):
                    ends.add((topic.name, partition))
                else:
                    offset = high_watermarks(self._cluster.broker, topic.name, [partition])[partition]
                places.append(TopicPartition(topic.name, partition, offset))
        try:
            consumer.assign(places)
            while not self._stop.is_set():
                batch: list[tuple[object, str]] = []
                messages = consumer.consume(1, WAIT)
                if messages:
                    messages += consumer.consume(BATCH, GATHER)  # a full wait for company would cost each line one
                for message in messages:
                    error, value = message.error(), message.value()
                    if error is None and value is not None:
                        batch.append((self._cluster.codec.decode(value), (message.key() or b"").decode()))
                    elif error is not None and error.code() == KafkaError._PARTITION_EOF:
                        ends.discard((message.topic() or "", message.partition() or 0))
                    elif error is not None and not passes(error):
                        raise KafkaException(error)
                if batch or (not ends and not self.caught_up.is_set()):
                    self._loop.call_soon_threadsafe(self._take, batch, not ends)
        finally:
            consumer.close()

    def _take(self, batch: list[tuple[object, str]], caught_up: bool) -> None:
        for record, key in batch:
            self.seen.take(record, key)
        new = [record for record, _ in batch]
        if caught_up and not self.caught_up.is_set():
            self.caught_up.set()
            new = list(self.seen.offers.values())
        for record in new if caught_up else ():
            if isinstance(record, e.Assigned) and self.seen.offers.get(record.interaction_id or "") is record:
                self._on_offer(record)
        self._wake()

    def fail(self, why: str) -> None:
        """Ends all waiting, with this reason."""
        self._failure = why
        self._wake()

    def _wake(self) -> None:
        """Lets those go on whose condition holds; or all, if there is nothing to wait for any more."""
        self._seen_at = self._loop.time()
        for held, condition in self._waiting.items():
            if not held.done() and (self._failure is not None or condition(self.seen)):
                held.set_result(None)
