"""What is asked and what happens where people do something about dead letters."""

from typing import Annotated

from engine.bookkeeping import Timer
from engine.envelope import derive
from engine.record import Command, Event

REDRIVEN = "redriven"
DISCARDED = "discarded"


class SettleDeadLetter(Command, kw_only=True):
    """Control, on the partition of the letter: somebody did something about a dead letter.

    It is written in one transaction with what goes back, so it is never refused. The same record lies beside the letter
    in dead.letters, which so tells by itself what still waits for a person.
    """

    letter_partition: Annotated[int, "the letter's partition of dead.letters"]
    letter_offset: Annotated[int, "its offset there"]
    outcome: Annotated[str, "redriven (what it holds went back) or discarded (nobody will do anything about it)"]
    code: Annotated[str, "why it was kept, in a word"]
    source_topic: Annotated[str, "where it had stood; webhook, or timer for a deadline"]
    source_partition: Annotated[int, "its partition there; -1 for a webhook"]
    source_offset: Annotated[int, "its offset there; -1 for a webhook or a deadline"]
    put_back: Annotated[list[str], "redriven: the ids of the commands and deliveries that went back"] = []
    why: Annotated[str | None, "what the person said of it; of no customer"] = None


class DecideDeadline(Command, kw_only=True):
    """A deadline that could not be decided when it came. It lies in dead.letters, and is asked when it is redriven."""

    decider: Annotated[str, "whose it is: interaction or routing"]
    name: Annotated[str, "accept, closure, expire, retry, idle, edit, prefer or relax"]
    ref: Annotated[str, "the interaction, delivery, message or request"]


class DeadLetterSettled(Event, kw_only=True):
    """Somebody did something about a dead letter of this partition."""

    letter_partition: Annotated[int, "the letter's partition of dead.letters"]
    letter_offset: Annotated[int, "its offset there"]
    outcome: Annotated[str, "redriven (what it holds went back) or discarded (nobody will do anything about it)"]
    code: Annotated[str, "why it was kept, in a word"]
    source_topic: Annotated[str, "where it had stood; webhook, or timer for a deadline"]
    source_partition: Annotated[int, "its partition there; -1 for a webhook"]
    source_offset: Annotated[int, "its offset there; -1 for a webhook or a deadline"]
    put_back: Annotated[
        list[str], "redriven: the ids of the commands and deliveries that went back; what came of them names them"
    ] = []
    why: Annotated[str | None, "what the person said of it; of no customer"] = None


def asked_later(key: str, timer: Timer, now: int, decider: str) -> DecideDeadline:
    """What can be asked about a deadline that could not be decided now, once the fault is mended."""
    return DecideDeadline(
        command_id=derive(key, "deadline", timer.name, timer.ref, timer.due),
        at=now,
        actor_kind="timer",
        actor_id=timer.name,
        decider=decider,
        name=timer.name,
        ref=timer.ref,
    )


LETTER_COMMANDS: tuple[type[Command], ...] = (SettleDeadLetter, DecideDeadline)
LETTER_EVENTS: tuple[type[Event], ...] = (DeadLetterSettled,)
