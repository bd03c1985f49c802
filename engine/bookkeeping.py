"""The rows that the processor keeps for any decider: deadlines, the chain, results, and what holds for a partition."""

from typing import Annotated, Final

from engine.record import Millis
from engine.rows import Ordered, Row

NEVER: Final = 2**62
"""The due time of a deadline that only something else brings forward: the end of an emergency."""


class Done(Row, kw_only=True, frozen=True):
    """What became of an external command, for a repeat of it. Id: its claim (engine.envelope). Kept for a day."""

    command_id: Annotated[str, "the command's whole id: a repeat whose request differs has another"] = ""
    sequence: Annotated[int, "the key's sequence after it"]
    interaction_id: Annotated[str | None, "the interaction that it changed"] = None
    code: Annotated[str | None, "refused: the reason in a word"] = None
    reason: Annotated[str | None, "refused: the reason as a person reads it"] = None


class Timer(Row, kw_only=True, frozen=True):
    """A deadline. Id: `name:ref`."""

    name: Annotated[str, "accept, closure, expire, retry, idle, edit, prefer, relax or forget"]
    ref: Annotated[str, "the interaction, delivery, message or command"]
    due: Annotated[Millis, "when"]


class Chain(Row, kw_only=True, frozen=True):
    """Where the key's chain of events stands. Id: ""."""

    sequence: Annotated[int, "the last event's"]
    digest: Annotated[bytes, "the last event's"]


class PolicyInForce(Row, kw_only=True, frozen=True):
    """On a control key: the policy by which the partition decides. Id: ""."""

    version: Annotated[int, "the version"]


class Emergency(Ordered, kw_only=True, frozen=True):
    """On a control key: an emergency. Id: `channel:account`."""

    account: Annotated[str, "channel and platform id of the account: x:42"]
    closure: Annotated[str, "the id of the closure"]


ROWS: tuple[type[Row], ...] = (Done, Timer, Chain, PolicyInForce, Emergency)
