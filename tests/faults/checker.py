"""Says what is wrong with a log and with what was made of it, as Jepsen's checkers do. No Kafka here: only records.

Each rule is a function of records that gives what it found; `whole` holds all of them against a run. They know what
the log promises (docs/why/exactly-once.md), and of the code only the two functions that evolve an event.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from engine.delivery import CommandResult, DeadLetter, Deliver
from engine.envelope import genesis, partition_of
from engine.interaction import commands as c
from engine.interaction import events as e
from engine.interaction.decider import InteractionDecider
from engine.interaction.state import Interaction
from engine.record import Command, Event
from engine.routing import commands as rc
from engine.routing import events as re
from engine.routing.evolve import evolve
from engine.routing.state import Agent, Reservation, Slot
from engine.rows import Journal, Rows

Place = tuple[str, int, int]
"""Topic (in the catalogue's words), partition, offset."""


class Kind(StrEnum):
    """What can be wrong."""

    LOST = "lost"
    DOUBLED = "doubled"
    REORDERED = "reordered"
    GAP = "gap"
    CHAIN = "chain broken"
    MISPLACED = "wrong partition"
    ABORTED = "aborted but seen"
    TORN = "half of a transaction"
    SLOT = "slot leaked"
    PROJECTION = "projection differs"
    POST = "posted twice"


@dataclass(frozen=True)
class Violation:
    """One thing that is wrong, and where."""

    kind: Kind
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}"


@dataclass(frozen=True)
class Entry:
    """A committed record. `record` None: a tombstone, or one that nobody can read."""

    topic: str
    partition: int
    offset: int
    key: str
    record: object | None
    digest: bytes = b""
    """An event's: what the next on its key has to name."""

    @property
    def place(self) -> Place:
        return self.topic, self.partition, self.offset

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}@{self.offset}"


@dataclass
class Run:
    """All that a run left behind. Lists of entries are in the order of each partition."""

    partitions: int
    acknowledged: set[str] = field(default_factory=set)
    """The ids of commands of which Kafka said that it has them."""
    commands: list[Entry] = field(default_factory=list)
    """Of both deciders."""
    events: list[Entry] = field(default_factory=list)
    """Of both deciders."""
    content: list[Entry] = field(default_factory=list)
    deliveries: list[Entry] = field(default_factory=list)
    results: list[Entry] = field(default_factory=list)
    dead_letters: list[Entry] = field(default_factory=list)
    seen: list[Place] | None = None
    """Of which events the audit trail has rows; None: nobody projected."""
    aborted: set[Place] = field(default_factory=set)
    """Where events of aborted transactions lie."""


def whole(run: Run) -> list[Violation]:
    """Everything that is wrong with a run that has come to rest."""
    return [
        *chains(run.events, run.partitions),
        *order(run.events),
        *outcomes(run.acknowledged, run.commands, run.events, run.results, run.dead_letters),
        *together(run.events, run.commands, run.content, run.deliveries),
        *slots(run.events),
        *([] if run.seen is None else audited(run.events, run.seen, run.aborted)),
    ]


def chains(events: Iterable[Entry], partitions: int) -> Iterator[Violation]:
    """Ids once; on each key the sequence 1, 2, 3 … and the digest of the one before; each key on its partition."""
    known: set[str] = set()
    ends: dict[tuple[str, str], tuple[int, bytes]] = {}
    for entry in events:
        event = entry.record
        if not isinstance(event, Event):
            yield Violation(Kind.GAP, f"{entry} is no event")
            continue
        sequence, before = ends.get((entry.topic, entry.key), (0, genesis(entry.key)))
        if event.event_id in known:
            yield Violation(Kind.DOUBLED, f"{entry}: event {event.event_id} stands twice")
        if event.sequence != sequence + 1:
            yield Violation(Kind.GAP, f"{entry}: sequence {event.sequence} after {sequence} on {entry.key}")
        if event.previous != before:
            yield Violation(Kind.CHAIN, f"{entry}: the digest before is not that of event {sequence} on {entry.key}")
        if partition_of(entry.key, partitions) != entry.partition:
            yield Violation(Kind.MISPLACED, f"{entry}: {entry.key} does not belong on this partition")
        known.add(event.event_id)
        ends[(entry.topic, entry.key)] = (event.sequence, entry.digest)


def order(events: Iterable[Entry]) -> Iterator[Violation]:
    """What was asked first on a key was decided first. Deadlines come when they come."""
    last: dict[tuple[str, str], int] = {}
    for entry in events:
        event = entry.record
        if not isinstance(event, Event) or event.input_offset < 0:
            continue
        before = last.get((entry.topic, entry.key), -1)
        if event.input_offset < before:
            yield Violation(
                Kind.REORDERED, f"{entry} is of the command at {event.input_offset}, after one of that at {before}"
            )
        last[(entry.topic, entry.key)] = event.input_offset


ORDERED = (e.Posting, e.EngagementRequested, e.ModerationRequested)
"""Each is an order to a platform: agents' answers, automatic ones, and what is done beside them."""
SURE_OF_AN_EVENT = (
    c.Reserve, rc.RequestAgent, rc.WithdrawRequest, rc.ConfirmReservation, rc.EndReservation, rc.OccupySlot,
    rc.FreeSlot,
)  # fmt: skip
"""Commands that follow from an event, and always lead to one."""


def outcomes(
    acknowledged: set[str],
    commands: Sequence[Entry],
    events: Iterable[Entry],
    results: Iterable[Entry],
    dead_letters: Iterable[Entry],
) -> Iterator[Violation]:
    """Each command that Kafka has came to one end: events, an answer, or a dead letter."""
    written = Counter(entry.record.command_id for entry in commands if isinstance(entry.record, Command))
    for command_id in sorted(acknowledged - set(written)):
        yield Violation(Kind.LOST, f"command {command_id} was acknowledged, and is not in the log")
    decided: dict[Place, set[str]] = defaultdict(set)
    for entry in events:
        if isinstance(entry.record, Event) and entry.record.input_offset >= 0:
            name = entry.topic.replace(".events", ".commands")
            place = (name, entry.record.input_partition, entry.record.input_offset)
            decided[place].add(entry.record.causation_id)
    answered = Counter(entry.record.command_id for entry in results if isinstance(entry.record, CommandResult))
    buried = Counter(_source(entry.record) for entry in dead_letters if isinstance(entry.record, DeadLetter))
    asked: set[Place] = set()
    for entry in commands:
        asked.add(entry.place)
        yield from _ends(entry, decided.get(entry.place, set()), answered, buried[entry.place])
    for place in sorted(set(decided) - asked):
        yield Violation(Kind.ABORTED, f"events name {place} as their command, where none was committed")
    for command_id, count in answered.items():
        if count > written.get(command_id, 0):
            yield Violation(Kind.DOUBLED, f"command {command_id} was answered {count} times")
    for place, count in buried.items():
        if count > 1 and place[2] >= 0:
            yield Violation(Kind.DOUBLED, f"the command at {place} is {count} times among the dead letters")


def _source(letter: DeadLetter) -> Place:
    """Where a dead letter stood, by the catalogue's name: without the prefix of a test."""
    decider = letter.source_topic.removesuffix(".commands").rpartition(".")[2]
    return f"{decider}.commands", letter.source_partition, letter.source_offset


def _ends(entry: Entry, causes: set[str], answered: Mapping[str, int], buried: int) -> Iterator[Violation]:
    command = entry.record
    if not isinstance(command, Command):
        if not buried:
            yield Violation(Kind.LOST, f"{entry} is no command, and is not among the dead letters")
        return
    if causes - {command.command_id}:
        yield Violation(Kind.ABORTED, f"{entry} is named as their command by events of another")
    ended = bool(causes) or bool(buried)
    waited_for = command.reply_partition is not None
    if waited_for and not answered.get(command.command_id) and not buried:
        yield Violation(Kind.LOST, f"{entry}: command {command.command_id} was never answered")
    elif isinstance(command, c.ReceiveMessage) and not ended and not answered.get(command.command_id):
        yield Violation(Kind.LOST, f"{entry}: message {command.item_id} came to nothing")
    elif isinstance(command, SURE_OF_AN_EVENT) and not ended:
        yield Violation(Kind.LOST, f"{entry}: {type(command).__name__} {command.command_id} led to no event")


def together(
    events: Iterable[Entry], commands: Iterable[Entry], content: Iterable[Entry], deliveries: Iterable[Entry]
) -> Iterator[Violation]:
    """What is written with an event is there if the event is, and once: requests, reservations, words, orders."""
    records = [entry.record for entry in events]
    asked = [entry.record for entry in commands]
    yield from _same(
        "request",
        [each.request_id for each in records if isinstance(each, e.Queued)],
        [each.request_id for each in asked if isinstance(each, rc.RequestAgent)],
    )
    yield from _same(
        "reservation",
        [each.reservation_id for each in records if isinstance(each, re.Reserved)],
        [each.reservation_id for each in asked if isinstance(each, c.Reserve)],
    )
    orders = [entry.record for entry in deliveries]
    yield from _same(
        "order to post",
        [each.delivery_id for each in records if isinstance(each, ORDERED)],
        [each.delivery_id for each in orders if isinstance(each, Deliver) and each.attempt == 1],
    )
    kept = {entry.key for entry in content}
    told: dict[str, None] = dict.fromkeys(each.content_id for each in records if isinstance(each, e.MessageReceived))
    for content_id in told:
        if content_id not in kept:
            yield Violation(Kind.TORN, f"message {content_id} was received, and its words are nowhere")
    for content_id in sorted(each for each in kept if ":m:" in each and each not in told):
        yield Violation(Kind.TORN, f"words of message {content_id} are there, which no event received")


def _same(what: str, named: Iterable[str], written: Iterable[str]) -> Iterator[Violation]:
    events, records = Counter(named), Counter(written)
    for name in sorted({*events, *records}):
        if not events[name] or not records[name]:
            yield Violation(Kind.TORN, f"{what} {name}: {events[name]} events, {records[name]} records")
        elif events[name] > 1 or records[name] > 1:
            yield Violation(Kind.DOUBLED, f"{what} {name}: {events[name]} events, {records[name]} records")


def slots(events: Iterable[Entry]) -> Iterator[Violation]:
    """When all is at rest: routing counts for an agent exactly the interactions that say that they are that agent's."""
    keys: dict[tuple[str, str], Rows] = {}
    decider, journal = InteractionDecider(), Journal()
    for entry in events:
        if not isinstance(entry.record, Event):
            continue
        rows = keys.setdefault((entry.topic, entry.key), Rows(entry.key, journal))
        try:
            (decider.evolve if entry.topic == "interaction.events" else evolve)(rows, entry.record)
        except LookupError:
            yield Violation(Kind.GAP, f"{entry} follows from nothing that is before it")
    journal.commit()
    holding: set[tuple[str, str]] = set()
    offered: set[str] = set()
    for (topic, _), rows in keys.items():
        for row_id, row in rows.all() if topic == "interaction.events" else ():
            if isinstance(row, Interaction) and row.pool is not None and row.agent_id is not None:
                if row.accepted:
                    holding.add((row.agent_id, row_id))
                elif row.reservation_id is not None:
                    offered.add(row.reservation_id)
    counted: set[tuple[str, str]] = set()
    reserved: set[str] = set()
    for (topic, _), rows in keys.items():
        if topic == "routing.events":
            yield from _sums(rows)
            for row_id, row in rows.all():
                if isinstance(row, Slot):
                    counted.add((row.agent_id, row_id.partition("\x1f")[2]))
                elif isinstance(row, Reservation):
                    reserved.add(row_id)
    for agent, interaction in sorted(counted - holding):
        yield Violation(Kind.SLOT, f"routing counts {interaction} for {agent}, which has it no more")
    for agent, interaction in sorted(holding - counted):
        yield Violation(Kind.SLOT, f"{agent} has {interaction}, and routing counts it not")
    for reservation in sorted(reserved ^ offered):
        where = "interaction knows no more" if reservation in reserved else "routing does not know"
        yield Violation(Kind.SLOT, f"there is a reservation {reservation} of which {where}")


def _sums(rows: Rows) -> Iterator[Violation]:
    used: Counter[str] = Counter()
    every = [row for _, row in rows.all()]
    for row in every:
        if isinstance(row, Slot | Reservation):
            used[row.agent_id] += row.weight
    for row in every:
        if isinstance(row, Agent) and row.used != used[row.agent_id]:
            yield Violation(Kind.SLOT, f"of {row.agent_id} {row.used} is in use, and {used[row.agent_id]} has a reason")


def audited(events: Iterable[Entry], seen: Sequence[Place], aborted: set[Place]) -> Iterator[Violation]:
    """The audit trail has each committed event once, and no other."""
    committed = {entry.place for entry in events}
    rows = Counter(seen)
    for place in sorted(committed - set(rows)):
        yield Violation(Kind.LOST, f"the event at {place} is not in the audit trail")
    for place in sorted(set(rows) - committed):
        what = "an aborted transaction's" if place in aborted else "nowhere in the log"
        yield Violation(Kind.ABORTED, f"the audit trail has an event at {place}, which is {what}")
    for place, count in rows.items():
        if count > 1:
            yield Violation(Kind.DOUBLED, f"the audit trail has the event at {place} {count} times")


def posts(actions: Iterable[Mapping[str, object]]) -> Iterator[Violation]:
    """Each answer stands once on the platform: the same text to the same person in the same place is a repeat."""
    places = Counter(
        tuple(str(one.get(name)) for name in ("channel", "account", "target", "recipient", "text")) for one in actions
    )
    for (channel, account, target, recipient, _), count in places.items():
        if count > 1:
            where = recipient if target == "None" else target
            yield Violation(Kind.POST, f"an answer to {where} on {channel}:{account} was posted {count} times")
