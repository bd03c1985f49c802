"""What must hold of the log, whoever wrote it: checked with each record that a reader of committed records sees."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any, Final

from engine.delivery import AttemptBegun, AttemptEnded, CommandResult, DeadLetter, Deliver
from engine.envelope import digest, genesis, partition_of
from engine.interaction import commands as c
from engine.interaction import events as e
from engine.record import Command, Event
from engine.routing import commands as r
from schemas.codec import Codec
from tests.unit.routing_model import Model

DERIVED: Final = (
    c.Reserve,
    r.RequestAgent,
    r.WithdrawRequest,
    r.ConfirmReservation,
    r.EndReservation,
    r.OccupySlot,
    r.FreeSlot,
)
"""What one decider asks of another: it is never refused, and leads to an event. (LoseAgent may find its offer over.)"""
SETTLED: Final = (e.Replied, e.ReplyFailed, e.ReplyAbandoned)


class Violation(Exception):
    """Something that must never be. It says what, and where in the log."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A committed record. `batch` is the same for what was committed together; -1: it was written alone."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes | None
    batch: int

    @property
    def place(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}"


class Checker:
    """Takes the records one by one, each partition's in their order."""

    def __init__(self, codec: Codec, partitions: int) -> None:
        self.events: list[tuple[str, Event]] = []
        self.commands: dict[str, tuple[str, Command]] = {}
        """By id: where it stood first."""
        self.delivers: dict[tuple[str, int], str] = {}
        self.pools: defaultdict[str, Model] = defaultdict(Model)
        self.posted = Counter[str]()
        self.settled: dict[str, Event] = {}
        self.asked: set[str] = set()
        """Answers that are to be posted, by delivery."""
        self.letters: list[DeadLetter] = []
        self._codec = codec
        self._partitions = partitions
        self._chains: dict[tuple[str, str], tuple[int, bytes]] = {}
        self._ids: set[str] = set()
        self._batches: dict[tuple[str, int, int], int] = {}
        """Of each decided command, by its place: the transaction in which it was."""
        self._inputs: dict[tuple[str, int], int] = {}
        """Of each partition of commands: the last one that led to an event."""
        self._causes: set[str] = set()
        self._results: defaultdict[str, list[CommandResult]] = defaultdict(list)
        self._items: set[tuple[str, str]] = set()
        self._ended: set[tuple[str, int]] = set()

    def take(self, seen: Seen) -> Any:
        """Checks a record; gives what it decodes to."""
        record = None if seen.value is None else self._codec.decode(seen.value)
        if isinstance(record, Event):
            self._event(seen, record)
        elif isinstance(record, Command):
            self.commands.setdefault(record.command_id, (seen.place, record))
        elif isinstance(record, CommandResult):
            self._results[record.command_id].append(record)
        elif isinstance(record, DeadLetter):
            self.letters.append(record)
            raise Violation(f"{seen.place}: a dead letter, of which there is no cause: {record.reason}")
        elif isinstance(record, Deliver):
            attempt = record.delivery_id, record.attempt
            if attempt in self.delivers:
                raise Violation(f"{seen.place}: attempt {attempt} stands in {self.delivers[attempt]} too")
            self.delivers[attempt] = seen.place
        elif isinstance(record, AttemptEnded):
            self._attempt_ended(seen, record)
        elif isinstance(record, AttemptBegun) and (record.delivery_id, record.attempt) not in self.delivers:
            raise Violation(f"{seen.place}: an attempt began that was never asked for")
        return record

    def _attempt_ended(self, seen: Seen, ended: AttemptEnded) -> None:
        attempt = ended.delivery_id, ended.attempt
        if attempt in self._ended:
            raise Violation(f"{seen.place}: attempt {attempt} ended twice")
        self._ended.add(attempt)

    def _event(self, seen: Seen, event: Event) -> None:
        assert seen.value is not None
        before, chained = self._chains.get((seen.topic, seen.key), (0, genesis(seen.key)))
        if event.sequence != before + 1:
            raise Violation(f"{seen.place}: sequence {event.sequence} after {before} on {seen.key}")
        if event.previous != chained:
            raise Violation(f"{seen.place}: the digest before is not that of event {before} on {seen.key}")
        if event.event_id in self._ids:
            raise Violation(f"{seen.place}: event {event.event_id} stands twice")
        if partition_of(seen.key, self._partitions) != seen.partition:
            raise Violation(f"{seen.place}: {seen.key} does not belong here")
        self._chains[seen.topic, seen.key] = event.sequence, digest(*self._codec.split(seen.value))
        self._ids.add(event.event_id)
        self._causes.add(event.causation_id)
        self._input(seen, event)
        self.events.append((seen.key, event))
        if seen.topic == "routing.events":
            self._routing(seen, event)
        else:
            self._interaction(seen, event)

    def _input(self, seen: Seen, event: Event) -> None:
        """One command is decided in one transaction, and each partition's commands in their order."""
        if event.input_offset < 0:
            return
        place = event.input_topic, event.input_partition, event.input_offset
        if self._batches.setdefault(place, seen.batch) != seen.batch:
            raise Violation(f"{seen.place}: the command {place} was decided in another transaction before")
        last = self._inputs.get(place[:2], -1)
        if event.input_offset < last:
            raise Violation(f"{seen.place}: the command {place} was decided after {last}")
        self._inputs[place[:2]] = event.input_offset

    def _routing(self, seen: Seen, event: Event) -> None:
        try:
            self.pools[seen.key].take(event)
        except (AssertionError, LookupError) as error:
            raise Violation(f"{seen.place}: {type(event).__name__} breaks a promise of routing: {error}") from error

    def _interaction(self, seen: Seen, event: Event) -> None:
        match event:
            case e.MessageReceived():
                item = event.channel, event.item_id
                if item in self._items:
                    raise Violation(f"{seen.place}: message {item} was received twice")
                self._items.add(item)
            case e.ReplyRequested():
                self.asked.add(event.delivery_id)
            case e.Replied() | e.ReplyFailed() | e.ReplyAbandoned():
                if event.delivery_id in self.settled:
                    raise Violation(f"{seen.place}: delivery {event.delivery_id} was settled before")
                self.settled[event.delivery_id] = event
            case _:
                return

    def check_at_rest(self) -> None:
        """What holds when nothing is on its way any more."""
        for command_id, (place, command) in self.commands.items():
            name = type(command).__name__
            if isinstance(command, DERIVED) and command_id not in self._causes:
                raise Violation(f"{place}: the derived command {name} led to no event")
            if isinstance(command, c.ReceiveMessage) and (command.channel, command.item_id) not in self._items:
                raise Violation(f"{place}: a message was lost")
            if command.reply_partition is not None and not self._results[command_id]:
                raise Violation(f"{place}: {name} was never answered")
            done = [each for each in self._results[command_id] if each.outcome != "duplicate"]
            kinds = {(each.outcome, each.code) for each in done}
            if len(kinds) > 1 or sum(each.outcome == "accepted" for each in done) > 1:
                raise Violation(f"{place}: {name} was answered in more than one way: {sorted(kinds, key=str)}")
        for delivery_id in sorted(self.asked - self.settled.keys()):
            raise Violation(f"what became of answer {delivery_id} is never said")
        if (lost := self.delivers.keys() - self._ended) and (left := self._never_reported(lost)):
            raise Violation(f"attempts were never reported: {sorted(left)}")
        for pool, model in self.pools.items():
            try:
                model.check_at_rest()
            except AssertionError as error:
                raise Violation(f"in pool {pool} somebody waits for nothing: {error}") from error
            for name, person in model.people.items():
                if person.used or person.offered or person.working:
                    raise Violation(f"a slot of {name} is leaked: {person.offered} {person.working}")

    def _never_reported(self, attempts: set[tuple[str, int]]) -> set[tuple[str, int]]:
        """Those of which no outcome was reported. An open one is reported without an end."""
        reported = {
            (command.delivery_id, command.attempt)
            for _, command in self.commands.values()
            if isinstance(command, c.RecordDelivery)
        }
        return attempts - reported
