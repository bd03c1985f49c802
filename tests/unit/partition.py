"""One partition of the interaction processor, without Kafka."""

from typing import Any

from engine.delivery import CommandResult, DeadLetter
from engine.envelope import control_key
from engine.interaction import commands as c
from engine.interaction.decider import InteractionDecider
from engine.interaction.state import Interaction
from engine.policy.document import Policy
from engine.policy.rules import encode
from engine.record import Record
from tests.unit.builders import (
    FIRST,
    HOME,
    MINUTE,
    MONDAY,
    by_agent,
    codec,
    command_id,
    edit,
    message,
    outcome,
    own_post,
    snapshot,
)
from topics.deciding import Deciding, Input, Output

CONTROL = control_key(0)


class Partition:
    """A partition of the interaction processor, with a clock that is moved by hand."""

    def __init__(self, now: int = MONDAY, recorded: bool = False, batches: bool = False) -> None:
        self.now = now
        self.recorded = recorded
        self.batches = batches
        self.offset = 0
        self.written: list[Output] = []
        self.deciding = self.another()

    def another(self) -> Deciding:
        return Deciding(InteractionDecider(), codec(), 0, {}, lambda: self.now, self.recorded)

    def ask(self, command: Record, key: str = HOME) -> list[Output]:
        """Decides a command; it is committed at once unless the test says when."""
        outputs = self.deciding.command(key, command, Input("interaction.commands", 0, self.offset))
        self.offset += 1
        return self._take(outputs)

    def advance(self, to: int) -> list[Output]:
        self.now = to
        return self._take(self.deciding.advance(to))

    def _take(self, outputs: list[Output]) -> list[Output]:
        self.written += outputs
        if not self.batches:
            self.deciding.state.commit()
        return outputs

    def publish(self, document: Policy, version: int = 1) -> list[Output]:
        command = c.PublishPolicy(command_id=command_id(), at=self.now, version=version, document=encode(document))
        return self.ask(command, CONTROL)

    def emergency(self, kind: type[Any], account: str = "x:100") -> list[Output]:
        return self.ask(kind(command_id=command_id(), at=self.now, account=account), CONTROL)

    def rows(self) -> dict[str, list[Any]]:
        every = {rows.key: snapshot(rows) for rows in self.deciding.state.all()}
        return {key: rows for key, rows in every.items() if rows}

    def interaction(self, interaction_id: str = FIRST) -> Interaction:
        row = self.deciding.state.rows(interaction_id.partition(".")[0]).get(Interaction, interaction_id)
        assert row is not None
        return row


def a_day_at_work(partition: Partition) -> None:
    """A bit of everything."""
    partition.ask(message("m1", "Where is my parcel?"))
    partition.ask(by_agent(c.Take))
    delivery_id = records(partition.ask(by_agent(c.Reply, text="On its way")), "delivery.commands")[0].delivery_id
    partition.ask(outcome(delivery_id, "retry"))
    partition.advance(partition.now + MINUTE)
    partition.ask(outcome(delivery_id, attempt=2))
    partition.ask(message("m2", in_reply_to="m1"))
    partition.ask(by_agent(c.Reply, text=""))
    partition.ask(by_agent(c.Transfer, to_queue="billing", note="see"))
    partition.emergency(c.ActivateEmergency)
    other = "f" * 32
    partition.ask(message("m3", handle_id=other), other)
    partition.emergency(c.EndEmergency)
    partition.ask(own_post("o1", in_reply_to="m3"), other)
    partition.ask(edit("m4", channel="x"))
    partition.ask(message("m4", in_reply_to="m1"))
    partition.ask(edit("m5", channel="x"))


def names(outputs: list[Output]) -> list[str]:
    return [type(output.event).__name__ for output in outputs if output.event is not None]


def records(outputs: list[Output], topic: str) -> list[Any]:
    return [codec().decode(output.value) for output in outputs if output.topic == topic and output.value is not None]


def the_result(outputs: list[Output]) -> CommandResult:
    (result,) = records(outputs, "command.results")
    assert isinstance(result, CommandResult)
    return result


def the_letter(outputs: list[Output]) -> DeadLetter:
    (letter,) = records(outputs, "dead.letters")
    assert isinstance(letter, DeadLetter)
    return letter
