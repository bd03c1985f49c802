"""Given / when / then for deciders, and a clock that is moved by hand.

scenario = Scenario(InteractionDecider(), key, rules)
scenario.given(e.MessageReceived(…), …)
told = scenario.when(c.Accept(…))
told.events, told.sent, told.verdict
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.bookkeeping import Timer
from engine.decider import Context, Decider, Decision, Send, Verdict
from engine.envelope import derive
from engine.policy.rules import Rules
from engine.record import Command, Event, Record
from engine.rows import Journal, Rows


@dataclass
class Told:
    """What a command or the passing of time led to."""

    events: list[Event] = field(default_factory=list)
    sent: list[Send] = field(default_factory=list)
    verdict: Verdict = None

    @property
    def names(self) -> list[str]:
        """The events by name, in order."""
        return [type(event).__name__ for event in self.events]

    def records(self, topic: str) -> list[Record]:
        """What was sent to a topic, tombstones left out."""
        return [send.record for send in self.sent if send.topic == topic and send.record is not None]


class Scenario:
    """One key of a decider, in memory. `now` is moved by hand; a command's own time does not matter."""

    def __init__(
        self,
        decider: Decider,
        key: str,
        rules: Rules | None = None,
        now: int = 0,
        emergencies: Mapping[str, str] | None = None,
    ) -> None:
        self.decider = decider
        self.rules = rules
        self.now = now
        self.emergencies = dict(emergencies or {})
        self.log: list[Event] = []
        self.rows = Rows(key, Journal())

    def given(self, *events: Event) -> None:
        """These happened before."""
        for event in events:
            self._stamp(event, "given")
            self.decider.evolve(self.rows, event)
            self.log.append(event)

    def when(self, command: Command) -> Told:
        """What the decider makes of a command."""
        return self._run(self.decider.decide(self.rows, command, self._context()), command.command_id, command)

    def advance(self, to: int) -> Told:
        """Moves the clock, and fires the deadlines that come in between, each at its time."""
        told = Told()
        while (nearest := self._nearest(to)) is not None:
            self.now = max(self.now, nearest.due)
            timer_id = f"{nearest.name}:{nearest.ref}"
            fired = self._run(self.decider.fire(self.rows, nearest, self._context()), derive(timer_id, self.now), None)
            told.events += fired.events
            told.sent += fired.sent
            if self.rows.get(Timer, timer_id) is nearest:
                self.rows.delete(Timer, timer_id)
        self.now = to
        return told

    def _nearest(self, to: int) -> Timer | None:
        timers = [row for _, row in self.rows.all() if isinstance(row, Timer) and row.due <= to]
        return min(timers, key=lambda timer: (timer.due, timer.name, timer.ref), default=None)

    def _context(self) -> Context:
        return Context(self.now, self.rules, self.emergencies)

    def _run(self, decision: Decision, cause: str, command: Command | None) -> Told:
        told = Told()
        while True:
            try:
                event = next(decision)
            except StopIteration as end:
                told.verdict = end.value
                return told
            self._stamp(event, cause)
            told.sent += self.decider.apply(self.rows, event, command, self._context())
            told.events.append(event)
            self.log.append(event)

    def _stamp(self, event: Event, cause: str) -> None:
        event.event_id = derive(cause, len(self.log))
        event.occurred_at = event.decided_at = self.now
        event.state = self.decider.state_after(self.rows, event) or event.state
