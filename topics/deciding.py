"""One command or deadline into the records that it leads to. No Kafka here: the processor reads and writes them.

Every event is stamped with its envelope, moved through the lifecycle, chained to the one before it on its key, and
evolved into the rows before the decider goes on.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec
import structlog

from engine.bookkeeping import Chain, Done, Emergency, PolicyInForce, Timer
from engine.decider import Context, Decider, Decision, Duplicate, Refusal, Send, Verdict
from engine.delivery import DeadLetter
from engine.envelope import claim_of, control_key, derive, digest, genesis
from engine.errors import RejoinderError, place_of
from engine.interaction.commands import AdvanceTime, PublishPolicy
from engine.interaction.decider import RECHECK
from engine.interaction.letters import DecideDeadline, asked_later
from engine.policy.rules import Rules, load
from engine.record import Command, Event, Record
from engine.rows import Rows
from schemas.codec import HEADER_BYTES, Codec
from topics.catalogue import COMMAND_RESULTS, DEAD_LETTERS
from topics.counting import Counts
from topics.results import moved_on, result_of
from topics.shelves import Shelf
from topics.state import PartitionState

log = structlog.get_logger()

PEOPLE: Final = frozenset({"agent", "supervisor"})
"""Actors whose commands may be repeated with the same id: what became of them is kept for a day."""
REMEMBERED: Final = 86_400_000
TIMER_TOPIC: Final = "timer"
UNDECIDABLE: Final = "undecidable"
"""The code of a dead letter that a fault of ours made."""


class ChainBroken(RejoinderError):
    """The log's chain of digests or sequences does not hold."""


class MissingPolicy(RejoinderError):
    """The policy that the log says is in force is not in the topic of policies."""


class Input(NamedTuple):
    """Where a command stood."""

    topic: str
    partition: int
    offset: int


class Output(msgspec.Struct, frozen=True, gc=False):
    """A record to be produced: `topic` in the catalogue's words, the value encoded; None is a tombstone."""

    topic: str
    key: str
    value: bytes | None
    event: Event | None = None
    digest: bytes = b""
    """An event's."""


@dataclass(slots=True)
class _Cause:
    """What leads to events: a command, or a deadline."""

    command_id: str
    correlation_id: str
    at: int
    actor_kind: str
    actor_id: str | None
    source: Input
    command: Command | None
    decided: int = 0
    outputs: list[Output] = field(default_factory=list)


class Deciding:
    """Decides the inputs of one partition, in order.

    clock: the wall clock, milliseconds. In recorded time it is not asked: a command's own time is the time, and
    deadlines come when AdvanceTime says so.
    shelf: where the rows lie that are not in memory; None: nowhere, they are gone with the process.
    """

    def __init__(
        self,
        decider: Decider,
        codec: Codec,
        partition: int,
        policies: dict[int, Rules],
        clock: Callable[[], int],
        recorded: bool = False,
        shelf: Shelf | None = None,
    ) -> None:
        self.state = PartitionState(shelf)
        self.counts = Counts()
        self._decider = decider
        self._codec = codec
        self._partition = partition
        self._policies = policies
        self._clock = clock
        self.recorded = recorded
        self._events_topic = f"{decider.name}.events"
        self._control = control_key(partition)

    def command(self, key: str, command: Record, source: Input) -> list[Output]:
        """What a command leads to. A decision that fails leaves no trace but its dead letter."""
        self.counts.commands += 1
        if not isinstance(command, Command):
            reason = f"a {type(command).__name__} is no command"
            return [self._dead_letter(key, self._codec.encode(command), source, "no_command", reason)]
        if isinstance(command, AdvanceTime):
            return self.advance(command.at)
        mark = self.state.journal.mark()
        cause = _Cause(
            command.command_id,
            command.correlation_id or command.command_id,
            command.at,
            command.actor_kind,
            command.actor_id,
            source,
            command,
        )
        rows = self.state.rows(key)
        now = command.at if self.recorded else self._clock()
        try:
            done = rows.get(Done, claim_of(command.command_id)) if command.actor_kind in PEOPLE else None
            if done is not None:
                self._answer_again(rows, cause, done)
                return cause.outputs
            verdict = self._decide(rows, command, cause, now)
            self._conclude(rows, cause, verdict, now)
        except MissingPolicy:
            raise
        except Exception as error:  # a fault of the code: the command is kept, and the partition goes on
            self.state.undo(mark)
            fault = f"deciding {type(command).__name__} failed with {place_of(error)}"
            interaction_id = getattr(command, "interaction_id", None)
            log.error("undecidable", command_id=command.command_id, interaction_id=interaction_id, fault=fault)
            return [self._dead_letter(key, self._codec.encode(command), source, UNDECIDABLE, fault)]
        return cause.outputs

    def advance(self, now: int) -> list[Output]:
        """What the deadlines up to `now` lead to, in their order."""
        outputs: list[Output] = []
        for rows, timer in self.state.due(now):
            outputs += self._fire_safely(rows, timer, timer.due if self.recorded else now)
        return outputs

    def replay(self, key: str, event: Event, event_digest: bytes) -> None:
        """Takes an event of the log into the state. Only evolves."""
        rows = self.state.rows(key)
        chain = rows.get(Chain, "") or Chain(sequence=0, digest=genesis(key))
        if event.sequence != chain.sequence + 1 or event.previous != chain.digest:
            raise ChainBroken(
                f"on key {key} of {self._events_topic}-{self._partition}, event {event.sequence} does not follow "
                f"event {chain.sequence}"
            )
        self._decider.evolve(rows, event)
        self.counts.replayed += 1
        rows.put("", Chain(sequence=event.sequence, digest=event_digest))
        self._remember(rows, event)

    def _decide(self, rows: Rows, command: Command, cause: _Cause, now: int) -> Verdict:
        if command.expected_sequence is not None and (refusal := moved_on(rows, command, command.expected_sequence)):
            return refusal
        if isinstance(command, PublishPolicy) and command.version not in self._policies:
            self._policies[command.version] = load(command.version, command.document)
        context = self._context(now)
        if isinstance(command, DecideDeadline):
            return self._decide_late(rows, command, cause, context)
        return self._run(rows, self._decider.decide(rows, command, context), cause, context)

    def _decide_late(self, rows: Rows, command: DecideDeadline, cause: _Cause, context: Context) -> Verdict:
        """A deadline that could not be decided when it came; unless it was set anew since."""
        timer_id = f"{command.name}:{command.ref}"
        known = rows.get(Timer, timer_id)  # it may be back: no event says that it was dropped
        if known is not None and known.due > context.now:
            return Duplicate()
        timer = Timer(name=command.name, ref=command.ref, due=context.now)
        verdict = self._run(rows, self._decider.fire(rows, timer, context), cause, context)
        if known is not None and rows.get(Timer, timer_id) is known:
            rows.delete(Timer, timer_id)
        return verdict

    def _context(self, now: int) -> Context:
        control = self.state.rows(self._control)
        in_force = control.get(PolicyInForce, "")
        emergencies = {row.account: row.closure for row in control.walk(Emergency)}
        if in_force is None:
            return Context(now, None, emergencies)
        rules = self._policies.get(in_force.version)
        if rules is None:
            raise MissingPolicy(f"version {in_force.version} of the policy is in force, but not in the topic policies")
        return Context(now, rules, emergencies)

    def _run(self, rows: Rows, decision: Decision, cause: _Cause, context: Context) -> Verdict:
        """Takes the events one by one; each is in the rows before the decider goes on."""
        while True:
            try:
                event = next(decision)
            except StopIteration as end:
                verdict: Verdict = end.value
                return verdict
            self._write(rows, event, cause, context)
            if type(event) in RECHECK:
                self._recheck(cause, context.now)

    def _write(self, rows: Rows, event: Event, cause: _Cause, context: Context) -> None:
        chain = rows.get(Chain, "") or Chain(sequence=0, digest=genesis(rows.key))
        self._stamp(rows, event, cause, context, chain)
        value, fingerprint = self._codec.wire(event)
        here = digest(fingerprint, value[HEADER_BYTES:])
        cause.outputs.append(Output(self._events_topic, rows.key, value, event, here))
        for send in self._decider.apply(rows, event, cause.command, context):
            cause.outputs.append(self._encode(send))
        rows.put("", Chain(sequence=event.sequence, digest=here))
        self._remember(rows, event)
        self.counts.events += 1

    def _stamp(self, rows: Rows, event: Event, cause: _Cause, context: Context, chain: Chain) -> None:
        cause.decided += 1
        event.event_id = derive(cause.command_id, rows.key, cause.decided)
        event.sequence = chain.sequence + 1
        event.previous = chain.digest
        event.occurred_at = cause.at
        event.decided_at = context.now
        event.input_topic = cause.source.topic
        event.input_partition = cause.source.partition
        event.input_offset = cause.source.offset
        event.causation_id = cause.command_id
        event.correlation_id = cause.correlation_id
        if not event.actor_kind:
            event.actor_kind = cause.actor_kind
            event.actor_id = cause.actor_id
        event.policy_version = 0 if context.rules is None else context.rules.version
        event.state = self._decider.state_after(rows, event) or event.state

    def _encode(self, send: Send) -> Output:
        return Output(send.topic, send.key, None if send.record is None else self._codec.encode(send.record))

    def _recheck(self, cause: _Cause, now: int) -> None:
        """What holds for the whole partition changed: every closure is looked at again."""
        for rows, timer in self.state.named("closure"):
            cause.outputs += self._fire_safely(rows, timer, now, cause.command_id)

    def _fire_safely(self, rows: Rows, timer: Timer, now: int, because: str = "") -> list[Output]:
        mark = self.state.journal.mark()
        try:
            return self._fire(rows, timer, now, because)
        except MissingPolicy:
            raise
        except Exception as error:  # a fault of the code: the deadline is kept as a dead letter, and not tried again
            self.state.undo(mark)
            rows.delete(Timer, f"{timer.name}:{timer.ref}")
            fault = f"deciding the deadline {timer.name} failed with {place_of(error)}"
            log.error("undecidable", deadline=timer.name, ref=timer.ref, fault=fault)
            source = Input(TIMER_TOPIC, self._partition, -1)
            later = self._codec.encode(asked_later(rows.key, timer, now, self._decider.name))
            return [self._dead_letter(rows.key, later, source, UNDECIDABLE, fault)]

    def unreadable(self, key: bytes | None, value: bytes | None, source: Input, code: str, reason: str) -> Output:
        """The dead letter of a record that is no command."""
        name = (key or b"").decode("utf-8", "replace")
        return self._dead_letter(name, value or b"", source, code, reason)

    def _dead_letter(self, key: str, value: bytes, source: Input, code: str, reason: str) -> Output:
        self.counts.kept(code)
        place = f"{source.topic}[{source.partition}]@{source.offset}"
        log.warning("kept as a dead letter", code=code, place=place)  # the reason may name what a customer typed
        letter = DeadLetter(
            source_topic=source.topic,
            source_partition=source.partition,
            source_offset=source.offset,
            key=key.encode(),
            value=value,
            code=code,
            reason=reason,
            at=self._clock(),
        )
        return Output(DEAD_LETTERS, key, self._codec.encode(letter))

    def _fire(self, rows: Rows, timer: Timer, now: int, because: str) -> list[Output]:
        """What a deadline leads to: when it has come, or before its time `because` of a command."""
        self.counts.timers += 1
        timer_id = f"{timer.name}:{timer.ref}"
        if timer.name == "forget":
            rows.delete(Done, timer.ref)
            rows.delete(Timer, timer_id)
            return []
        command_id = derive(rows.key, "timer", timer_id, timer.due, now, because)
        source = Input(TIMER_TOPIC, self._partition, -1)
        cause = _Cause(command_id, command_id, now, "timer", timer.name, source, None)
        context = self._context(now)
        self._run(rows, self._decider.fire(rows, timer, context), cause, context)
        if timer.due <= now and rows.get(Timer, timer_id) is timer:
            rows.delete(Timer, timer_id)  # it led to nothing: what it was for is over
        return cause.outputs

    def _remember(self, rows: Rows, event: Event) -> None:
        # Of a command that leads to several events, the later ones may be the policy's: they count on its result.
        claim = claim_of(event.causation_id)
        if event.actor_kind not in PEOPLE and rows.get(Done, claim) is None:
            return
        done = Done(
            command_id=event.causation_id,
            sequence=event.sequence,
            interaction_id=event.interaction_id,
            code=getattr(event, "code", None) if type(event).__name__ == "CommandRefused" else None,
            reason=getattr(event, "reason", None) if type(event).__name__ == "CommandRefused" else None,
        )
        rows.put(claim, done)
        forget = Timer(name="forget", ref=claim, due=event.decided_at + REMEMBERED)
        rows.put(f"forget:{claim}", forget)

    def _answer_again(self, rows: Rows, cause: _Cause, done: Done) -> None:
        if done.command_id != cause.command_id:
            self.counts.refused("key_reused")
            reason = "the idempotency key was used for another request within a day; take a new one"
            return self._answer(rows, cause, "refused", None, "key_reused", reason)
        self.counts.duplicates += 1
        outcome = "duplicate" if done.code is None else "refused"
        self._answer(rows, cause, outcome, done.interaction_id, done.code, done.reason, done.sequence)

    def _conclude(self, rows: Rows, cause: _Cause, verdict: Verdict, now: int) -> None:
        """Says what became of the command: to whoever waits, in the log, or in the dead letters."""
        match verdict:
            case None:
                if cause.command is not None and cause.command.reply_partition is not None:
                    self._answer(rows, cause, "accepted", _interaction_of(cause.outputs))
            case Duplicate(interaction_id=known):
                self.counts.duplicates += 1
                self._answer(rows, cause, "duplicate", known)
            case Refusal():
                self._refuse(rows, cause, verdict, now)

    def _refuse(self, rows: Rows, cause: _Cause, refusal: Refusal, now: int) -> None:
        self.counts.refused(refusal.code)
        if cause.command is None:
            return
        if refusal.recorded:
            self._write(rows, self._decider.refused(cause.command, refusal), cause, self._context(now))
        if refusal.kept:
            value = self._codec.encode(cause.command)
            cause.outputs.append(self._dead_letter(rows.key, value, cause.source, refusal.code, refusal.reason))
        interaction_id = getattr(cause.command, "interaction_id", None)
        self._answer(rows, cause, "refused", interaction_id, refusal.code, refusal.reason)

    def _answer(
        self,
        rows: Rows,
        cause: _Cause,
        outcome: str,
        interaction_id: str | None,
        code: str | None = None,
        reason: str | None = None,
        sequence: int | None = None,
    ) -> None:
        if cause.command is None:
            return
        result = result_of(cause.command, rows, outcome, interaction_id, code, reason, sequence)
        if result is not None:
            whose = control_key(cause.command.reply_partition or 0)
            cause.outputs.append(Output(COMMAND_RESULTS, whose, self._codec.encode(result)))


def _interaction_of(outputs: list[Output]) -> str | None:
    """The interaction that the first event which concerns one names."""
    events = (output.event for output in outputs if output.event is not None)
    return next((event.interaction_id for event in events if event.interaction_id), None)
