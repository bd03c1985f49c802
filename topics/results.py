"""What is told to whoever asked for something: what became of it, and whether more has happened than they knew."""

from engine.bookkeeping import Chain
from engine.decider import Refusal
from engine.delivery import CommandResult
from engine.interaction.state import Interaction
from engine.record import Command
from engine.rows import Rows


def result_of(
    command: Command,
    rows: Rows,
    outcome: str,
    interaction_id: str | None,
    code: str | None = None,
    reason: str | None = None,
    sequence: int | None = None,
) -> CommandResult | None:
    """What became of a command; None where nobody waits for it. A message is answered all the same, so that repeats can
    be counted.

    sequence: where the interaction stood, if not as it stands now.
    """
    if command.reply_partition is None and type(command).__name__ != "ReceiveMessage":
        return None
    return CommandResult(
        command_id=command.command_id,
        command=type(command).__name__,
        outcome=outcome,
        key=rows.key,
        sequence=sequence_of(rows, interaction_id) if sequence is None else sequence,
        interaction_id=interaction_id,
        code=code,
        reason=reason,
    )


def sequence_of(rows: Rows, interaction_id: str | None) -> int:
    """Where an interaction stands; without one, where its key does."""
    interaction = None if interaction_id is None else rows.get(Interaction, interaction_id)
    if interaction is not None and interaction.sequence:
        return interaction.sequence
    chain = rows.get(Chain, "")
    return 0 if chain is None else chain.sequence


def moved_on(rows: Rows, command: Command, expected: int) -> Refusal | None:
    """Whether more has happened than the asker knew: to the interaction, or else to the key.

    A projection counts the refusals of commands too, which change nothing: so that an expectation beyond the
    interaction's last change holds, but none beyond all that happened on the key.
    """
    chain = rows.get(Chain, "")
    at = sequence_of(rows, getattr(command, "interaction_id", None))
    if at <= expected <= (0 if chain is None else chain.sequence):
        return None
    return Refusal("moved_on", f"it has moved on to sequence {at}; look at it again")
