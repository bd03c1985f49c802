"""What a decider is: three functions over the rows of one key.

- `decide(rows, command, context)` yields events one by one; each is evolved into the rows before the next is asked
  for, so that a long decision sees what it has already decided. It returns None, or a refusal.
- `evolve(rows, event)` turns an event into rows. It never fails and looks at nothing but its arguments.
- `apply(rows, event, command, context)` evolves an event that was just decided, and gives what else is to be written
  because of it: words, and commands to others. Replay only evolves, so replay can't post anything.
"""

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, Protocol

import msgspec

from engine.bookkeeping import Timer
from engine.policy.rules import Rules
from engine.record import Command, Event, Record
from engine.rows import Rows


class Context(NamedTuple):
    """What a decision may know besides the rows: the time, the policy, and what holds for the whole partition."""

    now: int
    rules: Rules | None
    emergencies: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an external command was not carried out.

    `recorded`: an event says so, for the auditor. `kept`: the command goes to dead.letters, because nobody who
    could mend it waits for the answer.
    """

    code: str
    reason: str
    recorded: bool = True
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The command was here before, or what it tells is known: nothing happened."""

    interaction_id: str | None = None


Verdict = Refusal | Duplicate | None
Decision = Generator[Event, None, Verdict]


class Send(msgspec.Struct, frozen=True, gc=False):
    """A record to be written with an event: `record` None is a tombstone."""

    topic: str
    key: str
    record: Record | None


class Decider(Protocol):
    """A decider, as the processor runs it."""

    name: str

    def decide(self, rows: Rows, command: Command, context: Context) -> Decision: ...

    def fire(self, rows: Rows, timer: Timer, context: Context) -> Decision: ...

    def evolve(self, rows: Rows, event: Event) -> None: ...

    def apply(self, rows: Rows, event: Event, command: Command | None, context: Context) -> Iterable[Send]: ...

    def state_after(self, rows: Rows, event: Event) -> str | None:
        """The state of the event's interaction after it, by the lifecycle; None where it has none.

        Raises:
            NoTransition: the lifecycle does not allow it.
        """

    def refused(self, command: Command, refusal: Refusal) -> Event:
        """The event that records a refusal."""
