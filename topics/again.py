"""Deciding the recorded commands again: what comes of them has to be the log, event for event.

It shows that the code of today still explains the past. One partition at a time, in its recorded order, from the state
that it had before the first command that is still kept. Nothing is written anywhere.

By the wall clock the events say when each decision was made, and which of them came of deadlines; a command that led
to no event stands somewhere between two events, and is tried where its own time says, or else after the deadline there.
In recorded time, from the first AdvanceTime on, a command's own time is the time, and the commands alone say all.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from engine.decider import Decider
from engine.errors import RejoinderError
from engine.interaction.commands import AdvanceTime
from engine.interaction.contact_events import ProfileRecorded
from engine.policy.rules import Rules
from engine.record import Event, Record
from schemas.codec import Codec, UnreadableRecord
from topics.apart import suppose_names
from topics.deciding import TIMER_TOPIC, Deciding, Input, Output
from topics.messages import Arrived

COMMIT_EVERY: Final = 1_000
"""Commands, or events, after which what they changed stands."""
UNCOMPARED: Final = frozenset({"previous"})
"""Follows from the events before: `audit verify` holds it against them. It differs where one before was written with
an older schema."""


@dataclass(frozen=True)
class Difference:
    """Where the log and what is decided today part."""

    topic: str
    partition: int
    offset: int
    """Of the recorded event; where there is none, of the command."""
    key: str
    at: int
    """When it was decided, milliseconds."""
    reason: str


@dataclass
class Again:
    """What came of one partition."""

    decider: str
    partition: int
    commands: int = 0
    events: int = 0
    """Those that were decided again, and are the same."""
    before: int = 0
    """Those whose commands are not kept any more: they were taken as they are."""
    difference: Difference | None = None
    """The first one: after it the two have nothing in common."""


class Recorded(NamedTuple):
    """An event of the log."""

    offset: int
    key: str
    digest: bytes
    event: Event


class _Parted(RejoinderError):
    """The first difference."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(difference.reason)
        self.difference = difference


class Walk:
    """The commands and the events of a partition, side by side."""

    def __init__(
        self,
        decider: Decider,
        codec: Codec,
        policies: Mapping[int, Rules],
        partition: int,
        events: Iterator[Recorded],
        names: tuple[str, str],
    ) -> None:
        """
        Args:
            policies: every version.
            events: those of the partition, in order, as many as there are by now.
            names: the topics of commands and events, as the events name them.
        """
        self.result = Again(decider.name, partition)
        self._codec = codec
        self._partition = partition
        self._commands, self._events = names
        self._now = 0
        self.deciding = Deciding(decider, codec, partition, dict(policies), lambda: self._now)
        self._log = events
        self._ahead: deque[Recorded] = deque()
        self._named: set[str] | None = None
        """The handles whose names are known; None: all are, because nothing was before."""
        self._next = next(self._log, None)

    def run(self, commands: Iterable[Arrived], first: int, take_apart: Callable[[int], None]) -> Again:
        """Decides them again, and holds what comes of it against the log.

        Args:
            commands: those of the partition that are still kept and were decided by now, in order.
            first: the offset of the first of them.
            take_apart: brings the words and the names into the state (topics.apart), where it doesn't begin with
                nothing; told the time up to which it came.
        """
        if first > 0:
            self._begin(first)
            self._named = set()
            take_apart(self._now)
        try:
            for record in commands:
                self._command(record)
                self.result.commands += 1
                if self.result.commands % COMMIT_EVERY == 0:
                    self.deciding.state.commit()
            self._end()
        except _Parted as parted:
            self.result.difference = parted.difference
        return self.result

    def _begin(self, first: int) -> None:
        """Takes the events that came of commands before the first one that is kept."""
        while self._next is not None and not self._came_of_command(self._next, first):
            self.deciding.replay(self._next.key, self._next.event, self._next.digest)
            self._now = self._next.event.decided_at
            self.result.before += 1
            if self.result.before % COMMIT_EVERY == 0:
                self.deciding.state.commit()
            self._advance()
        self.deciding.state.commit()

    def _command(self, record: Arrived) -> None:
        """One command, and the deadlines before it."""
        try:
            command = self._codec.decode(record.value or b"")
            key = record.key.decode()
        except (UnreadableRecord, UnicodeDecodeError):
            return  # it is among the dead letters, and led to no event
        if isinstance(command, AdvanceTime):
            self.deciding.recorded = True
        if self._named is not None:
            self._suppose_names(key, command, record, self._named)
        state, at = self.deciding.state, getattr(command, "at", 0)
        while self._is_deadline() and at > self._decided_at():
            self._fire()
        mark = state.journal.mark()
        events = self._decide(key, command, record)
        while events and self._is_deadline():
            state.undo(mark)  # it led to nothing where it stood: that was after the deadline
            self._fire()
            mark = state.journal.mark()
            events = self._decide(key, command, record)
        self._hold(events, record)
        if self._next is not None and self._came_of(self._next, record.offset):
            self._part(self._next, "today its command leads to fewer events: this one doesn't come of it")

    def _suppose_names(self, key: str, command: Record, record: Arrived, named: set[str]) -> None:
        """Of each handle once, because what comes of the command says the names from then on."""
        if getattr(command, "handle_id", key) in named:
            return

        def is_recorded(handle_id: str) -> bool:
            kinds = (each.event for each in self._of_command(record.offset))
            return any(isinstance(event, ProfileRecorded) and event.handle_id == handle_id for event in kinds)

        handle_id = suppose_names(self.deciding.state.rows(key), command, is_recorded)
        if handle_id is not None:
            named.add(handle_id)

    def _of_command(self, offset: int) -> Iterator[Recorded]:
        """The recorded events of a command, wherever they stand among the next ones: at once, or after deadlines."""
        at, is_reached = 0, False
        while (event := self._peek(at)) is not None:
            at += 1
            if self._came_of(event, offset):
                is_reached = True
                yield event
            elif is_reached or event.event.input_topic != TIMER_TOPIC:
                return

    def _peek(self, at: int) -> Recorded | None:
        """The next event, or one after it; None: the log has no more."""
        if at == 0 or self._next is None:
            return self._next
        while len(self._ahead) < at:
            event = next(self._log, None)
            if event is None:
                return None
            self._ahead.append(event)
        return self._ahead[at - 1]

    def _end(self) -> None:
        """The deadlines after the last command."""
        while self._is_deadline():
            self._fire()

    def _decide(self, key: str, command: Record, record: Arrived) -> list[Output]:
        if self._next is not None and self._came_of(self._next, record.offset):
            self._now = self._decided_at()
        else:
            self._now = max(self._now, getattr(command, "at", 0))
        outputs = self.deciding.command(key, command, Input(self._commands, record.partition, record.offset))
        return [output for output in outputs if output.event is not None]

    def _fire(self) -> None:
        """The deadlines of the moment at which the next event was decided."""
        recorded = self._next
        assert recorded is not None
        self._now = self._decided_at()
        events = [each for each in self.deciding.advance(self._now) if each.event is not None]
        if not events:
            self._part(recorded, "today no deadline leads to it")
        self._hold(events, None)

    def _hold(self, events: Sequence[Output], record: Arrived | None) -> None:
        """Holds what was decided against the log."""
        for output in events:
            recorded, event = self._next, output.event
            assert event is not None
            if recorded is None or not self._is_of(recorded, event):
                what = f"today the {_cause(record)} leads to {_a(event)} on key {output.key}, which is not in the log"
                if recorded is not None:
                    self._part(recorded, f"{what} before this event")
                offset = -1 if record is None else record.offset
                topic = TIMER_TOPIC if record is None else self._commands
                raise _Parted(Difference(topic, self._partition, offset, output.key, event.decided_at, what))
            if recorded.digest != output.digest or recorded.key != output.key:
                self._compare(recorded, output.key, event)
            self.result.events += 1
            self._advance()

    def _compare(self, recorded: Recorded, key: str, event: Event) -> None:
        if recorded.key != key:
            self._part(recorded, f"today it is on another key: {key}")
        if type(recorded.event) is not type(event):
            self._part(recorded, f"it is {_a(recorded.event)}, and today {_a(event)}")
        before, today = msgspec.to_builtins(recorded.event), msgspec.to_builtins(event)
        differing = [name for name in before if name not in UNCOMPARED and before[name] != today[name]]
        if differing:
            told = "; ".join(f"{name} is {_short(before[name])}, and today {_short(today[name])}" for name in differing)
            self._part(recorded, f"of this {type(event).__name__}, {told}")

    def _part(self, recorded: Recorded, reason: str) -> None:
        place = self._events, self._partition, recorded.offset
        raise _Parted(Difference(*place, recorded.key, recorded.event.decided_at, reason))

    def _is_deadline(self) -> bool:
        """Whether the next event came of a deadline that no command named."""
        return not self.deciding.recorded and self._next is not None and self._next.event.input_topic == TIMER_TOPIC

    def _decided_at(self) -> int:
        assert self._next is not None
        return self._next.event.decided_at

    def _is_of(self, recorded: Recorded, event: Event) -> bool:
        """Whether both came of the same input."""
        one, other = recorded.event, event
        return (one.input_topic, one.input_offset) == (other.input_topic, other.input_offset)

    def _came_of(self, recorded: Recorded, offset: int) -> bool:
        return recorded.event.input_topic == self._commands and recorded.event.input_offset == offset

    def _came_of_command(self, recorded: Recorded, first: int) -> bool:
        """Whether it came of a command from an offset on."""
        return recorded.event.input_topic == self._commands and recorded.event.input_offset >= first

    def _advance(self) -> None:
        self._next = self._ahead.popleft() if self._ahead else next(self._log, None)


def _cause(record: Arrived | None) -> str:
    return "deadline" if record is None else f"command at {record.offset}"


def _a(event: Event) -> str:
    name = type(event).__name__
    return f"an {name}" if name[0] in "AEIO" else f"a {name}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
