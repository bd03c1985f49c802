"""What was recorded: the state at a time, and what happened outside from then on. Reads committed records, writes none.

Of the past are the events of each partition before the first that was decided at that time or later. The facts are what
stands among the commands after those that had been decided by then.
"""

from collections import defaultdict
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from engine.bookkeeping import Emergency, PolicyInForce, Timer
from engine.decider import Decider
from engine.envelope import digest
from engine.errors import RejoinderError
from engine.interaction import commands as c
from engine.interaction import events as e
from engine.interaction.decider import InteractionDecider
from engine.interaction.state import Delivery, Interaction
from engine.record import Command, Event
from engine.routing.decider import RoutingDecider
from projections.records import Logged
from rejoinder.cluster import Cluster
from rejoinder.replaying import Count, Replayed, Wanted, replay
from rejoinder.whatif.facts import CONTROL, Fact, arrival_of, fact_of
from rejoinder.whatif.learning import Learning
from rejoinder.whatif.matters import Matters
from rejoinder.whatif.moments import told
from rejoinder.whatif.presence import Presences
from rejoinder.whatif.samples import Model
from rejoinder.whatif.words import mark, mark_of
from schemas.codec import UnreadableRecord
from topics import policies
from topics.apart import WORDS_KEPT, take_names, take_words
from topics.catalogue import (
    DAY,
    INTERACTION_COMMANDS,
    INTERACTION_CONTENT,
    INTERACTION_EVENTS,
    INTERACTION_PROFILES,
    ROUTING_EVENTS,
)
from topics.deciding import Deciding
from topics.merging import in_order
from topics.messages import Arrived
from topics.reading import Place, read_all, watermarks
from topics.shelves import MemoryShelf, Position

LEARNT_FROM: Final = 30 * DAY
"""How long before the time agents are looked at, milliseconds."""
BATCH: Final = 5_000
STATES: Final[dict[str, type[Decider]]] = {INTERACTION_EVENTS: InteractionDecider, ROUTING_EVENTS: RoutingDecider}


class FactsIncomplete(RejoinderError):
    """Not all that happened in the time is kept, or none of it."""

    exit_code = 2


@dataclass(frozen=True)
class Start:
    """How everything stood when the time began."""

    interactions: MemoryShelf
    routing: MemoryShelf
    policy: int
    """The version that was in force."""
    emergencies: tuple[str, ...]
    """The accounts that had one."""
    with_agents: tuple[tuple[str, Interaction], ...]
    """The interactions that an agent had, or was offered."""
    pending: tuple[tuple[str, Delivery], ...]
    """The deliveries that were on their way."""
    unaccepted: dict[str, tuple[str, int]]
    """Agents who were away because they did not accept in time: their pool, and since when."""


@dataclass
class Answers:
    """What the platforms said of what was posted, so that customers who answer it are understood in a world too."""

    items: defaultdict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    """The platforms' ids, in order, by interaction and kind of delivery."""
    recipients: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    """By interaction, who got the private answer to a comment: the handle, and the platform's id."""

    def note(self, event: Event) -> None:
        match event:
            case e.Replied(item_id=str(item)):
                self.items[event.interaction_id or "", "reply"].append(item)
            case e.NoticePosted(item_id=str(item)):
                self.items[event.interaction_id or "", "notice"].append(item)
            case e.AutoReplied(item_id=str(item)):
                self.items[event.interaction_id or "", "answer"].append(item)
            case _:
                return


@dataclass(frozen=True)
class History:
    """All of it."""

    since: int
    until: int
    start: Start
    facts: tuple[Fact, ...]
    documents: dict[int, bytes]
    """Every version of the policy."""
    events: tuple[Logged, ...]
    """Those of the time."""
    model: Model
    presences: Presences
    answers: Answers
    matters: Matters
    erased: dict[str, e.MessageReceived]
    """The messages of the time whose words were erased, by their marks."""


def read(
    cluster: Cluster,
    since: int,
    until: int | None,
    fold: Callable[[list[Logged]], None],
    told_of: Callable[[Count], None] = lambda count: None,
) -> History:
    """Reads the log as it is now.

    Args:
        since: milliseconds: the time that is looked at begins.
        until: it ends, this moment not included; None: after the last event.
        fold: takes the events of the past, in batches.
        told_of: is told how far it is, now and then.

    Raises:
        FactsIncomplete: commands of that time are not kept any more; there was no policy; there is nothing.
    """
    return _Reading(cluster, since, until, fold).read(told_of)


class _Reading:
    def __init__(self, cluster: Cluster, since: int, until: int | None, fold: Callable[[list[Logged]], None]) -> None:
        self._cluster, self._since, self._until, self._fold = cluster, since, until, fold
        self._states = {topic: Deciding(kind(), cluster.codec, 0, {}, lambda: since) for topic, kind in STATES.items()}
        self._commands = cluster.catalogue.name(INTERACTION_COMMANDS)
        self._partitions = range(cluster.catalogue.topic(INTERACTION_COMMANDS).partitions)
        self._kept = watermarks(cluster.broker, self._commands, self._partitions)
        self._decided = {each: first for each, (first, _) in self._kept.items()}
        """For each partition the offset after the last command that led to anything before the time."""
        self._complete_from = 0
        self._begun: set[Place] = set()
        self._ended: set[Place] = set()
        self._past: list[Logged] = []
        self._events: list[Logged] = []
        self._arrivals: list[Fact] = []
        self._learning = Learning(since - LEARNT_FROM)
        self._unaccepted: dict[str, tuple[str, int]] | None = None
        self._answers = Answers()
        self._matters = Matters()
        self._elsewhere: set[str] = set()
        self._received: dict[str, e.MessageReceived] = {}

    def read(self, told_of: Callable[[Count], None]) -> History:
        count = Count()
        for each in replay(self._cluster, Wanted(streams=("interaction", "routing")), count, lambda: told_of(count)):
            self._take(each)
        self._fold(self._past)
        if self._since < self._complete_from:
            raise FactsIncomplete(
                f"the commands of {told(self._complete_from - 1)} and before are not kept any more: facts are complete "
                f"from {told(self._complete_from)} on; give that time to --from, or a later one"
            )
        if not self._events and self._until is None:
            raise FactsIncomplete(f"nothing was recorded since {told(self._since)}: give an earlier time to --from")
        until = self._until or self._latest() + 1
        start = self._start()
        erased = self._erased()
        facts = sorted([*self._arrivals, *self._facts(until, erased)], key=lambda fact: max(fact.at, self._since))
        return History(
            since=self._since,
            until=until,
            start=start,
            facts=tuple(facts),
            documents={
                each.version: each.document
                for each in policies.versions(self._cluster.broker, self._cluster.catalogue, self._cluster.codec)
            },
            events=tuple(self._events),
            model=self._learning.end(until),
            presences=self._learning.presences,
            answers=self._answers,
            matters=self._matters,
            erased=erased,
        )

    def _take(self, each: Replayed) -> None:
        event, place = each.event, (each.topic, each.record.partition)
        if place in self._ended or (self._until is not None and event.decided_at >= self._until):
            self._ended.add(place)
            return
        is_of_command = event.input_topic == self._commands
        if is_of_command and event.input_offset < self._kept[event.input_partition][0]:
            self._complete_from = max(self._complete_from, event.decided_at + 1)
        logged = Logged(each.topic, each.record.partition, each.record.offset, each.key, 0, b"", b"", event)
        if place in self._begun or event.decided_at >= self._since:
            self._begun.add(place)
            self._take_now(logged, event)
        else:
            if is_of_command:
                self._decided[event.input_partition] = max(self._decided[event.input_partition], event.input_offset + 1)
            self._take_past(logged, event, each.record)
        self._learning.take(each.key, event)

    def _take_past(self, logged: Logged, event: Event, record: Arrived) -> None:
        self._states[logged.topic].replay(logged.key, event, digest(*self._cluster.codec.split(record.value or b"")))
        self._past.append(logged)
        if len(self._past) >= BATCH:
            for state in self._states.values():
                state.state.commit()
            self._fold(self._past)
            self._past = []

    def _take_now(self, logged: Logged, event: Event) -> None:
        if self._unaccepted is None:
            self._unaccepted = dict(self._learning.unaccepted)
        self._events.append(logged)
        self._answers.note(event)
        if isinstance(event, e.RepliedElsewhere):
            self._elsewhere.add(event.correlation_id)
        elif isinstance(event, e.MessageReceived):
            self._received[mark_of(event)] = event
            self._matters.note(event)
        arrival = arrival_of(logged.key, event)
        if arrival is not None and not self._is_return(arrival):
            self._arrivals.append(arrival)

    def _is_return(self, arrival: Fact) -> bool:
        """Whether an agent becomes ready again who had not accepted in time: that is modelled."""
        return getattr(arrival.command, "agent_id", "") in self._learning.unaccepted and (
            getattr(arrival.command, "state", "") == "ready"
        )

    def _latest(self) -> int:
        return max(each.record.decided_at for each in self._events if isinstance(each.record, Event))

    def _start(self) -> Start:
        interactions = self._states[INTERACTION_EVENTS]
        self._take_apart(interactions)
        for state in self._states.values():
            state.state.commit()
        in_force = interactions.state.rows(CONTROL).get(PolicyInForce, "")
        if in_force is None:
            raise FactsIncomplete(
                f"no policy was in force at {told(self._since)}: give a later time to --from; "
                "`rejoinder policy versions` tells when each was published"
            )
        with_agents, pending = [], []
        for rows in interactions.state.all():
            for row_id, row in rows.all():
                if isinstance(row, Interaction) and row.state in ("assigned", "replied") and row.agent_id is not None:
                    with_agents.append((row_id, row))
                elif isinstance(row, Delivery) and row.state == "pending" and not rows.get(Timer, f"retry:{row_id}"):
                    pending.append((row_id, row))
        emergencies = tuple(each.account for each in interactions.state.rows(CONTROL).walk(Emergency))
        return Start(
            interactions=_shelf_of(interactions),
            routing=_shelf_of(self._states[ROUTING_EVENTS]),
            policy=in_force.version,
            emergencies=emergencies,
            with_agents=tuple(with_agents),
            pending=tuple(pending),
            unaccepted=dict(self._learning.unaccepted) if self._unaccepted is None else self._unaccepted,
        )

    def _take_apart(self, interactions: Deciding) -> None:
        """Names, and words that were on their way, as far as they are kept."""
        broker, codec = self._cluster.broker, self._cluster.codec
        decidings = dict.fromkeys(self._partitions, interactions)
        positions = {each: Position(cluster="", event_offset=-1, digest=b"") for each in self._partitions}
        take_names(broker, self._cluster.catalogue.name(INTERACTION_PROFILES), decidings, codec, positions)
        since = max(0, self._since - WORDS_KEPT)
        take_words(broker, self._cluster.catalogue.name(INTERACTION_CONTENT), decidings, codec, positions, since)

    def _erased(self) -> dict[str, e.MessageReceived]:
        """The messages of the time whose words are not there any more."""
        wanted = {event.content_id: event for event in self._received.values()}
        kept: set[str] = set()
        content = self._cluster.catalogue.name(INTERACTION_CONTENT)
        for record in read_all(self._cluster.broker, content, self._partitions, "whatif-content"):
            content_id = record.key.decode()
            if record.value is None:
                kept.discard(content_id)
            elif content_id in wanted:
                kept.add(content_id)
        return {mark_of(event): event for content_id, event in wanted.items() if content_id not in kept}

    def _facts(self, until: int, erased: dict[str, e.MessageReceived]) -> Generator[Fact, None, None]:
        """What happened outside, each partition's in its order, none before the time begins."""
        stretches = {(self._commands, each): (self._decided[each], end) for each, (_, end) in self._kept.items()}
        decoded: dict[tuple[Place, int], Command] = {}
        latest = dict.fromkeys(stretches, self._since)

        def time_of(place: Place, record: Arrived) -> int:
            try:
                command = self._cluster.codec.decode(record.value or b"")
            except UnreadableRecord:
                return 0  # it is among the dead letters
            decoded[place, record.offset] = command
            return int(getattr(command, "at", 0))

        for place, record in in_order(self._cluster.broker, "whatif", stretches, time_of):
            command = decoded.pop((place, record.offset), None)
            if not isinstance(command, Command):
                continue
            latest[place] = at = max(latest[place], command.at)
            if isinstance(command, c.RecordDelivery) and command.recipient_handle is not None:
                self._answers.recipients[command.interaction_id] = command.recipient_handle, command.recipient_id
            fact = fact_of(record.key.decode(), command, at, self._elsewhere)
            if fact is not None and at < until:
                yield _without_erased(fact, erased)


def _without_erased(fact: Fact, erased: dict[str, e.MessageReceived]) -> Fact:
    command = fact.command
    if not isinstance(command, c.ReceiveMessage | c.EditMessage):
        return fact
    instead = mark(command.channel, command.item_id)
    if instead not in erased:
        return fact
    plain = replace(command, text=instead, attachments=[])
    if isinstance(plain, c.ReceiveMessage):
        plain = replace(plain, screen_name=None, name=None)
    return Fact(fact.at, fact.topic, fact.key, plain)


def _shelf_of(deciding: Deciding) -> MemoryShelf:
    shelf = deciding.state.shelf
    assert isinstance(shelf, MemoryShelf)  # none was given
    return shelf
